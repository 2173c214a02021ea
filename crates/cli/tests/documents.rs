//! The transcripts of the documents are true: each `console` block is run, and must show what it
//! says.
//!
//! The format: a line that starts with `$ ` is a command, run by `sh`; the lines under it are what
//! it prints, standard error included. `...` alone stands for any lines, `[..]` for any part of a
//! line. A command that ends in ` &` stays in the background (a last `...` under it is at least
//! one line); `$ fg` goes on with what the last of them printed, and a line `^C` interrupts it.
//! What is left in the background serves the blocks that follow, and ends with the file.
//! A `toml` or `python` block whose first line is `# NAME.toml` or `# NAME.py` is that file for the
//! commands after it.
//!
//! Transcripts use the ports that people will use, so they run in a network namespace of their
//! own where that is possible, and on this computer where it is not.

mod common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use common::{PATIENCE, wait};
use rustix::process::{Pid, Signal};

/// Set inside the network namespace.
const INSIDE: &str = "COLOK_TEST_INSIDE_NAMESPACE";

/// Documents with transcripts, and the language that they are in.
const DOCUMENTS: [(&str, &str); 8] = [
    ("README.md", "en"),
    ("README.id.md", "id"),
    ("docs/services.md", "en"),
    ("docs/connect.md", "en"),
    ("docs/files.md", "en"),
    ("docs/load.md", "en"),
    ("docs/relay.md", "en"),
    ("docs/check.md", "en"),
];

#[test]
fn the_documents_show_what_happens() {
    if std::env::var_os(INSIDE).is_none()
        && let Some(mut command) = namespace()
    {
        let this = std::env::current_exe().expect("this test is a file");
        command.arg(this).args(["--exact", "the_documents_show_what_happens", "--nocapture"]);
        let status = command.env(INSIDE, "1").status().expect("it could be run before");
        assert!(status.success(), "the transcripts differ, see above");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, language) in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(name)).expect("the document is there");
        let blocks = blocks(&text);
        assert!(!blocks.is_empty(), "{name} has no console block");
        let mut transcript = Transcript::new(language);
        for (line, block) in blocks {
            let result = match block {
                Block::Console(text) => transcript.run(&text),
                Block::File(text) => transcript.keep(&text),
            };
            result.unwrap_or_else(|error| panic!("{name}:{line}: {error}"));
        }
    }
}

/// A command that runs its arguments with a loopback network of their own; `None` when this system
/// does not permit that.
fn namespace() -> Option<Command> {
    let script = "ip link set lo up && exec \"$@\"";
    [&["--user", "--map-root-user", "--net"][..], &["--net"]].into_iter().find_map(|flags| {
        let make = || {
            let mut command = Command::new("unshare");
            command.args(flags).args(["sh", "-c", script, "sh"]);
            command
        };
        let works = make().arg("true").stderr(Stdio::null()).status().is_ok_and(|s| s.success());
        works.then(make)
    })
}

/// A block of a Markdown text that means something here.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    /// Commands and what they print.
    Console(String),
    /// A file that they use; its first line is its name.
    File(String),
}

/// The blocks of a Markdown text, each with the number of its first line.
fn blocks(text: &str) -> Vec<(usize, Block)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let inside =
            lines.by_ref().map(|(_, line)| line).take_while(|line| !line.starts_with("```"));
        let text: String = inside.flat_map(|line| [line, "\n"]).collect();
        match kind.trim_end() {
            "console" => blocks.push((index + 2, Block::Console(text))),
            "toml" | "python" if name_of(&text).is_some() => {
                blocks.push((index + 2, Block::File(text)));
            }
            _ => {}
        }
    }
    blocks
}

/// The name that the first line of a block gives it.
fn name_of(block: &str) -> Option<&str> {
    let name = block.lines().next()?.strip_prefix("# ")?;
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    let is_file = matches!(extension, Some("toml" | "py"));
    (is_file && !name.contains([' ', '/'])).then_some(name)
}

/// A command of a transcript and the lines under it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    expected: Vec<String>,
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), expected: Vec::new() });
        } else if let Some(step) = steps.last_mut() {
            step.expected.push(line.to_owned());
        }
    }
    steps
}

/// The commands of one file: those in the background live until it ends.
struct Transcript {
    language: &'static str,
    folder: PathBuf,
    background: Vec<Running>,
}

impl Transcript {
    fn new(language: &'static str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-readme-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        Self { language, folder, background: Vec::new() }
    }

    /// Runs a block; the error says which command printed what.
    fn run(&mut self, block: &str) -> Result<(), String> {
        for step in steps(block) {
            self.step(&step).map_err(|error| format!("`{}`: {error}", step.command))?;
        }
        Ok(())
    }

    /// Writes a block to the file that it names.
    fn keep(&self, block: &str) -> Result<(), String> {
        let name = name_of(block).ok_or("it has no name")?;
        std::fs::write(self.folder.join(name), block).map_err(|error| error.to_string())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        if step.command == "fg" {
            let last = self.background.last_mut().ok_or("nothing runs in the background")?;
            return last.follow(&step.expected);
        }
        if let Some(command) = step.command.strip_suffix(" &") {
            let mut running = Running::start(command, self.language, &self.folder);
            let followed = running.follow(&step.expected);
            // What is not shown is waited for all the same: a server that has printed something
            // is ready for the commands that come next.
            if step.expected.last().is_some_and(|line| line == "...") {
                running.next_line();
            }
            self.background.push(running);
            return followed;
        }
        Running::start(&step.command, self.language, &self.folder).finish(&step.expected)
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        self.background.clear();
        // Best effort: what a transcript leaves behind is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A command and the lines that it prints. Dropping it ends it.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(command: &str, language: &str, folder: &Path) -> Self {
        let programs = Path::new(env!("CARGO_BIN_EXE_colok")).parent().expect("it is in a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("exec 2>&1\n{command}"))
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("COLOK_LANG", language)
            .env("NO_COLOR", "1")
            // What is kept for the user is not kept for whoever runs the tests.
            .env("HOME", folder)
            .env_remove("XDG_STATE_HOME")
            .env_remove("XDG_CACHE_HOME")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // A group of its own, so that signals reach the command and not only the shell.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.split(b'\n') {
                let Ok(line) = line else { return };
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for the lines that are expected now; what comes after them stays for later.
    fn follow(&mut self, expected: &[String]) -> Result<(), String> {
        let mut skipping = false;
        for pattern in expected {
            if pattern == "..." {
                skipping = true;
                continue;
            }
            if pattern == "^C" {
                self.signal(Signal::INT);
                continue;
            }
            loop {
                let line = self.next_line().ok_or(format!("no line `{pattern}`"))?;
                if matches(&line, pattern) {
                    break;
                }
                if !skipping {
                    return Err(format!("expected `{pattern}`, got `{line}`"));
                }
            }
            skipping = false;
        }
        if expected.iter().any(|line| line == "^C") {
            self.ended(expected.last().is_some_and(|line| line == "..."))?;
        }
        Ok(())
    }

    /// Waits for the end; every line must be as expected.
    fn finish(&mut self, expected: &[String]) -> Result<(), String> {
        self.follow(expected)?;
        self.ended(expected.last().is_some_and(|line| line == "..."))
    }

    fn ended(&mut self, more_is_fine: bool) -> Result<(), String> {
        while let Some(line) = self.next_line() {
            if !more_is_fine {
                return Err(format!("one line too many: `{line}`"));
            }
        }
        wait(&mut self.child);
        Ok(())
    }

    fn next_line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line and no end within {PATIENCE:?}"),
        }
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It may have ended already.
        let _ = rustix::process::kill_process_group(group.expect("it has a pid"), signal);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            // The shell may end before the command that it started: the end of the output is the
            // end of both.
            while self.lines.recv_timeout(PATIENCE).is_ok() {}
            self.signal(Signal::KILL);
        }
        wait(&mut self.child);
    }
}

/// Whether a line is as the pattern says; `[..]` stands for any part.
fn matches(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[test]
fn patterns() {
    assert!(matches("abc", "abc"));
    assert!(!matches("abcd", "abc"));
    assert!(matches("a 1 b 2 c", "a [..] b [..] c"));
    assert!(!matches("a 1 c", "a [..] b [..] c"));
    assert!(matches("anything", "[..]"));
    assert!(!matches("aa", "aa[..]aa"));
}

#[test]
fn blocks_and_steps() {
    let text = "# T\n```console\n$ a &\nx\n...\n$ b\n```\n```sh\n$ no\n```\n\
                ```toml\n# a.toml\nx = 1\n```\n```toml\ny = 1\n```\n";
    let blocks = blocks(text);
    let console = "$ a &\nx\n...\n$ b\n".to_owned();
    let file = "# a.toml\nx = 1\n".to_owned();
    assert_eq!(blocks, [(3, Block::Console(console.clone())), (12, Block::File(file))]);
    let expected = vec!["x".to_owned(), "...".to_owned()];
    let found = steps(&console);
    assert_eq!(found[0], Step { command: "a &".to_owned(), expected });
    assert_eq!(found[1], Step { command: "b".to_owned(), expected: vec![] });
}

#[test]
fn what_is_not_so_is_found() {
    for (block, error) in [
        ("$ printf 'one\\ntwo\\n'\none\ntwo\n", None),
        ("$ printf 'one\\ntwo\\n'\n...\ntwo\n", None),
        ("$ printf 'one\\ntwo\\n'\none\n...\n", None),
        ("$ printf 'one\\ntwo'\none\nt[..]o\n", None),
        ("$ echo err >&2; exit 3\nerr\n", None),
        ("$ printf 'one\\ntwo\\n'\none\n", Some("one line too many: `two`")),
        ("$ echo one\ntwo\n", Some("expected `two`, got `one`")),
        ("$ echo one\none\ntwo\n", Some("no line `two`")),
        ("$ fg\n", Some("nothing runs in the background")),
    ] {
        let told = Transcript::new("en").run(block).err();
        match error {
            None => assert_eq!(told, None, "{block}"),
            Some(error) => assert!(told.is_some_and(|told| told.ends_with(error)), "{block}"),
        }
    }
}

#[test]
fn a_server_in_the_background_is_followed_and_interrupted() {
    let block = "\
$ colok serve count=unix:@colok-readme-test &
colok serves (model [..]):
...
  count    unix:@colok-readme-test  colok connect unix:@colok-readme-test
Ctrl-C stops.
$ printf halo | colok connect unix:@colok-readme-test
Jumlah karakter dalam kalimat tersebut ada: 4
$ fg
[..] #1 count: connected [..]
[..] #1 count: closed after [..]: peer-closed (4 B in, 45 B out)
^C
...
stopped: 1 connection, 0 datagrams, 4 B in, 45 B out, 0 refused
";
    Transcript::new("en").run(block).unwrap_or_else(|error| panic!("{error}"));
}
