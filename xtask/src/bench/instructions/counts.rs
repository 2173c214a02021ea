//! Counts of instructions as they are kept, and how two of them differ.
//!
//! The file is TOML with nothing in it but texts and numbers, so that reading it needs no library.
//! Nothing here runs anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// More than this is a failure, in percent of what is kept.
const OVER: f64 = 105.0;

/// Less than this is worth keeping, in percent of what is kept.
const UNDER: f64 = 95.0;

/// The head of the file.
const HEAD: &str = "\
# Instructions per round of each path of bench/micro, as callgrind counts them.
# Compared by `cargo xtask bench instructions`, made by the same with `--write`.
# They depend on the compiler, and on the processor only by its having AVX2 or not: that is all of
# it that valgrind passes on.
";

/// The section of the numbers.
const SECTION: &str = "[instructions]";

/// The number of instructions per round of every path.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// With what they were made; see [`maker`].
    pub(super) maker: String,
    /// By the name of the path.
    pub(super) of: BTreeMap<String, f64>,
}

impl Counts {
    /// Reads what [`Counts::text`] wrote.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut counts = Self::default();
        let said = |line: &&str| !line.is_empty() && !line.starts_with('#') && *line != SECTION;
        for line in text.lines().map(str::trim).filter(said) {
            let (name, value) = line.split_once('=').ok_or_else(|| format!("no value: {line}"))?;
            let (name, value) = (name.trim(), value.trim());
            if name == "maker" {
                value.trim_matches('"').clone_into(&mut counts.maker);
                continue;
            }
            let number = value.parse().map_err(|_| format!("not a number: {line}"))?;
            counts.of.insert(name.to_owned(), number);
        }
        Ok(counts)
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{HEAD}maker = \"{}\"\n\n{SECTION}\n", self.maker);
        for (name, count) in &self.of {
            let _ = writeln!(text, "{name} = {count:.1}");
        }
        text
    }

    /// Why these counts say nothing about others that `maker` makes, if they do not.
    pub(super) fn reason_not_to_compare(&self, maker: &str) -> Option<String> {
        let (own, other) = (&self.maker, maker);
        (own != other).then(|| format!("counts were made with {own}, and here is {other}"))
    }

    /// What became of each path.
    pub(super) fn compare(&self, now: &Self) -> Comparison {
        let names: BTreeSet<_> = self.of.keys().chain(now.of.keys()).collect();
        let change = |name: &String| Change {
            name: name.clone(),
            kept: self.of.get(name).copied(),
            now: now.of.get(name).copied(),
        };
        Comparison { changes: names.into_iter().map(change).collect() }
    }
}

/// Every path with both of its counts.
#[derive(Debug)]
pub(super) struct Comparison {
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    name: String,
    kept: Option<f64>,
    now: Option<f64>,
}

/// What a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Same,
    More,
    Fewer,
    /// Nothing is kept for it.
    New,
    /// It is kept and was not counted.
    Gone,
}

impl Change {
    fn percent(&self) -> Option<f64> {
        self.kept.zip(self.now).map(|(kept, now)| (now / kept - 1.0) * 100.0)
    }

    fn meaning(&self) -> Meaning {
        match (self.kept, self.now) {
            (None, _) => Meaning::New,
            (_, None) => Meaning::Gone,
            (Some(kept), Some(now)) if now * 100.0 > kept * OVER => Meaning::More,
            (Some(kept), Some(now)) if now * 100.0 < kept * UNDER => Meaning::Fewer,
            _ => Meaning::Same,
        }
    }
}

impl Comparison {
    /// A line for each path, and what to do about it.
    pub(super) fn table(&self) -> String {
        let mut text = format!("{:28}{:>10}{:>10}{:>9}\n", "instructions", "kept", "now", "");
        for change in &self.changes {
            let number = |count| format!("{count:.1}");
            let number = |count: Option<f64>| count.map_or("-".to_owned(), number);
            let percent = change.percent().map(|percent| format!("{percent:+.1} %"));
            let percent = percent.unwrap_or_default();
            let word = match change.meaning() {
                Meaning::Same => "",
                Meaning::More => "MORE",
                Meaning::Fewer => "fewer: renew",
                Meaning::New => "not kept yet",
                Meaning::Gone => "not counted",
            };
            let (kept, now) = (number(change.kept), number(change.now));
            let line = format!("{:28}{kept:>10}{now:>10}{percent:>9}  {word}", change.name);
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// Fails when a path takes more than it did, or the two lists differ.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let are = |meanings: &[Meaning]| {
            let chosen = self.changes.iter().filter(|one| meanings.contains(&one.meaning()));
            chosen.map(|change| change.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let renew = "if that is meant: cargo xtask bench instructions --write";
        let (more, differ) = (are(&[Meaning::More]), are(&[Meaning::New, Meaning::Gone]));
        if !more.is_empty() {
            return Err(format!("more than {OVER} % of what is kept: {more}; {renew}"));
        }
        if !differ.is_empty() {
            return Err(format!("kept or counted, but not both: {differ}; {renew}"));
        }
        Ok(())
    }
}

/// What makes counts, from what `rustc -vV` and `/proc/cpuinfo` say.
pub(super) fn maker(rustc: &str, processor: &str) -> String {
    let version = rustc.lines().next().unwrap_or_default().trim();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let wide = processor.split_ascii_whitespace().any(|word| word == "avx2");
    let with = if host.starts_with("x86_64") && !wide { " without avx2" } else { "" };
    format!("{version} on {host}{with}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, f64)]) -> Counts {
        let of = pairs.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        Counts { maker: "rustc 1".to_owned(), of }
    }

    #[test]
    fn what_was_written_is_read() {
        let counts = counts(&[("echo", 12.5), ("count", 7308.0)]);
        assert_eq!(Counts::parse(&counts.text()), Ok(counts));
        assert!(Counts::parse("echo").is_err());
        assert!(Counts::parse("echo = many").is_err());
    }

    #[test]
    fn names_are_sorted() {
        let text = counts(&[("b", 2.0), ("a", 1.0)]).text();
        assert!(text.ends_with("[instructions]\na = 1.0\nb = 2.0\n"), "{text}");
    }

    #[test]
    fn five_percent_are_tolerated_either_way() {
        let kept = counts(&[("a", 100.0), ("b", 100.0), ("c", 100.0), ("d", 100.0)]);
        let now = counts(&[("a", 105.0), ("b", 95.0), ("c", 94.9), ("d", 100.0)]);
        let comparison = kept.compare(&now);
        assert_eq!(comparison.verdict(), Ok(()));
        let table = comparison.table();
        assert!(table.contains("   100.0      94.9   -5.1 %  fewer: renew\n"), "{table}");
        assert_eq!(table.matches("renew").count(), 1, "{table}");
    }

    #[test]
    fn more_is_a_failure_that_says_how_to_renew() {
        let kept = counts(&[("a", 100.0), ("b", 100.0)]);
        let comparison = kept.compare(&counts(&[("a", 105.1), ("b", 100.0)]));
        assert!(comparison.table().contains("+5.1 %  MORE\n"));
        let problem = comparison.verdict().unwrap_err();
        assert!(problem.contains("kept: a;") && problem.contains("--write"), "{problem}");
    }

    #[test]
    fn a_path_without_its_count_is_a_failure() {
        let (one, other) = (counts(&[("a", 1.0)]), counts(&[("b", 1.0)]));
        let problem = one.compare(&other).verdict().unwrap_err();
        assert!(problem.contains("not both: a, b;"), "{problem}");
        let table = one.compare(&other).table();
        assert!(table.contains("not counted") && table.contains("not kept yet"), "{table}");
    }

    #[test]
    fn another_compiler_makes_other_counts() {
        let text = "rustc 1.95.0 (59807616e)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        let here = maker(text, "flags : avx avx2 bmi");
        assert_eq!(here, "rustc 1.95.0 (59807616e) on x86_64-unknown-linux-gnu");
        assert!(maker(text, "flags : avx").ends_with(" without avx2"));
        let kept = counts(&[]);
        assert_eq!(kept.reason_not_to_compare("rustc 1"), None);
        let reason = kept.reason_not_to_compare(&here).expect("they differ");
        assert!(reason.starts_with("counts were made with rustc 1, and here is"), "{reason}");
    }
}
