//! Help texts from the table, at most 80 columns wide.
//!
//! Our own layout instead of clap's: every heading is translated, and a verb fits a screen.

use std::fmt::Write as _;

use super::{COMMON_FLAGS, Flag, Topic, VERBS, VERSION_FLAG, Verb};
use crate::messages::{Id, Messages};
use crate::style::Style;

/// The width that every terminal has.
const COLUMNS: usize = 80;

/// The height of the smallest usual terminal.
const LINES: usize = 24;

/// The help of colok itself.
pub(crate) fn root_help(messages: &Messages, style: Style) -> String {
    // Few empty lines: with more the help would not fit a screen.
    let mut text = format!("colok: {}\n", messages.text(Id::RootAbout));
    heading(&mut text, &messages.text(Id::HeadingUsage), style);
    text.push_str(" colok ");
    text.push_str(&messages.text(Id::RootUsage));
    text.push('\n');
    heading(&mut text, &messages.text(Id::HeadingQuickStart), style);
    text.push('\n');
    let rows = [
        ("colok serve".to_owned(), messages.text(Id::QuickStartServe)),
        ("colok connect localhost:5001".to_owned(), messages.text(Id::QuickStartConnect)),
        ("colok send localhost FILE".to_owned(), messages.text(Id::QuickStartSend)),
    ];
    table(&mut text, &rows, style);
    text.push('\n');
    heading(&mut text, &messages.text(Id::HeadingVerbs), style);
    text.push('\n');
    let rows: Vec<_> = VERBS.iter().map(|verb| (names(verb), messages.text(verb.about))).collect();
    table(&mut text, &rows, style);
    heading(&mut text, &messages.text(Id::HeadingOptions), style);
    for (flag, _) in rows_of(COMMON_FLAGS.iter().chain([&VERSION_FLAG]), messages) {
        let _ = write!(text, "  {}", style.bold(flag.trim_start()));
    }
    text.push('\n');
    text.push_str(&messages.text(Id::RootMore));
    text.push('\n');
    text
}

/// The help of one verb.
pub(crate) fn help_of(verb: &Verb, messages: &Messages, style: Style) -> String {
    let about = wrapped(&messages.text(verb.about), 0);
    let mut rest = help_below(verb, messages, style);
    let lines = about.lines().count() + rest.lines().count();
    if lines > LINES {
        // The empty line behind the usage.
        rest = rest.replacen("\n\n", "\n", 1);
    }
    about + if lines < LINES { "\n" } else { "" } + &rest
}

/// The help of a verb from its usage on.
fn help_below(verb: &Verb, messages: &Messages, style: Style) -> String {
    let mut text = String::new();
    heading(&mut text, &messages.text(Id::HeadingUsage), style);
    let _ = writeln!(text, " {}\n", usage(verb, messages));
    let mut rows = Vec::new();
    for positional in verb.positionals {
        let dots = if positional.many && verb.positionals.len() > 1 { "..." } else { "" };
        rows.push((format!("{}{dots}", positional.name), messages.text(positional.help)));
    }
    rows.extend(rows_of(verb.flags.iter().chain(&COMMON_FLAGS), messages));
    table(&mut text, &rows, style);
    if let Some(topic) = verb.topic {
        heading(&mut text, &messages.text(topic.heading), style);
        text.push('\n');
        let names: Vec<String> =
            topic.flags.iter().map(|flag| format!("--{}", flag.long)).collect();
        text.push_str(&wrapped(&names.join(" "), 2));
    }
    if let Some(footer) = verb.footer {
        if verb.topic.is_none() {
            text.push('\n');
        }
        text.push_str(&messages.text(footer));
        text.push('\n');
    }
    text
}

/// The help of the flags that concern one thing.
pub(crate) fn help_of_topic(
    verb: &Verb,
    topic: &Topic,
    messages: &Messages,
    style: Style,
) -> String {
    let mut text = wrapped(&messages.text(topic.about), 0);
    text.push('\n');
    heading(&mut text, &messages.text(Id::HeadingUsage), style);
    let option = messages.text(Id::UsageOption);
    let _ = writeln!(text, " colok {} [{option}]... {}\n", verb.name, topic.name);
    table(&mut text, &rows_of(topic.flags.iter(), messages), style);
    text.push('\n');
    text.push_str(&messages.text(topic.footer));
    text.push('\n');
    text
}

/// `colok serve [OPTION]... [SERVICE]...`
pub(crate) fn usage(verb: &Verb, messages: &Messages) -> String {
    let mut text = format!("colok {} [{}]...", verb.name, messages.text(Id::UsageOption));
    for positional in verb.positionals {
        let dots = if positional.many { "..." } else { "" };
        let _ = if positional.required {
            write!(text, " {}{dots}", positional.name)
        } else {
            write!(text, " [{}]{dots}", positional.name)
        };
    }
    text
}

fn names(verb: &Verb) -> String {
    verb.alias.map_or_else(|| verb.name.to_owned(), |alias| format!("{}, {alias}", verb.name))
}

fn heading(text: &mut String, words: &str, style: Style) {
    let _ = write!(text, "{}", style.bold(words));
}

fn rows_of<'a>(
    flags: impl Iterator<Item = &'a Flag>,
    messages: &Messages,
) -> Vec<(String, String)> {
    let left = |flag: &Flag| {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
        format!("{short}{}", long_form(flag))
    };
    flags.map(|flag| (left(flag), messages.text(flag.help))).collect()
}

/// `--model MODEL`
fn long_form(flag: &Flag) -> String {
    let value = flag.value.map_or_else(String::new, |value| format!(" {value}"));
    format!("--{}{value}", flag.long)
}

/// Two columns; the right one is wrapped and goes on under itself.
fn table(text: &mut String, rows: &[(String, String)], style: Style) {
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    for (left, right) in rows {
        let padding = " ".repeat(width - left.chars().count());
        let wrapped = wrapped(right, width + 4);
        let _ = write!(text, "  {}{padding}  {}", style.bold(left), wrapped.trim_start());
    }
}

/// Words in lines of at most [`COLUMNS`], each indented by `indent`. Ends with a newline.
fn wrapped(words: &str, indent: usize) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words.split_whitespace() {
        let length = indent + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > COLUMNS {
            let _ = writeln!(text, "{}{line}", " ".repeat(indent));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{}{line}", " ".repeat(indent));
    text
}
