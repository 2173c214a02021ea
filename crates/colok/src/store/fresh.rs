//! A file that has no name yet: bytes go in, and it is published or gone.
//!
//! `O_TMPFILE` makes a file that no path leads to, so nothing is left whatever happens. Where the
//! file system has none, a name in `.colok/partial` stands in; it is removed when this is dropped,
//! and by the tidying of partials if the process could not.

use std::sync::Arc;

use rustix::io::Errno;

use super::Store;
use super::disk::{Access, Disk, DiskResult, Lock};

/// How the stand-ins are called.
pub(super) const STAND_IN: &str = "unnamed-";

/// A file without a name.
#[derive(Debug)]
pub(super) struct Fresh<D: Disk> {
    pub(super) handle: Arc<D::Handle>,
    stand_in: Option<StandIn<D>>,
}

#[derive(Debug)]
struct StandIn<D: Disk> {
    store: Arc<Store<D>>,
    name: String,
}

impl<D: Disk> Fresh<D> {
    /// Makes one, near `at` where the file system cares.
    pub(super) fn new(store: &Arc<Store<D>>, at: &D::Handle) -> DiskResult<Self> {
        match store.disk.create_unnamed(at) {
            Ok(handle) => Ok(Self { handle: Arc::new(handle), stand_in: None }),
            Err(Errno::OPNOTSUPP) => Self::stand_in(store),
            Err(errno) => Err(errno),
        }
    }

    fn stand_in(store: &Arc<Store<D>>) -> DiskResult<Self> {
        let partials = store.partials().ok_or(Errno::ROFS)?;
        let number = u128::from_le_bytes(store.disk.nonce());
        let name = format!("{STAND_IN}{number:032x}");
        let handle = Arc::new(store.disk.open(partials, &name, Access::CreateNew)?);
        let stand_in = StandIn { store: Arc::clone(store), name };
        // Whoever tidies sees that it is in use.
        store.disk.lock(&handle, Lock::Shared, true)?;
        Ok(Self { handle, stand_in: Some(stand_in) })
    }

    /// Gives the file its name; `EEXIST` when that is taken.
    pub(super) fn publish(&mut self, disk: &D, at: &D::Handle, name: &str) -> DiskResult<()> {
        let Some(stand_in) = &self.stand_in else { return disk.link(&self.handle, at, name) };
        let partials = stand_in.store.partials().ok_or(Errno::ROFS)?;
        disk.rename((partials, &stand_in.name), (at, name))?;
        if let Some(mut stand_in) = self.stand_in.take() {
            // It has moved: nothing is to be removed.
            stand_in.name.clear();
        }
        Ok(())
    }
}

/// Removes a stand-in that nobody uses, and returns its size; `None` if somebody does.
pub(super) fn remove_unused<D: Disk>(
    disk: &D,
    partials: &D::Handle,
    name: &str,
) -> DiskResult<Option<u64>> {
    let handle = disk.open(partials, name, Access::Read)?;
    match disk.lock(&handle, Lock::Exclusive, false) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(errno) => return Err(errno),
    }
    let size = disk.status(&handle)?.stamp.size;
    disk.remove(partials, name).map(|()| Some(size))
}

impl<D: Disk> Drop for StandIn<D> {
    fn drop(&mut self) {
        if let Some(partials) = self.store.partials().filter(|_| !self.name.is_empty()) {
            // If this fails, tidying removes it later.
            let _later = self.store.disk.remove(partials, &self.name);
        }
    }
}
