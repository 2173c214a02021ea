//! Multicast and broadcast, in a network of their own that this test makes, so that no datagram
//! leaves the computer.

use std::process::Command;

use crate::common::{Output, finish};
use crate::support::Folder;

/// Makes loopback able to carry a group, starts a server, asks it, and stops it.
const SCRIPT: &str = r#"
set -e
ip link set lo up multicast on
ip route add 224.0.0.0/4 dev lo
"$COLOK" serve --quiet --log json:"$LOG" "echo=udp://0.0.0.0:7001?join=239.1.2.3" &
server=$!
trap 'kill $server' EXIT
until grep -q started "$LOG" 2>/dev/null; do kill -0 $server; sleep 0.02; done
printf hello | "$COLOK" connect "$URL"
"#;

/// The options with which `unshare` can make a network here.
fn unshare() -> Option<&'static str> {
    let works = |option: &&str| {
        let output = Command::new("unshare").args([option, "ip", "link"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    ["-n", "-rn"].into_iter().find(works)
}

fn ask(option: &str, url: &str) -> Output {
    let folder = Folder::new();
    let mut command = Command::new("unshare");
    command
        .args([option, "sh", "-c", SCRIPT])
        .env("COLOK", env!("CARGO_BIN_EXE_colok"))
        .env("LOG", folder.file("log"))
        .env("URL", url)
        .env("LC_ALL", "C");
    finish(command, b"")
}

#[test]
fn answers_to_a_group_are_shown_with_their_source() {
    let Some(option) = unshare() else {
        println!("skipped: no network namespace can be made here");
        return;
    };
    for url in ["udp://239.1.2.3:7001", "udp://127.255.255.255:7001"] {
        let output = ask(option, url);
        assert_eq!(output.code, Some(0), "{url}: {}", output.err);
        // From the address of the interface, not from that of the group.
        assert_eq!(output.text(), "127.0.0.1:7001: hello\n", "{url}: {}", output.err);
    }
}
