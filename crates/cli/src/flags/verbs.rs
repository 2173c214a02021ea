//! The table of verbs.

use super::check_table::CHECK_FLAGS;
use super::connect_table::CONNECT_FLAGS;
use super::files_table::{GET_FLAGS, LIST_FLAGS, SEND_FLAGS, STAT_FLAGS, VERIFY_FLAGS};
use super::load_table::{LOAD_FLAGS, MORE_TOPIC};
use super::relay_table::RELAY_FLAGS;
use super::serve_table::{FILES_TOPIC, SERVE_FLAGS};
use super::{Flag, Positional, Verb};
use crate::messages::Id;

/// The shells that completions are made for.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The names of the verbs, for those that take one.
const VERB_NAMES: [&str; 14] = [
    "serve",
    "connect",
    "send",
    "get",
    "list",
    "stat",
    "verify",
    "load",
    "check",
    "relay",
    "explain",
    "completions",
    "man",
    "help",
];

/// The file store of most verbs about files.
const HOST: Positional = Positional::required("HOST", Id::FilesHost);

/// The stored files of some of them.
const NAMES: Positional = Positional::required("NAME", Id::FilesName).many();

/// A verb with nothing but a name and a text.
const fn plain(name: &'static str, about: Id) -> Verb {
    Verb { name, alias: None, about, positionals: &[], flags: &[], topic: None, footer: None }
}

/// Every verb, in the order of the help.
pub(crate) static VERBS: [Verb; 14] = [
    Verb {
        positionals: &[Positional::optional("SERVICE", Id::ServeService).many()],
        flags: SERVE_FLAGS,
        topic: Some(&FILES_TOPIC),
        footer: Some(Id::ServeFooter),
        ..plain("serve", Id::ServeAbout)
    },
    Verb {
        alias: Some("c"),
        positionals: &[Positional::required("URL", Id::ConnectUrl)],
        flags: CONNECT_FLAGS,
        ..plain("connect", Id::ConnectAbout)
    },
    Verb {
        positionals: &[HOST, Positional::required("FILE", Id::SendFile).many().path()],
        flags: SEND_FLAGS,
        footer: Some(Id::SendFooter),
        ..plain("send", Id::SendAbout)
    },
    Verb {
        positionals: &[HOST, NAMES],
        flags: GET_FLAGS,
        footer: Some(Id::GetFooter),
        ..plain("get", Id::GetAbout)
    },
    Verb {
        positionals: &[HOST, Positional::optional("PREFIX", Id::ListPrefix)],
        flags: LIST_FLAGS,
        footer: Some(Id::ListFooter),
        ..plain("list", Id::ListAbout)
    },
    Verb {
        positionals: &[HOST, NAMES],
        flags: STAT_FLAGS,
        footer: Some(Id::StatFooter),
        ..plain("stat", Id::StatAbout)
    },
    Verb {
        positionals: &[
            Positional::required("PATH", Id::VerifyPath).path(),
            Positional::optional("HOST", Id::VerifyHost),
        ],
        flags: VERIFY_FLAGS,
        footer: Some(Id::VerifyFooter),
        ..plain("verify", Id::VerifyAbout)
    },
    Verb {
        positionals: &[Positional::optional("TARGET", Id::LoadTarget)],
        flags: LOAD_FLAGS,
        topic: Some(&MORE_TOPIC),
        footer: Some(Id::LoadFooter),
        ..plain("load", Id::LoadAbout)
    },
    Verb {
        positionals: &[Positional::optional("SCENARIO", Id::CheckScenario).many().path()],
        flags: CHECK_FLAGS,
        footer: Some(Id::CheckFooter),
        ..plain("check", Id::CheckAbout)
    },
    Verb {
        positionals: &[
            Positional::required("LISTEN", Id::RelayListen),
            Positional::required("TARGET", Id::RelayTo),
        ],
        flags: RELAY_FLAGS,
        footer: Some(Id::RelayFooter),
        ..plain("relay", Id::RelayAbout)
    },
    Verb {
        positionals: &[Positional::required("ADDRESS", Id::ExplainAddress).many()],
        flags: &[Flag::switch("json", Id::ExplainJson)],
        footer: Some(Id::ExplainFooter),
        ..plain("explain", Id::ExplainAbout)
    },
    Verb {
        positionals: &[Positional::required("SHELL", Id::CompletionsShell).choices(&SHELLS)],
        footer: Some(Id::CompletionsFooter),
        ..plain("completions", Id::CompletionsAbout)
    },
    Verb {
        positionals: &[Positional::optional("VERB", Id::ManVerb).choices(&VERB_NAMES)],
        footer: Some(Id::ManFooter),
        ..plain("man", Id::ManAbout)
    },
    Verb {
        positionals: &[Positional::optional("VERB", Id::HelpVerb).choices(&VERB_NAMES)],
        ..plain("help", Id::HelpAbout)
    },
];

/// The verb with this name or alias.
pub(crate) fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name || verb.alias == Some(name))
}
