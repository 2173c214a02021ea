//! Error numbers of the system: their names (`ECONNREFUSED`) and texts (`Connection refused`).

use rustix::io::Errno;

/// The names of the errors that socket calls have (errno(3)).
const NAMES: &[(Errno, &str)] = &[
    (Errno::ACCESS, "EACCES"),
    (Errno::ADDRINUSE, "EADDRINUSE"),
    (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Errno::AFNOSUPPORT, "EAFNOSUPPORT"),
    (Errno::AGAIN, "EAGAIN"),
    (Errno::ALREADY, "EALREADY"),
    (Errno::BADF, "EBADF"),
    (Errno::CONNABORTED, "ECONNABORTED"),
    (Errno::CONNREFUSED, "ECONNREFUSED"),
    (Errno::CONNRESET, "ECONNRESET"),
    (Errno::DESTADDRREQ, "EDESTADDRREQ"),
    (Errno::EXIST, "EEXIST"),
    (Errno::FAULT, "EFAULT"),
    (Errno::HOSTDOWN, "EHOSTDOWN"),
    (Errno::HOSTUNREACH, "EHOSTUNREACH"),
    (Errno::INPROGRESS, "EINPROGRESS"),
    (Errno::INTR, "EINTR"),
    (Errno::INVAL, "EINVAL"),
    (Errno::IO, "EIO"),
    (Errno::ISCONN, "EISCONN"),
    (Errno::MFILE, "EMFILE"),
    (Errno::MSGSIZE, "EMSGSIZE"),
    (Errno::NETDOWN, "ENETDOWN"),
    (Errno::NETRESET, "ENETRESET"),
    (Errno::NETUNREACH, "ENETUNREACH"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NOBUFS, "ENOBUFS"),
    (Errno::NODEV, "ENODEV"),
    (Errno::NOENT, "ENOENT"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::NOPROTOOPT, "ENOPROTOOPT"),
    (Errno::NOTCONN, "ENOTCONN"),
    (Errno::NOTSOCK, "ENOTSOCK"),
    (Errno::OPNOTSUPP, "EOPNOTSUPP"),
    (Errno::PERM, "EPERM"),
    (Errno::PIPE, "EPIPE"),
    (Errno::PROTO, "EPROTO"),
    (Errno::PROTONOSUPPORT, "EPROTONOSUPPORT"),
    (Errno::PROTOTYPE, "EPROTOTYPE"),
    (Errno::TIMEDOUT, "ETIMEDOUT"),
];

/// `ECONNREFUSED`; of one that is not in the table, `errno 123`.
pub(crate) fn errno_name(number: i32) -> String {
    let found = NAMES.iter().find(|(errno, _)| errno.raw_os_error() == number);
    found.map_or_else(|| format!("errno {number}"), |(_, name)| (*name).to_owned())
}

/// `Connection refused`: the system's text, without the number that Rust adds.
pub(crate) fn errno_text(number: i32) -> String {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    let end = text.rfind(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// The error of this name, as far as socket calls have it.
pub(crate) fn errno_named(name: &str) -> Option<Errno> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(errno, _)| *errno)
}

/// `Connection refused` for `ECONNREFUSED`.
pub(crate) fn errno_text_of_name(name: &str) -> Option<String> {
    errno_named(name).map(|errno| errno_text(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts() {
        assert_eq!(errno_name(Errno::CONNREFUSED.raw_os_error()), "ECONNREFUSED");
        assert_eq!(errno_name(4000), "errno 4000");
        assert_eq!(errno_named("ECONNRESET"), Some(Errno::CONNRESET));
        assert_eq!(errno_text_of_name("nonsense"), None);
        assert_eq!(errno_text(Errno::ADDRINUSE.raw_os_error()), "Address already in use");
    }
}
