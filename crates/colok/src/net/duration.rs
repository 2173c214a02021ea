//! Lengths of time as people write them: `5s`, `100ms`, `2.5s`, `3m`, `1h`.

use std::time::Duration;

use thiserror::Error as ThisError;

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("`{text}` is not a length of time; write for example 5s, 100ms, 2.5s, 3m or 1h")]
pub struct DurationError {
    /// What was given.
    pub text: String,
}

/// Units and their length in nanoseconds.
const UNITS: [(&str, f64); 5] = [("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// The longest length of time taken: ten years. Longer ones are mistakes, and sums with them
/// could overflow.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// Reads a length of time: a number, whole or with a decimal point, and a unit (`us`, `ms`, `s`,
/// `m`, `h`); `0` needs no unit. At most ten years, to the microsecond.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    read(text).ok_or_else(|| DurationError { text: text.to_owned() })
}

fn read(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (_, nanos_per_unit) = UNITS.iter().find(|(unit, _)| *unit == &text[digits.len()..])?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let nanos = digits.parse::<f64>().ok()? * nanos_per_unit;
    let seconds = Duration::try_from_secs_f64(nanos / 1e9).ok()?;
    // As a text of whole microseconds it reads back the same; see `ServiceAddress`.
    let micros = (seconds.as_nanos() + 500) / 1000;
    let duration = Duration::from_micros(u64::try_from(micros).ok()?);
    (duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        assert_eq!(parse_duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_duration("2.5s"), Ok(Duration::from_millis(2500)));
        assert_eq!(parse_duration("3m"), Ok(Duration::from_mins(3)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("0.4us"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("1.6us"), Ok(Duration::from_micros(2)));
        for wrong in
            ["", "5", "s", "5 s", "-1s", "1e9s", "5sec", "nans", "infs", "99999h99", "1.2.3s"]
        {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert!(parse_duration("999999999h").is_err());
    }
}
