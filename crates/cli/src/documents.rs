//! Completions and man pages, made from the table of flags.

use std::io::Write as _;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::flags::{Purpose, clap_command};
use crate::messages::Messages;
use crate::problem::{Exit, Problem};

/// `colok completions SHELL`.
pub(crate) fn completions(shell: &str, messages: &Messages) -> Result<Exit, Problem> {
    // The parser took only names of shells.
    let shell: Shell = shell.parse().unwrap_or(Shell::Bash);
    let mut text = Vec::new();
    let mut command = clap_command(messages, Purpose::Showing);
    clap_complete::generate(shell, &mut command, "colok", &mut text);
    print(&text)
}

/// `colok man [VERB]`: a page in roff.
pub(crate) fn man(verb: Option<&str>, messages: &Messages) -> Result<Exit, Problem> {
    let mut command = clap_command(messages, Purpose::Showing);
    command.build();
    let command = match verb.and_then(|verb| command.find_subcommand(verb)) {
        Some(found) => page_of_verb(found.clone()),
        None => command,
    };
    let mut text = Vec::new();
    Man::new(command).render(&mut text).map_err(|error| Problem::of_output(&error))?;
    print(&text)
}

/// The page of a verb is named as git names its own: `colok-serve`.
fn page_of_verb(command: Command) -> Command {
    let name = format!("colok-{}", command.get_name());
    command.name(name).version(env!("CARGO_PKG_VERSION"))
}

fn print(text: &[u8]) -> Result<Exit, Problem> {
    let mut output = std::io::stdout();
    output
        .write_all(text)
        .and_then(|()| output.flush())
        .map_err(|error| Problem::of_output(&error))?;
    Ok(Exit::Done)
}
