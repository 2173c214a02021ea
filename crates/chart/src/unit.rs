//! Values as people read them on axes and in labels.

/// What a value is, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// As it is: `0.5`, `12`, `1500`.
    Plain,
    /// Large counts with `k`, `M`, `G`: `950`, `1.5k`, `200k`.
    Count,
    /// Given in microseconds, written in `ns`, `µs`, `ms` or `s`.
    Microseconds,
    /// Given in bytes, written with `KiB`, `MiB`, `GiB`.
    Bytes,
    /// A percentile: `50 %`, `99.99 %`.
    Percent,
}

impl Unit {
    /// The value with three significant digits (percentiles with all of theirs).
    pub fn text(self, value: f64) -> String {
        match self {
            _ if value == 0.0 && self != Self::Percent => "0".to_owned(),
            Self::Plain => significant(value),
            Self::Count => scaled(value, 1000.0, &["", "k", "M", "G", "T"]),
            Self::Microseconds if value.abs() < 0.9995 => {
                format!("{} ns", significant(value * 1e3))
            }
            Self::Microseconds => scaled(value, 1000.0, &[" µs", " ms", " s"]),
            Self::Bytes => scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB"]),
            Self::Percent => format!("{} %", trimmed(&format!("{value:.7}"))),
        }
    }
}

fn scaled(value: f64, step: f64, suffixes: &[&str]) -> String {
    let mut value = value;
    let mut at = 0;
    // What three digits would round up to the step belongs to the next suffix.
    while value.abs() >= step * 0.9995 && at + 1 < suffixes.len() {
        value /= step;
        at += 1;
    }
    format!("{}{}", significant(value), suffixes[at])
}

/// Three significant digits, without zeros that say nothing; powers where a number gets too long.
fn significant(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e9).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 99.95 {
        format!("{value:.0}")
    } else if size >= 9.995 {
        trimmed(&format!("{value:.1}"))
    } else if size >= 0.9995 {
        trimmed(&format!("{value:.2}"))
    } else {
        trimmed(&format!("{value:.4}"))
    }
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}
