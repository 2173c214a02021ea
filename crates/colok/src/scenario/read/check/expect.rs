//! What may be expected of which step.

use super::super::Problem;
use super::super::known::{EVENTS, FIELDS};
use super::super::parse::{listed, suggestion};
use super::hosts::known_host;
use super::steps::StepChecker;
use crate::scenario::file::{Action, At, Expect, FileExpect};

pub(super) fn check(checker: &StepChecker<'_>, problems: &mut Vec<Problem>) {
    let step = checker.at();
    let Some(expect) = &step.expect else { return };
    let keys = written(expect, step.offset);
    if keys.is_empty() {
        problems.push(Problem::new(step.offset, "`expect` expects nothing"));
    }
    for (key, offset) in keys {
        let problem = match step.action() {
            Action::Expect if key != "files" => Problem::new(
                offset,
                format!("`expect.{key}` is about a program, and this has none"),
            )
            .hint("an `expect` without an action looks at `files`; see also `wait`"),
            action if key == "figures" && !matches!(action, Action::Run(_)) => {
                Problem::new(offset, "`expect.figures` needs a `run`: the JSON that it printed")
            }
            _ => continue,
        };
        problems.push(problem);
    }
    if let Some(after) = &expect.after {
        after.value.0.iter().for_each(|name| ended(checker, name, after.offset, problems));
    }
    for event in &expect.events {
        known_event(&event.event, event.offset, problems);
        event.with.keys().for_each(|path| known_field(path, event.offset, problems));
    }
    if let Some(order) = &expect.order {
        order.value.0.iter().for_each(|name| known_event(name, order.offset, problems));
        if order.value.0.len() < 2 {
            let what = "`expect.order` needs two events: one alone has no order";
            problems.push(Problem::new(order.offset, what));
        }
    }
    for file in &expect.files {
        of_file(checker, file, problems);
    }
}

/// The keys that are written.
fn written(expect: &Expect, here: usize) -> Vec<(&'static str, usize)> {
    fn at<T>(value: Option<&At<T>>) -> Option<usize> {
        value.map(|value| value.offset)
    }
    let keys = [
        ("exit", at(expect.exit.as_ref())),
        ("signal", at(expect.signal.as_ref())),
        ("stdout", at(expect.stdout.as_ref())),
        ("stdout_like", at(expect.stdout_like.as_ref())),
        ("stdout_same_as", at(expect.stdout_same_as.as_ref())),
        ("stdout_bytes", at(expect.stdout_bytes.as_ref())),
        ("stderr", at(expect.stderr.as_ref())),
        ("stderr_like", at(expect.stderr_like.as_ref())),
        ("message", at(expect.message.as_ref())),
        ("errno", at(expect.errno.as_ref())),
        ("closed", at(expect.closed.as_ref())),
        ("time", at(expect.time.as_ref())),
        ("after", at(expect.after.as_ref())),
        ("events", expect.events.first().map(|event| event.offset)),
        ("order", at(expect.order.as_ref())),
        ("files", expect.files.first().map(|file| file.offset)),
        ("figures", expect.figures.values().next().map(|figure| figure.offset.max(here))),
    ];
    keys.into_iter().filter_map(|(key, offset)| Some((key, offset?))).collect()
}

/// A step after whose end something was.
fn ended(checker: &StepChecker<'_>, name: &str, offset: usize, problems: &mut Vec<Problem>) {
    let Some(&index) = checker.names.get(name) else {
        problems.push(checker.no_step(offset, name));
        return;
    };
    let action = checker.scenario.steps[index].action();
    if index == checker.index {
        problems.push(Problem::new(offset, "a step cannot end after itself"));
    } else if !matches!(action, Action::Run(_) | Action::Start(_) | Action::Relay(_)) {
        let what = format!("`{name}` is a `{}`: it has no program that ends", action.name());
        problems.push(Problem::new(offset, what));
    }
}

fn known_event(name: &str, offset: usize, problems: &mut Vec<Problem>) {
    if !EVENTS.contains(&name) {
        let what = format!("there is no event `{name}`");
        let hint = suggestion(name, &EVENTS, "there are");
        problems.push(Problem::new(offset, what).hint(hint));
    }
}

/// The first name of a path; what is within depends on the event.
fn known_field(path: &str, offset: usize, problems: &mut Vec<Problem>) {
    let name = path.split('.').next().unwrap_or_default();
    if !FIELDS.contains(&name) {
        let what = format!("no event has a field `{name}`");
        let hint = suggestion(name, &FIELDS, "there are");
        problems.push(Problem::new(offset, what).hint(hint));
    }
}

fn of_file(checker: &StepChecker<'_>, file: &At<FileExpect>, problems: &mut Vec<Problem>) {
    match &file.host {
        Some(host) => problems.extend(known_host(checker.scenario, host)),
        None if checker.scenario.host_of(checker.index).is_none() => {
            let names = checker.scenario.hosts.keys().map(String::as_str);
            problems.push(
                Problem::new(file.offset, format!("on which host is `{}`?", file.path))
                    .hint(format!("`host` is one of {}", listed(names))),
            );
        }
        None => {}
    }
    let of_content = [
        ("size", file.size.is_some()),
        ("mode", file.mode.is_some()),
        ("text", file.text.is_some()),
        ("same_as", file.same_as.is_some()),
        ("blake3", file.blake3.is_some()),
    ];
    for (key, _) in of_content.into_iter().filter(|(_, written)| *written && !file.exists) {
        let what = format!("`{}` is not to exist, so it cannot have `{key}`", file.path);
        problems.push(Problem::new(file.offset, what));
    }
    if let Some((host, _)) = file.same_as.as_ref().and_then(|text| text.split_once(':')) {
        let host = At { value: host.to_owned(), offset: file.offset };
        problems.extend(known_host(checker.scenario, &host));
    }
}
