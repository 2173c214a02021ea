//! Error numbers of the system: their names (`ECONNREFUSED`) and texts (`Connection refused`).

pub(crate) use colok::observe::{errno_name, errno_named};

/// `Connection refused`: the system's text, without the number that Rust adds.
pub(crate) fn errno_text(number: i32) -> String {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    let end = text.rfind(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// `Connection refused` for `ECONNREFUSED`.
pub(crate) fn errno_text_of_name(name: &str) -> Option<String> {
    errno_named(name).map(|errno| errno_text(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn names_and_texts() {
        assert_eq!(
            errno_text_of_name("ECONNREFUSED"),
            Some(errno_text(Errno::CONNREFUSED.raw_os_error()))
        );
        assert_eq!(errno_text_of_name("nonsense"), None);
        assert_eq!(errno_text(Errno::ADDRINUSE.raw_os_error()), "Address already in use");
    }
}
