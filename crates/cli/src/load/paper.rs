//! What a report is written on: a column of labels, and text beside it that is wrapped.
//!
//! The width is that of the terminal, within bounds that can be read; 80 columns elsewhere.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::style::Style;

/// Where there is no terminal, and the least that a terminal is taken to have.
const COLUMNS: usize = 80;
const COLUMNS_MIN: usize = 40;
/// Longer lines are hard to follow.
const COLUMNS_MAX: usize = 120;

/// Where the text beside the labels begins.
const INDENT: usize = 13;

/// How a line is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// It can be passed over.
    Dim,
    /// It must not be passed over.
    Alarm,
}

/// The text so far.
pub(super) struct Paper {
    text: String,
    columns: usize,
    style: Style,
    /// Waits for the first line of its section.
    label: String,
}

impl Paper {
    pub(super) fn new(columns: usize, style: Style) -> Self {
        Self { text: String::new(), columns, style, label: String::new() }
    }

    /// A paper as wide as this output.
    pub(super) fn of(output: &(impl IsTerminal + AsFd)) -> Self {
        Self::new(columns_of(output), Style::of(output))
    }

    /// Over the whole width, wrapped, the first word of a report.
    pub(super) fn title(&mut self, words: &str) {
        for (index, line) in wrapped(words, self.columns, 2).iter().enumerate() {
            let indent = if index == 0 { "" } else { "  " };
            let _ = writeln!(self.text, "{indent}{}", self.style.bold(line));
        }
        self.text.push('\n');
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// From here on lines belong to this label.
    pub(super) fn section(&mut self, label: &str) {
        label.clone_into(&mut self.label);
    }

    /// Words beside the label, wrapped.
    pub(super) fn line(&mut self, words: &str, tone: Tone) {
        self.indented(words, tone, 0);
    }

    /// The same a little further in: a reason, an advice.
    pub(super) fn detail(&mut self, words: &str, tone: Tone) {
        self.indented(words, tone, 2);
    }

    fn indented(&mut self, words: &str, tone: Tone, more: usize) {
        for (index, line) in wrapped(words, self.columns, INDENT + more).iter().enumerate() {
            let further = " ".repeat(if index == 0 { more } else { more + 2 });
            self.row(&format!("{further}{line}"), tone);
        }
    }

    /// A command beside the label, its words quoted already: in lines as a shell takes them.
    pub(super) fn command(&mut self, words: &[String], tone: Tone) {
        let room = self.columns.saturating_sub(INDENT + " \\".len()).max(20);
        let mut line = String::new();
        for word in words {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                self.row(&format!("{line} \\"), tone);
                " ".clone_into(&mut line);
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.row(&line, tone);
    }

    /// Exactly these words beside the label.
    pub(super) fn row(&mut self, words: &str, tone: Tone) {
        let label = std::mem::take(&mut self.label);
        let padding = " ".repeat(INDENT.saturating_sub(label.chars().count()));
        let words = match tone {
            Tone::Plain => words.to_owned(),
            Tone::Dim => self.style.dim(words),
            Tone::Alarm => self.style.red(words),
        };
        let label = if label.is_empty() { label } else { self.style.bold(label) };
        let _ = writeln!(self.text, "{label}{padding}{words}");
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// How wide a terminal is now; 80 columns where there is none.
pub(super) fn columns_of(output: &(impl IsTerminal + AsFd)) -> usize {
    if !output.is_terminal() {
        return COLUMNS;
    }
    match rustix::termios::tcgetwinsize(output) {
        // A terminal that does not know its size says 0.
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).clamp(COLUMNS_MIN, COLUMNS_MAX),
        _ => COLUMNS,
    }
}

/// Words in lines that fit beside an indentation; lines after the first have two columns less.
fn wrapped(words: &str, columns: usize, indent: usize) -> Vec<String> {
    let room = columns.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = vec![String::new()];
    for piece in pieces(words) {
        let room = if lines.len() == 1 { room } else { room.saturating_sub(2) };
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(&piece);
        } else if line.chars().count() + 1 + piece.chars().count() <= room {
            line.push(' ');
            line.push_str(&piece);
        } else {
            lines.push(piece);
        }
    }
    lines
}

/// Words, those that belong to a number joined to it: its groups and its unit, the word that it
/// counts for, the sign before it.
fn pieces(words: &str) -> Vec<String> {
    const UNITS: [&str; 11] = ["us", "ms", "s", "min", "h", "%", "B", "B/s", "kB/s", "KiB", "MiB"];
    const SIGNS: [&str; 4] = ["+", "=", "+/-", "x"];
    let ends_in_digit = |text: &str| text.ends_with(|end: char| end.is_ascii_digit());
    let mut pieces: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        let bare = word.trim_end_matches([',', '.', ';', ':', ')']);
        let is_number = bare.starts_with(|first: char| first.is_ascii_digit());
        let is_group = bare.len() == 3 && bare.bytes().all(|byte| byte.is_ascii_digit());
        let joins = |last: &String| {
            let sign = SIGNS.contains(&last.as_str());
            let counted = is_number && last.ends_with(|end: char| end.is_ascii_alphabetic());
            sign || counted || ((is_group || UNITS.contains(&bare)) && ends_in_digit(last))
        };
        match pieces.last_mut() {
            Some(last) if joins(last) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => pieces.push(word.to_owned()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_not_inside_numbers() {
        let lines = wrapped("one two three: 1 000 000 us, and four of 3.5 ms", 25, 0);
        assert_eq!(lines, ["one two three:", "1 000 000 us, and four", "of 3.5 ms"]);
        let lines = wrapped("sent 100 = answered 3 + wrong 7", 20, 0);
        assert_eq!(lines, ["sent 100", "= answered 3", "+ wrong 7"]);
    }

    #[test]
    fn a_command_goes_on_where_a_shell_takes_it_so() {
        let mut paper = Paper::new(44, Style::PLAIN);
        paper.section("repeat");
        let words = ["colok", "load", "--send", "'a b c d e f g h'", "x"].map(str::to_owned);
        paper.command(&words, Tone::Plain);
        let expected = "repeat       colok load --send \\\n               'a b c d e f g h' x\n";
        assert_eq!(paper.into_text(), expected);
    }

    #[test]
    fn labels_stand_once_beside_their_lines() {
        let mut paper = Paper::new(44, Style::PLAIN);
        paper.section("result");
        paper.line("a text that does not fit into one line", Tone::Plain);
        paper.detail("more", Tone::Dim);
        paper.section("end");
        paper.row("exactly", Tone::Alarm);
        let expected = "result       a text that does not fit into\n               \
                        one line\n               more\nend          exactly\n";
        assert_eq!(paper.into_text(), expected);
    }
}
