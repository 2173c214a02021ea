//! Lengths of time and points in time as people read them.

use std::time::Duration;

/// `3.2 s`, `50 ms`, `0.08 ms`, `2 min 5 s`; two significant digits are enough below a second.
pub(crate) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
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
}
