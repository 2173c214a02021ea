//! A folder in memory that is gone when the run is over, however it ends.
//!
//! A run may be interrupted, terminated or killed while servers listen and gigabytes lie on a
//! tmpfs. No handler of ours could answer every one of these, so a small shell, the guardian, is
//! told of every program that starts and ends. It reads from a pipe that only we hold open: when
//! we are gone, for whatever reason, it ends what still runs and removes the folder. The ordinary
//! way out is the same way.

use std::{
    env,
    fs::{self, File},
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::process;

/// Bytes in a MiB.
pub(crate) const MIB: u64 = 1 << 20;

/// An address of loopback that nothing else is likely to use, so that a server which runs on
/// every address by mistake is never measured in place of ours.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 83, 7, 25);

/// Ends the process groups it still knows and removes the folder when its input ends. A terminal's
/// interrupt does not reach it: it leads a group of its own.
const GUARDIAN: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r verb group; do
    case $verb in
        started) groups="$groups$group " ;;
        ended) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$1"
"#;

/// The folder of a run and its guardian.
pub(crate) struct Scratch {
    path: PathBuf,
    guardian: Child,
    /// `None` only while it is dropped.
    orders: Option<ChildStdin>,
}

impl Scratch {
    /// Makes a private folder for this run in `parent`, which must be on a tmpfs with room for
    /// `bytes`.
    pub(crate) fn make(parent: &Path, bytes: u64) -> Result<Self, String> {
        check_space(parent, bytes)?;
        let path = parent.join(format!("colok-bench-{}", std::process::id()));
        let failed = |error: io::Error| format!("cannot make {}: {error}", path.display());
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(&path)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut guardian = match guardian {
            Ok(guardian) => guardian,
            Err(error) => {
                let _ = fs::remove_dir(&path);
                return Err(format!("cannot start sh: {error}"));
            }
        };
        let orders = guardian.stdin.take();
        Ok(Self { path, guardian, orders })
    }

    /// A path in the folder.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The guardian ends this process group if we cannot.
    pub(crate) fn started(&self, group: u32) -> Result<(), String> {
        self.tell("started", group)
    }

    /// The process group is over; its number may soon be another's.
    pub(crate) fn ended(&self, group: u32) {
        // A guardian that is gone has nothing to forget.
        let _ = self.tell("ended", group);
    }

    fn tell(&self, verb: &str, group: u32) -> Result<(), String> {
        let Some(mut orders) = self.orders.as_ref() else { return Ok(()) };
        let line = format!("{verb} {group}\n");
        orders.write_all(line.as_bytes()).map_err(|error| format!("the guardian is gone: {error}"))
    }

    /// Writes and deletes this much, so that the pages which the next run gets were in use a
    /// moment ago: memory that the kernel or the host has to bring first makes all runs swing.
    pub(crate) fn warm(&self, mebibytes: u64) -> Result<(), String> {
        let path = self.join("warm");
        let write = || {
            let mut file = File::create(&path)?;
            let block = vec![0x5a; size_of_mib()];
            (0..mebibytes).try_for_each(|_| file.write_all(&block))
        };
        let written = write().map_err(|error| format!("cannot write {}: {error}", path.display()));
        let removed = fs::remove_file(&path);
        written.and(removed.map_err(|error| format!("cannot delete {}: {error}", path.display())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.orders.take();
        if let Err(error) = self.guardian.wait() {
            eprintln!("warning: {} may be left over: {error}", self.path.display());
        }
    }
}

/// One MiB as a length in memory.
pub(crate) fn size_of_mib() -> usize {
    usize::try_from(MIB).unwrap_or(usize::MAX)
}

/// The type of filesystem and its free bytes, from `df`.
fn check_space(folder: &Path, bytes: u64) -> Result<(), String> {
    let mut command = Command::new("df");
    command.args(["--block-size=1", "--output=fstype,avail"]).arg(folder).env("LC_ALL", "C");
    let text = process::read(&mut command)?;
    let mut words = text.lines().last().unwrap_or_default().split_whitespace();
    let (kind, free) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let shown = folder.display();
    if kind != "tmpfs" {
        return Err(format!("{shown} is on {kind}; name a folder on a tmpfs with --on"));
    }
    let free = free.parse().unwrap_or(0).min(available_memory());
    if free < bytes {
        let (needed, free) = (bytes / MIB, free / MIB);
        return Err(format!("{shown} has {free} MiB of memory to give, {needed} MiB are needed"));
    }
    Ok(())
}

/// In bytes. A tmpfs may promise more than there is.
pub(crate) fn available_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib * 1024)
}

/// An address of loopback that is free now.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind((ADDRESS, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no free port on {ADDRESS}: {error}"))
}

/// Fills a new file with random bytes: zeros would flatter whoever compresses or skips them.
pub(crate) fn random_file(path: &Path, bytes: u64) -> Result<(), String> {
    let copy = || {
        let mut random = File::open("/dev/urandom")?.take(bytes);
        io::copy(&mut random, &mut File::create(path)?)
    };
    match copy() {
        Ok(copied) if copied == bytes => Ok(()),
        Ok(copied) => Err(format!("{} got {copied} of {bytes} bytes", path.display())),
        Err(error) => Err(format!("cannot write {}: {error}", path.display())),
    }
}

/// Whether both files hold the same bytes.
pub(crate) fn same_file(expected: &Path, got: &Path) -> Result<(), String> {
    let open = |path: &Path| {
        File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))
    };
    let (mut first, mut second) = (open(expected)?, open(got)?);
    let (mut left, mut right) = (vec![0; size_of_mib()], vec![0; size_of_mib()]);
    loop {
        let failed = |error: io::Error| format!("cannot compare {}: {error}", got.display());
        let length = fill(&mut first, &mut left).map_err(failed)?;
        let other = fill(&mut second, &mut right).map_err(failed)?;
        if left[..length] != right[..other] {
            return Err(format!("{} differs from what was sent", got.display()));
        }
        if length == 0 {
            return Ok(());
        }
    }
}

/// Reads until the block is full or the file ends.
fn fill(file: &mut File, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read(&mut block[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Whether the folder holds every file of the other, with the same bytes, and nothing else.
pub(crate) fn same_folder(expected: &Path, got: &Path) -> Result<(), String> {
    let names = |folder: &Path| -> Result<Vec<_>, String> {
        let failed = |error: io::Error| format!("cannot list {}: {error}", folder.display());
        let entries = fs::read_dir(folder).map_err(failed)?;
        let mut names: Vec<_> = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        names.sort();
        Ok(names)
    };
    let (wanted, found) = (names(expected)?, names(got)?);
    if wanted != found {
        let (got, wanted) = (got.display(), wanted.len());
        return Err(format!("{got} has {} files, not the {wanted} that were sent", found.len()));
    }
    wanted.iter().try_for_each(|name| same_file(&expected.join(name), &got.join(name)))
}

/// A command that depends on nothing around us: no proxy, no configuration, no language, no
/// terminal.
pub(crate) fn plain_command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("LC_ALL", "C").env("TZ", "UTC");
    command.env("PATH", env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Where a program is. Debian keeps servers where only root's search path looks.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn wait_until(what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < Duration::from_mins(1), "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn nothing_is_left_when_the_run_is_gone() {
        let Ok(scratch) = Scratch::make(Path::new("/dev/shm"), 0) else {
            println!("skipped: /dev/shm is no tmpfs here");
            return;
        };
        let path = scratch.path.clone();
        fs::write(scratch.join("file"), "text").unwrap();
        let mut sleeper = Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .expect("sleep is in coreutils");
        let mut other = Command::new("true").process_group(0).spawn().expect("so is true");
        scratch.started(other.id()).unwrap();
        scratch.started(sleeper.id()).unwrap();
        other.wait().unwrap();
        scratch.ended(other.id());
        assert!(path.is_dir());
        drop(scratch);
        wait_until("the folder stays", || !path.exists());
        assert!(!sleeper.wait().unwrap().success());
    }

    #[test]
    fn what_differs_is_noticed() {
        let folder = env::temp_dir().join(format!("colok-bench-test-{}", std::process::id()));
        let (one, two) = (folder.join("one"), folder.join("two"));
        fs::create_dir_all(&one).unwrap();
        fs::create_dir_all(&two).unwrap();
        random_file(&one.join("a"), 3 * MIB + 1).unwrap();
        fs::copy(one.join("a"), two.join("a")).unwrap();
        let same = same_folder(&one, &two);
        File::options().append(true).open(two.join("a")).unwrap().write_all(b"x").unwrap();
        let longer = same_folder(&one, &two);
        fs::write(two.join("b"), "").unwrap();
        let more = same_folder(&one, &two);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(same, Ok(()));
        assert!(longer.unwrap_err().contains("differs"));
        assert!(more.unwrap_err().contains("2 files"));
    }
}
