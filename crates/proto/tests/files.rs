//! The pair of file machines over unkind links, compared with a map.
//!
//! A customer asks for random things through [`Client`]; a [`Hosted`] server answers them. Bytes
//! are cut anywhere both ways, there is little room, and either side may be slow. A failure prints
//! its seed; to see it again, run that seed alone.

#[path = "files/customer.rs"]
mod customer;
#[path = "files/model.rs"]
mod model;

use std::collections::BTreeMap;
use std::thread;

use colok_proto::Peer;
use colok_proto::files::{Client, FilesOptions, Name};
use colok_proto::sim::{Hosted, MemoryStore, Random};
use customer::Customer;
use model::{Files, Operation, Outcome, random_operation};

/// More turns than any conversation here takes.
const TURNS_MAX: usize = 400_000;

/// Names the seed when the test dies under it.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

/// How unkind a connection is.
struct Link {
    /// The most bytes that move at once, up and down.
    up_max: usize,
    down_max: usize,
    read_max: usize,
    capacity: usize,
}

impl Link {
    fn random(random: &mut Random) -> Self {
        let size = |random: &mut Random| {
            let most = [2, 30, 3000][random.below(3)];
            1 + random.below(most)
        };
        Self {
            up_max: size(random),
            down_max: size(random),
            read_max: size(random),
            capacity: size(random),
        }
    }
}

/// One connection: a customer, a server, and the bytes between them.
struct Connection {
    customer: Customer,
    hosted: Hosted,
    link: Link,
}

impl Connection {
    fn new(operations: Vec<Operation>, random: &mut Random) -> Self {
        let link = Link::random(random);
        let hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), link.capacity);
        Self { customer: Customer::new(operations), hosted, link }
    }

    /// One thing happens, or nothing.
    fn turn(&mut self, store: &mut MemoryStore, random: &mut Random) {
        match random.below(5) {
            0 => self.customer.ask(),
            1 => {
                let bytes = self.customer.send(1 + random.below(self.link.up_max));
                self.hosted.arrive(&bytes);
            }
            2 | 3 => {
                self.hosted.step(store, 1 + random.below(self.link.read_max));
            }
            _ => {
                let bytes = self.hosted.leave(1 + random.below(self.link.down_max));
                self.customer.receive(&bytes);
            }
        }
    }
}

fn operations(random: &mut Random, count: usize) -> Vec<Operation> {
    (0..count).map(|_| random_operation(random)).collect()
}

#[test]
fn every_answer_is_the_maps() {
    for seed in 0..600 {
        let seed = Seed(seed);
        let mut random = Random::new(seed.0);
        let count = random.below(40);
        let operations = operations(&mut random, count);
        let mut files = Files::new();
        let expected: Vec<_> = operations.iter().map(|one| one.apply(&mut files)).collect();
        let mut store = MemoryStore::default();
        let mut connection = Connection::new(operations, &mut random);
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "does not come to rest: {:?}", connection.customer);
            connection.turn(&mut store, &mut random);
            if connection.customer.is_done() {
                break;
            }
        }
        assert_eq!(connection.customer.outcomes(), expected);
        assert_eq!(store.files, files);
    }
}

#[test]
fn one_of_many_wins_each_name() {
    for seed in 0..300 {
        let seed = Seed(seed);
        let mut random = Random::new(seed.0 ^ 0xace);
        let mut store = MemoryStore::default();
        let mut connections: Vec<_> = (0..4)
            .map(|_| {
                let operations = operations(&mut random, 12);
                Connection::new(operations, &mut random)
            })
            .collect();
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "does not come to rest");
            let one = random.below(connections.len());
            connections[one].turn(&mut store, &mut random);
            if connections.iter().all(|one| one.customer.is_done()) {
                break;
            }
        }
        let stored = connections.iter().flat_map(|one| one.customer.stored());
        let mut winners: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (name, content) in stored {
            let before = winners.insert(name.clone(), content);
            assert_eq!(before, None, "{name} was stored twice");
        }
        assert_eq!(winners, store.files);
    }
}

/// What a customer sends when the server answers at once.
fn recorded(operations: Vec<Operation>) -> (Vec<u8>, Files) {
    let mut store = MemoryStore::default();
    let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1 << 20);
    let mut customer = Customer::new(operations);
    let mut sent = Vec::new();
    while !customer.is_done() {
        customer.ask();
        let bytes = customer.send(usize::MAX);
        hosted.arrive(&bytes);
        sent.extend(bytes);
        while hosted.step(&mut store, usize::MAX) {}
        customer.receive(&hosted.leave(usize::MAX));
    }
    (sent, store.files)
}

#[test]
fn cut_anywhere_nothing_partial_is_there() {
    let mut random = Random::new(4);
    let (sent, files) = recorded(operations(&mut random, 40));
    assert!(files.len() > 3, "the conversation stores something");
    for cut in 0..=sent.len() {
        for (ends, whole) in [(true, true), (false, true), (true, false)] {
            let mut store = MemoryStore::default();
            let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1 << 20);
            hosted.arrive(&sent[..cut]);
            if ends {
                hosted.end();
            }
            let said = hosted.run(&mut store, if whole { usize::MAX } else { 1 }).len();
            hosted.lose(&mut store);
            assert!(cut > 0 || said == 0);
            assert_eq!(hosted.closed().is_some(), ends, "cut at {cut}");
            for (name, content) in &store.files {
                assert_eq!(Some(content), files.get(name), "cut at {cut}: {name}");
            }
        }
    }
}

#[test]
fn no_answer_is_read_before_it_is_whole() {
    let mut random = Random::new(9);
    let operations = operations(&mut random, 30);
    let pushes = operations.into_iter().filter_map(Operation::into_push).collect();
    let mut customer = Customer::new(pushes);
    let mut store = MemoryStore::default();
    let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1 << 20);
    for _ in 0..100 {
        customer.ask();
    }
    hosted.arrive(&customer.send(usize::MAX));
    hosted.run(&mut store, usize::MAX);
    let said = hosted.out().bytes().to_vec();
    assert!(!customer.is_done() && said.len() > 200);
    for cut in 0..said.len() {
        let mut reader = customer.clone_unanswered();
        reader.receive(&said[..cut]);
        let lines = said[..cut].split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(reader.outcomes().len(), lines, "cut at {cut}");
    }
}

#[test]
fn a_resumed_upload_ends_whole_wherever_it_broke() {
    let content: Vec<u8> = (0..60).collect();
    let name = Name::new("a/b").unwrap();
    let (head, length) = customer::resumable(&mut Client::default(), &name, &content);
    for cut in 0..length {
        let mut store = MemoryStore::default();
        let mut first = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1 << 20);
        first.arrive(&head[..cut]);
        first.run(&mut store, usize::MAX);
        first.lose(&mut store);
        assert!(store.files.is_empty());
        let mut second = Connection {
            customer: Customer::new(vec![Operation::resumable(&name, &content)]),
            hosted: Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1 << 20),
            link: Link { up_max: 9, down_max: 9, read_max: 9, capacity: 9 },
        };
        let mut random = Random::new(cut as u64);
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "does not come to rest");
            second.turn(&mut store, &mut random);
            if second.customer.is_done() {
                break;
            }
        }
        assert_eq!(second.customer.outcomes(), [Outcome::Stored]);
        assert_eq!(store.files["a/b"], content);
        let missing = second.customer.body_bytes_sent();
        let header = head.len() - content.len();
        assert_eq!(missing, content.len() - cut.saturating_sub(header), "sends what is missing");
    }
}
