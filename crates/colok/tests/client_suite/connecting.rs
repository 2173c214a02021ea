//! Connecting: which address wins, what a failure says, and how long it is tried.

use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread::spawn;
use std::time::{Duration, Instant};

use colok::Error;
use colok::client::{ConnectOptions, Source, connect};
use colok::clock::Clock;
use colok::net::url::{Transport, Url};
use colok::observe::{Event, NoTap, log_queue};
use colok::proto::Address;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

use crate::support::{LONG, bounded, open};

/// A port on which nothing listens, and which the system does not give away while this lives: a
/// bound socket that does not listen.
fn dead_port() -> (TcpHold, u16) {
    let hold = TcpHold::new();
    let port = hold.port;
    (hold, port)
}

struct TcpHold {
    _socket: std::os::fd::OwnedFd,
    port: u16,
}

impl TcpHold {
    fn new() -> Self {
        let held = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
        bind(&held, &any).expect("a free port");
        let bound = getsockname(&held).expect("it is bound");
        let port = std::net::SocketAddr::try_from(bound).expect("internet").port();
        Self { _socket: held, port }
    }
}

fn attempts(result: Result<colok::client::Connection, Error>) -> Vec<(String, Errno)> {
    match result {
        Err(Error::Connect { attempts, .. }) => attempts,
        other => panic!("not a failed connect: {other:?}"),
    }
}

#[test]
fn a_dead_port_fails_at_once_and_names_every_address() {
    let (_hold, port) = dead_port();
    let url = Url::inet(Transport::Tcp, "localhost", port);
    let found = attempts(connect(&url, &ConnectOptions::default(), &Clock::start(), &NoTap));
    assert_eq!(found[0], (format!("127.0.0.1:{port}"), Errno::CONNREFUSED));
    // The second is ::1; without IPv6 on this computer it fails in another way.
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].0.starts_with("[::1]"), "{found:?}");
}

#[test]
fn a_dead_address_gives_way_to_the_next() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        println!("skipped: no IPv6 loopback");
        return;
    };
    let port = listener.local_addr().expect("it is bound").port();
    let connection = open(&Url::inet(Transport::Tcp, "localhost", port));
    let (_, client) = listener.accept().expect("it has come");
    assert_eq!(connection.peer().local, Address::Inet(client));
    assert_eq!(connection.peer().remote.to_string(), format!("[::1]:{port}"));
}

#[test]
fn the_calls_are_told_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (tap, mut records) = log_queue::<true>(false, true);
    let url = Url::inet(Transport::Tcp, "127.0.0.1", port);
    let connection = connect(&url, &ConnectOptions::default(), &Clock::start(), &tap);
    connection.expect("it listens").close(&tap);
    drop(tap);
    let calls: Vec<String> = std::iter::from_fn(|| records.next())
        .map(|record| match record.event {
            Event::Call(call) => format!("{} {}", call.call, call.errno),
            other => panic!("not a call: {other:?}"),
        })
        .collect();
    let in_progress = format!("connect {}", Errno::INPROGRESS.raw_os_error());
    let expected =
        ["socket 0", &in_progress, "connect 0", "getsockname 0", "setsockopt 0", "close 0"];
    assert_eq!(calls, expected);
}

/// A listener whose queue is full: the kernel ignores further connections, as a dead host would.
fn silent_listener() -> (rustix::fd::OwnedFd, u16, Vec<TcpStream>) {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    bind(&listener, &any).expect("a free port");
    listen(&listener, 0).expect("it is bound");
    let bound = getsockname(&listener).expect("it is bound");
    let address = std::net::SocketAddr::try_from(bound).expect("internet");
    let patience = Duration::from_millis(300);
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&address, patience) {
        clients.push(client);
        assert!(clients.len() < 16, "the queue never fills");
    }
    (listener, address.port(), clients)
}

#[test]
fn silence_is_a_timeout() {
    let (_listener, port, _clients) = silent_listener();
    let connect_timeout = Duration::from_millis(200);
    let options = ConnectOptions { connect_timeout, ..ConnectOptions::default() };
    let url = Url::inet(Transport::Tcp, "127.0.0.1", port);
    let result = connect(&url, &options, &Clock::start(), &NoTap);
    let Err(Error::ConnectTimeout { after, .. }) = result else { panic!("{result:?}") };
    assert!(after >= connect_timeout);

    let clock = Clock::start();
    let deadline = Some(clock.now() + Duration::from_millis(50));
    let options = ConnectOptions { deadline, ..ConnectOptions::default() };
    let result = connect(&url, &options, &clock, &NoTap);
    assert!(matches!(result, Err(Error::ConnectTimeout { .. })), "{result:?}");
}

#[test]
fn a_silent_address_does_not_hold_up_the_next() {
    let (_silent, port, _clients) = silent_listener();
    let Ok(listener) = TcpListener::bind(("::1", port)) else {
        println!("skipped: no IPv6 loopback, or the port is taken there");
        return;
    };
    let started = Instant::now();
    let connection = open(&Url::inet(Transport::Tcp, "localhost", port));
    let _accepted = listener.accept().expect("it has come");
    assert_eq!(connection.peer().remote.to_string(), format!("[::1]:{port}"));
    // The next attempt starts 250 ms after the first (RFC 8305), not after a timeout of 10 s.
    assert!(started.elapsed() >= Duration::from_millis(250));
}

#[test]
fn retry_waits_until_the_server_is_up() {
    bounded(|| {
        let (hold, port) = dead_port();
        let (tap, mut records) = log_queue::<true>(false, true);
        let url = Url::inet(Transport::Tcp, "127.0.0.1", port);
        let options = ConnectOptions { retry: Some(LONG), ..ConnectOptions::default() };
        let client = spawn(move || connect(&url, &options, &Clock::start(), &tap).map(drop));
        // The server comes up once the client has been refused.
        let refused = |event: &Event| {
            matches!(event, Event::Call(call)
                if call.errno == Errno::CONNREFUSED.raw_os_error())
        };
        while !records.next().is_some_and(|record| refused(&record.event)) {}
        drop(hold);
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("it was free");
        listener.accept().expect("the client comes");
        client.join().expect("it cannot panic").expect("it is up");
    });
}

#[test]
fn retry_ends_and_tells_the_last_error() {
    let (_hold, port) = dead_port();
    let url = Url::inet(Transport::Tcp, "127.0.0.1", port);
    let retry = Some(Duration::from_millis(250));
    let options = ConnectOptions { retry, ..ConnectOptions::default() };
    let clock = Clock::start();
    let found = attempts(connect(&url, &options, &clock, &NoTap));
    assert_eq!(found, [(format!("127.0.0.1:{port}"), Errno::CONNREFUSED)]);
    // What cannot heal is not tried again.
    let options = ConnectOptions { retry: Some(LONG), ..ConnectOptions::default() };
    let url = Url::inet(Transport::Tcp, "no-such-host.invalid", port);
    let result = connect(&url, &options, &clock, &NoTap);
    assert!(matches!(result, Err(Error::Resolve { .. })), "{result:?}");
}

#[test]
fn retry_does_not_shorten_the_first_try() {
    let (_listener, port, _clients) = silent_listener();
    let connect_timeout = Duration::from_millis(300);
    let retry = Some(Duration::from_millis(50));
    let options = ConnectOptions { connect_timeout, retry, ..ConnectOptions::default() };
    let url = Url::inet(Transport::Tcp, "127.0.0.1", port);
    let result = connect(&url, &options, &Clock::start(), &NoTap);
    let Err(Error::ConnectTimeout { after, .. }) = result else { panic!("{result:?}") };
    assert!(after >= connect_timeout, "{after:?}");
}

#[test]
fn a_source_that_is_not_ours_is_named() {
    // A reserved address, which no computer has (RFC 1112 section 4).
    let source = Some("240.0.0.1:0".parse::<Source>().expect("a source"));
    let options = ConnectOptions { source, ..ConnectOptions::default() };
    for transport in [Transport::Tcp, Transport::Udp] {
        let url = Url::inet(transport, "127.0.0.1", 9);
        let result = connect(&url, &options, &Clock::start(), &NoTap);
        let Err(Error::Call { call, address, errno }) = result else { panic!("{result:?}") };
        assert_eq!((call, errno), ("bind", Errno::ADDRNOTAVAIL));
        assert_eq!(address, "240.0.0.1:0");
    }
}

#[test]
fn the_source_is_used_and_a_socket_is_never_its_own_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (hold, source_port) = dead_port();
    drop(hold);
    let source = format!("127.0.0.1:{source_port}").parse::<Source>().expect("a source");
    let options = ConnectOptions { source: Some(source), ..ConnectOptions::default() };
    let url = Url::inet(Transport::Tcp, "localhost", port);
    let connection = connect(&url, &options, &Clock::start(), &NoTap).expect("it listens");
    assert_eq!(connection.peer().local.to_string(), format!("127.0.0.1:{source_port}"));
    let (_stream, client) = listener.accept().expect("it has come");
    assert_eq!(client.port(), source_port);

    let (hold, own_port) = dead_port();
    drop(hold);
    let source = Source { address: [127, 0, 0, 1].into(), port: own_port, interface: 0 };
    let options = ConnectOptions { source: Some(source), ..ConnectOptions::default() };
    let url = Url::inet(Transport::Tcp, "127.0.0.1", own_port);
    let found = attempts(connect(&url, &options, &Clock::start(), &NoTap));
    assert_eq!(found, [(format!("127.0.0.1:{own_port}"), Errno::CONNREFUSED)]);

    let source = Some("::1".parse().expect("a source"));
    let options = ConnectOptions { source, ..ConnectOptions::default() };
    let found = attempts(connect(&url, &options, &Clock::start(), &NoTap));
    assert_eq!(found[0].1, Errno::AFNOSUPPORT);
}

/// A path for a socket of this test.
fn socket_path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("colok-{name}-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn unix_sockets_by_path_and_abstract() {
    let path = socket_path("path");
    let url: Url = format!("unix:{}", path.display()).parse().expect("an address");
    let options = ConnectOptions::default();
    let found = attempts(connect(&url, &options, &Clock::start(), &NoTap));
    assert_eq!(found, [(path.display().to_string(), Errno::NOENT)]);

    let listener = UnixListener::bind(&path).expect("the path is free");
    let connection = open(&url);
    assert_eq!(connection.peer().remote, Address::Unix(path.to_string_lossy().into()));
    listener.accept().expect("it has come");
    drop(listener);
    // A socket file that nobody listens on any more.
    let found = attempts(connect(&url, &options, &Clock::start(), &NoTap));
    assert_eq!(found[0].1, Errno::CONNREFUSED);
    std::fs::remove_file(&path).expect("it is there");

    let name = format!("colok-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("the name is free");
    let connection = open(&format!("unix:@{name}").parse().expect("an address"));
    assert_eq!(connection.peer().remote.to_string(), format!("unix:@{name}"));
    listener.accept().expect("it has come");
}

#[test]
fn a_unix_socket_file_is_waited_for() {
    bounded(|| {
        let path = socket_path("retry");
        let url: Url = format!("unix:{}", path.display()).parse().expect("an address");
        let (tap, mut records) = log_queue::<true>(false, true);
        let options = ConnectOptions { retry: Some(LONG), ..ConnectOptions::default() };
        let client = spawn(move || connect(&url, &options, &Clock::start(), &tap).map(drop));
        let no_file = Errno::NOENT.raw_os_error();
        let missing = |event: &Event| matches!(event, Event::Call(call) if call.errno == no_file);
        while !records.next().is_some_and(|record| missing(&record.event)) {}
        let listener = UnixListener::bind(&path).expect("the path is free");
        listener.accept().expect("the client comes");
        client.join().expect("it cannot panic").expect("it is up");
        std::fs::remove_file(&path).expect("it is there");
    });
}

#[test]
fn sources_as_text() {
    for (text, expected) in [
        ("127.0.0.1", "127.0.0.1:0"),
        ("127.0.0.1:7", "127.0.0.1:7"),
        ("::1", "[::1]:0"),
        ("[::1]:7", "[::1]:7"),
    ] {
        assert_eq!(text.parse::<Source>().expect(text).to_string(), expected);
    }
    for wrong in ["", "localhost", "127.0.0.1:", "127.0.0.1:99999", "[::1]"] {
        assert!(wrong.parse::<Source>().is_err(), "{wrong}");
    }
}

#[test]
fn a_link_local_source_names_its_interface() {
    let read = |text: &str| text.parse::<Source>().map(|source| source.to_string());
    assert_eq!(read("fe80::1%lo").as_deref(), Ok("[fe80::1%1]:0"));
    assert_eq!(read("[fe80::1%1]:4000").as_deref(), Ok("[fe80::1%1]:4000"));
    assert_eq!(read("[::1]:4000").as_deref(), Ok("[::1]:4000"));
    for wrong in ["fe80::1%no-such-interface", "127.0.0.1%lo", "[fe80::1%1]", "[fe80::1%1]:x"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
