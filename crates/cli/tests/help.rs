//! Help, completions and man pages: they fit a screen, and they know the same flags.

mod common;

use std::collections::BTreeSet;

use common::colok;

const VERBS: [&str; 14] = [
    "serve",
    "connect",
    "send",
    "get",
    "list",
    "stat",
    "verify",
    "load",
    "check",
    "relay",
    "explain",
    "completions",
    "man",
    "help",
];
const LANGUAGES: [&str; 2] = ["en", "id"];

#[test]
fn every_help_fits_a_screen_in_both_languages() {
    for language in LANGUAGES {
        let root = colok(&["--help", "--lang", language]);
        assert_eq!(root.code, Some(0));
        check_size(language, "colok", &root.text());
        for verb in VERBS {
            let help = colok(&[verb, "--help", "--lang", language]);
            assert_eq!((help.code, help.err.as_str()), (Some(0), ""), "{verb}");
            check_size(language, verb, &help.text());
        }
        for topic in [["serve", "files"], ["load", "more"]] {
            let help = colok(&[&topic[..], &["--help", "--lang", language]].concat());
            assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
            check_size(language, &topic.join(" "), &help.text());
        }
    }
}

fn check_size(language: &str, verb: &str, text: &str) {
    assert!(text.lines().count() <= 24, "{language} {verb}: {} lines", text.lines().count());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{language} {verb}: {line}");
        assert!(!line.contains('\x1b'), "{language} {verb}: {line}");
    }
}

#[test]
fn nothing_asked_for_shows_how_to_start() {
    let nothing = colok(&[]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.out.is_empty());
    for line in ["colok serve ", "colok connect localhost:5001 ", "colok send localhost FILE "] {
        assert!(nothing.err.contains(line), "{}", nothing.err);
    }
}

#[test]
fn help_is_the_same_however_it_is_asked_for() {
    let flag = colok(&["serve", "--help"]).text();
    assert_eq!(colok(&["help", "serve"]).text(), flag);
    assert_eq!(colok(&["serve", "-h"]).text(), flag);
    assert_eq!(colok(&["--help"]).text(), colok(&["help"]).text());
    assert_eq!(colok(&["c", "--help"]).text(), colok(&["connect", "--help"]).text());
    // What else is wrong or missing does not matter.
    assert_eq!(colok(&["connect", "--help", "--hex"]).code, Some(0));
}

#[test]
fn the_help_of_a_topic_explains_the_flags_that_the_help_of_its_verb_names() {
    for [verb, topic] in [["serve", "files"], ["load", "more"]] {
        let of_verb = flags_in(&colok(&[verb, "--help"]).text());
        let of_topic = flags_in(&colok(&[verb, topic, "--help"]).text());
        assert!(of_topic.len() > 10 && of_topic.is_subset(&of_verb), "{of_topic:?}");
    }
}

#[test]
fn the_version_is_told() {
    let version = colok(&["--version"]);
    assert_eq!(version.text(), format!("colok {}\n", env!("CARGO_PKG_VERSION")));
}

/// Every `--flag` in a text, without those of another program's name (`man -l` has none).
fn flags_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("--") {
        let name: String = text[at + 2..]
            .chars()
            .take_while(|letter| letter.is_ascii_lowercase() || *letter == '-')
            .collect();
        if name.len() > 1 && name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            found.insert(name.trim_end_matches('-').to_owned());
        }
    }
    found
}

#[test]
fn help_completions_and_man_pages_know_the_same_flags() {
    let bash = colok(&["completions", "bash"]).text();
    for verb in VERBS {
        let help = flags_in(&colok(&[verb, "--help"]).text());
        let man = colok(&["man", verb]).text().replace("\\-", "-");
        let manual = flags_in(&man.replace("--expect waits", "").replace("\\fB", ""));
        assert_eq!(help, manual, "man {verb}");
        assert_eq!(help, flags_in(&bash_part(&bash, verb)), "completions {verb}");
    }
    for shell in ["zsh", "fish"] {
        let script = colok(&["completions", shell]).text();
        let all: BTreeSet<String> =
            VERBS.iter().flat_map(|verb| flags_in(&colok(&[verb, "--help"]).text())).collect();
        for flag in all {
            let forms = [format!("--{flag}"), format!("-l {flag} "), format!("-l {flag}\n")];
            assert!(forms.iter().any(|form| script.contains(form)), "{shell}: {flag}");
        }
    }
}

/// The words that the bash script offers behind a verb.
fn bash_part(script: &str, verb: &str) -> String {
    let label = format!("colok__subcmd__{verb})");
    let from = script.find(&label).unwrap_or_else(|| panic!("{verb} has a part"));
    let options = &script[from..];
    let start = options.find("opts=\"").expect("it offers words");
    let end = options[start + 6..].find('"').expect("they end");
    options[start..start + 6 + end].to_owned()
}

#[test]
fn man_pages_are_roff() {
    for arguments in [&["man"][..], &["man", "serve"], &["man", "connect", "--lang", "id"]] {
        let page = colok(arguments);
        assert_eq!(page.code, Some(0));
        assert!(page.text().contains(".TH colok"), "{}", page.text());
    }
    assert!(colok(&["man", "serve"]).text().contains("colok\\-serve"));
}
