//! Clients: connecting, and talking over what was connected.
//!
//! [`connect`](connect()) turns a [`Url`](crate::net::url::Url) into a [`Connection`]. What is
//! said over it is one of four: [`pipe`](pipe()) for bytes in and bytes out, exact;
//! [`exchange_datagrams`] for datagrams; [`run_script`] for send-and-expect; [`LineSession`] for a
//! person at a terminal. Each ends with a report value that holds an [`EndReason`].
//!
//! Nothing here prints, reads the terminal, or knows a protocol. Every call on a socket goes
//! through [`Calls`](crate::observe::Calls); every socket is non-blocking and every wait has an
//! end that the caller chose.

mod account;
mod connect;
mod datagram;
mod echo_tracker;
mod end;
pub mod files;
mod line;
mod link;
mod look_up;
mod pattern;
mod pipe;
mod race;
mod script;
mod standard;
mod wait;

pub use connect::{ConnectOptions, Connection, Source, SourceError, connect};
pub use datagram::{
    DATAGRAM_LENGTH_MAX, DatagramOptions, DatagramReport, Datagrams, DatagramsError, Reply,
    exchange_datagrams,
};
pub use echo_tracker::EchoProgress;
pub use end::EndReason;
pub use line::{LineEvent, LineOptions, LineReport, LineSession};
pub use pattern::{Pattern, PatternError, unescape};
pub use pipe::{OnEof, OnEofError, PipeOptions, PipeReport, Shortfall, pipe};
pub use script::{DEFAULT_WITHIN, ScriptOptions, ScriptOutcome, ScriptReport, Step, run_script};
pub use standard::Output;
