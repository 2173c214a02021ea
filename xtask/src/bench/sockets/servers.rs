//! The servers: how each is started, and what it cannot do.
//!
//! All listen on the address they are given, alone on their processor, with a backlog of 4096 where
//! they can be told so, and without a log.

use std::{net::SocketAddr, path::Path};

use super::{
    plan::{Load, Reader, Service, Sockets, Work},
    programs::{Found, Programs},
};

/// A server of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    ColokUring,
    ColokBusyPoll,
    ColokEvents,
    ColokPlain,
    ColokThreads,
    ColokProcesses,
    ColokSequential,
    CEpoll,
    CBlocking,
    TokioOne,
    TokioMany,
    Compio,
    Go,
    Socat,
    Ncat,
    Sockperf,
    Iperf3,
}

/// The one that the others are divided by.
pub(super) const BASE: Server = Server::CEpoll;

/// Those of a kind that tell most, where not everybody takes part.
const FEW: [Server; 4] =
    [Server::ColokUring, Server::ColokEvents, Server::CEpoll, Server::TokioOne];

/// Numbers of connections at which only [`FEW`] take part.
const SCALES: [u32; 2] = [256, 16_000];

/// Workers that hold very many connections together: where a process may not have many
/// descriptors, eight of them have enough.
pub(super) const HOLD_WORKERS: u32 = 8;

/// What a pipe holds (pipe(7)).
const PIPE_BYTES: u32 = 64 * 1024;

impl Server {
    /// In the order of the tables.
    pub(super) const ALL: [Self; 17] = [
        Self::ColokUring,
        Self::ColokBusyPoll,
        Self::ColokEvents,
        Self::ColokPlain,
        Self::ColokThreads,
        Self::ColokProcesses,
        Self::ColokSequential,
        Self::CEpoll,
        Self::CBlocking,
        Self::TokioOne,
        Self::TokioMany,
        Self::Compio,
        Self::Go,
        Self::Socat,
        Self::Ncat,
        Self::Sockperf,
        Self::Iperf3,
    ];

    /// As `--only` and the tables know it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ColokUring => "colok-uring",
            Self::ColokBusyPoll => "colok-busy-poll",
            Self::ColokEvents => "colok-events",
            Self::ColokPlain => "colok-plain",
            Self::ColokThreads => "colok-threads",
            Self::ColokProcesses => "colok-processes",
            Self::ColokSequential => "colok-sequential",
            Self::CEpoll => "c-epoll",
            Self::CBlocking => "c-blocking",
            Self::TokioOne => "tokio-one",
            Self::TokioMany => "tokio-many",
            Self::Compio => "compio",
            Self::Go => "go",
            Self::Socat => "socat",
            Self::Ncat => "ncat",
            Self::Sockperf => "sockperf-server",
            Self::Iperf3 => "iperf3-server",
        }
    }

    /// What it is, for the list below the tables.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::ColokUring => "an io_uring for each processor it may use",
            Self::ColokBusyPoll => "the same, and it looks for 50 us before it sleeps",
            Self::ColokEvents => "event loops (epoll), one per processor it may use",
            Self::ColokPlain => {
                "the same with `quit=off`: bytes are not looked at, as by all peers"
            }
            Self::ColokThreads => "a thread per connection",
            Self::ColokProcesses => "worker processes with event loops; at least two",
            Self::ColokSequential => "one client at a time",
            Self::CEpoll => {
                "plain C, epoll, one thread (`bench/peers/c/serve.c`); ratios are to it"
            }
            Self::CBlocking => "plain C, `read` and `write` that sleep, one client at a time",
            Self::TokioOne => "tokio's current-thread runtime, a task per connection",
            Self::TokioMany => "tokio's multi-thread runtime as it is by default",
            Self::Compio => "compio: io_uring, one thread, a task per connection",
            Self::Go => "a goroutine per connection",
            Self::Socat => "a process per connection (for UDP: per datagram) with a pipe inside",
            Self::Ncat => "a process per connection that runs `cat`, and one process between them",
            Self::Sockperf => "`sockperf server` as it is by default: a call for each datagram",
            Self::Iperf3 => "`iperf3 -s`, which throws away what it receives; its own client sends",
        }
    }

    /// Whether it is colok, whatever its model.
    pub(super) const fn is_ours(self) -> bool {
        matches!(
            self,
            Self::ColokUring
                | Self::ColokBusyPoll
                | Self::ColokEvents
                | Self::ColokPlain
                | Self::ColokThreads
                | Self::ColokProcesses
                | Self::ColokSequential
        )
    }

    /// Whether it needs an io_uring.
    pub(super) const fn needs_uring(self) -> bool {
        matches!(self, Self::ColokUring | Self::ColokBusyPoll | Self::Compio)
    }

    /// Whether it is there for one question alone.
    const fn is_special(self) -> bool {
        matches!(self, Self::ColokBusyPoll | Self::CBlocking | Self::Sockperf | Self::Iperf3)
    }

    /// Whether it has a row in the table of this work.
    pub(super) fn takes_part(self, work: &Work) -> bool {
        let is_one_of = |servers: &[Self]| servers.contains(&self);
        match work {
            // Who differs in many rows needs no row of its own here.
            Work::Serve(load) if SCALES.contains(&load.connections) => is_one_of(&FEW),
            // What looking at bytes costs depends on the bytes alone.
            Work::Serve(load) if self == Self::ColokPlain => {
                self.offers(load.service) && load.connections == 64 && load.depth == 1
            }
            Work::Serve(load) => !self.is_special() && self.offers(load.service),
            // It differs from the first in what it does with bytes only.
            Work::Idle | Work::Start => !self.is_special() && self != Self::ColokPlain,
            Work::Trip(_) => is_one_of(&FEW) || is_one_of(&[Self::ColokBusyPoll, Self::CBlocking]),
            Work::Held => is_one_of(&FEW),
            Work::Receive(reader) => {
                is_one_of(&[Self::ColokUring, Self::ColokEvents, Self::ColokThreads, Self::CEpoll])
                    || *reader == Reader::Discard && self == Self::Iperf3
            }
            Work::Datagrams(_) => is_one_of(&[Self::ColokUring, Self::Sockperf, Self::CEpoll]),
            Work::Hold => is_one_of(&[Self::ColokUring, Self::ColokProcesses]),
            Work::Generate(_) | Work::Bulk => false,
        }
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

    /// Whether each of its processes may have as many descriptors as this work asks for.
    pub(super) fn has_room(self, work: &Work, descriptors_max: u64) -> Result<(), String> {
        let connections = match (self, work) {
            (Self::ColokProcesses, Work::Hold) => work.connections() / HOLD_WORKERS,
            _ => work.connections(),
        };
        // colok keeps a fifth of its descriptors for other things.
        let needed = u64::from(connections) / 4 * 5;
        if needed <= descriptors_max {
            return Ok(());
        }
        Err(format!("needs {needed} descriptors in a process, which may have {descriptors_max}"))
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
                Self::ColokUring
                    | Self::ColokEvents
                    | Self::CEpoll
                    | Self::TokioOne
                    | Self::Go
                    | Self::Socat
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
            Self::CBlocking => {
                line.add(["blocking", &at.ip().to_string(), &at.port().to_string(), "nodelay"]);
            }
            Self::Sockperf => {
                line.add(["server", "-i", &at.ip().to_string(), "-p", &at.port().to_string()]);
            }
            Self::Iperf3 => {
                line.add(["-s", "-B", &at.ip().to_string(), "-p", &at.port().to_string()]);
            }
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
            Self::CEpoll | Self::CBlocking => &programs.serve,
            Self::Sockperf => &programs.sockperf,
            Self::Iperf3 => &programs.iperf3,
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
            Self::ColokUring | Self::ColokBusyPoll => "uring",
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
        line.add(["serve", "--quiet", "--model", model, "--idle-timeout", "10m"]);
        line.add((self == Self::ColokBusyPoll).then_some(["--busy-poll", "50us"]).iter().flatten());
        line.add([&address]);
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
            trip: found("trip"),
            push: found("push"),
            hold: found("hold"),
            datagrams: found("datagrams"),
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
        let expected = "/bin/colok serve --quiet --model threads --idle-timeout 10m \
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
