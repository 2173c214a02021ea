//! What can go wrong, as values: which call, on which address, why, and what is known about it.
//!
//! The texts here are the English ones for users of the library; the command line has its own in
//! two languages, made from the same fields. Nothing here prints.

use std::time::Duration;

use rustix::io::Errno;
use thiserror::Error as ThisError;

use crate::net::holder::Holder;
pub use crate::net::service_address::{OptionProblem, ServiceAddressError};
pub use crate::net::url::UrlError;
pub use crate::store::StoreOpenError;

/// An operation that failed.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// An address that cannot be read.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A service address that cannot be read.
    #[error(transparent)]
    ServiceAddress(#[from] ServiceAddressError),
    /// A name that has no address.
    #[error("getaddrinfo {host}: {detail}")]
    Resolve {
        /// The name looked up.
        host: String,
        /// What the resolver said.
        detail: String,
    },
    /// A listener could not be set up.
    #[error("{call} {address}: {errno}{}", holder_text(holder.as_ref()))]
    Bind {
        /// The system call: `socket`, `bind`, `listen`, `setsockopt`.
        call: &'static str,
        /// The address as a URL.
        address: String,
        /// Its error number.
        errno: Errno,
        /// Who has the address, when `errno` is `EADDRINUSE` and it can be known.
        holder: Option<Holder>,
    },
    /// No address of a target could be connected to.
    #[error("connect {address}: {}", attempts_text(attempts))]
    Connect {
        /// The target as a URL.
        address: String,
        /// Each address tried, with its error number; at least one.
        attempts: Vec<(String, Errno)>,
    },
    /// No address of a target answered in time.
    #[error("connect {address}: no answer within {after:?}")]
    ConnectTimeout {
        /// The target as a URL.
        address: String,
        /// How long it was tried.
        after: Duration,
    },
    /// A system call on an open socket or file failed.
    #[error("{call} {address}: {errno}")]
    Call {
        /// The system call.
        call: &'static str,
        /// The address or file it was made on.
        address: String,
        /// Its error number.
        errno: Errno,
    },
    /// Bytes that were to be one datagram are more than a datagram can hold.
    #[error("a datagram of {length} bytes cannot be sent; the limit is {limit}")]
    DatagramTooLong {
        /// How long it is in bytes, as far as it was read.
        length: usize,
        /// How long it may be in bytes.
        limit: usize,
    },
    /// A file store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// Worker processes die as soon as they start.
    #[error("worker processes end at once: {detail}")]
    Workers {
        /// How the last one ended.
        detail: String,
    },
}

impl Error {
    /// The error number of the system call that failed, when there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Bind { errno, .. } | Self::Call { errno, .. } => Some(*errno),
            Self::Store(error) => Some(error.errno),
            Self::Connect { attempts, .. } => attempts.last().map(|(_, errno)| *errno),
            _ => None,
        }
    }

    /// A failed call on an open descriptor.
    pub fn call(call: &'static str, address: impl Into<String>, errno: Errno) -> Self {
        Self::Call { call, address: address.into(), errno }
    }
}

/// The result of an operation of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn holder_text(holder: Option<&Holder>) -> String {
    holder.map(|holder| format!(" (held by {holder})")).unwrap_or_default()
}

fn attempts_text(attempts: &[(String, Errno)]) -> String {
    let texts: Vec<_> = attempts.iter().map(|(to, errno)| format!("{to}: {errno}")).collect();
    texts.join("; ")
}
