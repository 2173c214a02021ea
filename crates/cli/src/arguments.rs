//! From words to plain data: what the user asked for, with every value read and checked.
//!
//! Nothing here does anything; a word that cannot be read becomes a problem that names the
//! option and shows what is right.

mod connect;
mod parse;
mod serve;
mod values;

pub(crate) use connect::ConnectArguments;
pub(crate) use parse::parse;
pub(crate) use serve::{JsonLog, ServeArguments};

use crate::flags::Verb;

/// What the user asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Nothing: show how to start, as a usage error.
    Nothing,
    Help(Option<&'static Verb>),
    Version,
    Serve(Box<ServeArguments>),
    Connect(Box<ConnectArguments>),
    Explain {
        subjects: Vec<String>,
        json: bool,
    },
    Completions(String),
    Man(Option<String>),
}
