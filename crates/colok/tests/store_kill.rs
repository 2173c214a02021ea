//! A process that uses a store is killed before every operation on its disk, in turn. After each
//! kill the store shows nothing that is not whole and has every file whose receipt was given, and
//! the same uploads go through when they are tried again.
//!
//! The program runs itself as the process that is killed, so it has its own harness. What is
//! killed is a real process on a real file system; what a loss of power leaves is another walk,
//! beside the store itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use colok::proto::Address;
use colok::proto::files::{
    Durability, Hash, Name, StoreAnswer, StoreError, StoreRequest, UploadToken,
};
use colok::store::disk::{DiskResult, Linux, Stepped};
use colok::store::{Conversation, Store, StoreOptions};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Signal, getpid, kill_process};

/// What makes this program the process that is killed: which recording, on which root, before
/// which operation.
const RECORDING: &str = "COLOK_TEST_RECORDING";
const ROOT: &str = "COLOK_TEST_ROOT";
const STEP: &str = "COLOK_TEST_STEP";

/// More operations than any recording makes; one that reaches this never ends.
const STEPS_MAX: u64 = 2000;

/// A disk that ends the process.
type KillingDisk = Stepped<Linux, Box<dyn Fn(&'static str) -> DiskResult<()> + Send + Sync>>;

/// A recorded use of a store, which prints the name and size of each file that it got a receipt
/// for.
type Recording = fn(&Arc<Store<KillingDisk>>);

/// Every recording, by name.
const RECORDINGS: [(&str, Recording); 6] = [
    ("an_upload", |store| put(store, "a/b/whole", 1_500_000, None, Durability::Full)),
    ("an_upload_with_a_token", |store| {
        put(store, "a/b/token", 2_500_000, Some("kill-walk-token-1"), Durability::Full);
    }),
    ("every_durability", |store| {
        put(store, "none", 3000, None, Durability::None);
        put(store, "deep/er/file", 3000, Some("kill-walk-token-2"), Durability::File);
        put(store, "deep/er/full", 3000, None, Durability::Full);
    }),
    ("a_resumed_upload", |store| {
        break_off(store, "broken", 2_500_000, "kill-walk-token-3", 1_400_000);
        put(store, "broken", 2_500_000, Some("kill-walk-token-3"), Durability::Full);
    }),
    ("pushes", |store| push(store, 12, Durability::Full)),
    ("the_same_again", |store| {
        put(store, "twice", 200_000, None, Durability::None);
        put(store, "twice", 200_000, Some("kill-walk-token-4"), Durability::Full);
        push(store, 3, Durability::File);
        push(store, 3, Durability::Full);
    }),
];

fn main() {
    if let Ok(name) = std::env::var(RECORDING) {
        return be_killed(&name);
    }
    let trials = RECORDINGS.map(|(name, _)| {
        Trial::test(format!("a_process_killed_at_every_step_of::{name}"), move || walk(name))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

/// The bytes of a file: its name and size tell them.
fn content(name: &str, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let mut hasher = blake3::Hasher::new();
    hasher.update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn hash_of(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

fn name_of(text: &str) -> Name {
    Name::new(text).expect("it is a name")
}

fn conversation(store: &Arc<Store<KillingDisk>>) -> Conversation<KillingDisk> {
    store.conversation(&Address::Unix("".into()))
}

/// Uses a store until it is killed.
fn be_killed(name: &str) {
    let variable = |name: &str| std::env::var(name).expect("it was given");
    let (_, recording) =
        RECORDINGS.into_iter().find(|(known, _)| *known == name).expect("it is known");
    let last: u64 = variable(STEP).parse().expect("it is a number");
    let root = PathBuf::from(variable(ROOT));
    let steps = AtomicU64::new(0);
    let step = move |_: &'static str| {
        if steps.fetch_add(1, Ordering::Relaxed) + 1 == last {
            // Nothing of this process runs after it: no drop, no buffer.
            kill_process(getpid(), Signal::KILL).expect("it is this process");
        }
        Ok(())
    };
    let disk = Stepped::new(Linux::open(&root).expect("the root is there"), Box::new(step) as _);
    recording(&Store::open_with(disk, options(&root)).expect("it opens"));
}

fn options(root: &Path) -> StoreOptions {
    // The disk of the computer that runs the tests may be as full as it likes.
    StoreOptions { free_share_min_percent: 0, ..StoreOptions::new(root) }
}

fn receipt(name: &str, size: usize, bytes: &[u8], answer: &Result<StoreAnswer, StoreError>) {
    let Ok(StoreAnswer::Stored { receipt, .. }) = answer else { panic!("{name}: {answer:?}") };
    assert_eq!((receipt.size, receipt.hash), (size as u64, hash_of(bytes)), "{name}");
    // Standard output is written line by line, so the line has left when this returns.
    println!("{name} {size}");
}

fn put(
    store: &Arc<Store<KillingDisk>>,
    name: &str,
    size: usize,
    token: Option<&str>,
    durability: Durability,
) {
    let bytes = content(name, size);
    let mut conversation = conversation(store);
    let upload = token.map(|token| UploadToken::new(token).expect("it is a token"));
    let hash = Some(hash_of(&bytes));
    let size_said = Some(size as u64);
    let request = StoreRequest::Put {
        name: name_of(name),
        size: size_said,
        hash,
        upload,
        durability,
        from_start: false,
    };
    match conversation.perform(request) {
        Some(Ok(StoreAnswer::SendFrom { offset, .. })) => {
            let mut rest = &bytes[usize::try_from(offset).expect("it fits into memory")..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(300_000));
                conversation.body(piece).expect("it is taken");
                rest = after;
            }
            let finish = StoreRequest::Finish { hash, durability };
            receipt(name, size, &bytes, &conversation.perform(finish).expect("it is no push"));
        }
        answer => receipt(name, size, &bytes, &answer.expect("it is no push")),
    }
}

/// An upload whose connection breaks off after so many bytes.
fn break_off(store: &Arc<Store<KillingDisk>>, name: &str, size: usize, token: &str, sent: usize) {
    let mut conversation = conversation(store);
    let request = StoreRequest::Put {
        name: name_of(name),
        size: Some(size as u64),
        hash: None,
        upload: UploadToken::new(token),
        durability: Durability::Full,
        from_start: false,
    };
    // When it is tried again, it may be there.
    if let Some(Ok(StoreAnswer::SendFrom { offset: 0, .. })) = conversation.perform(request) {
        conversation.body(&content(name, size)[..sent]).expect("it is taken");
    }
}

/// So many small files, committed together.
fn push(store: &Arc<Store<KillingDisk>>, count: usize, durability: Durability) {
    let mut conversation = conversation(store);
    let files: Vec<_> = (0..count)
        .map(|number| (format!("small/{}/{number}", number % 2), 1000 + number))
        .collect();
    for (name, size) in &files {
        let (name, size) = (name_of(name), *size);
        let bytes = content(name.as_str(), size);
        let request = StoreRequest::Push { name, size: size as u64, hash: None, durability };
        assert!(conversation.perform(request).is_none(), "it is answered by the commit");
        conversation.body(&bytes).expect("it is taken");
    }
    for ((name, size), answer) in files.iter().zip(conversation.commit()) {
        receipt(name, *size, &content(name, *size), &answer);
    }
}

/// A folder that is gone afterwards.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Kills the recording before its first operation, its second, and so on until it gets through.
fn walk(name: &str) -> Result<(), Failed> {
    let folder = format!("colok-store-kill-{}-{name}", std::process::id());
    // A killed process loses nothing that it wrote, synced or not; syncs would only take time.
    let memory = Some(PathBuf::from("/dev/shm")).filter(|memory| memory.is_dir());
    let place = Place(memory.unwrap_or_else(std::env::temp_dir).join(folder));
    fs::create_dir(&place.0)?;
    for step in 1..STEPS_MAX {
        let root = place.0.join(step.to_string());
        fs::create_dir(&root)?;
        let (killed, receipts) = run(name, &root, step);
        let case = format!("{name}, killed before operation {step}");
        check(&root, &receipts, &case);
        let (again, all) = run(name, &root, u64::MAX);
        assert!(!again, "{case}: it was killed again");
        assert!(all.is_superset(&receipts), "{case}: not all were had");
        check(&root, &all, &case);
        // Opening tidies up.
        let store = Store::open(options(&root)).expect("it opens");
        let left = fs::read_dir(root.join(".colok/partial"))?.count();
        assert_eq!(left, 0, "{case}: something is left of it");
        drop(store);
        fs::remove_dir_all(&root)?;
        if !killed {
            assert!(step > 20, "{case}: it has too few operations to be a recording");
            return Ok(());
        }
    }
    Err(format!("{name} does not end").into())
}

/// Runs the recording in a process of its own; whether it was killed, and its receipts.
fn run(name: &str, root: &Path, step: u64) -> (bool, BTreeSet<(String, usize)>) {
    let output = Command::new(std::env::current_exe().expect("Linux tells it"))
        .env(RECORDING, name)
        .env(ROOT, root)
        .env(STEP, step.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let told = String::from_utf8(output.stdout).expect("it is text");
    let receipts = told.lines().map(|line| {
        let (name, size) = line.split_once(' ').expect("it has two words");
        (name.to_owned(), size.parse().expect("it is a number"))
    });
    let killed = std::os::unix::process::ExitStatusExt::signal(&output.status);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(killed == Some(9) || output.status.success(), "{name} at {step}: {errors}");
    (killed.is_some(), receipts.collect())
}

/// What others see in the store: everything that is visible is whole, everything that was
/// receipted is visible, and the store says the same.
fn check(root: &Path, receipts: &BTreeSet<(String, usize)>, case: &str) {
    let mut visible = BTreeSet::new();
    collect(root, "", &mut visible);
    for (name, size) in &visible {
        let path = root.join(name);
        let bytes = fs::read(&path).expect("it is visible");
        assert!(bytes == content(name, *size), "{case}: {name} is not whole");
        let mode = fs::metadata(&path).expect("it is visible").permissions().mode();
        assert_eq!(mode & 0o7777, 0o400, "{case}: {name}");
        let known =
            |(expected, expected_size): &(String, usize)| expected == name && expected_size == size;
        let planned = receipts.iter().any(known) || PLANNED.contains(&(name.as_str(), *size));
        assert!(planned || name.starts_with("small/"), "{case}: {name} of {size} bytes");
    }
    for receipt in receipts {
        assert!(visible.contains(receipt), "{case}: {receipt:?} was receipted and is not there");
    }
    let store = Store::open(options(root)).expect("it opens");
    let mut conversation = store.conversation(&Address::Unix("".into()));
    for (name, size) in &visible {
        let stat = StoreRequest::Stat { name: name_of(name), reread: false };
        let answer = conversation.perform(stat).expect("it is no push");
        let Ok(StoreAnswer::Entry(entry)) = answer else { panic!("{case}: {name}: {answer:?}") };
        assert_eq!(entry.hash, Some(hash_of(&content(name, *size))), "{case}: {name}");
    }
}

/// Files that may be visible although the process did not live to tell their receipts.
const PLANNED: [(&str, usize); 7] = [
    ("a/b/whole", 1_500_000),
    ("a/b/token", 2_500_000),
    ("none", 3000),
    ("deep/er/file", 3000),
    ("deep/er/full", 3000),
    ("broken", 2_500_000),
    ("twice", 200_000),
];

/// The files below a folder, without those of the store itself.
fn collect(folder: &Path, start: &str, files: &mut BTreeSet<(String, usize)>) {
    for entry in fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it is there");
        let name = format!("{start}{}", entry.file_name().to_str().expect("ours are text"));
        let kind = entry.file_type().expect("it is there");
        if kind.is_dir() {
            if name != ".colok" {
                collect(&entry.path(), &format!("{name}/"), files);
            }
        } else {
            let size = entry.metadata().expect("it is there").len();
            files.insert((name, usize::try_from(size).expect("it is small")));
        }
    }
}
