//! Processes of the system as `/proc` shows them (proc(5)), and the end of those that an agent has
//! brought into the world.
//!
//! An agent is the reaper of all that its programs leave behind (`PR_SET_CHILD_SUBREAPER`), so
//! everything that they started, also in sessions of their own, descends from it for as long as it
//! lives. Nothing that does not is ever signalled.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal, waitpid,
};

/// How long killed processes may take to be gone. One in an uninterruptible wait may take longer;
/// it is not waited for.
const GONE_MAX: Duration = Duration::from_secs(5);

/// How often is looked whether they are gone.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// A letter: `R`, `S`, `T`, `Z`...
    pub(super) state: char,
    pub(super) parent: i32,
    pub(super) group: i32,
    /// With the number it names a process for as long as the system runs.
    pub(super) start_ticks: u64,
}

/// Of one process; `None` when there is none.
pub(super) fn stat(process: Pid) -> Option<Stat> {
    let text = fs::read(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    parse(&String::from_utf8_lossy(&text))
}

/// The name stands in parentheses and may hold any character, so fields are counted from the last.
fn parse(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

/// Every process that descends from this one.
pub(super) fn descendants() -> Vec<(Pid, Stat)> {
    let all = all();
    let own = getpid().as_raw_nonzero().get();
    let ours = |mut process: i32| {
        // A parent may end while we read, so chains may break or, with numbers used again, turn.
        for _ in 0..all.len() {
            match all.get(&process) {
                Some(stat) if stat.parent == own => return true,
                Some(stat) => process = stat.parent,
                None => return false,
            }
        }
        false
    };
    let found = all.iter().filter(|(process, _)| **process != own && ours(**process));
    found.filter_map(|(process, stat)| Some((Pid::from_raw(*process)?, *stat))).collect()
}

fn all() -> HashMap<i32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(|number: i32| Some((number, stat(Pid::from_raw(number)?)?))).collect()
}

/// Whether a process of this group lives, among those that descend from this one.
pub(super) fn group_lives(group: Pid) -> bool {
    let group = group.as_raw_nonzero().get();
    descendants().iter().any(|(_, stat)| stat.group == group && stat.state != 'Z')
}

/// Kills everything that descends from this process and waits until it is gone. What `ours` says
/// of a process is whether somebody else here waits for it; the rest is reaped.
pub(super) fn kill_all(ours: impl Fn(Pid) -> bool) {
    let until = Instant::now() + GONE_MAX;
    loop {
        let living = descendants();
        let mut killed = 0;
        for (process, stat) in &living {
            if stat.state == 'Z' {
                reap_orphan(*process, stat, &ours);
            } else {
                kill(*process, stat);
                killed += 1;
            }
        }
        if killed == 0 || Instant::now() > until {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Takes the status of processes that were left to this one and have ended.
pub(super) fn reap_orphans(ours: impl Fn(Pid) -> bool) {
    for (process, stat) in descendants() {
        reap_orphan(process, &stat, &ours);
    }
}

fn reap_orphan(process: Pid, stat: &Stat, ours: &impl Fn(Pid) -> bool) {
    let own = getpid().as_raw_nonzero().get();
    if stat.state == 'Z' && stat.parent == own && !ours(process) {
        // It was one of ours until now if this fails.
        let _ = waitpid(Some(process), WaitOptions::NOHANG);
    }
}

/// Kills the process that had this number when its line was read, and no other one.
fn kill(process: Pid, seen: &Stat) {
    let Ok(descriptor) = pidfd_open(process, PidfdFlags::empty()) else { return };
    if stat(process).is_some_and(|now| now.start_ticks == seen.start_ticks) {
        // An error means that it has ended.
        let _ = pidfd_send_signal(&descriptor, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let line = "77 (a) b (c) S 5 6 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9";
        let wanted = Stat { state: 'S', parent: 5, group: 6, start_ticks: 4242 };
        assert_eq!(parse(line), Some(wanted));
        assert_eq!(parse("77 (a) S 5"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn this_process_is_seen() {
        let stat = stat(getpid()).expect("it lives");
        assert!(stat.start_ticks > 0 && stat.state != 'Z');
    }
}
