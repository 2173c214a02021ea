//! A file store in memory: the rule of the store, written the short way.
//!
//! It does what a store promises to a machine and can be told to fail. Its hash is a toy: to the
//! machines a hash is 32 bytes and nothing else. It keeps no time and syncs nothing.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Random;
use crate::files::{
    Durability, Entry, Hash, HaveIt, Listing, Name, Receipt, StoreAnswer, StoreError, StoreRequest,
};

/// What the files were last written at; the same for all.
const MODIFIED_UNIX_S: i64 = 1_700_000_000;

/// Where a store can be told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Opening an upload.
    Put,
    /// The body of an upload, at this byte of what comes.
    Body(usize),
    /// The end of an upload.
    Finish,
    /// The body of a push.
    Push,
    /// Opening a file.
    Get,
    /// Sending a file, after so many bytes.
    File(u64),
    /// Looking at a file.
    Stat,
    /// Listing names.
    List,
}

/// Files, broken uploads, and what is wrong with the disk; see the module.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    /// The published files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What is left of broken uploads, by token and name.
    pub partials: BTreeMap<(String, String), Vec<u8>>,
    /// The token that allows to write.
    pub token: Option<String>,
    /// The largest file, in bytes.
    pub file_bytes_max: Option<u64>,
    /// The most names of a page.
    pub page_entries_max: Option<usize>,
    /// Fails there, every time, with this.
    pub failing: Option<(Point, StoreError)>,
}

/// What one connection has open.
#[derive(Clone, Debug, Default)]
pub struct MemoryConversation {
    upload: Option<Upload>,
    staged: Vec<Push>,
    reading: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Upload {
    name: Name,
    hash: Option<Hash>,
    token: Option<String>,
    bytes: Vec<u8>,
    /// How many bytes this connection has sent.
    sent: usize,
}

#[derive(Clone, Debug)]
struct Push {
    name: Name,
    size: u64,
    hash: Option<Hash>,
    durability: Durability,
    bytes: Vec<u8>,
    failed: Option<StoreError>,
}

type StoreResult = Result<StoreAnswer, StoreError>;

impl MemoryStore {
    /// The toy hash of some bytes.
    pub fn hash(bytes: &[u8]) -> Hash {
        let mut state = bytes.len() as u64;
        for byte in bytes {
            state = Random::new(state ^ u64::from(*byte)).bits();
        }
        let mut random = Random::new(state);
        let mut hash = [0; 32];
        hash.fill_with(|| random.byte());
        Hash(hash)
    }

    fn fails(&self, point: Point) -> Result<(), StoreError> {
        let failing = self.failing.filter(|(failing, _)| *failing == point);
        failing.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn entry(&self, name: &Name) -> Result<Entry, StoreError> {
        let bytes = self.files.get(name.as_str()).ok_or(StoreError::NotFound)?;
        Ok(Entry {
            name: name.clone(),
            size: bytes.len() as u64,
            modified_unix_s: MODIFIED_UNIX_S,
            hash: Some(Self::hash(bytes)),
        })
    }

    /// Whether a directory has this name, or a file that of a directory on the way to it.
    fn is_in_the_way(&self, name: &str) -> bool {
        let as_directory = [name, "/"].concat();
        let below = self.files.keys().any(|file| file.starts_with(&as_directory));
        let above = name.match_indices('/').any(|(at, _)| self.files.contains_key(&name[..at]));
        below || above
    }

    /// Publishes a file if nothing is in the way, or says what is there.
    fn publish(&mut self, name: &Name, bytes: Vec<u8>, durability: Durability) -> StoreResult {
        if self.is_in_the_way(name.as_str()) {
            return Err(StoreError::NotAFile);
        }
        let (size, hash) = (bytes.len() as u64, Self::hash(&bytes));
        let have_it = match self.files.get(name.as_str()) {
            None => HaveIt::Stored,
            Some(there) if *there == bytes => HaveIt::Already,
            Some(there) => {
                let (size, hash) = (there.len() as u64, Self::hash(there));
                return Err(StoreError::NameTaken { size, hash });
            }
        };
        self.files.entry(name.as_str().to_string()).or_insert(bytes);
        Ok(StoreAnswer::Stored { have_it, receipt: Receipt { size, hash, durability } })
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: Option<u64>) -> StoreResult {
        self.fails(Point::List)?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let limit = limit.min(self.page_entries_max.unwrap_or(1000)).max(1);
        let names = self.files.keys().filter(|name| name.starts_with(prefix));
        let names = names.filter(|name| after.is_none_or(|after| name.as_str() > after));
        let mut entries = Vec::new();
        let mut more = false;
        for name in names {
            more = entries.len() == limit;
            if more {
                break;
            }
            let mut entry = self.entry(&Name::new(name).map_err(|_| StoreError::NotFound)?)?;
            // A listing tells only what is known: here that of every other file.
            entry.hash = entry.hash.filter(|_| entry.size.is_multiple_of(2));
            entries.push(entry);
        }
        Ok(StoreAnswer::Listing(Listing { entries, more }))
    }
}

impl MemoryConversation {
    /// Carries out a request. `None` for a push: its answer comes from [`Self::commit`].
    pub fn perform(
        &mut self,
        store: &mut MemoryStore,
        request: StoreRequest,
    ) -> Option<StoreResult> {
        Some(match request {
            StoreRequest::Authenticate(token) => {
                let right = store.token.as_deref() == Some(&*token);
                if right { Ok(StoreAnswer::Allowed) } else { Err(StoreError::WrongToken) }
            }
            StoreRequest::Put { name, size, hash, upload, from_start, durability } => {
                let token = upload.map(|upload| upload.as_str().to_string());
                let upload = Upload { name, hash, token, bytes: Vec::new(), sent: 0 };
                self.put(store, upload, size, from_start, durability)
            }
            StoreRequest::Finish { hash, durability } => self.finish(store, hash, durability),
            StoreRequest::Cancel => {
                self.upload = None;
                Ok(StoreAnswer::Cancelled)
            }
            StoreRequest::Push { name, size, hash, durability } => {
                let failed = store.fails(Point::Push).err();
                self.staged.push(Push { name, size, hash, durability, bytes: Vec::new(), failed });
                return None;
            }
            StoreRequest::Get { name, range, range_hash } => {
                self.get(store, &name, range, range_hash)
            }
            StoreRequest::Stat { name, .. } => {
                store.fails(Point::Stat).and_then(|()| store.entry(&name)).map(StoreAnswer::Entry)
            }
            StoreRequest::List { prefix, after, limit } => {
                store.list(prefix.as_str(), after.as_ref().map(Name::as_str), limit)
            }
        })
    }

    fn put(
        &mut self,
        store: &mut MemoryStore,
        mut upload: Upload,
        size: Option<u64>,
        from_start: bool,
        durability: Durability,
    ) -> StoreResult {
        assert!(self.upload.is_none() && self.staged.is_empty(), "one upload at a time");
        store.fails(Point::Put)?;
        if let Some(limit) = store.file_bytes_max.filter(|limit| size.is_some_and(|n| n > *limit)) {
            return Err(StoreError::TooLarge { limit });
        }
        let name = upload.name.as_str().to_string();
        if let Some(there) = store.files.get(&name) {
            let (size, there) = (there.len() as u64, MemoryStore::hash(there));
            let receipt = Receipt { size, hash: there, durability };
            return match upload.hash {
                None => Ok(StoreAnswer::Exists { size, hash: there }),
                Some(hash) if hash == there => {
                    Ok(StoreAnswer::Stored { have_it: HaveIt::Already, receipt })
                }
                Some(_) => Err(StoreError::NameTaken { size, hash: there }),
            };
        }
        if store.is_in_the_way(&name) {
            return Err(StoreError::NotAFile);
        }
        if let Some(token) = &upload.token {
            upload.bytes = store.partials.remove(&(token.clone(), name)).unwrap_or_default();
        }
        if from_start || size.is_some_and(|size| upload.bytes.len() as u64 > size) {
            upload.bytes.clear();
        }
        let offset = upload.bytes.len() as u64;
        let hash = (offset > 0).then(|| MemoryStore::hash(&upload.bytes));
        self.upload = Some(upload);
        Ok(StoreAnswer::SendFrom { offset, hash })
    }

    fn finish(
        &mut self,
        store: &mut MemoryStore,
        hash: Option<Hash>,
        durability: Durability,
    ) -> StoreResult {
        let Some(upload) = self.upload.take() else { panic!("the end of no upload") };
        store.fails(Point::Finish)?;
        let computed = MemoryStore::hash(&upload.bytes);
        if [upload.hash, hash].into_iter().flatten().any(|said| said != computed) {
            return Err(StoreError::WrongHash { computed });
        }
        store.publish(&upload.name, upload.bytes, durability)
    }

    fn get(
        &mut self,
        store: &MemoryStore,
        name: &Name,
        range: Option<(u64, Option<u64>)>,
        range_hash: bool,
    ) -> StoreResult {
        store.fails(Point::Get)?;
        let entry = store.entry(name)?;
        let size = entry.size;
        let (start, end) = range.unwrap_or((0, None));
        if start >= size && range.is_some() {
            return Err(StoreError::OutOfRange { size });
        }
        let range = start..end.unwrap_or(size).min(size);
        self.reading.clone_from(&store.files[name.as_str()]);
        let range_hash = range_hash.then(|| MemoryStore::hash(self.read(&range)));
        Ok(StoreAnswer::Opened { entry, range, range_hash })
    }

    /// Bytes of the file that was opened last.
    pub fn read(&self, range: &core::ops::Range<u64>) -> &[u8] {
        let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        &self.reading[place(range.start)..place(range.end)]
    }

    /// Bytes for the upload, or for the last push.
    pub fn body(&mut self, store: &MemoryStore, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(upload) = &mut self.upload else {
            let Some(push) = self.staged.last_mut() else { panic!("a body of nothing") };
            push.bytes.extend_from_slice(bytes);
            return Ok(());
        };
        upload.bytes.extend_from_slice(bytes);
        upload.sent += bytes.len();
        let too_large = store.file_bytes_max.filter(|limit| upload.bytes.len() as u64 > *limit);
        let failed = match store.failing {
            Some((Point::Body(at), error)) if upload.sent > at => Some(error),
            _ => too_large.map(|limit| StoreError::TooLarge { limit }),
        };
        if failed.is_some() {
            self.upload = None;
        }
        failed.map_or(Ok(()), Err)
    }

    /// How many pushes have come whole and have no answer.
    pub fn staged(&self) -> usize {
        let whole = |push: &&Push| push.bytes.len() as u64 == push.size;
        self.staged.iter().filter(whole).count()
    }

    /// Publishes what was pushed and has come whole, and answers it in order.
    pub fn commit(&mut self, store: &mut MemoryStore) -> Vec<StoreResult> {
        let whole = self.staged();
        self.staged.drain(..whole).map(|push| publish_push(store, push)).collect()
    }

    /// The peer ended in the middle of a body, after `received` bytes of it. Returns the answers
    /// to all pushes, or the one error of the upload.
    pub fn cut(&mut self, store: &mut MemoryStore, received: u64) -> Vec<StoreResult> {
        let error = StoreError::WrongSize { received };
        if self.upload.is_some() {
            self.close(store);
            return [Err(error)].into();
        }
        let mut answers = self.commit(store);
        answers.extend(self.staged.drain(..).map(|_| Err(error)));
        answers
    }

    /// The connection is gone: an upload with a token leaves its bytes, any other nothing.
    pub fn close(&mut self, store: &mut MemoryStore) {
        self.staged.clear();
        if let Some(Upload { name, token: Some(token), bytes, .. }) = self.upload.take() {
            store.partials.insert((token, name.as_str().to_string()), bytes);
        }
    }
}

fn publish_push(store: &mut MemoryStore, push: Push) -> StoreResult {
    if let Some(error) = push.failed {
        return Err(error);
    }
    let computed = MemoryStore::hash(&push.bytes);
    if push.hash.is_some_and(|said| said != computed) {
        return Err(StoreError::WrongHash { computed });
    }
    store.publish(&push.name, push.bytes, push.durability)
}
