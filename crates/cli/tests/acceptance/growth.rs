//! Connections that come and go leave nothing behind: no memory, no descriptor.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::common::Serving;
use crate::support::{MODELS, children, descriptors, each_of, echo_line, resident_kib, serve};
use crate::support::{place_of, wait_until};

const ROUNDS: u8 = 3;
const CONNECTIONS: usize = 10_000;

/// Threads that make the connections of a round.
const LANES: usize = 4;

/// Connections that each of them has open at a time: with many, memory that a model keeps for each
/// would show. `sequential` serves one after another.
const AT_ONCE: usize = 250;

/// How much memory may differ between the ends of the last two rounds.
const GROWTH_MAX_KIB: u64 = 1024;

/// Descriptors that are the same in number for so long are those that stay.
const STEADY: Duration = Duration::from_millis(500);

/// What a server and its workers hold.
#[derive(Debug)]
struct Held {
    resident_kib: u64,
    descriptors: usize,
}

#[test]
fn thirty_thousand_connections_leave_nothing_behind() {
    each_of(&MODELS, |model| {
        let serving = serve(model, &["echo=tcp://127.0.0.1:0"]);
        let address: SocketAddr = place_of(&serving.addresses[0]).parse().expect("an address");
        let at_once = if model == "sequential" { 1 } else { AT_ONCE };
        let start = Instant::now();
        let rounds: Vec<Held> =
            (0..ROUNDS).map(|round| one_round(&serving, address, round, at_once)).collect();
        println!("{model}: {rounds:?}, {:?}", start.elapsed());
        let [_, second, third] = &rounds[..] else { panic!("there were {ROUNDS} rounds") };
        let growth = third.resident_kib.abs_diff(second.resident_kib);
        assert!(growth <= GROWTH_MAX_KIB, "{model}: memory changed by {growth} KiB");
        assert_eq!(third.descriptors, second.descriptors, "{model}: descriptors");
    });
}

/// Opens and closes the connections of a round, and waits until the server has closed them too.
fn one_round(serving: &Serving, server: SocketAddr, round: u8, at_once: usize) -> Held {
    thread::scope(|scope| {
        for lane in 0..LANES {
            // A source address of its own: the ports of one would not be enough, because each
            // stays taken for a minute.
            let lane_number = u8::try_from(lane).expect("there are few");
            let source = Ipv4Addr::new(127, 0, 1 + round, 1 + lane_number);
            scope.spawn(move || {
                for number in 0..CONNECTIONS / LANES / at_once {
                    let connect = || connect_from(source, server);
                    let clients: Vec<_> = std::iter::repeat_with(connect).take(at_once).collect();
                    for mut client in clients {
                        echo_line(&mut client, &format!("{number}\n")).expect("it is served");
                    }
                }
            });
        }
    });
    // What is not closed soon after its client went was left behind.
    let (mut last, mut since) = (held(serving), Instant::now());
    wait_until("nothing is closed any more", || {
        let now = held(serving);
        if now.descriptors != last.descriptors {
            since = Instant::now();
        }
        last = now;
        since.elapsed() > STEADY
    });
    last
}

fn held(serving: &Serving) -> Held {
    let processes: Vec<u32> = children(serving.pid()).into_iter().chain([serving.pid()]).collect();
    Held {
        resident_kib: processes.iter().map(|&process| resident_kib(process)).sum(),
        descriptors: processes.iter().map(|&process| descriptors(process)).sum(),
    }
}

fn connect_from(source: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
        .expect("a descriptor is left");
    rustix::net::bind(&socket, &SocketAddrV4::new(source, 0)).expect("it is loopback");
    rustix::net::connect(&socket, &server).expect("it listens");
    TcpStream::from(socket)
}
