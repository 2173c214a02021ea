//! Streams that nothing is done to, and what a client and a target see of what is.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use crate::common::{PATIENCE, Serving};
use crate::support::{Control, Relay, Target, echo, noise, patient, read, read_all, sends};

/// Sends bytes to an echo by way of the relay, and compares what comes back.
fn there_and_back(relay: &Relay, bytes: &[u8]) {
    let mut client = relay.connect();
    let mut writer = client.try_clone().expect("a descriptor is left");
    let sent = bytes.to_vec();
    let writing = thread::spawn(move || {
        writer.write_all(&sent).expect("it is taken");
        writer.shutdown(Shutdown::Write).expect("it is open");
    });
    let (back, error) = read_all(&mut client);
    writing.join().expect("the writer ends");
    assert_eq!(error, None);
    assert!(back == bytes, "what comes back is what was sent");
}

#[test]
fn a_large_transfer_without_a_log_is_exact() {
    let relay = Relay::without_log(&echo(), &[]);
    let bytes = noise(32 * 1024 * 1024 + 7);
    there_and_back(&relay, &bytes);
    relay.serving.line_with("closed after");
    relay.serving.signal(rustix::process::Signal::TERM);
    let (code, lines) = relay.serving.end();
    let expected = format!("stopped: 1 connection, {0} B up, {0} B down, 0 refused", bytes.len());
    assert_eq!((code, lines.last()), (Some(0), Some(&expected)));
}

#[test]
fn a_large_transfer_is_exact_both_ways() {
    let relay = Relay::tcp(&echo(), &[]);
    let bytes = noise(16 * 1024 * 1024 + 7);
    there_and_back(&relay, &bytes);
    let closed = relay.event("closed");
    let hash = blake3::hash(&bytes).to_hex().to_string();
    for way in ["up", "down"] {
        for (key, expected) in [("received", bytes.len()), ("sent", bytes.len()), ("held", 0)] {
            assert_eq!(closed[format!("{way}_{key}")], expected, "{closed}");
        }
        assert_eq!(closed[format!("{way}_received_blake3")], hash);
        assert_eq!(closed[format!("{way}_sent_blake3")], hash);
    }
    assert_eq!((&closed["reason"], &closed["by"]), (&"peer-closed".into(), &"client".into()));
    let totals = relay.stop().pop().expect("it has told its end");
    assert_eq!((&totals["connections"], &totals["up_sent"]), (&1.into(), &bytes.len().into()));
}

#[test]
fn a_thousand_clients_at_once() {
    // Two ends here and none elsewhere: the relay and the server are programs of their own.
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("it may be raised");
    let server = Serving::start(&["echo=tcp://127.0.0.1:0"], 1);
    let relay = Relay::tcp(server.place(), &[]);
    let mut clients: Vec<TcpStream> = (0..1000).map(|_| relay.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        writeln!(client, "client {number:04}").expect("it is taken");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(read(client, 12), format!("client {number:04}\n").into_bytes());
    }
    drop(clients);
    let events = relay.stop();
    assert_eq!(events[events.len() - 1]["connections"], 1000);
}

#[test]
fn a_reader_that_does_not_read_holds_the_sender_up() {
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &[]);
    let mut client = relay.connect();
    let mut server = target.accept();
    server.set_nonblocking(true).expect("it is a socket");
    let piece = noise(65_536);
    let mut sent = Vec::new();
    // Until nobody takes anything any more for a moment: socket buffers hold a few MiB.
    let mut refused = 0;
    while refused < 100 {
        if let Ok(length) = server.write(&piece) {
            sent.extend_from_slice(&piece[..length]);
            refused = 0;
        } else {
            refused += 1;
            thread::park_timeout(std::time::Duration::from_millis(2));
        }
        assert!(sent.len() < 256 * 1024 * 1024, "it takes whatever comes");
    }
    let memory = resident_bytes(relay.serving.pid());
    assert!(memory < 64 * 1024 * 1024, "{memory} bytes of memory");
    server.shutdown(Shutdown::Write).expect("it is open");
    let (bytes, error) = read_all(&mut client);
    assert_eq!(error, None);
    assert!(bytes == sent, "all of it comes at last");
}

fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has memory");
    let number = line.split_whitespace().nth(1).and_then(|it| it.parse::<u64>().ok());
    number.expect("it is a number of KiB") * 1024
}

#[test]
fn exactly_one_byte_is_corrupted() {
    let bytes = noise(200_000);
    let relay = Relay::tcp(&echo(), &["corrupt=123456 direction=up", "corrupt=7 direction=down"]);
    let mut client = relay.connect();
    client.write_all(&bytes).expect("it is taken");
    client.shutdown(Shutdown::Write).expect("it is open");
    let (mut back, _) = read_all(&mut client);
    for place in [7, 123_456] {
        assert_eq!(back[place], !bytes[place]);
        back[place] = bytes[place];
    }
    assert!(back == bytes, "no other byte is");
    assert_eq!(relay.applied(), [1, 1]);
}

#[test]
fn chunks_are_segments_of_their_own() {
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &["chunk=10 direction=up"]);
    let mut client = relay.connect();
    let mut server = target.accept();
    let bytes = noise(1000);
    client.write_all(&bytes).expect("it is taken");
    assert_eq!(read(&mut server, 1000), bytes);
    let peer = server.peer_addr().expect("it is connected");
    let filter = format!("src = {} and dst = {peer}", target.place);
    let told = std::process::Command::new("ss").args(["-tinH", &filter]).output();
    // Where there is no `ss` nobody else can count them.
    if let Ok(told) = told {
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let count = told.split_whitespace().find_map(|word| word.strip_prefix("data_segs_in:"));
        let count: u64 = count.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("{told}"));
        assert!(count >= 100, "1000 bytes came in {count} segments");
    }
    assert_eq!(relay.applied(), [990], "the last ten bytes were no more than ten");
}

#[test]
fn both_ends_may_be_unix_sockets() {
    let folder = Control::new();
    let (listen, target) = (folder.path("listen"), folder.path("target"));
    let listener = std::os::unix::net::UnixListener::bind(&target).expect("it can be bound");
    let (from, to) = (format!("unix:{listen}"), format!("unix:{target}"));
    let relay = Relay::start(&from, &to, &["cut=3 direction=down"], &[]);
    let mut client = UnixStream::connect(&listen).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    client.write_all(b"hello").expect("it is taken");
    let (mut server, _) = listener.accept().expect("the relay connects");
    let mut bytes = [0; 5];
    std::io::Read::read_exact(&mut server, &mut bytes).expect("they come");
    assert_eq!(&bytes, b"hello");
    server.write_all(b"world").expect("it is taken");
    let mut reply = Vec::new();
    std::io::Read::read_to_end(&mut client, &mut reply).expect("it ends in order");
    assert_eq!(reply, b"wor");
    drop(server);
    assert_eq!(relay.event("closed")["reason"], "cut");
    drop(relay.stop());
    assert!(!std::path::Path::new(&listen).exists(), "its socket file is gone");
}

#[test]
fn a_name_with_two_addresses_is_both() {
    let relay =
        Relay::start("tcp://localhost:0", &format!("tcp://{}", sends(vec![7; 3])), &[], &[]);
    let mut client = relay.connect();
    assert_eq!(read_all(&mut client), (vec![7; 3], None));
    let port = relay.place.rsplit_once(':').expect("it has a port").1;
    // Not every computer has IPv6.
    if let Ok(stream) = TcpStream::connect(format!("[::1]:{port}")) {
        assert_eq!(read_all(&mut patient(stream)), (vec![7; 3], None));
    }
}
