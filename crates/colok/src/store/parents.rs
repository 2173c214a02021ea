//! Directories of stored files: found, made when a file is published, and made safe.
//!
//! A descriptor is kept from file to file of one batch, so that a thousand small files of one
//! directory resolve its path a few times and not a thousand times. It is not kept for longer:
//! somebody may have moved the directory, and what is stored must go where its name says.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use colok_proto::files::{Name, StoreError};
use rustix::io::Errno;

use super::disk::{Disk, Identity};
use super::group::Item;
use super::problem::{failed, not_found};

/// How often a directory is made again when somebody removes it meanwhile.
const TRIES: usize = 8;

/// Directories remembered as safe, at most; beyond, all are forgotten and synced again once.
const SAFE_MAX: usize = 4096;

/// The path of the root for calls that want one.
const ROOT: &str = ".";

/// A directory that holds stored files.
#[derive(Debug)]
pub(super) struct Parent<H> {
    path: Box<str>,
    pub(super) handle: Arc<H>,
    pub(super) identity: Identity,
}

/// The directory used last.
#[derive(Debug)]
pub(super) struct Parents<H> {
    last: Option<Arc<Parent<H>>>,
}

impl<H> Default for Parents<H> {
    fn default() -> Self {
        Self { last: None }
    }
}

/// A name as its directory and the name there.
pub(super) fn split(name: &Name) -> (&str, &str) {
    name.as_str().rsplit_once('/').unwrap_or((ROOT, name.as_str()))
}

impl<H> Parents<H> {
    /// Forgets the directory, so that its path is resolved again.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The directory of a file, if it exists.
    pub(super) fn existing<D: Disk<Handle = H>>(
        &mut self,
        disk: &D,
        name: &Name,
    ) -> Result<Option<Arc<Parent<H>>>, StoreError> {
        let (path, _) = split(name);
        if let Some(last) = self.last.as_ref().filter(|last| *last.path == *path) {
            return Ok(Some(Arc::clone(last)));
        }
        match disk.open_directory(disk.root(), path) {
            Ok(handle) => self.keep(disk, path, handle).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(not_found(errno)),
        }
    }

    /// The directory of a file; it and those on the way are made if need be.
    pub(super) fn made<D: Disk<Handle = H>>(
        &mut self,
        disk: &D,
        name: &Name,
    ) -> Result<Arc<Parent<H>>, StoreError> {
        for _ in 0..TRIES {
            if let Some(parent) = self.existing(disk, name)? {
                return Ok(parent);
            }
            match make_all(disk, split(name).0) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(not_found(errno)),
            }
        }
        Err(failed(Errno::NOENT))
    }

    fn keep<D: Disk<Handle = H>>(
        &mut self,
        disk: &D,
        path: &str,
        handle: H,
    ) -> Result<Arc<Parent<H>>, StoreError> {
        let identity = disk.status(&handle).map_err(failed)?.stamp.identity();
        let parent = Arc::new(Parent { path: path.into(), handle: Arc::new(handle), identity });
        self.last = Some(Arc::clone(&parent));
        Ok(parent)
    }
}

/// Makes every directory of a path that is not there. Somebody else may make them too.
fn make_all<D: Disk>(disk: &D, path: &str) -> Result<(), Errno> {
    let mut above: Option<D::Handle> = None;
    for component in path.split('/') {
        let at = above.as_ref().unwrap_or(disk.root());
        match disk.create_directory(at, component, 0o755) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        above = Some(disk.open_directory(at, component)?);
    }
    Ok(())
}

/// Directories whose own names, up to the root, are known to be on the disk.
///
/// Not only those that this connection made need a sync: one that another connection, process or
/// program made a moment ago may be lost with the power too. So each is synced once in the life of
/// a process, and remembered by an identity that a directory made anew does not have.
#[derive(Debug, Default)]
pub(super) struct SafeDirectories(Mutex<HashSet<Identity>>);

impl SafeDirectories {
    /// What is to be synced so that a name in `parent` is safe: the directory itself, and unless
    /// it is known to be safe, every directory above it.
    pub(super) fn to_sync<D: Disk>(
        &self,
        disk: &D,
        parent: &Parent<D::Handle>,
    ) -> Result<Vec<Item<D::Handle>>, StoreError> {
        let itself = (Some(parent.identity), Arc::clone(&parent.handle));
        let safe = self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&parent.identity);
        if safe || &*parent.path == ROOT {
            return Ok(vec![itself]);
        }
        let mut items = vec![itself];
        let above = parent.path.match_indices('/').map(|(end, _)| &parent.path[..end]);
        for path in above.chain([ROOT]) {
            let handle = disk.open_directory(disk.root(), path).map_err(not_found)?;
            let identity = disk.status(&handle).map_err(failed)?.stamp.identity();
            items.push((Some(identity), Arc::new(handle)));
        }
        Ok(items)
    }

    /// All of what [`Self::to_sync`] named for this directory was synced.
    pub(super) fn synced<H>(&self, parent: &Parent<H>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SAFE_MAX {
            known.clear();
        }
        known.insert(parent.identity);
    }
}
