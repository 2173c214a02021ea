//! Small files that come whole: hashed, written, and published at once or with the next commit.
//!
//! A push of which nothing is known costs five calls: make a file without a name, write, link, ask
//! for its status, close. Hashes of a batch are written down together. A stored name is looked up
//! before only after one was met, as when a directory is sent again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use colok_proto::files::{Durability, Hash, HaveIt, Name, StoreAnswer, StoreError};

use super::conversation::{Conversation, StoreResult};
use super::disk::{Disk, write_full};
use super::event::FileEvent;
use super::existing;
use super::fresh::Fresh;
use super::hashes::Learned;
use super::parents::{Parent, split};
use super::problem::failed;
use super::publish::{Ready, Settled, Source};
use super::tree_hash::hash_of;

/// Pushes of one connection that wait for a commit, at most: each may hold a descriptor.
const STAGED_MAX: usize = 64;

/// Their bytes, at most.
const STAGED_BYTES_MAX: u64 = 4 << 20;

/// Pushes of all connections of a process that hold descriptors, at most, before each connection
/// commits what it has; so that a thousand connections stay within usual limits.
const WAITING_MAX: usize = 256;

/// Bytes counted ahead in the total of a store, so that not every small file takes the lock.
const RESERVE_BYTES: u64 = 1 << 20;

/// Bytes of a push put together, at most, before any have come. More are not sent as a push.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// A push whose bytes are still coming.
#[derive(Debug)]
pub(super) struct Pushing {
    name: Name,
    size: u64,
    hash: Option<Hash>,
    durability: Durability,
    /// What came so far, if it does not come in one piece.
    bytes: Vec<u8>,
}

/// Pushes that came whole, in order, and what they hold.
#[derive(Debug)]
pub(super) struct Pushes<D: Disk> {
    pub(super) coming: Option<Pushing>,
    staged: Vec<Staged<D>>,
    staged_bytes: u64,
    /// The last name was taken, so the next probably is too: look before writing.
    met_existing: bool,
    /// Bytes counted in the total and not used yet.
    reserved: u64,
    /// Hashes of what was published and is not written down yet.
    learned: Vec<Learned>,
}

/// A push that came whole.
#[derive(Debug)]
enum Staged<D: Disk> {
    /// It is decided.
    Done(StoreResult),
    /// It waits for its syncs.
    Waiting(Ready<D>),
}

impl<D: Disk> Default for Pushes<D> {
    fn default() -> Self {
        Self {
            coming: None,
            staged: Vec::new(),
            staged_bytes: 0,
            met_existing: false,
            reserved: 0,
            learned: Vec::new(),
        }
    }
}

impl<D: Disk> Conversation<D> {
    pub(super) fn begin_push(
        &mut self,
        name: Name,
        size: u64,
        hash: Option<Hash>,
        durability: Durability,
    ) {
        self.tell(|| FileEvent::ServerRead { name: name.clone() });
        let push = Pushing { name, size, hash, durability, bytes: Vec::new() };
        if size == 0 {
            self.stage(push, &[]);
        } else {
            self.pushes.coming = Some(push);
        }
    }

    /// Takes bytes of the push that is coming; what is more than its size is not its.
    pub(super) fn push_body(&mut self, bytes: &[u8]) {
        let Some(mut push) = self.pushes.coming.take() else { return };
        let size = usize::try_from(push.size).unwrap_or(usize::MAX);
        if push.bytes.is_empty() && bytes.len() >= size {
            // The usual case: whole, straight from where it was received.
            return self.stage(push, &bytes[..size]);
        }
        if push.bytes.is_empty() {
            push.bytes.reserve_exact(size.min(BUFFER_BYTES_MAX));
        }
        push.bytes.extend_from_slice(&bytes[..bytes.len().min(size - push.bytes.len())]);
        if push.bytes.len() == size {
            let whole = std::mem::take(&mut push.bytes);
            self.stage(push, &whole);
        } else {
            self.pushes.coming = Some(push);
        }
    }

    /// How many bytes the push that is coming still wants.
    pub(super) fn push_wants(&self) -> Option<usize> {
        let push = self.pushes.coming.as_ref()?;
        Some(usize::try_from(push.size).unwrap_or(usize::MAX) - push.bytes.len())
    }

    pub(super) fn pushes_staged(&self) -> usize {
        self.pushes.staged.len()
    }

    pub(super) fn pushes_want_commit(&self) -> bool {
        let pushes = &self.pushes;
        pushes.staged.len() >= STAGED_MAX
            || pushes.staged_bytes >= STAGED_BYTES_MAX
            || !pushes.staged.is_empty()
                && self.store.waiting.load(Ordering::Relaxed) >= WAITING_MAX
    }

    fn stage(&mut self, push: Pushing, bytes: &[u8]) {
        self.pushes.staged_bytes += push.size;
        let staged = match self.take(&push, bytes) {
            Ok((source, hash)) => {
                let Pushing { name, size, durability, .. } = push;
                self.ready(Ready { name, source, size, hash, durability })
            }
            Err(error) => {
                self.tell(|| FileEvent::Failed { name: push.name, error });
                Staged::Done(Err(error))
            }
        };
        self.pushes.staged.push(staged);
    }

    /// Where the bytes of a push are now: written to a file without a name, or there already.
    fn take(&mut self, push: &Pushing, bytes: &[u8]) -> Result<(Source<D>, Hash), StoreError> {
        self.store.may_write()?;
        let computed = hash_of(bytes);
        if push.hash.is_some_and(|said| said != computed) {
            return Err(StoreError::WrongHash { computed });
        }
        let limit = self.store.options.file_bytes_max;
        if push.size > limit {
            return Err(StoreError::TooLarge { limit });
        }
        let parent = self.parents.existing(&self.store.disk, &push.name)?;
        let there = |this: &Self| -> Result<Option<Source<D>>, StoreError> {
            let Some(parent) = &parent else { return Ok(None) };
            let leaf = split(&push.name).1;
            let found = existing::open(&this.store.disk, &parent.handle, leaf)?;
            let same = found.map(|found| this.store.same(found, push.size, computed));
            Ok(same.transpose()?.map(Source::There))
        };
        if self.pushes.met_existing {
            if let Some(source) = there(self)? {
                return Ok((source, computed));
            }
            self.pushes.met_existing = false;
        }
        match self.write(parent.as_deref(), bytes) {
            Ok(fresh) => Ok((Source::Fresh(fresh), computed)),
            // What is there needs no room.
            Err(StoreError::NoSpace) => match there(self)? {
                Some(source) => Ok((source, computed)),
                None => Err(StoreError::NoSpace),
            },
            Err(error) => Err(error),
        }
    }

    /// Writes a file without a name.
    fn write(
        &mut self,
        parent: Option<&Parent<D::Handle>>,
        bytes: &[u8],
    ) -> Result<Fresh<D>, StoreError> {
        let size = bytes.len() as u64;
        let store = Arc::clone(&self.store);
        store.look_sometimes(size)?;
        let at = parent.map_or(store.disk.root(), |parent| &parent.handle);
        let fresh = store.with_room(|| 1, || Fresh::new(&store, at).map_err(failed))?;
        self.reserve_for_push(size)?;
        let written = store.with_room(
            || size,
            || write_full(&store.disk, &fresh.handle, bytes, 0).map_err(failed),
        );
        if written.is_err() {
            self.unreserve_push(size);
        }
        written.map(|()| fresh)
    }

    /// Publishes at once what wants no sync.
    fn ready(&mut self, mut ready: Ready<D>) -> Staged<D> {
        if ready.durability > Durability::None {
            self.store.waiting.fetch_add(1, Ordering::Relaxed);
            return Staged::Waiting(ready);
        }
        let settled = if let Source::There(_) = &ready.source {
            Ok((HaveIt::Already, ready.receipt()))
        } else {
            let learned = &mut self.pushes.learned;
            let settled = self.store.publish_unsynced(&mut self.parents, &mut ready, learned);
            self.count_push(ready.size, &settled);
            settled
        };
        Staged::Done(self.push_settled(ready.name, settled))
    }

    /// The answers of all that came whole, in order.
    pub(super) fn commit_pushes(&mut self) {
        let staged = std::mem::take(&mut self.pushes.staged);
        self.pushes.staged_bytes = 0;
        self.store.learn(&mut self.pushes.learned);
        let mut waiting = Vec::new();
        let mut decided = Vec::with_capacity(staged.len());
        for one in staged {
            decided.push(match one {
                Staged::Done(result) => Ok(result),
                Staged::Waiting(ready) => {
                    let fresh = matches!(ready.source, Source::Fresh(_));
                    let waits = (ready.name.clone(), ready.size, fresh);
                    waiting.push(ready);
                    Err(waits)
                }
            });
        }
        let count = waiting.len();
        let mut settled = self.store.settle(&mut self.parents, waiting).into_iter();
        self.store.waiting.fetch_sub(count, Ordering::Relaxed);
        for one in decided {
            let answer = one.unwrap_or_else(|(name, size, fresh)| {
                // There is one for each that waited.
                let settled = settled.next().unwrap_or(Err(StoreError::NotFound));
                if fresh {
                    self.count_push(size, &settled);
                }
                self.push_settled(name, settled)
            });
            self.answers.push(answer);
        }
        // Paths are resolved anew for the next batch.
        self.parents.forget();
    }

    fn push_settled(&mut self, name: Name, settled: Settled) -> StoreResult {
        self.pushes.met_existing =
            matches!(settled, Ok((HaveIt::Already, _)) | Err(StoreError::NameTaken { .. }));
        if matches!(settled, Ok((HaveIt::Stored, _))) {
            // Nobody looked before, so it is known only now.
            self.tell(|| FileEvent::DoesNotExist { name: name.clone() });
        }
        self.tell_settled(name, &settled);
        settled.map(|(have_it, receipt)| StoreAnswer::Stored { have_it, receipt })
    }

    fn reserve_for_push(&mut self, size: u64) -> Result<(), StoreError> {
        if self.pushes.reserved < size && self.store.room.counts() {
            let (room, disk) = (&self.store.room, &self.store.disk);
            // Ahead; if that is too much, then exactly.
            let ahead = RESERVE_BYTES.max(size);
            self.pushes.reserved += match room.reserve(disk, ahead) {
                Ok(()) => ahead,
                Err(_) => self.store.reserve(size).map(|()| size)?,
            };
        }
        self.pushes.reserved = self.pushes.reserved.saturating_sub(size);
        Ok(())
    }

    /// Bytes that did not stay are free for the next push.
    fn count_push(&mut self, size: u64, settled: &Settled) {
        if !matches!(settled, Ok((HaveIt::Stored, _))) {
            self.unreserve_push(size);
        }
    }

    fn unreserve_push(&mut self, size: u64) {
        if self.store.room.counts() {
            self.pushes.reserved += size;
        }
    }

    /// The end of the connection: what is staged goes, unseen.
    pub(super) fn drop_pushes(&mut self) {
        let waiting = |staged: &&Staged<D>| matches!(staged, Staged::Waiting(_));
        let count = self.pushes.staged.iter().filter(waiting).count();
        let of_fresh = |staged: &Staged<D>| match staged {
            Staged::Waiting(Ready { source: Source::Fresh(_), size, .. }) => *size,
            _ => 0,
        };
        let bytes: u64 = self.pushes.staged.iter().map(of_fresh).sum();
        self.store.waiting.fetch_sub(count, Ordering::Relaxed);
        self.store.learn(&mut self.pushes.learned);
        self.store.room.release(&self.store.disk, self.pushes.reserved + bytes);
    }
}
