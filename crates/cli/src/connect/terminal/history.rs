//! The lines typed before, kept in the user's state folder (XDG: `~/.local/state/colok/history`).
//!
//! Best effort: without a home or with a full disk there is simply no history.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use etcetera::BaseStrategy as _;
use rustyline::config::{Config, HistoryDuplicates};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{DefaultEditor, Editor};

/// How many lines are kept; more than anybody searches through.
const LINES_MAX: usize = 1000;

/// An editor that knows the lines typed before.
pub(super) fn editor() -> Result<DefaultEditor, ReadlineError> {
    let config = Config::builder()
        .max_history_size(LINES_MAX)?
        .history_ignore_dups(true)?
        // A line that starts with a blank is not kept, as in a shell.
        .history_ignore_space(true)
        .build();
    debug_assert_eq!(config.history_duplicates(), HistoryDuplicates::IgnoreConsecutive);
    let mut editor = Editor::<(), DefaultHistory>::with_config(config)?;
    if let Some(path) = path() {
        let _ = editor.load_history(&path);
    }
    Ok(editor)
}

/// Adds a line and writes it down at once, so that an end by a signal loses nothing.
pub(super) fn add(editor: &mut DefaultEditor, line: &str) {
    if line.is_empty() || !matches!(editor.add_history_entry(line), Ok(true)) {
        return;
    }
    let Some(path) = path() else { return };
    if let Some(folder) = path.parent() {
        // Only the user may read what was typed.
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
    let _ = editor.append_history(&path);
}

fn path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.state_dir()?.join("colok").join("history"))
}
