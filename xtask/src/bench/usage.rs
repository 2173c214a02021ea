//! What programs used, from `/proc`: processor time and memory.
//!
//! The kernel counts processor time in nanoseconds and tells it in clock ticks (10 ms), cut off
//! separately for user and system time; so a figure here may be up to two ticks short per process.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// Every Linux that Rust runs on shows 100 ticks per second in `/proc` (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// How long nothing may be counted before a server is taken for quiet: above a tick.
const QUIET: Duration = Duration::from_millis(30);

/// The longest wait for that.
const SETTLE_LIMIT: Duration = Duration::from_secs(5);

/// What a process group used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// User and system time of all members, and of the children they have waited for.
    pub(crate) processor: Duration,
    /// Sum of the peaks of resident memory of the members that live, in KiB.
    pub(crate) memory_kib: u64,
}

/// The processor time of all our children that have ended, and of theirs.
pub(crate) fn ended_children() -> Result<Duration, String> {
    let stat = Stat::read("self").ok_or("cannot read /proc/self/stat")?;
    Ok(ticks(stat.waited_for))
}

/// What the members of a process group used so far.
pub(crate) fn group(group: u32) -> Used {
    let mut used = Used::default();
    for (name, stat) in members(group) {
        used.processor += ticks(stat.own + stat.waited_for);
        used.memory_kib += number_of(&name, "status", "VmHWM:").unwrap_or(0);
    }
    used
}

/// The processor time of a process group in nanoseconds: what the scheduler counted for the threads
/// that live, or ticks where that is less because threads have ended.
pub(crate) fn processor_ns(number: u32) -> u64 {
    let threads = members(number).flat_map(|(name, _)| {
        fs::read_dir(format!("/proc/{name}/task")).into_iter().flatten().flatten()
    });
    let counted = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    let ticks = group(number).processor.as_nanos();
    counted.sum::<u64>().max(u64::try_from(ticks).unwrap_or(u64::MAX))
}

/// The same when the group has nothing left to do.
pub(crate) fn settled_processor_ns(number: u32) -> u64 {
    settled_group(number);
    processor_ns(number)
}

/// Pages that belong to a group alone, in KiB, counted one by one when it has come to rest.
pub(crate) fn settled_anonymous(group: u32) -> u64 {
    settled_group(group);
    members(group).filter_map(|(name, _)| number_of(&name, "smaps_rollup", "Anonymous:")).sum()
}

/// The processes of a group that live, and their descendants: workers may lead groups of their own.
fn members(group: u32) -> impl Iterator<Item = (String, Stat)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let numbers = names.filter(|name| name.bytes().all(|letter| letter.is_ascii_digit()));
    let mut others: Vec<_> =
        numbers.filter_map(|name| Stat::read(&name).map(|stat| (name, stat))).collect();
    let mut members: Vec<(String, Stat)> = Vec::new();
    loop {
        let belongs = |(_, stat): &mut (String, Stat)| {
            let parent = stat.parent.to_string();
            stat.group == group || members.iter().any(|(name, _)| *name == parent)
        };
        let found: Vec<_> = others.extract_if(.., belongs).collect();
        if found.is_empty() {
            return members.into_iter();
        }
        members.extend(found);
    }
}

/// The proportional set size of a group in KiB: its own pages, and of shared ones its share. Read
/// when the group has come to rest.
pub(crate) fn settled_share(group: u32) -> u64 {
    settled_group(group);
    members(group).filter_map(|(name, _)| number_of(&name, "smaps_rollup", "Pss:")).sum()
}

/// What the kernel itself holds in KiB, for everybody: objects (sockets, files), stacks of threads,
/// page tables.
pub(crate) fn kernel_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    ["Slab:", "KernelStack:", "PageTables:"].iter().filter_map(|name| number_in(&text, name)).sum()
}

/// How many descriptors a process may have at most, as `prlimit` takes it; `None` when there is no
/// limit or it is not known.
pub(crate) fn descriptors_max() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The same when the group has nothing left to do for what it was just asked.
pub(crate) fn settled_group(number: u32) -> Used {
    let start = Instant::now();
    let mut before = group(number);
    loop {
        thread::sleep(QUIET);
        let now = group(number);
        if now.processor == before.processor || start.elapsed() > SETTLE_LIMIT {
            return now;
        }
        before = now;
    }
}

/// Whether the process has ended and nobody has waited for it yet, or is gone.
pub(crate) fn has_ended(process: u32) -> bool {
    Stat::read(&process.to_string()).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
}

fn ticks(count: u64) -> Duration {
    TICK.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A line of a file of a process, in KiB; a process that has ended has none.
fn number_of(process: &str, file: &str, name: &str) -> Option<u64> {
    number_in(&fs::read_to_string(format!("/proc/{process}/{file}")).ok()?, name)
}

fn number_in(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The fields of `/proc/PID/stat` that matter here; times in ticks.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: u32,
    group: u32,
    /// `utime` and `stime`: all threads, also those that ended.
    own: u64,
    /// `cutime` and `cstime`: children that were waited for.
    waited_for: u64,
}

impl Stat {
    fn read(process: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// The name in brackets may hold anything, brackets and spaces too; the fields follow the last
    /// bracket. proc(5) counts `state` as field 3, `ppid` as 4,
    /// `pgrp` as 5 and the times as 14 to 17.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            own: number(14)? + number(15)?,
            waited_for: number(16)? + number(17)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let text = "7 (a) b (c) S 1 7 7 0 -1 4194304 110 220 0 0 11 22 33 44 20 0 1 0 99 1 1";
        let expected = Stat { state: 'S', parent: 1, group: 7, own: 33, waited_for: 77 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("7 (a"), None);
    }

    #[test]
    fn a_process_is_seen_with_its_memory_until_it_is_gone() {
        let own = Stat::read("self").unwrap();
        assert!(group(own.group).memory_kib > 0);
        assert!(settled_share(own.group) > 0 && kernel_memory() > 0);
        assert!(processor_ns(own.group) > 0 && settled_anonymous(own.group) > 0);
        assert!(!has_ended(std::process::id()));
        let mut worker = std::process::Command::new("sleep");
        let mut worker = worker.arg("600").process_group(0).spawn().unwrap();
        let name = worker.id().to_string();
        let found = members(own.group).any(|(member, _)| member == name);
        worker.kill().unwrap();
        worker.wait().unwrap();
        assert!(found, "a child that leads a group of its own");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(has_ended(child.id()));
    }
}
