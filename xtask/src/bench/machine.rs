//! The machine, the day and the versions: without them a figure means nothing.

use std::{fs, process::Command, thread};

use crate::{context::Context, process};

/// What a reader needs to know to compare the figures with his own, one fact per line.
pub(crate) fn facts(context: &Context) -> Vec<String> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = number_in("/proc/meminfo", "MemTotal:").unwrap_or(0) / 1024;
    vec![
        format!("Date: {}", said(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))),
        format!("Processor: {}, {cores} cores in use", processor()),
        format!("Memory: {memory} MiB"),
        format!("Kernel: {}", first_line("/proc/sys/kernel/osrelease")),
        format!("System: {}", system()),
        format!("Revision: {}", revision(context)),
    ]
}

/// The load when the run began: other work on the machine is in every figure.
pub(crate) fn load() -> String {
    let text = first_line("/proc/loadavg");
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The version of a Debian package, as `netcat-openbsd 1.219-1`.
pub(crate) fn package_version(package: &str) -> String {
    let format = "--showformat=${Package} ${Version}";
    said(Command::new("dpkg-query").args(["--show", format, package]))
}

/// The first line of what a command says, or that it is not known.
pub(crate) fn said(command: &mut Command) -> String {
    let text = process::read(command).unwrap_or_default();
    match text.lines().next() {
        Some(line) if !line.trim().is_empty() => line.trim().to_owned(),
        _ => "not known".to_owned(),
    }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| "not known".to_owned())
}

fn system() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or("not known", |name| name.trim_matches('"')).to_owned()
}

fn revision(context: &Context) -> String {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(&context.root).args(words);
        command
    };
    let commit = said(&mut git(&["rev-parse", "--short=10", "HEAD"]));
    match process::read(&mut git(&["status", "--porcelain"])) {
        Ok(changes) if changes.is_empty() => commit,
        Ok(_) => format!("{commit} with changes that are not committed"),
        Err(_) => commit,
    }
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("not known").to_owned()
}

fn number_in(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?.trim();
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_known() {
        assert_eq!(said(&mut Command::new("/no/such/program")), "not known");
        assert_eq!(said(Command::new("echo").arg("one\ntwo")), "one");
        assert!(number_in("/proc/meminfo", "MemTotal:").is_some());
        assert!(load().parse::<f64>().is_ok());
    }
}
