//! From a scenario to its cases: combinations of the matrix, and placeholders filled in.
//!
//! `{name}` and `{name.more}` in the texts of a scenario are placeholders; `{{name}` is the text
//! `{name}`. Other braces are themselves. Nothing is looked up: whoever fills brings the values.
//! Titles, names, and the texts of files are never filled in.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{Scenario, Step};
use super::read::Problem;

mod texts;

use texts::{scenario_texts, step_texts};

/// Placeholders that every scenario may use; `port.NAME` too.
pub(super) const COMMON: [&str; 6] = ["case", "folder", "here", "number", "port", "seed"];

/// The values that are filled in, by placeholder without its braces: each variable of the matrix,
/// `HOST`, `HOST.ipv6`, `HOST.folder` for each host, each of [`ports`], `seed`, `case`, and `here`
/// (the folder of the scenario file, which a built-in one does not have).
/// `{folder}` is found by the host of its step, `{number}` is brought by [`copy`].
pub type Values = BTreeMap<String, String>;

/// Every combination of the values of the matrix; one empty combination when there is none. The
/// last variable changes fastest.
pub fn cases(scenario: &Scenario) -> Vec<Values> {
    let mut cases = vec![Values::new()];
    for (variable, values) in &scenario.matrix {
        cases = cases
            .iter()
            .flat_map(|case| {
                values.iter().map(|value| {
                    let mut case = case.clone();
                    case.insert(variable.clone(), value.clone());
                    case
                })
            })
            .collect();
    }
    cases
}

/// The ports that a scenario wants, as placeholders without braces: `port`, `port.http`.
pub fn ports(scenario: &Scenario) -> Vec<String> {
    let names = used(scenario).into_iter().map(|used| used.name);
    let ports: BTreeSet<_> = names.filter(|name| is_port(name)).collect();
    ports.into_iter().collect()
}

pub(super) fn is_port(name: &str) -> bool {
    name == "port" || name.starts_with("port.")
}

/// A placeholder that a scenario uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Used {
    /// Without its braces.
    pub(super) name: String,
    /// Where the text begins that it is in.
    pub(super) offset: usize,
    /// In which step.
    pub(super) step: Option<usize>,
}

/// Every placeholder of a scenario, as often as it is there.
pub(super) fn used(scenario: &Scenario) -> Vec<Used> {
    let mut all = Vec::new();
    // The visitor is one that may change texts; here it changes a copy and nothing of it.
    scenario_texts(&mut scenario.clone(), &mut |step, offset, text| {
        let _ = replace(text, |name| {
            all.push(Used { name: name.to_owned(), offset, step });
            Some(String::new())
        });
    });
    all
}

/// The scenario with its placeholders filled in; `{number}` of steps with `copies` stays, see
/// [`copy`]. Fails when a value is missing, which a checked scenario and complete values rule out.
pub fn fill(scenario: &Scenario, values: &Values) -> Result<Scenario, Vec<Problem>> {
    let mut filled = scenario.clone();
    let mut problems = Vec::new();
    scenario_texts(&mut filled, &mut |step, offset, text| {
        let copies = step.is_some_and(|index| scenario.steps[index].copies.is_some());
        let number = copies.then_some("{number}");
        let texts = Filler { scenario, values, step, number };
        texts.fill(offset, text, &mut problems);
    });
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

/// One copy (from 1) of the step with this index in the scenario **before** [`fill`], with its
/// placeholders filled in, `{number}` too.
pub fn copy(
    scenario: &Scenario,
    step: usize,
    values: &Values,
    number: u32,
) -> Result<Step, Vec<Problem>> {
    let original = &scenario.steps[step];
    let (mut filled, mut problems) = (original.value.clone(), Vec::new());
    let number = number.to_string();
    let texts = Filler { scenario, values, step: Some(step), number: Some(&number) };
    step_texts(&mut filled, original.offset, &mut |offset, text| {
        texts.fill(offset, text, &mut problems);
    });
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

/// Knows what each placeholder of one text becomes.
struct Filler<'s> {
    scenario: &'s Scenario,
    values: &'s Values,
    step: Option<usize>,
    number: Option<&'s str>,
}

impl Filler<'_> {
    fn fill(&self, offset: usize, text: &mut String, problems: &mut Vec<Problem>) {
        match replace(text, |name| self.value(name)) {
            Ok(filled) => *text = filled,
            Err(name) => {
                problems.push(Problem::new(offset, format!("there is no value for `{{{name}}}`")));
            }
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "number" => self.number.map(str::to_owned),
            "folder" => {
                let host = self.scenario.host_of(self.step?)?;
                self.values.get(&format!("{host}.folder")).cloned()
            }
            _ => self.values.get(name).cloned(),
        }
    }
}

/// Puts the value of each placeholder in its place; fails with the first that has none.
fn replace(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(brace) = rest.find('{') {
        result.push_str(&rest[..brace]);
        rest = &rest[brace..];
        if let Some(name) = placeholder(rest) {
            result.push_str(&value(name).ok_or_else(|| name.to_owned())?);
            rest = &rest[name.len() + 2..];
        } else if let Some(name) = placeholder(&rest[1..]) {
            result.push_str(&rest[1..name.len() + 3]);
            rest = &rest[name.len() + 3..];
        } else {
            result.push('{');
            rest = &rest[1..];
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// A text written so that [`fill`] gives it back as it is: what looks like a placeholder gets one
/// more brace before it.
pub fn literal(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if placeholder(&text[at..]).is_some() {
            result.push('{');
        }
        result.push(character);
    }
    result
}

/// A text without placeholders as [`fill`] would give it back.
pub(crate) fn unfilled(text: &str) -> Option<String> {
    replace(text, |_| None).ok()
}

/// The name of the placeholder with which a text begins.
fn placeholder(text: &str) -> Option<&str> {
    let name = &text.strip_prefix('{')?[..text.find('}')?.checked_sub(1)?];
    match name.split_once('.') {
        Some((first, second)) if is_identifier(first) && is_identifier(second) => Some(name),
        None if is_identifier(name) => Some(name),
        _ => None,
    }
}

/// Whether a text looks like a name: a letter, then letters, digits, `_` and `-`.
pub(super) fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '_' || one == '-')
}

#[cfg(test)]
mod tests;
