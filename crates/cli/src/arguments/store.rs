//! The options of `colok serve` that concern the file store alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use colok::proto::files::{FilesOptions, WritePolicy};

use super::files::durability;
use super::values::Values;
use crate::messages::Id;
use crate::problem::Problem;

/// Where files are kept unless `--root` says otherwise.
const DEFAULT_ROOT: &str = "./colok-store";

/// The file store, read. What is `None` was not given.
#[derive(Debug)]
pub(crate) struct StoreArguments {
    pub(crate) root: PathBuf,
    /// What the machine decides by: who may write, whether names are listed.
    pub(crate) options: FilesOptions,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) file_bytes_max: Option<u64>,
    pub(crate) total_bytes_max: Option<u64>,
    /// In per cent of the disk.
    pub(crate) free_share_min: Option<u8>,
    pub(crate) uploads_max: Option<usize>,
    pub(crate) uploads_per_client_max: Option<usize>,
    pub(crate) keep_partial: Option<Duration>,
    /// In bytes per second, of each connection.
    pub(crate) rate_max: Option<u64>,
    /// The first of these options that was given.
    pub(crate) given: Option<&'static str>,
}

impl StoreArguments {
    pub(super) fn read(values: &Values<'_>, given: Option<&'static str>) -> Result<Self, Problem> {
        let token_file = values.path("token-file").map(Path::to_owned);
        let write = if values.switch("read-only") {
            WritePolicy::Nobody
        } else if values.switch("allow-anonymous-write") {
            WritePolicy::Anyone
        } else if token_file.is_some() {
            WritePolicy::Token
        } else {
            WritePolicy::Loopback
        };
        let usual = FilesOptions::default();
        let options = FilesOptions {
            write,
            list: !values.switch("no-list"),
            durability_min: durability("min-durability", values).unwrap_or(usual.durability_min),
        };
        Ok(Self {
            root: values.path("root").unwrap_or(Path::new(DEFAULT_ROOT)).to_owned(),
            options,
            token_file,
            file_bytes_max: values.size("max-file-size")?,
            total_bytes_max: values.size("max-store-size")?,
            free_share_min: values.read("keep-free", Id::ValuePercent, parse_percent)?,
            uploads_max: values.number("max-uploads", 1)?,
            uploads_per_client_max: values.number("max-uploads-per-client", 1)?,
            keep_partial: values.time("keep-partial")?,
            rate_max: values.size("max-rate")?,
            given,
        })
    }
}

/// `5%` or `5`, from 0 to 99.
fn parse_percent(text: &str) -> Option<u8> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|percent| plain && *percent < 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        for (text, expected) in [
            ("5%", Some(5)),
            ("0", Some(0)),
            ("99%", Some(99)),
            ("100%", None),
            ("5.5%", None),
            ("+5", None),
            ("%", None),
        ] {
            assert_eq!(parse_percent(text), expected, "{text}");
        }
    }
}
