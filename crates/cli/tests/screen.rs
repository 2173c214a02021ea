//! What a person sees: `colok serve` and `colok connect` in tmux, two terminals of 80 by 24.
//!
//! Every test has a tmux server of its own, which ends with it. Keys are pressed only when the
//! prompt is there, and screens are looked at until they show what they should.

mod common;

use std::fs::DirBuilder;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};

/// How often a screen is looked at.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// The program under test.
const COLOK: &str = env!("CARGO_BIN_EXE_colok");

/// A tmux server with its terminals.
struct Tmux {
    socket: String,
    /// Its socket and the history of the lines typed.
    folder: PathBuf,
}

/// One of its terminals, which runs `colok`.
struct Terminal<'tmux> {
    tmux: &'tmux Tmux,
    name: &'static str,
}

impl Tmux {
    /// A new server; `None`, and the reason is told, when there is no tmux.
    fn start() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join("tmux").is_file()) {
            println!("skipped: tmux is not installed");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&folder).expect("the folder is new");
        let socket = folder.join("tmux").to_str().expect("it is text").to_owned();
        let tmux = Self { socket, folder };
        // A terminal stays when its program has ended, with what it showed and the exit code.
        tmux.run(&["new-session", "-d", "-s", "keeper", "cat"]);
        tmux.run(&["set-option", "-g", "remain-on-exit", "on"]);
        Some(tmux)
    }

    /// Runs a tmux command; gives what it prints.
    fn run(&self, words: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-u", "-f", "/dev/null", "-S", &self.socket])
            .args(words)
            .env_remove("TMUX")
            .env_remove("COLOK_LANG")
            .env("XDG_STATE_HOME", &self.folder)
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("tmux starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {words:?}: {error}");
        String::from_utf8(output.stdout).expect("tmux prints text")
    }

    /// Makes tmux wait for the programs that have ended: now and then it misses the signal that
    /// tells it, and shows a program as running that is a zombie.
    fn look_for_ended_programs(&self) {
        let pid = self.run(&["display-message", "-p", "#{pid}"]);
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw).expect("tmux has a pid");
        kill_process(pid, Signal::CHILD).expect("tmux runs");
    }

    /// A terminal of the usual size in which `colok` runs.
    fn terminal(&self, name: &'static str, arguments: &[&str]) -> Terminal<'_> {
        let size = ["new-session", "-d", "-x", "80", "-y", "24", "-s", name, COLOK];
        self.run(&[&size, arguments].concat());
        Terminal { tmux: self, name }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-S", &self.socket, "kill-server"]).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Terminal<'_> {
    /// The screen now, without the empty lines at its end.
    fn screen(&self) -> String {
        let screen = self.tmux.run(&["capture-pane", "-p", "-t", self.name]);
        screen.trim_end().to_owned()
    }

    /// Looks until the screen is as it should be; gives it.
    fn see_when(&self, what: &str, right: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let ended = self.ended().is_some();
            let screen = self.screen();
            if right(&screen) {
                return screen;
            }
            let hopeless = ended || start.elapsed() > PATIENCE;
            assert!(!hopeless, "{}: no {what} in:\n{screen}", self.name);
            std::thread::park_timeout(LOOK_PAUSE);
        }
    }

    /// Looks until this is on the screen; gives the screen.
    fn see(&self, text: &str) -> String {
        self.see_when(text, |screen| screen.contains(text))
    }

    /// Looks until this is the last line, where the cursor is.
    fn see_last(&self, line: &str) -> String {
        self.see_when(line, |screen| screen.lines().last() == Some(line))
    }

    fn write(&self, text: &str) {
        self.tmux.run(&["send-keys", "-t", self.name, "-l", text]);
    }

    /// Presses keys by their names: `Enter`, `Up`, `C-c`.
    fn press(&self, keys: &[&str]) {
        self.tmux.run(&[&["send-keys", "-t", self.name], keys].concat());
    }

    /// The exit code of `colok`, once it has ended.
    fn ended(&self) -> Option<i32> {
        let format = "#{pane_dead} #{pane_dead_status}";
        let told = self.tmux.run(&["display-message", "-p", "-t", self.name, format]);
        told.trim().strip_prefix("1 ").map(|code| code.parse().expect("it is a number"))
    }

    /// Waits for the end of `colok`; gives its exit code.
    fn exit_code(&self) -> i32 {
        let start = Instant::now();
        loop {
            if let Some(code) = self.ended() {
                return code;
            }
            self.tmux.look_for_ended_programs();
            assert!(start.elapsed() < PATIENCE, "it has not ended:\n{}", self.screen());
            std::thread::park_timeout(LOOK_PAUSE);
        }
    }

    /// Whether a line of the screen is longer than the screen is wide.
    fn wraps(&self) -> bool {
        let joined = self.tmux.run(&["capture-pane", "-p", "-J", "-t", self.name]);
        joined.trim_end().lines().count() != self.screen().lines().count()
    }
}

/// A server in a terminal, and the command that its table names for another terminal.
fn serve<'tmux>(tmux: &'tmux Tmux, arguments: &[&str]) -> (Terminal<'tmux>, Vec<String>) {
    let server = tmux.terminal("server", &[&["serve"], arguments].concat());
    let screen = server.see("colok connect ");
    let (_, command) = screen.split_once("colok connect ").expect("it was seen");
    let url = command.lines().next().expect("there is a line").trim();
    (server, vec!["connect".to_owned(), url.to_owned()])
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

/// What the prompt looks like on a screen, where blanks at the end of a line are not seen.
fn prompt(command: &[String]) -> String {
    format!("tcp {}>", command[1])
}

/// The lines of a screen with their round-trip times cut off.
fn without_times(screen: &str) -> Vec<&str> {
    screen.lines().map(|line| line.split_once("  (").map_or(line, |(text, _)| text)).collect()
}

#[test]
fn a_first_conversation() {
    let Some(tmux) = Tmux::start() else { return };
    let (server, command) = serve(&tmux, &["echo=tcp://127.0.0.1:0?idle=60s"]);
    let client = tmux.terminal("client", &words(&command));
    let prompt = prompt(&command);
    let screen = client.see_last(&prompt);
    assert!(screen.starts_with("connected 127.0.0.1:"), "{screen}");
    assert!(screen.contains(&format!("-> {}; Ctrl-D ends", command[1])), "{screen}");

    client.write("hello");
    client.press(&["Enter"]);
    client.see_when("round-trip time", |screen| {
        screen.contains("\nhello  (") && screen.lines().last() == Some(&prompt)
    });
    client.write("h\u{e9}llo w\u{f6}rld \u{1f50c}");
    client.press(&["Enter"]);
    client.see("\nh\u{e9}llo w\u{f6}rld \u{1f50c}  (");
    let screen = client.see_last(&prompt);
    let expected = [
        &format!("{prompt} hello"),
        "hello",
        &format!("{prompt} h\u{e9}llo w\u{f6}rld \u{1f50c}"),
        "h\u{e9}llo w\u{f6}rld \u{1f50c}",
        &prompt,
    ];
    assert_eq!(without_times(&screen)[1..], expected, "{screen}");

    // The lines typed before come back, and can be edited.
    client.press(&["Up", "Up"]);
    client.see_last(&format!("{prompt} hello"));
    client.press(&["C-a"]);
    client.write("O ");
    client.press(&["Enter"]);
    client.see("\nO hello  (");
    client.see_last(&prompt);

    client.write("quit");
    client.press(&["Enter"]);
    client.see("\nquit  (");
    client.see("-- the server closed the connection (FIN)");
    client.see("Enter connects again, Ctrl-D ends");
    client.see_last(&prompt);
    server.see(": quit (");
    assert!(!client.wraps(), "lines are too long for 80 columns:\n{}", client.screen());
    client.press(&["C-d"]);
    assert_eq!(client.exit_code(), 0);

    assert!(!server.wraps(), "lines are too long for 80 columns:\n{}", server.screen());
    server.press(&["C-c"]);
    server.see("stopped: 1 connection,");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn the_line_being_typed_is_kept_when_the_server_closes() {
    let Some(tmux) = Tmux::start() else { return };
    let (_server, command) = serve(&tmux, &["echo=tcp://127.0.0.1:0?idle=1s"]);
    let client = tmux.terminal("client", &words(&command));
    let prompt = prompt(&command);
    client.see_last(&prompt);
    client.write("half a ");
    client.see("-- the server closed the connection (FIN)");
    client.see_last(&format!("{prompt} half a"));
    client.write("line");
    client.press(&["Enter"]);
    let screen = client.see("\nhalf a line  (");
    assert_eq!(screen.matches("connected 127.0.0.1:").count(), 2, "{screen}");

    // And Enter alone only connects again.
    client.see_when("second notice", |screen| {
        screen.matches("-- the server closed").count() == 2
            && screen.lines().last() == Some(&prompt)
    });
    client.press(&["Enter"]);
    client.see_when("third greeting", |screen| {
        screen.matches("connected 127.0.0.1:").count() == 3
            && screen.lines().last() == Some(&prompt)
    });
}

#[test]
fn it_connects_again_unasked_and_ctrl_c_ends_it() {
    let Some(tmux) = Tmux::start() else { return };
    let (_server, command) = serve(&tmux, &["echo=tcp://127.0.0.1:0?idle=1s"]);
    let client = tmux.terminal("client", &[&words(&command)[..], &["--reconnect"]].concat());
    let prompt = prompt(&command);
    client.see_last(&prompt);
    client.write("half");
    let screen = client
        .see_when("second greeting", |screen| screen.matches("connected 127.0.0.1:").count() == 2);
    assert!(screen.contains("-- the server closed the connection (FIN)"), "{screen}");
    assert!(screen.contains("connecting again"), "{screen}");
    client.see_last(&format!("{prompt} half"));
    client.press(&["C-c"]);
    assert_eq!(client.exit_code(), 130);
}

#[test]
fn replies_as_hexadecimal_bytes() {
    let Some(tmux) = Tmux::start() else { return };
    let (_server, command) = serve(&tmux, &["echo=tcp://127.0.0.1:0?idle=60s"]);
    let client = tmux.terminal("client", &[&words(&command)[..], &["--hex"]].concat());
    let prompt = prompt(&command);
    client.see_last(&prompt);
    client.write("0123456789 colok");
    client.press(&["Enter"]);
    client.see_when("second line of the dump", |screen| {
        screen.contains("00000010  0a  ") && screen.lines().last() == Some(&prompt)
    });
    let screen = client.screen();
    let first = "00000000  30 31 32 33 34 35 36 37  38 39 20 63 6f 6c 6f 6b  |0123456789 colok|";
    assert!(screen.contains(first), "{screen}");
    assert!(!client.wraps(), "lines are too long for 80 columns:\n{screen}");
}

/// A server in the test itself, for bytes that no service of ours sends.
fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().expect("the client comes");
    stream.set_read_timeout(Some(PATIENCE)).expect("it can have one");
    stream
}

#[test]
fn a_peer_can_neither_clear_the_screen_nor_name_the_window() {
    let Some(tmux) = Tmux::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    let client = tmux.terminal("client", &["connect", &place]);
    let mut stream = accept(&listener);
    let prompt = format!("tcp {place}>");
    client.see_last(&prompt);
    client.write("half");
    client.see_last(&format!("{prompt} half"));
    let attack = b"\x1b[2J\x1b[H gone \x1b]2;owned\x07 \x9b31m \xc2\x9b \x0e\r\nnext\tline\x08\n";
    stream.write_all(attack).expect("it reads");
    let screen = client.see_when("harmless text and the line", |screen| {
        screen.contains("\nnext") && screen.lines().last() == Some(&format!("{prompt} half"))
    });
    assert!(screen.starts_with("connected "), "the screen was cleared:\n{screen}");
    let harmless = "\\u{1b}[2J\\u{1b}[H gone \\u{1b}]2;owned\\u{7} \\x9b31m \\u{9b} \\u{e}\n";
    assert!(screen.contains(harmless), "{screen}");
    assert!(screen.contains("\nnext\\tline\\u{8}\n"), "{screen}");
    let title = tmux.run(&["display-message", "-p", "-t", "client", "#{pane_title}"]);
    assert_ne!(title.trim(), "owned");
    let mut sent = [0; 16];
    client.press(&["Enter"]);
    let length = stream.read(&mut sent).expect("a line comes");
    assert_eq!(&sent[..length], b"half\n");
}

#[test]
fn a_reply_in_pieces_is_one_line() {
    let Some(tmux) = Tmux::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    let client = tmux.terminal("client", &["connect", &place]);
    let mut stream = accept(&listener);
    stream.set_nodelay(true).expect("it is a TCP socket");
    client.see_last(&format!("tcp {place}>"));
    // More than is received at once, so that a character of four bytes is cut. Only a pause
    // inside it may show that, which a busy machine makes now and then, but not every time.
    let line = format!("a{}z\n", "\u{1f50c}".repeat(20_000));
    let whole = (0..5).any(|_| {
        stream.write_all(line.as_bytes()).expect("it reads");
        client.see_when("end of a long line", |screen| screen.contains("\u{1f50c}z\n"));
        let all = tmux.run(&["capture-pane", "-p", "-S", "-", "-t", "client"]);
        client.press(&["C-l"]);
        client.see_when("clear screen", |screen| !screen.contains('z'));
        tmux.run(&["clear-history", "-t", "client"]);
        all.matches('\u{1f50c}').count() == 20_000 && !all.contains('\\')
    });
    assert!(whole, "a character was cut");
    // What has no newline is shown too, soon.
    stream.write_all(b"name? ").expect("it reads");
    client.see("name?\n");
}

#[test]
fn what_comes_unasked_does_not_tear_the_line_being_typed() {
    let Some(tmux) = Tmux::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    let client = tmux.terminal("client", &["connect", &place]);
    let mut stream = accept(&listener);
    let prompt = format!("tcp {place}>");
    client.see_last(&prompt);
    // Longer than the terminal is wide, with the cursor in its first row.
    let long = "0123456789".repeat(10);
    client.write(&long);
    client.see_when("long line", |screen| screen.replace('\n', "").ends_with(&long));
    client.press(&["C-a"]);
    for number in 1..=3 {
        stream.write_all(format!("news {number}\n").as_bytes()).expect("it reads");
        client.see(&format!("\nnews {number}\n"));
    }
    client.write("X");
    let line = format!("{prompt} X{long}");
    let screen =
        client.see_when("long line with an X", |screen| screen.replace('\n', "").ends_with(&line));
    assert!(screen.contains("\nnews 1\nnews 2\nnews 3\n"), "{screen}");
    assert_eq!(screen.matches("tcp ").count(), 1, "a piece of an old line is left:\n{screen}");
}

#[test]
fn in_indonesian() {
    let Some(tmux) = Tmux::start() else { return };
    let (server, command) = serve(&tmux, &["--lang", "id", "count=tcp://127.0.0.1:0?idle=60s"]);
    let screen = server.screen();
    for part in ["colok melayani", "layanan", "alamat", "di terminal lain", "Ctrl-C"] {
        assert!(screen.contains(part), "no {part} in:\n{screen}");
    }
    let client = tmux.terminal("client", &[&words(&command)[..], &["--lang", "id"]].concat());
    let prompt = prompt(&command);
    client.see("tersambung 127.0.0.1:");
    client.see_last(&prompt);
    client.write("Handy Arfiano Hastyawan");
    client.press(&["Enter"]);
    client.see("\nJumlah karakter dalam kalimat tersebut ada: 23  (");
    client.see_last(&prompt);
    server.press(&["C-c"]);
    client.see("-- server menutup koneksi (FIN)");
    client.see_last(&prompt);
    assert_eq!(server.exit_code(), 0);
    assert!(server.screen().contains("berhenti: 1 koneksi"), "{}", server.screen());
    client.press(&["Enter"]);
    let screen = client.see("sebab: ");
    assert!(screen.contains("coba: "), "{screen}");
    client.see_last(&prompt);
    assert!(!client.wraps(), "lines are too long for 80 columns:\n{}", client.screen());
    client.press(&["C-d"]);
    assert_eq!(client.exit_code(), 0);
}
