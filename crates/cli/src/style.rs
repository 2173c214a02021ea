//! Bold, dim and a few colours, only where a terminal shows them and nobody asked for none
//! (`NO_COLOR`).

use std::fmt::Display;
use std::io::IsTerminal;

/// Whether and how words are set off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    /// No escape sequences at all.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colours: false };

    /// What suits this output. `NO_COLOR` set to anything but nothing turns it off
    /// (<https://no-color.org>).
    pub(crate) fn of(output: &impl IsTerminal) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { colours: output.is_terminal() && !unwanted && !dumb }
    }

    pub(crate) fn bold(self, words: impl Display) -> String {
        self.set(1, words)
    }

    pub(crate) fn dim(self, words: impl Display) -> String {
        self.set(2, words)
    }

    pub(crate) fn red(self, words: impl Display) -> String {
        self.set(31, words)
    }

    pub(crate) fn green(self, words: impl Display) -> String {
        self.set(32, words)
    }

    pub(crate) fn yellow(self, words: impl Display) -> String {
        self.set(33, words)
    }

    fn set(self, code: u8, words: impl Display) -> String {
        if self.colours { format!("\x1b[{code}m{words}\x1b[0m") } else { words.to_string() }
    }
}
