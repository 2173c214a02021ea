//! Group commit: one round of syncing for all who wait at the same time.
//!
//! Whoever comes while nobody syncs does it for all that have come by then; who comes meanwhile
//! waits for the next round. So the number of syncs follows the speed of the disk and not the
//! number of clients, and nobody waits longer than two rounds. Nothing here waits for more to come.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::io::Errno;

use super::disk::{Disk, DiskResult, Identity};

/// Up to so many files are synced one by one; for more, one sync of the file system is cheaper,
/// although it also waits for what others wrote there.
const SYNCED_SINGLY_MAX: usize = 4;

/// What several conversations wait for together: files, or directories.
#[derive(Debug)]
pub(super) struct Group<H> {
    state: Mutex<State<H>>,
    ended: Condvar,
}

#[derive(Debug)]
struct State<H> {
    /// What the next round syncs. What has an identity is synced once, however many wait for it.
    waiting: Vec<Item<H>>,
    /// Where the result of the next round will be.
    round: Arc<OnceLock<DiskResult<()>>>,
    /// Whether a round is going on.
    busy: bool,
}

/// A handle to be synced; with its identity where several may name the same thing.
pub(super) type Item<H> = (Option<Identity>, Arc<H>);

impl<H> Default for Group<H> {
    fn default() -> Self {
        let state = State { waiting: Vec::new(), round: Arc::default(), busy: false };
        Self { state: Mutex::new(state), ended: Condvar::new() }
    }
}

impl<H> Group<H> {
    /// Returns when all of `items`, as they are now, are on the disk.
    pub(super) fn sync<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        items: Vec<Item<H>>,
    ) -> DiskResult<()> {
        if items.is_empty() {
            return Ok(());
        }
        let mut state = self.lock();
        state.waiting.extend(items);
        let round = Arc::clone(&state.round);
        while state.busy && round.get().is_none() {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(result) = round.get() {
            return *result;
        }
        // Nobody syncs and nobody did it for us: what waits is of our round, and we lead it.
        state.busy = true;
        let items = std::mem::take(&mut state.waiting);
        state.round = Arc::default();
        drop(state);
        let result = sync_each_or_all(disk, items);
        let _first = round.set(result);
        self.lock().busy = false;
        self.ended.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sync_each_or_all<D: Disk>(disk: &D, mut items: Vec<Item<D::Handle>>) -> DiskResult<()> {
    let mut seen = HashSet::new();
    items.retain(|(identity, _)| identity.is_none_or(|identity| seen.insert(identity)));
    if items.len() > SYNCED_SINGLY_MAX {
        match disk.sync_all() {
            Err(Errno::OPNOTSUPP) => {}
            result => return result,
        }
    }
    items.iter().try_for_each(|(_, handle)| disk.sync(handle))
}
