//! `colok stat`: what a server knows of files.

use colok::client::files::FileClient;
use colok::proto::files::Entry;

use super::client::Setup;
use super::event::JsonEvent;
use super::progress::Progress;
use super::screen::{Results, Screen};
use crate::arguments::StatArguments;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, shown_name};
use crate::record_log::Logging;
use crate::say;
use crate::units::{rfc3339_seconds, size_text};

/// Asks for what is known.
pub(crate) fn run(arguments: &StatArguments, messages: &Messages) -> Result<Exit, Problem> {
    let log = Logging::start(arguments.reach.log.as_deref(), messages)?;
    let mut setup = Setup::new(&arguments.reach);
    setup.heed_signals(messages)?;
    let results = if arguments.json { Results::Json } else { Results::Lines };
    let progress = Progress::new(0, None, false, messages);
    let mut screen = Screen::new(results, progress, messages);
    let mut exit = Exit::Done;
    let client = FileClient::new(&arguments.reach.url, &setup.options, &setup.clock, log.tap());
    let asked = setup.asked("stat", messages);
    let result =
        client.stat(&arguments.names, arguments.reread, &mut |name, answer| match answer {
            Ok(entry) => {
                screen.event(&JsonEvent::from(&entry));
                screen.line(|messages| text(&entry, messages));
            }
            Err(error) => {
                let problem = Problem::of_files(&error, asked);
                screen.event(&JsonEvent::failed(name.as_str(), None, &error));
                screen.problem(&problem);
                if exit == Exit::Done {
                    exit = problem.exit;
                }
            }
        });
    let shown = screen.finish();
    result.map_err(|error| Problem::of_files(&error, asked))?;
    // What failed has been told, name by name.
    if exit == Exit::Done { shown.map(|()| exit) } else { Err(Problem::silent(exit)) }
}

/// The name, and under it what is known.
fn text(entry: &Entry, messages: &Messages) -> String {
    let size = match size_text(entry.size) {
        short if entry.size < 1024 => short,
        short => format!("{} B ({short})", entry.size),
    };
    say!(
        messages,
        Id::StatEntry,
        name = shown_name(&entry.name),
        size = size,
        modified = rfc3339_seconds(entry.modified_unix_s),
        hash = entry.hash.map(|hash| hash.to_string()).unwrap_or_default()
    )
}
