//! What must hold in a scenario beyond its form: names that refer to something, values that mean
//! something, bounds.
//!
//! What does not depend on placeholders is checked once; the rest for every case, with made-up
//! addresses and ports in the place of those that only a run knows.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::listed;
use super::{CASES_MAX, PROBLEMS_MAX, Problem};
use crate::net::nearest_name;
use crate::scenario::file::Scenario;
use crate::scenario::fill::{self, Values};

mod expect;
mod hosts;
mod steps;
mod values;

/// The most characters of a title, a name of a scenario, and a value of a variable.
const TITLE_MAX: usize = 200;
const NAME_MAX: usize = 60;
const VALUE_MAX: usize = 100;
/// The most bytes of the identity of a case, which is the name of a folder (255 at most) and may
/// get a number behind it.
const CASE_MAX: usize = 200;

/// Everything that is wrong with a scenario; no order.
pub(super) fn check(scenario: &Scenario) -> Vec<Problem> {
    let mut problems = Vec::new();
    whole(scenario, &mut problems);
    matrix(scenario, &mut problems);
    hosts::check(scenario, &mut problems);
    steps::check(scenario, &mut problems);
    placeholders(scenario, &mut problems);
    if problems.is_empty() {
        cases(scenario, &mut problems);
    }
    problems
}

/// The values of every case, as far as they can be known before it runs.
fn cases(scenario: &Scenario, problems: &mut Vec<Problem>) {
    for case in fill::cases(scenario) {
        match fill::fill(scenario, &made_up(scenario, case)) {
            Ok(filled) => values::check(&filled, problems),
            Err(missing) => problems.extend(missing),
        }
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
    }
}

/// Values such as a run would bring.
fn made_up(scenario: &Scenario, mut values: Values) -> Values {
    for (host, _) in scenario.all_hosts() {
        values.insert(host.to_owned(), "10.99.0.1".to_owned());
        values.insert(format!("{host}.ipv6"), "fd00:636f:6c6f::1".to_owned());
        values.insert(format!("{host}.folder"), "/folder".to_owned());
    }
    for (port, number) in fill::ports(scenario).into_iter().zip(20_001..) {
        values.insert(port, number.to_string());
    }
    values.insert("here".to_owned(), "/here".to_owned());
    values.insert("seed".to_owned(), "1".to_owned());
    values.insert("case".to_owned(), "case".to_owned());
    values
}

/// What is said of the scenario as a whole.
fn whole(scenario: &Scenario, problems: &mut Vec<Problem>) {
    let title = scenario.title.trim();
    if title.is_empty() || title.chars().count() > TITLE_MAX || title.contains('\n') {
        let what = format!("`title` must be one line of 1 to {TITLE_MAX} characters");
        problems.push(Problem::new(0, what));
    }
    for need in &scenario.needs {
        if need.is_empty() || need.contains(['/', ' ', '\n']) {
            problems.push(
                Problem::new(0, format!("`needs` cannot have {need:?}"))
                    .hint("it has `namespaces`, `ipv6`, or the name of a program"),
            );
        }
    }
    if let Some(limit) = &scenario.time_limit {
        problems.extend(values::length(limit, "time_limit"));
    }
}

/// Variables: their names, their values, and how many cases they make.
fn matrix(scenario: &Scenario, problems: &mut Vec<Problem>) {
    let mut count: usize = 1;
    let used: BTreeSet<_> = fill::used(scenario).into_iter().map(|used| used.name).collect();
    for (variable, values) in &scenario.matrix {
        let mut tell = |what: String| problems.push(Problem::new(0, what));
        count = count.saturating_mul(values.len());
        if !fill::is_identifier(variable) || fill::COMMON.contains(&variable.as_str()) {
            tell(format!(
                "`{variable}` cannot be a variable: a name begins with a letter, has letters, \
                 digits, `_` and `-`, and is none of {}",
                fill::COMMON.join(", ")
            ));
        } else if scenario.all_hosts().iter().any(|(host, _)| host == variable) {
            tell(format!("`{variable}` is a variable and a host"));
        } else if !used.contains(variable) {
            tell(format!("the variable `{variable}` is nowhere used: write `{{{variable}}}`"));
        }
        if values.is_empty() {
            tell(format!("the variable `{variable}` has no values"));
        }
        let distinct: BTreeSet<_> = values.iter().collect();
        if distinct.len() < values.len() {
            tell(format!("the variable `{variable}` has a value twice"));
        }
        for value in values.iter().filter(|value| !can_be_value(value)) {
            tell(format!(
                "the variable `{variable}` cannot be {value:?}: a value has 1 to {VALUE_MAX} \
                 characters and no `/`, as it becomes part of the name of a folder"
            ));
        }
    }
    if count > CASES_MAX {
        let what = format!("the matrix has {count} combinations; there may be {CASES_MAX}");
        problems.push(Problem::new(0, what));
    }
    let longest: usize = scenario.matrix.iter().map(longest_pair).sum();
    if longest > CASE_MAX {
        let what = format!("names and values of the matrix have more than {CASE_MAX} bytes");
        problems.push(Problem::new(0, what));
    }
    if count > CASES_MAX {
        problems.retain(|problem| problem.offset == 0);
    }
}

fn can_be_value(value: &str) -> bool {
    let length = value.chars().count();
    (1..=VALUE_MAX).contains(&length) && !value.chars().any(|one| one == '/' || one.is_control())
}

/// How much a variable adds to the name of a case: `name=value,`.
fn longest_pair((variable, values): (&String, &Vec<String>)) -> usize {
    variable.len() + 2 + values.iter().map(String::len).max().unwrap_or(0)
}

/// Placeholders that nothing stands for.
fn placeholders(scenario: &Scenario, problems: &mut Vec<Problem>) {
    let mut known: BTreeSet<String> = fill::COMMON.map(str::to_owned).into();
    known.extend(scenario.matrix.keys().cloned());
    for (host, _) in scenario.all_hosts() {
        known.extend([host.to_owned(), format!("{host}.ipv6"), format!("{host}.folder")]);
    }
    for used in fill::used(scenario) {
        let name = &used.name;
        let step = used.step.map(|index| &scenario.steps[index].value);
        if !known.contains(name) && !fill::is_port(name) {
            let near = match nearest_name(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{{{near}}}`?"),
                None => format!("there are {}.", listed(known.iter().map(String::as_str))),
            };
            problems.push(
                Problem::new(used.offset, format!("nothing is called `{{{name}}}`"))
                    .hint(format!("{near} The text itself is written `{{{{{name}}}`")),
            );
        } else if name == "number" && step.is_none_or(|step| step.copies.is_none()) {
            let what = "`{number}` is the number of a copy, and this has no `copies`";
            problems.push(Problem::new(used.offset, what));
        } else if name == "folder" && used.step.is_none_or(|at| scenario.host_of(at).is_none()) {
            let what = "`{folder}` is the folder of the step's host, and this has no host";
            problems.push(Problem::new(used.offset, what).hint("write `{HOST.folder}`"));
        }
    }
}

/// Messages that do not exist; ids with placeholders are looked at in every case.
pub(super) fn messages(scenario: &Scenario, ids: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for case in fill::cases(scenario) {
        let Ok(filled) = fill::fill(scenario, &made_up(scenario, case)) else { continue };
        for step in &filled.steps {
            let Some(expect) = &step.expect else { continue };
            let Some(message) = &expect.message else { continue };
            for id in message.value.0.iter().filter(|id| !ids.contains(&id.as_str())) {
                let hint = match nearest_name(id, ids.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "the ids are those of colok's texts (i18n/en.ftl)".to_owned(),
                };
                let what = format!("there is no message `{id}`");
                problems.push(Problem::new(message.offset, what).hint(hint));
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

/// Whether a name may be that of a scenario; why not.
pub(super) fn scenario_name(name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(format!(
        "`{name}` cannot be the name of a scenario: letters, digits, `.`, `_` and `-`, at most \
         {NAME_MAX}, as it becomes part of the name of a folder"
    ))
}

/// Whether a text can be a name of a scenario or a step: part of a file name on any computer.
fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '-'))
}

/// The steps by name, and the line of those whose name is taken.
fn names_of(scenario: &Scenario) -> BTreeMap<String, usize> {
    let all = (0..scenario.steps.len()).rev();
    all.map(|index| (scenario.step_name(index), index)).collect()
}
