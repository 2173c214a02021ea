//! The one table of verbs and flags. Parsing, help, completions and man pages are made from it.
//!
//! Nothing here reads a value: that is `arguments`. Names of verbs, flags and their values are
//! the same in every language; the texts are message ids.

mod command;
mod connect_table;
mod help;
mod serve_table;

pub(crate) use command::{Purpose, clap_command};
pub(crate) use help::{help_of, root_help, usage};

use crate::messages::Id;
use connect_table::CONNECT_FLAGS;
use serve_table::SERVE_FLAGS;

/// Something that colok can do.
#[derive(Debug)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) alias: Option<&'static str>,
    pub(crate) about: Id,
    pub(crate) positional: Option<Positional>,
    pub(crate) flags: &'static [Flag],
    /// A last paragraph of its help: what the arguments look like, examples.
    pub(crate) footer: Option<Id>,
}

/// What a verb takes besides flags.
#[derive(Debug)]
pub(crate) struct Positional {
    /// The id of the value and its name in usage lines.
    pub(crate) name: &'static str,
    pub(crate) help: Id,
    pub(crate) many: bool,
    pub(crate) required: bool,
    /// The words it can be; empty when it is free.
    pub(crate) choices: &'static [&'static str],
}

/// An option.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    /// The name of its value; `None` for a switch.
    pub(crate) value: Option<&'static str>,
    /// The words its value can be; empty when it is free.
    pub(crate) choices: &'static [&'static str],
    pub(crate) help: Id,
    /// Whether it may be given more than once.
    pub(crate) many: bool,
    /// The flags that it cannot be used with.
    pub(crate) conflicts: &'static [&'static str],
}

impl Flag {
    /// A switch.
    const fn switch(long: &'static str, help: Id) -> Self {
        Self { long, short: None, value: None, choices: &[], help, many: false, conflicts: &[] }
    }

    /// A flag with a value.
    const fn valued(long: &'static str, value: &'static str, help: Id) -> Self {
        Self { value: Some(value), ..Self::switch(long, help) }
    }

    const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    const fn choices(self, choices: &'static [&'static str]) -> Self {
        Self { choices, ..self }
    }

    const fn conflicts(self, conflicts: &'static [&'static str]) -> Self {
        Self { conflicts, ..self }
    }
}

/// The shells that completions are made for.
pub(crate) const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The names of the verbs, for those that take one.
const VERB_NAMES: [&str; 6] = ["serve", "connect", "explain", "completions", "man", "help"];

/// Every verb, in the order of the help.
pub(crate) static VERBS: [Verb; 6] = [
    Verb {
        name: "serve",
        alias: None,
        about: Id::ServeAbout,
        positional: Some(Positional {
            name: "SERVICE",
            help: Id::ServeService,
            many: true,
            required: false,
            choices: &[],
        }),
        flags: SERVE_FLAGS,
        footer: Some(Id::ServeFooter),
    },
    Verb {
        name: "connect",
        alias: Some("c"),
        about: Id::ConnectAbout,
        positional: Some(Positional {
            name: "URL",
            help: Id::ConnectUrl,
            many: false,
            required: true,
            choices: &[],
        }),
        flags: CONNECT_FLAGS,
        footer: None,
    },
    Verb {
        name: "explain",
        alias: None,
        about: Id::ExplainAbout,
        positional: Some(Positional {
            name: "ADDRESS",
            help: Id::ExplainAddress,
            many: true,
            required: true,
            choices: &[],
        }),
        flags: &[Flag::switch("json", Id::ExplainJson)],
        footer: Some(Id::ExplainFooter),
    },
    Verb {
        name: "completions",
        alias: None,
        about: Id::CompletionsAbout,
        positional: Some(Positional {
            name: "SHELL",
            help: Id::CompletionsShell,
            many: false,
            required: true,
            choices: &SHELLS,
        }),
        flags: &[],
        footer: Some(Id::CompletionsFooter),
    },
    Verb {
        name: "man",
        alias: None,
        about: Id::ManAbout,
        positional: Some(Positional {
            name: "VERB",
            help: Id::ManVerb,
            many: false,
            required: false,
            choices: &VERB_NAMES,
        }),
        flags: &[],
        footer: Some(Id::ManFooter),
    },
    Verb {
        name: "help",
        alias: None,
        about: Id::HelpAbout,
        positional: Some(Positional {
            name: "VERB",
            help: Id::HelpVerb,
            many: false,
            required: false,
            choices: &VERB_NAMES,
        }),
        flags: &[],
        footer: None,
    },
];

/// The flags of every verb and of colok itself.
pub(crate) const COMMON_FLAGS: [Flag; 2] = [
    Flag::valued("lang", "LANGUAGE", Id::FlagLang).choices(&["en", "id"]),
    Flag::switch("help", Id::FlagHelp).short('h'),
];

/// The flag of colok itself alone.
pub(crate) const VERSION_FLAG: Flag = Flag::switch("version", Id::FlagVersion).short('V');

/// The verb with this name or alias.
pub(crate) fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name || verb.alias == Some(name))
}
