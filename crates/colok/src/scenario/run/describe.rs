//! What a step does, in words for people: what `--dry-run`, the live view and the record show.

use super::command;
use crate::relay;
use crate::scenario::file::{At, FaultStep, FileSpec, RelayStep, Step, Way};

/// The action of a step (`run`, `start`, `relay`, `fault`, `clear`, `wait`, `stop`, `write`,
/// `pause`, or `expect`), and what exactly is done.
pub fn describe(step: &Step) -> (&'static str, String) {
    if let Some(words) = &step.run {
        let copies = step.copies.as_ref().map_or(1, |copies| copies.value);
        let times = if copies > 1 { format!(" ({copies} copies)") } else { String::new() };
        return ("run", command::text(&words.value.0) + &times);
    }
    if let Some(words) = &step.start {
        return ("start", command::text(&words.value.0));
    }
    if let Some(relay) = &step.relay {
        return ("relay", relay_text(relay));
    }
    if let Some(fault) = &step.fault {
        return ("fault", fault_text(fault));
    }
    let named = [("clear", &step.clear), ("wait", &step.wait), ("stop", &step.stop)];
    for (action, name) in named {
        if let Some(name) = name {
            return (action, name.value.clone());
        }
    }
    if let Some(file) = &step.write {
        return ("write", file_text(file));
    }
    if let Some(pause) = &step.pause {
        return ("pause", format!("{:?}", pause.value.0));
    }
    ("expect", String::new())
}

/// A relay and the faults that it has from the beginning.
fn relay_text(relay: &RelayStep) -> String {
    let ends = format!("{} to {}", relay.listen.value, relay.target.value);
    if relay.faults.is_empty() { ends } else { format!("{ends}: {}", relay_faults(&relay.faults)) }
}

/// Faults of a relay, in order.
fn relay_faults(faults: &[At<relay::Fault>]) -> String {
    let texts: Vec<_> = faults.iter().map(|fault| fault.value.to_string()).collect();
    if texts.is_empty() { "no fault".to_owned() } else { texts.join("; ") }
}

/// What is broken.
pub(super) fn fault_text(fault: &FaultStep) -> String {
    if let Some(relay) = &fault.relay {
        return format!("{}: {}", relay.of.value, relay_faults(&relay.faults));
    }
    if let Some(drop) = &fault.drop {
        let way = if drop.way == Way::In { "in" } else { "out" };
        let protocol = format!("{:?}", drop.protocol).to_lowercase();
        let port = drop.port.as_ref().map_or(String::new(), |port| numbers(&port.value.0));
        let text = format!("drop {protocol} {way} at {} {port}", drop.host.value);
        return text.trim_end().to_owned();
    }
    if let Some(host) = &fault.link_down {
        return format!("link of {} down", host.value);
    }
    if let Some(rate) = &fault.rate {
        return format!("{} sends {} bytes/s", rate.host.value, rate.bytes_per_second.value.0);
    }
    if let Some(signal) = &fault.signal {
        return format!("{} to {}", signal.name.value, signal.to.value);
    }
    if let Some(host) = &fault.fill_disk {
        return format!("fill the disk of {}", host.value);
    }
    match &fault.hold_address {
        Some(held) => format!("hold {} at {}", held.address.value, held.host.value),
        None => String::new(),
    }
}

/// Ports as they are written: `7`, `7..9`.
fn numbers(ranges: &[(i64, i64)]) -> String {
    let text = |(least, most): &(i64, i64)| {
        if least == most { format!("port {least}") } else { format!("ports {least}..{most}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// A file that is made.
fn file_text(file: &FileSpec) -> String {
    match (&file.text, &file.size) {
        (Some(text), _) => format!("{} ({} bytes)", file.path, text.len()),
        (None, Some(size)) => format!("{} ({} bytes)", file.path, size.value.0),
        (None, None) => format!("{} (empty)", file.path),
    }
}
