//! The terminal client, driven over a pseudo-terminal as a person would.

mod common;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use common::{PATIENCE, Serving, command, wait};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// `colok` at a terminal of 100 columns, and what it has shown.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// Everything that was shown.
    seen: String,
    /// How often the editor was ready for a line, and how often it is to be before the next key.
    prompts: (usize, usize),
    state: PathBuf,
}

impl Terminal {
    /// Starts `colok connect` with these arguments; `name` tells the tests' histories apart.
    fn start(name: &str, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there is a terminal");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it is ours");
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("it has a size");
        let path = ptsname(&master, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&path, flags, Mode::empty()).expect("it can be opened");
        let slave = File::from(slave);
        let copy = || slave.try_clone().expect("a descriptor is left");
        let state = std::env::temp_dir().join(format!("colok-{name}-{}", std::process::id()));
        let child = command(&[&["connect"], arguments].concat())
            .env("XDG_STATE_HOME", &state)
            .env("TERM", "xterm")
            .stdin(copy())
            .stdout(copy())
            .stderr(copy())
            .spawn()
            .expect("it starts");
        let keyboard = File::from(master);
        let mut reading = keyboard.try_clone().expect("a descriptor is left");
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal whose programs have ended answers with an error.
            while let Ok(length) = reading.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (shown, seen, prompts) = (String::new(), String::new(), (0, 1));
        Self { child, keyboard, screen, shown, seen, prompts, state }
    }

    /// Presses keys once the editor is ready: between two lines the terminal itself would act on
    /// them, and Ctrl-D would be lost.
    fn press(&mut self, keys: &str) {
        while self.prompts.0 < self.prompts.1 {
            let bytes = self.screen.recv_timeout(PATIENCE).expect("the prompt comes");
            self.take(&bytes);
        }
        if keys == ENTER {
            self.prompts.1 += 1;
        }
        self.keyboard.write_all(keys.as_bytes()).expect("it takes keys");
    }

    /// Takes what was written to the terminal.
    fn take(&mut self, bytes: &[u8]) {
        // The editor asks for bracketed paste each time it starts on a line.
        const READY: &str = "\x1b[?2004h";
        let before = self.seen.matches(READY).count();
        let text = String::from_utf8_lossy(bytes);
        self.seen.push_str(&text);
        self.prompts.0 += self.seen.matches(READY).count() - before;
        self.shown.push_str(&text);
    }

    /// Waits until this text is shown, and forgets what came before it.
    fn see(&mut self, text: &str) {
        self.see_all(&[text]);
    }

    /// Waits until all of these texts are shown, in any order, and forgets what came before the
    /// last of them.
    fn see_all(&mut self, texts: &[&str]) {
        let start = Instant::now();
        loop {
            let end = |text: &&str| self.shown.find(text).map(|at| at + text.len());
            let ends: Option<Vec<usize>> = texts.iter().map(end).collect();
            if let Some(last) = ends.and_then(|ends| ends.into_iter().max()) {
                self.shown.drain(..last);
                return;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("{texts:?} were not shown: {error}; but {:?}", self.shown),
            }
        }
    }

    fn history(&self) -> String {
        std::fs::read_to_string(self.state.join("colok/history")).unwrap_or_default()
    }

    /// Waits for the end; gives the exit code.
    fn end(&mut self) -> Option<i32> {
        wait(&mut self.child).code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

const ENTER: &str = "\r";
const UP: &str = "\x1b[A";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// A server in this test, with its address.
fn listen() -> (TcpListener, String) {
    listen_on(Ipv4Addr::LOCALHOST)
}

fn listen_on(address: Ipv4Addr) -> (TcpListener, String) {
    let listener = TcpListener::bind((address, 0)).expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    (listener, place)
}

fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().expect("the client comes").0
}

/// Reads exactly this text.
fn receive(stream: &mut TcpStream, text: &str) {
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    let mut buffer = vec![0; text.len()];
    stream.read_exact(&mut buffer).expect("the line comes");
    assert_eq!(String::from_utf8_lossy(&buffer), text);
}

#[test]
fn a_line_goes_and_its_reply_comes_with_its_time() {
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0?idle=1h"], 1);
    let mut terminal = Terminal::start("reply", &[serving.place()]);
    terminal.see(&format!("-> {}; Ctrl-D ends", serving.place()));
    terminal.see(&format!("tcp {}> ", serving.place()));
    terminal.press("halo dunia");
    terminal.press(ENTER);
    terminal.see("halo dunia  (");
    terminal.see(" ms)");
    // The history has it, on the arrow key and on disk.
    terminal.press(UP);
    terminal.see("halo dunia");
    assert!(terminal.history().contains("halo dunia\n"));
    terminal.press(ENTER);
    terminal.see("halo dunia  (");
    terminal.press(CTRL_D);
    terminal.see("-- the server closed the connection (FIN) (22 B in, 22 B out)");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn the_line_being_typed_survives_a_close_and_enter_connects_again() {
    let (listener, place) = listen();
    let mut terminal = Terminal::start("close", &[&place, "--lang", "id"]);
    let stream = accept(&listener);
    terminal.see("> ");
    terminal.press("hel");
    terminal.see("hel");
    drop(stream);
    terminal.see("-- server menutup koneksi (FIN) (0 B masuk, 0 B keluar)");
    terminal.see("hel");
    terminal.press("lo");
    terminal.press(ENTER);
    let mut stream = accept(&listener);
    receive(&mut stream, "hello\n");
    stream.write_all(b"hi\n").expect("it is connected");
    terminal.see("hi  (");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(130));
}

#[test]
fn it_connects_again_unasked_when_told_to() {
    let (listener, place) = listen();
    let mut terminal = Terminal::start("again", &[&place, "--reconnect", "--crlf"]);
    drop(accept(&listener));
    let mut stream = accept(&listener);
    terminal.see("connecting again");
    terminal.press("x");
    terminal.press(ENTER);
    receive(&mut stream, "x\r\n");
    terminal.press(CTRL_D);
    // Our end of the stream is closed by the client first: a half-close.
    assert_eq!(stream.read(&mut [0; 16]).expect("it ends"), 0);
    stream.write_all(b"last words\n").expect("the other half is open");
    drop(stream);
    terminal.see("last words");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_peer_cannot_drive_the_terminal() {
    let (listener, place) = listen();
    let mut terminal = Terminal::start("nasty", &[&place]);
    let mut stream = accept(&listener);
    stream.write_all(b"\x1b]0;title\x07\xff\n").expect("it is connected");
    terminal.see("\\u{1b}]0;title\\u{7}\\xff");
    drop(stream);
    terminal.press(CTRL_D);
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn replies_can_be_seen_as_bytes() {
    let (listener, place) = listen();
    let mut terminal = Terminal::start("hex", &[&place, "--hex"]);
    let mut stream = accept(&listener);
    stream.write_all(b"hello\n").expect("it is connected");
    terminal.see("00000000  68 65 6c 6c 6f 0a ");
    terminal.see("|hello.|");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(130));
}

#[test]
fn a_line_is_a_datagram() {
    let serving = Serving::start(&["count=udp://127.0.0.1:0"], 1);
    let mut terminal = Terminal::start("datagram", &[&serving.addresses[0]]);
    terminal.see(&format!("udp {}> ", serving.place()));
    terminal.press("Handy Arfiano Hastyawan");
    terminal.press(ENTER);
    terminal.see("Jumlah karakter dalam kalimat tersebut ada: 23  (");
    terminal.press(CTRL_D);
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_server_that_is_gone_keeps_the_line() {
    // An address of its own: a port of 127.0.0.1 may be another test's as soon as it is free.
    let (listener, place) = listen_on(Ipv4Addr::new(127, 7, 7, 7));
    let mut terminal = Terminal::start("gone", &[&place]);
    drop(accept(&listener));
    terminal.see("-- the server closed");
    // Shut down, not only closed: a program that another test is just starting has a copy of the
    // listener until it executes, and would keep it listening for that long.
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).expect("it listens");
    drop(listener);
    terminal.press("kept");
    terminal.see("kept");
    terminal.press(ENTER);
    terminal.see("Connection refused");
    terminal.see("why: nothing is listening there");
    terminal.see("kept");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(130));
}

#[test]
fn socket_calls_stand_above_the_line_being_typed() {
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0?idle=1h"], 1);
    let mut terminal = Terminal::start("calls", &[serving.place(), "--calls"]);
    terminal.see("socket(AF_INET, SOCK_STREAM) = ");
    terminal.see("connect(");
    terminal.see("; Ctrl-D ends");
    for line in ["halo", "dunia"] {
        terminal.press(line);
        terminal.press(ENTER);
        // Calls and replies are printed by two threads.
        terminal.see_all(&["write(", "read(", &format!("{line}  (")]);
    }
    terminal.press(CTRL_D);
    terminal.see("close(");
    assert_eq!(terminal.end(), Some(0));
    for call in ["socket", "connect", "write", "read", "shutdown", "close"] {
        assert!(!terminal.seen.contains(&format!("> {call}(")), "{:?}", terminal.seen);
    }
}

#[test]
fn a_datagram_that_nobody_takes_names_the_command_that_would_help() {
    for (language, refused, why, command) in [
        ("en", "(0 B in, 5 B out)", "why: nothing is listening there", "try: colok serve count"),
        (
            "id",
            "(0 B masuk, 5 B keluar)",
            "sebab: tidak ada yang mendengarkan",
            "coba: colok serve",
        ),
    ] {
        let arguments = ["udp://127.9.8.7:12345", "--lang", language];
        let mut terminal = Terminal::start("refused", &arguments);
        terminal.press("hello");
        terminal.press(ENTER);
        terminal.see(&format!("-- Connection refused {refused}"));
        terminal.see(why);
        terminal.see(command);
        terminal.press(CTRL_C);
        assert_eq!(terminal.end(), Some(130));
    }
}

#[test]
fn a_typed_session_is_had_again_by_a_check() {
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0?idle=1h"], 1);
    let folder = std::env::temp_dir().join(format!("colok-typed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let file = folder.join("typed.toml").display().to_string();
    let mut terminal = Terminal::start("save", &[serving.place(), "--save", &file]);
    for line in ["halo {dunia}", "-dua*", "quit"] {
        terminal.press(line);
        terminal.press(ENTER);
        terminal.see(&format!("{line}  ("));
    }
    terminal.see("-- the server closed the connection (FIN)");
    // An empty line connects again, which is one more conversation.
    terminal.press(ENTER);
    terminal.press("lagi");
    terminal.press(ENTER);
    terminal.see("lagi  (");
    terminal.press(CTRL_C);
    terminal.see("saved; to have it again: colok check ");
    assert_eq!(terminal.end(), Some(130));

    let text = std::fs::read_to_string(&file).expect("it was saved");
    assert_eq!(text.matches("[[step]]\nname = \"client").count(), 2, "{text}");
    let keep = folder.join("kept").display().to_string();
    let mut check = command(&["check", &file, "--keep", &keep]);
    let status = wait(&mut check.spawn().expect("it starts"));
    assert_eq!(status.code(), Some(0), "{text}");
    // Without the server it is another conversation.
    drop(serving);
    let keep = folder.join("kept-again").display().to_string();
    let mut check = command(&["check", &file, "--keep", &keep]);
    assert_eq!(wait(&mut check.spawn().expect("it starts")).code(), Some(3), "{text}");
    let _ = std::fs::remove_dir_all(&folder);
}
