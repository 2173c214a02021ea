//! The table as a clap command. Clap only parses; its own texts are never shown.

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};

use super::{COMMON_FLAGS, Flag, Positional, VERBS, VERSION_FLAG, Verb};
use crate::messages::Messages;

/// What a command is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To parse: nothing is required, so that `--help` is seen whatever else is missing.
    Parsing,
    /// To be shown, in completions and man pages.
    Showing,
}

/// The whole command line, with help texts in the language of `messages` (completions and man
/// pages show them).
pub(crate) fn clap_command(messages: &Messages, purpose: Purpose) -> Command {
    Command::new("colok")
        .version(env!("CARGO_PKG_VERSION"))
        .about(messages.text(crate::messages::Id::RootAbout))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(COMMON_FLAGS.iter().map(|flag| argument(flag, messages, purpose).global(true)))
        .arg(argument(&VERSION_FLAG, messages, purpose))
        .subcommands(VERBS.iter().map(|verb| subcommand(verb, messages, purpose)))
}

fn subcommand(verb: &'static Verb, messages: &Messages, purpose: Purpose) -> Command {
    let mut command = Command::new(verb.name)
        .about(messages.text(verb.about))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(verb.all_flags().map(|flag| argument(flag, messages, purpose)));
    if let Some(alias) = verb.alias {
        command = command.visible_alias(alias);
    }
    let positionals = verb.positionals.iter();
    command = command.args(positionals.map(|it| positional_argument(it, messages, purpose)));
    if let Some(footer) = verb.footer {
        command = command.after_help(messages.text(footer));
    }
    command
}

fn argument(flag: &'static Flag, messages: &Messages, purpose: Purpose) -> Arg {
    let mut argument = Arg::new(flag.long)
        .long(flag.long)
        .help(messages.text(flag.help))
        .conflicts_with_all(flag.conflicts);
    if let Some(short) = flag.short {
        argument = argument.short(short);
    }
    let Some(value) = flag.value else {
        // Counted, so that doubling a switch is harmless; nobody needs to be told.
        return argument.action(match purpose {
            Purpose::Parsing => ArgAction::Count,
            Purpose::Showing => ArgAction::SetTrue,
        });
    };
    argument = argument.allow_hyphen_values(flag.many);
    argument = if flag.pair {
        argument.num_args(2).value_names(value.split(' '))
    } else {
        argument.value_name(value)
    };
    if flag.path {
        argument = path(argument);
    }
    if !flag.choices.is_empty() {
        // The texts name the values already, in the right language.
        argument = argument
            .value_parser(PossibleValuesParser::new(flag.choices))
            .hide_possible_values(true);
    }
    // Given twice, the last one holds, as with most tools: it lets an alias be overridden.
    argument.action(ArgAction::Append)
}

fn positional_argument(
    positional: &'static Positional,
    messages: &Messages,
    purpose: Purpose,
) -> Arg {
    let mut argument = Arg::new(positional.name)
        .value_name(positional.name)
        .help(messages.text(positional.help))
        .hide_possible_values(true)
        .required(positional.required && purpose == Purpose::Showing);
    if !positional.choices.is_empty() {
        argument = argument.value_parser(PossibleValuesParser::new(positional.choices));
    }
    if positional.path {
        argument = path(argument);
    }
    if positional.many {
        argument = argument.num_args(usize::from(positional.required)..).action(ArgAction::Append);
    }
    argument
}

/// A value that is a path of this computer.
fn path(argument: Arg) -> Arg {
    argument.value_parser(ValueParser::path_buf()).value_hint(ValueHint::AnyPath)
}
