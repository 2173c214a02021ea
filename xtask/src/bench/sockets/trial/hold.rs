//! Very many connections held by several workers, while some of them echo.
//!
//! Nobody is compared here: what counts is that none is lost and none waits long. Server and
//! generator share both processors, since several workers are what is asked for.

use std::{
    fs::{self, File},
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::{
    super::{
        super::{program::Program, scratch, usage},
        json::Json,
        plan::{HOLD, Service, Sockets},
        servers::{HOLD_WORKERS, Server},
    },
    Bench, Sample, number,
};

/// The same when it is about the benchmark itself.
const HOLD_LITTLE: [u32; 2] = [500, 50];

/// Processors of the server and of the generator.
pub(in super::super) const CORES: &str = "0,1";

/// Processes of the generator: each has an address of its own, and from one address the kernel
/// finds a free port fast only while less than half of its 28 000 are taken.
const PROCESSES: u32 = 8;

/// Between two looks at memory.
const LOOK: Duration = Duration::from_millis(500);

impl Bench<'_> {
    pub(super) fn hold(&self, server: Server) -> Result<Sample, String> {
        let at = scratch::free_address()?;
        let mut line = server.line(self.programs, Service::Echo, Sockets::Same, at)?;
        line.extend(server_words());
        let mut command = self.pinned(CORES, &line)?;
        let log = self.scratch.join("server.log");
        let started = Program::start(self.scratch, &mut command, &log)?;
        started.listens(at)?;
        let kernel = usage::kernel_memory();
        let (report, memory) = self.hold_load(at, started.group())?;
        let connections = report.number("plan.connections");
        let count = |path: &str| report.number(path).unwrap_or(0.0);
        let ended = connections.map(|wanted| wanted - count("connections.open_at_end"));
        let lost = count("reconciliation.lost") + count("reconciliation.wrong");
        let mebibytes = |kib: f64| kib / 1024.0;
        let milliseconds = |path: &str| report.number(path).map(|us| us / 1e3);
        Ok(vec![
            ended.map(|ended| ended + lost),
            milliseconds("summary.latency_us.max"),
            milliseconds("summary.latency_us.p99"),
            report.number("summary.messages_per_s"),
            report.number("server.memory_kib").map(mebibytes),
            Some(mebibytes(number(memory.generator_kib))),
            Some(mebibytes(number(memory.kernel_kib.saturating_sub(kernel)))),
        ])
    }

    fn hold_load(&self, at: SocketAddr, server: u32) -> Result<(Json, Peak), String> {
        let program = self.programs.colok.as_ref().map_err(Clone::clone)?;
        let mut line = vec![program.display().to_string()];
        line.extend(words(at, Some(server), self.little));
        let mut command = self.pinned(CORES, &line)?;
        let said = self.scratch.join("generator.out");
        let file = File::create(&said).map_err(|error| format!("cannot keep output: {error}"))?;
        let log = self.scratch.join("generator.log");
        let mut generator = Program::start(self.scratch, command.stdout(file), &log)?;
        let (group, over) = (generator.group(), AtomicBool::new(false));
        let (ended, peak) = thread::scope(|scope| {
            let watch = scope.spawn(|| Peak::watched(group, &over));
            let ended = generator.wait();
            over.store(true, Ordering::Relaxed);
            (ended, watch.join().unwrap_or_default())
        });
        let text = fs::read_to_string(&said).unwrap_or_default();
        // A report that counts what was lost says more than the exit code which it causes.
        match Json::parse(&text).filter(|json| json.number("summary.messages_per_s").is_some()) {
            Some(json) => Ok((json, peak)),
            None => Err(ended.err().unwrap_or_else(|| "its report is not whole".to_owned())),
        }
    }
}

/// What the server is told besides.
pub(in super::super) fn server_words() -> [String; 4] {
    // Of all workers together; by itself it follows from what one process may have.
    let most = HOLD[0] + HOLD[0] / 10;
    let (workers, most) = (HOLD_WORKERS.to_string(), most.to_string());
    ["--workers".to_owned(), workers, "--max-connections".to_owned(), most]
}

/// The words of `colok load`: idle connections beside those that send, opened over some seconds.
pub(super) fn words(at: SocketAddr, server: Option<u32>, little: bool) -> Vec<String> {
    let [connections, active] = if little { HOLD_LITTLE } else { HOLD };
    let [ramp_up, warm_up, measured] =
        if little { ["1s", "0s", "1s"] } else { ["15s", "5s", "60s"] };
    let mut words = vec!["load".to_owned(), format!("tcp://{at}")];
    let mut add = |name: &str, value: &dyn ToString| {
        words.extend([format!("--{name}"), value.to_string()]);
    };
    add("connections", &connections);
    add("active", &active);
    add("size", &64);
    add("ramp-up", &ramp_up);
    add("warm-up", &warm_up);
    add("for", &measured);
    add("processes", &PROCESSES);
    add("connect-timeout", &"30s");
    add("reply-timeout", &"30s");
    if let Some(server) = server {
        add("server-pid", &server);
    }
    words.extend(["--json", "--quiet"].map(str::to_owned));
    words
}

/// The most that there was at any look, in KiB.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    generator_kib: u64,
    /// Of the whole machine, for everybody.
    kernel_kib: u64,
}

impl Peak {
    fn watched(generator: u32, over: &AtomicBool) -> Self {
        let mut peak = Self::default();
        while !over.load(Ordering::Relaxed) {
            peak.generator_kib = peak.generator_kib.max(usage::group(generator).memory_kib);
            peak.kernel_kib = peak.kernel_kib.max(usage::kernel_memory());
            thread::sleep(LOOK);
        }
        peak
    }
}
