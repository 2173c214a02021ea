//! The addresses of a name, within a time.
//!
//! The system's resolver blocks for as long as it likes and cannot be called off. So it is asked
//! on a thread, which is left to itself when its answer comes too late to be of use. What needs no
//! resolver needs no thread.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use colok_proto::Time;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::net::resolve::resolve;
use crate::observe::{Calls, Tap};

/// The addresses of `host` (see [`resolve`]); `None` when there was no answer by `until`.
pub(super) fn addresses_until<T: Tap>(
    host: &str,
    port: u16,
    until: Option<Time>,
    clock: &Clock,
    tap: &T,
) -> Result<Option<Vec<SocketAddr>>> {
    if !needs_resolver(host) {
        return resolve(host, port, Calls::new(tap)).map(Some);
    }
    let (name, tap) = (host.to_owned(), tap.clone());
    let look_up = move || resolve(&name, port, Calls::new(&tap));
    let patience = until.map(|until| clock.until(until));
    answer_within(patience, look_up)
        .map_err(|error| Error::call("clone", host, errno_of(&error)))?
        .transpose()
}

/// Whether only the system's resolver knows it. A name has no colon; an address with a zone has.
fn needs_resolver(host: &str) -> bool {
    host != "localhost" && !host.contains(':') && host.parse::<IpAddr>().is_err()
}

fn errno_of(error: &std::io::Error) -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(error).unwrap_or(rustix::io::Errno::AGAIN)
}

/// What `question` answers on a thread of its own; `None` when that takes longer than `patience`.
/// Fails when there is no thread to be had.
fn answer_within<R: Send + 'static>(
    patience: Option<Duration>,
    question: impl FnOnce() -> R + Send + 'static,
) -> std::io::Result<Option<R>> {
    let (sender, receiver) = sync_channel(1);
    let ask = move || {
        // Nobody takes an answer that comes too late.
        let _ = sender.send(question());
    };
    thread::Builder::new().name("resolver".into()).spawn(ask)?;
    Ok(match patience {
        None => receiver.recv().ok(),
        Some(patience) => receiver.recv_timeout(patience).ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::NoTap;

    #[test]
    fn an_answer_that_does_not_come_is_left() {
        let (never, silence) = sync_channel::<()>(0);
        let patience = Some(Duration::from_millis(20));
        let answer = answer_within(patience, move || silence.recv());
        assert!(answer.expect("there is a thread").is_none());
        drop(never);
        assert_eq!(answer_within(None, || 7).expect("there is a thread"), Some(7));
    }

    #[test]
    fn addresses_need_no_resolver() {
        for host in ["localhost", "10.1.2.3", "::1", "fe80::1%lo"] {
            assert!(!needs_resolver(host), "{host}");
        }
        assert!(needs_resolver("example.org"));
        // No time is left, and none is needed.
        let clock = Clock::start();
        let found = addresses_until("10.1.2.3", 7, Some(clock.now()), &clock, &NoTap);
        assert_eq!(found.expect("it is one"), Some(vec!["10.1.2.3:7".parse().expect("it is one")]));
    }
}
