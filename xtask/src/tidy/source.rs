//! One Rust file, split into code and comments, with the places of its functions.
//!
//! Not a parser: it understands strings, characters, lifetimes, raw strings and nested comments
//! well enough that a brace or a word inside them is never taken for code, and counts braces from
//! there. What it cannot see: code that a macro makes.

use std::cell::RefCell;

/// A file as the rules see it. All lines are counted from 0.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root of the tree.
    pub(crate) path: String,
    /// The lines as they are.
    pub(crate) lines: Vec<String>,
    /// The same lines with comments and the insides of literals blanked.
    pub(crate) code: Vec<String>,
    /// The same lines with everything but comments blanked.
    pub(crate) comments: Vec<String>,
    /// Lines of `tidy: allow` comments that excused something.
    used: RefCell<Vec<usize>>,
}

/// First and last line of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: usize,
    pub(crate) last: usize,
}

impl Span {
    pub(crate) fn contains(self, line: usize) -> bool {
        (self.first..=self.last).contains(&line)
    }

    /// In lines.
    pub(crate) fn length(self) -> usize {
        self.last - self.first + 1
    }
}

/// An `allow` comment: where it is, what it excuses and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Allow {
    pub(crate) line: usize,
    pub(crate) rule: String,
    pub(crate) reason: String,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        Self {
            path: path.to_owned(),
            lines: lines(text),
            code: lines(&code),
            comments: lines(&comments),
            used: RefCell::default(),
        }
    }

    /// Every `fn` with a body, from the line of the word to the line of its closing brace.
    pub(crate) fn functions(&self) -> Vec<(String, Span)> {
        let code: Vec<char> = self.code.join("\n").chars().collect();
        let mut functions = Vec::new();
        for start in word_positions(&code, "fn") {
            let name: String = code[start + 2..]
                .iter()
                .skip_while(|letter| letter.is_whitespace())
                .take_while(|&&letter| is_word(letter) || letter == '$' || letter == '#')
                .collect();
            // `fn(` without a name is a type.
            let end = if name.is_empty() { None } else { body_end(&code, start) };
            functions.extend(end.map(|end| (name, span(&code, start, end))));
        }
        functions
    }

    /// The items that are compiled for tests only.
    pub(crate) fn test_items(&self) -> Vec<Span> {
        let code: Vec<char> = self.code.join("\n").chars().collect();
        let mut items = Vec::new();
        for start in word_positions(&code, "cfg") {
            let rest: String = code[start..].iter().take(13).collect();
            if rest.starts_with("cfg(test)") || rest.starts_with("cfg(all(test,") {
                // From behind the attribute, so that its own bracket does not count.
                let after = code[start..].iter().position(|&letter| letter == ']');
                let end = after.and_then(|after| body_end(&code, start + after + 1));
                items.extend(end.map(|end| span(&code, start, end)));
            }
        }
        items
    }

    /// Every `tidy: allow(rule): reason` comment.
    pub(crate) fn allows(&self) -> Vec<Allow> {
        let lines = self.comments.iter().enumerate();
        lines.filter_map(|(line, text)| allow_in(line, text)).collect()
    }

    /// Whether an `allow` comment with a reason excuses this line: on it, or in the comments and
    /// attributes right above it.
    pub(crate) fn is_allowed(&self, rule: &str, line: usize) -> bool {
        let above = (0..line).rev().take_while(|&above| self.is_preamble(above));
        let found = std::iter::once(line).chain(above).find(|&candidate| {
            allow_in(candidate, &self.comments[candidate]).is_some_and(|allow| allow.rule == rule)
        });
        self.used.borrow_mut().extend(found);
        found.is_some()
    }

    /// Whether an `allow` comment above the first item excuses the whole file.
    pub(crate) fn is_file_allowed(&self, rule: &str) -> bool {
        let is_head = |&line: &usize| self.is_preamble(line) || self.lines[line].trim().is_empty();
        let head = (0..self.lines.len()).take_while(is_head);
        let found = head.into_iter().find(|&line| {
            allow_in(line, &self.comments[line]).is_some_and(|allow| allow.rule == rule)
        });
        self.used.borrow_mut().extend(found);
        found.is_some()
    }

    /// Whether something needed the `allow` comment on this line.
    pub(crate) fn was_used(&self, allow: &Allow) -> bool {
        self.used.borrow().contains(&allow.line)
    }

    /// A line of nothing but a comment or an attribute.
    fn is_preamble(&self, line: usize) -> bool {
        let code = self.code[line].trim();
        let comment = !self.comments[line].trim().is_empty();
        (code.is_empty() && comment) || code.starts_with("#[") || code.starts_with("#!")
    }
}

fn allow_in(line: usize, comment: &str) -> Option<Allow> {
    // Documentation may describe the form; only a plain comment uses it.
    let text = comment.trim_start().strip_prefix("// tidy: allow(")?;
    let (rule, rest) = text.split_once(')')?;
    let reason = rest.strip_prefix(':').unwrap_or_default().trim();
    Some(Allow { line, rule: rule.to_owned(), reason: reason.to_owned() })
}

/// Whether a character can be part of a word of the language.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where a whole word stands in a text.
pub(crate) fn word_positions(text: &[char], word: &str) -> Vec<usize> {
    let word: Vec<char> = word.chars().collect();
    let is_free = |index: Option<usize>| {
        index.and_then(|index| text.get(index)).is_none_or(|&letter| !is_word(letter))
    };
    let starts = 0..text.len().saturating_sub(word.len() - 1);
    starts
        .filter(|&start| text[start..].starts_with(&word))
        .filter(|&start| is_free(start.checked_sub(1)) && is_free(Some(start + word.len())))
        .collect()
}

/// Where the braces that follow end; nothing when a semicolon comes first.
fn body_end(code: &[char], start: usize) -> Option<usize> {
    let mut brackets = 0_u32;
    let mut braces = 0_u32;
    for (index, letter) in code.iter().enumerate().skip(start) {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if brackets == 0 && braces == 0 => return None,
            // A brace inside brackets is a constant in a type, or a closure in the body: the
            // former closes again before the body opens.
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && brackets == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

fn span(code: &[char], start: usize, end: usize) -> Span {
    let line = |index: usize| code[..index].iter().filter(|&&letter| letter == '\n').count();
    Span { first: line(start), last: line(end) }
}

#[derive(Clone, Copy)]
enum State {
    Code,
    Line,
    Block(u32),
    Text,
    Raw(usize),
}

/// Two copies of the text: code without comments and the insides of literals, and comments alone.
fn split(text: &str) -> (String, String) {
    let letters: Vec<char> = text.chars().collect();
    let mut split = Split::default();
    let mut state = State::Code;
    let mut index = 0;
    while index < letters.len() {
        let (next, taken) = match state {
            State::Code => split.code(&letters, index),
            State::Line => split.line_comment(&letters, index),
            State::Block(depth) => split.block_comment(&letters, index, depth),
            State::Text => split.text(&letters, index),
            State::Raw(hashes) => split.raw_text(&letters, index, hashes),
        };
        state = next;
        index += taken;
    }
    (split.code, split.comments)
}

/// Each method takes some letters at the start of what is left and returns the state after them
/// and how many they were.
#[derive(Default)]
struct Split {
    code: String,
    comments: String,
}

impl Split {
    fn code(&mut self, letters: &[char], index: usize) -> (State, usize) {
        match (letters[index], letters.get(index + 1)) {
            ('/', Some('/')) => self.comment(letters, index, 2, State::Line),
            ('/', Some('*')) => self.comment(letters, index, 2, State::Block(1)),
            ('"', _) => self.keep(letters, index, 1, State::Text),
            ('r', Some('"' | '#')) => match raw_text_start(letters, index) {
                Some(hashes) => self.keep(letters, index, hashes + 2, State::Raw(hashes)),
                None => self.keep(letters, index, 1, State::Code),
            },
            ('\'', _) => {
                let length = character_length(letters, index);
                if length > 1 {
                    (State::Code, self.blank(letters, index, length))
                } else {
                    self.keep(letters, index, 1, State::Code)
                }
            }
            _ => self.keep(letters, index, 1, State::Code),
        }
    }

    fn line_comment(&mut self, letters: &[char], index: usize) -> (State, usize) {
        let next = if letters[index] == '\n' { State::Code } else { State::Line };
        self.comment(letters, index, 1, next)
    }

    fn block_comment(&mut self, letters: &[char], index: usize, depth: u32) -> (State, usize) {
        match (letters[index], letters.get(index + 1)) {
            ('*', Some('/')) if depth == 1 => self.comment(letters, index, 2, State::Code),
            ('*', Some('/')) => self.comment(letters, index, 2, State::Block(depth - 1)),
            ('/', Some('*')) => self.comment(letters, index, 2, State::Block(depth + 1)),
            _ => self.comment(letters, index, 1, State::Block(depth)),
        }
    }

    fn text(&mut self, letters: &[char], index: usize) -> (State, usize) {
        match letters[index] {
            '\\' => (State::Text, self.blank(letters, index, 2)),
            '"' => self.keep(letters, index, 1, State::Code),
            _ => (State::Text, self.blank(letters, index, 1)),
        }
    }

    fn raw_text(&mut self, letters: &[char], index: usize, hashes: usize) -> (State, usize) {
        let closes = letters[index] == '"'
            && letters[index + 1..].iter().take_while(|&&letter| letter == '#').count() >= hashes;
        if closes {
            return self.keep(letters, index, 1 + hashes, State::Code);
        }
        (State::Raw(hashes), self.blank(letters, index, 1))
    }

    fn keep(&mut self, letters: &[char], index: usize, n: usize, next: State) -> (State, usize) {
        for &letter in &letters[index..index + n] {
            self.code.push(letter);
            self.comments.push(blanked(letter));
        }
        (next, n)
    }

    fn comment(&mut self, letters: &[char], index: usize, n: usize, next: State) -> (State, usize) {
        for &letter in &letters[index..index + n] {
            self.code.push(blanked(letter));
            self.comments.push(letter);
        }
        (next, n)
    }

    fn blank(&mut self, letters: &[char], index: usize, n: usize) -> usize {
        let end = letters.len().min(index + n);
        for &letter in &letters[index..end] {
            self.code.push(blanked(letter));
            self.comments.push(blanked(letter));
        }
        end - index
    }
}

fn blanked(letter: char) -> char {
    if letter == '\n' { '\n' } else { ' ' }
}

/// How many `#` stand between `r` and the quote; nothing when this is not a raw string.
fn raw_text_start(letters: &[char], index: usize) -> Option<usize> {
    let before = |back: usize| index.checked_sub(back).map(|index| letters[index]);
    let prefixed = matches!(before(1), Some('b' | 'c'));
    let previous = if prefixed { before(2) } else { before(1) };
    if previous.is_some_and(is_word) {
        return None;
    }
    let hashes = letters[index + 1..].iter().take_while(|&&letter| letter == '#').count();
    (letters.get(index + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// How long the character literal is that starts here; 1 when it is a lifetime.
fn character_length(letters: &[char], index: usize) -> usize {
    if letters.get(index + 1) == Some(&'\\') {
        let rest = letters.get(index + 3..).unwrap_or_default();
        return rest.iter().position(|&letter| letter == '\'').map_or(1, |end| end + 4);
    }
    if letters.get(index + 2) == Some(&'\'') { 3 } else { 1 }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
