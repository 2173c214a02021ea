//! Partials that nobody resumes: removed when they are old, and the oldest when there are many.
//!
//! Nothing but `.colok/partial` is touched, and nothing that a connection has open, in whatever
//! process.

use std::collections::BTreeMap;

use colok_proto::files::{Name, StoreError, UploadToken};

use super::Store;
use super::disk::{Access, Disk, DiskResult, Kind, Lock};
use super::fresh::{self, STAND_IN};
use super::partial::{self, LOG};

/// A broken upload as its directory shows it.
#[derive(Clone, Debug)]
struct Left {
    id: String,
    /// When its bytes or its log were last written.
    written_ns: i64,
    /// Size of its bytes; a log without them is of no use.
    bytes: Option<u64>,
}

impl<D: Disk> Store<D> {
    /// Removes partials that nobody resumed in time, and the oldest above the limits. For a timer
    /// of the server; cheap when there is nothing to do.
    pub fn tidy_partials(&self) {
        self.tidy(self.options.partials_max);
    }

    /// Makes place for one more.
    pub(super) fn bound_partials(&self) {
        self.tidy(self.options.partials_max.saturating_sub(1));
    }

    /// [`super::room::Room::look`], with partials giving way.
    pub(super) fn look(&self, bytes: u64) -> Result<(), StoreError> {
        let missing = || self.room.missing_on_disk(&self.disk, bytes).unwrap_or(u64::MAX);
        self.with_room(missing, || self.room.look(&self.disk, bytes))
    }

    /// [`super::room::Room::look_sometimes`], with partials giving way.
    pub(super) fn look_sometimes(&self, bytes: u64) -> Result<(), StoreError> {
        let missing = || self.room.missing_on_disk(&self.disk, bytes).unwrap_or(u64::MAX);
        self.with_room(missing, || self.room.look_sometimes(&self.disk, bytes))
    }

    /// [`super::room::Room::reserve`], with partials giving way.
    pub(super) fn reserve(&self, bytes: u64) -> Result<(), StoreError> {
        let missing = || self.room.missing_in_total(&self.disk, bytes).unwrap_or(u64::MAX);
        self.with_room(missing, || self.room.reserve(&self.disk, bytes))
    }

    /// Does what needs room, and if there is none, again without the oldest partials that nobody
    /// uses, provided that they make up for what is missing: what can be stored now is worth more
    /// than what may be resumed, and what cannot be stored is worth nothing.
    pub(super) fn with_room<T>(
        &self,
        missing: impl Fn() -> u64,
        mut act: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            match act() {
                Err(StoreError::NoSpace) if self.reclaim(missing()) => {}
                result => return result,
            }
        }
    }

    /// Removes what an upload left, if nobody uses it.
    pub(super) fn forget_partial(&self, token: &UploadToken, name: &Name) {
        let Some(partials) = self.partials() else { return };
        let id = partial::id(token, name);
        // Looked up first: removing would make the log to lock it.
        if self.disk.status_at(partials, &id).is_ok() {
            self.remove_left(&id);
        }
    }

    fn tidy(&self, partials_max: usize) {
        let Ok(left) = self.left_partials() else { return };
        let keep_ns = i64::try_from(self.options.keep_partial.as_nanos()).unwrap_or(i64::MAX);
        let oldest_ns = self.disk.now_ns().saturating_sub(keep_ns);
        let mut count = left.len();
        let mut bytes: u64 = left.iter().filter_map(|left| left.bytes).sum();
        for left in left {
            let over = count > partials_max || bytes > self.options.partial_bytes_max;
            let useless = left.bytes.is_none() || left.written_ns < oldest_ns;
            if (over || useless) && self.remove_left(&left.id) {
                count -= 1;
                bytes -= left.bytes.unwrap_or(0);
            }
        }
    }

    /// Removes the oldest partials that nobody uses until they took as many bytes; none if they
    /// do not.
    fn reclaim(&self, missing: u64) -> bool {
        let Ok(left) = self.left_partials() else { return false };
        let mut found = 0;
        let mut unused = Vec::new();
        for left in left {
            let bytes = left.bytes.unwrap_or(0);
            if found < missing && bytes > 0 && self.is_unused(&left.id) {
                found += bytes;
                unused.push(left);
            }
        }
        found >= missing && unused.iter().any(|left| self.remove_left(&left.id))
    }

    fn is_unused(&self, id: &str) -> bool {
        let Some(partials) = self.partials() else { return false };
        let bytes = self.disk.open(partials, id, Access::Read);
        bytes.is_ok_and(|bytes| self.disk.lock(&bytes, Lock::Exclusive, false).is_ok())
    }

    /// Removes one if nobody uses it.
    fn remove_left(&self, id: &str) -> bool {
        let Some(partials) = self.partials() else { return false };
        let removed = if id.starts_with(STAND_IN) {
            fresh::remove_unused(&self.disk, partials, id)
        } else {
            partial::remove_unused(&self.disk, partials, id)
        };
        let Ok(Some(size)) = removed else { return false };
        self.room.release(&self.disk, size);
        true
    }

    /// All of them, the oldest first.
    fn left_partials(&self) -> DiskResult<Vec<Left>> {
        let Some(private) = &self.private else { return Ok(Vec::new()) };
        let directory = self.disk.open_directory(&private.directory, "partial")?;
        let mut names = Vec::new();
        self.disk.entries(&directory, &mut |name, _| {
            names.extend(str::from_utf8(name).map(str::to_owned));
        })?;
        let mut left: BTreeMap<String, Left> = BTreeMap::new();
        for name in names {
            let Ok(status) = self.disk.status_at(&private.partials, &name) else { continue };
            if status.kind != Kind::File {
                continue;
            }
            let log_of = name.strip_suffix(LOG);
            let id = log_of.unwrap_or(&name).to_owned();
            let entry = left.entry(id.clone()).or_insert(Left { id, written_ns: 0, bytes: None });
            entry.written_ns = entry.written_ns.max(status.stamp.modified_ns);
            if log_of.is_none() {
                entry.bytes = Some(status.stamp.size);
            }
        }
        let mut left: Vec<_> = left.into_values().collect();
        left.sort_by_key(|left| left.written_ns);
        Ok(left)
    }
}
