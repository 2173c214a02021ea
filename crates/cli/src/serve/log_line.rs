//! Events in plain words, one line each. Nothing here writes.
//!
//! Reasons (`quit`, `idle`, `max-per-ip`) are the words of the JSON log in every language, so that
//! both can be searched alike. The library has made every text of a peer printable.

use std::time::Duration;

use colok::observe::{Event, Record, Totals};
use colok::proto::ServiceKind;
use colok::server::notices;

use super::store_line;
use crate::calls::call_line;
use crate::log_thread::Lines;
use crate::messages::{Id, Messages};
use crate::problem::{errno_name, errno_text};
use crate::say;
use crate::style::Style;
use crate::units::{clock_text, duration_text};

/// Turns records into lines; knows how many connections are open.
pub(super) struct LineWriter {
    messages: Messages,
    style: Style,
    verbose: bool,
    /// Whether the lines go to a terminal, which also shows the keys that are pressed.
    terminal: bool,
    open: u64,
}

impl Lines for LineWriter {
    type Totals = Totals;

    fn line(&mut self, record: &Record) -> Option<String> {
        match &record.event {
            Event::Accepted { .. } => self.open += 1,
            Event::Closed { .. } => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        let text = self.text(&record.event)?;
        let time = clock_text(record.time_unix_us / 1_000_000);
        // The `^C` that the terminal has shown is written over.
        let over = self.terminal && matches!(record.event, Event::Stopping { .. });
        let start = if over { "\r" } else { "" };
        Some(format!("{start}{} {text}", self.style.dim(format!("{time}Z"))))
    }

    fn totals(&self, totals: &Totals) -> String {
        format!("{}\n", totals_line(totals, &self.messages))
    }

    fn is_last(event: &Event) -> bool {
        matches!(event, Event::Stopped { .. })
    }
}

impl LineWriter {
    pub(super) fn new(messages: Messages, style: Style, verbose: bool, terminal: bool) -> Self {
        Self { messages, style, verbose, terminal, open: 0 }
    }

    fn text(&self, event: &Event) -> Option<String> {
        let messages = &self.messages;
        Some(match event {
            Event::Accepted { connection, service, local, remote }
                if service == ServiceKind::Files.name() =>
            {
                format!("#{connection} {service} {local}: {}", store_line::accepted(remote))
            }
            Event::File { connection, file } => {
                let text = store_line::happened(file, messages);
                on_connection(*connection, ServiceKind::Files.name(), &text)
            }
            Event::Accepted { connection, service, local, remote } => {
                let text = say!(
                    messages,
                    Id::LogAccepted,
                    remote = remote.as_str(),
                    local = local.as_str()
                );
                on_connection(*connection, service, &text)
            }
            Event::Message { .. } | Event::Replied { .. } if !self.verbose => return None,
            Event::Message { connection, service, remote, bytes, text } => {
                let line =
                    say!(messages, Id::LogMessage, bytes = bytes.to_string(), text = text.as_str());
                on_connection_or_datagram(*connection, service, remote, &line)
            }
            Event::Replied { connection, service, remote, bytes } => {
                let line = say!(messages, Id::LogReplied, bytes = bytes.to_string());
                on_connection_or_datagram(*connection, service, remote, &line)
            }
            Event::Closed { .. } => self.closed(event),
            Event::Refused { service, local, remote, reason } => {
                let text = say!(
                    messages,
                    Id::LogRefused,
                    remote = remote.as_str(),
                    local = local.as_str(),
                    reason = reason.as_str()
                );
                format!("{service}: {text}")
            }
            Event::Call(call) => call_line(call),
            // The table has told it, and the totals tell it again.
            Event::Started { .. } | Event::Stopped { .. } => return None,
            other => self.of_the_server(other)?,
        })
    }

    fn closed(&self, event: &Event) -> String {
        let Event::Closed {
            connection,
            service,
            reason,
            bytes_received,
            bytes_sent,
            duration_ms,
            ..
        } = event
        else {
            return String::new();
        };
        let text = say!(
            self.messages,
            Id::LogClosed,
            duration = duration_text(Duration::from_millis(*duration_ms)),
            reason = readable_reason(reason),
            received = bytes_received.to_string(),
            sent = bytes_sent.to_string(),
        );
        on_connection(*connection, service, &text)
    }

    /// Events of the server as a whole.
    fn of_the_server(&self, event: &Event) -> Option<String> {
        let messages = &self.messages;
        Some(match event {
            Event::Paused { address, errno } => {
                let reason = errno_text(*errno);
                say!(messages, Id::LogPaused, address = address.as_str(), reason = reason)
            }
            Event::Resumed { address } => {
                say!(messages, Id::LogResumed, address = address.as_str())
            }
            Event::WorkerLost { worker, process, connections, status } => say!(
                messages,
                Id::LogWorkerLost,
                worker = worker.to_string(),
                process = process.to_string(),
                connections = *connections,
                status = status.as_str(),
            ),
            Event::Notice { notice, subject } => self.notice(notice, subject),
            Event::Stopping { drain_ms } => {
                let time = duration_text(Duration::from_millis(*drain_ms));
                say!(messages, Id::LogStopping, time = time, connections = self.open)
            }
            Event::Dropped { records } => {
                say!(messages, Id::LogDropped, records = *records)
            }
            _ => return None,
        })
    }

    fn notice(&self, notice: &str, subject: &str) -> String {
        let id = match notice {
            notices::ADDRESS_SKIPPED => Id::NoticeAddressSkipped,
            notices::STALE_SOCKET_REMOVED => Id::NoticeStaleSocketRemoved,
            notices::FELL_BACK_TO_EVENTS => Id::NoticeFellBackToEvents,
            notices::FELL_BACK_TO_THREADS => Id::NoticeFellBackToThreads,
            notices::DATAGRAMS_DROPPED => Id::NoticeDatagramsDropped,
            notices::WORKER_NOT_STARTED => Id::NoticeWorkerNotStarted,
            _ => return format!("{notice}: {subject}"),
        };
        say!(self.messages, id, subject = subject)
    }
}

/// What is told last.
pub(super) fn totals_line(totals: &Totals, messages: &Messages) -> String {
    let mut line = say!(
        messages,
        Id::Totals,
        connections = totals.connections,
        datagrams = totals.datagrams,
        received = totals.bytes_received.to_string(),
        sent = totals.bytes_sent.to_string(),
        refused = totals.refused.to_string(),
    );
    if totals.datagrams_dropped > 0 {
        let datagrams = totals.datagrams_dropped;
        line.push_str("; ");
        line.push_str(&say!(messages, Id::TotalsDatagramsDropped, datagrams = datagrams));
    }
    if totals.workers_lost > 0 {
        line.push_str("; ");
        line.push_str(&say!(messages, Id::TotalsWorkers, workers = totals.workers_lost));
    }
    if totals.records_dropped > 0 {
        line.push_str("; ");
        line.push_str(&say!(messages, Id::TotalsDropped, records = totals.records_dropped));
    }
    line
}

fn on_connection(connection: u64, service: &str, text: &str) -> String {
    format!("#{connection} {service}: {text}")
}

/// A datagram has no connection: its source stands in its place.
fn on_connection_or_datagram(connection: u64, service: &str, remote: &str, text: &str) -> String {
    if connection == 0 {
        format!("{remote} {service}: {text}")
    } else {
        on_connection(connection, service, text)
    }
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
    use colok::observe::FileEvent;

    use super::*;
    use crate::messages::Language;

    fn line(language: Language, event: Event) -> Option<String> {
        let mut writer = LineWriter::new(Messages::new(language), Style::PLAIN, false, false);
        writer.line(&Record { time_unix_us: 0, event })
    }

    #[test]
    fn a_close_tells_why_and_how_much() {
        let event = || Event::Closed {
            connection: 1,
            service: "echo".into(),
            local: "127.0.0.1:5001".into(),
            remote: "127.0.0.1:51514".into(),
            reason: "io(104)".into(),
            bytes_received: 12,
            bytes_sent: 11,
            received_blake3: None,
            sent_blake3: None,
            duration_ms: 3200,
        };
        assert_eq!(
            line(Language::English, event()).as_deref(),
            Some("00:00:00Z #1 echo: closed after 3.2 s: io(ECONNRESET) (12 B in, 11 B out)")
        );
        assert_eq!(
            line(Language::Indonesian, event()).as_deref(),
            Some(
                "00:00:00Z #1 echo: ditutup setelah 3.2 s: io(ECONNRESET) \
                 (12 B masuk, 11 B keluar)"
            )
        );
    }

    #[test]
    fn the_words_of_the_paper_are_the_same_in_every_language() {
        for language in [Language::English, Language::Indonesian] {
            let event = Event::Accepted {
                connection: 7,
                service: "files".into(),
                local: "127.0.0.1:25563".into(),
                remote: "127.0.0.1:32884".into(),
            };
            assert_eq!(
                line(language, event).as_deref(),
                Some(
                    "00:00:00Z #7 files 127.0.0.1:25563: \
                     Connection from address 127.0.0.1 port 32884"
                )
            );
            let name = || "peserta.dpr".to_owned();
            for (file, expected) in [
                (FileEvent::Read { name: name() }, "server read peserta.dpr"),
                (
                    FileEvent::Missing { name: name(), offset: 0 },
                    "file do not exist, get it from client",
                ),
                (FileEvent::Copied { name: name(), bytes: 9 }, "copied 9 bytes (peserta.dpr)"),
            ] {
                let told = line(language, Event::File { connection: 7, file });
                assert_eq!(told, Some(format!("00:00:00Z #7 files: {expected}")));
            }
        }
    }

    #[test]
    fn stopping_tells_whom_it_waits_for() {
        let record = |event| Record { time_unix_us: 0, event };
        let accepted = || Event::Accepted {
            connection: 1,
            service: "echo".into(),
            local: "127.0.0.1:5001".into(),
            remote: "127.0.0.1:51514".into(),
        };
        for (language, clients, terminal, expected) in [
            (Language::English, 0, false, "00:00:00Z stopping"),
            (Language::Indonesian, 0, true, "\r00:00:00Z sedang berhenti"),
            (
                Language::English,
                1,
                true,
                "\r00:00:00Z stopping, waiting up to 5 s for 1 connection \
                 (Ctrl-C again: at once)",
            ),
            (
                Language::Indonesian,
                2,
                false,
                "00:00:00Z menunggu 2 koneksi, paling lama 5 s \
                 (Ctrl-C lagi: langsung berhenti)",
            ),
        ] {
            let messages = Messages::new(language);
            let mut writer = LineWriter::new(messages, Style::PLAIN, false, terminal);
            for _ in 0..clients {
                writer.line(&record(accepted()));
            }
            let told = writer.line(&record(Event::Stopping { drain_ms: 5000 }));
            assert_eq!(told.as_deref(), Some(expected));
        }
    }

    #[test]
    fn messages_are_told_only_when_asked_for() {
        let event = || Event::Message {
            connection: 0,
            service: "count".into(),
            remote: "127.0.0.1:9999".into(),
            bytes: 2,
            text: "hi".into(),
        };
        assert_eq!(line(Language::English, event()), None);
        let mut writer =
            LineWriter::new(Messages::new(Language::English), Style::PLAIN, true, false);
        let told = writer.line(&Record { time_unix_us: 0, event: event() });
        let expected = "00:00:00Z 127.0.0.1:9999 count: message of 2 B: hi";
        assert_eq!(told.as_deref(), Some(expected));
    }
}
