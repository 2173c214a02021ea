//! Values of options, read one by one; a wrong one is told with the option's name.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use colok::net::duration::parse_duration;

use crate::flags::Verb;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;
use crate::units::parse_size;

/// The options of one verb as they were given. Of an option given twice the last one holds.
pub(crate) struct Values<'a> {
    matches: &'a ArgMatches,
    pub(crate) messages: &'a Messages,
}

impl<'a> Values<'a> {
    pub(crate) fn new(matches: &'a ArgMatches, messages: &'a Messages) -> Self {
        Self { matches, messages }
    }

    pub(crate) fn switch(&self, name: &str) -> bool {
        self.matches.get_count(name) > 0
    }

    /// The names of the verb's options that stand on the command line.
    pub(crate) fn given(&self, verb: &'static Verb) -> Vec<&'static str> {
        let given = |name: &&str| self.matches.value_source(name) == Some(ValueSource::CommandLine);
        verb.all_flags().map(|flag| flag.long).filter(given).collect()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.texts(name).last()
    }

    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let values = self.matches.get_many::<String>(name);
        values.into_iter().flatten().map(String::as_str)
    }

    /// Whether it stands on the command line; for arguments and options with a value.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.matches.value_source(name) == Some(ValueSource::CommandLine)
    }

    /// A value that is a path.
    pub(crate) fn path(&self, name: &str) -> Option<&'a Path> {
        self.paths(name).last()
    }

    pub(crate) fn paths(&self, name: &str) -> impl Iterator<Item = &'a Path> + use<'a> {
        let values = self.matches.get_many::<PathBuf>(name);
        values.into_iter().flatten().map(PathBuf::as_path)
    }

    /// A value that the library reads.
    pub(crate) fn word<T: FromStr>(&self, name: &str, expected: Id) -> Result<Option<T>, Problem> {
        self.read(name, expected, |text| text.parse().ok())
    }

    /// A number of bytes from 1 on.
    pub(crate) fn size(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.read(name, Id::ValueSize, |text| parse_size(text).filter(|size| *size > 0))
    }

    /// A value as `read` reads it; `expected` says what it must be when that is nothing.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        expected: Id,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let one = |text| read(text).ok_or_else(|| self.wrong(name, text, expected));
        self.text(name).map(one).transpose()
    }

    /// Each value with its position on the command line.
    pub(crate) fn placed(&self, name: &str) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let places = self.matches.indices_of(name).into_iter().flatten();
        places.zip(self.texts(name))
    }

    /// A length of time.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Duration>, Problem> {
        self.text(name).map(|text| self.read_time(name, text)).transpose()
    }

    /// A length of time that cannot be zero.
    pub(crate) fn positive_time(&self, name: &str) -> Result<Option<Duration>, Problem> {
        match self.time(name)? {
            Some(Duration::ZERO) => {
                let text = self.text(name).unwrap_or_default();
                Err(self.wrong(name, text, Id::ValueTimePositive))
            }
            other => Ok(other),
        }
    }

    pub(crate) fn read_time(&self, name: &str, text: &str) -> Result<Duration, Problem> {
        parse_duration(text).map_err(|_| self.wrong(name, text, Id::ValueTime))
    }

    /// A whole number from `least` on.
    pub(crate) fn number(&self, name: &str, least: usize) -> Result<Option<usize>, Problem> {
        let read = |text: &str| match text.parse::<usize>() {
            Ok(number) if number >= least => Ok(number),
            _ => {
                let id = if least == 0 { Id::ValueNumber } else { Id::ValueNumberPositive };
                Err(self.wrong(name, text, id))
            }
        };
        self.text(name).map(read).transpose()
    }

    /// A whole number from 1 to `most`.
    pub(crate) fn count(&self, name: &str, most: u32) -> Result<Option<u32>, Problem> {
        let Some(number) = self.number(name, 1)? else { return Ok(None) };
        let fits = u32::try_from(number).ok().filter(|number| *number <= most);
        if fits.is_none() {
            let text = self.text(name).unwrap_or_default();
            let option = format!("--{name}");
            let what = say!(self.messages, Id::UsageValue, option = option, value = text);
            let why = say!(self.messages, Id::ValueAtMost, most = most.to_string());
            return Err(Problem::new(Exit::Usage, what).why(why));
        }
        Ok(fits)
    }

    /// The problem that `value` is not what the option `name` takes; `expected` says what it is.
    pub(crate) fn wrong(&self, name: &str, value: &str, expected: Id) -> Problem {
        let option = format!("--{name}");
        let value = if value.is_empty() { "\"\"" } else { value };
        let what = say!(self.messages, Id::UsageValue, option = option, value = value);
        Problem::new(Exit::Usage, what).why(self.messages.text(expected))
    }
}
