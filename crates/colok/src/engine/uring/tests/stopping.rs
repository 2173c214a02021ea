//! Stops at bad moments: nothing panics, hangs or is lost.

use std::net::Shutdown;

use super::*;

#[test]
fn an_end_at_once_meets_a_connection_that_is_being_closed() {
    let Some(mut server) = Server::start("echo=tcp://127.0.0.1:0", MEDIUM) else { return };
    let mut client = server.connect();
    client.write_all(b"quit\n").expect("it is sent");
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).expect("the server shuts down its side");
    assert_eq!(reply, b"quit\n");
    let _trigger = server.hold();
    // Both are heard in the same turn, in this order.
    drop(client);
    server.stop.at_once();
    server.release();
    server.join();
    let closed = server.watch.seen().closed.clone();
    assert!(closed.contains(&("quit".to_owned(), 5, 5)), "{closed:?}");
    assert_eq!(server.gate.totals().connections, 2);
}

#[test]
fn a_connection_for_a_worker_that_has_ended_is_served_all_the_same() {
    let service = "echo=tcp://127.0.0.1:0?quit=off&idle=60s";
    let limits = Limits { workers: 2, drain: PATIENCE, ..Limits::default() };
    let Some(server) = Server::start_with(service, MEDIUM, limits) else { return };
    let _first = server.hold();
    let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write_all(b"hello").expect("it is sent");
    }
    // The worker accepts them all at once, and is held at the first of them.
    server.watch.set(Hold::Next);
    server.watch.until(|seen| seen.hold == Hold::Holding);
    server.stop.drain();
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(server.address()).is_ok() {
        assert!(Instant::now() < until, "the other worker never stops listening");
        std::thread::yield_now();
    }
    server.release();
    for client in &mut clients {
        let mut reply = Vec::new();
        client.read_to_end(&mut reply).expect("the server ends");
        assert_eq!(reply, b"hello");
    }
    assert!(server.finish().connections >= 6);
}

#[test]
fn an_end_at_once_meets_a_close_that_takes_a_turn() {
    let limits = Limits { workers: 1, linger_bytes: 1000, ..Limits::default() };
    let service = "echo=tcp://127.0.0.1:0";
    let Some(mut server) = Server::start_with(service, MEDIUM, limits) else { return };
    let mut client = server.connect();
    client.write_all(b"quit\n").expect("it is sent");
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).expect("the server shuts down its side");
    let _trigger = server.hold();
    // More than a close throws away: it is over, with a receive that must be cancelled.
    client.write_all(&[b'x'; 4000]).expect("it is sent");
    server.stop.at_once();
    server.release();
    server.join();
    let closed = server.watch.seen().closed.clone();
    assert!(closed.iter().any(|closed| closed.0 == "quit"), "{closed:?}");
}

/// Connections that all have something on its way, and one that closes.
fn busy_clients(server: &Server, count: usize) -> Vec<TcpStream> {
    let clients: Vec<_> = (0..count).map(|_| narrow(server.connect())).collect();
    for (number, client) in clients.iter().enumerate() {
        client.set_nonblocking(true).expect("an option");
        // Until nobody takes more, since nobody reads.
        let bytes = pattern(number, 64 * 1024);
        while (&mut &*client).write(&bytes).is_ok() {}
    }
    server.watch.until(|seen| seen.accepted == count);
    clients
}

#[test]
fn an_end_at_once_with_everything_in_flight() {
    for size in [MEDIUM, TINY] {
        let service = "echo=tcp://127.0.0.1:0?quit=off&idle=60s";
        let Some(mut server) = Server::start(service, size) else { return };
        let clients = busy_clients(&server, 200);
        let began = Instant::now();
        server.stop.at_once();
        server.join();
        assert!(began.elapsed() < PATIENCE / 2, "an end at once takes no patience");
        let seen = server.watch.seen();
        assert_eq!((seen.closed.len(), seen.accepted), (200, 200));
        assert!(seen.closed.iter().all(|closed| closed.0 == "shutdown"), "{:?}", seen.closed);
        drop(clients);
    }
}

#[test]
fn a_drain_with_blocked_peers_has_an_end() {
    for size in [MEDIUM, TINY] {
        let service = "echo=tcp://127.0.0.1:0?quit=off&idle=60s";
        let limits = Limits { workers: 1, drain: Duration::from_millis(300), ..Limits::default() };
        let Some(mut server) = Server::start_with(service, size, limits) else { return };
        let clients = busy_clients(&server, 50);
        let mut polite = server.connect();
        ask(&mut polite, b"hello");
        let began = Instant::now();
        server.stop.drain();
        let mut rest = Vec::new();
        polite.read_to_end(&mut rest).expect("the server ends");
        assert_eq!(rest, b"");
        polite.shutdown(Shutdown::Write).expect("it is open");
        server.join();
        // The drain time and the linger time.
        assert!(began.elapsed() < PATIENCE / 2, "blocked peers hold nobody up");
        let seen = server.watch.seen();
        assert_eq!(seen.closed.len(), 51);
        assert!(seen.closed.iter().all(|closed| closed.0 == "shutdown"), "{:?}", seen.closed);
        drop(clients);
    }
}

#[test]
fn a_second_stop_ends_what_the_first_one_waits_for() {
    let service = "echo=tcp://127.0.0.1:0?quit=off&idle=60s";
    let limits = Limits { workers: 2, drain: PATIENCE * 10, ..Limits::default() };
    let Some(mut server) = Server::start_with(service, MEDIUM, limits) else { return };
    let clients = busy_clients(&server, 20);
    server.stop.drain();
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(server.address()).is_ok() {
        assert!(Instant::now() < until, "it never stops listening");
        std::thread::yield_now();
    }
    server.stop.at_once();
    server.join();
    drop(clients);
    assert!(server.watch.seen().closed.len() >= 20);
}
