//! The one table of verbs and flags. Parsing, help, completions and man pages are made from it.
//!
//! Nothing here reads a value: that is `arguments`. Names of verbs, flags and their values are
//! the same in every language; the texts are message ids.

mod check_table;
mod command;
mod connect_table;
mod files_table;
mod help;
mod load_table;
mod relay_table;
mod serve_table;
mod verbs;

pub(crate) use command::{Purpose, clap_command};
pub(crate) use help::{help_of, help_of_topic, root_help, usage};
pub(crate) use verbs::{VERBS, verb};

use crate::messages::Id;

/// Something that colok can do.
#[derive(Debug)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) alias: Option<&'static str>,
    pub(crate) about: Id,
    pub(crate) positionals: &'static [Positional],
    pub(crate) flags: &'static [Flag],
    /// More flags, which have a help of their own.
    pub(crate) topic: Option<&'static Topic>,
    /// A last paragraph of its help: what the arguments look like, examples.
    pub(crate) footer: Option<Id>,
}

impl Verb {
    /// Its flags and those of its topic.
    pub(crate) fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().chain(self.topic.into_iter().flat_map(|topic| topic.flags))
    }
}

/// Flags of a verb that concern one thing: its help names them, theirs explains them.
#[derive(Debug)]
pub(crate) struct Topic {
    /// The argument of the verb that asks for their help.
    pub(crate) name: &'static str,
    pub(crate) about: Id,
    /// The line above their names in the help of the verb.
    pub(crate) heading: Id,
    pub(crate) flags: &'static [Flag],
    pub(crate) footer: Id,
}

/// What a verb takes besides flags.
#[derive(Debug)]
pub(crate) struct Positional {
    /// The id of the value and its name in usage lines.
    pub(crate) name: &'static str,
    pub(crate) help: Id,
    pub(crate) many: bool,
    pub(crate) required: bool,
    /// Whether it is a path of this computer, which need not be UTF-8.
    pub(crate) path: bool,
    /// The words it can be; empty when it is free.
    pub(crate) choices: &'static [&'static str],
}

impl Positional {
    /// One that must be there.
    const fn required(name: &'static str, help: Id) -> Self {
        Self { name, help, many: false, required: true, path: false, choices: &[] }
    }

    /// One that may be left out.
    const fn optional(name: &'static str, help: Id) -> Self {
        Self { required: false, ..Self::required(name, help) }
    }

    const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    const fn path(self) -> Self {
        Self { path: true, ..self }
    }

    const fn choices(self, choices: &'static [&'static str]) -> Self {
        Self { choices, ..self }
    }
}

/// An option.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    /// The name of its value; `None` for a switch.
    pub(crate) value: Option<&'static str>,
    /// Whether its value is a path of this computer, which need not be UTF-8.
    pub(crate) path: bool,
    /// The words its value can be; empty when it is free.
    pub(crate) choices: &'static [&'static str],
    pub(crate) help: Id,
    /// Whether it may be given more than once.
    pub(crate) many: bool,
    /// Whether it takes two values; the name of its value names both.
    pub(crate) pair: bool,
    /// The flags that it cannot be used with.
    pub(crate) conflicts: &'static [&'static str],
}

impl Flag {
    /// A switch.
    const fn switch(long: &'static str, help: Id) -> Self {
        Self {
            long,
            short: None,
            value: None,
            path: false,
            choices: &[],
            help,
            many: false,
            pair: false,
            conflicts: &[],
        }
    }

    /// A flag with a value.
    const fn valued(long: &'static str, value: &'static str, help: Id) -> Self {
        Self { value: Some(value), ..Self::switch(long, help) }
    }

    /// A flag whose value is a path.
    const fn path(long: &'static str, value: &'static str, help: Id) -> Self {
        Self { path: true, ..Self::valued(long, value, help) }
    }

    const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    const fn pair(self) -> Self {
        Self { pair: true, ..self }
    }

    const fn choices(self, choices: &'static [&'static str]) -> Self {
        Self { choices, ..self }
    }

    const fn conflicts(self, conflicts: &'static [&'static str]) -> Self {
        Self { conflicts, ..self }
    }
}

/// The flags of every verb and of colok itself.
pub(crate) const COMMON_FLAGS: [Flag; 2] = [
    Flag::valued("lang", "LANGUAGE", Id::FlagLang).choices(&["en", "id"]),
    Flag::switch("help", Id::FlagHelp).short('h'),
];

/// The flag of colok itself alone.
pub(crate) const VERSION_FLAG: Flag = Flag::switch("version", Id::FlagVersion).short('V');
