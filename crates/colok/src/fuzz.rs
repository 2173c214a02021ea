//! What must hold for every text that people give us: the bodies of the fuzz targets, which the
//! property tests run too.
//!
//! Each takes any bytes and panics when something does not hold. No socket, no file, no name is
//! looked up.

use crate::client::{Pattern, unescape};
use crate::explain::{ServiceNames, explain};
use crate::net::duration::parse_duration;
use crate::net::service_address::{ServiceDefaults, parse_service_address};
use crate::net::url::Url;
use crate::observe::printable;
use crate::scenario::{fill, read};

/// Addresses, service addresses and lengths of time: reading never panics, and what was read,
/// written out and read again is the same.
pub fn check_addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = parse_duration(&text);
    let _ = explain(&text, &ServiceNames::built_in());
    if let Ok(url) = text.parse::<Url>() {
        // Names are escaped when written, so only those that need no escape read the same again.
        if !text.contains(|character: char| character.escape_debug().count() > 1) {
            assert_eq!(url.to_string().parse::<Url>().as_ref(), Ok(&url), "{text:?}");
        }
    }
    if let Ok(addresses) = parse_service_address(&text, ServiceDefaults::default()) {
        assert!(!addresses.is_empty(), "{text:?}");
    }
}

/// Script texts: reading never panics, a pattern without wildcards reads as a text does, and what
/// is shown of any bytes holds nothing that a terminal would act on.
pub fn check_scripts(data: &[u8]) {
    let shown = printable(data);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    let text = String::from_utf8_lossy(data);
    let (bytes, pattern) = (unescape(&text), Pattern::parse(&text));
    if !text.is_empty() && !text.contains(['*', '?']) {
        assert_eq!(bytes.is_ok(), pattern.is_ok(), "{text:?}");
    }
}

/// Scenario files: reading never panics and is bounded; it gives a scenario that has cases, or
/// problems that have a place in the text. A text that is written to be itself is itself.
pub fn check_scenarios(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match read::scenario(&text) {
        Ok(scenario) => {
            let cases = fill::cases(&scenario).len();
            assert!((1..=read::CASES_MAX).contains(&cases), "{cases} cases: {text:?}");
        }
        Err(problems) => {
            assert!((1..=read::PROBLEMS_MAX).contains(&problems.len()), "{text:?}");
            assert!(problems.iter().all(|problem| problem.offset <= text.len()), "{text:?}");
        }
    }
    assert_eq!(fill::unfilled(&fill::literal(&text)).as_deref(), Some(&*text), "{text:?}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            check_addresses(&data);
            check_scripts(&data);
            check_scenarios(&data);
        }

        #[test]
        fn likely_scenarios(lines in proptest::collection::vec(
            "(\\[\\[(step|file)\\]\\]|\\[(network|hosts|matrix|step\\.expect|step\\.relay)\\]|\
             (title|run|start|wait|fault|relay|path|text|at_once|copies|expect|exit|a|host) = \
             (\"[a-z0-9{}.:/]{0,8}\"|[0-9]{1,3}|\\{\\}|\\[\\]|\\{ cut = 3 \\}|\\[\"a\", \"b\"\\]))",
            0..12,
        )) {
            check_scenarios(lines.join("\n").as_bytes());
            check_scenarios(format!("title = \"x\"\n{}", lines.join("\n")).as_bytes());
        }

        #[test]
        fn likely_addresses(
            start in "(tcp|udp|unix|echo|count)?(=|:|://)?",
            place in "[a-z0-9:.@%/\\[\\]*-]{0,30}",
            query in "(\\?[a-z]{2,5}=[a-z0-9]{0,5})?",
        ) {
            check_addresses(format!("{start}{place}{query}").as_bytes());
        }
    }
}
