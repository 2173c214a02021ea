//! Where the programs are that take part: built from the tree, built from `bench/peers`, or found.
//!
//! What is missing here has a reason, and its rows say it; only a build of the tree that fails is a
//! failure.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::super::scratch::find;
use crate::{
    context::Context,
    process::{self, cargo},
};

/// Below the root of the tree.
const PEERS: &str = "bench/peers";

/// A program, or why it is not here.
pub(super) type Found = Result<PathBuf, String>;

/// Everything that may be started.
pub(super) struct Programs {
    pub(super) colok: Found,
    pub(super) serve: Found,
    pub(super) load: Found,
    pub(super) trip: Found,
    pub(super) push: Found,
    pub(super) hold: Found,
    pub(super) datagrams: Found,
    pub(super) tokio: Found,
    pub(super) compio: Found,
    pub(super) go: Found,
    pub(super) socat: Found,
    pub(super) ncat: Found,
    pub(super) sockperf: Found,
    pub(super) iperf3: Found,
}

/// What has to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kit {
    Colok,
    C,
    Rust,
    Go,
}

/// How it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Build {
    /// For speed.
    Release,
    /// Fast, because nobody will believe the figures.
    Quick,
}

impl Programs {
    /// Builds what is wanted. `colok` is measured instead of the tree's when it is given.
    pub(super) fn ready(
        context: &Context,
        wanted: &[Kit],
        how: Build,
        colok: Option<&Path>,
    ) -> Self {
        let folder = target(context).join("peers");
        let left_out = || Err("left out by --only".to_owned());
        let when = |kit: Kit, build: &dyn Fn() -> Found| {
            if wanted.contains(&kit) { build() } else { left_out() }
        };
        let c = |name: &str| when(Kit::C, &|| compile_c(context, &folder, name));
        let rust = when(Kit::Rust, &|| build_rust(context, &folder, how));
        let rust = |name: &str| rust.clone().map(|folder| folder.join(name));
        Self {
            colok: match colok {
                Some(program) => Ok(program.to_owned()),
                None => when(Kit::Colok, &|| build_colok(context, how)),
            },
            serve: c("serve"),
            load: c("load"),
            trip: c("trip"),
            push: c("push"),
            hold: c("hold"),
            datagrams: c("datagrams"),
            tokio: rust("tokio-echo"),
            compio: rust("compio-echo"),
            go: when(Kit::Go, &|| compile_go(context, &folder)),
            socat: installed("socat", "socat"),
            ncat: installed("ncat", "ncat"),
            sockperf: installed("sockperf", "sockperf"),
            iperf3: installed("iperf3", "iperf3"),
        }
    }
}

/// Where cargo puts what it builds for us.
pub(super) fn target(context: &Context) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    context.root.join(target)
}

/// A program of a Debian package.
fn installed(program: &str, package: &str) -> Found {
    find(program).ok_or(format!("{program} is not installed (Debian package {package})"))
}

const fn profile(how: Build) -> (&'static [&'static str], &'static str) {
    match how {
        Build::Quick => (&[], "debug"),
        Build::Release => (&["--release"], "release"),
    }
}

fn build_colok(context: &Context, how: Build) -> Found {
    let (flags, folder) = profile(how);
    let mut command = cargo(context, ["build", "--locked", "--package", "colok-cli"]);
    process::run(context, command.args(flags))?;
    present(target(context).join(folder).join("colok"))
}

/// The folder of the programs.
fn build_rust(context: &Context, folder: &Path, how: Build) -> Found {
    let (flags, name) = profile(how);
    let manifest = format!("{PEERS}/Cargo.toml");
    let words = ["build", "--locked", "--manifest-path", manifest.as_str()];
    let mut command = cargo(context, words);
    command.args(flags).env("CARGO_TARGET_DIR", folder);
    // What could not be built, for want of a network for example, is not there.
    process::run(context, &mut command)?;
    Ok(folder.join(name))
}

/// With the optimisation that distributions use.
fn compile_c(context: &Context, folder: &Path, name: &str) -> Found {
    let compiler = find("cc").ok_or("no C compiler is installed (Debian package gcc)")?;
    let program = made(folder)?.join(name);
    let mut command = Command::new(compiler);
    command.current_dir(&context.root).args(["-O2", "-o"]).arg(&program);
    process::run(context, command.arg(format!("{PEERS}/c/{name}.c")))?;
    present(program)
}

fn compile_go(context: &Context, folder: &Path) -> Found {
    let go = find("go").ok_or("go is not installed (Debian package golang-go)")?;
    let program = made(folder)?.join("go-echo");
    let mut command = Command::new(go);
    command.current_dir(&context.root).args(["build", "-o"]).arg(&program);
    // No module is fetched: it needs only what comes with Go.
    command.env("GOCACHE", folder.join("go-cache"));
    process::run(context, command.arg(format!("{PEERS}/go/echo.go")))?;
    present(program)
}

fn made(folder: &Path) -> Result<PathBuf, String> {
    let folder = folder.join("bin");
    let failed = |error| format!("cannot make {}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}

fn present(program: PathBuf) -> Found {
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("the build left no {}", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_installed_has_a_reason_that_helps() {
        let reason = installed("no-such-program", "no-package").unwrap_err();
        assert!(reason.contains("Debian package no-package"), "{reason}");
        assert!(installed("sh", "dash").is_ok());
    }

    #[test]
    fn nothing_is_built_that_nobody_wants() {
        let own = Path::new("/opt/colok");
        let programs = Programs::ready(&Context::detect(), &[], Build::Quick, Some(own));
        assert_eq!(programs.colok.as_deref(), Ok(own));
        for left_out in [&programs.serve, &programs.tokio, &programs.go] {
            assert_eq!(left_out.as_ref().unwrap_err(), "left out by --only");
        }
    }
}
