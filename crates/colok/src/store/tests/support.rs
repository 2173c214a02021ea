//! What the tests of the store share: a directory that goes away, and requests as functions.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use colok_proto::Address;
use colok_proto::files::{
    Durability, Hash, HaveIt, Name, StoreAnswer, StoreError, StoreRequest, UploadToken,
};

use crate::store::disk::Disk;
use crate::store::tree_hash::hash_of;
use crate::store::{Conversation, Store, StoreOptions, StoreResult};

/// A directory of its own for a test; removed when dropped.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A file below the root.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    pub(super) fn options(&self) -> StoreOptions {
        // The disk of the computer that runs the tests may be as full as it likes.
        StoreOptions { free_share_min_percent: 0, ..StoreOptions::new(self.root()) }
    }

    pub(super) fn store(&self) -> Arc<Store> {
        Store::open(self.options()).unwrap()
    }

    /// Files under their names, the store's own left out, in order.
    pub(super) fn visible(&self) -> Vec<String> {
        let mut names = Vec::new();
        visible_below(&self.root(), "", &mut names);
        names.sort();
        names
    }

    /// What is in `.colok/partial`.
    pub(super) fn partials(&self) -> Vec<String> {
        let mut names = Vec::new();
        visible_below(&self.at(".colok/partial"), "", &mut names);
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn visible_below(path: &Path, start: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{start}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            if name != ".colok" {
                visible_below(&entry.path(), &format!("{name}/"), names);
            }
        } else {
            names.push(name);
        }
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(super) fn token() -> UploadToken {
    UploadToken::new("token-token-token").unwrap()
}

/// Bytes that are the same for the same seed and differ in every MiB.
pub(super) fn bytes_of(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(super) fn client() -> Address {
    Address::Unix("".into())
}

pub(super) fn conversation<D: Disk>(store: &Arc<Store<D>>) -> Conversation<D> {
    store.conversation(&client())
}

/// An upload that is asked for.
pub(super) fn put_request(text: &str, size: Option<u64>) -> StoreRequest {
    StoreRequest::Put {
        name: name(text),
        size,
        hash: None,
        durability: Durability::None,
        upload: None,
        from_start: false,
    }
}

/// An upload that can be resumed.
pub(super) fn resumable(text: &str, size: Option<u64>) -> StoreRequest {
    StoreRequest::Put {
        name: name(text),
        size,
        hash: None,
        durability: Durability::None,
        upload: Some(token()),
        from_start: false,
    }
}

pub(super) fn finish(hash: Option<Hash>, durability: Durability) -> StoreRequest {
    StoreRequest::Finish { hash, durability }
}

/// Gives a body in the pieces that the store prefers.
pub(super) fn give<D: Disk>(
    conversation: &mut Conversation<D>,
    mut bytes: &[u8],
) -> Result<(), StoreError> {
    while !bytes.is_empty() {
        let length = conversation.preferred_body_bytes().min(bytes.len());
        conversation.body(&bytes[..length])?;
        bytes = &bytes[length..];
    }
    Ok(())
}

/// A whole upload, from the offset that the store names.
pub(super) fn put<D: Disk>(
    conversation: &mut Conversation<D>,
    request: StoreRequest,
    bytes: &[u8],
    durability: Durability,
) -> StoreResult {
    let answer = conversation.perform(request).unwrap()?;
    let StoreAnswer::SendFrom { offset, hash } = answer else { return Ok(answer) };
    let offset = usize::try_from(offset).unwrap();
    assert_eq!(hash, (offset > 0).then(|| hash_of(&bytes[..offset])));
    give(conversation, &bytes[offset..])?;
    conversation.perform(finish(Some(hash_of(bytes)), durability)).unwrap()
}

pub(super) fn stage<D: Disk>(
    conversation: &mut Conversation<D>,
    text: &str,
    bytes: &[u8],
    durability: Durability,
) {
    let request = StoreRequest::Push {
        name: name(text),
        size: bytes.len() as u64,
        hash: Some(hash_of(bytes)),
        durability,
    };
    assert!(conversation.perform(request).is_none());
    if !bytes.is_empty() {
        conversation.body(bytes).unwrap();
    }
}

pub(super) fn push<D: Disk>(
    conversation: &mut Conversation<D>,
    text: &str,
    bytes: &[u8],
    durability: Durability,
) -> StoreResult {
    stage(conversation, text, bytes, durability);
    let answers: Vec<_> = conversation.commit().collect();
    let [answer] = answers.try_into().unwrap();
    answer
}

/// Whether an answer says that these bytes are there now, new or not.
pub(super) fn stored_as(result: &StoreResult, bytes: &[u8]) -> Option<HaveIt> {
    match result {
        Ok(StoreAnswer::Stored { have_it, receipt }) => {
            assert_eq!((receipt.size, receipt.hash), (bytes.len() as u64, hash_of(bytes)));
            Some(*have_it)
        }
        _ => None,
    }
}

pub(super) fn taken_by(bytes: &[u8]) -> StoreError {
    StoreError::NameTaken { size: bytes.len() as u64, hash: hash_of(bytes) }
}
