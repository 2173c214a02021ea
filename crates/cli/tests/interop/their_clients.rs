//! Netcat, Ncat and socat talk to our server over every transport they know.

use crate::common::{Serving, runnable};
use crate::support::{MODELS, Site, has_ipv6, installed};

/// The reply to the name of the author of the system that `count` stands for.
const NAME: &[u8] = b"Handy Arfiano Hastyawan";
const COUNTED: &[u8] = b"Jumlah karakter dalam kalimat tersebut ada: 23";
const COUNTED_LINE: &[u8] = b"Jumlah karakter dalam kalimat tersebut ada: 23\n";
const NAME_LINE: &[u8] = b"Handy Arfiano Hastyawan\n";

/// Command line, input, and what must come back exactly.
type Talk = (&'static str, &'static [u8], &'static [u8]);

/// Each of these talks on each model, streams or datagrams.
fn check(client: &str, streams: &[Talk], datagrams: &[Talk]) {
    if !installed(client) {
        return;
    }
    for model in runnable(&MODELS) {
        let site = Site::start(model);
        for (words, input, expected) in streams {
            if words.contains("::1") && !has_ipv6() {
                println!("skipped: this machine has no ::1");
                continue;
            }
            let output = site.talk(&format!("{client} {words}"), input);
            let told = format!("{model}: {client} {words}: {output:?}");
            assert_eq!(output.out, *expected, "{told}");
            assert_eq!(output.code, Some(0), "{told}");
        }
        for (words, input, expected) in datagrams {
            let output = site.talk_datagram(&format!("{client} {words}"), input);
            assert_eq!(output.out, *expected, "{model}: {client} {words}: {output:?}");
        }
    }
}

#[test]
fn netcat_that_ends_its_side() {
    check(
        "nc.openbsd",
        &[
            ("-N 127.0.0.1 ECHO_TCP", b"hello", b"hello"),
            ("-N 127.0.0.1 ECHO_TCP", b"one\ntwo\r\n\nthree", b"one\ntwo\r\n\nthree"),
            ("-N 127.0.0.1 ECHO_TCP", b"one\nquit\nnot any more\n", b"one\nquit\n"),
            ("-N 127.0.0.1 ECHO_TCP", b"quit", b"quit"),
            ("-N 127.0.0.1 ECHO_TCP", b"", b""),
            ("-N ::1 ECHO_V6", b"hello", b"hello"),
            ("-N -U ECHO_UNIX", b"hello", b"hello"),
            ("-N -U @ECHO_ABSTRACT", b"hello", b"hello"),
            ("-N 127.0.0.1 COUNT_TCP", NAME, COUNTED),
            ("-N 127.0.0.1 COUNT_TCP", NAME_LINE, COUNTED_LINE),
            ("-N ::1 COUNT_V6", NAME, COUNTED),
            ("-N -U COUNT_UNIX", NAME, COUNTED),
        ],
        &[],
    );
}

#[test]
fn netcat_with_datagrams() {
    check(
        "nc.openbsd",
        &[],
        &[
            ("-u -w1 127.0.0.1 ECHO_UDP", b"hello", b"hello"),
            ("-u -w1 127.0.0.1 ECHO_UDP", b"quit\n", b"quit\n"),
            ("-u -w1 127.0.0.1 COUNT_UDP", NAME, COUNTED),
            ("-u -w1 127.0.0.1 COUNT_UDP", NAME_LINE, COUNTED_LINE),
        ],
    );
}

#[test]
fn netcat_that_only_waits_is_closed_for_its_idleness() {
    if !installed("nc.openbsd") {
        return;
    }
    for model in runnable(&MODELS) {
        let service = "echo=tcp://127.0.0.1:0?idle=1s";
        let serving = Serving::start(&["--model", model, service], 1);
        let port = serving.place().rsplit_once(':').expect("it has a port").1;
        let words = ["nc.openbsd", "127.0.0.1", port].map(str::to_owned);
        // Its input ends, and without -N it tells nobody and waits for us.
        let output = crate::common::finish(crate::support::program(&words), b"hello");
        assert_eq!(output.out, b"hello", "{model}");
        assert_eq!(output.code, Some(0), "{model}");
        assert_eq!(serving.event("closed")["reason"], "idle", "{model}");
    }
}

#[test]
fn netcat_that_only_looks_whether_the_port_is_open() {
    if !installed("nc.openbsd") {
        return;
    }
    for model in runnable(&MODELS) {
        let site = Site::start(model);
        let output = site.talk("nc.openbsd -z 127.0.0.1 ECHO_TCP", b"");
        assert_eq!(output.code, Some(0), "{model}: {output:?}");
        assert_eq!(site.serving.event("closed")["reason"], "peer-closed", "{model}");
    }
}

#[test]
fn ncat() {
    check(
        "ncat",
        &[
            ("127.0.0.1 ECHO_TCP", b"hello", b"hello"),
            ("127.0.0.1 ECHO_TCP", b"one\nquit\nnot any more\n", b"one\nquit\n"),
            ("-C 127.0.0.1 ECHO_TCP", b"one\nquit\n", b"one\r\nquit\r\n"),
            ("--no-shutdown 127.0.0.1 ECHO_TCP", b"one\nquit\n", b"one\nquit\n"),
            ("-6 ::1 ECHO_V6", b"hello", b"hello"),
            ("-U ECHO_UNIX", b"hello", b"hello"),
            ("127.0.0.1 COUNT_TCP", NAME, COUNTED),
            ("-C 127.0.0.1 COUNT_TCP", b"\n", b"Jumlah karakter dalam kalimat tersebut ada: 0\r\n"),
            ("-U COUNT_UNIX", NAME_LINE, COUNTED_LINE),
        ],
        // With datagrams it ends with its input, often before the answer is there; see the
        // clients that are typed into.
        &[],
    );
}

#[test]
fn ncat_that_sends_and_leaves() {
    if !installed("ncat") {
        return;
    }
    for model in runnable(&MODELS) {
        let site = Site::start(model);
        let output = site.talk("ncat --send-only 127.0.0.1 COUNT_TCP", b"hello\n");
        assert_eq!(output.code, Some(0), "{model}: {output:?}");
        let closed = site.serving.event("closed");
        assert_eq!(closed["bytes_received"], 6, "{model}: {closed}");
    }
}

#[test]
fn socat() {
    check(
        "socat",
        &[
            ("-t30 - TCP:127.0.0.1:ECHO_TCP", b"hello", b"hello"),
            ("-t30 - TCP:127.0.0.1:ECHO_TCP", b"one\nquit\n", b"one\nquit\n"),
            ("-t30 - TCP6:[::1]:ECHO_V6", b"hello", b"hello"),
            ("-t30 - UNIX-CONNECT:ECHO_UNIX", b"hello", b"hello"),
            ("-t30 - ABSTRACT-CONNECT:ECHO_ABSTRACT", b"hello", b"hello"),
            ("-t30 - TCP:127.0.0.1:COUNT_TCP", NAME, COUNTED),
            ("-t30 - TCP:127.0.0.1:COUNT_TCP", NAME_LINE, COUNTED_LINE),
            ("-t30 - TCP:127.0.0.1:ECHO_TCP,crnl", b"one\nquit\n", b"one\nquit\n"),
            ("-t30 - UNIX-CONNECT:COUNT_UNIX", NAME, COUNTED),
            ("-t30 - ABSTRACT-CONNECT:COUNT_ABSTRACT", NAME, COUNTED),
        ],
        &[
            ("-t1 - UDP:127.0.0.1:ECHO_UDP", b"hello", b"hello"),
            ("-t1 - UDP:127.0.0.1:COUNT_UDP", NAME, COUNTED),
        ],
    );
}
