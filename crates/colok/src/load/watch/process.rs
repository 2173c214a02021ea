//! One process as `/proc` shows it (proc(5)). Read-only; what has ended meanwhile is `None`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

use rustix::process::Pid;

use super::THREADS_MAX;

/// `USER_HZ`, the unit in which the kernel tells times to programs, whatever it counts in itself.
/// It is the same on every architecture that Rust builds for on Linux.
const TICKS_PER_S: u64 = 100;

/// User and system time as the kernel divides them, in whole ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) user: Duration,
    pub(super) system: Duration,
}

impl Times {
    pub(super) fn total(self) -> Duration {
        self.user + self.system
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }

    /// Never below nothing: rounding to ticks may take one away.
    pub(super) fn minus(self, other: Self) -> Self {
        let less = Duration::saturating_sub;
        Self { user: less(self.user, other.user), system: less(self.system, other.system) }
    }
}

/// What one line tells of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) parent: u32,
    /// With the number it names a process for as long as the system runs.
    pub(super) start_ticks: u64,
    own: Times,
    children: Times,
}

/// What a process has used.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    /// Of all its threads, those that ended too.
    pub(super) clock: Duration,
    /// The same in ticks, divided.
    pub(super) own: Times,
    /// Of its children that ended and were waited for, and of theirs.
    pub(super) children: Times,
    /// Of each living thread.
    pub(super) threads: BTreeMap<u32, Duration>,
    /// Proportional; resident where that is not to be had.
    pub(super) memory_kib: u64,
}

impl Process {
    /// Of the process that has this line.
    pub(super) fn of(pid: u32, stat: &Stat) -> Option<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        // A kernel without such clocks still has ticks.
        let clock = colok_sys::processor_time::of_process(number);
        Some(Self {
            clock: clock.unwrap_or(stat.own.total()),
            own: stat.own,
            children: stat.children,
            threads: threads(pid),
            memory_kib: memory_kib(pid),
        })
    }
}

/// Every process that this user can see.
pub(super) fn all() -> HashMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

/// Of one process.
pub(super) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name stands in parentheses and may hold any character, parentheses too; so what follows is
/// counted from the last one.
pub(super) fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Numbered as in proc(5), where the state is the third.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let time = |number: usize| {
        let ticks = field(number)?;
        Some(Duration::from_nanos(ticks.checked_mul(1_000_000_000 / TICKS_PER_S)?))
    };
    Some(Stat {
        parent: u32::try_from(field(4)?).ok()?,
        own: Times { user: time(14)?, system: time(15)? },
        children: Times { user: time(16)?, system: time(17)? },
        start_ticks: field(22)?,
    })
}

/// The process that a thread belongs to; of a process itself.
pub(super) fn leader(pid: u32) -> Option<u32> {
    status(pid, "Tgid:")?.parse().ok()
}

/// Its name, made printable: a process can call itself anything.
pub(super) fn name(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    Some(crate::observe::printable(line))
}

/// The processors that any of its threads may run on.
pub(super) fn processors(pid: u32) -> Vec<u32> {
    let mut all = Vec::new();
    for thread in thread_numbers(pid).into_iter().take(THREADS_MAX) {
        let path = format!("/proc/{pid}/task/{thread}/status");
        let text = fs::read_to_string(path).unwrap_or_default();
        all.extend(line(&text, "Cpus_allowed_list:").map(parse_list).unwrap_or_default());
    }
    all
}

/// `0-3,8`: numbers and ranges.
pub(super) fn parse_list(text: &str) -> Vec<u32> {
    let ranges = text.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?)
    });
    ranges.flatten().collect()
}

/// The first figure of each thread's `schedstat`: nanoseconds on a processor. Empty where the
/// kernel does not count them, or there are too many threads to ask.
fn threads(pid: u32) -> BTreeMap<u32, Duration> {
    let numbers = thread_numbers(pid);
    if numbers.len() > THREADS_MAX {
        return BTreeMap::new();
    }
    let of = |thread: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
        let nanoseconds = text.split_ascii_whitespace().next()?.parse().ok()?;
        Some((thread, Duration::from_nanos(nanoseconds)))
    };
    numbers.into_iter().filter_map(of).collect()
}

fn thread_numbers(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn memory_kib(pid: u32) -> u64 {
    // Another user's memory map may be closed to us, where its size is not.
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let proportional = line(&rollup, "Pss:").and_then(kib);
    proportional.or_else(|| kib(&status(pid, "VmRSS:")?)).unwrap_or(0)
}

/// `1700 kB`.
fn kib(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

fn status(pid: u32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    line(&text, key).map(str::to_owned)
}

/// What stands behind a key at the beginning of a line.
fn line<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}
