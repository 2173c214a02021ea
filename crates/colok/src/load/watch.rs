//! What a server on this machine uses: processor time and memory of a process and of all its
//! descendants, those that come and those that go.
//!
//! It only looks. Three sources, because none is enough alone:
//! - the CPU clock of each process, which is exact to the nanosecond and has threads that ended in
//!   it (the sum of `/proc/PID/task/*/schedstat` is as exact, but forgets them);
//! - the children's time in `/proc/PID/stat`, in ticks of 10 ms, for processes that ended and were
//!   waited for, which no clock has any more;
//! - user and system time in the same file, which say how the exact total is divided. Kernels
//!   sample that division, so it is rougher than the total.
//!
//! A [`Look`] takes some microseconds per process and thread: not for every interval.

mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustix::process::getpid;

use super::report::ServerUse;
use process::{Process, Times};

/// With more threads than this nobody asks which is the busiest: looking would cost more than it
/// tells, since every thread is a file of its own.
const THREADS_MAX: usize = 1024;

/// Why a server cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// There is none with this number, or it is hidden from this user.
    #[error("there is no process {pid}, or this user may not see it")]
    NoSuchProcess {
        /// The number.
        pid: u32,
    },
}

/// A server that is watched.
#[derive(Debug)]
pub struct Watch {
    pid: u32,
    name: String,
    /// All that were ever seen to belong to it, by number and start: a child whose parent ended
    /// belongs to the server still.
    known: BTreeSet<(u32, u64)>,
    /// Before the first connection.
    memory_kib: u64,
}

/// What the server had used at one moment.
#[derive(Clone, Debug)]
pub struct Look {
    at: Instant,
    processes: BTreeMap<(u32, u64), Process>,
}

impl Watch {
    /// Begins to watch, before the first connection. A number of a thread means its process.
    pub fn begin(pid: u32) -> Result<Self, WatchError> {
        let missing = WatchError::NoSuchProcess { pid };
        let pid = process::leader(pid).ok_or(missing)?;
        let name = process::name(pid).ok_or(missing)?;
        let root = process::stat(pid).ok_or(missing)?;
        let known = BTreeSet::from([(pid, root.start_ticks)]);
        let mut watch = Self { pid, name, known, memory_kib: 0 };
        watch.memory_kib = watch.look().memory_kib();
        Ok(watch)
    }

    /// What it has used until now.
    pub fn look(&mut self) -> Look {
        let mut processes = BTreeMap::new();
        let all = process::all();
        let ourselves = u32::try_from(getpid().as_raw_nonzero().get()).unwrap_or(0);
        let mut waiting: Vec<(u32, u64)> = self.known.iter().copied().collect();
        while let Some((pid, start_ticks)) = waiting.pop() {
            // Ended, or another process has its number by now.
            let Some(stat) = all.get(&pid).filter(|stat| stat.start_ticks == start_ticks) else {
                continue;
            };
            let Some(process) = Process::of(pid, stat) else { continue };
            processes.insert((pid, start_ticks), process);
            self.known.insert((pid, start_ticks));
            // Who started both server and generator from one place named their parent.
            let children = all.iter().filter(|(child, stat)| {
                stat.parent == pid
                    && **child != ourselves
                    && !processes.contains_key(&(**child, stat.start_ticks))
            });
            waiting.extend(children.map(|(child, stat)| (*child, stat.start_ticks)));
        }
        Look { at: Instant::now(), processes }
    }

    /// The processors that the server's threads may run on, by number, ascending.
    pub fn processors(&mut self) -> Vec<u32> {
        let look = self.look();
        let all: BTreeSet<u32> =
            look.processes.keys().flat_map(|(pid, _)| process::processors(*pid)).collect();
        all.into_iter().collect()
    }

    /// What was used between two looks. `seconds` is the measured time and `messages` those
    /// answered in it; the looks may lie a little outside. `None` when the server has ended.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
    pub fn used(
        &self,
        before: &Look,
        after: &Look,
        seconds: f64,
        messages: u64,
        connections: u64,
    ) -> Option<ServerUse> {
        if !after.processes.keys().any(|(pid, _)| *pid == self.pid) {
            return None;
        }
        let between = after.at.saturating_duration_since(before.at).as_secs_f64();
        let (total, divided) = difference(before, after);
        let busy = if between > 0.0 { total.as_secs_f64() / between } else { 0.0 };
        let per_message =
            |share: f64| (messages > 0).then(|| busy * share * seconds * 1e6 / messages as f64);
        let ticks = divided.total();
        let share = |of: Duration| Some(of.as_secs_f64() / ticks.as_secs_f64());
        let part = |of: Duration| share(of).filter(|_| !ticks.is_zero()).and_then(per_message);
        let memory_kib = after.memory_kib();
        let grown = |from: u64, by: u64| {
            (by > 0).then(|| (memory_kib as f64 - from as f64) * 1024.0 / by as f64)
        };
        Some(ServerUse {
            pid: self.pid,
            name: self.name.clone(),
            processes: u32::try_from(after.processes.len()).unwrap_or(u32::MAX),
            busy,
            busiest_thread: busiest_thread(before, after)
                .filter(|_| between > 0.0)
                .map(|time| time.as_secs_f64() / between),
            user_us_per_message: part(divided.user),
            system_us_per_message: part(divided.system),
            memory_kib,
            memory_bytes_per_connection: grown(self.memory_kib, connections),
            memory_bytes_per_message: grown(before.memory_kib(), messages),
        })
    }
}

impl Look {
    fn memory_kib(&self) -> u64 {
        self.processes.values().map(|process| process.memory_kib).sum()
    }
}

/// Processor time between two looks: exact, and as the kernel divides it.
fn difference(before: &Look, after: &Look) -> (Duration, Times) {
    let mut total = Duration::ZERO;
    let mut divided = Times::default();
    // Of children that were waited for, and how much of that was used before the first look.
    let (mut waited_for, mut gone) = (Times::default(), Times::default());
    // One that is new has used all of its time in between.
    let unborn = Process::default();
    for (key, process) in &after.processes {
        let earlier = before.processes.get(key).unwrap_or(&unborn);
        total += process.clock.saturating_sub(earlier.clock);
        divided = divided.plus(process.own.minus(earlier.own));
        waited_for = waited_for.plus(process.children.minus(earlier.children));
    }
    for (key, process) in &before.processes {
        if !after.processes.contains_key(key) {
            gone = gone.plus(process.own).plus(process.children);
        }
    }
    // A parent that ignores its children's end never gets their time; then there is less than
    // what had been used before, and nothing is known.
    let children = waited_for.minus(gone);
    (total + children.total(), divided.plus(children))
}

/// `None` where threads cannot be told apart, or are too many.
fn busiest_thread(before: &Look, after: &Look) -> Option<Duration> {
    let threads = after.processes.values().map(|process| process.threads.len()).sum::<usize>();
    if threads > THREADS_MAX {
        return None;
    }
    let used = after.processes.iter().flat_map(|(key, process)| {
        let earlier = before.processes.get(key);
        process.threads.iter().map(move |(thread, time)| {
            let earlier = earlier.and_then(|process| process.threads.get(thread));
            time.saturating_sub(earlier.copied().unwrap_or_default())
        })
    });
    used.max()
}

#[cfg(test)]
mod tests;
