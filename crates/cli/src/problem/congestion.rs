//! Why a listener cannot have the congestion control that its address names, and which it could
//! have.
//!
//! It reads what the kernel says of itself under `/proc/sys`, and changes nothing there.

use rustix::io::Errno;

use super::{Exit, Problem, errno_text};
use crate::messages::{Id, Messages};
use crate::say;

/// Where the kernel names what it has loaded, and what everybody may choose of it.
const AVAILABLE: &str = "net.ipv4.tcp_available_congestion_control";
const ALLOWED: &str = "net.ipv4.tcp_allowed_congestion_control";

/// The kernel refused the congestion control `name` for `address`.
pub(super) fn refused(address: &str, name: &str, errno: Errno, messages: &Messages) -> Problem {
    let what = format!("{address}: setsockopt: {}", errno_text(errno.raw_os_error()));
    let problem = Problem::new(Exit::Failed, what);
    match errno {
        Errno::NOENT => {
            let there = setting(AVAILABLE);
            let why = say!(messages, Id::CongestionAbsent, name = name, there = there.as_str());
            let command = format!("sudo modprobe tcp_{name}");
            let load = say!(messages, Id::CongestionLoad, command = command);
            with_other(problem.why(why), name, &there, messages).next(load)
        }
        Errno::PERM | Errno::ACCESS => {
            let allowed = setting(ALLOWED);
            let why =
                say!(messages, Id::CongestionForbidden, name = name, allowed = allowed.as_str());
            let command = format!("sudo sysctl {ALLOWED}='{allowed} {name}'");
            let allow = say!(messages, Id::CongestionAllow, command = command);
            with_other(problem.why(why), name, &allowed, messages).next(allow)
        }
        _ => problem,
    }
}

/// Proposes the one of `there` that was perhaps meant.
fn with_other(problem: Problem, name: &str, there: &str, messages: &Messages) -> Problem {
    match super::meant(colok::net::nearest_name(name, there.split(' ')), messages) {
        Some(meant) => problem.next(meant),
        None => problem,
    }
}

/// A setting of the kernel, its words between single spaces; empty where it cannot be read.
fn setting(name: &str) -> String {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Language;

    #[test]
    fn what_is_forbidden_has_a_way_out() {
        for (language, why) in [
            (Language::English, "vegas is for root alone"),
            (Language::Indonesian, "vegas hanya untuk root"),
        ] {
            let messages = Messages::new(language);
            let address = "tcp://127.0.0.1:7?congestion=vegas";
            let problem = refused(address, "vegas", Errno::PERM, &messages);
            assert_eq!(problem.what, format!("{address}: setsockopt: Operation not permitted"));
            assert!(problem.why.is_some_and(|text| text.contains(why)));
            let last = problem.next.last().expect("there is a way out");
            assert!(last.starts_with(&format!("sudo sysctl {ALLOWED}='")), "{last}");
            assert!(last.contains(" vegas' ("), "{last}");
        }
    }
}
