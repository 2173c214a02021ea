//! A port that is taken, and one that nobody listens on: what failed, why, and what to try.

use std::time::Instant;

use crate::common::{colok, colok_with};
use crate::support::{Folder, MODELS, each_of, serve};

#[test]
fn a_second_server_on_the_same_address_is_told_who_holds_it() {
    let folder = Folder::new();
    each_of(&MODELS, |model| {
        let file = folder.file(&format!("{model}.sock"));
        for address in [
            "tcp://127.0.0.1:0".to_owned(),
            "udp://127.0.0.1:0".to_owned(),
            format!("unix://{file}"),
            format!("unix:@colok-acceptance-{}-{model}", std::process::id()),
        ] {
            let first = serve(model, &[&format!("count={address}")]);
            let bound = &first.addresses[0];
            let pid = first.pid();
            for (language, holder) in [
                ("en", format!("colok (pid {pid}) has this address")),
                ("id", format!("colok (pid {pid}) memakai alamat ini")),
            ] {
                let service = format!("count={bound}");
                let second = colok(&["serve", "--model", model, &service, "--lang", language]);
                assert_eq!(second.code, Some(1), "{model}: {}", second.err);
                let lines: Vec<&str> = second.err.lines().collect();
                let what = format!("colok: {bound}: bind: Address already in use");
                assert_eq!(lines[0], what, "{model}");
                assert!(lines[1].ends_with(&holder), "{model}: {}", second.err);
                assert!(lines.len() > 2, "{model}: there is nothing to try: {}", second.err);
            }
        }
    });
}

#[test]
fn a_dead_port_fails_at_once_and_names_the_next_step() {
    // Nothing listens on this address of the loopback network.
    for (language, label) in [("en", "try"), ("id", "coba")] {
        let start = Instant::now();
        let output = colok_with(&["connect", "127.1.2.3:5001", "--lang", language], b"hello");
        let time = start.elapsed();
        println!("{language}: it ended after {time:?}");
        assert_eq!(output.code, Some(1));
        let lines: Vec<&str> = output.err.lines().collect();
        assert_eq!(lines[0], "colok: connect tcp://127.1.2.3:5001: Connection refused");
        let next = format!("  {label}: colok serve echo=tcp://127.1.2.3:5001");
        assert_eq!(lines[2], next, "{}", output.err);
        assert!(time.as_secs() < 10, "it waited for something");
    }
}
