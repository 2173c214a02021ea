//! Values: what they must be once placeholders are filled in.

use std::time::Duration;

use super::super::Problem;
use super::super::known::{CLOSE_REASONS, LANGUAGES, LOGGING_VERBS, SIGNALS};
use super::super::parse::suggestion;
use crate::client::Pattern;
use crate::net::nearest_name;
use crate::net::url::{Place, Transport, Url};
use crate::relay::Fault;
use crate::scenario::file::{
    Action, At, Expect, FileExpect, FileSpec, Length, Numbers, RelayStep, Scenario, Step, Words,
};

/// The longest that anything may take.
const LONGEST: Duration = Duration::from_hours(1);
/// The largest file to make.
const FILE_MAX: u64 = 4 << 30;

pub(super) fn check(scenario: &Scenario, problems: &mut Vec<Problem>) {
    for file in &scenario.files {
        problems.extend(path(&file.path, file.offset));
    }
    for index in 0..scenario.steps.len() {
        step(scenario, index, problems);
    }
}

fn step(scenario: &Scenario, index: usize, problems: &mut Vec<Problem>) {
    let step = &scenario.steps[index];
    let here = step.offset;
    match step.action() {
        Action::Relay(relay) => of_relay(relay, problems),
        Action::Fault(_) => fault(scenario, step, problems),
        Action::Write(file) => problems.extend(path(&file.path, file.offset)),
        Action::Pause(pause) => problems.extend(length(pause, "pause")),
        _ => {}
    }
    if let Some(limit) = &step.time_limit {
        problems.extend(length(limit, "time_limit"));
    }
    problems.extend(step.directory.iter().filter_map(|text| path(text, here)));
    problems.extend(step.stdin_file.iter().filter_map(|file| path(file, file.offset)));
    if let Some(language) = &step.language {
        problems.extend(one_of(language, &LANGUAGES, "language"));
    }
    if let Some(name) = step.environment.keys().find(|name| name.is_empty() || name.contains('=')) {
        problems.push(Problem::new(here, format!("`{name}` cannot be the name of a variable")));
    }
    if let Some(ready) = &step.ready {
        if let Some(port) = ready.listens.as_ref().filter(|text| !is_port(text)) {
            let what = format!("`{}` is not a port: 1 to 65535", port.value);
            problems.push(Problem::new(port.offset, what));
        }
        problems.extend(ready.prints.iter().filter_map(|text| pattern(text, text.offset)));
    }
    if let Some(expect) = &step.expect {
        expected(expect, tells(scenario, index), problems);
    }
}

/// Whether the program of a step tells events.
fn tells(scenario: &Scenario, index: usize) -> bool {
    match scenario.steps[index].action() {
        Action::Run(words) | Action::Start(words) => tells_events(words),
        Action::Relay(_) => true,
        Action::Wait(of) | Action::Stop(of) => {
            scenario.step_named(of).is_some_and(|other| other < index && tells(scenario, other))
        }
        _ => false,
    }
}

fn tells_events(words: &Words) -> bool {
    let [program, arguments @ ..] = words.0.as_slice() else { return false };
    program == "colok" && arguments.iter().any(|word| LOGGING_VERBS.contains(&word.as_str()))
}

fn expected(expect: &Expect, tells: bool, problems: &mut Vec<Problem>) {
    let of_events = [
        ("errno", expect.errno.as_ref().map(|at| at.offset)),
        ("closed", expect.closed.as_ref().map(|at| at.offset)),
        ("events", expect.events.first().map(|at| at.offset)),
        ("order", expect.order.as_ref().map(|at| at.offset)),
    ];
    for (key, offset) in of_events.into_iter().filter(|_| !tells) {
        let Some(offset) = offset else { continue };
        let what = format!("`expect.{key}` needs a program that tells events");
        let hint = format!("only relays and `colok` do, with {}", LOGGING_VERBS.join(", "));
        problems.push(Problem::new(offset, what).hint(hint));
    }
    if let Some(signal) = &expect.signal {
        problems.extend(one_of(signal, &SIGNALS, "signal"));
    }
    problems.extend(expect.errno.as_ref().and_then(errno));
    for many in [&expect.stdout_like, &expect.stderr_like].into_iter().flatten() {
        problems.extend(many.value.0.iter().filter_map(|text| pattern(text, many.offset)));
    }
    if let Some(file) = &expect.stdout_same_as {
        problems.extend(path(file, file.offset));
    }
    if let Some(closed) = &expect.closed {
        problems.extend(closed.value.0.iter().filter_map(|text| reason(text, closed.offset)));
    }
    for file in &expect.files {
        of_file(file, problems);
    }
    for (key, figure) in expect.figures.iter().filter(|(key, _)| key.split('.').any(str::is_empty))
    {
        let what = format!("`{key}` is not the path of a figure");
        problems.push(Problem::new(figure.offset, what).hint("write for example `summary.lost`"));
    }
}

fn of_file(file: &At<FileExpect>, problems: &mut Vec<Problem>) {
    problems.extend(path(&file.path, file.offset));
    if let Some(same_as) = &file.same_as {
        let other = same_as.split_once(':').map_or(same_as.as_str(), |(_, path)| path);
        problems.extend(path(other, file.offset));
    }
    problems.extend(file.mode.iter().filter_map(|text| mode(text, file.offset)));
    let hash = |text: &&String| text.len() == 64 && text.bytes().all(|one| one.is_ascii_hexdigit());
    if let Some(wrong) = file.blake3.as_ref().filter(|text| !hash(text)) {
        let what = format!("`{wrong}` is not a BLAKE3 hash: 64 hexadecimal digits");
        problems.push(Problem::new(file.offset, what));
    }
}

/// What is wrong with a file to make, apart from its path.
pub(super) fn file_spec(file: &FileSpec, offset: usize, problems: &mut Vec<Problem>) {
    if file.text.is_some() == file.size.is_some() {
        let what = format!("`{}` needs a `text` or a `size`, and not both", file.path);
        problems.push(Problem::new(offset, what).hint("an empty file has `text = \"\"`"));
    }
    if let Some(size) = file.size.as_ref().filter(|size| size.value.0 > FILE_MAX) {
        problems.push(Problem::new(size.offset, "a file to make has 4 GiB at most"));
    }
    problems.extend(file.mode.iter().filter_map(|at| mode(at, at.offset)));
}

/// A length of time that is none or too long.
pub(super) fn length(length: &At<Length>, key: &str) -> Option<Problem> {
    let fine = length.value.0 > Duration::ZERO && length.value.0 <= LONGEST;
    (!fine).then(|| Problem::new(length.offset, format!("`{key}` must be above 0 and at most 1h")))
}

/// A path that is not below its folder.
fn path(text: &str, offset: usize) -> Option<Problem> {
    let inside = !text.is_empty()
        && !text.starts_with('/')
        && !text.contains('\0')
        && text.split('/').all(|part| part != "..");
    (!inside).then(|| {
        Problem::new(offset, format!("`{text}` is not below the folder of its host"))
            .hint("write a relative path, such as `in/a.txt`")
    })
}

fn mode(text: &str, offset: usize) -> Option<Problem> {
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|one| matches!(one, b'0'..=b'7'));
    (!octal).then(|| {
        Problem::new(offset, format!("`{text}` are no permissions"))
            .hint("write them in octal, such as `0644`")
    })
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn pattern(text: &str, offset: usize) -> Option<Problem> {
    match Pattern::parse(text) {
        Ok(pattern) if pattern.is_stars() => Some(
            Problem::new(offset, format!("`{text}` matches even nothing: it is always true"))
                .hint("`?*` is one byte or more"),
        ),
        Ok(_) => None,
        Err(error) => Some(Problem::new(offset, format!("`{text}` is not a pattern: {error}"))),
    }
}

fn one_of(text: &At<String>, known: &[&str], key: &str) -> Option<Problem> {
    if known.contains(&text.value.as_str()) {
        return None;
    }
    let hint = match text.value.strip_prefix("SIG") {
        Some(short) if known.contains(&short) => format!("write `{short}`"),
        _ => suggestion(text, known, "there are"),
    };
    Some(Problem::new(text.offset, format!("`{key}` cannot be `{}`", text.value)).hint(hint))
}

/// A reason to close that does not exist.
fn reason(text: &str, offset: usize) -> Option<Problem> {
    let word = text.split('(').next().unwrap_or_default();
    if CLOSE_REASONS.contains(&word) || text.contains(['*', '?']) {
        return None;
    }
    let hint = suggestion(word, &CLOSE_REASONS, "there are");
    Some(Problem::new(offset, format!("nothing is closed for the reason `{text}`")).hint(hint))
}

/// The name of an error that does not exist.
fn errno(name: &At<String>) -> Option<Problem> {
    if crate::observe::errno_named(name).is_some() {
        return None;
    }
    let common = [
        "EACCES",
        "EADDRINUSE",
        "EADDRNOTAVAIL",
        "EAGAIN",
        "ECONNABORTED",
        "ECONNREFUSED",
        "ECONNRESET",
        "EHOSTUNREACH",
        "EMFILE",
        "EMSGSIZE",
        "ENETUNREACH",
        "ENOENT",
        "ENOSPC",
        "EPERM",
        "EPIPE",
        "ETIMEDOUT",
    ];
    let what = format!("there is no error `{}`", name.value);
    let hint = match nearest_name(name, common) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write its name, such as `ECONNREFUSED`".to_owned(),
    };
    Some(Problem::new(name.offset, what).hint(hint))
}

fn of_relay(relay: &RelayStep, problems: &mut Vec<Problem>) {
    let listen = url(&relay.listen, problems);
    let target = url(&relay.target, problems);
    if let (Some(listen), Some(target)) = (listen, target)
        && (listen == Transport::Udp) != (target == Transport::Udp)
    {
        let what = "a relay passes on streams or datagrams, and does not turn one into the other";
        problems.push(Problem::new(relay.target.offset, what));
    }
    of_faults(&relay.faults, listen, problems);
}

fn of_faults(faults: &[At<Fault>], transport: Option<Transport>, problems: &mut Vec<Problem>) {
    for fault in faults {
        let result = match transport {
            Some(transport) => fault.check_for(transport),
            None => fault.check(),
        };
        problems.extend(result.err().map(|what| Problem::new(fault.offset, what)));
    }
}

/// The transport of an address, which must name a port.
fn url(text: &At<String>, problems: &mut Vec<Problem>) -> Option<Transport> {
    let url = match text.parse::<Url>() {
        Ok(url) => url,
        Err(error) => {
            problems.push(Problem::new(text.offset, error.to_string()));
            return None;
        }
    };
    if matches!(url.place, Place::Inet { port: None | Some(0), .. }) {
        let what = format!("`{}` names no port", text.value);
        problems.push(Problem::new(text.offset, what).hint("`{port}` is a free one"));
    }
    Some(url.transport)
}

fn fault(scenario: &Scenario, step: &Step, problems: &mut Vec<Problem>) {
    let Some(fault) = &step.fault else { return };
    if let Some(new) = &fault.relay {
        let relay = scenario.step_named(&new.of).and_then(|at| scenario.steps[at].relay.as_ref());
        let listen = relay.and_then(|relay| relay.listen.parse::<Url>().ok());
        of_faults(&new.faults, listen.map(|url| url.transport), problems);
        if new.faults.is_empty() {
            let hint = "to end the faults of a relay write `clear`";
            problems.push(Problem::new(fault.offset, "there is no fault in it").hint(hint));
        }
    }
    if let Some(drop) = &fault.drop
        && let Some(ports) = drop.port.as_ref().filter(|ports| !are_ports(ports))
    {
        problems.push(Problem::new(ports.offset, "`port` must be 1 to 65535"));
    }
    if let Some(rate) = fault.rate.as_ref().filter(|rate| rate.bytes_per_second.value.0 == 0) {
        let what = "`bytes_per_second` must be above 0";
        problems.push(Problem::new(rate.offset, what).hint("`link_down` takes a link away"));
    }
    if let Some(signal) = &fault.signal {
        problems.extend(one_of(&signal.name, &SIGNALS, "name"));
    }
    if let Some(held) = &fault.hold_address {
        url(&held.address, problems);
    }
}

/// Whether all of these are ports; a range may be open.
fn are_ports(numbers: &Numbers) -> bool {
    numbers.0.iter().all(|&(least, most)| {
        (least == i64::MIN || (1..=65_535).contains(&least))
            && (most == i64::MAX || (1..=65_535).contains(&most))
    })
}
