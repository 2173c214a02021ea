//! The faults of a case: every one is listed before anything happens, so that each has a record
//! with its proof, whatever becomes of the case.
//!
//! A fault that never began, or whose effect nobody saw, is not proved; nothing here assumes one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::describe::fault_text;
use crate::scenario::agent::{Answer, HeldPort, KernelFault};
use crate::scenario::file::{Action, FaultStep, Scenario, Step};
use crate::scenario::record::FaultRecord;

/// What kind of thing breaks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// The agent of a host breaks something of its kernel.
    Kernel {
        /// The host.
        host: String,
        /// What.
        what: KernelFault,
    },
    /// A signal to the program of a step.
    Signal,
    /// Something that a relay does to traffic.
    Relay,
    /// A limit of descriptors.
    Descriptors,
    /// No rights of root.
    Unprivileged,
}

/// A fault of a case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// The index of the step that makes it.
    pub(super) step: usize,
    /// Its kind.
    pub(super) kind: Kind,
    /// For a relay's: the number of the set of faults that it is in, when the relay has it.
    pub(super) set: Option<u64>,
    /// What is known of it.
    pub(super) record: FaultRecord,
}

impl Fault {
    fn new(step: usize, name: &str, kind: Kind, place: &str, text: String) -> Self {
        let record = FaultRecord {
            step: name.to_owned(),
            place: place.to_owned(),
            text,
            start_s: None,
            end_s: None,
            proved: false,
            proof: BTreeMap::new(),
        };
        Self { step, kind, set: None, record }
    }

    /// Whether it is there now.
    pub(super) fn is_active(&self) -> bool {
        self.record.start_s.is_some() && self.record.end_s.is_none()
    }

    /// Takes the answer of an agent to what was asked about it. Counters that are told later stand
    /// in the place of earlier ones; what was proved once stays so.
    pub(super) fn learn(&mut self, answer: Result<Answer, String>) {
        match answer {
            Ok(Answer::Proof { proved, seen }) => {
                self.record.proved |= proved;
                self.record.proof.extend(seen);
            }
            Ok(other) => self.failed(format!("the agent answered {other:?}")),
            Err(error) => self.failed(error),
        }
    }

    /// It could not be made, or not be looked at.
    pub(super) fn failed(&mut self, error: String) {
        self.record.proof.insert("error".to_owned(), Value::String(error));
    }
}

/// Every fault of a scenario whose placeholders are filled in, in the order of the steps.
pub(super) fn listed(scenario: &Scenario) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        of_step(scenario, index, step, &mut faults);
    }
    faults
}

fn of_step(scenario: &Scenario, index: usize, step: &Step, faults: &mut Vec<Fault>) {
    let name = scenario.step_name(index);
    match step.action() {
        Action::Relay(relay) => {
            for fault in &relay.faults {
                faults.push(Fault::new(index, &name, Kind::Relay, &name, fault.value.to_string()));
            }
        }
        Action::Fault(fault) => of_fault_step(index, &name, fault, faults),
        _ => {}
    }
    if let Some(most) = &step.descriptors {
        let text = format!("at most {} descriptors", most.value);
        faults.push(Fault::new(index, &name, Kind::Descriptors, &name, text));
    }
    if step.unprivileged {
        let text = "without the rights of root".to_owned();
        faults.push(Fault::new(index, &name, Kind::Unprivileged, &name, text));
    }
}

fn of_fault_step(index: usize, name: &str, fault: &FaultStep, faults: &mut Vec<Fault>) {
    if let Some(relay) = &fault.relay {
        for fault in &relay.faults {
            let text = fault.value.to_string();
            faults.push(Fault::new(index, name, Kind::Relay, &relay.of, text));
        }
    } else if let Some(signal) = &fault.signal {
        faults.push(Fault::new(index, name, Kind::Signal, &signal.to, fault_text(fault)));
    } else if let Some((host, what)) = kernel_fault(fault) {
        let kind = Kind::Kernel { host: host.to_owned(), what };
        faults.push(Fault::new(index, name, kind, host, fault_text(fault)));
    }
}

/// What the agent of which host breaks.
fn kernel_fault(fault: &FaultStep) -> Option<(&str, KernelFault)> {
    if let Some(drop) = &fault.drop {
        let ranges = drop.port.as_ref().map_or(&[][..], |port| &port.value.0);
        let ports = ranges.iter().map(|&(least, most)| (port(least), port(most))).collect();
        let what = KernelFault::Drop { way: drop.way, protocol: drop.protocol, ports };
        return Some((&drop.host, what));
    }
    if let Some(host) = &fault.link_down {
        return Some((host, KernelFault::LinkDown));
    }
    if let Some(rate) = &fault.rate {
        let bytes_per_second = rate.bytes_per_second.value.0;
        return Some((&rate.host, KernelFault::Rate { bytes_per_second }));
    }
    if let Some(host) = &fault.fill_disk {
        return Some((host, KernelFault::FillDisk));
    }
    let held = fault.hold_address.as_ref()?;
    let address = held.address.value.clone();
    Some((&held.host, KernelFault::HoldAddress(HeldPort { address })))
}

/// The end of a range of ports; those that have no end are open to the last port.
fn port(number: i64) -> u16 {
    u16::try_from(number.clamp(0, i64::from(u16::MAX))).unwrap_or(u16::MAX)
}
