//! One end of a relayed connection: a socket in the event loop, and what is known of it.
//!
//! Nothing here knows of faults.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use colok_proto::{Address, Time};
use colok_sys::readiness::Registered;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, Shutdown, SocketAddrUnix, SocketType, sockopt};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::clock::Clock;
use crate::observe::{Calls, Tap};

/// How long bytes that were sent before a reset may take to arrive: a reset throws away what the
/// peer has not got yet.
const TAKEN_WAIT_MAX: Duration = Duration::from_secs(5);

/// How often it is looked whether they have.
const TAKEN_LOOK: Duration = Duration::from_millis(1);

/// A socket, and what it can do now.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) socket: Registered,
    /// Whether a read may find something.
    pub(super) readable: bool,
    /// Whether a write may be taken.
    pub(super) writable: bool,
    /// Whether everything that will ever come has come.
    pub(super) ended: bool,
    /// The error that a read found.
    pub(super) read_error: Option<Errno>,
    /// The error that a write found; bytes that came before it may still be read.
    pub(super) write_error: Option<Errno>,
}

impl Side {
    pub(super) fn new(socket: Registered) -> Self {
        Self {
            socket,
            readable: true,
            writable: true,
            ended: false,
            read_error: None,
            write_error: None,
        }
    }

    /// Whether something may come from it.
    pub(super) fn gives(&self) -> bool {
        !self.ended && self.read_error.is_none()
    }

    /// The error that broke it.
    pub(super) fn error(&self) -> Option<Errno> {
        self.read_error.or(self.write_error)
    }

    /// Reads once. `None`: nothing is there now.
    pub(super) fn read<T: Tap>(
        &mut self,
        buffer: &mut [u8],
        calls: Calls<'_, T>,
    ) -> Option<Result<usize, Errno>> {
        let wanted = buffer.len();
        match calls.read(self.socket.as_fd(), buffer) {
            Err(Errno::AGAIN) => {
                self.found_nothing();
                None
            }
            Err(Errno::INTR) => self.read(buffer, calls),
            Ok(length) => {
                if length > 0 && length < wanted && self.socket.clear_after_short_read() {
                    self.readable = false;
                }
                Some(Ok(length))
            }
            Err(errno) => Some(Err(errno)),
        }
    }

    /// Writes once; 0 when nothing is taken now. `apart`: these bytes are not to share a segment
    /// with the next ones.
    pub(super) fn write<T: Tap>(
        &mut self,
        bytes: &[u8],
        apart: bool,
        calls: Calls<'_, T>,
    ) -> Result<usize, Errno> {
        let socket = self.socket.as_fd();
        let result = if apart {
            let flags = SendFlags::EOR | SendFlags::NOSIGNAL;
            let run = || rustix::net::send(socket, bytes, flags);
            let arguments = || format!("{} bytes, MSG_EOR", bytes.len());
            calls.observe("sendto", Some(socket), arguments, run, |sent| {
                i64::try_from(*sent).unwrap_or(i64::MAX)
            })
        } else {
            calls.write(socket, &[IoSlice::new(bytes)])
        };
        match result {
            Err(Errno::AGAIN) => {
                self.takes_nothing();
                Ok(0)
            }
            Err(Errno::INTR) => Ok(0),
            // What a write says after the peer's reset was told once.
            Err(Errno::PIPE) => Err(Errno::CONNRESET),
            other => other,
        }
    }

    /// A read found nothing.
    pub(super) fn found_nothing(&mut self) {
        self.socket.clear_readable();
        self.readable = false;
    }

    /// A write was not taken.
    pub(super) fn takes_nothing(&mut self) {
        self.socket.clear_writable();
        self.writable = false;
    }

    /// Tells the peer that nothing more comes.
    pub(super) fn shut<T: Tap>(&self, calls: Calls<'_, T>) {
        // It fails when the peer has gone, which the next read tells too.
        let _ = calls.shutdown(self.socket.as_fd(), Shutdown::Write);
    }

    /// Asks to be woken when it can be read; notes it when it can.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        self.readable = self.readable || self.socket.poll_readable(context).is_ready();
        self.readable
    }

    /// Asks to be woken when it can be written; notes it when it can.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        self.writable = self.writable || self.socket.poll_writable(context).is_ready();
        self.writable
    }

    /// Waits until the peer's system has what was sent, for [`TAKEN_WAIT_MAX`] at most, or until
    /// it is to stop.
    pub(super) async fn wait_until_taken(&self, stops: impl Fn() -> bool) {
        let until = Instant::now() + TAKEN_WAIT_MAX;
        while Instant::now() < until
            && !stops()
            && colok_sys::send::bytes_not_taken(self.socket.as_fd()).is_ok_and(|bytes| bytes > 0)
        {
            sleep(TAKEN_LOOK).await;
        }
    }

    /// Closes it with a reset.
    pub(super) fn reset<T: Tap>(self, calls: Calls<'_, T>) {
        reset(self.socket.into_inner(), calls);
    }

    /// Closes it.
    pub(super) fn close<T: Tap>(self, calls: Calls<'_, T>) {
        calls.close(self.socket.into_inner());
    }
}

/// Closes a socket with a reset; a Unix socket is just closed.
pub(super) fn reset<T: Tap>(socket: OwnedFd, calls: Calls<'_, T>) {
    let set = || sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
    let _ = calls.set_option(socket.as_fd(), "SO_LINGER", set);
    calls.close(socket);
}

/// Where a relay sends what comes.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The addresses of a host, in the order to try them.
    Inet(Vec<SocketAddr>),
    /// A Unix socket.
    Unix(SocketAddrUnix),
}

/// A target that was reached.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) side: Side,
    pub(super) local: String,
    pub(super) remote: String,
}

/// A call that failed, and the address it was about.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) call: &'static str,
    pub(super) address: String,
    pub(super) errno: Errno,
}

impl Target {
    /// Connects a stream; `failed` is told of each address that cannot be reached. The last
    /// failure is the result.
    pub(super) async fn connect<T: Tap>(
        &self,
        tap: &T,
        mut failed: impl FnMut(&Failure),
    ) -> Result<Reached, Errno> {
        let mut last = Errno::ADDRNOTAVAIL;
        let addresses = match self {
            Self::Inet(addresses) => addresses.clone(),
            Self::Unix(address) => {
                return connect_unix(address, tap).inspect_err(failed).map_err(|it| it.errno);
            }
        };
        for address in addresses {
            match connect_inet(address, SocketType::STREAM, tap).await {
                Ok(reached) => return Ok(reached),
                Err(failure) => {
                    failed(&failure);
                    last = failure.errno;
                }
            }
        }
        Err(last)
    }
}

/// Connects to one internet address; of a datagram socket it only aims it.
pub(super) async fn connect_inet<T: Tap>(
    address: SocketAddr,
    kind: SocketType,
    tap: &T,
) -> Result<Reached, Failure> {
    let fail = |call| move |errno| Failure { call, address: address.to_string(), errno };
    let calls = Calls::new(tap);
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = calls.socket(family, kind).map_err(fail("socket"))?;
    if kind == SocketType::STREAM {
        let set = || sockopt::set_tcp_nodelay(&socket, true);
        calls.set_option(socket.as_fd(), "TCP_NODELAY", set).map_err(fail("setsockopt"))?;
    }
    let begun = calls.connect(socket.as_fd(), address);
    let socket = registered(socket, calls).map_err(fail("epoll_ctl"))?;
    match begun {
        Ok(()) => {}
        Err(Errno::INPROGRESS) => {
            std::future::poll_fn(|context| socket.poll_writable(context)).await;
            calls.connect_error(socket.as_fd()).map_err(fail("connect"))?;
        }
        Err(errno) => return Err(fail("connect")(errno)),
    }
    Ok(reached(socket, address.to_string(), calls))
}

fn connect_unix<T: Tap>(address: &SocketAddrUnix, tap: &T) -> Result<Reached, Failure> {
    let name = crate::observe::address_of(address.clone().into()).to_string();
    let fail = |call| {
        let address = name.clone();
        move |errno| Failure { call, address, errno }
    };
    let calls = Calls::new(tap);
    let socket = calls.socket(AddressFamily::UNIX, SocketType::STREAM).map_err(fail("socket"))?;
    // A Unix connect never takes time: it is there, or it fails (EAGAIN: the backlog is full).
    calls.connect_unix(socket.as_fd(), address).map_err(fail("connect"))?;
    let socket = registered(socket, calls).map_err(fail("epoll_ctl"))?;
    Ok(reached(socket, name.clone(), calls))
}

fn reached<T: Tap>(socket: Registered, remote: String, calls: Calls<'_, T>) -> Reached {
    let local = calls.local_address(socket.as_fd()).unwrap_or(Address::Unix("".into()));
    Reached { side: Side::new(socket), local: local.to_string(), remote }
}

/// Puts a socket into the event loop.
pub(super) fn registered<T: Tap>(
    socket: OwnedFd,
    calls: Calls<'_, T>,
) -> Result<Registered, Errno> {
    Registered::new(socket).map_err(|(socket, error)| {
        calls.close(socket);
        Errno::from_io_error(&error).unwrap_or(Errno::IO)
    })
}

/// A time that does not come.
const NEVER: Time = Time::from_nanos(u64::MAX);

/// A timer that is armed again only when it must ring earlier, or has rung.
pub(super) struct Alarm {
    clock: Clock,
    timer: Pin<Box<Sleep>>,
    armed_for: Time,
}

impl Alarm {
    pub(super) fn new(clock: Clock) -> Self {
        // It is armed before it is first looked at.
        Self { clock, timer: Box::pin(sleep_until(Instant::now())), armed_for: NEVER }
    }

    /// Whether this time has come; asks to be woken then.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, due: Time) -> bool {
        if due < self.armed_for {
            self.arm(due);
        }
        loop {
            if self.timer.as_mut().poll(context).is_pending() {
                return false;
            }
            if due <= self.clock.now() {
                self.armed_for = NEVER;
                return true;
            }
            self.arm(due);
        }
    }

    fn arm(&mut self, due: Time) {
        self.armed_for = due;
        self.timer.as_mut().reset(Instant::now() + self.clock.until(due));
    }
}
