//! Listing the names of a store in pages, in byte order of whole names.
//!
//! A page costs memory for itself only: of each directory on the way the smallest names that can
//! still count are kept, and it is read again should those not have been enough. Directories
//! without any name that counts are not read at all. Only what a client could ask for is shown:
//! regular files whose names are [`Name`]s; never what a link leads to.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use colok_proto::files::{COMPONENTS_MAX, Entry, Hash, Listing, Name, Prefix, StoreError};
use rustix::io::Errno;

use super::Store;
use super::disk::{Disk, Kind, Status};
use super::existing::entry;
use super::hashes::Known;
use super::open::PRIVATE;
use super::problem::{failed, not_found};

/// A page that is being filled.
pub(super) struct Page<'a> {
    prefix: &'a str,
    /// Only names behind this one.
    after: Option<String>,
    /// How many entries are wanted: one more than are given, to know whether there are more.
    wanted: usize,
    /// Whether hashes are told, as far as they are known.
    hashes: bool,
    pub(super) entries: Vec<Entry>,
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
        let mut page = Page::new(prefix, after, limit + 1, true);
        self.fill_page(&mut page)?;
        let more = page.entries.len() > limit;
        page.entries.truncate(limit);
        Ok(Listing { entries: page.entries, more })
    }

    /// Fills a page.
    pub(super) fn fill_page(&self, page: &mut Page<'_>) -> Result<(), StoreError> {
        let start = page.prefix.rfind('/').map_or("", |end| &page.prefix[..=end]);
        // A prefix is no checked path: what no name begins with has no files.
        match start.strip_suffix('/') {
            Some(path) if Name::new(path).is_err() => Ok(()),
            _ => self.fill(page, start, 0),
        }
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
            let room = page.wanted - page.entries.len();
            let keys = self.smallest(page, &directory, start, room)?;
            let complete = keys.len() < room;
            for key in keys {
                self.add(page, &directory, start, &key, depth)?;
                if page.entries.len() >= page.wanted {
                    return Ok(());
                }
                page.after = Some(format!("{start}{}", key.0));
            }
            if complete {
                return Ok(());
            }
            // Directories without files, or files gone meanwhile, used the places up.
        }
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
        let hash = if page.hashes { self.known_hash(&status) } else { None };
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

impl<'a> Page<'a> {
    /// An empty page for the names that start with `prefix` and lie behind `after`.
    pub(super) fn new(
        prefix: &'a Prefix,
        after: Option<&Name>,
        wanted: usize,
        hashes: bool,
    ) -> Self {
        let after = after.map(|name| name.as_str().to_owned());
        Self { prefix: prefix.as_str(), after, wanted, hashes, entries: Vec::new() }
    }

    fn bounds<'b>(&'b self, start: &'b str) -> Bounds<'b> {
        Bounds {
            prefix: self.prefix.strip_prefix(start).unwrap_or(""),
            // Otherwise it lies before all of these names: nobody comes here when it lies behind.
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
