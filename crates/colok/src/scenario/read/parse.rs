//! From TOML to types, telling everything that does not fit and not only the first.
//!
//! The types say what a scenario file may hold. Where a value or a key does not fit, it is told,
//! taken out of the tree, and the types are tried again. Nothing here knows a key by name but those
//! that a hint is about: the names of steps, and the keys of the scenario as a whole.

use std::ops::Range;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

use super::{FILE_BYTES_MAX, PROBLEMS_MAX, Problem};
use crate::net::nearest_name;
use crate::scenario::file::Scenario;

/// Keys of the scenario as a whole, which are easily written too far below.
const OF_THE_SCENARIO: [&str; 7] =
    ["title", "about", "source", "tags", "matrix", "needs", "time_limit"];

/// Reads the text; keys and types are right in what it gives, nothing else is checked.
pub(super) fn parse(text: &str) -> Result<Scenario, Vec<Problem>> {
    if text.len() > FILE_BYTES_MAX {
        let what = format!("the file has more than {FILE_BYTES_MAX} bytes");
        return Err(vec![Problem::new(0, what)]);
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(malformed(text, &errors));
    }
    fit(&root)
}

/// What is no TOML: the first mistake of each line, as the others mostly follow from it.
fn malformed(text: &str, errors: &[Error]) -> Vec<Problem> {
    let mut problems: Vec<_> = errors
        .iter()
        .map(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            Problem::new(offset, format!("this is not TOML: {}", error.message()))
        })
        .collect();
    problems.sort();
    problems.dedup_by_key(|problem| super::line_of(text, problem.offset));
    problems.truncate(PROBLEMS_MAX);
    problems
}

/// Tries the types until they fit, taking out what does not.
fn fit(whole: &Spanned<DeTable<'_>>) -> Result<Scenario, Vec<Problem>> {
    let (mut root, mut problems, mut removed) = (whole.clone(), Vec::new(), Vec::new());
    while problems.len() < PROBLEMS_MAX {
        let error = match Scenario::deserialize(Deserializer::from(root.clone())) {
            Ok(scenario) if problems.is_empty() => return Ok(scenario),
            Ok(_) => break,
            Err(error) => error,
        };
        let missing = error
            .message()
            .strip_prefix("missing field ")
            .and_then(|key| Some(key.strip_prefix('`')?.strip_suffix('`')?.to_owned()));
        let wanted = Wanted::of(error.message(), error.span().unwrap_or(0..0));
        // Numbers of steps are those of the file, whatever was taken out before.
        let place = wanted.find(whole.get_ref()).unwrap_or_default();
        let path = wanted.find(root.get_ref()).unwrap_or_default();
        // What is missing only because it was taken out was told already.
        let key = missing.map(Way::Key);
        let told = key.clone().is_some_and(|key| removed.contains(&[&path[..], &[key]].concat()));
        if !told {
            problems.push(problem(error.message(), wanted.span.start, &place, whole.get_ref()));
        }
        let goes_on = match key {
            Some(Way::Key(key)) if path.is_empty() => complete(root.get_mut(), &key),
            _ => remove(root.get_mut(), &path),
        };
        if !goes_on {
            break;
        }
        removed.push(path);
    }
    problems.sort();
    problems.dedup();
    Err(problems)
}

/// Puts something in the place of a key that the file as a whole lacks, to read on.
fn complete(root: &mut DeTable<'_>, key: &str) -> bool {
    let value = match key {
        "title" => DeValue::String("".into()),
        "step" => DeValue::Array(Vec::new().into_iter().collect()),
        _ => return false,
    };
    root.insert(Spanned::new(0..0, key.to_owned().into()), Spanned::new(0..0, value)).is_none()
}

/// One step on the way from the root of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Key(String),
    Element(usize),
}

/// What an error is about: a place of the text, and what stands there, for a list of tables begins
/// where its first table does.
struct Wanted {
    span: Range<usize>,
    kind: WantedKind,
}

#[derive(PartialEq, Eq)]
enum WantedKind {
    Key,
    Table,
    Value,
}

impl Wanted {
    fn of(message: &str, span: Range<usize>) -> Self {
        let kind = if message.starts_with("unknown field") {
            WantedKind::Key
        } else if message.starts_with("missing field") {
            WantedKind::Table
        } else {
            WantedKind::Value
        };
        Self { span, kind }
    }

    /// The way to it: to the innermost one, when there are several.
    fn find(&self, root: &DeTable<'_>) -> Option<Vec<Way>> {
        let mut path = Vec::new();
        self.in_table(root, &mut path).then_some(path)
    }

    fn in_table(&self, table: &DeTable<'_>, path: &mut Vec<Way>) -> bool {
        table.iter().any(|(key, value)| {
            path.push(Way::Key(key.get_ref().to_string()));
            let found = self.in_value(value, path)
                || (self.kind == WantedKind::Key && key.span() == self.span);
            if !found {
                path.pop();
            }
            found
        })
    }

    fn in_value(&self, value: &Spanned<DeValue<'_>>, path: &mut Vec<Way>) -> bool {
        let inside = match value.get_ref() {
            DeValue::Table(table) => self.in_table(table, path),
            DeValue::Array(elements) => elements.iter().enumerate().any(|(index, element)| {
                path.push(Way::Element(index));
                let found = self.in_value(element, path);
                if !found {
                    path.pop();
                }
                found
            }),
            _ => false,
        };
        let itself = match self.kind {
            WantedKind::Key => false,
            WantedKind::Table => value.get_ref().is_table(),
            WantedKind::Value => true,
        };
        inside || (itself && value.span() == self.span)
    }
}

fn remove(table: &mut DeTable<'_>, path: &[Way]) -> bool {
    let [Way::Key(key), rest @ ..] = path else { return false };
    if rest.is_empty() {
        return table.remove(key.as_str()).is_some();
    }
    table.get_mut(key.as_str()).is_some_and(|value| remove_value(value.get_mut(), rest))
}

fn remove_value(value: &mut DeValue<'_>, path: &[Way]) -> bool {
    match (value, path) {
        (DeValue::Table(table), path) => remove(table, path),
        (DeValue::Array(elements), [Way::Element(index)]) if *index < elements.len() => {
            let others = elements.iter().enumerate().filter(|(other, _)| other != index);
            *elements = others.map(|(_, element)| element.clone()).collect();
            true
        }
        (DeValue::Array(elements), [Way::Element(index), rest @ ..]) => {
            elements.get_mut(*index).is_some_and(|element| remove_value(element.get_mut(), rest))
        }
        _ => false,
    }
}

/// The problem in our words. `path` leads to the key or value; the library's words are those of
/// serde, which have been the same since its first release.
fn problem(message: &str, offset: usize, path: &[Way], root: &DeTable<'_>) -> Problem {
    if message.starts_with("unknown field") {
        let mut names = quoted(message).into_iter();
        let key = names.next().unwrap_or_default();
        let table = place(&path[..path.len().saturating_sub(1)], root);
        let known: Vec<_> = names.collect();
        let is_near = nearest_name(&key, known.iter().map(String::as_str)).is_some();
        // What comes after a line in brackets is of that table, which surprises everybody once.
        let hint = if path.len() > 1 && !is_near && OF_THE_SCENARIO.contains(&key.as_str()) {
            format!("write `{key}` above the first line in brackets: below, it is of {table}")
        } else {
            suggestion(&key, &known, "its keys are")
        };
        return Problem::new(offset, format!("`{key}` is not a key of {table}")).hint(hint);
    }
    if message.starts_with("missing field") {
        let key = quoted(message).into_iter().next().unwrap_or_default();
        let problem = Problem::new(offset, format!("{} has no `{key}`", place(path, root)));
        return if key == "step" {
            problem.hint("every step begins with a line `[[step]]`")
        } else {
            problem
        };
    }
    let subject = place(path, root);
    if message.starts_with("unknown variant") {
        let mut names = quoted(message).into_iter();
        let value = names.next().unwrap_or_default();
        let known: Vec<_> = names.collect();
        return Problem::new(offset, format!("{subject} cannot be `{value}`")).hint(suggestion(
            &value,
            &known,
            "there are",
        ));
    }
    let problem = Problem::new(offset, format!("{subject}: {}", reworded(message)));
    match path {
        [Way::Key(key)] if key == "step" || key == "file" => {
            problem.hint(format!("write `[[{key}]]`, with two brackets"))
        }
        _ => problem,
    }
}

/// The texts between backquotes.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `did you mean ...`, or all names.
pub(super) fn suggestion<T: AsRef<str>>(wrong: &str, known: &[T], all: &str) -> String {
    let names = || known.iter().map(T::as_ref);
    match nearest_name(wrong, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{all} {}", listed(names())),
    }
}

/// `a, b, c`.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A type error of serde in plain words: `invalid type: string "x", expected u32`.
fn reworded(message: &str) -> String {
    let known = ["invalid type: ", "invalid value: "];
    let Some(rest) = known.iter().find_map(|start| message.strip_prefix(start)) else {
        return match message {
            "invalid IP address syntax" => "expected an address such as \"10.99.0.7\"".to_owned(),
            _ => message.to_owned(),
        };
    };
    let Some((got, expected)) = rest.rsplit_once(", expected ") else { return rest.to_owned() };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i64" => "a whole number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        "a map" => "a table",
        "IP address" => "an address such as \"10.99.0.7\"",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    let got = match got {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        other => {
            let (kind, value) = other.split_once(' ').unwrap_or(("", other));
            match kind {
                "string" => value.to_owned(),
                "integer" | "boolean" | "floating" => {
                    value.trim_start_matches("point ").trim_matches('`').to_owned()
                }
                _ => other.to_owned(),
            }
        }
    };
    format!("expected {expected}, got {got}")
}

/// A place for people: `step 3 (client)`, `copies of step 3`, `hosts.server`.
fn place(path: &[Way], root: &DeTable<'_>) -> String {
    let (start, rest) = match path {
        [] => return "the scenario".to_owned(),
        [Way::Key(key), Way::Element(index), rest @ ..] if key == "step" || key == "file" => {
            let name = name_of(root, key, *index).map(|name| format!(" ({name})"));
            (format!("{key} {}{}", index + 1, name.unwrap_or_default()), rest)
        }
        [Way::Key(key), Way::Key(name), rest @ ..] if key == "hosts" => {
            (format!("host `{name}`"), rest)
        }
        whole => return format!("`{}`", dotted(whole)),
    };
    if rest.is_empty() { start } else { format!("`{}` of {start}", dotted(rest)) }
}

fn name_of<'t>(root: &'t DeTable<'_>, key: &str, index: usize) -> Option<&'t str> {
    let element = root.get(key)?.get_ref().as_array()?.get(index)?;
    element.get_ref().as_table()?.get("name")?.get_ref().as_str()
}

/// `relay.faults`; places in lists are left out: the line says which.
fn dotted(path: &[Way]) -> String {
    let keys: Vec<_> = path
        .iter()
        .filter_map(|way| match way {
            Way::Key(key) => Some(key.as_str()),
            Way::Element(_) => None,
        })
        .collect();
    keys.join(".")
}
