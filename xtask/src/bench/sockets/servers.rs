//! The servers: how each is started, and what it cannot do.
//!
//! All listen on the address they are given, alone on their processor, with a backlog of 4096 where
//! they can be told so, and without a log.

use std::{net::SocketAddr, path::Path};

use super::{
    plan::{Load, Service, Sockets},
    programs::{Found, Programs},
};

/// A server of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    ColokEvents,
    ColokPlain,
    ColokThreads,
    ColokProcesses,
    ColokSequential,
    CEpoll,
    TokioOne,
    TokioMany,
    Compio,
    Go,
    Socat,
    Ncat,
}

/// The one that the others are divided by.
pub(super) const BASE: Server = Server::CEpoll;

/// What a pipe holds (pipe(7)).
const PIPE_BYTES: u32 = 64 * 1024;

impl Server {
    /// In the order of the tables.
    pub(super) const ALL: [Self; 12] = [
        Self::ColokEvents,
        Self::ColokPlain,
        Self::ColokThreads,
        Self::ColokProcesses,
        Self::ColokSequential,
        Self::CEpoll,
        Self::TokioOne,
        Self::TokioMany,
        Self::Compio,
        Self::Go,
        Self::Socat,
        Self::Ncat,
    ];

    /// As `--only` and the tables know it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ColokEvents => "colok-events",
            Self::ColokPlain => "colok-plain",
            Self::ColokThreads => "colok-threads",
            Self::ColokProcesses => "colok-processes",
            Self::ColokSequential => "colok-sequential",
            Self::CEpoll => "c-epoll",
            Self::TokioOne => "tokio-one",
            Self::TokioMany => "tokio-many",
            Self::Compio => "compio",
            Self::Go => "go",
            Self::Socat => "socat",
            Self::Ncat => "ncat",
        }
    }

    /// What it is, for the list below the tables.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::ColokEvents => "event loops, one per processor it may use; what `auto` chooses",
            Self::ColokPlain => {
                "the same with `quit=off`: bytes are not looked at, as by all peers"
            }
            Self::ColokThreads => "a thread per connection",
            Self::ColokProcesses => "worker processes with event loops; at least two",
            Self::ColokSequential => "one client at a time",
            Self::CEpoll => {
                "plain C, epoll, one thread (`bench/peers/c/serve.c`); ratios are to it"
            }
            Self::TokioOne => "tokio's current-thread runtime, a task per connection",
            Self::TokioMany => "tokio's multi-thread runtime as it is by default",
            Self::Compio => "compio: io_uring, one thread, a task per connection",
            Self::Go => "a goroutine per connection",
            Self::Socat => "a process per connection (for UDP: per datagram) with a pipe inside",
            Self::Ncat => "a process per connection that runs `cat`, and one process between them",
        }
    }

    /// Whether it is colok, whatever its model.
    pub(super) const fn is_ours(self) -> bool {
        matches!(
            self,
            Self::ColokEvents
                | Self::ColokPlain
                | Self::ColokThreads
                | Self::ColokProcesses
                | Self::ColokSequential
        )
    }

    /// The most connections at once that it is asked to hold, and why.
    const fn connections_max(self) -> (u32, &'static str) {
        match self {
            Self::ColokSequential => (1, "serves one client at a time"),
            Self::Socat => (512, "a process for each connection: not asked for more than 512"),
            Self::Ncat => (64, "two processes for each connection: not asked for more than 64"),
            _ => (u32::MAX, ""),
        }
    }

    /// As many connections as it is asked to hold, at most this many.
    pub(super) fn connections(self, wanted: u32) -> u32 {
        wanted.min(self.connections_max().0)
    }

    /// Whether a row of it would mean something; the reason is for the row.
    pub(super) fn takes(self, load: &Load) -> Result<(), String> {
        let (most, why) = self.connections_max();
        if load.service != Service::UdpEcho && load.connections > most {
            return Err(why.to_owned());
        }
        if self == Self::Ncat && load.depth.saturating_mul(load.size) > PIPE_BYTES {
            return Err("stands still when more is on the way than its pipes hold".to_owned());
        }
        Ok(())
    }

    /// Whether it takes part in a task about this service at all.
    pub(super) fn offers(self, service: Service) -> bool {
        match service {
            Service::Echo => true,
            // Datagrams have one loop under every model.
            Service::UdpEcho => matches!(
                self,
                Self::ColokEvents | Self::CEpoll | Self::TokioOne | Self::Go | Self::Socat
            ),
            Service::Count => {
                self == Self::CEpoll || self.is_ours() && !matches!(self, Self::ColokPlain)
            }
            Service::Discard => {
                matches!(self, Self::CEpoll | Self::Socat)
                    || self.is_ours() && !matches!(self, Self::ColokPlain)
            }
        }
    }

    /// The program and its words.
    pub(super) fn line(
        self,
        programs: &Programs,
        service: Service,
        sockets: Sockets,
        at: SocketAddr,
    ) -> Result<Vec<String>, String> {
        let no_delay = sockets == Sockets::Same;
        let mut line = Line::new(self.program(programs))?;
        match self {
            _ if self.is_ours() => self.colok_words(&mut line, service, at),
            Self::CEpoll => {
                line.add([c_service(service), &at.ip().to_string(), &at.port().to_string()]);
                line.add(no_delay.then_some("nodelay"));
            }
            Self::TokioOne | Self::TokioMany => {
                let threads = if self == Self::TokioOne { "one" } else { "many" };
                line.add([threads, transport(service), &at.to_string()]);
                line.add(no_delay.then_some("nodelay"));
            }
            Self::Compio => {
                line.add([&at.to_string()]);
                line.add(no_delay.then_some("nodelay"));
            }
            Self::Go => line.add([transport(service), &at.to_string()]),
            Self::Socat => socat_words(&mut line, service, no_delay, at),
            _ => ncat_words(&mut line, at),
        }
        Ok(line.words)
    }

    /// The program.
    pub(super) fn program(self, programs: &Programs) -> &Found {
        match self {
            Self::CEpoll => &programs.serve,
            Self::TokioOne | Self::TokioMany => &programs.tokio,
            Self::Compio => &programs.compio,
            Self::Go => &programs.go,
            Self::Socat => &programs.socat,
            Self::Ncat => &programs.ncat,
            _ => &programs.colok,
        }
    }

    fn colok_words(self, line: &mut Line, service: Service, at: SocketAddr) {
        let model = match self {
            Self::ColokThreads => "threads",
            Self::ColokProcesses => "processes",
            Self::ColokSequential => "sequential",
            _ => "events",
        };
        let (name, options) = match service {
            Service::Count => ("count", ""),
            Service::Discard => ("discard", ""),
            _ if self == Self::ColokPlain => ("echo", "?quit=off"),
            _ => ("echo", ""),
        };
        let address = format!("{name}={}://{at}{options}", transport(service));
        // Idle connections are measured too, and the seconds of echo's own limit would end them.
        line.add(["serve", "--quiet", "--model", model, "--idle-timeout", "60s", &address]);
    }
}

const fn transport(service: Service) -> &'static str {
    if matches!(service, Service::UdpEcho) { "udp" } else { "tcp" }
}

const fn c_service(service: Service) -> &'static str {
    match service {
        Service::Echo => "echo",
        Service::UdpEcho => "udp-echo",
        Service::Count => "count",
        Service::Discard => "discard",
    }
}

fn socat_words(line: &mut Line, service: Service, no_delay: bool, at: SocketAddr) {
    let (ip, port) = (at.ip(), at.port());
    if service == Service::UdpEcho {
        line.add([&format!("UDP4-RECVFROM:{port},bind={ip},fork"), "PIPE"]);
        return;
    }
    let no_delay = if no_delay { ",nodelay" } else { "" };
    let listen = format!("TCP4-LISTEN:{port},bind={ip},reuseaddr,fork,backlog=4096{no_delay}");
    if service == Service::Discard {
        line.add(["-u", &listen, "OPEN:/dev/null"]);
    } else {
        line.add([&listen, "PIPE"]);
    }
}

fn ncat_words(line: &mut Line, at: SocketAddr) {
    line.add(["--listen", "--keep-open", "--max-conns", "5000", "--exec", "/bin/cat"]);
    line.add([at.ip().to_string(), at.port().to_string()]);
}

/// A program and its words.
struct Line {
    words: Vec<String>,
}

impl Line {
    fn new(program: &Found) -> Result<Self, String> {
        let program: &Path = program.as_deref().map_err(Clone::clone)?;
        Ok(Self { words: vec![program.display().to_string()] })
    }

    fn add<Word: AsRef<str>>(&mut self, words: impl IntoIterator<Item = Word>) {
        self.words.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Programs {
        let found = |name: &str| Ok(Path::new("/bin").join(name));
        Programs {
            colok: found("colok"),
            serve: found("serve"),
            load: found("load"),
            tokio: found("tokio-echo"),
            compio: found("compio-echo"),
            go: Err("go is not installed".to_owned()),
            socat: found("socat"),
            ncat: found("ncat"),
            sockperf: found("sockperf"),
            iperf3: found("iperf3"),
        }
    }

    fn line(server: Server, service: Service, sockets: Sockets) -> String {
        let at = "127.0.0.1:7".parse().unwrap();
        server.line(&programs(), service, sockets, at).unwrap().join(" ")
    }

    #[test]
    fn lines_are_what_one_would_type() {
        let expected = "/bin/colok serve --quiet --model threads --idle-timeout 60s \
                        count=tcp://127.0.0.1:7";
        assert_eq!(line(Server::ColokThreads, Service::Count, Sockets::Same), expected);
        let expected = "/bin/socat \
                        TCP4-LISTEN:7,bind=127.0.0.1,reuseaddr,fork,backlog=4096,nodelay PIPE";
        assert_eq!(line(Server::Socat, Service::Echo, Sockets::Same), expected);
        let expected = "/bin/tokio-echo many tcp 127.0.0.1:7";
        assert_eq!(line(Server::TokioMany, Service::Echo, Sockets::Defaults), expected);
        assert_eq!(
            line(Server::CEpoll, Service::Echo, Sockets::Same),
            "/bin/serve echo 127.0.0.1 7 nodelay"
        );
    }

    #[test]
    fn what_is_missing_or_beyond_a_server_has_its_reason() {
        let at = "127.0.0.1:7".parse().unwrap();
        let missing = Server::Go.line(&programs(), Service::Echo, Sockets::Same, at);
        assert_eq!(missing.unwrap_err(), "go is not installed");
        let load = Load {
            service: Service::Echo,
            connections: 64,
            size: 64,
            depth: 1,
            sockets: Sockets::Same,
        };
        assert!(Server::ColokSequential.takes(&load).unwrap_err().contains("one client"));
        assert_eq!(Server::Ncat.takes(&load), Ok(()));
        let deep = Load { depth: 16, size: 16 * 1024, ..load };
        assert!(Server::Ncat.takes(&deep).unwrap_err().contains("pipes"));
        assert_eq!(Server::CEpoll.takes(&deep), Ok(()));
        assert!(!Server::Compio.offers(Service::Count) && Server::Socat.offers(Service::UdpEcho));
    }
}
