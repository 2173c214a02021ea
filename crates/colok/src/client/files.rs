//! The file client: sends files, gets them, lists them, and checks what a server vouched for.
//!
//! A transfer is planned first ([`plan_send`], [`plan_get`]), so that what is wrong on this
//! computer is found before a server hears of it; then a [`FileClient`] carries it out. What
//! happens meanwhile goes to an [`Observer`] as [`Update`]s; the end is a value.
//!
//! Nothing here prints or reads the environment: paths and secrets are given. Memory is bounded
//! whatever the size of a file. Every wait has an end and can be interrupted; what was sent of a
//! file until then is resumed by the next try, in this process or a later one, without anything
//! kept on this computer but one secret (see [`UploadSecret`]).

mod conversation;
mod get;
mod interrupt;
mod known;
mod local;
mod plan;
mod problem;
mod query;
mod reach;
mod receipt;
mod retry;
mod secret;
mod send;
mod update;

use std::fmt;
use std::time::Duration;

pub use get::{
    ByteRange, ByteRangeError, GetOptions, GetPlan, GetReport, Got, PlannedGet, Target, plan_get,
};
pub use interrupt::Interrupt;
pub use plan::{LocalSource, PlanOptions, PlannedFile, SendPlan, SkipReason, Skipped, plan_send};
pub use problem::{Activity, Ending, FilesError, PlanProblem, Refusal, name_problem_text};
pub use query::{ListReport, Verdict};
pub use receipt::{RECEIPT_VERSION, Receipt, ReceiptError, outcome_name};
pub use secret::{AccessToken, SecretError, UploadSecret};
pub use send::{SendOptions, SendReport};
pub use update::{Observer, Phase, Update};

use super::connect::ConnectOptions;
use crate::clock::Clock;
use crate::net::url::{Place, Transport, Url};
use crate::observe::Tap;

/// The TCP port of the service `files`.
pub const FILES_PORT: u16 = 25563;

/// How long a server may be silent while bytes are on their way or it is asked what needs no work:
/// twice the time in which TCP gives a lost segment its seventh try.
const REPLY_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a server may be silent while it hashes, syncs or checks a file: a disk of 200 MB/s
/// reads 120 GB in it. A server that is gone is noticed sooner, by keepalive probes.
const WORK_TIMEOUT: Duration = Duration::from_mins(10);

/// How often a transfer is tried without getting any further.
const TRIES_MAX: u32 = 3;

/// The pause before a second try; each later one is twice as long.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct FileClientOptions {
    /// How to connect. Its deadline is the one of everything the client does.
    pub connect: ConnectOptions,
    /// What the server asks for before it lets us write.
    pub token: Option<AccessToken>,
    /// The longest time without a byte while bytes are on their way, or while an answer that
    /// needs no work is awaited. Default: 60 s.
    pub reply_timeout: Duration,
    /// The longest wait for an answer that the server must read, hash or sync files for.
    /// Default: 10 min.
    pub work_timeout: Duration,
    /// How often a broken transfer is tried, counted from its last progress; at least 1.
    /// Default: 3.
    pub tries_max: u32,
    /// The pause before the second try; it doubles with each. Default: 500 ms.
    pub retry_pause: Duration,
    /// What makes broken uploads resumable. Default: none, they start again.
    pub upload_secret: Option<UploadSecret>,
    /// A file that keeps hashes of local files, so that an unchanged file is not hashed again to
    /// compare it with the server's. It is made when it is missing and ignored when it cannot be
    /// used. Default: none.
    pub known_hashes: Option<std::path::PathBuf>,
    /// Stops what runs.
    pub interrupt: Option<Interrupt>,
}

impl Default for FileClientOptions {
    fn default() -> Self {
        Self {
            connect: ConnectOptions::default(),
            token: None,
            reply_timeout: REPLY_TIMEOUT,
            work_timeout: WORK_TIMEOUT,
            tries_max: TRIES_MAX,
            retry_pause: RETRY_PAUSE,
            upload_secret: None,
            known_hashes: None,
            interrupt: None,
        }
    }
}

/// A client of one server. It connects for each thing it does, and again when that breaks.
pub struct FileClient<'a, T: Tap> {
    url: &'a Url,
    options: &'a FileClientOptions,
    clock: &'a Clock,
    tap: &'a T,
}

impl<T: Tap> fmt::Debug for FileClient<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileClient").field("url", self.url).finish_non_exhaustive()
    }
}

impl<'a, T: Tap> FileClient<'a, T> {
    /// A client of the server at `url`, which [`files_url`] makes. Connects to nothing yet.
    pub fn new(url: &'a Url, options: &'a FileClientOptions, clock: &'a Clock, tap: &'a T) -> Self {
        Self { url, options, clock, tap }
    }

    /// The server as a URL.
    pub fn server(&self) -> String {
        self.url.without_options()
    }
}

/// Reads the address of a file server: a host, `host:port` or a URL. Without a port it is
/// [`FILES_PORT`].
pub fn files_url(text: &str) -> Result<Url, FilesError> {
    let mut url: Url = text.parse().map_err(crate::Error::Url)?;
    if url.transport == Transport::Udp {
        return Err(PlanProblem::NotAStream { address: url.to_string() }.into());
    }
    if let Place::Inet { port: port @ None, .. } = &mut url.place {
        *port = Some(FILES_PORT);
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
