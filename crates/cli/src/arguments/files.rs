//! What the verbs about files were asked for: `send`, `get`, `list`, `stat`, `verify`.
//!
//! Files are not looked at here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use colok::client::files::{GetOptions, PlanOptions};
use colok::net::url::Url;
use colok::proto::files::{Durability, Name, Prefix};

use super::reach::{Reach, file_store};
use super::values::Values;
use crate::messages::Id;
use crate::problem::{Exit, Problem};
use crate::say;

/// `colok send`, read.
#[derive(Debug)]
pub(crate) struct SendArguments {
    pub(crate) reach: Reach,
    /// At least one; `-` is standard input.
    pub(crate) files: Vec<OsString>,
    pub(crate) names: PlanOptions,
    pub(crate) durability: Durability,
    pub(crate) receipt: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

/// `colok get`, read.
#[derive(Debug)]
pub(crate) struct GetArguments {
    pub(crate) reach: Reach,
    pub(crate) names: Vec<String>,
    pub(crate) options: GetOptions,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

/// `colok list`, read.
#[derive(Debug)]
pub(crate) struct ListArguments {
    pub(crate) reach: Reach,
    pub(crate) prefix: Prefix,
    pub(crate) json: bool,
    /// Names alone.
    pub(crate) quiet: bool,
}

/// `colok stat`, read.
#[derive(Debug)]
pub(crate) struct StatArguments {
    pub(crate) reach: Reach,
    pub(crate) names: Vec<Name>,
    pub(crate) reread: bool,
    pub(crate) json: bool,
}

/// `colok verify`, read.
#[derive(Debug)]
pub(crate) struct VerifyArguments {
    /// A store, or a receipt.
    pub(crate) path: PathBuf,
    /// The server to ask about a receipt, instead of the one that it names.
    pub(crate) host: Option<Url>,
    /// The options about time; its address is meaningless.
    pub(crate) reach: Reach,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

impl SendArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let names = PlanOptions {
            recursive: values.switch("recursive"),
            name: values.text("name").map(str::to_owned),
            prefix: values.text("prefix").map(str::to_owned),
        };
        Ok(Self {
            reach: Reach::read(values, "send")?,
            files: values.paths("FILE").map(|path| path.as_os_str().to_owned()).collect(),
            names,
            durability: durability("durability", values).unwrap_or_default(),
            receipt: values.path("receipt").map(Path::to_owned),
            token_file: values.path("token-file").map(Path::to_owned),
            json: values.switch("json"),
            quiet: values.switch("quiet"),
        })
    }
}

impl GetArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let options = GetOptions {
            output: values.path("output").map(Path::to_owned),
            range: values.word("range", Id::ValueRange)?,
            force: values.switch("force"),
            ..GetOptions::default()
        };
        let read = Self {
            reach: Reach::read(values, "get")?,
            names: values.texts("NAME").map(str::to_owned).collect(),
            options,
            json: values.switch("json"),
            quiet: values.switch("quiet"),
        };
        if read.is_to_output() && read.json {
            return Err(no_effect("json", Id::OutputIsTheFile, values));
        }
        if read.is_to_output() && read.options.force {
            return Err(no_effect("force", Id::OutputIsNoFile, values));
        }
        Ok(read)
    }

    /// Whether the files go to standard output.
    pub(crate) fn is_to_output(&self) -> bool {
        self.options.output.as_deref().is_some_and(|path| path.as_os_str() == "-")
    }
}

impl ListArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        Ok(Self {
            reach: Reach::read(values, "list")?,
            prefix: prefix("PREFIX", values.text("PREFIX"), values)?,
            json: values.switch("json"),
            quiet: values.switch("quiet"),
        })
    }
}

impl StatArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        Ok(Self {
            reach: Reach::read(values, "stat")?,
            names: names(values)?,
            reread: values.switch("reread"),
            json: values.switch("json"),
        })
    }
}

impl VerifyArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let path = values.path("PATH").unwrap_or(Path::new("")).to_owned();
        let shown = colok::observe::printable(path.as_os_str().as_encoded_bytes());
        let verb = format!("verify {shown}");
        let host = values.text("HOST");
        let host = host.map(|text| file_store(text, &verb, values.messages)).transpose()?;
        let somewhere = file_store("localhost", &verb, values.messages)?;
        Ok(Self {
            path,
            host,
            reach: Reach::to(somewhere, values)?,
            json: values.switch("json"),
            quiet: values.switch("quiet"),
        })
    }
}

/// The durability that an option names. The parser took only its words.
pub(super) fn durability(option: &str, values: &Values<'_>) -> Option<Durability> {
    values.text(option).and_then(Durability::from_name)
}

fn names(values: &Values<'_>) -> Result<Vec<Name>, Problem> {
    values.texts("NAME").map(|text| name("NAME", text, values)).collect()
}

fn name(place: &str, text: &str, values: &Values<'_>) -> Result<Name, Problem> {
    Name::new(text).map_err(|problem| Problem::of_name(place, text, problem, values.messages))
}

fn prefix(place: &str, text: Option<&str>, values: &Values<'_>) -> Result<Prefix, Problem> {
    let text = text.unwrap_or_default();
    Prefix::new(text).map_err(|problem| Problem::of_name(place, text, problem, values.messages))
}

fn no_effect(option: &str, why: Id, values: &Values<'_>) -> Problem {
    let what = say!(values.messages, Id::UsageNoEffect, option = format!("--{option}"));
    Problem::new(Exit::Usage, what).why(values.messages.text(why))
}
