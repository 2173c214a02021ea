//! Delay and rate, by a clock outside: never less than asked for, and within 10 % at best.

use std::io::Write as _;
use std::time::Duration;

use crate::support::{Relay, Target, best_of, echo, read, read_all, sends, socket};

/// Tries before a figure is believed to be too large.
const TRIES: usize = 40;

#[test]
fn a_delay_is_what_it_says() {
    let relay = Relay::tcp(&echo(), &["delay=60ms direction=up", "delay=40ms direction=down"]);
    let mut client = relay.connect();
    let (least, most) = (Duration::from_millis(100), Duration::from_millis(110));
    best_of(TRIES, least, most, || {
        client.write_all(b"ping").expect("it is taken");
        assert_eq!(read(&mut client, 4), b"ping");
    });
}

#[test]
fn jitter_stays_within_its_bounds() {
    let relay = Relay::tcp(&echo(), &["delay=50ms jitter=20ms direction=up"]);
    let mut client = relay.connect();
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = std::time::Instant::now();
        client.write_all(b"ping").expect("it is taken");
        assert_eq!(read(&mut client, 4), b"ping");
        times.push(start.elapsed());
    }
    let least = times.iter().min().expect("there are some");
    assert!(*least >= Duration::from_millis(30), "{times:?}");
    let most = times.iter().max().expect("there are some");
    assert!(*most >= *least + Duration::from_millis(10), "{times:?}");
}

#[test]
fn a_rate_is_what_it_says() {
    const BYTES: usize = 256 * 1024;
    for (fault, relayed) in [("rate=1M", 1), ("rate=512K direction=down", 2)] {
        let relay = Relay::tcp(&sends(vec![7; BYTES]), &[fault]);
        let least = Duration::from_millis(250) * relayed;
        best_of(TRIES / 4, least, least + least / 10, || {
            let (bytes, error) = read_all(&mut relay.connect());
            assert_eq!((bytes.len(), error), (BYTES, None));
        });
    }
}

#[test]
fn a_rate_holds_for_what_the_client_sends_too() {
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &["rate=100K direction=up", "rate=10M direction=up"]);
    let least = Duration::from_millis(200);
    best_of(TRIES / 4, least, least + least / 10, || {
        let mut client = relay.connect();
        client.write_all(&vec![7; 20 * 1024]).expect("it is taken");
        drop(client);
        assert_eq!(read_all(&mut target.accept()).0.len(), 20 * 1024);
    });
}

#[test]
fn datagrams_are_delayed_and_slowed_down_as_well() {
    let (client, server) = (socket(), socket());
    let place = server.local_addr().expect("it is bound").to_string();
    let mut buffer = [0; 2000];
    let relay = Relay::udp(&place, &["delay=50ms"]);
    let (least, most) = (Duration::from_millis(50), Duration::from_millis(55));
    best_of(TRIES, least, most, || {
        client.send_to(b"ping", &relay.place).expect("it is sent");
        assert_eq!(server.recv(&mut buffer).expect("it comes"), 4);
    });
    let relay = Relay::udp(&place, &["rate=100K"]);
    let (least, most) = (Duration::from_millis(100), Duration::from_millis(110));
    best_of(TRIES, least, most, || {
        for _ in 0..10 {
            client.send_to(&[7; 1024], &relay.place).expect("it is sent");
        }
        for _ in 0..10 {
            assert_eq!(server.recv(&mut buffer).expect("it comes"), 1024);
        }
    });
}
