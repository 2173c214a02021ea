//! Servers that say no, say nothing, or say something else.

use std::time::Duration;

use super::script::{Folder, HELLO, PATIENCE, Script, content, hash, options, plan, send};
use crate::client::files::{
    AccessToken, Activity, Ending, FileClientOptions, FilesError, Interrupt,
};

const MIB: usize = 1 << 20;

/// What sending one file of a MiB to this server comes to.
fn error_of(script: Script, options: &FileClientOptions) -> FilesError {
    let folder = Folder::new();
    let path = folder.write("file", &content(MIB));
    let (report, _) = send(&script, options, &plan(&[&path]));
    script.end();
    report.expect_err("it cannot be sent")
}

#[test]
fn a_reason_is_read_with_megabytes_on_the_way() {
    let folder = Folder::new();
    let path = folder.write("file", &content(32 * MIB));
    for closes_rudely in [false, true] {
        let script = Script::one(move |side| {
            side.greet();
            side.line();
            side.say("100 offset=0 : send from 0\n");
            side.bytes(MIB);
            side.say("507 : no space\n");
            // Closing with unread input sends a reset behind the reason.
            if !closes_rudely {
                side.linger();
            }
        });
        let (report, updates) = send(&script, &options(), &plan(&[&path]));
        script.end();
        let report = report.expect("it is one file");
        assert_eq!((report.failed, report.ending), (1, Some(Ending::Refused)));
        assert_eq!(updates.last().map(String::as_str), Some("0 failed file: 507 no space"));
        assert!(report.bytes_sent < 32 * MIB as u64, "the rest was not sent");
    }
}

#[test]
fn who_may_not_write_is_told_once() {
    let folder = Folder::new();
    let paths = ["a", "b", "c"].map(|name| folder.write(name, name.as_bytes()));
    let script = Script::one(|side| {
        side.expect("HELLO 1");
        side.say(HELLO.replace("write=yes", "write=token"));
        for _ in 0..3 {
            side.line();
            side.bytes(1);
        }
        side.say("401 : a token is needed\n401 : a token is needed\n401 : a token is needed\n");
        side.rest();
    });
    let paths: Vec<_> = paths.iter().map(AsRef::as_ref).collect();
    let (report, updates) = send(&script, &options(), &plan(&paths));
    script.end();
    let error = report.expect_err("nobody may write");
    assert!(matches!(&error, FilesError::Refused(refusal) if refusal.code == 401));
    assert_eq!(error.ending(), Ending::Refused);
    assert!(!updates.iter().any(|line| line.contains("failed")), "{updates:?}");
}

#[test]
fn the_token_goes_with_the_greeting_and_is_shown_nowhere() {
    let token = AccessToken::new("a secret = 100%\n").expect("it is one line");
    assert_eq!(format!("{token:?}"), "AccessToken");
    let options = FileClientOptions { token: Some(token), ..options() };
    let script = Script::one(|side| {
        side.expect("HELLO 1 token=a%20secret%20%3D%20100%25");
        side.say("401 : wrong token\n");
        side.rest();
    });
    let error = error_of(script, &options);
    assert_eq!((error.ending(), error.to_string().as_str()), (Ending::Refused, "401 wrong token"));
    for wrong in ["", "\n", "two\nlines", "bell\u{7}"] {
        assert!(AccessToken::new(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_server_that_is_none_is_named_with_what_it_said() {
    for said in ["hello\n", "200 welcome\n", "HTTP/1.1 400 Bad Request\r\n", "250 size=1 : ok\n"] {
        let script = Script::one(move |side| {
            side.expect("HELLO 1");
            side.say(said);
            side.rest();
        });
        let error = error_of(script, &options());
        let FilesError::NotAStore { during, said: shown, .. } = &error else { panic!("{error}") };
        assert_eq!(*during, Activity::Greeting);
        assert!(shown.contains(said.trim_end()), "{shown}");
        assert_eq!(error.ending(), Ending::Failed);
    }
}

#[test]
fn a_receipt_for_other_bytes_is_not_believed() {
    for wrong in [
        format!("size={MIB} hash={}", hash(b"other")),
        format!("size=1 hash={}", hash(&content(MIB))),
    ] {
        let script = Script::one(move |side| {
            side.greet();
            side.line();
            side.say("100 offset=0 : send from 0\n");
            side.bytes(MIB);
            side.line();
            side.say(format!("201 {wrong} durability=full : stored\n"));
            side.rest();
        });
        let error = error_of(script, &options());
        assert!(error.to_string().contains("a receipt for what was sent"), "{error}");
    }
}

#[test]
fn a_claim_to_have_it_is_compared_with_the_file() {
    let folder = Folder::new();
    let path = folder.write("file", &content(MIB));
    let script = Script::one(|side| {
        side.greet();
        side.line();
        side.say(format!("202 size={MIB} hash={} durability=full : have it\n", hash(b"other")));
        side.rest();
    });
    let (report, updates) = send(&script, &options(), &plan(&[&path]));
    script.end();
    assert_eq!(report.expect("it is one file").failed, 1);
    assert!(updates.last().is_some_and(|line| line.contains("the server vouches for")));
}

#[test]
fn silence_ends_when_its_time_is_over() {
    let options = FileClientOptions { reply_timeout: Duration::from_millis(50), ..options() };
    let script = Script::one(|side| {
        side.expect("HELLO 1");
        side.rest();
    });
    let error = error_of(script, &options);
    let silent = matches!(error, FilesError::Silent { during: Activity::Greeting, .. });
    assert!(silent && error.ending() == Ending::TimeRanOut, "{error}");
}

#[test]
fn a_deadline_ends_everything() {
    let mut options = options();
    options.connect.deadline = Some(colok_proto::Time::from_millis(300));
    let script = Script::one(|side| {
        side.greet();
        side.line();
        side.rest();
    });
    let error = error_of(script, &options);
    assert!(matches!(error, FilesError::Deadline { .. }), "{error}");
    assert_eq!(error.ending(), Ending::TimeRanOut);
}

#[test]
fn an_interrupt_ends_a_wait_at_once() {
    let interrupt = Interrupt::new().expect("a descriptor is left");
    let options = FileClientOptions { interrupt: Some(interrupt.clone()), ..options() };
    let script = Script::one(move |side| {
        side.greet();
        side.line();
        interrupt.raise();
        side.rest();
    });
    let began = std::time::Instant::now();
    let error = error_of(script, &options);
    assert!(matches!(error, FilesError::Interrupted), "{error}");
    assert_eq!(error.ending(), Ending::Interrupted);
    assert!(began.elapsed() < PATIENCE, "it did not wait for the answer");
}

#[test]
fn a_server_that_is_full_says_so() {
    let script = Script::one(|side| {
        side.line();
        side.say("refused: the server is full, try again later\n");
        side.linger();
    });
    let error = error_of(script, &options());
    assert!(matches!(&error, FilesError::Refused(refusal) if refusal.code == 503), "{error}");
}
