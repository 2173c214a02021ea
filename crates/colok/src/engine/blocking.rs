//! Waiting with poll(2): the accept loop and the connection loop of the models that give a
//! connection a thread of its own.
//!
//! Sockets are non-blocking and every wait has an end, so a stop is heard at once.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use colok_proto::{Reason, Time};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::port::{Accepted, Port, SETTLE};
use super::served::{Served, Worker};
use crate::clock::Clock;
use crate::engine::{Stop, StopState};
use crate::observe::Tap;
use crate::session::Next;

/// How long accepting waits when the system has no descriptors left, before it looks again.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// What the connection loop asks its engine before each wait.
pub(crate) trait Turn<T: Tap> {
    /// The connection may go on; looks again at the returned time at the latest.
    fn look(&mut self, served: &mut Served<T>, now: Time) -> Option<Time>;
}

/// A connection that may take as long as it likes.
pub(crate) struct Unlimited;

impl<T: Tap> Turn<T> for Unlimited {
    fn look(&mut self, _served: &mut Served<T>, _now: Time) -> Option<Time> {
        None
    }
}

/// Serves one connection to its end.
pub(crate) fn serve<T: Tap>(
    mut served: Box<Served<T>>,
    worker: &mut Worker<'_>,
    clock: Clock,
    stop: &Stop,
    drain: Duration,
    turn: &mut impl Turn<T>,
) {
    let mut heard = StopState::Run;
    served.opened(clock.now(), worker);
    loop {
        let now = clock.now();
        let state = stop.state();
        if state == StopState::AtOnce {
            served.session.close(now, Reason::Shutdown);
            break;
        }
        if state > heard {
            heard = state;
            served.session.drain(stop.drain_end(clock, drain));
        }
        let look_again = turn.look(&mut served, now);
        let Next::Wait { receive, send } = served.step(now, worker) else { break };
        if look_again.is_none() {
            // Who watches a turn looks at what was read, so there nothing is left to pile up.
            served.wait_for_pieces(worker);
        }
        let due = served.session.deadline();
        let until = look_again.map_or(due, |time| time.min(due));
        let stop = Some(stop.descriptor_beyond(heard));
        let ready = wait(served.socket().as_fd(), receive, send, stop, until.since(now));
        let now = clock.now();
        if ready.writable && send {
            served.writable(now, worker);
        }
        if ready.readable && receive {
            served.readable(now, worker);
        } else if served.session.deadline() <= now {
            served.due(now, worker);
        }
    }
    served.finish(clock.now());
}

/// Accepts until stopped, then until nobody waits or the drain time is over; gives each connection
/// to `serve`, which says whether it could be taken.
pub(crate) fn accept_loop<T: Tap>(
    port: &Port<T>,
    stop: &Stop,
    drain: Duration,
    mut serve: impl FnMut(Box<Served<T>>) -> Result<(), Errno>,
) {
    let mut last_look = false;
    loop {
        let stopping = stop.state();
        if stopping == StopState::AtOnce {
            return;
        }
        if stopping == StopState::Drain && stop.drain_end(port.clock(), drain) <= port.clock().now()
        {
            port.stop_listening();
            return;
        }
        match port.accept() {
            Accepted::Connection(served) => match serve(served) {
                Ok(()) => port.goes_on(),
                Err(errno) => wait_out(port, errno, stop),
            },
            Accepted::Again => port.goes_on(),
            Accepted::Exhausted(errno) => wait_out(port, errno, stop),
            Accepted::Nobody if stopping == StopState::Drain && !last_look => {
                last_look = true;
                port.turn_away_newcomers();
                wait(stop.descriptor(), false, false, None, SETTLE);
            }
            Accepted::Nobody if stopping == StopState::Drain => {
                port.stop_listening();
                return;
            }
            Accepted::Nobody => {
                wait(port.socket(), true, false, Some(stop.descriptor()), Duration::MAX);
            }
        }
    }
}

/// Waits a little while the system has nothing left; a stop ends the wait.
fn wait_out<T: Tap>(port: &Port<T>, errno: Errno, stop: &Stop) {
    port.pauses(errno);
    wait(stop.descriptor(), stop.state() == StopState::Run, false, None, PAUSE);
}

/// What a wait found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ready {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// Waits until the socket is ready, the stop is asked for, or the time is over. Errors and
/// hang-ups count as both: the call that follows tells what it is. When nothing is wanted of the
/// socket they do not count, since no call follows and the next wait would end at once again.
pub(crate) fn wait(
    socket: BorrowedFd<'_>,
    receive: bool,
    send: bool,
    stop: Option<BorrowedFd<'_>>,
    at_most: Duration,
) -> Ready {
    let mut wanted = PollFlags::empty();
    wanted.set(PollFlags::IN, receive);
    wanted.set(PollFlags::OUT, send);
    let mut descriptors = [
        PollFd::from_borrowed_fd(socket, wanted),
        PollFd::from_borrowed_fd(stop.unwrap_or(socket), PollFlags::IN),
    ];
    let first = usize::from(wanted.is_empty());
    let count = if stop.is_some() { 2 } else { 1 };
    // Only an interrupted call can fail here; then nothing is ready, and the caller looks again.
    let timeout = Timespec::try_from(at_most).ok();
    if poll(&mut descriptors[first..count], timeout.as_ref()).unwrap_or(0) == 0 {
        return Ready::default();
    }
    let found = descriptors[0].revents();
    let broken = found.intersects(PollFlags::ERR | PollFlags::HUP);
    Ready {
        readable: broken || found.contains(PollFlags::IN),
        writable: broken || found.contains(PollFlags::OUT),
    }
}

/// Whether someone waits to be accepted.
pub(crate) fn someone_waits(listener: BorrowedFd<'_>) -> bool {
    wait(listener, true, false, None, Duration::ZERO).readable
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    #[test]
    fn a_peer_that_is_gone_wakes_only_who_wants_something() {
        let (unix, stream) = (AddressFamily::UNIX, SocketType::STREAM);
        let (ours, theirs) = socketpair(unix, stream, SocketFlags::CLOEXEC, None).unwrap();
        drop(theirs);
        let look = |receive, send| wait(ours.as_fd(), receive, send, None, Duration::ZERO);
        assert!(look(true, false).readable);
        assert!(look(false, true).writable);
        let resting = look(false, false);
        assert!(!resting.readable && !resting.writable);
    }
}
