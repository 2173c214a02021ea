//! Partials that nobody resumes: removed when they are old, and the oldest when there are many.
//!
//! Nothing but `.colok/partial` is touched, and nothing that a connection has open, in whatever
//! process.

use std::collections::BTreeMap;

use super::Store;
use super::disk::{Disk, DiskResult, Kind};
use super::fresh::STAND_IN;
use super::partial::{self, LOG};

/// A broken upload as its directory shows it.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    /// When its bytes or its log were last written.
    written_ns: i64,
    /// Size of its bytes.
    bytes: u64,
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

    fn tidy(&self, partials_max: usize) {
        let Ok(left) = self.left_partials() else { return };
        let keep_ns = i64::try_from(self.options.keep_partial.as_nanos()).unwrap_or(i64::MAX);
        let oldest_ns = self.disk.now_ns().saturating_sub(keep_ns);
        let mut count = left.len();
        let mut bytes: u64 = left.values().map(|left| left.bytes).sum();
        let mut by_age: Vec<_> = left.into_iter().collect();
        by_age.sort_by_key(|(_, left)| left.written_ns);
        for (id, left) in by_age {
            let over = count > partials_max || bytes > self.options.partial_bytes_max;
            if !over && left.written_ns >= oldest_ns {
                break;
            }
            if self.remove_left(&id) {
                count -= 1;
                bytes -= left.bytes;
            }
        }
    }

    /// Removes one if nobody uses it.
    fn remove_left(&self, id: &str) -> bool {
        let Some(partials) = self.partials() else { return false };
        if id.starts_with(STAND_IN) {
            return self.disk.remove(partials, id).is_ok();
        }
        match partial::remove_unused(&self.disk, partials, id) {
            Ok(Some(size)) => {
                self.room.release(&self.disk, size);
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    fn left_partials(&self) -> DiskResult<BTreeMap<String, Left>> {
        let Some(private) = &self.private else { return Ok(BTreeMap::new()) };
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
            let (id, is_log) = match name.strip_suffix(LOG) {
                Some(id) => (id, true),
                None => (&*name, false),
            };
            let entry = left.entry(id.to_owned()).or_default();
            entry.written_ns = entry.written_ns.max(status.stamp.modified_ns);
            if !is_log {
                entry.bytes = status.stamp.size;
            }
        }
        Ok(left)
    }
}
