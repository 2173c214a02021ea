//! What these tests share: a server with a store of its own, files to send, looks at what the
//! store shows. Everything is ended and removed when it is dropped.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::common::{Output, PATIENCE, Serving, command, finish, runnable};
use crate::wire::Wire;

/// Every concurrency model, by the name of its flag.
pub(crate) const MODELS: [&str; 5] = ["sequential", "threads", "processes", "events", "uring"];

/// Models that serve many clients at once.
pub(crate) const CONCURRENT_MODELS: [&str; 4] = ["threads", "processes", "events", "uring"];

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// A mebibyte.
pub(crate) const MIB: u64 = 1 << 20;

/// Whether the long versions of tests are asked for.
pub(crate) fn is_full() -> bool {
    std::env::var_os("COLOK_TEST_FULL").is_some_and(|value| !value.is_empty())
}

/// One value for every day, another for the long version.
pub(crate) fn daily_or_full<T>(daily: T, full: T) -> T {
    if is_full() { full } else { daily }
}

/// A number that no other test of this run uses.
pub(crate) fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whether a program is here; says so when it is not.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !here {
        println!("skipped: {program} is not installed");
    }
    here
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::park_timeout(LOOK);
    }
}

/// Runs the body for each of these side by side, without models that cannot run here; fails when it
/// fails for any, and names it.
pub(crate) fn each_of(names: &[&'static str], body: impl Fn(&'static str) + Sync) {
    let failed: Vec<&str> = thread::scope(|scope| {
        let names = runnable(names);
        let running: Vec<_> =
            names.into_iter().map(|name| (name, scope.spawn(|| body(name)))).collect();
        let ended = running.into_iter().map(|(name, thread)| (name, thread.join()));
        ended.filter_map(|(name, result)| result.is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "it failed for {failed:?}, see above");
}

/// A folder for one test, gone at its end.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A folder where temporary files belong.
    pub(crate) fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// A folder beside what is built, which is on a disk more often.
    pub(crate) fn on_disk() -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    fn below(place: &Path) -> Self {
        let path = place.join(format!("colok-files-{}-{}", std::process::id(), unique()));
        fs::create_dir(&path).expect("the folder is new");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("it has a plain name").to_owned()
    }

    /// Writes a file into it; gives its path as text.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.file(name);
        let parent = Path::new(&path).parent().expect("it is in the folder");
        fs::create_dir_all(parent).expect("the folder is ours");
        fs::write(&path, bytes).expect("the folder is ours");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `colok` with a home of its own, so that it remembers nothing of the user's.
pub(crate) fn at_home(home: &Path, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env("HOME", home).env_remove("COLOK_TOKEN");
    for variable in ["XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(variable, home.join(variable.to_lowercase()));
    }
    command
}

/// A running file server whose store is in a folder of its own.
pub(crate) struct FileServer {
    // Dropped in this order.
    _workers: Workers,
    pub(crate) serving: Serving,
    pub(crate) folder: Folder,
    options: Vec<String>,
}

impl FileServer {
    /// Starts a server of this model with these options more.
    pub(crate) fn start(model: &str, options: &[&str]) -> Self {
        Self::start_in(Folder::new(), model, options)
    }

    /// The same in a folder that may hold something already.
    pub(crate) fn start_in(folder: Folder, model: &str, options: &[&str]) -> Self {
        let mut all = vec!["--model".to_owned(), model.to_owned()];
        all.extend(["--root".to_owned(), folder.file("store")]);
        all.extend(options.iter().map(|&option| option.to_owned()));
        let serving = listen(&all, &own_address());
        Self { _workers: Workers(serving.pid()), serving, folder, options: all }
    }

    /// `host:port`.
    pub(crate) fn place(&self) -> &str {
        self.serving.place()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Where a stored file is.
    pub(crate) fn stored(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// What the store shows, see [`visible`].
    pub(crate) fn visible(&self) -> Vec<String> {
        visible(&self.root())
    }

    /// A connection on which the protocol is spoken by hand.
    pub(crate) fn wire(&self) -> Wire {
        Wire::connect(self.place())
    }

    /// `colok VERB HOST ...` for this server, not yet started.
    pub(crate) fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let all = [&[verb, self.place()], arguments].concat();
        at_home(self.folder.path(), &all)
    }

    /// Runs `colok VERB HOST ...` to its end.
    pub(crate) fn run(&self, verb: &str, arguments: &[&str]) -> Output {
        finish(self.command(verb, arguments), b"")
    }

    /// Sends a file to where it must be stored.
    pub(crate) fn send(&self, arguments: &[&str]) -> Output {
        let output = self.run("send", arguments);
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.err);
        output
    }

    /// Kills the server and starts it again on the same address and store.
    pub(crate) fn kill_and_restart(self) -> Self {
        let Self { serving, folder, options, .. } = self;
        let place = serving.place().to_owned();
        serving.signal(Signal::KILL);
        serving.end();
        let serving = listen(&options, &place);
        Self { _workers: Workers(serving.pid()), serving, folder, options }
    }

    /// The next file event with this action in the log.
    pub(crate) fn file_event(&self, action: &str) -> Value {
        loop {
            let event = self.serving.event("file");
            if event["action"] == action {
                return event;
            }
        }
    }

    /// The partial upload with the most bytes, and how many those are.
    pub(crate) fn partial(&self) -> Option<(PathBuf, u64)> {
        let entries = fs::read_dir(self.root().join(".colok/partial")).ok()?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let partials = paths.filter(|path| path.extension().is_none());
        let sized = partials.filter_map(|path| Some((fs::metadata(&path).ok()?.len(), path)));
        sized.max().map(|(size, path)| (path, size))
    }
}

/// The worker processes of a server. They outlive it for a moment when it is killed, and must be
/// gone before its folder is.
struct Workers(u32);

impl Drop for Workers {
    fn drop(&mut self) {
        // A server that has ended has none, and its number may be somebody else's.
        if parent(self.0) != Some(std::process::id()) {
            return;
        }
        let workers = children(self.0);
        signal(self.0, Signal::KILL);
        let start = Instant::now();
        while workers.iter().any(|&worker| runs(worker)) && start.elapsed() < PATIENCE {
            thread::park_timeout(LOOK);
        }
    }
}

fn listen(options: &[String], place: &str) -> Serving {
    let service = format!("files=tcp://{place}");
    let mut arguments = vec![service.as_str()];
    arguments.extend(options.iter().map(String::as_str));
    Serving::start(&arguments, 1)
}

/// A loopback address that nobody else uses here, so that its ports stay ours, with port 0.
fn own_address() -> String {
    let (process, number) = (std::process::id() % 250, unique());
    format!("127.{}.{process}.{}:0", 100 + number / 250 % 100, 1 + number % 250)
}

/// What a store shows to other tools: all names below its root but those of `.colok`, sorted.
pub(crate) fn visible(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the store can be read") {
            let entry = entry.expect("the store can be read");
            let path = entry.path();
            let name = path.strip_prefix(root).expect("it is below").to_string_lossy().into_owned();
            if name == ".colok" {
                continue;
            }
            if entry.file_type().expect("it is there").is_dir() {
                folders.push(path);
            }
            names.push(name);
        }
    }
    names.sort();
    names
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// Bytes that look like noise and are the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = vec![0; length];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
    }
    bytes
}

/// Many blocks of noise, no two alike, without making each anew.
pub(crate) struct Blocks {
    block: Vec<u8>,
    number: u64,
}

impl Blocks {
    pub(crate) fn new(seed: u64) -> Self {
        Self { block: noise(seed, 1 << 20), number: 0 }
    }

    /// The next mebibyte.
    pub(crate) fn next(&mut self) -> &[u8] {
        self.block[..8].copy_from_slice(&self.number.to_le_bytes());
        self.number += 1;
        &self.block
    }
}

/// Writes a file of so many mebibytes; gives its BLAKE3 hash as text.
pub(crate) fn write_large(path: &str, mebibytes: u64, seed: u64) -> String {
    let mut file = BufWriter::new(File::create(path).expect("the folder is ours"));
    let mut blocks = Blocks::new(seed);
    let mut hasher = blake3::Hasher::new();
    for _ in 0..mebibytes {
        let block = blocks.next();
        hasher.update(block);
        file.write_all(block).expect("the disk has room");
    }
    file.flush().expect("the disk has room");
    hasher.finalize().to_string()
}

/// The BLAKE3 hash of bytes as text.
pub(crate) fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_string()
}

/// The BLAKE3 hash of a file as text.
pub(crate) fn hash_file(path: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).expect("it is there")).expect("it can be read");
    hasher.finalize().to_string()
}

/// Numbers that look random and are the same for the same seed (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A program in the background, killed when it is dropped.
pub(crate) struct Background(pub(crate) Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal to a process that this test started, or to a child of such a one.
pub(crate) fn signal(process: u32, signal: Signal) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    rustix::process::kill_process(process, signal).expect("it runs");
}

/// The processes whose parent this is.
pub(crate) fn children(process: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("this is Linux");
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.filter(|&child| parent(child) == Some(process)).collect()
}

fn parent(process: u32) -> Option<u32> {
    state_and_parent(process)?.1.parse().ok()
}

/// Whether a process runs; one that only waits to be collected does not.
fn runs(process: u32) -> bool {
    state_and_parent(process).is_some_and(|(state, _)| state != "Z")
}

fn state_and_parent(process: u32) -> Option<(String, String)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold anything, even a parenthesis.
    let mut fields = text.rsplit_once(") ")?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

/// The most memory that a process has had so far, in KiB; `None` when it has ended.
pub(crate) fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// A point where so many threads wait for each other, and fail when one of them does not come.
pub(crate) struct Together {
    size: usize,
    /// How many have come, in all rounds.
    arrived: Mutex<usize>,
    complete: Condvar,
}

impl Together {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, arrived: Mutex::new(0), complete: Condvar::new() }
    }

    /// Waits until all have come to this round.
    pub(crate) fn wait(&self) {
        let mut arrived = self.arrived.lock().expect("nobody fails with it");
        let round = *arrived / self.size;
        *arrived += 1;
        if arrived.is_multiple_of(self.size) {
            self.complete.notify_all();
        }
        let waits = |arrived: &mut usize| *arrived / self.size == round;
        let (arrived, timeout) =
            self.complete.wait_timeout_while(arrived, PATIENCE, waits).expect("nobody fails");
        drop(arrived);
        assert!(!timeout.timed_out(), "the others did not come");
    }
}

/// Lets time pass that something else measures. It waits for nothing.
pub(crate) fn pause(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}
