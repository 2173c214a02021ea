//! Reading every stored file again and comparing it with what was stored.

use std::ops::ControlFlow;

use colok_proto::files::{Entry, Hash, Name, Prefix, StoreError};

use super::Store;
use super::disk::Disk;
use super::hashes::Known;
use super::listing::Page;

/// Names looked up at a time: a directory is read once for as many of its files.
const NAMES_AT_ONCE: usize = 16 * 1024;

/// What reading a file again showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// It has the hash that it had when it was stored, or first read.
    Sound,
    /// It does not: its bytes were changed or lost.
    Damaged {
        /// The hash that it had.
        stored: Hash,
    },
    /// Its hash was not known before: other programs put it there, or the table forgot it.
    NotKnown,
}

/// How far verifying a store is.
#[derive(Clone, Copy, Debug)]
pub enum VerifyStep<'a> {
    /// A part of a file was read.
    Reading {
        /// Its name.
        name: &'a Name,
        /// Bytes read so far.
        read: u64,
        /// Its size in bytes.
        size: u64,
    },
    /// A file was read to its end.
    Checked {
        /// The file, with the hash that it has now.
        entry: &'a Entry,
        /// What that means.
        soundness: Soundness,
    },
    /// A file could not be read.
    Unreadable {
        /// Its name.
        name: &'a Name,
        /// Why.
        error: StoreError,
    },
}

/// What verifying a store came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyTotals {
    /// Files that are as they were stored.
    pub sound: u64,
    /// Files that are not.
    pub damaged: u64,
    /// Files of which nothing was known.
    pub not_known: u64,
    /// Files that could not be read.
    pub unreadable: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl<D: Disk> Store<D> {
    /// Reads all files whose names start with `prefix`, in byte order of their names, and tells
    /// `watch` of each; it ends early if that says so. Files that go away meanwhile are left out.
    pub fn verify(
        &self,
        prefix: &Prefix,
        watch: &mut dyn FnMut(VerifyStep<'_>) -> ControlFlow<()>,
    ) -> Result<VerifyTotals, StoreError> {
        let mut totals = VerifyTotals::default();
        let mut after: Option<Name> = None;
        loop {
            let mut page = Page::new(prefix, after.as_ref(), NAMES_AT_ONCE, usize::MAX);
            self.fill_page(&mut page)?;
            let more = page.entries.len() >= NAMES_AT_ONCE;
            for entry in page.entries {
                if self.verify_file(&entry.name, &mut totals, watch).is_break() {
                    return Ok(totals);
                }
                after = Some(entry.name);
            }
            if !more {
                return Ok(totals);
            }
        }
    }

    fn verify_file(
        &self,
        name: &Name,
        totals: &mut VerifyTotals,
        watch: &mut dyn FnMut(VerifyStep<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        let mut watch_reading = |step: VerifyStep<'_>| {
            flow = watch(step);
            flow
        };
        let (entry, soundness) = match self.read_again(name, &mut watch_reading) {
            Ok(Some(checked)) => checked,
            // It is gone, or `watch` had enough.
            Ok(None) => return flow,
            Err(error) => {
                totals.unreadable += 1;
                return watch(VerifyStep::Unreadable { name, error });
            }
        };
        totals.bytes += entry.size;
        *match soundness {
            Soundness::Sound => &mut totals.sound,
            Soundness::Damaged { .. } => &mut totals.damaged,
            Soundness::NotKnown => &mut totals.not_known,
        } += 1;
        watch(VerifyStep::Checked { entry: &entry, soundness })
    }

    fn read_again(
        &self,
        name: &Name,
        watch: &mut dyn FnMut(VerifyStep<'_>) -> ControlFlow<()>,
    ) -> Result<Option<(Entry, Soundness)>, StoreError> {
        let Some(mut file) = self.open_file(name)? else { return Ok(None) };
        let known = self.known(&file.status);
        let size = file.size();
        let hash = self.read_hash_watched(&mut file, &mut |read| {
            watch(VerifyStep::Reading { name, read, size })
        })?;
        let Some(hash) = hash else { return Ok(None) };
        let soundness = match known {
            Known::Current(stored, _) | Known::Former(stored) if stored == hash => Soundness::Sound,
            Known::Current(stored, _) | Known::Former(stored) => Soundness::Damaged { stored },
            Known::Nothing => Soundness::NotKnown,
        };
        Ok(Some((file.entry(name.clone(), Some(hash)), soundness)))
    }
}
