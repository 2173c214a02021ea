//! Two secrets: the one a server asks for, and the one that makes broken uploads ours.
//!
//! Neither is ever shown. An upload's token is derived from the secret and from what identifies
//! the file, so the next process finds the same token without anything kept for each upload.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use colok_proto::files::{Name, UploadToken};
use rustix::io::Errno;
use thiserror::Error as ThisError;

use super::problem::FilesError;

/// Bytes of an [`UploadSecret`]: the key size of BLAKE3.
const SECRET_BYTES: usize = 32;

/// The most bytes of an [`AccessToken`]; encoded it must fit a header line with room to spare.
const ACCESS_TOKEN_BYTES_MAX: usize = 1024;

/// What a server asks for before it lets us write.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(Box<str>);

/// A text that cannot be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[error("a token is one line of 1 to {ACCESS_TOKEN_BYTES_MAX} bytes without control characters")]
pub struct SecretError;

impl AccessToken {
    /// Checks a text; a newline at its end, as editors leave it, is not part of it.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let fits = (1..=ACCESS_TOKEN_BYTES_MAX).contains(&text.len());
        let plain = !text.chars().any(char::is_control);
        if fits && plain { Ok(Self(text.into())) } else { Err(SecretError) }
    }

    /// The text, for the wire.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken")
    }
}

/// The secret of a user from which the tokens of uploads are derived.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadSecret([u8; SECRET_BYTES]);

impl fmt::Debug for UploadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadSecret")
    }
}

impl UploadSecret {
    /// Reads the secret of a file, or makes both when there is no such file: 32 random bytes that
    /// only their owner can read. Two processes that make it at once end up with the same.
    pub fn load_or_create(path: &Path) -> Result<Self, FilesError> {
        if let Some(secret) = Self::load(path)? {
            return Ok(secret);
        }
        Self::create(path)?;
        Self::load(path)?.ok_or_else(|| FilesError::local("open", path, Errno::NOENT))
    }

    fn load(path: &Path) -> Result<Option<Self>, FilesError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", path, &error)),
        };
        let mut secret = [0; SECRET_BYTES];
        file.read_exact(&mut secret).map_err(|error| failed("read", path, &error))?;
        Ok(Some(Self(secret)))
    }

    /// Writes a new secret beside its place and gives it its name, unless another was faster.
    fn create(path: &Path) -> Result<(), FilesError> {
        let create_failed = |error: &std::io::Error| failed("create", path, error);
        if let Some(directory) = path.parent() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|error| create_failed(&error))?;
        }
        let mut secret = [0; SECRET_BYTES];
        let random =
            File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut secret));
        random.map_err(|error| failed("read", Path::new("/dev/urandom"), &error))?;
        let beside = path.with_extension(format!("new-{}", std::process::id()));
        let written = File::options().write(true).create_new(true).mode(0o600).open(&beside);
        let written = written.and_then(|mut file| {
            file.write_all(&secret)?;
            // A name without bytes, after a loss of power, would be no secret for ever.
            file.sync_all()
        });
        let linked = written.and_then(|()| std::fs::hard_link(&beside, path));
        // Whatever happened, the file beside has done its work.
        let _ = std::fs::remove_file(&beside);
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(create_failed(&error)),
            _ => Ok(()),
        }
    }

    /// The token of the upload of one state of one file to one name of one server.
    pub(super) fn token(&self, upload: &UploadIdentity<'_>) -> Option<UploadToken> {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for text in [upload.server, upload.name.as_str()] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        for number in [upload.device, upload.inode, upload.size] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&upload.modified.0.to_le_bytes());
        hasher.update(&upload.modified.1.to_le_bytes());
        UploadToken::new(&hasher.finalize().to_hex())
    }
}

/// What identifies an upload: another file, or the same one changed, has another token.
#[derive(Clone, Copy, Debug)]
pub(super) struct UploadIdentity<'a> {
    /// The server as a URL.
    pub(super) server: &'a str,
    pub(super) name: &'a Name,
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    /// Seconds and nanoseconds.
    pub(super) modified: (i64, u64),
}

fn failed(action: &'static str, path: &Path, error: &std::io::Error) -> FilesError {
    FilesError::local(action, path, Errno::from_io_error(error).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::client::files::tests::script::Folder;

    #[test]
    fn a_secret_is_made_once_for_its_owner_only() {
        let folder = Folder::new();
        let path = folder.path("state/colok/secret");
        let made = UploadSecret::load_or_create(&path).expect("it can be made");
        assert_eq!(UploadSecret::load_or_create(&path).expect("it is there"), made);
        let permissions = std::fs::metadata(&path).expect("it is there").permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        assert_eq!(format!("{made:?}"), "UploadSecret");
        let other = UploadSecret::load_or_create(&folder.path("other")).expect("it can be made");
        assert!(made != other);
        folder.write("short", b"not 32 bytes");
        let error = UploadSecret::load_or_create(&folder.path("short")).expect_err("it is short");
        assert!(error.to_string().starts_with("read file"), "{error}");
    }

    #[test]
    fn every_file_state_and_place_has_a_token_of_its_own() {
        let name = |text| Name::new(text).expect("it is a name");
        let (one, other) = (name("one"), name("other"));
        let secret = UploadSecret([7; SECRET_BYTES]);
        let base = UploadIdentity {
            server: "tcp://a:1",
            name: &one,
            device: 1,
            inode: 2,
            size: 3,
            modified: (4, 5),
        };
        let identities = [
            base,
            UploadIdentity { server: "tcp://b:1", ..base },
            UploadIdentity { name: &other, ..base },
            UploadIdentity { device: 2, ..base },
            UploadIdentity { inode: 1, ..base },
            UploadIdentity { size: 4, ..base },
            UploadIdentity { modified: (5, 4), ..base },
        ];
        let token = |secret: &UploadSecret, identity| {
            let token = secret.token(identity).expect("it has the right form");
            token.as_str().to_owned()
        };
        let mut tokens: Vec<_> = identities.iter().map(|one| token(&secret, one)).collect();
        assert_eq!(tokens[0], token(&secret, &base), "it is found again");
        tokens.push(token(&UploadSecret([8; SECRET_BYTES]), &base));
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), identities.len() + 1);
    }
}
