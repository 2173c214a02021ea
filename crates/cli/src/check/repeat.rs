//! The command that runs again just what did not pass, with the same seed.

use colok::scenario::record::{Run, Verdict};

use crate::problem::quoted;

/// More patterns than this make no command to type: then everything is run again.
const PATTERNS_MAX: usize = 10;

/// Options of a run that choose cases; they are replaced. Those with a value have it behind them or
/// in them.
const REPLACED: [&str; 5] = ["--only", "--seed", "--repeat", "-n", "--keep"];

/// The command, its words quoted for a shell; `None` when everything passed or was skipped.
pub(super) fn repeating(run: &Run) -> Option<String> {
    let wrong = |verdict| !matches!(verdict, Verdict::Pass | Verdict::Skipped);
    let again: Vec<_> = run.cases.iter().filter(|case| wrong(case.verdict)).collect();
    let repetition = again.iter().map(|case| case.repetition).max()?;
    let mut words = kept(&run.command);
    let mut more = Vec::new();
    if again.len() <= PATTERNS_MAX {
        for case in &again {
            more.extend(["--only".to_owned(), case.id.clone()]);
        }
    } else {
        more.extend(values_of(&run.command, "--only"));
    }
    if repetition > 1 {
        more.extend(["--repeat".to_owned(), repetition.to_string()]);
    }
    more.extend(["--seed".to_owned(), run.seed.to_string()]);
    // Behind `--` nothing is an option.
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.splice(end..end, more);
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    Some(words.join(" "))
}

/// The words of a command without the options that are replaced.
fn kept(command: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    let mut all = command.iter();
    while let Some(word) = all.next() {
        if word == "--" {
            words.push(word.clone());
            words.extend(all.by_ref().cloned());
        } else if REPLACED.contains(&word.as_str()) {
            all.next();
        } else if !is_replaced_with_value(word) {
            words.push(word.clone());
        }
    }
    words
}

/// `--seed=7` and `-n7`.
fn is_replaced_with_value(word: &str) -> bool {
    let long = word.split_once('=').is_some_and(|(name, _)| REPLACED.contains(&name));
    let short = word
        .strip_prefix("-n")
        .is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit() || it == '='));
    long || short
}

/// The options of this name with their values, as two words each.
fn values_of(command: &[String], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut all = command.iter().take_while(|word| *word != "--");
    while let Some(word) = all.next() {
        let value = if word == name {
            all.next().cloned()
        } else {
            word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned)
        };
        found.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::{case, run};

    fn command(words: &[&str], cases: &[(&str, Verdict)]) -> Option<String> {
        let cases = cases.iter().map(|(id, verdict)| case(id, *verdict)).collect();
        let mut run = run(cases);
        run.command = words.iter().map(|word| (*word).to_owned()).collect();
        repeating(&run)
    }

    #[test]
    fn only_what_did_not_pass_is_run_again_with_the_same_seed() {
        let cases = [("a", Verdict::Pass), ("b[x=1]", Verdict::Fail), ("c", Verdict::Skipped)];
        let words = ["colok", "check", "my dir", "--only", "b*", "--seed=3", "-j", "4", "-n", "1"];
        let expected = "colok check 'my dir' -j 4 --only 'b[x=1]' --seed 42";
        assert_eq!(command(&words, &cases).as_deref(), Some(expected));
        let words = ["colok", "check", "--", "--odd.toml"];
        let expected = "colok check --only 'b[x=1]' --seed 42 -- --odd.toml";
        assert_eq!(command(&words, &cases).as_deref(), Some(expected));
        assert_eq!(command(&words, &[("a", Verdict::Pass)]), None);
    }

    #[test]
    fn very_many_are_run_again_as_they_were_chosen() {
        let ids: Vec<String> = (0..30).map(|at| format!("a[x={at}]")).collect();
        let cases: Vec<_> = ids.iter().map(|id| (id.as_str(), Verdict::Unknown)).collect();
        let words = ["colok", "check", "--only=a*", "--only", "b", "--keep", "here"];
        let expected = "colok check --only 'a*' --only b --seed 42";
        assert_eq!(command(&words, &cases).as_deref(), Some(expected));
    }
}
