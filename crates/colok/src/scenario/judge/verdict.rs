//! The verdict of a whole case.

use std::fmt::Write as _;

use crate::scenario::record::{Case, Check, Verdict};

/// Signals that end a program for its own mistake (signal(7)).
const CRASHES: [&str; 7] = ["SEGV", "ABRT", "BUS", "ILL", "FPE", "SYS", "TRAP"];
/// Bytes that a text may have in the one line of a reason.
const SHORT: usize = 40;

/// The verdict of a case, and why in one line (empty when it passed). What was not proved comes
/// before what failed, and that before what could not be seen. A skipped case stays skipped.
pub fn verdict(case: &Case) -> (Verdict, String) {
    if case.verdict == Verdict::Skipped {
        return (Verdict::Skipped, case.reason.clone());
    }
    let levels = [
        (Verdict::Invalid, not_proved(case)),
        (Verdict::Fail, failed(case)),
        (Verdict::Unknown, not_seen(case)),
    ];
    for (verdict, mut reasons) in levels {
        let more = reasons.len().saturating_sub(1);
        if let Some(first) = reasons.first_mut() {
            if more > 0 {
                let _ = write!(first, " (and {more} more)");
            }
            return (verdict, std::mem::take(first));
        }
    }
    (Verdict::Pass, String::new())
}

/// Why whatever was seen proves nothing.
fn not_proved(case: &Case) -> Vec<String> {
    let mut reasons = Vec::new();
    for fault in case.faults.iter().filter(|fault| !fault.proved) {
        reasons.push(format!("{}: the fault was not proved: {}", fault.step, fault.text));
    }
    for path in case.paths.iter().filter(|path| path.proved == Some(false)) {
        let (from, to, packets) = (&path.from, &path.to, path.packets);
        let way = if path.interface.is_empty() { "no interface" } else { &path.interface };
        reasons
            .push(format!("the path from {from} to {to} was not proved: {way}, {packets} packets"));
    }
    for connection in case.connections.iter().filter(|it| it.agrees == Some(false)) {
        let (client, server) = (&connection.client_address, &connection.server_address);
        reasons.push(format!("the two ends of {client} to {server} contradict each other"));
    }
    for check in case.checks.iter().filter(|check| is_vacuous(check)) {
        reasons.push(format!(
            "{}: {} (line {}): this expectation cannot fail",
            check.step, check.key, check.line
        ));
    }
    if case.checks.is_empty() && not_seen(case).is_empty() {
        reasons.push("it expects nothing, so nothing was proved".to_owned());
    }
    reasons
}

/// Whether an expectation held that holds in a wrong form too.
fn is_vacuous(check: &Check) -> bool {
    let mutations = check.mutations;
    check.verdict == Verdict::Pass && (mutations.tried == 0 || mutations.failed < mutations.tried)
}

/// What did not hold, and programs that crashed although nobody expected it: a scenario that only
/// looks at a client must not pass over the server's broken neck.
fn failed(case: &Case) -> Vec<String> {
    let mut reasons = of_checks(case, Verdict::Fail);
    for step in &case.steps {
        let crash = step.signal.as_deref().filter(|signal| CRASHES.contains(signal));
        let own = |check: &&Check| check.step == step.name && check.key == "signal";
        if let Some(signal) = crash.filter(|_| !case.checks.iter().any(|check| own(&check))) {
            let (name, line) = (&step.name, step.line);
            reasons.push(format!("{name} (line {line}): it crashed (SIG{signal})"));
        }
    }
    reasons
}

fn of_checks(case: &Case, verdict: Verdict) -> Vec<String> {
    let of_verdict = case.checks.iter().filter(|check| check.verdict == verdict);
    let reason = |check: &Check| {
        let place = format!("{}: {} (line {})", check.step, check.key, check.line);
        // What is long is told with the check itself.
        match (check.expected.len(), check.got.len()) {
            (0..=SHORT, 0..=SHORT) => {
                format!("{place}: expected {}, got {}", check.expected, check.got)
            }
            _ => place,
        }
    };
    of_verdict.map(reason).collect()
}

/// What could not be done or seen.
fn not_seen(case: &Case) -> Vec<String> {
    let mut reasons = Vec::new();
    for step in &case.steps {
        if let Some(error) = &step.error {
            reasons.push(format!("{} (line {}): {error}", step.name, step.line));
        } else if step.timed_out {
            reasons.push(format!("{} (line {}): its time ran out", step.name, step.line));
        }
    }
    reasons.extend(of_checks(case, Verdict::Unknown));
    reasons
}
