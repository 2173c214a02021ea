//! What the file store does, in words for the activity log.
//!
//! The words of the paper (seed 004) are part of a contract: they are the same in every language.

use std::net::SocketAddr;

use colok::observe::FileEvent;

use crate::messages::{Id, Messages};
use crate::say;

/// `Connection from address A port P`; a Unix socket has no port.
pub(super) fn accepted(remote: &str) -> String {
    match remote.parse::<SocketAddr>() {
        Ok(remote) => {
            let address = remote.ip().to_canonical();
            format!("Connection from address {address} port {}", remote.port())
        }
        Err(_) => format!("Connection from address {remote}"),
    }
}

/// What was done for a client. The library has made the names printable.
pub(super) fn happened(event: &FileEvent, messages: &Messages) -> String {
    match event {
        FileEvent::Read { name } => format!("server read {name}"),
        FileEvent::Missing { offset: 0, .. } => "file do not exist, get it from client".to_owned(),
        FileEvent::Missing { name, offset } => {
            let offset = offset.to_string();
            say!(messages, Id::LogFileResumed, name = name.as_str(), offset = offset)
        }
        FileEvent::Copied { name, bytes } => format!("copied {bytes} bytes ({name})"),
        FileEvent::HaveIt { name } => say!(messages, Id::LogFileHaveIt, name = name.as_str()),
        FileEvent::NameTaken { name } => say!(messages, Id::LogFileNameTaken, name = name.as_str()),
        FileEvent::NotStored { name, reason } => {
            say!(messages, Id::LogFileNotStored, name = name.as_str(), reason = reason.as_str())
        }
        FileEvent::Opened { name, bytes } => {
            let bytes = bytes.to_string();
            say!(messages, Id::LogFileOpened, name = name.as_str(), bytes = bytes)
        }
        FileEvent::Damaged { name } => say!(messages, Id::LogFileDamaged, name = name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_kind() {
        for (remote, expected) in [
            ("192.168.10.24:25563", "Connection from address 192.168.10.24 port 25563"),
            ("[::1]:4000", "Connection from address ::1 port 4000"),
            ("[::ffff:127.0.0.1]:7", "Connection from address 127.0.0.1 port 7"),
            ("unix:(unnamed)", "Connection from address unix:(unnamed)"),
        ] {
            assert_eq!(accepted(remote), expected);
        }
    }
}
