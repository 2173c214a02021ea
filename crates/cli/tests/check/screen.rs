//! The live view, at a pseudo-terminal: it is drawn in place, fits, and leaves nothing behind but
//! what has ended.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::{PATIENCE, command, wait};
use crate::support::{FAILING, Folder, MATRIX};

/// A scenario that takes long enough to be seen.
const SLOW: &str = r#"
title = "A program that takes its time"
hosts.host.kind = "local"

[[step]]
name = "slow"
run = "sleep 1"
expect.exit = 0
"#;

/// Runs a check whose output and standard error are a terminal of this width; gives what the
/// terminal was sent.
fn at_a_terminal(columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = Folder::with(&[("fails", FAILING), ("slow", SLOW), ("words", MATRIX)]);
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let name = name.to_str().expect("it is text");
    let theirs = File::options().read(true).write(true).open(name).expect("it is there");
    tcsetwinsize(&theirs, size).expect("a terminal has a size");
    let mut program = command(&[&["check", "."], arguments].concat());
    program.env("TERM", "xterm").env_remove("NO_COLOR").envs(environment.iter().copied());
    program.current_dir(&folder.0);
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
    assert_eq!(wait(&mut child).code(), Some(3));
    let all = sent.recv_timeout(PATIENCE).expect("the terminal is closed");
    String::from_utf8(all).expect("it is text")
}

/// What a terminal shows in the end, of the sequences that the view uses.
fn screen(sent: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut row = 0;
    let mut rest = sent.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\r' => {}
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), String::new());
                lines[row].clear();
            }
            '\x1b' => {
                assert_eq!(rest.next(), Some('['));
                let mut number = String::new();
                while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                match rest.next() {
                    Some('A') => {
                        row -= number.parse::<usize>().expect("a number of lines");
                        lines[row].clear();
                    }
                    Some('J') => lines.truncate(row + 1),
                    Some('K' | 'm') => {}
                    other => panic!("an unknown sequence: {other:?}"),
                }
            }
            letter => lines[row].push(letter),
        }
    }
    lines
}

#[test]
fn the_view_is_drawn_in_place_and_what_did_not_pass_stays_above() {
    for columns in [80, 44] {
        let sent = at_a_terminal(columns, &["--jobs", "2"], &[]);
        for part in ["6 cases", "slow", "sleep 1", "Ctrl-C breaks off"] {
            assert!(sent.contains(part), "no `{part}` in {sent}");
        }
        let shown = screen(&sent);
        let text = shown.join("\n");
        assert!(!text.contains("Ctrl-C breaks off"), "{text}");
        let ended: Vec<_> = shown.iter().filter(|line| line.contains("/6] ")).collect();
        assert_eq!(ended.len(), 1, "what passed is in the summary alone: {text}");
        assert!(ended[0].contains("] fail     fails ("), "{text}");
        assert!(ended[0].chars().count() < usize::from(columns), "{text}");
        assert!(text.contains("6 cases in "), "{text}");
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let sent = at_a_terminal(80, &[], &[]);
    assert!(sent.contains("\x1b[32mpass") && sent.contains("\x1b[31mfail"), "{sent}");
    let plain = at_a_terminal(80, &[], &[("NO_COLOR", "1")]);
    assert!(!plain.contains("\x1b[32m") && !plain.contains("\x1b[1m"), "{plain}");
    assert!(plain.contains("Ctrl-C breaks off"), "the view is drawn all the same");
    assert!(plain.is_ascii(), "{plain}");
}

#[test]
fn no_view_where_nobody_wants_it_or_nothing_could_be_drawn() {
    let quiet = at_a_terminal(80, &["--quiet"], &[]);
    assert!(!quiet.contains("Ctrl-C") && !quiet.contains("/6] "), "{quiet}");
    let dumb = at_a_terminal(80, &[], &[("TERM", "dumb")]);
    assert!(!dumb.contains('\x1b'), "{dumb}");
    assert!(dumb.contains("/6] pass"), "a line for each case: {dumb}");
}
