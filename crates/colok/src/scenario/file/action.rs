//! Which action a step has, and what its name is: said once, for everyone who runs or judges it.

use super::{At, FaultStep, FileSpec, HostSpec, Length, RelayStep, Scenario, Step, Words};

/// The name of the one host of a scenario without hosts.
pub const DEFAULT_HOST: &str = "host";

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action<'s> {
    /// Runs a program to its end.
    Run(&'s At<Words>),
    /// Starts a program that stays.
    Start(&'s At<Words>),
    /// Starts a relay.
    Relay(&'s At<RelayStep>),
    /// Breaks something.
    Fault(&'s At<FaultStep>),
    /// Ends the fault of this step.
    Clear(&'s At<String>),
    /// Waits for the program of this step.
    Wait(&'s At<String>),
    /// Stops the program of this step.
    Stop(&'s At<String>),
    /// Makes a file.
    Write(&'s At<FileSpec>),
    /// Lets time pass.
    Pause(&'s At<Length>),
    /// Only looks.
    Expect,
}

impl Action<'_> {
    /// The keys of all actions; a step without any of them only looks.
    pub const NAMES: [&'static str; 9] =
        ["run", "start", "relay", "fault", "clear", "wait", "stop", "write", "pause"];

    /// Its key: `run`, `start`...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Start(_) => "start",
            Self::Relay(_) => "relay",
            Self::Fault(_) => "fault",
            Self::Clear(_) => "clear",
            Self::Wait(_) => "wait",
            Self::Stop(_) => "stop",
            Self::Write(_) => "write",
            Self::Pause(_) => "pause",
            Self::Expect => "expect",
        }
    }

    /// The offset of its value; `None` for [`Action::Expect`].
    pub const fn offset(self) -> Option<usize> {
        match self {
            Self::Run(at) | Self::Start(at) => Some(at.offset),
            Self::Relay(at) => Some(at.offset),
            Self::Fault(at) => Some(at.offset),
            Self::Clear(at) | Self::Wait(at) | Self::Stop(at) => Some(at.offset),
            Self::Write(at) => Some(at.offset),
            Self::Pause(at) => Some(at.offset),
            Self::Expect => None,
        }
    }
}

impl Step {
    /// What it does. In a checked scenario it is the only action; else the first.
    pub fn action(&self) -> Action<'_> {
        self.actions().into_iter().next().unwrap_or(Action::Expect)
    }

    /// Every action that was written.
    pub(crate) fn actions(&self) -> Vec<Action<'_>> {
        let all = [
            self.run.as_ref().map(Action::Run),
            self.start.as_ref().map(Action::Start),
            self.relay.as_ref().map(Action::Relay),
            self.fault.as_ref().map(Action::Fault),
            self.clear.as_ref().map(Action::Clear),
            self.wait.as_ref().map(Action::Wait),
            self.stop.as_ref().map(Action::Stop),
            self.write.as_ref().map(Action::Write),
            self.pause.as_ref().map(Action::Pause),
        ];
        all.into_iter().flatten().collect()
    }
}

impl Scenario {
    /// The name of the step with this index: its own, or its action and its number (from 1), as in
    /// `run-3`.
    pub fn step_name(&self, index: usize) -> String {
        let step = &self.steps[index];
        match &step.name {
            Some(name) => name.value.clone(),
            None => format!("{}-{}", step.action().name(), index + 1),
        }
    }

    /// The index of the step with this name.
    pub fn step_named(&self, name: &str) -> Option<usize> {
        (0..self.steps.len()).find(|&index| self.step_name(index) == name)
    }

    /// The hosts: those of the file, or the one there is without any.
    pub fn all_hosts(&self) -> Vec<(&str, HostSpec)> {
        if self.hosts.is_empty() {
            return vec![(DEFAULT_HOST, HostSpec::default())];
        }
        self.hosts.iter().map(|(name, spec)| (name.as_str(), spec.clone())).collect()
    }

    /// The host of the step with this index: its own, that of the program it is about, or the only
    /// one. `None` for steps without a place: faults, pauses, files made on every host.
    pub fn host_of(&self, index: usize) -> Option<&str> {
        let step = &self.steps[index];
        match step.action() {
            Action::Wait(of) | Action::Stop(of) => {
                let other = self.step_named(of).filter(|&other| other < index)?;
                return self.host_of(other);
            }
            Action::Fault(_) | Action::Clear(_) | Action::Pause(_) => return None,
            Action::Write(file) if file.host.is_some() => return file.host.as_ref().map(name),
            _ => {}
        }
        if let Some(host) = &step.host {
            return Some(host);
        }
        match self.hosts.len() {
            0 => Some(DEFAULT_HOST),
            1 => self.hosts.keys().next().map(String::as_str),
            _ => None,
        }
    }
}

fn name(host: &At<String>) -> &str {
    host
}
