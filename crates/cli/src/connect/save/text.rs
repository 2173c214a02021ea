//! The text of a scenario file: TOML, put together so that people can read it.
//!
//! What peers said becomes text here, so everything that is not plainly visible is escaped.

use std::fmt::Write as _;

/// The tables of the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    /// The computer on which it happens.
    Host,
    /// A step.
    Step,
    /// What is expected of the step before.
    Expect,
}

/// A file in the making.
#[derive(Debug, Default)]
pub(super) struct ScenarioText(String);

impl ScenarioText {
    /// Lines that are only for readers.
    pub(super) fn comment(&mut self, lines: &str) {
        for line in lines.lines() {
            let gap = if line.is_empty() { "" } else { " " };
            let _ = writeln!(self.0, "#{gap}{line}");
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.0.push('\n');
    }

    /// The beginning of a table.
    pub(super) fn table(&mut self, table: Table) {
        self.0.push_str(match table {
            Table::Host => "[hosts.host]\n",
            Table::Step => "[[step]]\n",
            Table::Expect => "\n[step.expect]\n",
        });
    }

    /// A key and a text.
    pub(super) fn string(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.0, "{key} = {}", quoted(value));
    }

    /// A key and a number.
    pub(super) fn number(&mut self, key: &str, value: u64) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    /// A key and a list of words, those that belong together in one line.
    pub(super) fn words(&mut self, key: &str, lines: &[Vec<String>]) {
        let _ = writeln!(self.0, "{key} = [");
        for line in lines {
            let words: Vec<_> = line.iter().map(|word| quoted(word)).collect();
            let _ = writeln!(self.0, "    {},", words.join(", "));
        }
        self.0.push_str("]\n");
    }

    /// The whole text.
    pub(super) fn done(self) -> String {
        self.0
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            character if is_plain(character) => quoted.push(character),
            character => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Bytes as a text of `--send` or a pattern of `--expect` that means exactly them. It holds no
/// brace, and does not look like an option.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\0' => text.push_str("\\0"),
                '\\' | '*' | '?' => text.extend(['\\', character]),
                '-' if text.is_empty() => push_bytes(&mut text, b"-"),
                '{' => push_bytes(&mut text, b"{"),
                character if is_plain(character) => text.push(character),
                character => {
                    push_bytes(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text
}

/// A pattern as it was written, but with no brace that could begin a placeholder.
pub(super) fn without_placeholders(pattern: &str) -> String {
    let pattern = pattern.replace('{', "\\x7b");
    match pattern.strip_prefix('-') {
        Some(rest) => format!("\\x2d{rest}"),
        None => pattern,
    }
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// Whether a character is seen as what it is.
fn is_plain(character: char) -> bool {
    matches!(character, '"' | '\'' | '\\') || character.escape_debug().eq([character])
}

/// A word of a command as a shell reads it.
pub(super) fn word(text: &str) -> String {
    let is_bare = |one: char| one.is_ascii_alphanumeric() || "-_./:@%+=,".contains(one);
    if !text.is_empty() && text.chars().all(is_bare) {
        return text.to_owned();
    }
    format!("'{}'", colok::observe::printable(text.as_bytes()).replace('\'', "'\\''"))
}
