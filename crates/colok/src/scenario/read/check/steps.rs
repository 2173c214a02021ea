//! Steps: one action each, the keys that go with it, and names that refer to something.

use std::collections::BTreeMap;

use super::super::parse::{listed, suggestion};
use super::super::{COPIES_MAX, Problem, STEPS_MAX};
use super::hosts::known_host;
use super::{NAME_MAX, expect, is_name, names_of};
use crate::scenario::file::{Action, At, FaultStep, HostKind, Scenario, Step};

/// The fewest descriptors that let a program start and say what it lacks.
const DESCRIPTORS_MIN: u64 = 4;
/// The most that a system without settings allows (`fs.nr_open`).
const DESCRIPTORS_MAX: u64 = 1 << 20;

pub(super) fn check(scenario: &Scenario, problems: &mut Vec<Problem>) {
    match scenario.steps.len() {
        0 if problems.is_empty() => {
            let hint = "every step begins with a line `[[step]]`";
            problems.push(Problem::new(0, "there is no step").hint(hint));
        }
        0..=STEPS_MAX => {}
        more => problems.push(Problem::new(0, format!("{more} steps; there may be {STEPS_MAX}"))),
    }
    let names = names_of(scenario);
    for index in 0..scenario.steps.len().min(STEPS_MAX) {
        let checker = StepChecker { scenario, names: &names, index };
        checker.check(problems);
    }
    at_once(scenario, problems);
}

/// Looks at one step.
pub(super) struct StepChecker<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) names: &'s BTreeMap<String, usize>,
    pub(super) index: usize,
}

impl StepChecker<'_> {
    pub(super) fn at(&self) -> &At<Step> {
        &self.scenario.steps[self.index]
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        self.name(problems);
        let step = self.at();
        let actions = step.actions();
        if let [first, others @ ..] = actions.as_slice() {
            for other in others {
                problems.push(Problem::new(
                    other.offset().unwrap_or(step.offset),
                    format!(
                        "a step has one action: here are `{}` and `{}`",
                        first.name(),
                        other.name()
                    ),
                ));
            }
        } else if step.expect.is_none() {
            let names = listed(Action::NAMES.into_iter());
            problems.push(
                Problem::new(step.offset, "the step does nothing and expects nothing")
                    .hint(format!("its action is one of {names}")),
            );
            return;
        }
        self.keys(step.action(), problems);
        self.host(problems);
        self.amounts(problems);
        self.refers(step.action(), problems);
        expect::check(self, problems);
    }

    fn name(&self, problems: &mut Vec<Problem>) {
        let (step, name) = (self.at(), self.scenario.step_name(self.index));
        let offset = step.name.as_ref().map_or(step.offset, |name| name.offset);
        if !is_name(&name) {
            problems.push(Problem::new(
                offset,
                format!(
                    "`{name}` cannot be the name of a step: letters, digits, `.`, `_` and `-`, at \
                     most {NAME_MAX}, as it becomes part of file names"
                ),
            ));
        }
        if self.names.get(&name).is_some_and(|first| *first < self.index) {
            problems.push(Problem::new(offset, format!("an earlier step is called `{name}`")));
        }
    }

    /// Keys that mean nothing with this action.
    fn keys(&self, action: Action<'_>, problems: &mut Vec<Problem>) {
        let allowed = allowed(action);
        for (key, offset) in written(self.at()) {
            if !allowed.contains(&key) {
                let hint = if allowed.is_empty() {
                    format!("`{}` has no further keys", action.name())
                } else {
                    format!("with `{}` go {}", action.name(), listed(allowed.iter().copied()))
                };
                let what = format!("`{key}` does not go with `{}`", action.name());
                problems.push(Problem::new(offset, what).hint(hint));
            }
        }
    }

    fn host(&self, problems: &mut Vec<Problem>) {
        let step = self.at();
        if let Some(host) = &step.host {
            problems.extend(known_host(self.scenario, host));
        }
        let action = step.action();
        let placed = matches!(action, Action::Run(_) | Action::Start(_) | Action::Relay(_));
        if placed && self.scenario.host_of(self.index).is_none() {
            let names = self.scenario.hosts.keys().map(String::as_str);
            problems.push(
                Problem::new(step.offset, format!("on which host is `{}`?", action.name()))
                    .hint(format!("`host` is one of {}", listed(names))),
            );
        }
        if let Action::Write(file) = action {
            if let Some(host) = &file.host {
                problems.extend(known_host(self.scenario, host));
                if step.host.is_some() {
                    let what = "`host` is given twice: of the step and of the file";
                    problems.push(Problem::new(host.offset, what));
                }
            }
            super::values::file_spec(file, file.offset, problems);
        }
    }

    fn amounts(&self, problems: &mut Vec<Problem>) {
        let step = self.at();
        if let Some(copies) =
            step.copies.as_ref().filter(|one| !(1..=COPIES_MAX).contains(&one.value))
        {
            let what = format!("`copies` must be 1 to {COPIES_MAX}");
            problems.push(Problem::new(copies.offset, what));
        }
        if let Some(descriptors) = &step.descriptors
            && !(DESCRIPTORS_MIN..=DESCRIPTORS_MAX).contains(&descriptors.value)
        {
            let what = format!("`descriptors` must be {DESCRIPTORS_MIN} to {DESCRIPTORS_MAX}");
            problems.push(Problem::new(descriptors.offset, what));
        }
        if let (Some(_), Some(file)) = (&step.stdin, &step.stdin_file) {
            let what = "a step reads `stdin` or `stdin_file`, not both";
            problems.push(Problem::new(file.offset, what));
        }
        if let Some(ready) = &step.ready
            && ready.listens.is_some() == ready.prints.is_some()
        {
            let what = "`ready` has one of `listens` and `prints`";
            problems.push(Problem::new(ready.offset, what));
        }
    }

    /// Names of other steps.
    fn refers(&self, action: Action<'_>, problems: &mut Vec<Problem>) {
        match action {
            Action::Wait(of) | Action::Stop(of) => self.program(of, problems),
            Action::Clear(of) => self.cleared(of, problems),
            Action::Fault(fault) => self.fault(fault, problems),
            _ => {}
        }
    }

    /// The step of that name, which must be an earlier one.
    fn earlier(&self, name: &At<String>, problems: &mut Vec<Problem>) -> Option<Action<'_>> {
        match self.names.get(&name.value) {
            Some(&index) if index < self.index => Some(self.scenario.steps[index].action()),
            Some(&index) => {
                let line = if index == self.index { "this step itself" } else { "a later step" };
                let what = format!("`{}` is {line}; it must be an earlier one", name.value);
                problems.push(Problem::new(name.offset, what));
                None
            }
            None => {
                problems.push(self.no_step(name.offset, &name.value));
                None
            }
        }
    }

    /// The problem of a name that no step has.
    pub(super) fn no_step(&self, offset: usize, name: &str) -> Problem {
        let names: Vec<_> = self.names.keys().collect();
        Problem::new(offset, format!("there is no step `{name}`")).hint(suggestion(
            name,
            &names,
            "there are",
        ))
    }

    /// A step that is about the program of another one.
    fn program(&self, of: &At<String>, problems: &mut Vec<Problem>) {
        let Some(other) = self.earlier(of, problems) else { return };
        if !matches!(other, Action::Start(_) | Action::Relay(_)) {
            let what = format!("`{}` is a `{}`: nothing of it is running", of.value, other.name());
            problems.push(Problem::new(of.offset, what).hint("name a `start` or a `relay`"));
        }
    }

    fn cleared(&self, of: &At<String>, problems: &mut Vec<Problem>) {
        let Some(other) = self.earlier(of, problems) else { return };
        let problem = match other {
            Action::Fault(fault) if fault.signal.is_some() => {
                Problem::new(of.offset, "a signal cannot be taken back")
                    .hint("after `STOP` send `CONT`")
            }
            Action::Relay(_) | Action::Fault(_) => return,
            other => {
                let what = format!("`{}` is a `{}` and has no fault", of.value, other.name());
                Problem::new(of.offset, what).hint("name a `fault` or a `relay`")
            }
        };
        problems.push(problem);
    }

    fn fault(&self, fault: &At<FaultStep>, problems: &mut Vec<Problem>) {
        let kinds = kinds(fault);
        if kinds.len() != 1 {
            let names = "`relay`, `drop`, `link_down`, `rate`, `signal`, `fill_disk`, \
                         `hold_address`";
            let what = format!("a fault is exactly one thing; this is {}", kinds.len());
            problems.push(Problem::new(fault.offset, what).hint(format!("there are {names}")));
        }
        if let Some(relay) = &fault.relay
            && let Some(other) = self.earlier(&relay.of, problems)
            && !matches!(other, Action::Relay(_))
        {
            let what = format!("`{}` is a `{}` and not a relay", relay.of.value, other.name());
            problems.push(Problem::new(relay.of.offset, what));
        }
        if let Some(signal) = &fault.signal {
            self.program(&signal.to, problems);
        }
        if let Some(held) = &fault.hold_address {
            problems.extend(known_host(self.scenario, &held.host));
        }
        let of_links = [
            fault.drop.as_ref().map(|drop| &drop.host),
            fault.link_down.as_ref(),
            fault.rate.as_ref().map(|rate| &rate.host),
        ];
        for host in of_links.into_iter().flatten() {
            self.own_link(host, problems);
        }
        if let Some(host) = &fault.fill_disk {
            self.own_disk(host, problems);
        }
    }

    /// A host whose network is its own, so that it may be broken.
    fn own_link(&self, host: &At<String>, problems: &mut Vec<Problem>) {
        problems.extend(known_host(self.scenario, host));
        let spec = self.scenario.hosts.get(&host.value);
        if spec.is_some_and(|spec| spec.kind == HostKind::Local) {
            let what = format!("host `{}` is this computer: its network stays whole", host.value);
            problems.push(Problem::new(host.offset, what).hint("leave out `kind = \"local\"`"));
        }
    }

    fn own_disk(&self, host: &At<String>, problems: &mut Vec<Problem>) {
        problems.extend(known_host(self.scenario, host));
        let spec = self.scenario.hosts.get(&host.value);
        if spec.is_none_or(|spec| spec.disk.is_none()) {
            let what = format!("host `{}` has no disk of its own that could be filled", host.value);
            let hint = format!("write `[hosts.{}]` and below it `disk = \"1M\"`", host.value);
            problems.push(Problem::new(host.offset, what).hint(hint));
        }
    }
}

/// The keys of a step but its action and its name, as far as they are written.
fn written(step: &At<Step>) -> Vec<(&'static str, usize)> {
    fn at<T>(value: Option<&At<T>>) -> Option<usize> {
        value.map(|value| value.offset)
    }
    let here = |present: bool| present.then_some(step.offset);
    let keys = [
        ("host", at(step.host.as_ref())),
        ("at_once", at(step.at_once.as_ref())),
        ("copies", at(step.copies.as_ref())),
        ("stdin", here(step.stdin.is_some())),
        ("stdin_file", at(step.stdin_file.as_ref())),
        ("environment", here(!step.environment.is_empty())),
        ("directory", here(step.directory.is_some())),
        ("ready", at(step.ready.as_ref())),
        ("descriptors", at(step.descriptors.as_ref())),
        ("unprivileged", here(step.unprivileged)),
        ("language", at(step.language.as_ref())),
        ("time_limit", at(step.time_limit.as_ref())),
        ("expect", here(step.expect.is_some())),
    ];
    keys.into_iter().filter_map(|(key, offset)| Some((key, offset?))).collect()
}

/// The keys that go with an action, besides `name`.
fn allowed(action: Action<'_>) -> &'static [&'static str] {
    match action {
        Action::Run(_) => &[
            "host",
            "at_once",
            "copies",
            "stdin",
            "stdin_file",
            "environment",
            "directory",
            "descriptors",
            "unprivileged",
            "language",
            "time_limit",
            "expect",
        ],
        Action::Start(_) => &[
            "host",
            "at_once",
            "stdin",
            "stdin_file",
            "environment",
            "directory",
            "ready",
            "descriptors",
            "unprivileged",
            "language",
            "time_limit",
            "expect",
        ],
        Action::Relay(_) => &["host", "at_once", "time_limit", "expect"],
        Action::Wait(_) | Action::Stop(_) => &["at_once", "time_limit", "expect"],
        Action::Write(_) => &["host", "at_once"],
        Action::Fault(_) | Action::Clear(_) | Action::Pause(_) => &["at_once"],
        Action::Expect => &["host", "expect"],
    }
}

/// The kinds of a fault that were written.
fn kinds(fault: &FaultStep) -> Vec<&'static str> {
    let kinds = [
        ("relay", fault.relay.is_some()),
        ("drop", fault.drop.is_some()),
        ("link_down", fault.link_down.is_some()),
        ("rate", fault.rate.is_some()),
        ("signal", fault.signal.is_some()),
        ("fill_disk", fault.fill_disk.is_some()),
        ("hold_address", fault.hold_address.is_some()),
    ];
    kinds.into_iter().filter(|(_, written)| *written).map(|(kind, _)| kind).collect()
}

/// Steps that begin together are neighbours, and at least two.
fn at_once(scenario: &Scenario, problems: &mut Vec<Problem>) {
    let word = |index: usize| {
        let step: Option<&At<Step>> = scenario.steps.get(index);
        step.and_then(|step| step.at_once.as_ref())
    };
    let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
    for index in 0..scenario.steps.len() {
        let Some(this) = word(index) else { continue };
        let same = |other: Option<&At<String>>| other.is_some_and(|one| one.value == this.value);
        let before = index > 0 && same(word(index - 1));
        if !before && begun.insert(&this.value, index).is_some() {
            let what = format!("steps of `{}` are no neighbours of the earlier ones", this.value);
            problems.push(Problem::new(this.offset, what));
        } else if !before && !same(word(index + 1)) {
            let what = format!("no neighbouring step has `at_once = \"{}\"` too", this.value);
            problems.push(Problem::new(this.offset, what));
        }
    }
}
