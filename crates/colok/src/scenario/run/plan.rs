//! Which cases a run has: each scenario, each combination of its variables, each repetition.
//!
//! Nothing is started here. The same options give the same cases, ids and seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Options, Planned, RunError};
use crate::scenario::file::Scenario;
use crate::scenario::read::{self, Source};
use crate::scenario::{fill, judge};

/// A case with what is needed to run it.
pub(super) struct Job {
    /// What the record says of it.
    pub(super) planned: Planned,
    /// Its scenario as it was read: placeholders are not filled in.
    pub(super) scenario: Arc<Scenario>,
    /// The file of its scenario.
    pub(super) source: Arc<Source>,
}

/// Every case, in order. All problems of all files are told at once.
pub(super) fn jobs(options: &Options) -> Result<Vec<Job>, RunError> {
    let mut problems = Vec::new();
    let mut jobs = Vec::new();
    let mut names = BTreeSet::new();
    for source in &options.sources {
        let source = &Source { name: fresh(&source.name, &mut names), ..source.clone() };
        match read::read(source) {
            Ok(scenario) => add(options, source, scenario, &mut jobs),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(jobs) } else { Err(RunError::Files(problems)) }
}

/// A name that no scenario of this run has yet: files in different folders may have the same one.
fn fresh(name: &str, names: &mut BTreeSet<String>) -> String {
    let numbered = (2_u32..).map(|number| format!("{name}.{number}"));
    let mut names_left = std::iter::once(name.to_owned()).chain(numbered);
    let fresh = names_left.find(|name| !names.contains(name)).unwrap_or_default();
    names.insert(fresh.clone());
    fresh
}

/// Adds the cases of one scenario.
fn add(options: &Options, source: &Source, scenario: Scenario, jobs: &mut Vec<Job>) {
    let (scenario, source) = (Arc::new(scenario), Arc::new(source.clone()));
    let skip = super::needs::skipped(&scenario);
    let repeat = options.repeat.max(1);
    for variables in fill::cases(&scenario) {
        let base = id(&source.name, &variables);
        for repetition in 1..=repeat {
            let id = if repeat > 1 { format!("{base}#{repetition}") } else { base.clone() };
            if !chosen(&options.only, &id, &source.name, &scenario.tags) {
                continue;
            }
            let planned = Planned {
                seed: case_seed(options.seed, &base, repetition),
                id,
                scenario: source.name.clone(),
                file: source.file.clone(),
                title: scenario.title.clone(),
                source: scenario.source.clone(),
                variables: variables.clone(),
                repetition,
                skip: skip.clone(),
            };
            let (scenario, source) = (Arc::clone(&scenario), Arc::clone(&source));
            jobs.push(Job { planned, scenario, source });
        }
    }
}

/// `echo-quit[engine=events,kind=tcp]`: the name, and the variables if there are any. It names a
/// folder too, so nothing in it ends a name there.
fn id(name: &str, variables: &BTreeMap<String, String>) -> String {
    if variables.is_empty() {
        return name.to_owned();
    }
    let pairs: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{name}[{}]", pairs.join(",")).replace(['/', '\0', '\n'], "_")
}

/// The seed of a case. It has 53 bits, which every reader of JSON keeps exactly.
fn case_seed(seed: u64, base: &str, repetition: u32) -> u64 {
    derived(seed, &format!("{base}#{repetition}"))
}

/// A number made from a seed and a word; the same for the same two, 53 bits.
pub(super) fn derived(seed: u64, word: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(word.as_bytes());
    let mut number = [0; 8];
    hasher.finalize_xof().fill(&mut number);
    u64::from_le_bytes(number) >> 11
}

/// Whether the patterns choose a case.
fn chosen(only: &[String], id: &str, scenario: &str, tags: &[String]) -> bool {
    let matches = |pattern: &String| {
        let like = |text: &str| judge::is_like(pattern, text.as_bytes());
        let within = !pattern.contains(['*', '?']) && id.contains(pattern.as_str());
        within || like(id) || like(scenario) || tags.iter().any(|tag| like(tag))
    };
    only.is_empty() || only.iter().any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_depend_on_the_case_alone() {
        assert_eq!(case_seed(1, "echo", 1), case_seed(1, "echo", 1));
        assert_ne!(case_seed(1, "echo", 1), case_seed(1, "echo", 2));
        assert_ne!(case_seed(1, "echo", 1), case_seed(2, "echo", 1));
        assert_ne!(case_seed(1, "echo", 1), case_seed(1, "count", 1));
        assert!(case_seed(u64::MAX, "echo", 1) < 1 << 53);
    }

    #[test]
    fn ids_say_the_variables_and_name_a_folder() {
        let variables = [("way", "../up"), ("engine", "events")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(id("echo", &variables.into()), "echo[engine=events,way=.._up]");
        assert_eq!(id("echo", &BTreeMap::new()), "echo");
    }

    #[test]
    fn scenarios_of_one_name_are_told_apart() {
        let mut names = BTreeSet::new();
        let names: Vec<_> =
            ["x", "x.2", "x", "x"].into_iter().map(|name| fresh(name, &mut names)).collect();
        assert_eq!(names, ["x", "x.2", "x.3", "x.4"]);
    }

    #[test]
    fn cases_are_chosen_by_id_scenario_or_tag() {
        let chosen = |only: &str, id: &str| {
            chosen(&[only.to_owned()], id, id.split('[').next().unwrap_or(id), &["paper".into()])
        };
        assert!(chosen("echo", "echo-quit[a=b]"));
        assert!(chosen("echo-*", "echo-quit[a=b]"));
        assert!(chosen("paper", "echo-quit"));
        assert!(!chosen("count", "echo-quit"));
        assert!(!chosen("echo-?", "echo-quit"));
    }
}
