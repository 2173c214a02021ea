//! Input that nobody looks at: an engine may leave it to the kernel to throw it away.
//!
//! For every bound and every report these bytes were received like any others; only their values
//! were never here.

use colok_proto::{Reason, Time};

use super::{Desk, Phase, Session};
use crate::observe::Tap;

impl<T: Tap> Session<T> {
    /// Whether the bytes to come are looked at neither by the machine nor by an observer, so that
    /// [`Session::received_blindly`] may take the place of [`Session::received`]: with a service
    /// that throws away what it receives, and once a close has begun.
    #[inline]
    pub fn receives_blindly(&self) -> bool {
        let seen = T::DETAIL && (self.preview.is_some() || self.hashes.is_some());
        !seen && (self.phase != Phase::Open || self.machine.ignores_input())
    }

    /// How much may be thrown away now, in bytes: in a close what its bound leaves, and never 0
    /// while [`Session::next`] says `receive`.
    #[inline]
    pub fn blind_limit(&self) -> usize {
        match self.reason() {
            None | Some(Reason::Shutdown) => usize::MAX,
            Some(_) => {
                let left = self.context.linger_bytes.saturating_sub(self.discarded);
                usize::try_from(left).unwrap_or(usize::MAX)
            }
        }
    }

    /// `length` bytes came and were thrown away. Only while [`Session::receives_blindly`] and when
    /// [`Session::next`] said `receive`. The turn is ended without an arrival.
    #[inline]
    pub fn received_blindly(&mut self, now: Time, length: usize, desk: &mut Desk) {
        debug_assert!(self.receives_blindly(), "somebody wants to see what is received");
        self.bytes_received += length as u64;
        self.pace(now, length as u64);
        if self.phase == Phase::Open {
            self.active_at = now;
            self.close_when_overdue(now);
        } else {
            self.discarded += length as u64;
            self.tick(now, desk);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use colok_proto::sim::Random;
    use colok_proto::{EchoOptions, Peer, Service};

    use super::*;
    use crate::observe::{Event, NoTap};
    use crate::session::{Context, Next};

    fn session<T: Tap>(service: Service, tap: T) -> Session<T> {
        let context = Context {
            service,
            idle_timeout: Duration::from_secs(5),
            linger: Duration::from_secs(1),
            linger_bytes: 10_000,
            store: None,
            bytes_per_second_max: None,
            tap,
        };
        let machine = service.machine();
        Session::new(Arc::new(context), machine, 1, Peer::unnamed(), Time::ZERO)
    }

    #[test]
    fn what_nobody_sees_counts_like_what_was_seen() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let (mut seeing, mut blind) =
                (session(Service::Discard, NoTap), session(Service::Discard, NoTap));
            let (mut one, mut other) = (Desk::new(), Desk::new());
            let mut now = Time::ZERO;
            seeing.opened(now, &mut one);
            blind.opened(now, &mut other);
            while let Next::Wait { receive: true, .. } = seeing.next(&one) {
                now = now + random.span(Duration::from_millis(600));
                let most = blind.blind_limit().min(4000);
                assert!(most > 0, "seed {seed}");
                let length = 1 + random.below(most);
                seeing.received(now, &vec![0; length], &mut one);
                seeing.pump(now, &vec![0; length], &mut one, |_| panic!("nothing is sent"));
                blind.received_blindly(now, length, &mut other);
                blind.pump(now, &[], &mut other, |_| panic!("nothing is sent"));
                match random.below(12) {
                    0 => [&mut seeing, &mut blind].map(|it| it.drain(now + Duration::from_secs(2))),
                    1 => [&mut seeing, &mut blind].map(|it| it.close(now, Reason::Limit)),
                    _ => [(); 2],
                };
                if seeing.next(&one) == Next::ShutdownWrite {
                    seeing.write_was_shut(now);
                    blind.write_was_shut(now);
                }
                assert_eq!(seeing.next(&one), blind.next(&other), "seed {seed}");
                assert_eq!(seeing.deadline(), blind.deadline(), "seed {seed}");
                assert_eq!(seeing.reason(), blind.reason(), "seed {seed}");
                assert_eq!(seeing.bytes_moved(), blind.bytes_moved(), "seed {seed}");
            }
            assert!(seeing.reason().is_some(), "seed {seed}");
            assert!(seeing.discarded <= 10_000 || seeing.reason() == Some(Reason::Shutdown));
        }
    }

    #[test]
    fn input_is_seen_while_it_matters_and_thrown_away_after() {
        let mut echo = session(Service::Echo(EchoOptions::default()), NoTap);
        assert!(!echo.receives_blindly());
        echo.close(Time::ZERO, Reason::Idle);
        assert!(echo.receives_blindly());
    }

    /// Sees all there is to see of a connection.
    #[derive(Clone, Debug)]
    struct Watches {
        messages: bool,
        hashes: bool,
    }

    impl Tap for Watches {
        const DETAIL: bool = true;

        fn event(&self, _event: impl FnOnce() -> Event) {}

        fn messages(&self) -> bool {
            self.messages
        }

        fn hashes(&self) -> bool {
            self.hashes
        }
    }

    #[test]
    fn what_is_watched_is_seen_to_its_end() {
        for (messages, hashes) in [(false, false), (true, false), (false, true)] {
            let mut discard = session(Service::Discard, Watches { messages, hashes });
            assert_eq!(discard.receives_blindly(), !messages && !hashes);
            discard.close(Time::ZERO, Reason::Idle);
            assert_eq!(discard.receives_blindly(), !messages && !hashes);
        }
    }
}
