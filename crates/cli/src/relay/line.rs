//! Events of a relay in plain words, one line each. Nothing here writes.
//!
//! Faults, reasons and directions are the words of the JSON log in every language.

use std::time::Duration;

use colok::observe::{Event, Record};
use colok::relay::{ClosedConnection, FaultCount, RelayEvent, RelayTotals};

use crate::log_thread::Lines;
use crate::messages::{Id, Messages};
use crate::problem::{errno_name, errno_text};
use crate::say;
use crate::style::Style;
use crate::units::{clock_text, duration_text};

/// Turns records into lines.
pub(super) struct LineWriter {
    messages: Messages,
    style: Style,
    verbose: bool,
}

impl Lines for LineWriter {
    type Totals = RelayTotals;

    fn line(&mut self, record: &Record) -> Option<String> {
        let text = match &record.event {
            Event::Relay(event) => self.of_the_relay(event)?,
            event => self.of_a_connection(event)?,
        };
        let time = clock_text(record.time_unix_us / 1_000_000);
        Some(format!("{} {text}", self.style.dim(format!("{time}Z"))))
    }

    fn totals(&self, totals: &RelayTotals) -> String {
        totals_lines(totals, &self.messages)
    }

    fn is_last(event: &Event) -> bool {
        matches!(event, Event::Relay(RelayEvent::Stopped(_)))
    }
}

impl LineWriter {
    pub(super) fn new(messages: Messages, style: Style, verbose: bool) -> Self {
        Self { messages, style, verbose }
    }

    fn of_a_connection(&self, event: &Event) -> Option<String> {
        let messages = &self.messages;
        Some(match event {
            Event::Accepted { connection, local, remote, .. } => {
                let (remote, local) = (remote.as_str(), local.as_str());
                let text = say!(messages, Id::LogAccepted, remote = remote, local = local);
                format!("#{connection}: {text}")
            }
            Event::Connected { connection, remote, .. } if self.verbose => {
                let text = say!(messages, Id::RelayReached, target = remote.as_str());
                format!("#{connection}: {text}")
            }
            Event::Failed { connection, call, address, errno, .. } => {
                let connection = connection.unwrap_or_default();
                format!("#{connection}: {call} {address}: {}", errno_text(*errno))
            }
            Event::Refused { local, remote, reason, .. } => say!(
                messages,
                Id::LogRefused,
                remote = remote.as_str(),
                local = local.as_str(),
                reason = reason.as_str()
            ),
            Event::Dropped { records } => say!(messages, Id::LogDropped, records = *records),
            Event::Notice { notice, subject } => format!("{notice}: {subject}"),
            _ => return None,
        })
    }

    fn of_the_relay(&self, event: &RelayEvent) -> Option<String> {
        let messages = &self.messages;
        Some(match event {
            RelayEvent::Fault { connection, direction, fault, at, .. } => {
                let way = direction.map(|it| format!(" {}", it.name())).unwrap_or_default();
                let at = at.map(|at| format!(" @{at}")).unwrap_or_default();
                format!("#{connection}{way}: {fault}{at}")
            }
            // The first lines have told the first ones.
            RelayEvent::Faults { set } if set.set == 1 => return None,
            RelayEvent::Faults { set } if set.faults.is_empty() => {
                messages.text(Id::RelayFaultsNone)
            }
            RelayEvent::Faults { set } => {
                let texts: Vec<&str> = set.faults.iter().map(|it| it.fault.as_str()).collect();
                say!(messages, Id::RelayFaultsNow, faults = texts.join("; "))
            }
            RelayEvent::Closed(closed) => self.closed(closed),
            // The account at the end tells it.
            RelayEvent::Stopped(_) => return None,
        })
    }

    fn closed(&self, closed: &ClosedConnection) -> String {
        let text = say!(
            self.messages,
            Id::RelayClosed,
            duration = duration_text(Duration::from_millis(closed.duration_ms)),
            reason = readable_reason(&closed.reason),
            by = closed.by.as_str(),
            up = closed.up_sent.to_string(),
            down = closed.down_sent.to_string(),
        );
        format!("#{}: {text}", closed.connection)
    }
}

/// What is told last: how much was relayed, and what each fault did.
pub(super) fn totals_lines(totals: &RelayTotals, messages: &Messages) -> String {
    let mut text = say!(
        messages,
        Id::RelayTotals,
        connections = totals.connections,
        up = totals.up_sent.to_string(),
        down = totals.down_sent.to_string(),
        refused = totals.refused.to_string(),
    );
    if totals.records_dropped > 0 {
        text.push_str("; ");
        text.push_str(&say!(messages, Id::TotalsDropped, records = totals.records_dropped));
    }
    text.push('\n');
    for FaultCount { fault, applied } in totals.sets.iter().flat_map(|set| &set.faults) {
        let (fault, applied) = (fault.as_str(), applied.to_string());
        text.push_str(&say!(messages, Id::RelayApplied, fault = fault, applied = applied));
        text.push('\n');
    }
    text
}

/// `io(104)` with the name of the error.
fn readable_reason(reason: &str) -> String {
    let number = reason.strip_prefix("io(").and_then(|rest| rest.strip_suffix(')'));
    match number.and_then(|number| number.parse().ok()) {
        Some(number) => format!("io({})", errno_name(number)),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use colok::relay::{Direction, FaultSet};

    use super::*;
    use crate::messages::Language;

    fn line(language: Language, event: Event) -> Option<String> {
        let mut writer = LineWriter::new(Messages::new(language), Style::PLAIN, false);
        writer.line(&Record { time_unix_us: 0, event })
    }

    #[test]
    fn a_close_tells_why_and_who() {
        let closed = || {
            Event::Relay(RelayEvent::Closed(Box::new(ClosedConnection {
                connection: 3,
                reason: "io(104)".into(),
                by: "client".into(),
                up_sent: 12,
                down_sent: 11,
                duration_ms: 3200,
                ..ClosedConnection::default()
            })))
        };
        assert_eq!(
            line(Language::English, closed()).as_deref(),
            Some(
                "00:00:00Z #3: closed after 3.2 s: io(ECONNRESET), by client (12 B up, 11 B down)"
            )
        );
        assert_eq!(
            line(Language::Indonesian, closed()).as_deref(),
            Some(
                "00:00:00Z #3: ditutup setelah 3.2 s: io(ECONNRESET), oleh client \
                 (12 B naik, 11 B turun)"
            )
        );
    }

    #[test]
    fn faults_are_told_as_they_were_written() {
        let fault = Event::Relay(RelayEvent::Fault {
            connection: 1,
            direction: Some(Direction::Down),
            set: 1,
            fault: "cut=10 direction=down".into(),
            at: Some(10),
            count: 1,
        });
        let told = line(Language::English, fault);
        assert_eq!(told.as_deref(), Some("00:00:00Z #1 down: cut=10 direction=down @10"));
        let set = |set, faults| Event::Relay(RelayEvent::Faults { set: FaultSet { set, faults } });
        let faults = vec![FaultCount { fault: "cut=1".into(), applied: 0 }];
        assert_eq!(line(Language::English, set(1, faults.clone())), None);
        let told = line(Language::English, set(2, faults));
        assert_eq!(told.as_deref(), Some("00:00:00Z faults from now on: cut=1"));
        let told = line(Language::English, set(3, Vec::new()));
        assert_eq!(told.as_deref(), Some("00:00:00Z no faults from now on"));
    }

    #[test]
    fn the_account_has_every_fault() {
        let totals = RelayTotals {
            connections: 2,
            up_sent: 10,
            down_sent: 20,
            sets: vec![FaultSet {
                set: 1,
                faults: vec![FaultCount { fault: "cut=1".into(), applied: 2 }],
            }],
            ..RelayTotals::default()
        };
        let text = totals_lines(&totals, &Messages::new(Language::English));
        let expected =
            "stopped: 2 connections, 10 B up, 20 B down, 0 refused\n  cut=1: applied 2\n";
        assert_eq!(text, expected);
    }
}
