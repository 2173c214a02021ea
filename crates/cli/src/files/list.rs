//! `colok list`: names of stored files, as they come, page after page.

use std::ops::ControlFlow;

use colok::client::files::FileClient;
use colok::proto::files::Entry;

use super::client::Setup;
use super::event::JsonEvent;
use super::progress::Progress;
use super::screen::{Results, Screen};
use crate::arguments::ListArguments;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, shown_name};
use crate::record_log::Logging;
use crate::say;
use crate::units::{rfc3339_seconds, size_text};

/// The width of sizes in bytes: up to 9 TB they line up.
const SIZE_WIDTH: usize = 13;

/// Lists what was asked for.
pub(crate) fn run(arguments: &ListArguments, messages: &Messages) -> Result<Exit, Problem> {
    let log = Logging::start(arguments.reach.log.as_deref(), messages)?;
    let mut setup = Setup::new(&arguments.reach);
    setup.heed_signals(messages)?;
    let results = if arguments.json { Results::Json } else { Results::Lines };
    let progress = Progress::new(0, None, false, messages);
    let mut screen = Screen::new(results, progress, messages);
    let client = FileClient::new(&arguments.reach.url, &setup.options, &setup.clock, log.tap());
    let result = client.list(&arguments.prefix, &mut |entry| {
        screen.event(&JsonEvent::from(entry));
        screen.line(|_| line(entry, arguments.quiet));
        // Whoever read the names has gone (`| head`): the rest need not come.
        if screen.is_lost() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Ok(report) = &result
        && !arguments.quiet
    {
        screen.line(|messages| {
            let bytes = size_text(report.bytes);
            say!(messages, Id::ListSummary, files = report.files, bytes = bytes)
        });
    }
    let shown = screen.finish();
    result.map_err(|error| Problem::of_files(&error, setup.asked("list", messages)))?;
    shown.map(|()| Exit::Done)
}

/// `           17  2026-11-20T06:12:01Z  docs/a.txt`
fn line(entry: &Entry, name_alone: bool) -> String {
    let name = shown_name(&entry.name);
    if name_alone {
        return name;
    }
    let modified = rfc3339_seconds(entry.modified_unix_s);
    format!("{:>SIZE_WIDTH$}  {modified}  {name}", entry.size)
}

#[cfg(test)]
mod tests {
    use colok::proto::files::Name;

    use super::*;

    #[test]
    fn entries_are_columns() {
        let entry = Entry {
            name: Name::new("docs/a b.txt").expect("it is a name"),
            size: 17,
            modified_unix_s: 1_709_210_096,
            hash: None,
        };
        assert_eq!(line(&entry, false), "           17  2024-02-29T12:34:56Z  docs/a b.txt");
        assert_eq!(line(&entry, true), "docs/a b.txt");
    }
}
