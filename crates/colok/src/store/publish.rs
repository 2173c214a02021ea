//! From bytes to a stored file: synced, given its name in one step that cannot replace, answered.
//!
//! [`Store::settle`] does it for a batch, so that many files share their syncs with each other and
//! with other connections. The order is what receipts rest on: bytes, then name, then directories,
//! then the answer.

use std::sync::Arc;

use colok_proto::files::{Durability, Hash, HaveIt, Name, Receipt, StoreError};
use rustix::io::Errno;

use super::Store;
use super::disk::{Disk, Stamp, Status};
use super::existing::{self, Existing};
use super::fresh::Fresh;
use super::hashes::{Known, Learned};
use super::parents::{Parent, Parents, split};
use super::partial::{Partial, TurnError};
use super::problem::failed;

/// How often publishing is tried while others remove the directory or the file in the way.
const TRIES: usize = 8;

/// A file whose bytes were checked.
#[derive(Debug)]
pub(super) struct Ready<D: Disk> {
    pub(super) name: Name,
    pub(super) source: Source<D>,
    pub(super) size: u64,
    pub(super) hash: Hash,
    pub(super) durability: Durability,
}

/// Where its bytes are.
#[derive(Debug)]
pub(super) enum Source<D: Disk> {
    /// In a file without a name.
    Fresh(Fresh<D>),
    /// In a partial, sealed.
    Partial(Partial<D>),
    /// In the store already.
    There(Existing<Arc<D::Handle>>),
}

impl<D: Disk> Ready<D> {
    /// What the server vouches for once it is settled.
    pub(super) fn receipt(&self) -> Receipt {
        Receipt { size: self.size, hash: self.hash, durability: self.durability }
    }
}

/// What became of a file.
pub(super) type Settled = Result<(HaveIt, Receipt), StoreError>;

/// A file on its way through [`Store::settle`].
struct Step<D: Disk> {
    ready: Ready<D>,
    /// Where its name is, once it is published.
    parent: Option<Arc<Parent<D::Handle>>>,
    have_it: HaveIt,
    /// How it is recognised under its name.
    stamp: Stamp,
    /// What is known to be safe already.
    reached: Durability,
    failed: Option<StoreError>,
}

impl<D: Disk> Source<D> {
    fn handle(&self) -> &Arc<D::Handle> {
        match self {
            Self::Fresh(fresh) => &fresh.handle,
            Self::Partial(partial) => &partial.handle,
            Self::There(existing) => &existing.handle,
        }
    }

    fn publish(&mut self, disk: &D, at: &D::Handle, name: &str) -> Result<(), TurnError> {
        match self {
            Self::Fresh(fresh) => Ok(fresh.publish(disk, at, name)?),
            Self::Partial(partial) => partial.publish(at, name),
            Self::There(_) => Ok(()),
        }
    }

    /// Nobody needs these bytes: what keeps them for a resume is removed.
    fn discard(&self) {
        if let Self::Partial(partial) = self {
            // If this fails, tidying removes it later.
            let _later = partial.remove();
        }
    }
}

impl<D: Disk> Store<D> {
    /// Publishes files and makes them as safe as each is to be. One result each, in order.
    pub(super) fn settle(
        &self,
        parents: &mut Parents<D::Handle>,
        batch: impl IntoIterator<Item = Ready<D>>,
    ) -> Vec<Settled> {
        let mut steps: Vec<_> = batch.into_iter().map(|ready| self.begin(ready)).collect();
        self.sync_bytes(&mut steps);
        for step in &mut steps {
            self.publish_step(parents, step);
        }
        // Before names are synced: whoever lost a race for a name need not read the file.
        self.learn_new(&steps);
        // Files that were met under their names only now.
        self.sync_bytes(&mut steps);
        self.sync_names(parents, &mut steps);
        self.learn_synced(&steps);
        steps.into_iter().map(Step::end).collect()
    }

    fn begin(&self, ready: Ready<D>) -> Step<D> {
        let mut step = Step {
            ready,
            parent: None,
            have_it: HaveIt::Stored,
            stamp: Stamp::default(),
            reached: Durability::None,
            failed: None,
        };
        if let Source::There(existing) = &step.ready.source {
            step.have_it = HaveIt::Already;
            step.stamp = existing.status.stamp;
            step.reached = self.reached(&existing.status);
        }
        step
    }

    fn reached(&self, status: &Status) -> Durability {
        match self.known(status) {
            Known::Current(_, durability) => durability,
            Known::Former(_) | Known::Nothing => Durability::None,
        }
    }

    /// Syncs the bytes of all that want it and have not.
    fn sync_bytes(&self, steps: &mut [Step<D>]) {
        let wants = |step: &&mut Step<D>| {
            step.failed.is_none()
                && step.ready.durability >= Durability::File
                && step.reached < Durability::File
        };
        let items: Vec<_> = steps
            .iter_mut()
            .filter(wants)
            .map(|step| (None, Arc::clone(step.ready.source.handle())))
            .collect();
        let result = self.bytes_group.sync(&self.disk, items);
        for step in steps.iter_mut().filter(wants) {
            match result {
                Ok(()) => step.reached = Durability::File,
                Err(errno) => step.failed = Some(failed(errno)),
            }
        }
    }

    fn publish_step(&self, parents: &mut Parents<D::Handle>, step: &mut Step<D>) {
        if step.failed.is_some() || step.have_it == HaveIt::Already {
            return;
        }
        match self.publish(parents, &mut step.ready) {
            Ok(Published::New(parent, stamp)) => {
                step.stamp = stamp;
                step.parent = Some(parent);
            }
            Ok(Published::There(parent, existing)) => {
                step.have_it = HaveIt::Already;
                step.stamp = existing.status.stamp;
                step.reached = self.reached(&existing.status);
                step.parent = Some(parent);
                step.ready.source.discard();
                step.ready.source = Source::There(existing);
            }
            Err(error) => {
                if matches!(error, StoreError::NameTaken { .. } | StoreError::NotAFile) {
                    step.ready.source.discard();
                }
                step.failed = Some(error);
            }
        }
    }

    /// Syncs the directories of all that want it, each once.
    fn sync_names(&self, parents: &mut Parents<D::Handle>, steps: &mut [Step<D>]) {
        let mut items = Vec::new();
        for step in steps.iter_mut().filter(|step| step.wants_name()) {
            match self.directories(parents, step) {
                Ok(directories) => items.extend(directories),
                Err(error) => step.failed = Some(error),
            }
        }
        let result = self.names_group.sync(&self.disk, items);
        for step in steps.iter_mut() {
            if step.wants_name() {
                match result {
                    Ok(()) => step.reached = Durability::Full,
                    Err(errno) => step.failed = Some(failed(errno)),
                }
                if let Some(parent) = step.parent.as_ref().filter(|_| result.is_ok()) {
                    self.safe_directories.synced(parent);
                }
            }
        }
    }

    fn directories(
        &self,
        parents: &mut Parents<D::Handle>,
        step: &mut Step<D>,
    ) -> Result<Vec<super::group::Item<D::Handle>>, StoreError> {
        if step.parent.is_none() {
            step.parent = parents.existing(&self.disk, &step.ready.name)?;
        }
        let parent = step.parent.as_ref().ok_or(StoreError::NotFound)?;
        self.safe_directories.to_sync(&self.disk, parent)
    }

    /// Publishes one file at once, for those who want no sync. Its hash is to be learned.
    pub(super) fn publish_unsynced(
        &self,
        parents: &mut Parents<D::Handle>,
        ready: &mut Ready<D>,
        learned: &mut Vec<Learned>,
    ) -> Settled {
        let receipt = ready.receipt();
        match self.publish(parents, ready)? {
            Published::New(_, stamp) => {
                let (hash, durability) = (ready.hash, Durability::None);
                learned.push(Learned { stamp, hash, durability });
                Ok((HaveIt::Stored, receipt))
            }
            Published::There(..) => Ok((HaveIt::Already, receipt)),
        }
    }

    fn publish(
        &self,
        parents: &mut Parents<D::Handle>,
        ready: &mut Ready<D>,
    ) -> Result<Published<D>, StoreError> {
        let (_, leaf) = split(&ready.name);
        for _ in 0..TRIES {
            let parent = parents.made(&self.disk, &ready.name)?;
            match ready.source.publish(&self.disk, &parent.handle, leaf) {
                Ok(()) => {
                    let status = self.disk.status(ready.source.handle()).map_err(failed)?;
                    return Ok(Published::New(parent, status.stamp));
                }
                // The directory is gone: resolve its path again.
                Err(TurnError::Call(Errno::NOENT)) => parents.forget(),
                Err(TurnError::Call(Errno::EXIST)) => {
                    if let Some(existing) = existing::open(&self.disk, &parent.handle, leaf)? {
                        let existing = self.same(existing, ready.size, ready.hash)?;
                        return Ok(Published::There(parent, existing));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(failed(Errno::BUSY))
    }

    /// The file itself if its content is this, and otherwise that the name is taken.
    pub(super) fn same(
        &self,
        mut existing: Existing<D::Handle>,
        size: u64,
        hash: Hash,
    ) -> Result<Existing<Arc<D::Handle>>, StoreError> {
        let (there, _) = self.hash_of(&mut existing)?;
        if there != hash || existing.size() != size {
            return Err(StoreError::NameTaken { size: existing.size(), hash: there });
        }
        Ok(Existing { handle: Arc::new(existing.handle), status: existing.status })
    }

    /// Writes down the hashes of files that the store published.
    pub(super) fn learn(&self, learned: &mut Vec<Learned>) {
        if let Some(hashes) = &self.hashes {
            hashes.published(&self.disk, learned);
        }
        learned.clear();
    }

    fn learn_new(&self, steps: &[Step<D>]) {
        let new = |step: &&Step<D>| step.failed.is_none() && step.have_it == HaveIt::Stored;
        self.learn(&mut steps.iter().filter(new).map(Step::learned).collect());
    }

    fn learn_synced(&self, steps: &[Step<D>]) {
        let full = |step: &&Step<D>| step.failed.is_none() && step.reached == Durability::Full;
        let (new, there): (Vec<_>, Vec<_>) =
            steps.iter().filter(full).partition(|step| step.have_it == HaveIt::Stored);
        self.learn(&mut new.into_iter().map(Step::learned).collect());
        for (step, hashes) in there.into_iter().zip(self.hashes.iter().cycle()) {
            hashes.synced(&self.disk, &step.stamp, step.reached);
        }
    }
}

/// What publishing found.
enum Published<D: Disk> {
    /// The name is ours now; in this directory, and recognised by this.
    New(Arc<Parent<D::Handle>>, Stamp),
    /// The same content has the name already.
    There(Arc<Parent<D::Handle>>, Existing<Arc<D::Handle>>),
}

impl<D: Disk> Step<D> {
    fn wants_name(&self) -> bool {
        self.failed.is_none()
            && self.ready.durability == Durability::Full
            && self.reached < Durability::Full
    }

    fn learned(&self) -> Learned {
        Learned { stamp: self.stamp, hash: self.ready.hash, durability: self.reached }
    }

    fn end(self) -> Settled {
        match self.failed {
            Some(error) => Err(error),
            None => Ok((self.have_it, self.ready.receipt())),
        }
    }
}
