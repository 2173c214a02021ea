//! A server that follows a script, and what tests need beside it: files, options, updates.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use colok_proto::files::Hash;

use crate::client::files::{
    FileClient, FileClientOptions, FilesError, PlanOptions, SendOptions, SendPlan, SendReport,
    Update, UploadSecret, files_url, plan_send,
};
use crate::clock::Clock;
use crate::net::url::Url;
use crate::observe::NoTap;

/// No wait of a script or client lasts longer; only a broken one comes near.
pub(in crate::client::files) const PATIENCE: Duration = Duration::from_secs(30);

/// What a server that can do everything says to the greeting.
pub(in crate::client::files) const HELLO: &str = concat!(
    "200 version=1 abilities=put,push,get,stat,list,resume ",
    "write=yes durability=none max-push=65536 : colok file store\n"
);

/// The server's side of one connection.
pub(in crate::client::files) type Part = Box<dyn FnOnce(&mut Side) + Send>;

/// The server's end of a connection.
pub(in crate::client::files) struct Side {
    reader: BufReader<TcpStream>,
}

impl Side {
    /// The next line without its end; empty at the end of the stream. Empty lines are ignored, as
    /// a server ignores them.
    pub(in crate::client::files) fn line(&mut self) -> String {
        let mut line = "\n".to_owned();
        while line == "\n" {
            line.clear();
            self.reader.read_line(&mut line).expect("a line comes");
        }
        line.trim_end().to_owned()
    }

    pub(in crate::client::files) fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Exactly so many bytes.
    pub(in crate::client::files) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).expect("the bytes come");
        bytes
    }

    pub(in crate::client::files) fn say(&mut self, text: impl AsRef<[u8]>) {
        self.reader.get_mut().write_all(text.as_ref()).expect("the client takes it");
    }

    /// Answers the greeting.
    pub(in crate::client::files) fn greet(&mut self) {
        self.expect("HELLO 1");
        self.say(HELLO);
    }

    /// Takes whatever still comes, up to the end, and returns how many bytes it was.
    pub(in crate::client::files) fn rest(&mut self) -> u64 {
        std::io::copy(&mut self.reader, &mut std::io::sink()).unwrap_or(0)
    }

    /// Says the same again and again, a little at a time, until the client has gone.
    pub(in crate::client::files) fn drip(&mut self, bytes: &[u8]) {
        while self.reader.get_mut().write_all(bytes).is_ok() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Ends our side and takes whatever still comes.
    pub(in crate::client::files) fn linger(&mut self) {
        let stream = self.reader.get_ref();
        stream.shutdown(std::net::Shutdown::Write).expect("it is connected");
        self.rest();
    }

    /// The client has nothing more to ask.
    pub(in crate::client::files) fn farewell(&mut self) {
        assert_eq!(self.line(), "");
    }
}

/// A server that serves one connection per part, in order.
pub(in crate::client::files) struct Script {
    pub(in crate::client::files) url: Url,
    thread: Option<JoinHandle<()>>,
}

impl Script {
    pub(in crate::client::files) fn new(parts: Vec<Part>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let thread = std::thread::spawn(move || {
            for part in parts {
                let (stream, _) = listener.accept().expect("a client comes");
                stream.set_read_timeout(Some(PATIENCE)).expect("it is a time");
                part(&mut Side { reader: BufReader::new(stream) });
            }
        });
        let url = files_url(&address.to_string()).expect("it is an address");
        Self { url, thread: Some(thread) }
    }

    /// One connection.
    pub(in crate::client::files) fn one(part: impl FnOnce(&mut Side) + Send + 'static) -> Self {
        Self::new(vec![Box::new(part)])
    }

    /// Waits for the end of the script; its panic is ours.
    pub(in crate::client::files) fn end(mut self) {
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Options with which no test waits long.
pub(in crate::client::files) fn options() -> FileClientOptions {
    FileClientOptions {
        reply_timeout: PATIENCE,
        work_timeout: PATIENCE,
        retry_pause: Duration::from_millis(1),
        ..FileClientOptions::default()
    }
}

/// A directory of a test that goes when it ends.
pub(in crate::client::files) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(in crate::client::files) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-file-client-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }

    pub(in crate::client::files) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, with the directories on the way.
    pub(in crate::client::files) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        let parent = path.parent().expect("it is in a directory");
        std::fs::create_dir_all(parent).expect("a directory can be made");
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    pub(in crate::client::files) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("the file is there")
    }

    /// The names in the directory, in order.
    pub(in crate::client::files) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("it is a directory");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("it can be listed").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    pub(in crate::client::files) fn secret(&self) -> UploadSecret {
        UploadSecret::load_or_create(&self.path("state/secret")).expect("a secret can be made")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes that repeat nowhere near, so that a piece in the wrong place shows.
pub(in crate::client::files) fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(in crate::client::files) fn hash(bytes: &[u8]) -> Hash {
    Hash(blake3::hash(bytes).into())
}

/// A plan of these files.
pub(in crate::client::files) fn plan(paths: &[&Path]) -> SendPlan {
    let sources: Vec<OsString> = paths.iter().map(Into::into).collect();
    plan_send(&sources, &PlanOptions::default()).expect("the files are there")
}

/// Sends, and writes every update but those of single chunks down as a line.
pub(in crate::client::files) fn send(
    script: &Script,
    options: &FileClientOptions,
    plan: &SendPlan,
) -> (Result<SendReport, FilesError>, Vec<String>) {
    let clock = Clock::start();
    let client = FileClient::new(&script.url, options, &clock, &NoTap);
    let mut updates = Updates::default();
    let mut observer = |update: Update<'_>| updates.take(&update);
    let result = client.send(plan, None, &SendOptions::default(), &mut observer);
    (result, updates.lines)
}

/// What an observer saw: the first progress of each phase and everything else.
#[derive(Default)]
pub(in crate::client::files) struct Updates {
    pub(in crate::client::files) lines: Vec<String>,
    phase: Option<(usize, crate::client::files::Phase)>,
}

impl Updates {
    pub(in crate::client::files) fn take(&mut self, update: &Update<'_>) {
        let line = match update {
            Update::Connected { .. } => "connected".to_owned(),
            Update::Progress { file, phase, done, .. } => {
                if self.phase.replace((*file, *phase)) == Some((*file, *phase)) {
                    return;
                }
                format!("{file} {} from {done}", phase.name())
            }
            Update::Sent { file, receipt } => {
                format!("{file} sent {} {}", receipt.name.as_str(), receipt.size)
            }
            Update::Got { file, got } => {
                format!(
                    "{file} got {} {:?} resumed {}",
                    got.name.as_str(),
                    got.range,
                    got.resumed_bytes
                )
            }
            Update::Failed { file, error } => format!("{file} failed {error}"),
            Update::Retry { next_try, tries_max, .. } => format!("retry {next_try} of {tries_max}"),
        };
        self.lines.push(line);
    }
}
