//! Bans, licences and sources of every dependency, by cargo-deny and `deny.toml`.
//!
//! It is compiled once, with the features it needs here: about a minute on two cores. Advisories
//! are not checked: they change without the tree changing, and a check of the tree must not.

use std::{path::Path, process::Command};

use crate::{context::Context, outcome::Outcome, process, tool::Tool};

/// The version whose configuration format `deny.toml` is written in.
const VERSION: &str = "0.20.2";

/// What checks.
pub(crate) const TOOL: Tool = Tool {
    name: "cargo-deny",
    version: VERSION,
    options: &["--no-default-features"],
    fits: understands,
};

/// Checks the workspace, and the fuzz targets' own workspace by the same rules.
pub(crate) fn run(context: &Context) -> Outcome {
    let tool = match TOOL.find_or_install(context) {
        Ok(tool) => tool,
        Err(reason) => return Outcome::Skipped(reason),
    };
    let mut first = Ok(());
    // Not `bench/peers`: what others build their servers from is theirs to choose, and none of it
    // is ever linked into colok.
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        first = first.and(process::run(context, &mut check(context, &tool, manifest)));
    }
    first.into()
}

fn check(context: &Context, tool: &Path, manifest: &str) -> Command {
    let mut command = Command::new(tool);
    // The configuration is shared, so one workspace may lack what the other is excused for.
    let excused = ["--allow", "license-exception-not-encountered"];
    command
        .current_dir(&context.root)
        .args(["--locked", "--all-features", "--manifest-path", manifest])
        .args(["--config", "deny.toml", "check", "--show-stats"])
        .args(excused)
        .args(["bans", "licenses", "sources"]);
    command
}

/// Whether a cargo-deny that calls itself so reads `deny.toml` as it is meant.
fn understands(version_line: &str) -> bool {
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    let version = version_line.trim().rsplit(' ').next().unwrap_or_default();
    minor(version).is_some() && minor(version) == minor(VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_with_the_same_configuration_are_used() {
        assert!(understands("cargo-deny 0.20.2\n"));
        assert!(understands("cargo-deny 0.20.9"));
        assert!(!understands("cargo-deny 0.14.2"));
        assert!(!understands(""));
    }
}
