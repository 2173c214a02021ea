//! What must hold for every machine on every engine over every transport.

mod blind;
mod files;

pub(crate) use blind::BLIND_BODIES;
pub(crate) use files::FILE_BODIES;

use std::time::Duration;

use colok::engine::Model;
use colok::observe::Event;
use colok::server::Limits;

use crate::conversations;
use crate::support::{Client, Running, noise, udp_client};

/// A body and its name.
type Named = (&'static str, fn(Model, &str));

/// Bodies over streams.
pub(crate) const STREAM_BODIES: &[Named] = &[
    ("echo::returns_every_byte", echo_returns_every_byte),
    ("echo::quit_is_echoed_and_closes", echo_quit_is_echoed_and_closes),
    ("echo::idle_connections_are_closed", echo_idle_connections_are_closed),
    ("echo::a_slow_reader_loses_nothing", echo_slow_reader_loses_nothing),
    ("echo::clients_come_and_go", echo_clients_come_and_go),
    ("echo::urgent_data_leaves_nothing_behind", echo_urgent_data_leaves_nothing_behind),
    ("count::replies_end_as_messages_do", count_replies_end_as_messages_do),
    ("count::splits_do_not_matter", count_splits_do_not_matter),
    ("count::a_flood_of_short_messages", count_flood_of_short_messages),
    ("discard::takes_everything", discard_takes_everything),
    ("chargen::sends_the_pattern", chargen_sends_the_pattern),
    ("refused::still_reads_the_reason", refused_still_reads_the_reason),
    ("stop::answers_what_was_sent", stop_answers_what_was_sent),
    ("stop::has_one_end_for_all", stop_has_one_end_for_all),
    ("stop::at_once_is_a_reason_too", stop_at_once_is_a_reason_too),
    ("many::clients_at_once", many_clients_at_once),
];

/// Bodies over datagrams.
pub(crate) const DATAGRAM_BODIES: &[Named] = &[
    ("echo::returns_datagrams", echo_returns_datagrams),
    ("echo::returns_bursts_of_datagrams", echo_returns_bursts_of_datagrams),
    ("count::answers_datagrams", count_answers_datagrams),
    ("discard::answers_nothing", discard_answers_nothing),
    ("guard::our_own_ports_get_no_answer", own_ports_get_no_answer),
];

const REPLY: &[u8] = b"Jumlah karakter dalam kalimat tersebut ada: 23";

/// Serves one service. Connections may be idle for long unless the place says otherwise: a busy
/// machine can keep a client from its turn for longer than the 5 s of echo.
fn serve(model: Model, service: &str, place: &str) -> Running {
    let separator = if place.contains('?') { '&' } else { '?' };
    let idle = if place.contains("idle=") { "" } else { "idle=60s" };
    let address = format!("{service}={place}{separator}{idle}");
    Running::start(model, &[&address], Limits::default())
}

fn echo_returns_every_byte(model: Model, place: &str) {
    let server = serve(model, "echo", &format!("{place}?quit=off"));
    conversations::echo_returns_every_byte(&server.urls[0]);
    let totals = server.finish();
    assert_eq!((totals.connections, totals.refused), (1, 0));
    assert_eq!(totals.bytes_received, totals.bytes_sent);
}

fn echo_quit_is_echoed_and_closes(model: Model, place: &str) {
    let mut server = serve(model, "echo", place);
    let url = server.urls[0].clone();
    conversations::echo_quit_is_echoed_and_closes(&url, || assert_eq!(server.closed(), "quit"));
}

fn echo_idle_connections_are_closed(model: Model, place: &str) {
    let mut server = serve(model, "echo", &format!("{place}?idle=200ms"));
    conversations::echo_idle_connections_are_closed(&server.urls[0]);
    assert_eq!(server.closed(), "idle");
}

fn echo_slow_reader_loses_nothing(model: Model, place: &str) {
    let server = serve(model, "echo", &format!("{place}?quit=off"));
    conversations::echo_slow_reader_loses_nothing(&server.urls[0]);
}

fn echo_clients_come_and_go(model: Model, place: &str) {
    let mut server = serve(model, "echo", place);
    for round in 0..50 {
        let mut client = server.connect();
        let text = format!("round {round}\n");
        client.ask(text.as_bytes(), text.as_bytes());
        drop(client);
        assert_eq!(server.closed(), "peer-closed");
    }
    assert_eq!(server.finish().connections, 50);
}

/// A read stops at urgent data (tcp(7)); what lies behind it must be read all the same. Telnet
/// sends urgent data for its interrupts.
fn echo_urgent_data_leaves_nothing_behind(model: Model, place: &str) {
    if !place.starts_with("tcp") {
        return; // Unix streams have urgent data only where the kernel was built with it
    }
    let server = serve(model, "echo", &format!("{place}?quit=off"));
    for _ in 0..50 {
        let mut client = server.connect();
        client.send(b"abc");
        client.send_urgent(b'!');
        client.ask(b"def", b"abcdef");
    }
}

fn count_replies_end_as_messages_do(model: Model, place: &str) {
    let server = serve(model, "count", place);
    let mut client = server.connect();
    let with = |end: &str| [REPLY, end.as_bytes()].concat();
    client.ask(b"Handy Arfiano Hastyawan", REPLY);
    client.ask(b"\n", b""); // swallowed: the gap had ended the message
    client.ask(b"Handy Arfiano Hastyawan\n", &with("\n"));
    client.ask(b"Handy Arfiano Hastyawan\r\n", &with("\r\n"));
    client.ask(b"\xff\n", b"Kesalahan: UTF-8 tidak sah pada offset byte 0\n");
    client.ask(b"\n", b"Jumlah karakter dalam kalimat tersebut ada: 0\n");
    client.send(b"Handy Arfiano Hastyawan");
    client.half_close();
    assert_eq!(client.receive_all(), REPLY);
}

fn count_splits_do_not_matter(model: Model, place: &str) {
    // A gap that no busy machine reaches between two writes.
    let server = serve(model, "count", &format!("{place}?gap=10s&lang=en"));
    let mut client = server.connect();
    let message = "kalimat dengan huruf é, 漢字 dan 🦀\n";
    for byte in message.as_bytes().chunks(1) {
        client.send(byte);
    }
    let expected =
        format!("Number of characters in this sentence: {}\n", message.chars().count() - 1);
    client.ask(b"", expected.as_bytes());
}

fn count_flood_of_short_messages(model: Model, place: &str) {
    // 100 000 replies are 70 times what was sent: output must wait for room and lose nothing.
    let server = serve(model, "count", place);
    let mut client = server.connect();
    let mut writer = client.duplicate();
    let writing = std::thread::spawn(move || {
        writer.send(&b"\n".repeat(100_000));
        writer.half_close();
    });
    let expected = b"Jumlah karakter dalam kalimat tersebut ada: 0\n".repeat(100_000);
    assert!(client.receive_all() == expected, "every reply comes, in full");
    writing.join().expect("it writes");
    // Nobody has read the log, which has room for a tenth of the messages.
    assert!(server.finish().records_dropped > 0);
}

fn discard_takes_everything(model: Model, place: &str) {
    let mut server = serve(model, "discard", place);
    let mut client = server.connect();
    client.send(&noise(1, 5 << 20));
    client.half_close();
    assert_eq!(client.receive_all(), b"");
    drop(client);
    assert_eq!(server.closed(), "peer-closed");
    assert_eq!(server.finish().bytes_received, 5 << 20);
}

fn chargen_sends_the_pattern(model: Model, place: &str) {
    let server = serve(model, "chargen", place);
    let mut client = server.connect();
    client.half_close();
    let bytes = client.receive(74 * 95 * 40);
    let printable: Vec<u8> = (b' '..=b'~').collect();
    for (index, line) in bytes.chunks(74).enumerate() {
        let expected = (0..72).map(|column| printable[(index + column) % 95]);
        assert!(expected.eq(line[..72].iter().copied()), "line {index}");
        assert_eq!(&line[72..], b"\r\n");
    }
}

fn refused_still_reads_the_reason(model: Model, place: &str) {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let service = format!("echo={place}?idle=60s");
    let mut server = Running::start(model, &[&service], limits);
    let mut first = server.connect();
    first.ask(b"x", b"x");
    let mut second = server.connect();
    if model == Model::Sequential {
        // Nobody is refused: whoever waits is served as soon as the first is gone.
        second.send(b"y");
        drop(first);
        second.ask(b"", b"y");
        return;
    }
    // What it sends behind the refusal must not turn into a reset that destroys the reason.
    let mut writer = second.duplicate();
    let writing = std::thread::spawn(move || {
        use std::io::Write;
        let _ = writer.write_all(&noise(0, 200 * 1024));
    });
    let reason = second.receive_all();
    assert_eq!(String::from_utf8_lossy(&reason), "refused: the server is full, try again later\n");
    writing.join().expect("it writes");
    let told = server.wait_for(|event| match event {
        Event::Refused { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(told, "max-connections");
    drop((first, second));
    server.closed();
    server.connect().ask(b"z", b"z");
}

fn stop_answers_what_was_sent(model: Model, place: &str) {
    let server = serve(model, "count", place);
    let served_at_once: u64 = if model == Model::Sequential { 1 } else { 8 };
    let mut clients: Vec<Client> = (0..served_at_once).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask(b"Handy Arfiano Hastyawan\n", &[REPLY, b"\n"].concat());
        // The last message has no end yet: the stop must wait for its gap.
        client.send(b"a\nHandy Arfiano Hastyawan");
    }
    server.drain();
    for client in &mut clients {
        let mut expected = b"Jumlah karakter dalam kalimat tersebut ada: 1\n".to_vec();
        expected.extend(REPLY);
        assert_eq!(
            String::from_utf8_lossy(&client.receive_all()),
            String::from_utf8_lossy(&expected)
        );
    }
    drop(clients);
    let totals = server.finish();
    assert_eq!(totals.connections, served_at_once);
}

/// Clients that wait while the server stops must not each put its end off.
fn stop_has_one_end_for_all(model: Model, place: &str) {
    if model != Model::Sequential {
        return; // they serve all clients at once
    }
    let limits = Limits { drain: Duration::from_millis(200), ..Limits::default() };
    let service = format!("echo={place}?idle=60s");
    let server = Running::start(model, &[&service], limits);
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    clients[0].ask(b"x", b"x");
    // Each silent client takes the whole linger time, so 50 of them 25 s.
    let connections = server.finish().connections;
    assert!(connections < 25, "{connections} clients were served");
}

fn stop_at_once_is_a_reason_too(model: Model, place: &str) {
    let mut server = serve(model, "echo", place);
    let mut client = server.connect();
    client.ask(b"x", b"x");
    server.at_once();
    assert_eq!(server.closed(), "shutdown");
}

fn many_clients_at_once(model: Model, place: &str) {
    if model == Model::Sequential {
        return many_clients_in_turn(place);
    }
    let server = serve(model, "echo", place);
    let mut clients: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(format!("client {index} round {round}\n").as_bytes());
        }
        for (index, client) in clients.iter_mut().enumerate().rev() {
            client.ask(b"", format!("client {index} round {round}\n").as_bytes());
        }
    }
    drop(clients);
    assert_eq!(server.finish().connections, 200);
}

fn many_clients_in_turn(place: &str) {
    let server = serve(Model::Sequential, "echo", place);
    let mut clients: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(b"waiting\n");
    }
    for mut client in clients {
        client.ask(b"", b"waiting\n");
    }
}

fn echo_returns_datagrams(model: Model, place: &str) {
    let server = serve(model, "echo", place);
    let client = udp_client(&server.urls[0]);
    let mut buffer = vec![0; 70_000];
    for datagram in [&b"hello"[..], b"", b"quit", b"line\n", &noise(3, 60_000)] {
        client.send(datagram).expect("it can be sent");
        let length = client.recv(&mut buffer).expect("an answer comes");
        assert!(&buffer[..length] == datagram, "{} bytes come back", datagram.len());
    }
}

/// Many at once, of several lengths and clients: what is answered together keeps its order.
fn echo_returns_bursts_of_datagrams(model: Model, place: &str) {
    let server = serve(model, "echo", place);
    let clients = [udp_client(&server.urls[0]), udp_client(&server.urls[0])];
    let datagram = |client: usize, index: usize| noise((client * 64 + index) as u64, index / 7 * 9);
    for index in 0..64 {
        for (number, client) in clients.iter().enumerate() {
            client.send(&datagram(number, index)).expect("it can be sent");
        }
    }
    let mut buffer = vec![0; 1024];
    for (number, client) in clients.iter().enumerate() {
        for index in 0..64 {
            let length = client.recv(&mut buffer).expect("an answer comes");
            assert!(buffer[..length] == datagram(number, index), "{index} of {number}");
        }
    }
    let totals = server.finish();
    assert_eq!((totals.datagrams, totals.datagrams_dropped), (128, 0));
}

fn count_answers_datagrams(model: Model, place: &str) {
    let server = serve(model, "count", place);
    let client = udp_client(&server.urls[0]);
    let mut buffer = [0; 1024];
    for (datagram, ending) in [("Handy Arfiano Hastyawan", ""), ("Handy Arfiano Hastyawan\n", "\n")]
    {
        client.send(datagram.as_bytes()).expect("it can be sent");
        let length = client.recv(&mut buffer).expect("an answer comes");
        assert_eq!(buffer[..length], [REPLY, ending.as_bytes()].concat());
    }
}

fn discard_answers_nothing(model: Model, place: &str) {
    let mut server = serve(model, "discard", place);
    let client = udp_client(&server.urls[0]);
    client.send(b"into the void").expect("it can be sent");
    let bytes = server.wait_for(|event| match event {
        Event::Message { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert_eq!(bytes, 13);
    let totals = server.finish();
    assert_eq!((totals.datagrams, totals.bytes_sent), (1, 0));
}

fn own_ports_get_no_answer(model: Model, place: &str) {
    let mut server = Running::start(
        model,
        &[&format!("echo={place}"), &format!("count={place}")],
        Limits::default(),
    );
    // A client that uses, on another address, the very port of our other service.
    let other = server.urls[1].rsplit_once(':').expect("a port").1;
    let any = if server.urls[0].contains('[') { "[::]" } else { "127.0.0.2" };
    let Ok(client) = std::net::UdpSocket::bind(format!("{any}:{other}")) else {
        // IPv6 loopback has one address only, so the port cannot be had twice there.
        assert!(server.urls[0].contains('['));
        return;
    };
    let target = server.urls[0].strip_prefix("udp://").expect("a UDP URL");
    client.send_to(b"ping", target).expect("it can be sent");
    let reason = server.wait_for(|event| match event {
        Event::Refused { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason, "own-port");
    let totals = server.finish();
    assert_eq!((totals.datagrams, totals.refused), (0, 1));
}
