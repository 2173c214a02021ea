//! A view at a terminal, on standard error: a few lines that are drawn again in their place.
//!
//! No line is wider than it is told, and there are never more than the terminal has rows: what
//! wraps or scrolls could not be taken back. What the lines say is decided elsewhere.

use std::io::Write as _;

use crate::style::Style;

/// Where a terminal does not know its height.
const ROWS: usize = 24;

/// What is drawn.
pub(crate) struct View {
    style: Style,
    /// Lines that stand there now.
    shown: usize,
}

impl View {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, shown: 0 }
    }

    /// Draws these lines in the place of the last ones; none is wider than `columns`.
    pub(crate) fn draw(&mut self, mut lines: Vec<String>, columns: usize) {
        lines.truncate(rows() - 1);
        let mut text = self.back();
        for (index, line) in lines.iter().enumerate() {
            let line: String = line.chars().take(columns).collect();
            let line = match index {
                0 => self.style.bold(line),
                _ if index + 1 == lines.len() => self.style.dim(line),
                _ => line,
            };
            text.push_str(&line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        self.shown = lines.len();
        write(&text);
    }

    /// Prints a line that stays in the place of the view, which is to be drawn again below it.
    pub(crate) fn above(&mut self, line: &str) {
        // The view is erased first: the line may be wider than the terminal.
        write(&format!("{}\x1b[J{line}\n", self.back()));
        self.shown = 0;
    }

    /// Takes the view away.
    pub(crate) fn clear(&mut self) {
        if self.shown > 0 {
            write(&format!("{}\x1b[J", self.back()));
            self.shown = 0;
        }
    }

    /// Goes to where the view begins.
    fn back(&self) -> String {
        if self.shown == 0 { "\r".to_owned() } else { format!("\r\x1b[{}A", self.shown) }
    }
}

/// How many rows the terminal has, at least two.
fn rows() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_row > 1 => usize::from(size.ws_row),
        _ => ROWS,
    }
}

fn write(text: &str) {
    let mut output = std::io::stderr();
    // When standard error is gone nobody is left to be shown anything.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
