//! The live view, at a pseudo-terminal: it is drawn in place, fits, and leaves nothing behind.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::str::Chars;
use std::sync::mpsc::channel;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::{PATIENCE, command, wait};
use crate::support::serve;

/// Runs a load whose standard error, and perhaps whose output, is a terminal of this width; gives
/// what the terminal was sent.
fn at_a_terminal(columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let serving = serve("echo");
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let name = name.to_str().expect("it is text");
    let theirs = File::options().read(true).write(true).open(name).expect("it is there");
    tcsetwinsize(&theirs, size).expect("a terminal has a size");
    let place = serving.place().to_owned();
    let short = ["load", &place, "-c", "2", "--threads", "1", "--for", "1s"];
    let mut program = command(&[&short, arguments].concat());
    program.env("TERM", "xterm").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
    program.envs(environment.iter().copied());
    let second = OwnedFd::from(theirs.try_clone().expect("a descriptor is left"));
    program.stdin(Stdio::null()).stdout(second).stderr(OwnedFd::from(theirs));
    let mut child = program.spawn().expect("the program starts");
    drop(program);
    let (sender, sent) = channel();
    thread::spawn(move || {
        let (mut ours, mut all, mut buffer) = (File::from(ours), Vec::new(), [0; 4096]);
        // Reading a terminal that nobody holds any more is an error (EIO).
        while let Ok(length @ 1..) = ours.read(&mut buffer) {
            all.extend_from_slice(&buffer[..length]);
        }
        let _ = sender.send(all);
    });
    assert_eq!(wait(&mut child).code(), Some(0));
    let all = sent.recv_timeout(PATIENCE).expect("the terminal is closed");
    String::from_utf8(all).expect("it is text")
}

/// What a terminal shows in the end, of the sequences that the view uses.
fn screen(sent: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut row = 0;
    let mut rest = sent.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\r' => {}
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), String::new());
                // All that comes later begins at the start of a line.
                lines[row].clear();
            }
            '\x1b' => match sequence(&mut rest) {
                (number, 'A') => {
                    row -= number.parse::<usize>().expect("a number of lines");
                    lines[row].clear();
                }
                (_, 'J') => lines.truncate(row + 1),
                (_, 'K' | 'm') => {}
                other => panic!("an unknown sequence: {other:?}"),
            },
            letter => lines[row].push(letter),
        }
    }
    lines
}

/// A control sequence behind its escape: what it says and the letter that ends it.
fn sequence(rest: &mut Chars<'_>) -> (String, char) {
    assert_eq!(rest.next(), Some('['));
    let mut number = String::new();
    loop {
        match rest.next() {
            Some(letter) if letter.is_ascii_alphabetic() => return (number, letter),
            Some(digit) => number.push(digit),
            None => panic!("a sequence without an end"),
        }
    }
}

#[test]
fn the_view_is_drawn_in_place_and_the_report_comes_in_its_place() {
    for columns in [80, 120, 60] {
        let sent = at_a_terminal(columns, &[], &[]);
        for part in ["measuring", "messages/s", "0 errors", "99 % ", "Ctrl-C ends it here"] {
            assert!(sent.contains(part), "no `{part}` in {sent}");
        }
        assert!(sent.contains('█'), "no bar in {sent}");
        let shown = screen(&sent);
        let text = shown.join("\n");
        assert!(!text.contains("Ctrl-C ends it here"), "{text}");
        assert!(shown[0].starts_with("echo at tcp://"), "{text}");
        assert!(shown.iter().any(|line| line.starts_with("to repeat")), "{text}");
        for line in &shown {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
        }
    }
}

#[test]
fn colours_and_blocks_only_where_they_are_wanted() {
    let sent = at_a_terminal(80, &[], &[]);
    assert!(sent.contains("\x1b[1m") && sent.contains("\x1b[2m"), "{sent}");
    let plain = at_a_terminal(80, &[], &[("NO_COLOR", "1"), ("LC_ALL", "C")]);
    assert!(!plain.contains("m\x1b") && !plain.contains("\x1b[1m"), "{plain}");
    assert!(plain.is_ascii(), "{plain}");
    assert!(plain.contains("Ctrl-C ends it here"), "the view is drawn all the same");
}

#[test]
fn no_view_where_nobody_wants_it_or_nothing_could_be_drawn() {
    let quiet = at_a_terminal(80, &["--quiet"], &[]);
    assert!(quiet.starts_with("\x1b[1mecho at"), "{quiet}");
    let dumb = at_a_terminal(80, &[], &[("TERM", "dumb")]);
    assert!(!dumb.contains('\x1b'), "{dumb}");
    assert!(dumb.contains("0 errors"), "a line a second: {dumb}");
}
