//! How the verbs about files reach their server.

use std::path::PathBuf;
use std::time::Duration;

use colok::net::url::{Place, Transport, Url};
use colok::proto::ServiceKind;

use super::serve::log_file;
use super::values::Values;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// A file store and how long to wait for it. What is `None` was not given.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// Its address, without options; an internet address has a port.
    pub(crate) url: Url,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: Option<Duration>,
    /// Where the JSON log goes.
    pub(crate) log: Option<PathBuf>,
}

impl Reach {
    /// Reads the argument `HOST` and the options about time; `verb` is for the advice.
    pub(super) fn read(values: &Values<'_>, verb: &str) -> Result<Self, Problem> {
        let host = values.text("HOST").unwrap_or_default();
        Self::to(file_store(host, verb, values.messages)?, values)
    }

    /// The same for an address that is known.
    pub(super) fn to(url: Url, values: &Values<'_>) -> Result<Self, Problem> {
        Ok(Self {
            url,
            connect_timeout: values.positive_time("connect-timeout")?,
            idle_timeout: values.positive_time("idle-timeout")?,
            deadline: values.positive_time("deadline")?,
            retry: values.time("retry")?,
            log: log_file(values)?,
        })
    }
}

/// The address of a file store: a host, host:port or URL; its port is 25563 unless it names one.
pub(super) fn file_store(text: &str, verb: &str, messages: &Messages) -> Result<Url, Problem> {
    let read = text.parse();
    let mut url: Url = read.map_err(|error| Problem::of(&colok::Error::Url(error), messages))?;
    if let Place::Inet { port, .. } = &mut url.place {
        port.get_or_insert(ServiceKind::Files.default_port());
    }
    if url.transport == Transport::Udp {
        let what = say!(
            messages,
            Id::ServiceTransport,
            service = "files",
            transport = url.transport.name()
        );
        let next = Url { transport: Transport::Tcp, ..url };
        return Err(Problem::new(Exit::Usage, what)
            .why(messages.text(Id::FilesOverUdpWhy))
            .next(format!("colok {verb} {}", next.without_options())));
    }
    without_options(url, verb, messages)
}

/// The address, if it has no options: they belong to servers.
pub(super) fn without_options(url: Url, verb: &str, messages: &Messages) -> Result<Url, Problem> {
    let Some((name, _)) = url.options.first() else { return Ok(url) };
    let name = colok::observe::printable(name.as_bytes());
    let what = say!(messages, Id::UrlOptionsHere, option = name);
    let next = format!("colok {verb} {}", url.without_options());
    Err(Problem::new(Exit::Usage, what).next(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Language;

    #[test]
    fn the_port_of_the_file_store_is_known() {
        let messages = Messages::new(Language::English);
        for (text, expected) in [
            ("localhost", "tcp://localhost:25563"),
            ("192.168.10.29", "tcp://192.168.10.29:25563"),
            ("::1", "tcp://[::1]:25563"),
            ("localhost:7", "tcp://localhost:7"),
            ("tcp://h", "tcp://h:25563"),
            ("unix:/tmp/x.sock", "unix:///tmp/x.sock"),
        ] {
            let url = file_store(text, "send", &messages).expect("it is an address");
            assert_eq!(url.to_string(), expected);
        }
        for text in ["udp://localhost", "tcp://h?idle=5s", "h:99999", ""] {
            let problem = file_store(text, "send", &messages).expect_err("it is none");
            assert_eq!(problem.exit, Exit::Usage, "{text}");
        }
    }
}
