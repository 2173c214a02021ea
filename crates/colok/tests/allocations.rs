//! A million messages cost no allocation: neither per message nor per arrival.
//!
//! The whole program runs on a counting allocator, so this test is alone in it.

mod support;

use std::io::{Read, Write};

use colok::engine::Model;
use colok::net::service_address::{ServiceDefaults, parse_service_address};
use colok::observe::NoTap;
use colok::server::{Limits, Server, Stop};
use colok_sys::allocations::Counting;
use support::Client;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// Messages in the measured part.
const MESSAGES: u64 = 1_000_000;

/// Messages sent together in the second part of it.
const AT_ONCE: usize = 1000;

/// Allocations that may happen in it for reasons that do not grow with messages: a timer wheel's
/// slot, a lazily made thread local. Far below one per thousand messages.
const TOLERATED: u64 = 100;

#[test]
fn a_million_messages_allocate_nothing() {
    for model in [Model::Threads, Model::Events] {
        for (service, message, reply) in [
            ("echo", &b"hello, world\n"[..], &b"hello, world\n"[..]),
            ("count", b"hello, world\n", b"Jumlah karakter dalam kalimat tersebut ada: 12\n"),
        ] {
            let allocations = allocations_of(model, service, message, reply);
            println!("{} {service}: {allocations} allocations", model.name());
            assert!(allocations <= TOLERATED, "{} {service}: {allocations}", model.name());
        }
    }
}

fn allocations_of(model: Model, service: &str, message: &[u8], reply: &[u8]) -> u64 {
    let address = format!("{service}=tcp://127.0.0.1:0");
    let addresses = parse_service_address(&address, ServiceDefaults::default()).expect("one");
    let limits = Limits { workers: 1, ..Limits::default() };
    let server = Server::bind(&addresses, model, limits, None, &NoTap).expect("it can be bound");
    let url = server.listening().remove(0).address;
    let stop = Stop::new().expect("a descriptor is left");
    let stopping = stop.clone();
    let running = std::thread::spawn(move || server.run(&stopping, &NoTap).expect("it runs"));

    // Alternating single messages and full arrivals; the buffers are made before the count.
    let mut client = Client::connect(&url);
    let (many, mut answers) = (message.repeat(AT_ONCE), vec![0; reply.len() * AT_ONCE]);
    let mut exchange = |count: usize| {
        client.write_all(&many[..message.len() * count]).expect("it can be sent");
        let answers = &mut answers[..reply.len() * count];
        client.read_exact(answers).expect("answers come");
        assert!(answers.chunks(reply.len()).all(|answer| answer == reply));
    };
    (0..100).for_each(|_| exchange(1));
    (0..10).for_each(|_| exchange(AT_ONCE));
    let before = ALLOCATOR.count();
    (0..10_000).for_each(|_| exchange(1));
    let rest = (MESSAGES - 10_000) / AT_ONCE as u64;
    (0..rest).for_each(|_| exchange(AT_ONCE));
    let allocations = ALLOCATOR.count() - before;

    drop(client);
    stop.drain();
    running.join().expect("the server does not panic");
    allocations
}
