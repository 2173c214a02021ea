//! What a connection that says nothing takes of a server's own memory, of very many.
//!
//! Counted are pages of memory that belong to the server alone (`Anonymous` in `smaps_rollup`,
//! which the kernel counts page by page). What all connections share is not: before the first
//! count one connection has used it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::{ChildStdin, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{
        super::{program::Program, scratch, usage},
        plan::{HELD, Service, Sockets, Work},
        servers::Server,
    },
    Bench, GENERATOR_CORE, Sample, each,
};

/// The same when it is about the benchmark itself.
const HELD_LITTLE: u32 = 50;

/// How long all are silent before memory is counted.
const SILENCE: Duration = Duration::from_secs(2);

/// The longest wait for the client to say where it is.
const WORD_LIMIT: Duration = Duration::from_mins(1);

/// Between two looks at what it said.
const LOOK: Duration = Duration::from_millis(5);

impl Bench<'_> {
    pub(super) fn held(&self, server: Server) -> Result<Sample, String> {
        let (at, work) = (scratch::free_address()?, Work::Held);
        let line = server.line(self.programs, Service::Echo, Sockets::Same, at)?;
        let started = self.started(&line, at, Service::Echo)?;
        let count = if self.little { HELD_LITTLE } else { HELD };
        let mut client = self.pinned(GENERATOR_CORE, &self.client_line(&work, at, count)?)?;
        let said = self.scratch.join("client.out");
        let file = File::create(&said).map_err(|error| format!("cannot keep output: {error}"))?;
        client.stdin(Stdio::piped()).stdout(file);
        let log = self.scratch.join("generator.log");
        let mut client = Program::start(self.scratch, &mut client, &log)?;
        let mut orders = client.input().ok_or("the client has no input")?;
        wait_for("first", &said, &client)?;
        let before = (usage::settled_anonymous(started.group()), usage::kernel_memory());
        go_on(&mut orders)?;
        wait_for("held", &said, &client)?;
        if !self.little {
            thread::sleep(SILENCE);
        }
        let after = (usage::settled_anonymous(started.group()), usage::kernel_memory());
        go_on(&mut orders)?;
        // It looks at every connection once more before it ends.
        client.wait()?;
        Ok(vec![Some(each(before.0, after.0, count)), Some(each(before.1, after.1, count))])
    }
}

fn wait_for(word: &str, said: &Path, client: &Program<'_>) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(said).unwrap_or_default();
        if text.lines().any(|line| line == word) {
            return Ok(());
        }
        if usage::has_ended(client.group()) || start.elapsed() > WORD_LIMIT {
            return Err(format!("the client did not say `{word}`{}", client.last_words()));
        }
        thread::sleep(LOOK);
    }
}

fn go_on(orders: &mut ChildStdin) -> Result<(), String> {
    orders.write_all(b"x").map_err(|error| format!("the client takes no orders: {error}"))
}
