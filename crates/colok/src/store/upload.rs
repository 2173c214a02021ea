//! One upload in progress: what was promised, what came, and where it goes.
//!
//! Bytes are hashed while they are in the cache and then written from where they lie. Nothing is
//! kept in memory but the state of the hash.

use std::sync::Arc;

use colok_proto::files::{Durability, Hash, HaveIt, Name, StoreAnswer, StoreError, UploadToken};

use super::Store;
use super::disk::{Disk, write_full};
use super::fresh::Fresh;
use super::partial::{self, Partial, TurnError};
use super::places::Place;
use super::problem::failed;
use super::publish::{Ready, Settled, Source};
use super::room::LOOK_AGAIN_BYTES;
use super::tree_hash::TreeHash;

/// An upload that is open.
#[derive(Debug)]
pub(super) struct Upload<D: Disk> {
    store: Arc<Store<D>>,
    pub(super) name: Name,
    size: Option<u64>,
    hash: Option<Hash>,
    tree: TreeHash,
    /// How many bytes are here. The hash is ahead of it only after a failure.
    written: u64,
    /// `None` once it went on its way to be published.
    target: Option<Target<D>>,
    /// Bytes counted for it in the total of the store.
    reserved: u64,
    /// Up to where the free room was looked at.
    looked: u64,
    /// What is on its way to be published is kept if it does not get there.
    resumable: bool,
    _place: Place,
}

#[derive(Debug)]
enum Target<D: Disk> {
    /// Gone when it is dropped.
    Fresh(Fresh<D>),
    /// Kept when it is dropped.
    Partial(Partial<D>),
}

/// What a client said of a file that it wants to store.
pub(super) struct Promise {
    pub(super) name: Name,
    pub(super) size: Option<u64>,
    pub(super) hash: Option<Hash>,
    pub(super) durability: Durability,
    pub(super) upload: Option<UploadToken>,
    pub(super) from_start: bool,
}

impl<D: Disk> Upload<D> {
    /// Opens an upload, or resumes one.
    pub(super) fn open(
        store: &Arc<Store<D>>,
        promise: Promise,
        place: Place,
    ) -> Result<Self, StoreError> {
        let Promise { name, size, hash, upload, from_start, .. } = promise;
        if size.is_some_and(|size| size > store.options.file_bytes_max) {
            return Err(StoreError::TooLarge { limit: store.options.file_bytes_max });
        }
        let mut this = Self {
            store: Arc::clone(store),
            name,
            size,
            hash,
            tree: TreeHash::default(),
            written: 0,
            target: None,
            reserved: 0,
            looked: 0,
            resumable: false,
            _place: place,
        };
        if let Some(token) = upload {
            this.resume(&token, from_start)?;
        } else {
            let fresh =
                store.with_room(|| 1, || Fresh::new(store, store.disk.root()).map_err(failed))?;
            this.target = Some(Target::Fresh(fresh));
        }
        this.make_room(size.unwrap_or(this.length()))?;
        Ok(this)
    }

    fn resume(&mut self, token: &UploadToken, from_start: bool) -> Result<(), StoreError> {
        self.store.bound_partials();
        let id = partial::id(token, &self.name);
        let partial = Partial::own(&self.store, id, from_start).map_err(failed)?;
        self.tree = partial.verify(self.size)?;
        self.written = self.tree.length();
        self.target = Some(Target::Partial(partial));
        // What is there is counted already, and ours to answer for. Not before it is verified:
        // whoever took it over meanwhile answers for it.
        self.reserved = if self.store.room.counts() { self.written } else { 0 };
        Ok(())
    }

    /// The answer to the request that opened it.
    pub(super) fn send_from(&self) -> StoreAnswer {
        let offset = self.length();
        StoreAnswer::SendFrom { offset, hash: (offset > 0).then(|| self.tree.hash()) }
    }

    /// How many bytes are here.
    pub(super) fn length(&self) -> u64 {
        self.written
    }

    /// How many bytes are best taken next.
    pub(super) fn preferred_bytes(&self) -> usize {
        let left = self.size.map_or(u64::MAX, |size| size.saturating_sub(self.length()));
        let wanted = self.tree.until_border().min(left).max(1);
        usize::try_from(wanted).unwrap_or(usize::MAX)
    }

    /// Takes bytes.
    pub(super) fn body(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let offset = self.length();
        let end = offset + bytes.len() as u64;
        if self.size.is_some_and(|size| end > size) {
            return Err(StoreError::WrongSize { received: end });
        }
        self.make_room(end)?;
        let mut ended = Vec::with_capacity(1);
        self.tree.update(bytes, |number, value| ended.push((number, *value)));
        let store = &self.store;
        let missing = || bytes.len() as u64;
        store.with_room(missing, || match &self.target {
            Some(Target::Fresh(fresh)) => {
                write_full(&store.disk, &fresh.handle, bytes, offset).map_err(failed)
            }
            Some(Target::Partial(partial)) => {
                let written = partial.write(bytes, offset, &ended);
                if let Err(TurnError::Call(_)) = written {
                    // If this fails too, a little is counted that is not there, or not counted.
                    let _exact = partial.cut(offset);
                }
                Ok(written?)
            }
            None => Err(StoreError::WrongSize { received: end }),
        })?;
        self.written = end;
        Ok(())
    }

    /// Sees to it that the file may grow to `end` bytes.
    fn make_room(&mut self, end: u64) -> Result<(), StoreError> {
        let limit = self.store.options.file_bytes_max;
        if end > limit {
            return Err(StoreError::TooLarge { limit });
        }
        // A size that is known was looked at as a whole; others write too, so it is looked at on
        // the way as well.
        if end >= self.looked {
            let store = &self.store;
            store.look(end - self.length())?;
            self.looked = self.length() + LOOK_AGAIN_BYTES;
        }
        if end > self.reserved && self.store.room.counts() {
            self.reserve(end)?;
        }
        Ok(())
    }

    fn reserve(&mut self, end: u64) -> Result<(), StoreError> {
        let (store, needed) = (&self.store, end - self.reserved);
        // A file that grows reserves ahead, to take the lock less often; if that is too much,
        // then exactly what it needs.
        let ahead = if self.size.is_some() { needed } else { needed.max(LOOK_AGAIN_BYTES) };
        self.reserved += match store.room.reserve(&store.disk, ahead) {
            Ok(()) => ahead,
            Err(_) => store.reserve(needed).map(|()| needed)?,
        };
        Ok(())
    }

    /// Checks size and hash; what is returned is to be settled, and the result told to
    /// [`Self::settled`].
    pub(super) fn finish(
        &mut self,
        hash: Option<Hash>,
        durability: Durability,
    ) -> Result<Ready<D>, StoreError> {
        let received = self.length();
        if self.size.is_some_and(|size| size != received) {
            return Err(StoreError::WrongSize { received });
        }
        let computed = self.tree.hash();
        if [self.hash, hash].into_iter().flatten().any(|said| said != computed) {
            self.remove();
            return Err(StoreError::WrongHash { computed });
        }
        if let Some(Target::Partial(partial)) = &self.target {
            partial.seal()?;
        }
        let source = match self.target.take() {
            Some(Target::Fresh(fresh)) => Source::Fresh(fresh),
            Some(Target::Partial(partial)) => {
                self.resumable = true;
                Source::Partial(partial)
            }
            None => return Err(StoreError::WrongSize { received }),
        };
        Ok(Ready { name: self.name.clone(), source, size: received, hash: computed, durability })
    }

    /// What came of it: whether its bytes stay counted.
    pub(super) fn settled(&mut self, settled: &Settled) {
        let gone = match settled {
            Ok((HaveIt::Stored, _)) => false,
            Ok((HaveIt::Already, _)) | Err(StoreError::NameTaken { .. } | StoreError::NotAFile) => {
                true
            }
            Err(_) => !self.resumable,
        };
        if !gone {
            self.kept();
        }
    }

    /// Its bytes stay on the disk, and counted; what was reserved beyond them does not.
    fn kept(&mut self) {
        let unused = self.reserved.saturating_sub(self.length());
        self.reserved = 0;
        self.store.room.release(&self.store.disk, unused);
    }

    /// Drops the upload and what it left, if it is still ours.
    pub(super) fn remove(&mut self) {
        if let Some(Target::Partial(partial)) = self.target.take()
            && partial.remove().is_err()
        {
            // Somebody else answers for those bytes, or tidying will.
            self.kept();
        }
    }
}

impl<D: Disk> Drop for Upload<D> {
    fn drop(&mut self) {
        if matches!(self.target, Some(Target::Partial(_))) {
            // Of nothing, nothing is kept.
            if self.length() == 0 {
                self.remove();
            } else {
                self.kept();
            }
        }
        self.store.room.release(&self.store.disk, self.reserved);
    }
}
