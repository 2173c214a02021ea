//! Lengths of time, points in time and sizes as people read and write them.

use std::time::Duration;

/// `3.2 s`, `50 ms`, `0.08 ms`, `2 min 5 s`; two significant digits are enough below a second.
pub(crate) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 3600 {
        return match (seconds / 3600, seconds / 60 % 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        };
    }
    if seconds >= 60 {
        return match (seconds / 60, seconds % 60) {
            (minutes, 0) => format!("{minutes} min"),
            (minutes, rest) => format!("{minutes} min {rest} s"),
        };
    }
    if seconds >= 1 {
        return if duration.subsec_nanos() == 0 {
            format!("{seconds} s")
        } else {
            format!("{:.1} s", duration.as_secs_f64())
        };
    }
    let millis = duration.as_secs_f64() * 1e3;
    let whole = duration.subsec_nanos().is_multiple_of(1_000_000);
    if millis >= 10.0 || whole {
        format!("{millis:.0} ms")
    } else if millis >= 0.01 {
        format!("{millis:.2} ms")
    } else {
        format!("{millis:.3} ms")
    }
}

/// Letters of units of 1024 bytes, 1024 of those, and so on.
const SIZE_LETTERS: &str = "KMGT";

/// `17 B`, `4.0 KiB`, `1.5 GiB`.
pub(crate) fn size_text(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    #[expect(clippy::cast_precision_loss, reason = "two significant digits are shown")]
    let mut value = bytes as f64 / 1024.0;
    // What would be rounded to 1024 is one of the next unit.
    while value >= 1023.95 && unit + 1 < SIZE_LETTERS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}iB", &SIZE_LETTERS[unit..=unit])
}

/// Reads `4096`, `64K`, `1.5G`, `10GiB`: units are powers of 1024. `None` for anything else.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let power = match unit.strip_suffix("iB").or(unit.strip_suffix('B')).unwrap_or(unit) {
        "" if unit != "iB" => 0,
        letter => {
            let at = SIZE_LETTERS.find(&letter.to_ascii_uppercase())?;
            u32::try_from(at + 1).ok().filter(|_| letter.len() == 1)?
        }
    };
    let factor = 1024_u64.pow(power);
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than that are no more exact, and would overflow.
    if !digits(whole) || !digits(part) || part.len() > 6 || (power == 0 && number.contains('.')) {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let part_max = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let part = u128::from(part.parse::<u64>().ok()?) * u128::from(factor) / part_max;
    whole.checked_add(u64::try_from(part).ok()?)
}

const MICROS_PER_SECOND: u64 = 1_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// RFC 3339 in UTC with microseconds: `2026-11-20T06:12:01.000123Z`.
pub(crate) fn rfc3339(unix_micros: u64) -> String {
    let seconds = unix_micros / MICROS_PER_SECOND;
    let (year, month, day) = civil_date(seconds / SECONDS_PER_DAY);
    let clock = clock_text(seconds);
    let micros = unix_micros % MICROS_PER_SECOND;
    format!("{year:04}-{month:02}-{day:02}T{clock}.{micros:06}Z")
}

/// RFC 3339 in UTC with seconds: `2026-11-20T06:12:01Z`; before 1970 the number of seconds.
pub(crate) fn rfc3339_seconds(unix_seconds: i64) -> String {
    let Ok(seconds) = u64::try_from(unix_seconds) else { return format!("@{unix_seconds}") };
    let (year, month, day) = civil_date(seconds / SECONDS_PER_DAY);
    format!("{year:04}-{month:02}-{day:02}T{}Z", clock_text(seconds))
}

/// `06:12:01`, of seconds since midnight or since 1970.
pub(crate) fn clock_text(seconds: u64) -> String {
    let of_day = seconds % SECONDS_PER_DAY;
    format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar. The method counts
/// from March, so that the leap day is a year's last (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`).
fn civil_date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468; // since 0000-03-01
    let era = days / 146_097; // of 400 years
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (micros, expected) in [
            (1, "0.001 ms"),
            (80, "0.08 ms"),
            (1_000, "1 ms"),
            (50_000, "50 ms"),
            (999_000, "999 ms"),
            (1_000_000, "1 s"),
            (3_200_000, "3.2 s"),
            (60_000_000, "1 min"),
            (125_000_000, "2 min 5 s"),
            (3_600_000_000, "1 h"),
            (11_100_000_000, "3 h 5 min"),
        ] {
            assert_eq!(duration_text(Duration::from_micros(micros)), expected);
        }
    }

    #[test]
    fn points_in_time() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        // `date -u -d @1709210096` and `@4107542399`.
        assert_eq!(rfc3339(1_709_210_096_000_123), "2024-02-29T12:34:56.000123Z");
        assert_eq!(rfc3339(4_107_542_399_999_999), "2100-02-28T23:59:59.999999Z");
    }

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (10 << 30, "10.0 GiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(size_text(bytes), expected);
        }
        for (text, expected) in [
            ("0", Some(0)),
            ("17", Some(17)),
            ("17B", Some(17)),
            ("64K", Some(65_536)),
            ("64k", Some(65_536)),
            ("64KiB", Some(65_536)),
            ("1.5G", Some(1_610_612_736)),
            ("2TB", Some(2 << 40)),
            ("16777215T", Some(16_777_215 << 40)),
            ("16777216T", None),
            ("1.5", None),
            ("1.", None),
            (".5K", None),
            ("K", None),
            ("iB", None),
            ("1iB", None),
            ("1KM", None),
            ("-1", None),
            ("1 K", None),
            ("", None),
        ] {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }
}
