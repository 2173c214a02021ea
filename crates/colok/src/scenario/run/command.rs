//! From the words of a step to what an agent starts: the log that colok is asked to write, and the
//! seed of a load that names none.
//!
//! Only `colok` is touched; the words of other programs go as they were written.

use std::path::Path;

use crate::scenario::file::Step;

/// The verbs of colok that can write a log of events.
const LOGGING: [&str; 8] = ["serve", "connect", "relay", "send", "get", "list", "stat", "verify"];

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    /// The file of JSON lines that it writes.
    pub(super) log: Option<String>,
}

/// The command of a step: `log` is where colok is to write its events, `seed` what its random
/// choices are made from, unless the words say so themselves; it runs in `directory`.
pub(super) fn command(words: &[String], log: &str, directory: &str, seed: u64) -> Command {
    let mut words = words.to_vec();
    let Some(verb) = verb(&words).map(str::to_owned) else {
        return Command { words, log: None };
    };
    if verb == "load" && !has_flag(&words, "--seed") {
        words.splice(2..2, ["--seed".to_owned(), seed.to_string()]);
    }
    if !LOGGING.contains(&verb.as_str()) {
        return Command { words, log: None };
    }
    match given_log(&words) {
        Given::Nothing => {}
        Given::File(file) => {
            // A file is named as the program sees it, from where it runs.
            let log = Path::new(directory).join(file).to_string_lossy().into_owned();
            return Command { words, log: Some(log) };
        }
        Given::NoFile => return Command { words, log: None },
    }
    let mut flags = vec!["--log".to_owned(), format!("json:{log}")];
    if verb == "serve" {
        flags.push("--log-hashes".to_owned());
    }
    words.splice(2..2, flags);
    Command { words, log: Some(log.to_owned()) }
}

/// The verb, when the program is colok and its first argument is one.
pub(super) fn verb(words: &[String]) -> Option<&str> {
    match words {
        [program, verb, ..] if program == "colok" && !verb.starts_with('-') => Some(verb),
        _ => None,
    }
}

/// Whether a step starts a server or a relay of colok, which tells when it listens.
pub(super) fn tells_when_ready(words: &[String]) -> bool {
    matches!(verb(words), Some("serve" | "relay"))
}

/// Whether a flag is among the words, with its value in the same word or in the next.
fn has_flag(words: &[String], flag: &str) -> bool {
    let arguments = words.iter().take_while(|word| *word != "--");
    let mut names = arguments.map(|word| word.split_once('=').map_or(word.as_str(), |pair| pair.0));
    names.any(|name| name == flag)
}

/// What words say of a log themselves.
enum Given {
    /// Nothing.
    Nothing,
    /// It goes into this file.
    File(String),
    /// It goes elsewhere.
    NoFile,
}

/// The log that the words ask for themselves.
fn given_log(words: &[String]) -> Given {
    let mut arguments = words.iter().take_while(|word| *word != "--");
    while let Some(word) = arguments.next() {
        let value = match word.split_once('=') {
            Some(("--log", value)) => Some(value),
            _ if word == "--log" => arguments.next().map(String::as_str),
            _ => continue,
        };
        let file = value.and_then(|value| value.strip_prefix("json:")).filter(|file| *file != "-");
        return file.map_or(Given::NoFile, |file| Given::File(file.to_owned()));
    }
    Given::Nothing
}

/// The command of a step as people read it.
pub(super) fn text(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

/// The words of a step that starts a program.
pub(super) fn words_of(step: &Step) -> Option<&[String]> {
    let words = step.run.as_ref().or(step.start.as_ref())?;
    Some(&words.value.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        shlex::split(text).expect("it is a command")
    }

    fn built(text: &str) -> (String, Option<String>) {
        let command = command(&words(text), "/x/log", "sub", 7);
        (super::text(&command.words), command.log)
    }

    #[test]
    fn colok_is_asked_for_its_events() {
        let (text, log) = built("colok connect tcp://127.0.0.1:7 -- --log");
        assert_eq!(text, "colok connect --log json:/x/log tcp://127.0.0.1:7 -- --log");
        assert_eq!(log.as_deref(), Some("/x/log"));
        let (text, _) = built("colok serve echo+tcp://:7");
        assert_eq!(text, "colok serve --log json:/x/log --log-hashes echo+tcp://:7");
    }

    #[test]
    fn a_log_that_is_asked_for_stays() {
        for form in ["--log json:mine", "--log=json:mine"] {
            let (text, log) = built(&format!("colok serve {form} echo+tcp://:7"));
            assert!(!text.contains("/x/log"), "{text}");
            assert_eq!(log.as_deref(), Some("sub/mine"));
        }
        assert_eq!(built("colok serve --log json:/tmp/x y").1.as_deref(), Some("/tmp/x"));
        assert_eq!(built("colok serve --log json:- echo+tcp://:7").1, None);
    }

    #[test]
    fn a_load_gets_the_seed_of_its_case() {
        assert_eq!(built("colok load tcp://:7").0, "colok load --seed 7 tcp://:7");
        assert_eq!(built("colok load --seed 1 tcp://:7").0, "colok load --seed 1 tcp://:7");
    }

    #[test]
    fn other_programs_are_left_alone() {
        for text in ["python3 serve --seed", "colok --help", "colok explain 127.0.0.1", "sh"] {
            assert_eq!(built(text), (super::text(&words(text)), None));
        }
        assert!(tells_when_ready(&words("colok serve x")));
        assert!(!tells_when_ready(&words("serve x")));
    }
}
