//! Which service a listener offers, as data; and any one machine behind one type.
//!
//! Engines hold a [`Service`] and call [`Service::machine`]; they never name a protocol. Parsing
//! of names and options lives with the addresses in the library, not here.

use alloc::boxed::Box;
use core::time::Duration;

use crate::files::{Files, FilesOptions};
use crate::{
    Chargen, Count, CountOptions, Discard, Echo, EchoOptions, Input, Machine, Outbox, Refusal,
    Refuse, Residue, Time,
};

/// A service and its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Sends back what it receives.
    Echo(EchoOptions),
    /// Answers each message with its number of characters.
    Count(CountOptions),
    /// Throws away what it receives (RFC 863).
    Discard,
    /// Sends characters without end (RFC 864).
    Chargen,
    /// Keeps files (seed 004).
    Files(FilesOptions),
}

/// The kind of a service, without its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceKind {
    /// See [`Service::Echo`].
    Echo,
    /// See [`Service::Count`].
    Count,
    /// See [`Service::Discard`].
    Discard,
    /// See [`Service::Chargen`].
    Chargen,
    /// See [`Service::Files`].
    Files,
}

impl ServiceKind {
    /// Every kind, in the order in which help lists them.
    pub const ALL: [Self; 5] = [Self::Echo, Self::Count, Self::Files, Self::Discard, Self::Chargen];

    /// The name used in addresses, logs and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Count => "count",
            Self::Discard => "discard",
            Self::Chargen => "chargen",
            Self::Files => "files",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The port when none is given: the seeds' for echo, count and files, the RFCs' for the
    /// others.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Echo => 5001,
            Self::Count => 12345,
            Self::Discard => 9,
            Self::Chargen => 19,
            Self::Files => 25563,
        }
    }

    /// How long a connection may be idle by default: 5 s for echo as in seed 003, else 60 s.
    pub const fn default_idle_timeout(self) -> Duration {
        match self {
            Self::Echo => Duration::from_secs(5),
            Self::Count | Self::Discard | Self::Chargen | Self::Files => Duration::from_mins(1),
        }
    }

    /// Whether it can be served over UDP. Chargen cannot: RFC 864's datagram form answers every
    /// forged datagram with up to 512 bytes, the classic reflection attack. Files cannot: an upload
    /// is a stream.
    pub const fn over_udp(self) -> bool {
        !matches!(self, Self::Chargen | Self::Files)
    }
}

impl Service {
    /// Its kind.
    pub const fn kind(&self) -> ServiceKind {
        match self {
            Self::Echo(_) => ServiceKind::Echo,
            Self::Count(_) => ServiceKind::Count,
            Self::Discard => ServiceKind::Discard,
            Self::Chargen => ServiceKind::Chargen,
            Self::Files(_) => ServiceKind::Files,
        }
    }

    /// A fresh machine for one stream connection.
    pub fn machine(&self) -> ServiceMachine {
        match *self {
            Self::Echo(options) => ServiceMachine::Echo(Echo::new(options)),
            Self::Count(options) => ServiceMachine::Count(Count::new(options)),
            Self::Discard => ServiceMachine::Discard(Discard::new()),
            Self::Chargen => ServiceMachine::Chargen(Chargen::new()),
            Self::Files(options) => ServiceMachine::Files(Box::new(Files::new(options))),
        }
    }

    /// The machine of this service that rested as `residue`, last active at `active_at`; see
    /// [`ServiceMachine::rest`].
    #[inline]
    pub fn restored(&self, residue: Residue, active_at: Time) -> ServiceMachine {
        match *self {
            Self::Echo(options) => {
                ServiceMachine::Echo(Echo::restored(options, residue, active_at))
            }
            Self::Count(options) => {
                ServiceMachine::Count(Count::restored(options, residue, active_at))
            }
            // Discard remembers nothing; the others never rest.
            Self::Discard | Self::Chargen | Self::Files(_) => self.machine(),
        }
    }

    /// A fresh machine for one datagram: the whole datagram is one message, `quit` is only
    /// echoed, and one newline at its end is not part of it.
    pub fn datagram_machine(&self) -> ServiceMachine {
        match *self {
            Self::Echo(options) => {
                ServiceMachine::Echo(Echo::new(EchoOptions { quit: false, ..options }))
            }
            Self::Count(options) => ServiceMachine::Count(Count::for_datagram(options)),
            Self::Discard | Self::Chargen | Self::Files(_) => self.machine(),
        }
    }
}

/// Any machine that a server runs. Each is small, so an idle connection pays for none it is not.
#[derive(Debug)]
pub enum ServiceMachine {
    /// See [`Echo`].
    Echo(Echo),
    /// See [`Count`].
    Count(Count),
    /// See [`Discard`].
    Discard(Discard),
    /// See [`Chargen`].
    Chargen(Chargen),
    /// See [`Files`]. Boxed: it is the largest, and the others are held in great numbers.
    Files(Box<Files>),
    /// See [`Refuse`].
    Refuse(Refuse),
}

impl ServiceMachine {
    /// The machine that tells a peer why it is not served.
    pub fn refuse(refusal: Refusal) -> Self {
        Self::Refuse(Refuse::new(refusal))
    }

    /// What is left of the machine, if [`Service::restored`] can build it again from that and
    /// from `active_at`, so that whatever comes later it does and says the same. Only the length of
    /// a message that is open now is lost, which is told to observers alone
    /// ([`Outbox::message`]).
    #[inline]
    pub fn rest(&self, active_at: Time) -> Option<Residue> {
        match self {
            Self::Echo(machine) => machine.rest(active_at),
            Self::Count(machine) => machine.rest(active_at),
            Self::Discard(_) => Some(Residue::default()),
            Self::Chargen(_) | Self::Files(_) | Self::Refuse(_) => None,
        }
    }

    /// Whether it neither looks at what it receives nor ever leaves any of it: telling it of an
    /// arrival changes nothing.
    #[inline]
    pub fn ignores_input(&self) -> bool {
        matches!(self, Self::Discard(_))
    }
}

impl Machine for ServiceMachine {
    #[inline]
    fn input(&mut self, now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize {
        match self {
            Self::Echo(machine) => machine.input(now, input, out),
            Self::Count(machine) => machine.input(now, input, out),
            Self::Discard(machine) => machine.input(now, input, out),
            Self::Chargen(machine) => machine.input(now, input, out),
            Self::Files(machine) => machine.input(now, input, out),
            Self::Refuse(machine) => machine.input(now, input, out),
        }
    }

    #[inline]
    fn deadline(&self) -> Option<Time> {
        match self {
            Self::Echo(machine) => machine.deadline(),
            Self::Count(machine) => machine.deadline(),
            Self::Files(machine) => machine.deadline(),
            Self::Discard(_) | Self::Chargen(_) | Self::Refuse(_) => None,
        }
    }
}
