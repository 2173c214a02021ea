//! `--save`: a session, written as a scenario that `colok check` runs.
//!
//! Each connection becomes a step that says the same again as a script, and expects the same
//! replies. Nothing is written over an existing file, and nothing before the session is over.

mod text;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use colok::client::{DEFAULT_WITHIN, EndReason, Step};
use colok::net::url::{Transport, Url};
use colok::observe::{Said, Talk, Transcript, errno_name};
use colok::scenario::fill::literal;
use rustix::io::Errno;

use super::way::Way;
use crate::arguments::ConnectArguments;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;
use crate::units::size_text;
use text::{ScenarioText, Table, escaped};

/// The longest argument of a program: 128 KiB on Linux, with its end (execve(2)).
const WORD_BYTES_MAX: usize = 128 * 1024 - 1;

/// The longest text in all: what a reader of scenarios takes, with room for the rest.
const TEXT_BYTES_MAX: usize = 1000 * 1024;

/// How much of a stream is one word: escaped it is four times as long at most.
const CHUNK_BYTES: usize = 24 * 1024;

/// How long a step may take unless its scenario says otherwise.
const USUAL_TIME_LIMIT: Duration = Duration::from_secs(30);

/// How long a case may take unless its scenario says otherwise.
const USUAL_SCENARIO_TIME_LIMIT: Duration = Duration::from_mins(1);

/// How long a script goes on receiving when it is done, and then some: it is started, too.
const AROUND: Duration = Duration::from_secs(10);

/// A file that is to be written when the session is over.
pub(super) struct Save {
    path: PathBuf,
}

impl Save {
    /// Looks whether the file can be made. It is not made yet: a session that is killed leaves
    /// nothing behind.
    pub(super) fn prepare(path: &Path, messages: &Messages) -> Result<Self, Problem> {
        let save = Self { path: path.to_owned() };
        if path.symlink_metadata().is_ok() {
            return Err(save.problem(&Errno::EXIST.into(), messages));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)
            .map_err(|errno| save.problem(&errno.into(), messages))?;
        Ok(save)
    }

    /// Writes the session; `exit` is how it ended.
    pub(super) fn write(
        &self,
        arguments: &ConnectArguments,
        transcript: &Transcript,
        exit: Exit,
        messages: &Messages,
    ) -> Result<(), Problem> {
        let session = Session {
            arguments,
            way: Way::of(arguments),
            talks: &transcript.talks(),
            failed: transcript.failed(),
            exit,
        };
        let file = self.path.display().to_string();
        let text = session.text(&file, messages).filter(|_| !transcript.is_cut());
        let text = text.ok_or_else(|| {
            let what = format!("{file}: {}", messages.text(Id::SaveCutWhat));
            let limit = size_text(Transcript::BYTES_MAX as u64);
            let why = say!(messages, Id::SaveCutWhy, limit = limit);
            Problem::new(Exit::Failed, what).why(why)
        })?;
        let made = OpenOptions::new().write(true).create_new(true).open(&self.path);
        made.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| self.problem(&error, messages))?;
        let line = say!(messages, Id::SaveDone, file = text::word(&file)) + "\n";
        // When standard error is gone the file is there all the same.
        let _ = std::io::stderr().write_all(line.as_bytes());
        Ok(())
    }

    fn problem(&self, error: &std::io::Error, messages: &Messages) -> Problem {
        let problem = Problem::of_file("open", &self.path.display().to_string(), error);
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => problem.why(messages.text(Id::SaveExistsWhy)),
            _ => problem,
        }
    }
}

/// What is to be said again.
struct Session<'a> {
    arguments: &'a ConnectArguments,
    way: Way,
    talks: &'a [Talk],
    /// Why a connection could not be made.
    failed: Option<Errno>,
    exit: Exit,
}

impl Session<'_> {
    /// The whole file; `None` when a text of it is too long.
    fn text(&self, file: &str, messages: &Messages) -> Option<String> {
        let url = &self.arguments.url;
        let address = url.without_options();
        let title = if self.talks.is_empty() { Id::SaveTitleFailed } else { Id::SaveTitle };
        let mut text = ScenarioText::default();
        text.comment(&say!(messages, Id::SaveAbout, file = text::word(file)));
        if !self.talks.is_empty() {
            text.comment(&messages.text(Id::SaveSameAddress));
        }
        text.gap();
        text.string("title", &say!(messages, title, address = address.as_str()));
        let steps = self.steps();
        let time = steps.iter().map(Spoken::time).sum();
        if time > USUAL_SCENARIO_TIME_LIMIT {
            text.string("time_limit", &length(time));
        }
        text.gap();
        if !self.talks.is_empty() {
            text.comment(&say!(messages, Id::SaveServer, placeholder = own_address(url)));
            text.comment(&server_step(url));
            text.gap();
        }
        text.table(Table::Host);
        text.string("kind", "local");
        for (index, spoken) in steps.into_iter().enumerate() {
            self.step(index, spoken, &mut text)?;
        }
        Some(text.done()).filter(|text| text.len() <= TEXT_BYTES_MAX)
    }

    /// One for each connection, or for the one that could not be made.
    fn steps(&self) -> Vec<Spoken> {
        if self.talks.is_empty() {
            return vec![self.spoken(None)];
        }
        self.talks.iter().map(|talk| self.spoken(Some(talk))).collect()
    }

    fn step(&self, index: usize, spoken: Spoken, text: &mut ScenarioText) -> Option<()> {
        let name = if index == 0 { "client".to_owned() } else { format!("client-{}", index + 1) };
        let time = spoken.time();
        let mut words = vec!["colok".to_owned(), "connect".to_owned()];
        words.push(self.arguments.url.without_options());
        let mut lines = vec![words];
        lines.extend(self.options());
        lines.extend(spoken.words);
        if lines.iter().flatten().any(|word| word.len() > WORD_BYTES_MAX) {
            return None;
        }
        text.gap();
        text.table(Table::Step);
        text.string("name", &name);
        if time > USUAL_TIME_LIMIT {
            text.string("time_limit", &length(time));
        }
        text.words("run", &lines);
        text.table(Table::Expect);
        text.number("exit", spoken.exit as u64);
        match spoken.replies.as_deref().map(std::str::from_utf8) {
            Some(Ok(replies)) => text.string("stdout", &literal(replies)),
            Some(Err(_)) => {
                let bytes = spoken.replies.as_ref().map_or(0, Vec::len);
                text.number("stdout_bytes", bytes as u64);
            }
            None => {}
        }
        match (self.talks.get(index), self.failed) {
            (Some(talk), _) => {
                if let Some(reason) = self.close_reason(talk) {
                    text.string("closed", &reason.word());
                }
            }
            (None, Some(errno)) => text.string("errno", &errno_name(errno.raw_os_error())),
            (None, None) => {}
        }
        Some(())
    }

    /// The options that change what happens, however it is said.
    fn options(&self) -> Vec<Vec<String>> {
        let ConnectArguments { source, connect_timeout, deadline, .. } = self.arguments;
        // What a person did in that time is done at once.
        let deadline = deadline.filter(|_| self.way == Way::Script);
        let options = [
            ("--source", source.map(|source| source.to_string())),
            ("--connect-timeout", connect_timeout.map(length)),
            ("--deadline", deadline.map(length)),
        ];
        let given = |(name, value): (&str, Option<String>)| Some(vec![name.to_owned(), value?]);
        options.into_iter().filter_map(given).collect()
    }

    /// How the same is said by a script.
    fn spoken(&self, talk: Option<&Talk>) -> Spoken {
        let scripted = self.way == Way::Script;
        let mut spoken = match talk {
            _ if scripted => script_of(&self.arguments.steps),
            Some(talk) => self.script_of_talk(talk),
            None => Spoken::default(),
        };
        spoken.exit = if scripted || talk.is_none() { self.exit } else { spoken.exit };
        if scripted && spoken.exit == Exit::Done {
            spoken.replies = talk.map(received);
        }
        spoken
    }

    fn script_of_talk(&self, talk: &Talk) -> Spoken {
        let is_udp = self.arguments.url.transport == Transport::Udp;
        let from_many = is_udp && is_group(talk);
        let mut spoken = Spoken { replies: Some(received(talk)), ..Spoken::default() };
        let mut ended_sending = false;
        for said in &talk.said {
            match said {
                Said::Sent(bytes) => spoken.send(bytes, is_udp),
                // What comes after our end is waited for without being asked for; in a script
                // nothing is expected after it. Answers of a group come in any order.
                Said::Received { .. } if ended_sending || from_many => {}
                Said::Received { bytes, within } => spoken.expect(bytes, *within),
                Said::EndedSending => ended_sending = true,
            }
        }
        if from_many {
            // Their order is theirs; how many bytes they are is not.
            spoken.replies = spoken.replies.map(|replies| vec![0xff; replies.len()]);
        }
        if spoken.words.is_empty() {
            spoken.say_nothing(is_udp, talk.ended_by == Some(EndReason::PeerClosed));
        }
        spoken
    }

    /// Why it ended, when that was not our doing and is the same each time.
    fn close_reason(&self, talk: &Talk) -> Option<EndReason> {
        let is_udp = self.arguments.url.transport == Transport::Udp;
        talk.ended_by.filter(|reason| match reason {
            EndReason::PeerClosed => true,
            EndReason::Reset(_) => is_udp,
            _ => false,
        })
    }
}

/// A session as a script.
struct Spoken {
    /// Options and their values, a line each.
    words: Vec<Vec<String>>,
    /// All that it will print; `None` when that is not known.
    replies: Option<Vec<u8>>,
    /// How long its expectations wait, all together.
    waits: Duration,
    exit: Exit,
}

impl Default for Spoken {
    fn default() -> Self {
        Self { words: Vec::new(), replies: None, waits: Duration::ZERO, exit: Exit::Done }
    }
}

impl Spoken {
    /// How long it may take.
    fn time(&self) -> Duration {
        self.waits + AROUND
    }

    /// Sends a text; a datagram is never cut.
    fn send(&mut self, bytes: &[u8], whole: bool) {
        let chunk = if whole { bytes.len().max(1) } else { CHUNK_BYTES };
        if bytes.is_empty() && whole {
            self.option("--send", String::new());
        }
        for part in bytes.chunks(chunk) {
            self.option("--send", escaped(part));
        }
    }

    /// Expects these bytes, which took so long.
    fn expect(&mut self, bytes: &[u8], took: Duration) {
        // Twice as long as it took, and never less than usual: it may be slower another time.
        let within = DEFAULT_WITHIN.max(Duration::from_secs((took * 2).as_secs() + 1));
        for part in bytes.chunks(CHUNK_BYTES) {
            self.option("--expect", escaped(part));
            self.within(within);
        }
    }

    fn within(&mut self, within: Duration) {
        self.waits += within;
        if within != DEFAULT_WITHIN
            && let Some(words) = self.words.last_mut()
        {
            words.extend(["--within".to_owned(), length(within)]);
        }
    }

    fn option(&mut self, name: &str, value: String) {
        self.words.push(vec![name.to_owned(), value]);
    }

    /// A connection on which nothing was said either way.
    fn say_nothing(&mut self, is_udp: bool, peer_ended: bool) {
        if is_udp {
            // No input is no line, and no datagram; that is told as a failure.
            self.option("--datagram", "line".to_owned());
            self.exit = Exit::Failed;
        } else if !peer_ended {
            // A pipe without input, which waits for the server's end unless told otherwise.
            self.option("--on-eof", "close".to_owned());
        }
    }
}

/// The script that was given, as it was given.
fn script_of(steps: &[Step]) -> Spoken {
    let mut spoken = Spoken::default();
    for step in steps {
        match step {
            Step::Send(bytes) => spoken.option("--send", escaped(bytes)),
            Step::Expect { pattern, within } => {
                spoken.option("--expect", text::without_placeholders(pattern.text()));
                spoken.within(*within);
            }
        }
    }
    spoken
}

/// A length of time as flags and scenarios take it.
fn length(time: Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds.is_multiple_of(1000) {
        format!("{}s", milliseconds / 1000)
    } else {
        format!("{milliseconds}ms")
    }
}

/// All that came.
fn received(talk: &Talk) -> Vec<u8> {
    let bytes = talk.said.iter().filter_map(|said| match said {
        Said::Received { bytes, .. } => Some(bytes.as_slice()),
        _ => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

/// Whether many may have answered: the socket was not connected to one.
fn is_group(talk: &Talk) -> bool {
    match &talk.peer.remote {
        colok::proto::Address::Inet(remote) => {
            let broadcast = matches!(remote.ip(), std::net::IpAddr::V4(ip) if ip.is_broadcast());
            remote.ip().is_multicast() || broadcast
        }
        colok::proto::Address::Unix(_) => false,
    }
}

/// The address of a server that the scenario starts itself.
fn own_address(url: &Url) -> String {
    match url.transport {
        Transport::Unix => "unix:{folder}/server.sock".to_owned(),
        transport => format!("{transport}://127.0.0.1:{{port}}"),
    }
}

/// A step that starts a server.
fn server_step(url: &Url) -> String {
    let address = own_address(url);
    let ready = match url.transport {
        Transport::Tcp => "ready = { listens = \"{port}\" }\n",
        Transport::Udp | Transport::Unix => "",
    };
    let start = format!("start = \"colok serve echo={address}\"");
    format!("\n[[step]]\nname = \"server\"\n{start}\n{ready}")
}

#[cfg(test)]
mod tests;
