//! What is outside of limits and ranges.

use serde_json::Value;

use crate::scenario::file::Limit;

/// Whether a number is in one of these ranges.
pub(super) fn is_among(number: i64, ranges: &[(i64, i64)]) -> bool {
    ranges.iter().any(|&(least, most)| (least..=most).contains(&number))
}

/// The ranges between `least` and `most` of what is in none of `ranges`.
pub(super) fn rest(ranges: &[(i64, i64)], least: i64, most: i64) -> Vec<(i64, i64)> {
    let mut ranges = ranges.to_vec();
    ranges.sort_unstable();
    let mut rest = Vec::new();
    let mut from = Some(least);
    for (first, last) in ranges {
        let Some(begin) = from else { break };
        if begin < first && begin <= most {
            rest.push((begin, (first - 1).min(most)));
        }
        from = last.checked_add(1).map(|next| next.max(begin));
    }
    rest.extend(from.filter(|from| *from <= most).map(|from| (from, most)));
    rest
}

/// Limits that none of these values is within, though some of them are within `limit`; `marker` is
/// a text that is in none of them.
pub(super) fn beyond(limit: &Limit, values: &[&Value], marker: &str) -> Vec<Limit> {
    match limit {
        Limit::Truth(truth) if values.iter().all(|value| value.as_bool() == Some(*truth)) => {
            vec![Limit::Truth(!truth)]
        }
        Limit::Truth(_) => vec![Limit::Text(marker.to_owned())],
        Limit::Text(pattern) => {
            vec![
                Limit::Text(format!("{pattern}{marker}")),
                Limit::Text(format!("{marker}{pattern}")),
            ]
        }
        Limit::Range { least, most } => {
            let numbers = || values.iter().filter_map(|value| value.as_f64());
            let below = numbers().fold(*least, f64::min).next_down();
            let above = numbers().fold(*most, f64::max).next_up();
            let mut limits = Vec::new();
            if *least > f64::NEG_INFINITY {
                limits.push(Limit::Range { least: f64::NEG_INFINITY, most: below });
            }
            if *most < f64::INFINITY {
                limits.push(Limit::Range { least: above, most: f64::INFINITY });
            }
            limits
        }
    }
}
