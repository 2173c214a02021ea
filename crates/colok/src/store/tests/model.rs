//! A disk in memory that forgets what was not synced.
//!
//! It keeps what programs see, and beside it what would be left if the power went now: the bytes
//! of each file at its last sync, the entries of each directory at its last sync, and the changes
//! of entries since, each of which may have reached the disk or not. A disk of what is left is
//! made by [`ModelDisk::after_power_loss`]. Renaming is one change, as on every file system with a
//! journal. After a set number of operations the power is gone: every call fails and changes
//! nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::io::Errno;

use crate::store::disk::{Access, Disk, DiskResult, Kind, Lock, Space, Stamp, Status};

/// Bytes that a disk writes as one.
const SECTOR: usize = 512;

const ROOT: usize = 0;

/// A disk in memory.
pub(in crate::store) struct ModelDisk {
    state: Arc<Mutex<State>>,
    root: Handle,
}

/// An open file.
pub(in crate::store) struct Handle {
    state: Arc<Mutex<State>>,
    inode: usize,
    number: u64,
}

#[derive(Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    /// Changes of entries that are not known to be on the disk, in order.
    changes: Vec<Change>,
    next: u64,
    clock_ns: i64,
    boot: u64,
    operations: u64,
    /// After so many the power is gone.
    power_ends: Option<u64>,
}

#[derive(Clone)]
struct Inode {
    kind: Kind,
    mode: u32,
    bytes: Vec<u8>,
    entries: BTreeMap<String, usize>,
    /// Those that are on the disk for certain.
    synced_entries: BTreeMap<String, usize>,
    born_ns: i64,
    modified_ns: i64,
    changed_ns: i64,
    /// What is on the disk for certain; `None` if nothing is, not even that it exists.
    synced: Option<(u32, Vec<u8>)>,
    locks: Vec<(u64, Lock)>,
}

/// A change of entries: what goes and what comes, at once.
#[derive(Clone, PartialEq, Eq)]
struct Change {
    gone: Option<(usize, String)>,
    new: Option<(usize, String, usize)>,
}

impl Change {
    /// The directories and names that it changes.
    fn entries(&self) -> impl Iterator<Item = (usize, &str)> {
        let gone = self.gone.iter().map(|(directory, name)| (*directory, &**name));
        gone.chain(self.new.iter().map(|(directory, name, _)| (*directory, &**name)))
    }

    fn touches(&self, other: &Self) -> bool {
        self.entries().any(|mine| other.entries().any(|theirs| mine == theirs))
    }
}

/// Which parts of what was not synced are left after the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Left {
    Nothing,
    Everything,
    /// Each sector and each change or not, by a seed.
    Some(u64),
}

impl ModelDisk {
    pub(in crate::store) fn new() -> Self {
        let root = Inode::new(Kind::Directory, 0o755, 1);
        // Time enough that what is read was changed long ago, where tests want that.
        Self::of(State { inodes: vec![root], clock_ns: 1 << 60, boot: 0x100, ..State::default() })
    }

    fn of(state: State) -> Self {
        let state = Arc::new(Mutex::new(state));
        let root = Handle { state: Arc::clone(&state), inode: ROOT, number: 0 };
        Self { state, root }
    }

    /// The same disk for another process.
    pub(in crate::store) fn share(&self) -> Self {
        let root = Handle { state: Arc::clone(&self.state), inode: ROOT, number: 0 };
        Self { state: Arc::clone(&self.state), root }
    }

    /// The power goes after so many more operations.
    pub(in crate::store) fn end_power_after(&self, operations: u64) {
        let mut state = self.lock();
        state.power_ends = Some(state.operations + operations);
    }

    /// How many operations there were.
    pub(in crate::store) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// What a process finds that starts after the others were killed, or after the system was
    /// started again with nothing lost.
    pub(in crate::store) fn after_everything_survived(&self, started_again: bool) -> Self {
        let mut state = self.lock().clone();
        state.power_ends = None;
        state.inodes.iter_mut().for_each(|inode| inode.locks.clear());
        if started_again {
            state.boot += 0x100;
        }
        Self::of(state)
    }

    /// What is left when the power goes.
    pub(in crate::store) fn after_power_loss(&self, left: Left) -> Self {
        let mut state = self.lock().clone();
        let mut chance = Chance(match left {
            Left::Some(seed) => seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            _ => 1,
        });
        let survives = |chance: &mut Chance| match left {
            Left::Nothing => false,
            Left::Everything => true,
            Left::Some(_) => chance.half(),
        };
        state.keep(|_| survives(&mut chance));
        state.changes.clear();
        for inode in &mut state.inodes {
            inode.entries = inode.synced_entries.clone();
            let (mode, synced) = inode.synced.clone().unwrap_or((0o600, Vec::new()));
            if !survives(&mut chance) {
                inode.mode = mode;
            }
            inode.bytes = mixed(&synced, &inode.bytes, || survives(&mut chance));
            inode.synced = Some((inode.mode, inode.bytes.clone()));
            inode.locks.clear();
        }
        state.power_ends = None;
        state.boot += 0x100;
        Self::of(state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Takes one operation from what the power allows.
    fn operate(&self) -> DiskResult<MutexGuard<'_, State>> {
        let mut state = self.lock();
        state.operations += 1;
        if state.power_ends.is_some_and(|end| state.operations > end) {
            return Err(Errno::IO);
        }
        state.clock_ns += 1000;
        Ok(state)
    }

    fn handle(&self, state: &mut State, inode: usize) -> Handle {
        state.next += 1;
        Handle { state: Arc::clone(&self.state), inode, number: state.next }
    }
}

impl Inode {
    fn new(kind: Kind, mode: u32, now_ns: i64) -> Self {
        Self {
            kind,
            mode,
            bytes: Vec::new(),
            entries: BTreeMap::new(),
            synced_entries: BTreeMap::new(),
            born_ns: now_ns,
            modified_ns: now_ns,
            changed_ns: now_ns,
            synced: None,
            locks: Vec::new(),
        }
    }
}

impl State {
    /// Resolves a path; there are no links here.
    fn find(&self, at: usize, path: &str) -> DiskResult<usize> {
        let mut inode = at;
        for component in path.split('/').filter(|component| *component != ".") {
            if self.inodes[inode].kind != Kind::Directory {
                return Err(Errno::NOTDIR);
            }
            inode = *self.inodes[inode].entries.get(component).ok_or(Errno::NOENT)?;
        }
        Ok(inode)
    }

    fn create(&mut self, kind: Kind, mode: u32) -> usize {
        self.inodes.push(Inode::new(kind, mode, self.clock_ns));
        self.inodes.len() - 1
    }

    fn links(&self, inode: usize) -> u32 {
        let names = self.inodes.iter().flat_map(|directory| directory.entries.values());
        u32::try_from(names.filter(|entry| **entry == inode).count()).unwrap()
    }

    /// Makes a change of entries that may be lost.
    fn change(&mut self, change: Change) {
        if let Some((directory, name)) = &change.gone {
            self.inodes[*directory].entries.remove(name);
        }
        if let Some((directory, name, inode)) = &change.new {
            self.inodes[*directory].entries.insert(name.clone(), *inode);
            self.inodes[*inode].changed_ns = self.clock_ns;
        }
        self.changes.push(change);
    }

    /// Brings changes to the disk: those that `wanted` names, except that nothing overtakes an
    /// older change of the same entry that stays behind.
    fn keep(&mut self, mut wanted: impl FnMut(&Change) -> bool) {
        let mut behind: Vec<Change> = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            if wanted(&change) && !behind.iter().any(|older| older.touches(&change)) {
                if let Some((directory, name)) = &change.gone {
                    self.inodes[*directory].synced_entries.remove(name);
                }
                if let Some((directory, name, inode)) = &change.new {
                    self.inodes[*directory].synced_entries.insert(name.clone(), *inode);
                }
            } else {
                behind.push(change);
            }
        }
        self.changes = behind;
    }

    fn sync(&mut self, inode: usize) {
        let file = &mut self.inodes[inode];
        file.synced = Some((file.mode, file.bytes.clone()));
        if file.kind != Kind::Directory {
            return;
        }
        // A change of this directory takes the older ones of the same entries elsewhere with it.
        let mut needed: Vec<Change> = Vec::new();
        for change in self.changes.iter().rev() {
            let here = change.entries().any(|(directory, _)| directory == inode);
            if here || needed.iter().any(|later| later.touches(change)) {
                needed.push(change.clone());
            }
        }
        self.keep(|change| needed.contains(change));
    }

    fn lock_conflicts(&self, file: &Handle, lock: Lock) -> bool {
        let others = self.inodes[file.inode].locks.iter().filter(|(by, _)| *by != file.number);
        others.into_iter().any(|(_, held)| *held == Lock::Exclusive || lock == Lock::Exclusive)
    }
}

/// Old bytes and new ones, sector by sector. A length that is new may come without its bytes.
fn mixed(old: &[u8], new: &[u8], mut survives: impl FnMut() -> bool) -> Vec<u8> {
    let mut bytes = old.to_vec();
    if bytes.len() != new.len() && survives() {
        bytes.resize(new.len(), 0);
    }
    for start in (0..bytes.len().min(new.len())).step_by(SECTOR) {
        let end = (start + SECTOR).min(bytes.len()).min(new.len());
        if bytes[start..end] != new[start..end] && survives() {
            bytes[start..end].copy_from_slice(&new[start..end]);
        }
    }
    bytes
}

struct Chance(u64);

impl Chance {
    fn half(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 40 & 1 == 1
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap();
        state.inodes[self.inode].locks.retain(|(by, _)| *by != self.number);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.inode)
    }
}

impl fmt::Debug for ModelDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelDisk")
    }
}

impl Disk for ModelDisk {
    type Handle = Handle;

    fn root(&self) -> &Handle {
        &self.root
    }

    fn open_directory(&self, at: &Handle, path: &str) -> DiskResult<Handle> {
        let mut state = self.operate()?;
        let inode = state.find(at.inode, path)?;
        if state.inodes[inode].kind != Kind::Directory {
            return Err(Errno::NOTDIR);
        }
        Ok(self.handle(&mut state, inode))
    }

    fn open(&self, at: &Handle, path: &str, access: Access) -> DiskResult<Handle> {
        let mut state = self.operate()?;
        let inode = match (state.find(at.inode, path), access) {
            (Ok(_), Access::CreateNew) => return Err(Errno::EXIST),
            (Err(Errno::NOENT), Access::Create | Access::CreateNew) => {
                let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
                let directory = state.find(at.inode, above)?;
                let inode = state.create(Kind::File, 0o600);
                let new = Some((directory, name.to_owned(), inode));
                state.change(Change { gone: None, new });
                inode
            }
            (found, _) => found?,
        };
        Ok(self.handle(&mut state, inode))
    }

    fn create_unnamed(&self, _at: &Handle) -> DiskResult<Handle> {
        let mut state = self.operate()?;
        let inode = state.create(Kind::File, 0o400);
        Ok(self.handle(&mut state, inode))
    }

    fn create_in_memory(&self) -> DiskResult<Handle> {
        self.create_unnamed(&self.root)
    }

    fn create_directory(&self, at: &Handle, name: &str, mode: u32) -> DiskResult<()> {
        let mut state = self.operate()?;
        if state.find(at.inode, name).is_ok() {
            return Err(Errno::EXIST);
        }
        let inode = state.create(Kind::Directory, mode);
        let new = Some((at.inode, name.to_owned(), inode));
        state.change(Change { gone: None, new });
        Ok(())
    }

    fn status(&self, file: &Handle) -> DiskResult<Status> {
        let state = self.operate()?;
        let inode = &state.inodes[file.inode];
        Ok(Status {
            kind: inode.kind,
            mode: inode.mode,
            links: state.links(file.inode),
            stamp: Stamp {
                device: 1,
                inode: file.inode as u64,
                born_ns: inode.born_ns,
                size: inode.bytes.len() as u64,
                modified_ns: inode.modified_ns,
                changed_ns: inode.changed_ns,
            },
        })
    }

    fn status_at(&self, at: &Handle, name: &str) -> DiskResult<Status> {
        let mut state = self.operate()?;
        let inode = state.find(at.inode, name)?;
        let handle = self.handle(&mut state, inode);
        drop(state);
        self.status(&handle)
    }

    fn read_at(&self, file: &Handle, into: &mut [u8], offset: u64) -> DiskResult<usize> {
        let state = self.operate()?;
        let bytes = &state.inodes[file.inode].bytes;
        let from = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }

    fn write_at(&self, file: &Handle, bytes: &[u8], offset: u64) -> DiskResult<usize> {
        let mut state = self.operate()?;
        let now_ns = state.clock_ns;
        let inode = &mut state.inodes[file.inode];
        let start = usize::try_from(offset).unwrap();
        let end = start + bytes.len();
        inode.bytes.resize(inode.bytes.len().max(end), 0);
        inode.bytes[start..end].copy_from_slice(bytes);
        (inode.modified_ns, inode.changed_ns) = (now_ns, now_ns);
        Ok(bytes.len())
    }

    fn set_length(&self, file: &Handle, length: u64) -> DiskResult<()> {
        let mut state = self.operate()?;
        let now_ns = state.clock_ns;
        let inode = &mut state.inodes[file.inode];
        inode.bytes.resize(usize::try_from(length).unwrap(), 0);
        (inode.modified_ns, inode.changed_ns) = (now_ns, now_ns);
        Ok(())
    }

    fn set_mode(&self, file: &Handle, mode: u32) -> DiskResult<()> {
        let mut state = self.operate()?;
        let now_ns = state.clock_ns;
        let inode = &mut state.inodes[file.inode];
        (inode.mode, inode.changed_ns) = (mode, now_ns);
        Ok(())
    }

    fn lock(&self, file: &Handle, lock: Lock, wait: bool) -> DiskResult<()> {
        let mut state = self.operate()?;
        if state.lock_conflicts(file, lock) {
            assert!(!wait, "one thread would wait for itself");
            return Err(Errno::WOULDBLOCK);
        }
        let locks = &mut state.inodes[file.inode].locks;
        locks.retain(|(by, _)| *by != file.number);
        locks.push((file.number, lock));
        Ok(())
    }

    fn unlock(&self, file: &Handle) -> DiskResult<()> {
        let mut state = self.lock();
        state.inodes[file.inode].locks.retain(|(by, _)| *by != file.number);
        Ok(())
    }

    fn link(&self, file: &Handle, at: &Handle, name: &str) -> DiskResult<()> {
        let mut state = self.operate()?;
        if state.find(at.inode, name).is_ok() {
            return Err(Errno::EXIST);
        }
        let new = Some((at.inode, name.to_owned(), file.inode));
        state.change(Change { gone: None, new });
        Ok(())
    }

    fn rename(&self, from: (&Handle, &str), to: (&Handle, &str)) -> DiskResult<()> {
        let mut state = self.operate()?;
        let inode = state.find(from.0.inode, from.1)?;
        if state.find(to.0.inode, to.1).is_ok() {
            return Err(Errno::EXIST);
        }
        let gone = Some((from.0.inode, from.1.to_owned()));
        let new = Some((to.0.inode, to.1.to_owned(), inode));
        state.change(Change { gone, new });
        Ok(())
    }

    fn remove(&self, at: &Handle, name: &str) -> DiskResult<()> {
        let mut state = self.operate()?;
        state.find(at.inode, name)?;
        state.change(Change { gone: Some((at.inode, name.to_owned())), new: None });
        Ok(())
    }

    fn sync(&self, handle: &Handle) -> DiskResult<()> {
        self.operate()?.sync(handle.inode);
        Ok(())
    }

    fn sync_all(&self) -> DiskResult<()> {
        let mut state = self.operate()?;
        (0..state.inodes.len()).for_each(|inode| state.sync(inode));
        Ok(())
    }

    fn entries(&self, directory: &Handle, each: &mut dyn FnMut(&[u8], Kind)) -> DiskResult<()> {
        let state = self.operate()?;
        for (name, inode) in &state.inodes[directory.inode].entries {
            each(name.as_bytes(), state.inodes[*inode].kind);
        }
        Ok(())
    }

    fn space(&self) -> DiskResult<Space> {
        drop(self.operate()?);
        Ok(Space { total: 1 << 40, free: 1 << 40 })
    }

    fn now_ns(&self) -> i64 {
        self.lock().clock_ns
    }

    fn nonce(&self) -> [u8; 16] {
        let mut state = self.lock();
        state.next += 1;
        u128::from(state.next).to_le_bytes()
    }

    fn boot(&self) -> u64 {
        self.lock().boot
    }

    fn descriptor<'a>(&self, _file: &'a Handle) -> Option<BorrowedFd<'a>> {
        None
    }
}
