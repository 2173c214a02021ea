//! `colok verify`: are stored bytes still what their hashes say? Of a store on this computer, or
//! of a receipt, whose server reads the file again.
//!
//! Whatever it finds, it changes nothing.

mod receipt;
mod store;

use super::event::JsonEvent;
use super::progress::Progress;
use super::screen::{Results, Screen, Work};
use crate::arguments::VerifyArguments;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, shown};
use crate::say;
use crate::units::size_text;

/// Checks a store or a receipt.
pub(crate) fn run(arguments: &VerifyArguments, messages: &Messages) -> Result<Exit, Problem> {
    let path = &arguments.path;
    let status =
        std::fs::metadata(path).map_err(|error| Problem::of_file("open", &shown(path), &error))?;
    if !status.is_dir() {
        return receipt::run(arguments, messages);
    }
    if arguments.host.is_some() {
        let what = say!(messages, Id::UsageNoEffect, option = "HOST");
        return Err(Problem::new(Exit::Usage, what).why(messages.text(Id::OnlyReceipt)));
    }
    if arguments.reach.log.is_some() {
        let what = say!(messages, Id::UsageNoEffect, option = "--log");
        return Err(Problem::new(Exit::Usage, what).why(messages.text(Id::OnlyReceipt)));
    }
    store::run(arguments, messages)
}

/// How many files are what, and how it is shown.
struct Tally {
    screen: Screen,
    quiet: bool,
    whole: u64,
    unknown: u64,
    damaged: u64,
    missing: u64,
    bytes: u64,
}

/// A file that was looked at.
struct Checked<'a> {
    /// As it is.
    name: &'a str,
    verdict: Verdict,
    size: Option<u64>,
    hash: Option<String>,
    /// The hash that it should have.
    expected: Option<String>,
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// What it should be.
    Whole,
    /// Nobody knows what it should be.
    Unknown,
    /// Something else.
    Damaged,
    /// Not there.
    Missing,
    /// It could not be looked at: why.
    Unreadable(String),
}

impl Tally {
    fn new(arguments: &VerifyArguments, messages: &Messages) -> Self {
        let results = if arguments.json { Results::Json } else { Results::Lines };
        let wanted = !arguments.json && !arguments.quiet;
        let progress = Progress::new(1, None, wanted, messages);
        Self {
            screen: Screen::new(results, progress, messages),
            quiet: arguments.quiet,
            whole: 0,
            unknown: 0,
            damaged: 0,
            missing: 0,
            bytes: 0,
        }
    }

    /// Counts and shows a file.
    fn add(&mut self, checked: &Checked<'_>) {
        let (count, word, id) = match checked.verdict {
            Verdict::Whole => (&mut self.whole, "whole", Id::VerifyWhole),
            Verdict::Unknown => (&mut self.unknown, "unknown", Id::VerifyUnknown),
            Verdict::Damaged => (&mut self.damaged, "damaged", Id::VerifyDamaged),
            Verdict::Missing => (&mut self.missing, "missing", Id::VerifyMissing),
            Verdict::Unreadable(_) => (&mut self.unknown, "unreadable", Id::VerifyUnreadable),
        };
        *count += 1;
        // Sizes are what a server says.
        self.bytes = self.bytes.saturating_add(checked.size.unwrap_or(0));
        let Checked { name, size, .. } = *checked;
        let (hash, expected) = (checked.hash.clone(), checked.expected.clone());
        let event = JsonEvent::Checked { name, verdict: word, size, hash, expected };
        self.screen.event(&event);
        if self.quiet && checked.verdict == Verdict::Whole {
            return;
        }
        let reason = match &checked.verdict {
            Verdict::Unreadable(reason) => reason.as_str(),
            _ => "",
        };
        self.screen.line(|messages| {
            say!(
                messages,
                id,
                name = colok::observe::printable(name.as_bytes()),
                size = size.unwrap_or(0).to_string(),
                hash = checked.hash.clone().unwrap_or_default(),
                expected = checked.expected.clone().unwrap_or_default(),
                reason = reason
            )
        });
    }

    /// A file is being read.
    fn progress(&mut self, work: &Work<'_>) {
        self.screen.progress(work);
    }

    /// What is wrong outweighs what is not known, which outweighs what is well.
    fn exit(&self) -> Exit {
        if self.damaged + self.missing > 0 {
            Exit::Refused
        } else if self.unknown > 0 {
            Exit::NotProved
        } else {
            Exit::Done
        }
    }

    /// Shows what was found when the rest cannot be looked at: that is no verdict on all of it.
    fn break_off(self) {
        // Standard output may have failed as well; what broke it off matters more.
        let _ = self.screen.finish();
    }

    /// The last line, and how it ended.
    fn end(mut self) -> Result<Exit, Problem> {
        let exit = self.exit();
        let Self { whole, unknown, damaged, missing, bytes, .. } = self;
        let event =
            JsonEvent::Verified { whole, unknown, damaged, missing, bytes, exit: exit as u8 };
        self.screen.event(&event);
        if !self.quiet {
            self.screen.line(|messages| {
                say!(
                    messages,
                    Id::VerifySummary,
                    whole = whole.to_string(),
                    unknown = unknown.to_string(),
                    damaged = damaged.to_string(),
                    missing = missing.to_string(),
                    bytes = size_text(bytes)
                )
            });
        }
        let shown = self.screen.finish();
        // What is wrong has been told, file by file.
        if exit == Exit::Done { shown.map(|()| exit) } else { Err(Problem::silent(exit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Language;

    #[test]
    fn what_is_wrong_outweighs_what_is_not_known() {
        let messages = Messages::new(Language::English);
        let exit = |counts: [u64; 4]| {
            let progress = Progress::new(1, None, false, &messages);
            let [whole, unknown, damaged, missing] = counts;
            let screen = Screen::new(Results::Nobody, progress, &messages);
            let (quiet, bytes) = (true, 0);
            Tally { screen, quiet, whole, unknown, damaged, missing, bytes }.exit()
        };
        assert_eq!(exit([0, 0, 0, 0]), Exit::Done);
        assert_eq!(exit([3, 0, 0, 0]), Exit::Done);
        assert_eq!(exit([3, 1, 0, 0]), Exit::NotProved);
        assert_eq!(exit([3, 1, 1, 0]), Exit::Refused);
        assert_eq!(exit([3, 1, 0, 1]), Exit::Refused);
    }
}
