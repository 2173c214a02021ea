//! The values of the options of `colok load`: rates, sizes, percentages, lists of processors.

use colok::load::plan::{RATE_MAX, Sizes};
use colok::proto::MESSAGE_BYTES_MAX;

use crate::units::parse_size;

/// The most processors in a list, and the highest number of one.
const CORES_MAX: usize = 4096;

/// `150000`, `150k`, `1.5M`: messages per second.
pub(super) fn parse_rate(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        _ => return None,
    };
    let rate = parse_decimal(digits)? * factor;
    (rate > 0.0 && rate <= RATE_MAX).then_some(rate)
}

/// `2%`, `0.5%`, `2`: above zero and below a hundred.
pub(super) fn parse_percent(text: &str) -> Option<f64> {
    let percent = parse_decimal(text.strip_suffix('%').unwrap_or(text))?;
    (percent > 0.0 && percent < 100.0).then_some(percent)
}

/// Digits with at most one point: no signs, no exponents, no `inf`.
fn parse_decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain)
}

/// `64`, `4K`, `64-1K` (each as likely), `64:9,16K:1` (by weight).
pub(super) fn parse_sizes(text: &str) -> Option<Sizes> {
    if text.contains(':') {
        let one = |part: &str| {
            let (size, weight) = part.split_once(':')?;
            let weight = parse_decimal(weight).filter(|weight| *weight > 0.0)?;
            Some((parse_one_size(size)?, weight))
        };
        return text.split(',').map(one).collect::<Option<Vec<_>>>().map(Sizes::Weighted);
    }
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (parse_one_size(first)?, parse_one_size(last)?);
        return (first <= last).then_some(Sizes::Uniform(first, last));
    }
    parse_one_size(text).map(Sizes::Fixed)
}

fn parse_one_size(text: &str) -> Option<u32> {
    let size = u32::try_from(parse_size(text)?).ok()?;
    (1..=MESSAGE_BYTES_MAX).contains(&size).then_some(size)
}

/// `1`, `0-3`, `0,2`, `0-1,4`: processors, in this order, each once.
pub(super) fn parse_cores(text: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_core(first)?, parse_core(last)?);
        if first > last {
            return None;
        }
        for core in first..=last {
            if cores.contains(&core) {
                return None;
            }
            cores.push(core);
        }
    }
    Some(cores)
}

fn parse_core(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let core: u32 = text.parse().ok().filter(|_| plain)?;
    usize::try_from(core).is_ok_and(|core| core < CORES_MAX).then_some(core)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, expected) in [
            ("150000", Some(150_000.0)),
            ("150k", Some(150_000.0)),
            ("1.5M", Some(1_500_000.0)),
            ("0.5", Some(0.5)),
            ("0", None),
            ("-1", None),
            ("inf", None),
            ("1e6", None),
            ("5G", None),
            ("2000M", None),
            ("", None),
            ("k", None),
        ] {
            assert_eq!(parse_rate(text), expected, "{text}");
        }
    }

    #[test]
    fn percentages() {
        for (text, expected) in [
            ("2%", Some(2.0)),
            ("0.5%", Some(0.5)),
            ("2", Some(2.0)),
            ("0%", None),
            ("100%", None),
            ("-1%", None),
            ("NaN", None),
            ("%", None),
        ] {
            assert_eq!(parse_percent(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("64", Some(Sizes::Fixed(64))),
            ("4K", Some(Sizes::Fixed(4096))),
            ("64-1K", Some(Sizes::Uniform(64, 1024))),
            ("64:9,16K:1", Some(Sizes::Weighted(vec![(64, 9.0), (16_384, 1.0)]))),
            ("7:0.5", Some(Sizes::Weighted(vec![(7, 0.5)]))),
            ("0", None),
            ("1K-64", None),
            ("64:0", None),
            ("64:1,", None),
            ("64,128", None),
            ("16M", None),
            ("", None),
        ] {
            assert_eq!(parse_sizes(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_of_processors() {
        for (text, expected) in [
            ("1", Some(vec![1])),
            ("0-3", Some(vec![0, 1, 2, 3])),
            ("0,2", Some(vec![0, 2])),
            ("4,0-1", Some(vec![4, 0, 1])),
            ("3-0", None),
            ("0,0", None),
            ("0-1,1", None),
            ("+1", None),
            ("a", None),
            ("99999", None),
            ("0-4294967295", None),
            ("", None),
        ] {
            assert_eq!(parse_cores(text), expected, "{text}");
        }
    }
}
