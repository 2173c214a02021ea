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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            check_addresses(&data);
            check_scripts(&data);
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
