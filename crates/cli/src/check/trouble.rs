//! Why a case did not pass, piece by piece: each with its place and what was seen.
//!
//! Nothing is judged here: the pieces are picked out of the record, for every form of a report.

use colok::scenario::record::{Case, Check, Connection, FaultRecord, Path, StepRecord, Verdict};
use serde_json::Value;

use super::words::{clipped, one_line};
use crate::messages::{Id, Messages};
use crate::say;

/// Characters of a value that are shown; all of it is in the evidence.
const VALUE_MAX: usize = 1000;

/// Characters of a reason.
const REASON_MAX: usize = 200;

/// Pieces of one case at most; all of them are in the record.
const PIECES_MAX: usize = 12;

/// Something that kept a case from passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// `scenarios/echo.toml:23`, or only the file.
    pub(super) place: String,
    /// What it is about.
    pub(super) what: String,
    /// What was expected and what was seen, with their labels.
    pub(super) seen: Vec<(String, String)>,
}

/// All that kept a case from passing, what weighs most first.
pub(super) fn troubles(case: &Case, messages: &Messages) -> Vec<Trouble> {
    let teller = Teller { case, messages };
    let mut all: Vec<Trouble> = Vec::new();
    if case.verdict == Verdict::Invalid {
        all.extend(case.faults.iter().filter(|fault| !fault.proved).map(|it| teller.fault(it)));
        let unproved = case.paths.iter().filter(|path| path.proved == Some(false));
        all.extend(unproved.map(|path| teller.path(path)));
        let wrong = case.connections.iter().filter(|it| it.agrees == Some(false));
        all.extend(wrong.map(|it| teller.connection(it)));
        let empty = |check: &&Check| check.mutations.failed < check.mutations.tried;
        all.extend(case.checks.iter().filter(empty).map(|it| teller.empty_check(it)));
    }
    let of = |verdict| case.checks.iter().filter(move |check| check.verdict == verdict);
    all.extend(of(Verdict::Fail).chain(of(Verdict::Unknown)).map(|it| teller.check(it)));
    let told = |step: &&StepRecord| {
        case.checks.iter().any(|it| it.verdict != Verdict::Pass && it.step == step.name)
    };
    let stuck = case.steps.iter().filter(|step| step.timed_out || step.error.is_some());
    all.extend(stuck.filter(|step| !told(step)).map(|step| teller.step(step)));
    all.truncate(PIECES_MAX);
    all
}

/// Why a case did not pass, in a few words: what was expected and seen is told elsewhere.
pub(super) fn reason(case: &Case, messages: &Messages) -> String {
    let stuck = case.steps.iter().find(|step| step.timed_out || step.error.is_some());
    let failed = || case.checks.iter().filter(|check| check.verdict == Verdict::Fail);
    let teller = Teller { case, messages };
    let (text, all) = match (case.verdict, failed().next(), stuck) {
        (Verdict::Fail, Some(check), _) => (teller.failed(check), failed().count()),
        (Verdict::Unknown, _, Some(step)) => (teller.step(step).what, 1),
        _ => {
            let troubles = troubles(case, messages);
            let first = troubles.first().map(|trouble| trouble.what.clone());
            let text = first.unwrap_or_else(|| clipped(&one_line(&case.reason), REASON_MAX));
            (text, troubles.len())
        }
    };
    if all > 1 { format!("{text} +{}", all - 1) } else { text }
}

/// Puts pieces of a record into words.
struct Teller<'a> {
    case: &'a Case,
    messages: &'a Messages,
}

impl Teller<'_> {
    fn place(&self, line: Option<u32>) -> String {
        let file = one_line(&self.case.file);
        line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"))
    }

    fn line_of(&self, step: &str) -> Option<u32> {
        self.case.steps.iter().find(|it| it.name == step).map(|it| it.line)
    }

    /// An expectation that failed, in one line.
    fn failed(&self, check: &Check) -> String {
        let (step, key) = (one_line(&check.step), one_line(&check.key));
        let line = check.line.to_string();
        say!(self.messages, Id::CheckReason, step = step, key = key, line = line)
    }

    fn label(&self, id: Id, value: &str) -> (String, String) {
        (self.messages.text(id), clipped(&one_line(value), VALUE_MAX))
    }

    fn check(&self, check: &Check) -> Trouble {
        let (step, key) = (one_line(&check.step), one_line(&check.key));
        Trouble {
            place: self.place(Some(check.line)),
            what: say!(self.messages, Id::CheckOfStep, step = step, key = key),
            seen: vec![
                self.label(Id::CheckExpected, &check.expected),
                self.label(Id::CheckGot, &check.got),
            ],
        }
    }

    /// An expectation of which a wrong form held as well.
    fn empty_check(&self, check: &Check) -> Trouble {
        let (step, key) = (one_line(&check.step), one_line(&check.key));
        Trouble {
            place: self.place(Some(check.line)),
            what: say!(self.messages, Id::CheckCannotFail, step = step, key = key),
            seen: vec![
                self.label(Id::CheckExpected, &check.expected),
                self.label(Id::CheckGot, &check.got),
            ],
        }
    }

    fn fault(&self, fault: &FaultRecord) -> Trouble {
        let (text, place) = (one_line(&fault.text), one_line(&fault.place));
        let seen = if fault.start_s.is_none() {
            self.messages.text(Id::CheckFaultNever)
        } else {
            proof_text(fault, self.messages)
        };
        Trouble {
            place: self.place(self.line_of(&fault.step)),
            what: say!(self.messages, Id::CheckFaultUnproved, fault = text, place = place),
            seen: vec![self.label(Id::CheckSeen, &seen)],
        }
    }

    fn path(&self, path: &Path) -> Trouble {
        let (from, to) = (one_line(&path.from), one_line(&path.to));
        let seen = say!(
            self.messages,
            Id::CheckPathSeen,
            interface = one_line(&path.interface),
            packets = path.packets.to_string()
        );
        Trouble {
            place: self.place(None),
            what: say!(self.messages, Id::CheckPathUnproved, from = from, to = to),
            seen: vec![self.label(Id::CheckSeen, &seen)],
        }
    }

    fn connection(&self, connection: &Connection) -> Trouble {
        let (from, to) =
            (one_line(&connection.client_address), one_line(&connection.server_address));
        let flows = [("up", &connection.up), ("down", &connection.down)];
        let seen = flows.map(|(name, flow)| {
            let known = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |it| it.to_string());
            let (sent, received) = (known(flow.sent), known(flow.received));
            (name.to_owned(), say!(self.messages, Id::CheckFlow, sent = sent, received = received))
        });
        Trouble {
            place: self.place(None),
            what: say!(self.messages, Id::CheckAccounts, from = from, to = to),
            seen: seen.into(),
        }
    }

    fn step(&self, step: &StepRecord) -> Trouble {
        let name = one_line(&step.name);
        let what = match &step.error {
            Some(error) => {
                let error = one_line(error);
                say!(self.messages, Id::CheckStepError, step = name, error = error)
            }
            None => say!(self.messages, Id::CheckStepTimedOut, step = name),
        };
        let seen = match step.text.as_str() {
            "" => Vec::new(),
            text => vec![self.label(Id::CheckDid, text)],
        };
        Trouble { place: self.place(Some(step.line)), what, seen }
    }
}

/// `applied 0, accepted 3`: what was seen of a fault.
fn proof_text(fault: &FaultRecord, messages: &Messages) -> String {
    if fault.proof.is_empty() {
        return messages.text(Id::CheckFaultNothing);
    }
    let texts = fault.proof.iter().map(|(name, value)| value_text(name, value));
    texts.collect::<Vec<_>>().join(", ")
}

/// `name value`; of an object, that of each of its members.
fn value_text(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{name} {text}"),
        Value::Object(members) => {
            let texts = members.iter().map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            });
            format!("{name}: {}", texts.collect::<Vec<_>>().join(", "))
        }
        other => format!("{name} {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::{check, fault, troubled};
    use crate::messages::Language;

    fn told(language: Language) -> Vec<Vec<Trouble>> {
        let messages = Messages::new(language);
        troubled().cases.iter().map(|case| troubles(case, &messages)).collect()
    }

    #[test]
    fn every_kind_of_trouble_has_its_place_and_what_was_seen() {
        let all = told(Language::English);
        assert!(all[0].is_empty() && all[4].is_empty(), "{all:?}");
        let failed = &all[1][0];
        assert_eq!(failed.place, "scenarios/echo.toml:23");
        assert_eq!(failed.what, "step ask: stdout");
        assert_eq!(failed.seen[0], ("expected".to_owned(), "hello & <goodbye>\\n".to_owned()));
        assert_eq!(failed.seen[1], ("got".to_owned(), "hell\\u{1b}[31mo\\n".to_owned()));
        assert_eq!(all[1].len(), 1, "what passed is no trouble");
        assert_eq!(all[2][0].what, "the fault cut=1000 (relay) was not proved");
        assert_eq!(all[2][0].seen, [("seen".to_owned(), "applied 0".to_owned())]);
        assert_eq!(all[3][0].what, "step ask: its time ran out");
        assert_eq!(all[3][0].place, "scenarios/slow.toml:12");
        let indonesian = told(Language::Indonesian);
        assert_ne!(indonesian[2][0].what, all[2][0].what);
    }

    #[test]
    fn an_expectation_that_cannot_fail_is_trouble_though_it_passed() {
        let messages = Messages::new(Language::English);
        let mut run = troubled();
        let case = &mut run.cases[2];
        case.faults = vec![fault("relay", true)];
        case.checks = vec![check("ask", "stdout", Verdict::Pass)];
        assert!(troubles(case, &messages).is_empty());
        case.checks[0].mutations.failed = 1;
        assert_eq!(
            troubles(case, &messages)[0].what,
            "step ask: stdout cannot fail: a wrong form of it held too"
        );
    }
}
