//! What the server does when something has an end: its disk, its store, its patience; and who may
//! write at all.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::common::finish;
use crate::network::Network;
use crate::support::{
    Background, CONCURRENT_MODELS, FileServer, Folder, MIB, MODELS, at_home, each_of, hash, noise,
    pause, wait_until,
};
use crate::wire::Wire;

#[test]
fn a_full_store_is_told_and_stores_nothing() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &["--max-store-size", "1M"]);
        let small = server.folder.write("small", &noise(1, 400_000));
        server.send(&[&small]);
        let large = server.folder.write("large", &noise(2, 900_000));
        let output = server.run("send", &[&large]);
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert!(output.err.contains("no space"), "{model}: {}", output.err);
        // Of unknown size: found while the bytes come, and told all the same.
        let piped = server.command("send", &["-", "--name", "piped"]);
        let output = finish(piped, &noise(3, 3_000_000));
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert!(output.err.contains("no space"), "{model}: {}", output.err);
        let mut wire = server.wire();
        let mut codes = Vec::new();
        for push in 0..20 {
            wire.push(&format!("push-{push}"), &noise(push, 60_000), "");
            codes.push(wire.answer().code);
        }
        assert!(codes.iter().all(|code| matches!(code, 201 | 507)), "{model}: {codes:?}");
        assert_eq!(codes.last(), Some(&507), "{model}: {codes:?}");
        let stored = codes.iter().filter(|code| **code == 201).count() as u64;
        assert!(stored * 60_000 <= MIB - 400_000, "{model}: {stored} fit");
        // A sequential server serves nobody else while this one is here.
        drop(wire);
        assert_eq!(server.visible().len() as u64, 1 + stored, "{model}");
        // It still reads, and has what it has.
        let output = server.send(&[&small]);
        assert!(output.text().contains("have it"), "{model}: {}", output.text());
    });
}

#[test]
fn a_full_store_is_full_for_many_clients_at_once() {
    each_of(&CONCURRENT_MODELS, |model| {
        let server = FileServer::start(model, &["--max-store-size", "1M"]);
        let place = server.place();
        let size = 10_000;
        let send = |client: u64| {
            let mut wire = Wire::connect(place);
            for number in 0..16 {
                let name = format!("client-{client}/{number}");
                let bytes = noise(client * 100 + number, size);
                let answer = match number % 3 {
                    0 => wire.put(&name, &bytes, "durability=none"),
                    1 => wire.put(&name, &bytes, "durability=none upload=quota-of-many-clients"),
                    _ => {
                        wire.push(&name, &bytes, "durability=none");
                        wire.answer()
                    }
                };
                assert!(matches!(answer.code, 201 | 507), "{model}: {}", answer.line);
            }
        };
        thread::scope(|scope| {
            for client in 0..16 {
                scope.spawn(move || send(client));
            }
        });
        let visible = server.visible();
        let stored = visible.iter().filter(|name| name.contains('/')).count();
        println!("{model}: {stored} of 256 files of {size} bytes fit into 1 MiB");
        assert!(stored * size <= 1 << 20, "{model}: {stored} files");
        // Reservations of those that were on their way may have kept a few out, not most.
        assert!(stored >= 50, "{model}: only {stored} files");
    });
}

#[test]
fn uploads_have_a_limit_for_all_and_for_each_client() {
    each_of(&["threads", "events", "uring"], |model| {
        for option in ["--max-uploads", "--max-uploads-per-client"] {
            let server = FileServer::start(model, &[option, "2"]);
            let mut held: Vec<_> = (0..2)
                .map(|number| {
                    let mut wire = server.wire();
                    assert_eq!(wire.ask(&format!("PUT held-{number} 10")).code, 100, "{model}");
                    wire
                })
                .collect();
            let mut third = server.wire();
            let answer = third.ask("PUT third 5");
            assert_eq!(answer.code, 429, "{model} {option}: {}", answer.line);
            // What waits for nobody still goes; and a place that is given back is there.
            assert_eq!(third.ask("LIST").code, 220, "{model} {option}");
            let mut first = held.remove(0);
            first.send(b"0123456789");
            assert_eq!(first.answer().code, 201, "{model} {option}");
            let answer = third.put("third", b"third", "");
            assert_eq!(answer.code, 201, "{model} {option}: {}", answer.line);
        }
    });
}

#[test]
fn slow_and_stalled_clients_stop_nobody() {
    each_of(&CONCURRENT_MODELS, |model| {
        let server = FileServer::start(model, &["--workers", "1", "--idle-timeout", "60s"]);
        // Stalled: in a line, behind a header, in the bytes, in a download that nobody reads.
        assert_eq!(server.wire().put("big", &noise(4, 8 << 20), "durability=none").code, 201);
        let mut stalled: Vec<_> = (0..20).map(|_| server.wire()).collect();
        for (number, wire) in stalled.iter_mut().enumerate() {
            match number % 4 {
                0 => wire.send(b"PUT half-a-li"),
                1 => wire.say(&format!("PUT stalled-{number} 100000")),
                2 => {
                    wire.say(&format!("PUT stalled-{number} 100000"));
                    wire.send(&noise(5, 50_000));
                }
                _ => wire.say("GET big"),
            }
        }
        // Dripping: a byte at a time, for as long as the others work.
        let mut drip = server.wire();
        assert_eq!(drip.ask("PUT dripped 100").code, 100, "{model}");
        for number in 0..10_u8 {
            drip.send(&[number]);
            let bytes = noise(u64::from(number), 200_000);
            let answer = server.wire().put(&format!("quick-{number}"), &bytes, "durability=none");
            assert_eq!(answer.code, 201, "{model}: {}", answer.line);
        }
        drip.send(&[0; 90]);
        assert_eq!(drip.answer().code, 201, "{model}");
        drop(stalled);
    });
}

#[test]
fn a_stalled_upload_is_closed_when_it_is_idle_for_long() {
    let server = FileServer::start("events", &["--idle-timeout", "300ms"]);
    let mut wire = server.wire();
    assert_eq!(wire.ask("PUT stalled 100000").code, 100);
    wire.send(&noise(6, 50_000));
    let told = wire.rest();
    assert!(told.is_empty() || told.starts_with('4') || told.starts_with('5'), "{told:?}");
    assert_eq!(server.serving.event("closed")["reason"], "idle");
    assert_eq!(server.visible(), [""; 0]);
}

#[test]
fn files_are_at_least_as_safe_as_the_server_says() {
    let server = FileServer::start("threads", &["--min-durability", "file"]);
    let mut wire = server.wire();
    assert_eq!(wire.ask("HELLO 1 durability=none").field("durability"), Some("file"));
    for (asked, reached) in [("none", "file"), ("file", "file"), ("full", "full")] {
        let answer = wire.put(&format!("put-{asked}"), b"x", &format!("durability={asked}"));
        assert_eq!(answer.field("durability"), Some(reached), "{}", answer.line);
        wire.push(&format!("push-{asked}"), b"x", &format!("durability={asked}"));
        let answer = wire.answer();
        assert_eq!(answer.field("durability"), Some(reached), "{}", answer.line);
        let answer = wire.put("put-none", b"x", &format!("{} durability={asked}", hash(b"x")));
        assert_eq!(answer.code, 202, "{}", answer.line);
    }
    let path = server.folder.write("sent", b"sent");
    let output = server.send(&[&path, "--durability", "none"]);
    assert!(output.text().contains("durability file"), "{}", output.text());
}

#[test]
fn a_rate_is_kept() {
    let server = FileServer::start("threads", &["--max-rate", "2M"]);
    let path = server.folder.write("paced", &noise(7, 3 << 20));
    let start = std::time::Instant::now();
    server.send(&[&path, "--durability", "none"]);
    let took = start.elapsed();
    println!("3 MiB at 2 MiB/s took {took:?}");
    assert!(took >= Duration::from_millis(600), "it took only {took:?}");
}

/// What is said and done when the disk itself is full.
#[test]
fn a_full_disk_is_told_and_leaves_nothing_visible() {
    let Some(network) = Network::new(1) else { return };
    let folder = Folder::new();
    let disk = folder.file("disk");
    fs::create_dir(&disk).expect("the folder is ours");
    // Only the server and what it starts see the mount.
    let arguments = ["serve", "--root", &disk, "--keep-free", "0", "files"];
    let serve = at_home(folder.path(), &arguments);
    let mut script = std::process::Command::new("sh");
    script
        .args(["-c", r#"mount -t tmpfs -o size=4m none "$0" && exec "$@""#, &disk])
        .arg(serve.get_program())
        .args(serve.get_args())
        .env("LC_ALL", "C");
    let mut command = network.command(1, folder.path(), &script);
    let log = folder.file("log");
    command.stdout(fs::File::create(&log).expect("the folder is ours")).stdin(Stdio::null());
    let _server = Background(command.spawn().expect("it starts"));
    let told = || fs::read_to_string(&log).expect("it is text");
    wait_until("it listens", || told().contains("Ctrl-C stops."));

    let run = |arguments: &[&str]| finish(network.colok(1, folder.path(), arguments), b"");
    let large = folder.write("large", &noise(8, 9 << 20));
    let small = folder.write("small", &noise(9, 1 << 20));
    let output = run(&["send", "127.0.0.1", &large]);
    assert_eq!(output.code, Some(3), "{}", output.err);
    assert!(output.err.contains("no space"), "{}", output.err);
    let piped = network.colok(1, folder.path(), &["send", "127.0.0.1", "-", "--name", "piped"]);
    let output = finish(piped, &noise(10, 9 << 20));
    assert_eq!(output.code, Some(3), "{}", output.err);
    assert!(output.err.contains("no space"), "{}", output.err);
    let output = run(&["list", "127.0.0.1", "-q"]);
    assert_eq!((output.code, output.text().as_str()), (Some(0), ""), "{}", output.err);
    // The space of what failed is free again, and the server goes on.
    let output = run(&["send", "127.0.0.1", &small]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let output = run(&["get", "127.0.0.1", "small", "-o", "-"]);
    assert_eq!(hash(&output.out), hash(&noise(9, 1 << 20)), "{}", output.err);
}

#[test]
fn a_store_that_is_read_only_only_reads() {
    each_of(&MODELS, |model| {
        let folder = Folder::new();
        folder.write("store/theirs", b"put there by another tool");
        let server = FileServer::start_in(folder, model, &["--read-only"]);
        let mut wire = server.wire();
        assert_eq!(wire.ask("HELLO 1").field("write"), Some("no"), "{model}");
        assert_eq!(wire.ask("PUT new 3").code, 403, "{model}");
        wire.push("new", b"new", "");
        assert_eq!(wire.answer().code, 403, "{model}");
        assert_eq!(wire.get("theirs").1, b"put there by another tool", "{model}");
        drop(wire);
        let path = server.folder.write("new", b"new");
        let output = server.run("send", &[&path]);
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert_eq!(server.visible(), ["theirs"], "{model}");
        assert!(!server.root().join(".colok").exists(), "{model}: it made something");
    });
}

#[test]
fn names_are_not_listed_when_they_shall_not_be() {
    let server = FileServer::start("events", &["--no-list"]);
    let mut wire = server.wire();
    assert_eq!(wire.put("known/name", b"x", "").code, 201);
    for request in ["LIST", "LIST known/", "LIST k limit=1"] {
        assert_eq!(wire.ask(request).code, 403, "{request}");
    }
    assert_eq!(wire.ask("STAT known/name").code, 210);
    let output = server.run("list", &[]);
    assert_eq!(output.code, Some(3), "{}", output.err);
    assert!(output.err.contains("no listing"), "{}", output.err);
}

#[test]
fn a_token_opens_writing_and_nothing_else_does() {
    each_of(&MODELS, |model| {
        let folder = Folder::new();
        let secret = folder.write("secret", b"correct horse battery staple\n");
        let wrong = folder.write("wrong", b"correct horse battery stable\n");
        let server = FileServer::start_in(folder, model, &["--token-file", &secret]);
        let path = server.folder.write("file", b"content");
        let output = server.run("send", &[&path]);
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert!(output.err.contains("token"), "{model}: {}", output.err);
        let output = server.run("send", &[&path, "--token-file", &wrong]);
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert!(output.err.contains("wrong token"), "{model}: {}", output.err);
        assert_eq!(server.visible(), [""; 0], "{model}");
        server.send(&[&path, "--token-file", &secret]);
        assert_eq!(server.visible(), ["file"], "{model}");
        // Reading needs none; a wrong one ends the conversation.
        let mut wire = server.wire();
        assert_eq!(wire.get("file").1, b"content", "{model}");
        assert_eq!(wire.ask("PUT other 5").code, 401, "{model}");
        wire.push("other", b"12345", "");
        assert_eq!(wire.answer().code, 401, "{model}");
        assert_eq!(wire.ask("HELLO token=correct").code, 401, "{model}");
        assert_eq!(wire.rest(), "", "{model}");
        let mut wire = server.wire();
        let answer = wire.ask("HELLO 1 token=correct%20horse%20battery%20staple");
        assert_eq!(answer.field("write"), Some("yes"), "{model}: {}", answer.line);
        assert_eq!(wire.put("other", b"12345", "").code, 201, "{model}");
    });
}

#[test]
fn the_secret_is_shown_nowhere() {
    let folder = Folder::new();
    let secret = folder.write("secret", b"a-very-secret-word\n");
    let server = FileServer::start_in(folder, "processes", &["--token-file", &secret, "--calls"]);
    let path = server.folder.write("file", b"content");
    let output = server.send(&[&path, "--token-file", &secret]);
    let mut wire = server.wire();
    assert_eq!(wire.ask("HELLO 1 token=a-very-secret-wordy").code, 401);
    drop(wire);
    for process in
        [vec![server.serving.pid()], crate::support::children(server.serving.pid())].concat()
    {
        let line = fs::read(format!("/proc/{process}/cmdline")).expect("it runs");
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains("a-very-secret-word"), "{line}");
    }
    server.serving.signal(rustix::process::Signal::TERM);
    let (_, lines) = server.serving.end();
    let told = [lines.join("\n"), output.text(), output.err].concat();
    assert!(!told.contains("a-very-secret-word"), "{told}");
}

#[test]
fn who_comes_from_outside_may_not_write_without_a_token() {
    let Some(network) = Network::new(2) else { return };
    let (home, client) = (Folder::new(), Folder::new());
    let secret = home.write("secret", b"let-me-in\n");
    let path = client.write("file", b"content");
    for (options, with, expected) in [
        (&[][..], &[][..], Some(3)),
        (&["--token-file", &secret], &[], Some(3)),
        (&["--token-file", &secret], &["--token-file", &secret], Some(0)),
        (&["--read-only"], &[], Some(3)),
    ] {
        let root = home.file(&format!("store-{}", crate::support::unique()));
        fs::create_dir(&root).expect("the folder is ours");
        let arguments = ["serve", "--root", &root, "files=tcp://10.63.0.1"];
        let arguments = [&arguments[..], options].concat();
        let mut command = network.colok(1, home.path(), &arguments);
        let log = home.file("log");
        command.stdout(fs::File::create(&log).expect("the folder is ours")).stdin(Stdio::null());
        let mut server = Background(command.spawn().expect("it starts"));
        let told = || fs::read_to_string(&log).expect("it is text");
        wait_until("it listens", || told().contains("Ctrl-C stops."));
        let arguments = [&["send", "10.63.0.1", &path], with].concat();
        let output = finish(network.colok(2, client.path(), &arguments), b"");
        assert_eq!(output.code, expected, "{options:?} {with:?}: {}", output.err);
        let stored = std::path::Path::new(&root).join("file").exists();
        assert_eq!(stored, expected == Some(0), "{options:?} {with:?}");
        let list = finish(network.colok(2, client.path(), &["list", "10.63.0.1"]), b"");
        assert_eq!(list.code, Some(0), "{options:?}: reading stays open: {}", list.err);
        let process = crate::support::children(server.0.id());
        for process in process {
            crate::support::signal(process, rustix::process::Signal::TERM);
        }
        crate::common::wait(&mut server.0);
    }
}

#[test]
fn a_server_that_stops_finishes_what_is_on_its_way() {
    each_of(&CONCURRENT_MODELS, |model| {
        let server = FileServer::start(model, &["--drain", "30s"]);
        let bytes = noise(11, 2 << 20);
        let mut wire = server.wire();
        assert_eq!(wire.ask(&format!("PUT late {}", bytes.len())).code, 100, "{model}");
        wire.send(&bytes[..1 << 20]);
        server.serving.signal(rustix::process::Signal::TERM);
        server.serving.event("stopping");
        pause(Duration::from_millis(20));
        let (first, second) = bytes[1 << 20..].split_at(1 << 19);
        wire.send(first);
        let mut sender = wire.socket().try_clone().expect("it is open");
        let second = second.to_vec();
        let sending = thread::spawn(move || sender.write_all(&second).expect("it is taken"));
        let answer = wire.answer();
        sending.join().expect("it was sent");
        assert_eq!(answer.code, 201, "{model}: {}", answer.line);
        let rest = wire.rest();
        assert!(rest.is_empty() || rest.starts_with("503 "), "{model}: {rest:?}");
        assert_eq!(fs::read(server.stored("late")).expect("it is stored"), bytes, "{model}");
    });
}
