//! One run of one contender: a fresh server on one processor, a generator on the other.
//!
//! What comes out is a row of figures in the order of the columns of its work
//! ([`super::columns`]). The works that need a client of their own are in the modules below this
//! one.

mod datagrams;
mod held;
mod hold;
mod one_way;

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{
        program::Program,
        scratch::{self, Scratch, plain_command},
        usage,
    },
    clients::{self, Client},
    generators::{Generator, Outcome, Times},
    json::Json,
    plan::{Load, Service, Sockets, Task, Work},
    programs::Programs,
    servers::Server,
};

pub(super) use hold::CORES as HOLD_CORES;

pub(super) use hold::server_words as hold_server_words;

/// The words of the generator of the task `hold`.
pub(super) fn hold_words(at: SocketAddr) -> Vec<String> {
    hold::words(at, None, false)
}

/// The processor of servers.
pub(super) const SERVER_CORE: &str = "0";

/// The processor of generators.
pub(super) const GENERATOR_CORE: &str = "1";

/// How many connections are opened to see what an idle one takes: below the usual limit of
/// descriptors of a process, ours included.
const IDLE_CONNECTIONS: u32 = 800;

/// The same when it is about the benchmark itself.
const IDLE_CONNECTIONS_LITTLE: u32 = 40;

/// The longest wait for an answer of a server that has just been started or is not loaded.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Between two attempts to reach a server that is being started.
const ATTEMPT: Duration = Duration::from_micros(50);

/// The figures of one run, in the order of its columns; what is not known is absent.
pub(super) type Sample = Vec<Option<f64>>;

/// Who does a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    Server(Server),
    Generator(Generator),
}

impl Contender {
    /// As `--only` and the tables know it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Server(server) => server.name(),
            Self::Generator(generator) => generator.name(),
        }
    }

    /// Whether it is colok.
    pub(super) const fn is_ours(self) -> bool {
        match self {
            Self::Server(server) => server.is_ours(),
            Self::Generator(generator) => matches!(generator, Generator::ColokLoad),
        }
    }
}

/// What all runs share.
pub(super) struct Bench<'a> {
    pub(super) scratch: &'a Scratch,
    pub(super) programs: &'a Programs,
    pub(super) times: Times,
    pub(super) little: bool,
}

impl Bench<'_> {
    /// One run.
    pub(super) fn run(&self, task: &Task, contender: Contender) -> Result<Sample, String> {
        match (contender, &task.work) {
            (Contender::Server(server), Work::Serve(load)) => self.serve(server, task, load),
            (Contender::Server(server), Work::Idle) => self.idle(server),
            (Contender::Server(server), Work::Held) => self.held(server),
            (Contender::Server(server), Work::Hold) => self.hold(server),
            (Contender::Server(server), Work::Trip(_)) => self.trip(server, &task.work),
            (Contender::Server(server), Work::Receive(reader)) => self.receive(server, *reader),
            (Contender::Server(server), Work::Datagrams(_)) => self.datagrams(server, &task.work),
            (Contender::Server(server), _) => self.start(server),
            (Contender::Generator(generator), work) => self.generate(generator, work),
        }
    }

    fn serve(&self, server: Server, task: &Task, load: &Load) -> Result<Sample, String> {
        let at = scratch::free_address()?;
        let line = server.line(self.programs, load.service, load.sockets, at)?;
        let started = self.started(&line, at, load.service)?;
        let outcome = self.load(Generator::ColokLoad, &task.work, at, Some(started.group()))?;
        // In a short run on a busy machine there may be no message at all in the measured time.
        if outcome.server_us.is_none() && !self.little {
            return Err("what the server used is not known".to_owned());
        }
        Ok(vec![
            outcome.server_us,
            Some(outcome.rate),
            outcome.p50_us,
            outcome.p99_us,
            outcome.busy_percent,
        ])
    }

    fn generate(&self, generator: Generator, work: &Work) -> Result<Sample, String> {
        let at = scratch::free_address()?;
        let service = match work {
            Work::Generate(load) => load.service,
            _ => Service::Discard,
        };
        let line = self.opposite(generator, work, at)?;
        let started = self.started(&line, at, service)?;
        let used = usage::ended_children()?;
        let outcome = self.load(generator, work, at, None)?;
        let used = usage::ended_children()?.saturating_sub(used);
        drop(started);
        // Whoever does not tell his own processor time has it read from outside, in steps of 10 ms.
        let outside = (outcome.messages > 0.0).then(|| used.as_secs_f64() * 1e6 / outcome.messages);
        let own = outcome.own_us.or(outside);
        if *work == Work::Bulk {
            return Ok(vec![own, Some(outcome.rate), outcome.busy_percent]);
        }
        let Outcome { rate, p50_us, p99_us, busy_percent, .. } = outcome;
        Ok(vec![own, Some(rate), p50_us, p99_us, busy_percent])
    }

    /// The server that a generator is put against.
    fn opposite(
        &self,
        generator: Generator,
        work: &Work,
        at: SocketAddr,
    ) -> Result<Vec<String>, String> {
        let (ip, port) = (at.ip().to_string(), at.port().to_string());
        if generator == Generator::Iperf3 {
            let program = self.programs.iperf3.as_ref().map_err(Clone::clone)?;
            let words = ["-s", "-1", "-B", &ip, "-p", &port].map(str::to_owned);
            return Ok([vec![program.display().to_string()], words.to_vec()].concat());
        }
        let program = self.programs.serve.as_ref().map_err(Clone::clone)?;
        let service = generator.served_by(work).to_owned();
        Ok(vec![program.display().to_string(), service, ip, port, "nodelay".to_owned()])
    }

    fn idle(&self, server: Server) -> Result<Sample, String> {
        let at = scratch::free_address()?;
        let line = server.line(self.programs, Service::Echo, Sockets::Same, at)?;
        let started = self.started(&line, at, Service::Echo)?;
        let wanted = if self.little { IDLE_CONNECTIONS_LITTLE } else { IDLE_CONNECTIONS };
        // One stays for the whole time, so that what the first one makes is not counted.
        let count = server.connections(wanted + 1) - 1;
        let first = talked(at)?;
        if count == 0 {
            return Err("holds no second connection".to_owned());
        }
        let before = Memory::of(started.group());
        let connections = (0..count).map(|_| talked(at)).collect::<Result<Vec<_>, _>>()?;
        let after = Memory::of(started.group());
        drop((first, connections));
        let each = |before, after| Some(each(before, after, count));
        let alone = number(before.own);
        let kernel = each(before.kernel, after.kernel);
        Ok(vec![each(before.own, after.own), kernel, Some(alone)])
    }

    fn start(&self, server: Server) -> Result<Sample, String> {
        let at = scratch::free_address()?;
        let line = server.line(self.programs, Service::Echo, Sockets::Same, at)?;
        let mut command = self.pinned(SERVER_CORE, &line)?;
        let log = self.scratch.join("server.log");
        let begin = Instant::now();
        let started = Program::start(self.scratch, &mut command, &log)?;
        let connection = loop {
            match TcpStream::connect(at) {
                Ok(connection) => break connection,
                Err(_) if begin.elapsed() < ANSWER_LIMIT && !usage::has_ended(started.group()) => {
                    thread::sleep(ATTEMPT);
                }
                Err(error) => return Err(format!("{error}{}", started.last_words())),
            }
        };
        talk(connection)?;
        Ok(vec![Some(begin.elapsed().as_secs_f64() * 1e3)])
    }

    fn load(
        &self,
        generator: Generator,
        work: &Work,
        at: SocketAddr,
        server: Option<u32>,
    ) -> Result<Outcome, String> {
        let program = generator.program(self.programs).as_ref().map_err(Clone::clone)?;
        let mut line = vec![program.display().to_string()];
        line.extend(generator.words(work, at, self.times, server));
        let mut generator_command = self.pinned(GENERATOR_CORE, &line)?;
        let (text, ended) = self.said(&mut generator_command)?;
        // A report says more than an exit code does; without one there are the last words.
        match (generator.read(work, &text), ended) {
            (Ok(outcome), Ok(_)) => Ok(outcome),
            (Ok(_), Err(end)) => Err(end),
            (Err(problem), Ok(_)) => Err(format!("{}: {problem}", generator.name())),
            (Err(problem), Err(end)) => Err(format!("{}: {problem} ({end})", generator.name())),
        }
    }

    /// What a program writes, and how it ended.
    fn said(&self, command: &mut Command) -> Result<(String, Result<Instant, String>), String> {
        let said = self.scratch.join("generator.out");
        let file = File::create(&said).map_err(|error| format!("cannot keep output: {error}"))?;
        let log = self.scratch.join("generator.log");
        let ended = Program::start(self.scratch, command.stdout(file), &log)?.wait();
        Ok((fs::read_to_string(&said).unwrap_or_default(), ended))
    }

    /// What the client of this work reports.
    fn client(&self, work: &Work, at: SocketAddr) -> Result<Json, String> {
        let line = self.client_line(work, at, 0)?;
        let (text, ended) = self.said(&mut self.pinned(GENERATOR_CORE, &line)?)?;
        ended?;
        Json::parse(&text).ok_or_else(|| format!("{}: its report is no JSON", line[0]))
    }

    fn client_line(
        &self,
        work: &Work,
        at: SocketAddr,
        connections: u32,
    ) -> Result<Vec<String>, String> {
        let client = Client::of(work).ok_or("this work has no client of its own")?;
        let program = client.program(self.programs).as_ref().map_err(Clone::clone)?;
        let mut line = vec![program.display().to_string()];
        line.extend(clients::words(work, at, self.times, connections));
        Ok(line)
    }

    /// A server that listens.
    fn started(
        &self,
        line: &[String],
        at: SocketAddr,
        service: Service,
    ) -> Result<Program<'_>, String> {
        let mut command = self.pinned(SERVER_CORE, line)?;
        let log = self.scratch.join("server.log");
        let server = Program::start(self.scratch, &mut command, &log)?;
        if service == Service::UdpEcho {
            server.receives(at)?;
        } else {
            server.listens(at)?;
        }
        Ok(server)
    }

    /// The line on one processor, with as many descriptors as there may be. Both helpers become
    /// the program, so its process number is the one that we know.
    fn pinned(&self, cores: &str, line: &[String]) -> Result<Command, String> {
        let find = |program: &str| {
            let missing = format!("{program} is not installed (Debian package util-linux)");
            scratch::find(program).ok_or(missing)
        };
        let home: PathBuf = self.scratch.join("");
        let mut command = plain_command(&find("taskset")?, &home);
        command.args(["-c", cores]);
        if let Some(most) = usage::descriptors_max() {
            command.arg(find("prlimit")?).arg(format!("--nofile={most}:{most}"));
        }
        command.args(line);
        Ok(command)
    }
}

/// A connection over which a message has gone there and back: it is served, and now idle.
fn talked(at: SocketAddr) -> Result<TcpStream, String> {
    let connection = TcpStream::connect(at).map_err(|error| format!("cannot connect: {error}"))?;
    talk(connection)
}

fn talk(mut connection: TcpStream) -> Result<TcpStream, String> {
    let mut reply = [0; 2];
    let mut exchange = || {
        connection.set_read_timeout(Some(ANSWER_LIMIT))?;
        connection.write_all(b"x\n")?;
        connection.read_exact(&mut reply)
    };
    exchange().map_err(|error| format!("no answer: {error}"))?;
    if reply != *b"x\n" {
        return Err("a wrong answer".to_owned());
    }
    Ok(connection)
}

/// What a connection takes when these KiB became those.
fn each(before: u64, after: u64, count: u32) -> f64 {
    // A negative growth is noise and shown.
    (number(after) - number(before)) * 1024.0 / f64::from(count)
}

/// KiB and nanoseconds of a run are far below 2^52.
fn number(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "the counts of a run are far below 2^52")]
    let number = count as f64;
    number
}

/// What is taken at a moment, in KiB.
struct Memory {
    /// Of the server's processes, shared pages divided among who shares them.
    own: u64,
    /// Of the kernel, for everybody: sockets of both ends, stacks of threads, page tables.
    kernel: u64,
}

impl Memory {
    fn of(group: u32) -> Self {
        let own = usage::settled_share(group);
        Self { own, kernel: usage::kernel_memory() }
    }
}
