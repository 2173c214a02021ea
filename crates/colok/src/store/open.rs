//! Opening a store: its root, its own directory, and what is left of other times.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use rustix::fs::{self as system, Mode, OFlags};
use rustix::io::Errno;

use super::disk::{Access, Disk, DiskResult, Kind, Linux, Lock};
use super::group::Group;
use super::hashes::Hashes;
use super::listing::Aheads;
use super::parents::SafeDirectories;
use super::places::Places;
use super::room::Room;
use super::{Private, Store, StoreOpenError, StoreOptions};

/// The store's own directory.
pub(super) const PRIVATE: &str = colok_proto::files::RESERVED;

/// Files that a table of hashes in memory has room for, in at most 1.5 MiB.
const FILES_IN_MEMORY: u64 = 1 << 14;

impl Store<Linux> {
    /// Opens a store, making its root and its own directory when it may write. Partials that are
    /// too old, or too many, are removed; nothing else that is there is changed.
    pub fn open(options: StoreOptions) -> Result<Arc<Self>, StoreOpenError> {
        let created = options.writable && make_root(&options.root)?;
        Self::open_root(options, created)
    }

    /// Opens a store whose root is there: for workers of a server that has opened it. A root that
    /// somebody has moved away meanwhile is an error, and not made again, empty.
    pub fn reopen(options: StoreOptions) -> Result<Arc<Self>, StoreOpenError> {
        Self::open_root(options, false)
    }

    fn open_root(options: StoreOptions, created: bool) -> Result<Arc<Self>, StoreOpenError> {
        let disk =
            Linux::open(&options.root).map_err(|errno| failed("open", &options.root, errno))?;
        Self::open_on(disk, options, created)
    }
}

impl<D: Disk> Store<D> {
    /// Opens a store on another disk than the real one, or on one that is observed
    /// ([`super::disk::Stepped`]). `options.root` is only used in errors.
    pub fn open_with(disk: D, options: StoreOptions) -> Result<Arc<Self>, StoreOpenError> {
        Self::open_on(disk, options, false)
    }

    fn open_on(disk: D, options: StoreOptions, created: bool) -> Result<Arc<Self>, StoreOpenError> {
        let private = options.writable.then(|| Opening::new(&disk, &options.root).private());
        let Some(private) = private.transpose()? else {
            return Ok(Arc::new(Self::assembled(disk, options, created, None)));
        };
        let lone = disk.lock(&private.lock, Lock::Exclusive, false).is_ok();
        let store = Self::assembled(disk, options, created, Some(private));
        store.count_and_share(lone).map_err(|errno| {
            failed("read", &store.options.root.join(PRIVATE).join("usage"), errno)
        })?;
        store.tidy_partials();
        Ok(Arc::new(store))
    }

    fn assembled(
        disk: D,
        options: StoreOptions,
        created: bool,
        private: Option<Private<D::Handle>>,
    ) -> Self {
        let usage = private
            .as_ref()
            .and_then(|private| disk.open(&private.directory, "usage", Access::Create).ok());
        Self {
            hashes: open_hashes(&disk, private.as_ref(), options.known_hashes_max),
            room: Room::new(options.free_share_min_percent, options.total_bytes_max.zip(usage)),
            places: Places::new(options.uploads_max, options.uploads_per_client_max),
            bytes_group: Group::default(),
            names_group: Group::default(),
            safe_directories: SafeDirectories::default(),
            aheads: Aheads::default(),
            waiting: AtomicUsize::new(0),
            disk,
            options,
            created,
            private,
        }
    }

    /// Counts what is stored, if nobody else has the store open, and lets others in.
    fn count_and_share(&self, lone: bool) -> DiskResult<()> {
        let Some(private) = &self.private else { return Ok(()) };
        if lone && self.room.counts() {
            let used = used_bytes(&self.disk)?;
            self.room.set_used(&self.disk, used)?;
        }
        self.disk.lock(&private.lock, Lock::Shared, true)
    }
}

/// Opening the store's own directory, with errors that say where.
struct Opening<'a, D> {
    disk: &'a D,
    path: PathBuf,
}

impl<'a, D: Disk> Opening<'a, D> {
    fn new(disk: &'a D, root: &Path) -> Self {
        Self { disk, path: root.join(PRIVATE) }
    }

    fn private(&self) -> Result<Private<D::Handle>, StoreOpenError> {
        let directory = self.directory(self.disk.root(), PRIVATE, &self.path)?;
        let partials = self.directory(&directory, "partial", &self.path.join("partial"))?;
        let lock = self.file(&directory, "lock")?;
        self.file(&directory, "usage")?;
        Ok(Private { directory, partials, lock })
    }

    fn directory(
        &self,
        at: &D::Handle,
        name: &str,
        path: &Path,
    ) -> Result<D::Handle, StoreOpenError> {
        match self.disk.create_directory(at, name, 0o700) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("mkdir", path, errno)),
        }
        self.disk.open_directory(at, name).map_err(|errno| failed("open", path, errno))
    }

    fn file(&self, at: &D::Handle, name: &str) -> Result<D::Handle, StoreOpenError> {
        self.disk
            .open(at, name, Access::Create)
            .map_err(|errno| failed("open", &self.path.join(name), errno))
    }
}

/// The table of hashes: on the disk, or in memory for a store that is only read and has none.
fn open_hashes<D: Disk>(
    disk: &D,
    private: Option<&Private<D::Handle>>,
    files: u64,
) -> Option<Hashes<D::Handle>> {
    if let Some(private) = private {
        let file = disk.open(&private.directory, "hashes", Access::Create).ok()?;
        return Some(Hashes::new(file, true, files));
    }
    let path = format!("{PRIVATE}/hashes");
    match disk.open(disk.root(), &path, Access::Read) {
        Ok(file) => Some(Hashes::new(file, false, files)),
        Err(_) => Some(Hashes::new(disk.create_in_memory().ok()?, true, FILES_IN_MEMORY)),
    }
}

/// The sizes of all files below the root, partials included.
fn used_bytes<D: Disk>(disk: &D) -> DiskResult<u64> {
    let mut used = 0;
    let mut directories = vec![String::from(".")];
    while let Some(path) = directories.pop() {
        let directory = match disk.open_directory(disk.root(), &path) {
            Ok(directory) => directory,
            // Gone meanwhile, or too deep for anything that the store could serve.
            Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::ACCESS) => continue,
            Err(errno) => return Err(errno),
        };
        let mut names = Vec::new();
        disk.entries(&directory, &mut |name, kind| {
            if let (Ok(name), true) = (str::from_utf8(name), kind != Kind::Other) {
                names.push(name.to_owned());
            }
        })?;
        for name in names {
            let Ok(status) = disk.status_at(&directory, &name) else { continue };
            match status.kind {
                Kind::Directory if path == "." => directories.push(name),
                Kind::Directory => directories.push(format!("{path}/{name}")),
                // The table is not what is stored.
                Kind::File if path == PRIVATE => {}
                Kind::File => used += status.stamp.size,
                Kind::Other | Kind::Unknown => {}
            }
        }
    }
    Ok(used)
}

/// Makes a root directory and those above it that are missing, and sees to it that they survive a
/// loss of power; `false` if it was there.
fn make_root(root: &Path) -> Result<bool, StoreOpenError> {
    if root.is_dir() {
        return Ok(false);
    }
    let missing: Vec<_> = root
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty())
        .take_while(|path| !path.is_dir())
        .collect();
    for path in missing.iter().rev() {
        match system::mkdir(*path, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("mkdir", path, errno)),
        }
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.map_or_else(|| OsString::from("."), OsString::from);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let synced = system::open(&above, flags, Mode::empty()).and_then(system::fsync);
        synced.map_err(|errno| failed("fsync", Path::new(&above), errno))?;
    }
    Ok(true)
}

fn failed(call: &'static str, path: &Path, errno: Errno) -> StoreOpenError {
    StoreOpenError { call, path: path.to_owned(), errno }
}
