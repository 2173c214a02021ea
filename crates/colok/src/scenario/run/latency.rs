//! Lengths of time that clients told in their logs: how long a reply took, and a connection.
//!
//! Nothing is measured here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::scenario::record::Latency;

/// The most points of one step and kind; a plot shows no more.
const POINTS_MAX: usize = 1000;

/// Collects what the logs of clients tell.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    points: BTreeMap<(String, &'static str), Vec<(f64, f64)>>,
}

impl Latencies {
    /// Takes the log of a program of this step.
    pub(super) fn add(&mut self, step: &str, events: &[Value], began_unix_us: u64) {
        for event in events {
            let what = match event["event"].as_str() {
                Some("answered") => "reply",
                Some("connected") => "connect",
                _ => continue,
            };
            let (Some(took_us), Some(end_us)) = (event["duration_us"].as_f64(), time_us(event))
            else {
                continue;
            };
            let start_s = super::program::seconds(end_us, began_unix_us) - took_us / 1e6;
            let points = self.points.entry((step.to_owned(), what)).or_default();
            points.push((start_s.max(0.0), took_us));
        }
    }

    /// What was collected, in the order of time, not more of each than a plot shows.
    pub(super) fn finish(self) -> Vec<Latency> {
        let all = self.points.into_iter().map(|((step, what), mut points)| {
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            Latency { step, what: what.to_owned(), points: thinned(points) }
        });
        all.collect()
    }
}

/// At most as many points as a plot shows, evenly chosen, the first and the last among them.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= POINTS_MAX {
        return points;
    }
    let last = points.len() - 1;
    (0..POINTS_MAX).map(|at| points[at * last / (POINTS_MAX - 1)]).collect()
}

/// When an event happened, in microseconds since 1970.
fn time_us(event: &Value) -> Option<u64> {
    event["time_unix_us"].as_u64().or_else(|| unix_us(event["time"].as_str()?))
}

/// Microseconds since 1970 of a time in UTC as logs have it: `2026-01-31T23:59:59.123456Z`.
fn unix_us(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let seconds = ((days(year, month, day)? * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + digits.parse::<u64>().ok()?)
}

/// Days from 1970-01-01 to a date. Years begin in March here, so that the day that a leap year has
/// more is the last one.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    // March to January have lengths that repeat every five months: 31, 30, 31, 30, 31.
    let of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    (year * 365 + leaps + of_year).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_logs_are_read() {
        assert_eq!(unix_us("1970-01-01T00:00:00.000001Z"), Some(1));
        assert_eq!(unix_us("2000-02-29T00:00:00Z"), Some(951_782_400_000_000));
        assert_eq!(unix_us("2100-03-01T00:00:00.5Z"), Some(4_107_542_400_500_000));
        assert_eq!(unix_us("yesterday"), None);
        assert_eq!(unix_us("2000-02-29 00:00:00Z"), None);
    }

    #[test]
    fn points_begin_when_what_they_tell_of_began() {
        let mut latencies = Latencies::default();
        let event = json!({
            "time": "1970-01-01T00:00:03.000000Z", "event": "answered", "duration_us": 500_000
        });
        latencies.add("client", &[event, json!({ "event": "closed" })], 1_000_000);
        let found = latencies.finish();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].step.as_str(), found[0].what.as_str()), ("client", "reply"));
        assert_eq!(found[0].points, [(1.5, 500_000.0)]);
    }

    #[test]
    fn many_points_are_thinned_evenly() {
        let points: Vec<_> = (0..5000).map(|at| (f64::from(at), 1.0)).collect();
        let thin = thinned(points);
        assert_eq!(thin.len(), POINTS_MAX);
        assert_eq!((thin[0].0, thin[POINTS_MAX - 1].0), (0.0, 4999.0));
        assert!(thin.windows(2).all(|pair| (5.0..=6.0).contains(&(pair[1].0 - pair[0].0))));
    }
}
