//! Names that want out, links and pipes that somebody put into the store, and names that want to
//! drive a terminal.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use rustix::process::Signal;

use crate::common::Serving;
use crate::support::{FileServer, Folder, MODELS, at_home, each_of};

/// Names that are none, as they are typed, with a word of the reason.
const NO_NAMES: [(&str, &str); 22] = [
    ("..", ". or .."),
    ("../escape", ". or .."),
    ("a/../../escape", ". or .."),
    ("%2e%2e/escape", ". or .."),
    ("..%2Fescape", ". or .."),
    ("a/..", ". or .."),
    (".", ". or .."),
    ("./a", ". or .."),
    ("a/./b", ". or .."),
    ("/etc/passwd", "begins or ends with /"),
    ("%2Fetc/passwd", "begins or ends with /"),
    ("a/", "begins or ends with /"),
    ("a//b", "begins or ends with /"),
    ("/", "begins or ends with /"),
    (".colok/x", "reserved"),
    (".colok", "reserved"),
    ("%2ecolok/partial/x", "reserved"),
    ("a%00b", "control character"),
    ("a%0Ab", "control character"),
    ("a%1B%5B31m", "control character"),
    ("a%C2%9Bb", "control character"),
    ("a%zz", "followed by two digits"),
];

/// Every request that takes a name.
fn requests(name: &str) -> [String; 5] {
    [
        format!("PUT {name} 5"),
        format!("PUT {name} -"),
        format!("GET {name}"),
        format!("STAT {name} reread=yes"),
        format!("LIST after={name}"),
    ]
}

#[test]
fn no_name_leads_out_of_the_store() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let outside = server.folder.write("secret", b"not for the store");
        let mut wire = server.wire();
        assert_eq!(wire.put("a/b", b"inside", "").code, 201, "{model}");
        let long = format!("{}/x", "n".repeat(256));
        let longer = vec!["n"; 600].join("/");
        let deep = vec!["n"; 65].join("/");
        let mut names = NO_NAMES.to_vec();
        names.extend([
            (long.as_str(), "longer than 255"),
            (longer.as_str(), "longer than 1024"),
            (deep.as_str(), "more than 64 parts"),
            ("%FF%FE", "makes no UTF-8"),
        ]);
        // All on one connection: a bad name does not break it.
        for (name, reason) in &names {
            for request in requests(name) {
                let answer = wire.ask(&request);
                assert_eq!(answer.code, 422, "{model}: {request}: {}", answer.line);
                assert!(answer.line.contains(reason), "{model}: {request}: {}", answer.line);
            }
            wire.push(name, b"pushed", "");
            let answer = wire.answer();
            assert_eq!(answer.code, 422, "{model}: PUSH {name}: {}", answer.line);
        }
        let (answer, bytes) = wire.get("a/b");
        assert_eq!((answer.code, &bytes[..]), (150, &b"inside"[..]), "{model}");
        assert_eq!(server.visible(), ["a", "a/b"], "{model}");
        assert_eq!(fs::read(outside).expect("it is there"), b"not for the store", "{model}");
        let names = names_of(server.folder.path());
        assert_eq!(names, ["secret", "store"], "{model}: something is beside the store");
    });
}

fn names_of(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn names_of_the_longest_kind_are_names() {
    let server = FileServer::start("events", &[]);
    let component = "n".repeat(255);
    let long = format!("{component}/{component}/{component}/{component}");
    let deep = vec!["d"; 64].join("/");
    let odd = "a%20b%25c%3D%E2%82%AC%F0%9F%94%8C";
    let mut wire = server.wire();
    for name in [long.as_str(), &deep, odd, "-", "--help", "~", "*", "a\\b", "C:"] {
        let answer = wire.put(name, name.as_bytes(), "");
        assert_eq!(answer.code, 201, "{name}: {}", answer.line);
        let (answer, bytes) = wire.get(name);
        assert_eq!((answer.code, bytes), (150, name.as_bytes().to_vec()), "{name}");
    }
    assert!(server.stored("a b%c=\u{20ac}\u{1f50c}").exists());
}

#[test]
fn a_line_that_is_no_text_is_refused() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let too_long = [&b"PUT "[..], &[b'x'; 9000], b" 5\n"].concat();
        for line in [
            &b"PUT \xff\xfe 5\n"[..],
            b"PUT a\x00b 5\n",
            b"PUT a\x1b[31m 5\n",
            b"PUT a\tb 5\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
            b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
            b"PUT a 99999999999999999999\n",
            b"PUT a -5\n",
            b"PUT a +5\n",
            b"PUT a 5 nothex\n",
            b"PUT a 5 colour=red\n",
            b"PUT a 5 upload=short\n",
            b"PUSH a 65537\n",
            b"PUT\n",
            &too_long,
        ] {
            let mut wire = server.wire();
            wire.send(line);
            // It is behind the line when the server refuses.
            let _ = wire.socket().write_all(b"hello\nLIST\n");
            let told = wire.rest();
            let shown = String::from_utf8_lossy(&line[..line.len().min(40)]);
            let refused = told.starts_with("400 : ") || told.starts_with("413 limit=65536 : ");
            assert!(refused, "{model}: {shown:?}: {told:?}");
            assert_eq!(told.lines().count(), 1, "{model}: {shown:?}: {told:?}");
        }
        assert_eq!(server.visible(), [""; 0], "{model}");
    });
}

/// What others may put into the folder of a store.
struct Planted {
    _outside: Folder,
    victim: String,
    _socket: UnixListener,
}

fn plant(server: &FileServer) -> Planted {
    let outside = Folder::new();
    let victim = outside.write("victim", b"must not change, must not be read");
    let root = server.root();
    symlink(&victim, root.join("link")).expect("the store is ours");
    symlink(outside.path(), root.join("way-out")).expect("the store is ours");
    symlink("/etc", root.join("etc")).expect("the store is ours");
    symlink("/nowhere/at/all", root.join("dangling")).expect("the store is ours");
    symlink("loop", root.join("loop")).expect("the store is ours");
    symlink(".", root.join("here")).expect("the store is ours");
    symlink(".colok", root.join("inside")).expect("the store is ours");
    fs::create_dir(root.join("folder")).expect("the store is ours");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), mode).expect("the store is ours");
    let socket = UnixListener::bind(root.join("socket")).expect("the store is ours");
    Planted { _outside: outside, victim, _socket: socket }
}

#[test]
fn nothing_that_is_planted_in_the_store_is_followed() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let planted = plant(&server);
        let before = server.visible();
        let mut wire = server.wire();
        for name in [
            "link",
            "way-out",
            "way-out/victim",
            "way-out/new",
            "etc",
            "etc/passwd",
            "dangling",
            "dangling/new",
            "loop",
            "loop/new",
            "here/new",
            "inside/new",
            "folder",
            "pipe",
            "pipe/new",
            "socket",
        ] {
            let answer = wire.put(name, b"harm", "");
            assert_eq!(answer.code, 409, "{model}: PUT {name}: {}", answer.line);
            assert_eq!(answer.field("hash"), None, "{model}: PUT {name}: {}", answer.line);
            let token = "upload=a-token-for-the-links";
            let answer = wire.put(name, b"harm", token);
            assert_eq!(answer.code, 409, "{model}: PUT {name} {token}: {}", answer.line);
            wire.push(name, b"harm", "");
            let answer = wire.answer();
            assert_eq!(answer.code, 409, "{model}: PUSH {name}: {}", answer.line);
            for request in [format!("GET {name}"), format!("STAT {name}")] {
                let answer = wire.ask(&request);
                let refused = matches!(answer.code, 404 | 409);
                assert!(refused, "{model}: {request}: {}", answer.line);
            }
        }
        let answer = wire.ask("LIST");
        assert_eq!(answer.number("count"), 0, "{model}: {}", answer.line);
        assert_eq!(server.visible(), before, "{model}");
        let victim = fs::read(&planted.victim).expect("it is there");
        assert_eq!(victim, b"must not change, must not be read", "{model}");
        // The server is well.
        assert_eq!(wire.put("good", b"good", "").code, 201, "{model}");
    });
}

#[test]
fn a_file_on_the_way_is_no_folder() {
    let server = FileServer::start("threads", &[]);
    let mut wire = server.wire();
    assert_eq!(wire.put("a/b", b"a file", "").code, 201);
    for (name, code) in [("a", 409), ("a/b/c", 409), ("a/b/c/d", 409)] {
        let answer = wire.put(name, b"harm", "");
        assert_eq!(answer.code, code, "{name}: {}", answer.line);
        wire.push(name, b"harm", "");
        let answer = wire.answer();
        assert_eq!(answer.code, code, "PUSH {name}: {}", answer.line);
        let answer = wire.ask(&format!("GET {name}"));
        assert!(matches!(answer.code, 404 | 409), "GET {name}: {}", answer.line);
    }
    assert_eq!(server.visible(), ["a", "a/b"]);
}

/// Names that would drive a terminal, all of them allowed in a file system.
const TERRIBLE: [&str; 4] = ["red\u{1b}[31m", "bell\u{7}", "turned\u{202e}txt.exe", "two\nlines"];

#[test]
fn listings_and_logs_show_no_control_characters() {
    for options in [&["--log", "json:-"][..], &["-v"], &["-v", "--lang", "id"]] {
        let folder = Folder::new();
        let root = folder.file("store");
        let all = [&["serve", "--root", &root, "files=tcp://127.0.0.1:0"], options].concat();
        let serving = Serving::plain(&all);
        let line = serving.line_with("tcp://127.0.0.1:");
        let rest = &line[line.find("127.0.0.1:").expect("it has it")..];
        let place: String =
            rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
        // Some were put there by others; one can be a name, and is sent.
        for name in TERRIBLE {
            fs::write(folder.path().join("store").join(name), b"theirs").expect("it is ours");
        }
        let mut wire = crate::wire::Wire::connect(&place);
        assert_eq!(wire.put("sent\u{202e}txt.exe", b"harm", "").code, 201);
        assert_eq!(wire.ask("STAT red%1B[31m").code, 422);
        drop(wire);
        for arguments in [
            &["list", &place][..],
            &["list", &place, "-q"],
            &["stat", &place, "sent\u{202e}txt.exe"],
            &["verify", &root],
            &["get", &place, "no\u{202e}such"],
        ] {
            let output = crate::common::finish(at_home(folder.path(), arguments), b"");
            assert_harmless(&output.text(), arguments);
            assert_harmless(&output.err, arguments);
        }
        serving.signal(Signal::TERM);
        let (code, lines) = serving.end();
        assert_eq!(code, Some(0));
        let log = lines.join("\n");
        assert!(log.contains("txt.exe"), "{log}");
        assert_harmless(&log, options);
    }
}

fn assert_harmless(text: &str, what: &[&str]) {
    let raw = text.chars().find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
    assert_eq!(raw, None, "{what:?}: {text:?}");
}

#[test]
fn a_client_that_gets_many_files_writes_only_below_its_folder() {
    // A server that is not ours could offer any name; ours offers none that leads out.
    let server = FileServer::start("events", &[]);
    server.wire().put("deep/er/file", b"content", "");
    let here = server.folder.file("here");
    fs::create_dir(&here).expect("the folder is ours");
    symlink("/nowhere/at/all", format!("{here}/deep")).expect("the folder is ours");
    let output = server.run("get", &["deep/er/file", "../store/deep/er/file", "-o", &here]);
    assert_ne!(output.code, Some(0));
    assert_eq!(names_of(std::path::Path::new(&here)), ["deep"]);
}

#[test]
fn the_folder_of_the_store_is_private_where_it_must_be() {
    let server = FileServer::start("threads", &[]);
    let mode = |path: &str| {
        let status = fs::metadata(server.root().join(path)).expect("it is there");
        status.permissions().mode() & 0o777
    };
    assert_eq!(mode(".colok"), 0o700);
    let mut wire = server.wire();
    assert_eq!(wire.ask("PUT large 5000000 upload=private-while-partial").code, 100);
    wire.send(&crate::support::noise(1, 2 << 20));
    crate::support::wait_until("some is there", || server.partial().is_some());
    let (partial, _) = server.partial().expect("it is there");
    let status = fs::metadata(partial).expect("it is there");
    assert_eq!(status.permissions().mode() & 0o077, 0, "others may not read a partial");
}
