//! From words to plain data: what the user asked for, with every value read and checked.
//!
//! Nothing here does anything; a word that cannot be read becomes a problem that names the
//! option and shows what is right.

mod check;
mod connect;
mod files;
mod load;
mod parse;
mod reach;
mod relay;
mod serve;
mod store;
mod values;

pub(crate) use check::{CheckArguments, CheckPlan};
pub(crate) use connect::ConnectArguments;
pub(crate) use files::{
    GetArguments, ListArguments, SendArguments, StatArguments, VerifyArguments,
};
pub(crate) use load::{Chosen, LoadArguments, LoadPlan};
pub(crate) use parse::parse;
pub(crate) use reach::Reach;
pub(crate) use relay::RelayArguments;
pub(crate) use serve::{JsonLog, ServeArguments};
pub(crate) use store::StoreArguments;

use crate::flags::{Topic, Verb};

/// What the user asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Nothing: show how to start, as a usage error.
    Nothing,
    Help(Option<&'static Verb>),
    HelpOfTopic(&'static Verb, &'static Topic),
    Version,
    Serve(Box<ServeArguments>),
    Connect(Box<ConnectArguments>),
    Send(Box<SendArguments>),
    Get(Box<GetArguments>),
    List(Box<ListArguments>),
    Stat(Box<StatArguments>),
    Verify(Box<VerifyArguments>),
    Load(LoadArguments),
    Check(CheckArguments),
    Relay(Box<RelayArguments>),
    Explain {
        subjects: Vec<String>,
        json: bool,
    },
    Completions(String),
    Man(Option<String>),
}
