//! Listing the names of a store in pages, in byte order of whole names.
//!
//! Memory is bounded: of each directory on the way the smallest names that can still count are
//! kept, and it is read again should those not have been enough. What a page did not use is kept
//! for the next one ([`Ahead`]), so that a directory of a million files is not read a thousand
//! times. Directories without any name that counts are not read at all. Only what a client could
//! ask for is shown: regular files whose names are [`Name`]s; never what a link leads to.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Mutex, PoisonError};

use colok_proto::files::{COMPONENTS_MAX, Entry, Hash, Listing, Name, Prefix, StoreError};
use rustix::io::Errno;

use super::Store;
use super::disk::{Disk, Kind, Stamp, Status};
use super::existing::entry;
use super::hashes::Known;
use super::open::PRIVATE;
use super::problem::{failed, not_found};

/// Names kept at a time: about 1 MiB. In each directory there is place for the rest of a page.
const KEYS_MAX: usize = 16 * 1024;

/// A directory that was changed so shortly before it was read may change again without showing.
const GRAIN_NS: i64 = 2_000_000_000;

/// Bytes of names in a page, at most, one name excepted: who asks for it holds it all.
const PAGE_BYTES_MAX: usize = 64 * 1024;

/// Listings that go on, of all connections together, of which what comes next is kept.
const AHEAD_MAX: usize = 8;

/// What is known of the next pages of the listings that went on last; about 1 MiB each.
#[derive(Debug, Default)]
pub(super) struct Aheads(Mutex<VecDeque<Ahead>>);

/// What a listing knows already when its next page is asked for. Good only for that page, and only
/// of directories that have not changed.
#[derive(Debug)]
struct Ahead {
    prefix: String,
    after: String,
    levels: Vec<Level>,
}

/// Names of one directory that come next.
#[derive(Debug)]
struct Level {
    /// What they begin with.
    start: String,
    /// How the directory was when it was read.
    stamp: Stamp,
    keys: Vec<Key>,
    /// Whether there are no more behind them.
    complete: bool,
    /// Whether a change since then would show in the stamp.
    rested: bool,
}

/// A page that is being filled.
pub(super) struct Page<'a> {
    prefix: &'a str,
    /// Only names behind this one.
    after: Option<String>,
    /// How many entries are wanted: one more than are given, to know whether there are more.
    wanted: usize,
    /// How many bytes of names are wanted at most; more than one name ends a page then.
    bytes_max: usize,
    bytes: usize,
    pub(super) entries: Vec<Entry>,
    /// How many names of directories on the way are kept.
    held: usize,
    /// What the page before knew already.
    known: Vec<Level>,
    /// What this one leaves to the next.
    left: Vec<Level>,
}

/// An entry of a directory in the order of whole names: a directory sorts as its name with `/`
/// behind it, since that is what the names below it continue with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl Key {
    fn directory(&self) -> Option<&str> {
        self.0.strip_suffix('/')
    }
}

impl<D: Disk> Store<D> {
    /// A page of the names that start with `prefix` and lie behind `after`.
    pub(super) fn list(
        &self,
        prefix: &Prefix,
        after: Option<&Name>,
        limit: Option<u64>,
    ) -> Result<Listing, StoreError> {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let limit = limit.clamp(1, self.options.entries_per_page_max.max(1));
        let mut page = Page::new(prefix, after, limit + 1, PAGE_BYTES_MAX);
        page.known = self.aheads.take(prefix, after);
        self.fill_page(&mut page)?;
        let more = page.is_full();
        if more {
            // The one too many.
            page.entries.pop();
        }
        if let (true, Some(last)) = (more, page.entries.last()) {
            let (prefix, after) = (page.prefix.to_owned(), last.name.as_str().to_owned());
            self.aheads.keep(Ahead { prefix, after, levels: page.left });
        }
        Ok(Listing { entries: page.entries, more })
    }

    /// Fills a page.
    pub(super) fn fill_page(&self, page: &mut Page<'_>) -> Result<(), StoreError> {
        let start = page.prefix.rfind('/').map_or("", |end| &page.prefix[..=end]);
        // A prefix is no checked path: what no name begins with has no files.
        let is_no_path = start.strip_suffix('/').is_some_and(|path| Name::new(path).is_err());
        let is_before = |after: &String| **after > *start && !after.starts_with(start);
        if is_no_path || page.after.as_ref().is_some_and(is_before) {
            return Ok(());
        }
        self.fill(page, start, 0)
    }

    /// Adds the names below a directory, given as what they begin with: nothing, or `a/b/`.
    fn fill(&self, page: &mut Page<'_>, start: &str, depth: usize) -> Result<(), StoreError> {
        if depth >= COMPONENTS_MAX {
            return Ok(());
        }
        loop {
            let path = start.strip_suffix('/').unwrap_or(".");
            let directory = match self.disk.open_directory(self.disk.root(), path) {
                Ok(directory) => directory,
                Err(errno) => return gone(errno),
            };
            let level = self.level(page, &directory, start)?;
            let held = level.keys.len();
            page.held += held;
            let mut keys = level.keys.into_iter();
            while let Some(key) = keys.next() {
                self.add(page, &directory, start, &key, depth)?;
                if page.is_full() {
                    // The one too many begins the next page.
                    let keys = std::iter::once(key).chain(keys).collect();
                    page.left.push(Level { keys, ..level });
                    return Ok(());
                }
                page.after = Some(format!("{start}{}", key.0));
            }
            page.held -= held;
            if level.complete {
                return Ok(());
            }
        }
    }

    /// The names that come next in a directory: as the page before left them, or read now.
    fn level(
        &self,
        page: &mut Page<'_>,
        directory: &D::Handle,
        start: &str,
    ) -> Result<Level, StoreError> {
        let stamp = self.disk.status(directory).map_err(failed)?.stamp;
        if let Some(at) = page.known.iter().position(|level| level.start == start) {
            let known = page.known.swap_remove(at);
            if known.stamp == stamp && known.rested {
                return Ok(known);
            }
        }
        let rested = stamp.modified_ns.saturating_add(GRAIN_NS) < self.disk.now_ns();
        // However deep it goes, little more is held in all.
        let room = KEYS_MAX.saturating_sub(page.held).max(page.wanted - page.entries.len());
        let keys = self.smallest(page, directory, start, room)?;
        let complete = keys.len() < room;
        Ok(Level { start: start.to_owned(), stamp, keys, complete, rested })
    }

    /// The smallest keys of a directory that can count, at most `room`, in order.
    fn smallest(
        &self,
        page: &Page<'_>,
        directory: &D::Handle,
        start: &str,
        room: usize,
    ) -> Result<Vec<Key>, StoreError> {
        let mut heap = BinaryHeap::with_capacity(room.min(1024) + 1);
        let bounds = page.bounds(start);
        let mut add = |name: &str, is_directory: bool| {
            let too_large = heap.len() >= room
                && heap.peek().is_some_and(|Key(largest)| {
                    order(name, is_directory, largest) != Ordering::Less
                });
            if !too_large && bounds.allow(name, is_directory) {
                heap.push(Key(format!("{name}{}", if is_directory { "/" } else { "" })));
                if heap.len() > room {
                    heap.pop();
                }
            }
        };
        let mut unknown = Vec::new();
        let mut each = |name: &[u8], kind: Kind| {
            let Ok(name) = str::from_utf8(name) else { return };
            if start.is_empty() && name == PRIVATE {
                return;
            }
            match kind {
                Kind::File | Kind::Directory => add(name, kind == Kind::Directory),
                Kind::Unknown => unknown.push(name.to_owned()),
                Kind::Other => {}
            }
        };
        self.disk.entries(directory, &mut each).map_err(failed)?;
        for name in unknown {
            let kind = self.disk.status_at(directory, &name).map_or(Kind::Other, |it| it.kind);
            if matches!(kind, Kind::File | Kind::Directory) {
                add(&name, kind == Kind::Directory);
            }
        }
        Ok(heap.into_sorted_vec())
    }

    fn add(
        &self,
        page: &mut Page<'_>,
        directory: &D::Handle,
        start: &str,
        key: &Key,
        depth: usize,
    ) -> Result<(), StoreError> {
        if key.directory().is_some() {
            return self.fill(page, &format!("{start}{}", key.0), depth + 1);
        }
        let Ok(name) = Name::new(&format!("{start}{}", key.0)) else { return Ok(()) };
        let status = match self.disk.status_at(directory, &key.0) {
            Ok(status) if status.kind == Kind::File => status,
            Ok(_) => return Ok(()),
            Err(errno) => return gone(errno),
        };
        page.bytes += name.as_str().len();
        let hash = self.known_hash(&status);
        page.entries.push(entry(name, &status, hash));
        Ok(())
    }

    fn known_hash(&self, status: &Status) -> Option<Hash> {
        match self.known(status) {
            Known::Current(hash, _) => Some(hash),
            Known::Former(_) | Known::Nothing => None,
        }
    }
}

impl Aheads {
    fn take(&self, prefix: &Prefix, after: Option<&Name>) -> Vec<Level> {
        let Some(after) = after else { return Vec::new() };
        let mut aheads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |ahead: &Ahead| ahead.prefix == prefix.as_str() && ahead.after == after.as_str();
        let at = aheads.iter().position(fits);
        at.and_then(|at| aheads.remove(at)).map_or(Vec::new(), |ahead| ahead.levels)
    }

    fn keep(&self, ahead: Ahead) {
        let mut aheads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if aheads.len() >= AHEAD_MAX {
            aheads.pop_front();
        }
        aheads.push_back(ahead);
    }
}

impl<'a> Page<'a> {
    /// An empty page for the names that start with `prefix` and lie behind `after`.
    pub(super) fn new(
        prefix: &'a Prefix,
        after: Option<&Name>,
        wanted: usize,
        bytes_max: usize,
    ) -> Self {
        let after = after.map(|name| name.as_str().to_owned());
        Self {
            prefix: prefix.as_str(),
            after,
            wanted,
            bytes_max,
            bytes: 0,
            entries: Vec::new(),
            held: 0,
            known: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Whether no more is wanted; the last entry is one too many then.
    fn is_full(&self) -> bool {
        self.entries.len() >= self.wanted || self.bytes > self.bytes_max && self.entries.len() > 1
    }

    fn bounds<'b>(&'b self, start: &'b str) -> Bounds<'b> {
        Bounds {
            prefix: self.prefix.strip_prefix(start).unwrap_or(""),
            // Otherwise it lies before all of these names, since nobody comes here when it lies
            // behind them.
            after: self.after.as_deref().and_then(|after| after.strip_prefix(start)),
        }
    }
}

/// What the names of one directory are compared with: the part of prefix and `after` behind what
/// they all begin with.
struct Bounds<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
}

impl Bounds<'_> {
    /// Whether a name can lead to a file that is wanted.
    fn allow(&self, name: &str, is_directory: bool) -> bool {
        // The prefix may go on below a directory, or end in the middle of its name.
        let below = |text: &str| {
            is_directory && text.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
        };
        let in_prefix = name.starts_with(self.prefix) || below(self.prefix);
        let behind = self.after.is_none_or(|after| {
            // A directory that was done has its own key, with nothing behind `/`, as `after`.
            order(name, is_directory, after) == Ordering::Greater
                || below(after) && after.len() > name.len() + 1
        });
        in_prefix && behind
    }
}

/// Compares the key of a name with another key, without making it.
fn order(name: &str, is_directory: bool, other: &str) -> Ordering {
    let common = name.len().min(other.len());
    let (mine, rest) = (&name.as_bytes()[common..], &other.as_bytes()[common..]);
    name.as_bytes()[..common].cmp(&other.as_bytes()[..common]).then_with(|| {
        if mine.is_empty() && is_directory { b"/"[..].cmp(rest) } else { mine.cmp(rest) }
    })
}

/// What is gone, closed to us, or replaced by something else while a listing is made, is left out.
fn gone(errno: Errno) -> Result<(), StoreError> {
    match not_found(errno) {
        StoreError::NotFound | StoreError::NotAFile => Ok(()),
        _ if errno == Errno::ACCESS => Ok(()),
        error => Err(error),
    }
}
