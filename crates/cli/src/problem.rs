//! What went wrong, for people, in three parts: what failed, why, and what to try next.
//!
//! The first line carries the system's own words (`bind: Address already in use`), which are the
//! same in every language; the other two are translated.

mod addresses;
mod congestion;
mod errno;
mod files;
mod sockets;

use std::fmt::Write as _;
use std::io::Write as _;

pub(crate) use errno::{errno_name, errno_named, errno_text, errno_text_of_name};
pub(crate) use files::{Asked, name_problem, shown, shown_name};
pub(crate) use sockets::{RELAY, connect_text, quoted};

use colok::Error;
use colok::client::EndReason;
use colok::net::url::Url;
use colok::proto::ServiceKind;
use rustix::io::Errno;

use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    /// The peer, the network or a local file failed.
    Failed = 1,
    Usage = 2,
    /// Refused, or an expectation was not met.
    Refused = 3,
    TimeRanOut = 4,
    /// A check that is invalid or unknown.
    NotProved = 5,
    Interrupted = 130,
}

/// What went wrong, why, and what to try.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    what: String,
    why: Option<String>,
    next: Vec<String>,
}

impl Problem {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: None, next: Vec::new() }
    }

    pub(crate) fn why(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// What failed.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Adds something to try.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// An error of the library.
    pub(crate) fn of(error: &Error, messages: &Messages) -> Self {
        Self::of_service(error, None, messages)
    }

    /// An error of the library; `service` is what was to be served.
    pub(crate) fn of_service(
        error: &Error,
        service: Option<&'static str>,
        messages: &Messages,
    ) -> Self {
        match error {
            Error::Url(error) => addresses::url(error, messages),
            Error::ServiceAddress(error) => addresses::service_address(error, messages),
            Error::Resolve { host, detail } => {
                Self::new(Exit::Failed, format!("getaddrinfo {host}: {detail}"))
                    .why(say!(messages, Id::ResolveWhy, host = host.as_str()))
                    .next(say!(messages, Id::ResolveNext, host = host.as_str()))
            }
            Error::Bind { call, address, errno, holder } => {
                sockets::bind(call, address, *errno, holder.as_ref(), service, messages)
            }
            Error::Connect { address, attempts } => {
                sockets::connect(address, attempts, None, messages)
            }
            Error::ConnectTimeout { address, after } => {
                sockets::connect_timeout(address, *after, messages)
            }
            Error::Call { call, address, errno } => sockets::call(call, address, *errno, messages),
            Error::Store(error) => {
                let text = errno_text(error.errno.raw_os_error());
                let what = format!("{} {}: {text}", error.call, shown(&error.path));
                Self::new(Exit::Failed, what)
                    .why(messages.text(Id::StoreOpenWhy))
                    .next("colok serve files --root DIR")
            }
            Error::DatagramTooLong { limit, .. } => {
                let limit = limit.to_string();
                Self::new(Exit::Failed, messages.text(Id::DatagramTooLong)).why(say!(
                    messages,
                    Id::DatagramTooLongWhy,
                    limit = limit
                ))
            }
            other => Self::new(Exit::Failed, other.to_string()),
        }
    }

    /// No connection could be made to the one address of a service; `wanted` is what was to be
    /// there, if only one service would do.
    pub(crate) fn of_no_connection(
        url: &str,
        errno: Errno,
        wanted: Option<ServiceKind>,
        messages: &Messages,
    ) -> Self {
        sockets::connect(url, &[(url.to_owned(), errno)], wanted, messages)
    }

    /// A conversation that ended because nobody listens there: a datagram is refused only after
    /// it was sent. `None` when it ended otherwise.
    pub(crate) fn of_refusal(reason: EndReason, url: &Url, messages: &Messages) -> Option<Self> {
        let EndReason::Reset(errno @ Errno::CONNREFUSED) = reason else { return None };
        let address = url.without_options();
        let attempts = vec![(address.clone(), errno)];
        Some(Self::of(&Error::Connect { address, attempts }, messages))
    }

    /// A file or a standard stream that failed.
    pub(crate) fn of_file(call: &str, name: &str, error: &std::io::Error) -> Self {
        let text = error.raw_os_error().map_or_else(|| error.to_string(), errno_text);
        Self::new(Exit::Failed, format!("{call} {name}: {text}"))
    }

    /// Standard output that failed. When whoever read it has gone (`| head`) nothing is told.
    pub(crate) fn of_output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::silent(Exit::Done);
        }
        Self::of_file("write", "stdout", error)
    }

    /// An end that is told by the exit code alone.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Prints it to standard error. When that is gone nobody is left to be told.
    pub(crate) fn tell(&self, messages: &Messages) {
        let mut output = std::io::stderr();
        let text = self.render(messages, Style::of(&output));
        let _ = output.write_all(text.as_bytes());
    }

    /// The lines to print; nothing for a silent end.
    pub(crate) fn render(&self, messages: &Messages, style: Style) -> String {
        if self.what.is_empty() {
            return String::new();
        }
        let first = format!("{} {}\n", style.red("colok:"), self.what);
        first + &self.render_advice(messages, style)
    }

    /// The lines below the first: why, and what to try.
    pub(crate) fn render_advice(&self, messages: &Messages, style: Style) -> String {
        let mut text = String::new();
        if let Some(why) = &self.why {
            let label = messages.text(Id::LabelWhy);
            let _ = writeln!(text, "  {} {why}", style.bold(label));
        }
        let label = messages.text(Id::LabelTry);
        let or = messages.text(Id::LabelOr);
        // The labels have different lengths; what follows them lines up.
        let width = label.chars().count().max(or.chars().count());
        for (index, next) in self.next.iter().enumerate() {
            let label = if index == 0 { &label } else { &or };
            let padded = format!("{label:<width$}");
            let _ = writeln!(text, "  {} {next}", style.bold(padded));
        }
        text
    }
}

/// `perhaps NAME`, when there is a nearest name.
fn meant(nearest: Option<&str>, messages: &Messages) -> Option<String> {
    nearest.map(|name| say!(messages, Id::MeantPerhaps, name = name))
}
