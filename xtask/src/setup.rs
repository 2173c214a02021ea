//! The programs that the checks need and that a fresh machine may lack.
//!
//! Under CI they are installed unasked, at a terminal after a question; otherwise the one line
//! that installs them is printed. A test that needs a missing program looks for it when it runs
//! and reports itself as skipped; nothing here makes such a test pass.

use std::process::{Command, Stdio};

use crate::{
    bench::instructions,
    context::{Context, on_path},
    deny,
    outcome::Outcome,
    process,
    tool::Tool,
};

/// A program, the Debian package that brings it, and what cannot be checked without it.
struct Need {
    program: &'static str,
    package: &'static str,
    without: &'static str,
}

const NEEDS: [Need; 9] = [
    need("nc.openbsd", "netcat-openbsd", "interop tests with nc"),
    need("ncat", "ncat", "interop tests with ncat"),
    need("socat", "socat", "interop tests with socat"),
    need("telnet", "inetutils-telnet", "interop tests with telnet"),
    need("strace", "strace", "the comparison of --calls with strace"),
    need("tmux", "tmux", "tests of the terminal client"),
    need("python3", "python3", "interop tests with Python's socket"),
    need("valgrind", "valgrind", "the counts of instructions"),
    // libFuzzer is C++; Rust itself asks only for a C compiler.
    need("c++", "g++", "the fuzz targets"),
];

/// What is compiled, and takes a minute each the first time.
const TOOLS: [Tool; 2] = [deny::TOOL, instructions::RUNNER];

const fn need(program: &'static str, package: &'static str, without: &'static str) -> Need {
    Need { program, package, without }
}

/// Installs what is missing, if it may, and says what will be skipped if it may not.
pub(crate) fn run(context: &Context) -> Outcome {
    let packages: Vec<_> = missing(on_path).iter().map(|need| need.package).collect();
    if !packages.is_empty()
        && let Err(reason) = install(context, &packages, Consent::Asked)
    {
        println!("{reason}");
    }
    let mut absent = Vec::new();
    for tool in &TOOLS {
        if let Err(reason) = tool.find_or_install(context) {
            println!("{reason}");
            absent.push(tool.name);
        }
    }
    report(&missing(on_path), &absent)
}

fn missing(present: impl Fn(&str) -> bool) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !present(need.program)).collect()
}

fn report(missing: &[&Need], tools: &[&'static str]) -> Outcome {
    if missing.is_empty() && tools.is_empty() {
        println!("every program that the tests use is here");
        return Outcome::Passed;
    }
    for need in missing {
        println!("without {}, these are skipped: {}", need.program, need.without);
    }
    let programs: Vec<_> =
        missing.iter().map(|need| need.program).chain(tools.iter().copied()).collect();
    Outcome::Skipped(format!("not installed: {}", programs.join(", ")))
}

/// Whether somebody has to be asked before something is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// It was what the command was for.
    Given,
    /// Ask, as [`Context::may_install`] does.
    Asked,
}

/// Installs Debian packages, or says in the problem how to.
pub(crate) fn install(
    context: &Context,
    packages: &[&str],
    consent: Consent,
) -> Result<(), String> {
    let line = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !on_path("apt-get") {
        return Err(format!("no apt-get here; these Debian packages are meant: {packages:?}"));
    }
    let privilege = Privilege::find(context);
    let advice = match privilege {
        Privilege::Root => format!("to install them: {line}"),
        _ => format!("to install them: sudo {line}"),
    };
    let allowed = consent == Consent::Given || context.may_install(&packages.join(" "));
    let Some(apt) = privilege.words().filter(|_| allowed) else { return Err(advice) };
    // A stale list names versions that the mirror no longer has, so it is always updated first.
    let mut update = apt_command(apt, &["update", "-q"]);
    let mut words = vec!["install", "-y", "-q", "--no-install-recommends"];
    words.extend(packages);
    process::run(context, &mut update)
        .and_then(|()| process::run(context, &mut apt_command(apt, &words)))
        .map_err(|problem| format!("{problem}\n{advice}"))
}

/// How packages can be installed by whoever runs us.
#[derive(Clone, Copy)]
enum Privilege {
    Root,
    /// Through `sudo`, which may ask for a password at the terminal.
    Sudo,
    /// Through `sudo`, only if it needs no password.
    QuietSudo,
    None,
}

impl Privilege {
    fn find(context: &Context) -> Self {
        let user = process::read(Command::new("id").arg("-u")).unwrap_or_default();
        if user.trim() == "0" {
            return Self::Root;
        }
        if !on_path("sudo") {
            return Self::None;
        }
        if context.terminal {
            return Self::Sudo;
        }
        let mut quiet = Command::new("sudo");
        quiet.args(["-n", "true"]).stdin(Stdio::null()).stderr(Stdio::null());
        if quiet.status().is_ok_and(|status| status.success()) {
            return Self::QuietSudo;
        }
        Self::None
    }

    /// The words in front of `env ... apt-get`; nothing when it cannot be run.
    fn words(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Root => Some(&[]),
            Self::Sudo => Some(&["sudo"]),
            Self::QuietSudo => Some(&["sudo", "-n"]),
            Self::None => None,
        }
    }
}

fn apt_command(privilege: &[&str], words: &[&str]) -> Command {
    // `env` and not `Command::env`: sudo drops the variables of its caller.
    let fixed = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let mut all = privilege.iter().chain(&fixed).chain(words);
    let mut command = Command::new(all.next().unwrap_or(&"env"));
    command.args(all);
    command
}

/// Why `cargo SUBCOMMAND` of a rustup component cannot run, if it cannot. Under CI the component
/// is installed first.
pub(crate) fn missing_component(
    context: &Context,
    component: &str,
    subcommand: &str,
) -> Option<String> {
    let present =
        || process::read(process::cargo(context, [subcommand, "--version"]).env_remove("CI"));
    if present().is_ok() {
        return None;
    }
    let line = format!("rustup component add {component}");
    if on_path("rustup") && context.may_install(&format!("the rustup component {component}")) {
        let mut rustup = Command::new("rustup");
        let result = process::run(context, rustup.args(["component", "add", component]));
        if result.is_ok() && present().is_ok() {
            return None;
        }
    }
    Some(format!("{component} is not installed; to install it: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_it_costs() {
        let without_nc = missing(|program| program != "nc.openbsd");
        assert_eq!(without_nc.len(), 1);
        assert_eq!(without_nc[0].package, "netcat-openbsd");
        let expected = Outcome::Skipped("not installed: nc.openbsd, cargo-deny".to_owned());
        assert_eq!(report(&without_nc, &["cargo-deny"]), expected);
        assert_eq!(report(&missing(|_| true), &[]), Outcome::Passed);
    }

    #[test]
    fn the_privilege_stands_in_front() {
        let command = apt_command(&["sudo", "-n"], &["install", "socat"]);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(command.get_program(), "sudo");
        let expected =
            ["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "socat"];
        assert_eq!(words, expected);
    }
}
