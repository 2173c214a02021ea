//! What this run of xtask may assume: where the tree is, and who is watching.
//!
//! Read once at the start; nothing else looks at the environment.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

/// The surroundings of this run.
#[derive(Debug)]
pub(crate) struct Context {
    /// The root of the tree.
    pub(crate) root: PathBuf,
    /// `CI` is set: nobody can be asked, and whatever is missing may be installed.
    pub(crate) ci: bool,
    /// A person sits at a terminal and can be asked.
    pub(crate) terminal: bool,
}

impl Context {
    /// Reads the environment.
    pub(crate) fn detect() -> Self {
        // Cargo sets the variable at run time; the compiled-in path serves a binary that is
        // started by hand.
        let manifest = env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&manifest).parent().unwrap_or(Path::new(".")).to_owned();
        let ci = env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
        let terminal = !ci && io::stdin().is_terminal() && io::stdout().is_terminal();
        Self { root, ci, terminal }
    }

    /// The cargo that started us, so that every step uses the same toolchain.
    pub(crate) fn cargo() -> String {
        env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
    }

    /// Whether something may be installed: yes under CI, the answer at a terminal, else no.
    pub(crate) fn may_install(&self, what: &str) -> bool {
        if self.ci {
            return true;
        }
        if !self.terminal {
            return false;
        }
        print!("Install {what}? [y/N] ");
        let mut answer = String::new();
        if io::stdout().flush().is_err() || io::stdin().lock().read_line(&mut answer).is_err() {
            return false;
        }
        matches!(answer.trim(), "y" | "Y" | "yes")
    }
}

/// Whether a program of this name is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(Context::detect().root.join("xtask/Cargo.toml").is_file());
    }

    #[test]
    fn a_shell_is_on_the_path_and_nonsense_is_not() {
        assert!(on_path("sh"));
        assert!(!on_path("no-program-has-this-name"));
    }

    #[test]
    fn nobody_is_asked_when_nobody_is_there() {
        let context = Context { root: PathBuf::new(), ci: false, terminal: false };
        assert!(!context.may_install("a thing"));
        let context = Context { root: PathBuf::new(), ci: true, terminal: false };
        assert!(context.may_install("a thing"));
    }
}
