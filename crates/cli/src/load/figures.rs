//! Figures of a load as people read them: three digits that mean something, one unit each.

use std::fmt::Write as _;

/// `0.85 us`, `610 us`, `1.20 ms`, `3.10 s`: a time given in microseconds.
pub(super) fn time(us: f64) -> String {
    if us == 0.0 {
        return "0 us".to_owned();
    }
    let units = [(1.0, "us"), (1e3, "ms"), (1e6, "s")];
    let fits = units.iter().find(|(factor, _)| us / factor < 999.5);
    let (factor, unit) = *fits.unwrap_or(&units[2]);
    format!("{} {unit}", three_digits(us / factor))
}

/// `850`, `9.85k`, `102k`, `1.02M`: so many, or so many per second.
pub(super) fn many(number: f64) -> String {
    let units = [(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")];
    let fits = units.iter().find(|(factor, _)| number / factor < 999.5);
    let (factor, unit) = *fits.unwrap_or(&units[3]);
    if unit.is_empty() && number.fract() == 0.0 {
        return format!("{number:.0}");
    }
    format!("{}{unit}", three_digits(number / factor))
}

/// `0.78k` and `1.18k`: two ends in the unit of the larger, so that they can be compared at sight.
pub(super) fn many_between(low: f64, high: f64) -> (String, String) {
    between(low, high, &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")])
}

/// `0.79 GB/s` and `1.37 GB/s`: the same for bytes.
pub(super) fn bytes_between(low: f64, high: f64) -> (String, String) {
    let units = [(1.0, " B/s"), (1e3, " kB/s"), (1e6, " MB/s"), (1e9, " GB/s")];
    between(low, high, &units)
}

fn between(low: f64, high: f64, units: &[(f64, &str); 4]) -> (String, String) {
    let fits = units.iter().find(|(factor, _)| high / factor < 999.5);
    let (factor, unit) = *fits.unwrap_or(&units[3]);
    let digits = match high / factor {
        high if high >= 99.95 => 0,
        high if high >= 9.995 => 1,
        _ => 2,
    };
    let shown = |value: f64| match value / factor {
        value if value <= 0.0 => format!("0{unit}"),
        value => format!("{value:.digits$}{unit}"),
    };
    (shown(low), shown(high))
}

/// `512 B/s`, `6.55 MB/s`: decimal units, as networks are measured.
pub(super) fn bytes_per_second(bytes: f64) -> String {
    let units = [(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")];
    let fits = units.iter().find(|(factor, _)| bytes / factor < 999.5);
    let (factor, unit) = *fits.unwrap_or(&units[3]);
    format!("{} {unit}/s", three_digits(bytes / factor))
}

/// `1 000 000`: an exact count, in groups of three.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `1.2 %`, `0.04 %`, `98 %`.
pub(super) fn percent(percent: f64) -> String {
    let text = if percent >= 10.0 {
        format!("{percent:.0}")
    } else if percent >= 0.095 || percent <= 0.0 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.2}")
    };
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// `99.9 %`, with no digit too many: the name of a percentile.
pub(super) fn percentile(percentile: f64) -> String {
    let mut text = String::new();
    // The shortest text that reads back the same.
    let _ = write!(text, "{percentile} %");
    text
}

fn three_digits(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number >= 99.95 {
        format!("{number:.0}")
    } else if number >= 9.995 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_one_unit() {
        for (us, expected) in [
            (0.0, "0 us"),
            (0.85, "0.85 us"),
            (12.34, "12.3 us"),
            (99.96, "100 us"),
            (610.4, "610 us"),
            (999.4, "999 us"),
            (999.6, "1.00 ms"),
            (1200.0, "1.20 ms"),
            (98_765.0, "98.8 ms"),
            (3_100_000.0, "3.10 s"),
            (4_000_000_000.0, "4000 s"),
        ] {
            assert_eq!(time(us), expected);
        }
    }

    #[test]
    fn rates_and_counts() {
        for (number, expected) in [
            (0.0, "0"),
            (7.0, "7"),
            (7.25, "7.25"),
            (850.0, "850"),
            (999.7, "1.00k"),
            (9_850.0, "9.85k"),
            (102_400.0, "102k"),
            (1_020_000.0, "1.02M"),
            (2.5e12, "2500G"),
        ] {
            assert_eq!(many(number), expected);
        }
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")]
        {
            assert_eq!(count(number), expected);
        }
        assert_eq!(bytes_per_second(6_553_600.0), "6.55 MB/s");
        assert_eq!(bytes_per_second(12.0), "12.0 B/s");
        assert_eq!(bytes_per_second(0.0), "0 B/s");
    }

    #[test]
    fn the_ends_of_a_range_have_one_unit() {
        for (low, high, expected) in [
            (776.0, 1_180.0, ("0.78k", "1.18k")),
            (101_000.0, 114_400.0, ("101k", "114k")),
            (0.0, 42.0, ("0", "42.0")),
        ] {
            let (low, high) = many_between(low, high);
            assert_eq!((low.as_str(), high.as_str()), expected);
        }
        let (low, high) = bytes_between(7.9e8, 1.37e9);
        assert_eq!((low.as_str(), high.as_str()), ("0.79 GB/s", "1.37 GB/s"));
    }

    #[test]
    fn percentages() {
        for (number, expected) in
            [(0.0, "0 %"), (0.04, "0.04 %"), (1.23, "1.2 %"), (2.0, "2 %"), (97.6, "98 %")]
        {
            assert_eq!(percent(number), expected);
        }
        assert_eq!(percentile(50.0), "50 %");
        assert_eq!(percentile(99.999), "99.999 %");
    }
}
