//! How connections end: after `quit`, and when nothing was said for five seconds.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::support::{MODELS, connect, each_of, read_to_end, serve};

#[test]
fn quit_is_echoed_and_then_the_connection_closes() {
    each_of(&MODELS, |model| {
        let serving = serve(model, &["echo=tcp://127.0.0.1:0"]);
        for (sent, came_back) in [
            ("quit\n", "quit\n"),
            ("quit\r\n", "quit\r\n"),
            // Without a newline it is recognized once the message gap is over.
            ("quit", "quit"),
            ("hello\nquit\nthis is discarded\n", "hello\nquit\n"),
        ] {
            let mut client = connect(serving.place());
            client.write_all(sent.as_bytes()).expect("it is taken");
            let received = read_to_end(&mut client);
            assert_eq!(String::from_utf8_lossy(&received), came_back, "{model}: {sent:?}");
            drop(client);
            assert_eq!(serving.event("closed")["reason"], "quit", "{model}: {sent:?}");
        }
    });
}

#[test]
fn an_idle_echo_connection_is_closed_after_five_seconds() {
    each_of(&MODELS, |model| {
        let serving = serve(model, &["echo=tcp://127.0.0.1:0"]);
        let mut client = connect(serving.place());
        let last_sent = Instant::now();
        client.write_all(b"hello\n").expect("it is taken");
        let received = read_to_end(&mut client);
        let after = last_sent.elapsed();
        drop(client);
        assert_eq!(received, b"hello\n", "{model}");
        let closed = serving.event("closed");
        assert_eq!(closed["reason"], "idle", "{model}");
        println!("{model}: closed after {after:?}; the log says {} ms", closed["duration_ms"]);
        assert!(after >= Duration::from_secs(5), "{model}: closed too early");
        assert!(after < Duration::from_secs(15), "{model}: closed far too late");
    });
}
