//! Clients of others that a person types into, line by line, and whose input is still open when
//! we close.

use crate::common::runnable;
use crate::support::{MODELS, Site, Typed, installed, program};

/// Types a line, waits for its echo, then `quit`, after which we close.
fn type_lines(client: &str, words: &str, with_line_end: &str) {
    if !installed(client) {
        return;
    }
    for model in runnable(&MODELS) {
        let site = Site::start(model);
        let mut typed = Typed::start(program(&site.fill(&format!("{client} {words}"))));
        for line in ["hello\n", "to the plug \u{1f50c}\n", "\n", "quit\n"] {
            typed.write(line.as_bytes());
            typed.wait_for(line.as_bytes());
        }
        // Some notice now that we have closed, some only when nobody types any more.
        let closed = site.serving.event("closed");
        assert_eq!(closed["reason"], "quit", "{model}: {closed}");
        let sent = format!("hello{with_line_end}to the plug \u{1f50c}{with_line_end}");
        let sent = format!("{sent}{with_line_end}quit{with_line_end}");
        assert_eq!(closed["bytes_received"], sent.len(), "{model}: {closed}");
        assert_eq!(closed["bytes_sent"], sent.len(), "{model}: {closed}");
        typed.end();
    }
}

#[test]
fn telnet_with_its_carriage_returns() {
    // It sends CR LF for a newline and shows CR LF as one.
    type_lines("telnet", "127.0.0.1 ECHO_TCP", "\r\n");
}

#[test]
fn netcat_at_a_keyboard() {
    type_lines("nc.openbsd", "127.0.0.1 ECHO_TCP", "\n");
}

#[test]
fn ncat_at_a_keyboard() {
    type_lines("ncat", "127.0.0.1 ECHO_TCP", "\n");
}

#[test]
fn socat_at_a_keyboard() {
    type_lines("socat", "- UNIX-CONNECT:ECHO_UNIX", "\n");
}

#[test]
fn ncat_with_datagrams() {
    if !installed("ncat") {
        return;
    }
    for model in runnable(&MODELS) {
        let site = Site::start(model);
        let mut typed = Typed::start(program(&site.fill("ncat -u 127.0.0.1 ECHO_UDP")));
        for line in ["hello\n", "quit\n", "still here\n"] {
            typed.write(line.as_bytes());
            typed.wait_for(line.as_bytes());
        }
        typed.end();
        let mut typed = Typed::start(program(&site.fill("ncat -u 127.0.0.1 COUNT_UDP")));
        typed.write(b"Handy Arfiano Hastyawan");
        typed.wait_for(b"Jumlah karakter dalam kalimat tersebut ada: 23");
        typed.end();
    }
}

#[test]
fn telnet_counts() {
    if !installed("telnet") {
        return;
    }
    for model in runnable(&MODELS) {
        let site = Site::start(model);
        let mut typed = Typed::start(program(&site.fill("telnet 127.0.0.1 COUNT_TCP")));
        typed.write(b"Handy Arfiano Hastyawan\n");
        typed.wait_for(b"Jumlah karakter dalam kalimat tersebut ada: 23\n");
        typed.write(b"\n");
        typed.wait_for(b"Jumlah karakter dalam kalimat tersebut ada: 0\n");
        typed.end();
    }
}
