//! Words and figures that all forms of a result share: verdicts, times, names that belong together.
//!
//! Nothing is judged here. Texts of programs are made harmless, but not otherwise changed.

use std::time::Duration;

use colok::scenario::record::{Case, Totals, Verdict};

use crate::messages::{Id, Messages};
use crate::say;
use crate::units::duration_text;

/// Every verdict, the one that weighs most first.
pub(super) const VERDICTS: [Verdict; 5] =
    [Verdict::Fail, Verdict::Invalid, Verdict::Unknown, Verdict::Pass, Verdict::Skipped];

/// The word for people. The words of the JSON are the same in every language.
pub(super) fn verdict_word(verdict: Verdict, messages: &Messages) -> String {
    messages.text(match verdict {
        Verdict::Pass => Id::CheckPass,
        Verdict::Fail => Id::CheckFail,
        Verdict::Invalid => Id::CheckInvalid,
        Verdict::Unknown => Id::CheckUnknown,
        Verdict::Skipped => Id::CheckSkipped,
    })
}

/// How wide the longest of the words for these is.
pub(super) fn verdict_width(
    verdicts: impl IntoIterator<Item = Verdict>,
    messages: &Messages,
) -> usize {
    let widths = verdicts.into_iter().map(|it| verdict_word(it, messages).chars().count());
    widths.max().unwrap_or(0)
}

/// `5.2 s`, `80 ms`, `1 min 20 s`.
pub(super) fn seconds(seconds: f64) -> String {
    let length = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    // Thousandths of a millisecond tell nothing here.
    let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    duration_text(Duration::from_millis(millis))
}

/// `4 cases`
pub(super) fn cases_text(count: usize, messages: &Messages) -> String {
    say!(messages, Id::CheckCases, count = i64::try_from(count).unwrap_or(i64::MAX))
}

/// `90 pass, 2 fail, 5 skipped`: those that there are.
pub(super) fn totals_text(totals: &Totals, messages: &Messages) -> String {
    let counts = [
        (totals.pass, Verdict::Pass),
        (totals.fail, Verdict::Fail),
        (totals.invalid, Verdict::Invalid),
        (totals.unknown, Verdict::Unknown),
        (totals.skipped, Verdict::Skipped),
    ];
    let there = counts.iter().filter(|(count, _)| *count > 0);
    let texts =
        there.map(|(count, verdict)| format!("{count} {}", verdict_word(*verdict, messages)));
    texts.collect::<Vec<_>>().join(", ")
}

/// The cases of one scenario, in their order.
pub(super) struct Group<'a> {
    pub(super) scenario: &'a str,
    pub(super) file: &'a str,
    pub(super) title: &'a str,
    pub(super) cases: Vec<&'a Case>,
}

impl<'a> Group<'a> {
    /// The cases by scenario, in the order in which the scenarios first come.
    pub(super) fn all(cases: &'a [Case]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for case in cases {
            let same =
                |group: &&mut Self| group.scenario == case.scenario && group.file == case.file;
            match groups.iter_mut().find(same) {
                Some(group) => group.cases.push(case),
                None => groups.push(Self {
                    scenario: &case.scenario,
                    file: &case.file,
                    title: &case.title,
                    cases: vec![case],
                }),
            }
        }
        groups
    }

    /// The verdict of its cases that weighs most.
    pub(super) fn verdict(&self) -> Verdict {
        let there = |verdict: &&Verdict| self.count(**verdict) > 0;
        VERDICTS.iter().find(there).copied().unwrap_or(Verdict::Skipped)
    }

    /// How many cases have this verdict.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }

    /// How long its cases took, one after the other.
    pub(super) fn duration_s(&self) -> f64 {
        self.cases.iter().map(|case| case.duration_s).sum()
    }

    /// `4 cases` or `1 of 4 cases`, when its verdict is not that of all.
    pub(super) fn cases_text(&self, messages: &Messages) -> String {
        let all = self.cases.len();
        match self.count(self.verdict()) {
            some if some < all => {
                let of = cases_text(all, messages);
                say!(messages, Id::CheckOfCases, some = some.to_string(), cases = of)
            }
            _ => cases_text(all, messages),
        }
    }
}

/// A text of a program in which nothing can act on a terminal; newlines and tabs stay as they are.
/// A text that is harmless is not changed.
pub(super) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        // `escape_debug` also escapes quotes and backslashes, which harm nobody.
        if matches!(character, '\n' | '\t' | '"' | '\'' | '\\') {
            safe.push(character);
        } else {
            safe.extend(character.escape_debug());
        }
    }
    safe
}

/// The same on one line.
pub(super) fn one_line(text: &str) -> String {
    harmless(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// The beginning of a text, and how much there is more: nobody reads a megabyte.
pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => {
            let more = text[at..].chars().count();
            format!("{}... (+{more})", &text[..at])
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::case;
    use crate::messages::Language;

    #[test]
    fn a_group_weighs_what_its_worst_case_weighs() {
        let messages = Messages::new(Language::English);
        let cases = [
            case("a[x=1]", Verdict::Pass),
            case("b", Verdict::Skipped),
            case("a[x=2]", Verdict::Fail),
            case("a[x=3]", Verdict::Invalid),
        ];
        let groups = Group::all(&cases);
        let told: Vec<_> =
            groups.iter().map(|it| (it.scenario, it.verdict(), it.cases_text(&messages))).collect();
        assert_eq!(
            told,
            [
                ("a", Verdict::Fail, "1 of 3 cases".to_owned()),
                ("b", Verdict::Skipped, "1 case".to_owned())
            ]
        );
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (length, expected) in [
            (0.0804, "80 ms"),
            (5.24, "5.2 s"),
            (80.4, "1 min 20 s"),
            (0.0, "0 ms"),
            (-1.0, "0 ms"),
        ] {
            assert_eq!(seconds(length), expected);
        }
    }

    #[test]
    fn texts_are_made_harmless_once() {
        let text = "a\x1b[31m\r\tb\\n \"c\" é\u{202e}\n";
        let safe = harmless(text);
        assert_eq!(safe, "a\\u{1b}[31m\\r\tb\\n \"c\" é\\u{202e}\n");
        assert_eq!(harmless(&safe), safe);
        assert_eq!(one_line("a\nb"), "a\\nb");
        assert_eq!(clipped("abcdef", 4), "abcd... (+2)");
        assert_eq!(clipped("äbcd", 4), "äbcd");
    }
}
