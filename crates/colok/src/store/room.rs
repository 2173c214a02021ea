//! Room for new bytes: the share of the disk that stays free, and the most bytes of a store.
//!
//! The free share is asked of the file system when an upload is opened and every 64 MiB after, so
//! it is exact to 64 MiB per upload in progress. The total is exact in what it refuses: bytes are
//! reserved in `.colok/usage`, under its lock, before they are written, whichever process writes
//! them. It can count too much, never too little: what a killed process had reserved, and what
//! other programs removed, is counted again when a store is opened that no other process has open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use colok_proto::files::StoreError;

use super::disk::{Disk, DiskResult, Lock, read_full, write_full};
use super::problem::failed;

/// How many bytes may be written before the free room is looked at again.
pub(super) const LOOK_AGAIN_BYTES: u64 = 64 << 20;

/// Where room is asked for.
#[derive(Debug)]
pub(super) struct Room<H> {
    free_share_min_percent: u8,
    total: Option<Total<H>>,
    /// Bytes that pushes may still write before the free room is looked at.
    unlooked: AtomicU64,
}

#[derive(Debug)]
struct Total<H> {
    bytes_max: u64,
    usage: H,
    /// The lock of the file keeps other processes out, this one the threads of this process: they
    /// share one open file, and such a lock belongs to the open file.
    threads: Mutex<()>,
}

impl<H> Room<H> {
    /// Room on a disk; `total` is the most bytes and the file that counts them.
    pub(super) fn new(free_share_min_percent: u8, total: Option<(u64, H)>) -> Self {
        let total =
            total.map(|(bytes_max, usage)| Total { bytes_max, usage, threads: Mutex::new(()) });
        Self { free_share_min_percent, total, unlooked: AtomicU64::new(0) }
    }

    /// Whether bytes are counted, so that reserving is needed at all.
    pub(super) fn counts(&self) -> bool {
        self.total.is_some()
    }

    /// Counts `bytes` more, if they fit.
    pub(super) fn reserve<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let Some(total) = &self.total else { return Ok(()) };
        let fits = total
            .change(disk, |used| used.checked_add(bytes).filter(|sum| *sum <= total.bytes_max));
        if fits.map_err(failed)? { Ok(()) } else { Err(StoreError::NoSpace) }
    }

    /// Counts `bytes` less.
    pub(super) fn release<D: Disk<Handle = H>>(&self, disk: &D, bytes: u64) {
        if let Some(total) = &self.total
            && bytes > 0
        {
            // Failing counts too much until a lone store is opened.
            let _counted = total.change(disk, |used| Some(used.saturating_sub(bytes)));
        }
    }

    /// Sets the count to what was found on the disk.
    pub(super) fn set_used<D: Disk<Handle = H>>(&self, disk: &D, bytes: u64) -> DiskResult<()> {
        self.total.as_ref().map_or(Ok(()), |total| total.change(disk, |_| Some(bytes)).map(|_| ()))
    }

    /// Whether `bytes` more fit, and leave the share of the disk free that is to stay free.
    pub(super) fn look<D: Disk<Handle = H>>(&self, disk: &D, bytes: u64) -> Result<(), StoreError> {
        match self.missing_on_disk(disk, bytes).map_err(failed)? {
            0 => Ok(()),
            _ => Err(StoreError::NoSpace),
        }
    }

    /// How many bytes too few are free for that.
    pub(super) fn missing_on_disk<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        bytes: u64,
    ) -> DiskResult<u64> {
        let space = disk.space()?;
        if space.total == 0 {
            // Some file systems do not know how large they are.
            return Ok(0);
        }
        let kept = space.total / 100 * u64::from(self.free_share_min_percent);
        Ok(kept.saturating_add(bytes).saturating_sub(space.free))
    }

    /// How many bytes too many are counted for `bytes` more.
    pub(super) fn missing_in_total<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        bytes: u64,
    ) -> DiskResult<u64> {
        let Some(total) = &self.total else { return Ok(0) };
        let mut missing = 0;
        total.change(disk, |used| {
            missing = used.saturating_add(bytes).saturating_sub(total.bytes_max);
            None
        })?;
        Ok(missing)
    }

    /// [`Self::look`], for small files: only after every 64 MiB of them, and for each while there
    /// is no room.
    pub(super) fn look_sometimes<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let spend = |left: u64| left.checked_sub(bytes);
        if self.unlooked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_err() {
            self.look(disk, bytes)?;
            self.unlooked.store(LOOK_AGAIN_BYTES, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl<H> Total<H> {
    /// Changes the count under the lock; `false` if `change` refused.
    fn change<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        change: impl FnOnce(u64) -> Option<u64>,
    ) -> DiskResult<bool> {
        let _alone = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        disk.lock(&self.usage, Lock::Exclusive, true)?;
        let result = self.change_locked(disk, change);
        disk.unlock(&self.usage)?;
        result
    }

    fn change_locked<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        change: impl FnOnce(u64) -> Option<u64>,
    ) -> DiskResult<bool> {
        let mut bytes = [0; 8];
        read_full(disk, &self.usage, &mut bytes, 0)?;
        let Some(used) = change(u64::from_le_bytes(bytes)) else { return Ok(false) };
        write_full(disk, &self.usage, &used.to_le_bytes(), 0)?;
        Ok(true)
    }
}
