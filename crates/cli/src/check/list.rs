//! `--list` and `--dry-run`: which scenarios there are, and what would be done; nothing is run.

use std::fmt::Write as _;

use colok::scenario::file::{HostKind, Step};
use colok::scenario::judge::{About, Expectation, expectations};
use colok::scenario::read::line_of;
use colok::scenario::run::{Planned, describe};
use serde_json::{Value, json};

use super::TOOL;
use super::book::MessageBook;
use super::choose::Chosen;
use super::words::{cases_text, one_line, verdict_word};
use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;
use colok::scenario::record::Verdict;

/// The form of the JSON of both.
const LIST_FORM: &str = "colok-check-list-1";
const PLAN_FORM: &str = "colok-check-plan-1";

/// The host of scenarios that name none.
const ONLY_HOST: &str = "host";

/// A scenario with the cases of it that were chosen.
struct Part<'a> {
    chosen: &'a Chosen,
    cases: Vec<&'a Planned>,
}

/// The scenarios that have chosen cases, in order.
fn parts<'a>(chosen: &'a [Chosen], planned: &'a [Planned]) -> Vec<Part<'a>> {
    let part = |chosen: &'a Chosen| {
        let cases = planned.iter().filter(|case| case.file == chosen.source.file).collect();
        Part { chosen, cases }
    };
    chosen.iter().map(part).filter(|part| !part.cases.is_empty()).collect()
}

/// A line per scenario: name, cases, title, where it is demanded.
pub(super) fn list(
    chosen: &[Chosen],
    planned: &[Planned],
    style: Style,
    messages: &Messages,
) -> String {
    let parts = parts(chosen, planned);
    let names = parts.iter().map(|part| part.chosen.source.name.chars().count());
    let width = names.max().unwrap_or(0);
    let counts: Vec<_> = parts.iter().map(|it| cases_text(it.cases.len(), messages)).collect();
    let count_width = counts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (part, count) in parts.iter().zip(counts) {
        let (source, scenario) = (&part.chosen.source, &part.chosen.scenario);
        let name = style.bold(format!("{:<width$}", source.name));
        let _ = write!(text, "{name}  {count:>count_width$}  {}", one_line(&scenario.title));
        if !scenario.source.is_empty() {
            let _ = write!(text, "  {}", style.dim(format!("({})", one_line(&scenario.source))));
        }
        text.push('\n');
    }
    let count = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    let cases = cases_text(planned.len(), messages);
    let _ = writeln!(text, "\n{}", say!(messages, Id::CheckListed, count = count, cases = cases));
    text
}

/// The same as an object, a line.
pub(super) fn list_object(chosen: &[Chosen], planned: &[Planned]) -> String {
    let one = |part: &Part<'_>| {
        let scenario = &part.chosen.scenario;
        let ids: Vec<&str> = part.cases.iter().map(|case| case.id.as_str()).collect();
        json!({
            "name": part.chosen.source.name,
            "file": part.chosen.source.file,
            "title": scenario.title,
            "about": scenario.about,
            "source": scenario.source,
            "tags": scenario.tags,
            "needs": scenario.needs,
            "cases": ids,
        })
    };
    let scenarios: Vec<Value> = parts(chosen, planned).iter().map(one).collect();
    json!({ "form": LIST_FORM, "tool": TOOL, "scenarios": scenarios }).to_string() + "\n"
}

/// What would be done, case by case and step by step.
pub(super) fn dry_run(
    chosen: &[Chosen],
    planned: &[Planned],
    book: &MessageBook,
    style: Style,
    messages: &Messages,
) -> String {
    let mut text = String::new();
    for part in parts(chosen, planned) {
        for case in &part.cases {
            dry_case(&mut text, part.chosen, case, book, style, messages);
        }
    }
    let skipped = planned.iter().filter(|case| case.skip.is_some()).count();
    let cases = cases_text(planned.len(), messages);
    let end = match skipped {
        0 => say!(messages, Id::CheckDryRunEnd, cases = cases),
        some => {
            let skipped = some.to_string();
            say!(messages, Id::CheckDryRunSkips, cases = cases, skipped = skipped)
        }
    };
    let _ = writeln!(text, "{end}");
    text
}

fn dry_case(
    text: &mut String,
    chosen: &Chosen,
    case: &Planned,
    book: &MessageBook,
    style: Style,
    messages: &Messages,
) {
    let id = style.bold(one_line(&case.id));
    let _ = writeln!(text, "{id}: {}", one_line(&case.title));
    if let Some(reason) = &case.skip {
        let word = verdict_word(Verdict::Skipped, messages);
        let _ = writeln!(text, "  {}: {}", style.yellow(word), one_line(reason));
    }
    let hosts = hosts_of(chosen).into_iter().map(|(name, kind)| format!("{name} ({kind})"));
    let hosts = hosts.collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "  {} {}", messages.text(Id::CheckHosts), one_line(&hosts));
    let steps = steps_of(chosen, case, book);
    if steps.iter().all(|step| step.expects.is_empty()) {
        let _ = writeln!(text, "  {}", style.yellow(messages.text(Id::CheckExpectsNothing)));
    }
    let host_width = steps.iter().map(|step| step.host.chars().count()).max().unwrap_or(0);
    for step in &steps {
        let what = one_line(&step.text);
        let _ = write!(
            text,
            "  {:>4}  {:<6}  {:<host_width$}  {what}",
            step.line, step.action, step.host
        );
        for fault in &step.faults {
            let _ = write!(text, "; {}: {}", messages.text(Id::CheckFaultWord), one_line(fault));
        }
        text.push('\n');
        if !step.expects.is_empty() {
            let keys = one_line(&step.expects.join(", "));
            let expects = say!(messages, Id::CheckExpects, keys = keys);
            let _ = writeln!(text, "        {}", style.dim(expects));
        }
    }
    text.push('\n');
}

/// The same as an object, a line.
pub(super) fn dry_run_object(
    chosen: &[Chosen],
    planned: &[Planned],
    seed: u64,
    book: &MessageBook,
) -> String {
    let mut cases = Vec::new();
    for part in parts(chosen, planned) {
        for case in &part.cases {
            cases.push(dry_case_object(part.chosen, case, book));
        }
    }
    json!({ "form": PLAN_FORM, "tool": TOOL, "seed": seed, "cases": cases }).to_string() + "\n"
}

fn dry_case_object(chosen: &Chosen, case: &Planned, book: &MessageBook) -> Value {
    let host = |(name, kind): (String, &str)| json!({ "name": name, "kind": kind });
    let step = |step: Told| {
        json!({
            "name": step.name,
            "line": step.line,
            "action": step.action,
            "host": step.host,
            "text": step.text,
            "faults": step.faults,
            "expects": step.expects,
        })
    };
    json!({
        "id": case.id,
        "scenario": case.scenario,
        "file": case.file,
        "title": case.title,
        "variables": case.variables,
        "repetition": case.repetition,
        "seed": case.seed,
        "skipped": case.skip,
        "hosts": hosts_of(chosen).into_iter().map(host).collect::<Vec<_>>(),
        "steps": steps_of(chosen, case, book).into_iter().map(step).collect::<Vec<_>>(),
    })
}

/// Each host with its kind.
fn hosts_of(chosen: &Chosen) -> Vec<(String, &'static str)> {
    let kind = |kind| match kind {
        HostKind::Netns => "netns",
        HostKind::Local => "local",
    };
    let hosts = &chosen.scenario.hosts;
    if hosts.is_empty() {
        return vec![(ONLY_HOST.to_owned(), kind(HostKind::default()))];
    }
    hosts.iter().map(|(name, host)| (name.clone(), kind(host.kind))).collect()
}

/// A step as it would be done.
struct Told {
    name: String,
    line: u32,
    action: &'static str,
    host: String,
    text: String,
    /// Faults of the step itself.
    faults: Vec<String>,
    /// The keys of what is expected.
    expects: Vec<String>,
}

fn steps_of(chosen: &Chosen, case: &Planned, book: &MessageBook) -> Vec<Told> {
    let all = chosen.scenario.steps.iter();
    all.map(|step| {
        let (action, text) = describe(&with_variables(&step.value, case));
        let line = line_of(&chosen.source.text, step.offset);
        let host =
            step.host.as_ref().map_or_else(|| usual_host(chosen, action), |it| it.value.clone());
        Told {
            name: step.name.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
            line,
            action,
            host: filled(&host, case),
            text: filled(&text, case),
            faults: own_faults(&step.value),
            expects: keys(chosen, &step.value, book),
        }
    })
    .collect()
}

/// Where a step is that names no host; those of the runner are nowhere.
fn usual_host(chosen: &Chosen, action: &str) -> String {
    if !matches!(action, "run" | "start" | "relay" | "write") {
        return String::new();
    }
    chosen.scenario.hosts.keys().next().cloned().unwrap_or_else(|| ONLY_HOST.to_owned())
}

/// What the step's program has to do without.
fn own_faults(step: &Step) -> Vec<String> {
    let mut faults = Vec::new();
    faults.extend(step.descriptors.as_ref().map(|most| format!("descriptors={}", most.value)));
    faults.extend(step.unprivileged.then(|| "unprivileged".to_owned()));
    faults
}

/// The keys of all that a step expects, each once.
fn keys(chosen: &Chosen, step: &Step, book: &MessageBook) -> Vec<String> {
    let Some(expect) = &step.expect else { return Vec::new() };
    let line = |offset: usize| line_of(&chosen.source.text, offset);
    let language = step.language.as_ref().map_or("en", |it| it.value.as_str());
    let about = About { step: "", host: "", language, book, line: &line };
    let mut keys: Vec<String> = Vec::new();
    for Expectation { key, .. } in expectations(&about, expect) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The step with the variables of the case in its words, which are shown as a shell takes them.
fn with_variables(step: &Step, case: &Planned) -> Step {
    let mut step = step.clone();
    for words in [&mut step.run, &mut step.start].into_iter().flatten() {
        for word in &mut words.value.0 {
            *word = filled(word, case);
        }
    }
    step
}

/// The variables of the case put in; ports and addresses are known only when it runs.
fn filled(text: &str, case: &Planned) -> String {
    let mut filled = text.to_owned();
    for (name, value) in &case.variables {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    filled
}
