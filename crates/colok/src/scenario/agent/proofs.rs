//! Proof that a program had less: its limit of descriptors, as the kernel holds it, and how many it
//! really had open; its capabilities.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::Pid;
use serde_json::{Value, json};

use super::words::Start;

/// What is watched of a program, and what was seen.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    /// The limit that was asked for.
    descriptors: Option<u64>,
    unprivileged: bool,
    /// The limit as read back, when it was the one asked for; else as it was last.
    limit: Option<u64>,
    most_open: u64,
    /// The line of the capabilities in effect.
    effective: Option<String>,
}

impl Proofs {
    /// What is to be proved.
    pub(super) fn of(start: &Start) -> Self {
        let (descriptors, unprivileged) = (start.descriptors, start.unprivileged);
        Self { descriptors, unprivileged, ..Self::default() }
    }

    /// Whether it must be looked at while it runs: how many descriptors are open changes.
    pub(super) fn watches(&self) -> bool {
        self.descriptors.is_some()
    }

    /// Looks at the program. Also one that has ended and was not reaped has a limit and
    /// capabilities.
    pub(super) fn look(&mut self, process: Pid) {
        let process = process.as_raw_nonzero();
        if self.descriptors.is_some() {
            let limits = fs::read_to_string(format!("/proc/{process}/limits"));
            self.limit = limits.ok().and_then(|limits| open_files(&limits)).or(self.limit);
            // Until it has become the program it has the descriptors of this one.
            if self.limit == self.descriptors {
                let open = fs::read_dir(format!("/proc/{process}/fd"));
                let open = open.map_or(0, |entries| entries.flatten().count() as u64);
                self.most_open = self.most_open.max(open);
            }
        }
        if self.unprivileged {
            let status = fs::read_to_string(format!("/proc/{process}/status"));
            let status = status.ok().and_then(|status| effective(&status));
            self.effective = status.or(self.effective.take());
        }
    }

    /// What was seen.
    pub(super) fn finish(self) -> BTreeMap<String, Value> {
        let mut proofs = BTreeMap::new();
        if let Some(asked) = self.descriptors {
            let proved = self.limit == Some(asked) && self.most_open >= asked;
            let seen =
                json!({ "limit": self.limit, "most_open": self.most_open, "proved": proved });
            proofs.insert("descriptors".to_owned(), seen);
        }
        if self.unprivileged {
            let none = |effective: &str| effective.bytes().all(|byte| byte == b'0');
            let proved = self.effective.as_deref().is_some_and(none);
            let seen = json!({ "effective": self.effective, "proved": proved });
            proofs.insert("unprivileged".to_owned(), seen);
        }
        proofs
    }
}

/// The soft limit: the first number of `Max open files  64  64  files`.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The digits of the line `CapEff: 0000000000000000`.
fn effective(status: &str) -> Option<String> {
    let digits = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    Some(digits.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_needs_the_limit_and_so_many_descriptors() {
        let proved = |limit, most_open| {
            let descriptors = Some(16);
            let proofs = Proofs { descriptors, limit, most_open, ..Proofs::default() }.finish();
            proofs["descriptors"]["proved"] == json!(true)
        };
        assert!(proved(Some(16), 16));
        assert!(!proved(Some(16), 15) && !proved(Some(1024), 16) && !proved(None, 16));
    }

    #[test]
    fn a_proof_needs_the_last_capability_gone() {
        let proved = |effective: Option<&str>| {
            let effective = effective.map(str::to_owned);
            let proofs = Proofs { unprivileged: true, effective, ..Proofs::default() }.finish();
            proofs["unprivileged"]["proved"] == json!(true)
        };
        assert!(proved(Some("0000000000000000")));
        assert!(!proved(Some("0000000000000400")) && !proved(None));
    }

    #[test]
    fn this_process_is_read() {
        let mut proofs = Proofs { unprivileged: true, ..Proofs::default() };
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        proofs.descriptors = limit;
        proofs.look(rustix::process::getpid());
        assert_eq!(proofs.limit, limit);
        assert!(proofs.most_open >= 3);
        assert_eq!(proofs.effective.map(|digits| digits.len()), Some(16));
    }
}
