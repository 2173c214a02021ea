//! Many clients send one name at the same time: the first to finish wins, the others are told, and
//! nobody who looks ever sees a part.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::{
    CONCURRENT_MODELS, FileServer, Together, daily_or_full, each_of, hash, noise, wait_until,
};
use crate::wire::Wire;

/// Clients that race.
const CLIENTS: usize = 64;

/// How many bytes a client sends: more than a push may have, so that they come in several reads.
const BYTES: usize = 96 * 1024;

/// How many different contents there are: some clients send the same.
const CONTENTS: usize = 48;

/// What all of them share.
struct Race {
    place: String,
    rounds: usize,
    contents: Vec<(Vec<u8>, String)>,
    /// All clients begin a round together, and know when it is over.
    start: Together,
    finish: Together,
    /// Who was told `stored`, by round.
    winners: Vec<AtomicUsize>,
}

impl Race {
    fn new(place: &str, rounds: usize) -> Self {
        let content = |number: usize| {
            let bytes = noise(number as u64, BYTES);
            let hash = hash(&bytes);
            (bytes, hash)
        };
        Self {
            place: place.to_owned(),
            rounds,
            contents: (0..CONTENTS).map(content).collect(),
            start: Together::new(CLIENTS),
            finish: Together::new(CLIENTS),
            winners: (0..rounds).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    /// One client, all rounds on one connection.
    fn run(&self, client: usize) {
        let mut wire = Wire::connect(&self.place);
        let (bytes, hash) = &self.contents[client % CONTENTS];
        for round in 0..self.rounds {
            self.start.wait();
            let options = match client % 4 {
                0 => format!("{hash} durability=none"),
                1 => format!("upload=race-client-{client:06} durability=none"),
                _ => "durability=none".to_owned(),
            };
            let name = name_of(round);
            let mut answer = wire.put(&name, bytes, &options);
            if answer.code == 110 {
                // Somebody was faster; it is told with which content, and asks whether it is ours.
                answer = wire.put(&name, bytes, &format!("{hash} durability=none"));
            }
            match answer.code {
                201 => drop(self.winners[round].fetch_add(1, Ordering::Relaxed)),
                // A resumable upload of ours cannot be there, and a full server is none.
                202 => assert_eq!(answer.field("hash"), Some(hash.as_str())),
                409 => assert_ne!(answer.field("hash"), Some(hash.as_str()), "{}", answer.line),
                _ => panic!("client {client} in round {round}: {}", answer.line),
            }
            self.finish.wait();
        }
    }
}

fn name_of(round: usize) -> String {
    format!("races/round-{round}")
}

/// Looks at the names all the time, as another tool would and over the protocol; gives how often
/// there was something.
fn watch(root: &Path, race: &Race, over: &AtomicBool) -> usize {
    let whole: HashSet<&str> = race.contents.iter().map(|(_, hash)| hash.as_str()).collect();
    let mut wire = Wire::connect(&race.place);
    let mut seen = 0;
    let mut round = 0;
    while !over.load(Ordering::Relaxed) {
        let name = name_of(round);
        if let Ok(bytes) = fs::read(root.join(&name)) {
            assert_eq!(bytes.len(), BYTES, "a part of {name} was visible");
            assert!(whole.contains(hash(&bytes).as_str()), "{name} was a mixture");
            let (answer, bytes) = wire.get(&name);
            assert_eq!((answer.code, bytes.len()), (150, BYTES), "{}", answer.line);
            assert_eq!(answer.field("hash"), Some(hash(&bytes).as_str()), "{name}");
            seen += 1;
            round = (round + 1).min(race.rounds - 1);
        } else {
            let answer = wire.ask(&format!("STAT {name}"));
            assert!(matches!(answer.code, 404 | 210), "{}", answer.line);
        }
    }
    seen
}

#[test]
fn of_many_clients_with_one_name_exactly_one_wins() {
    each_of(&CONCURRENT_MODELS, |model| {
        let server = FileServer::start(model, &["--max-connections", "100"]);
        let race = Race::new(server.place(), daily_or_full(12, 200));
        let over = AtomicBool::new(false);
        let seen = thread::scope(|scope| {
            let (race, over, root) = (&race, &over, server.root());
            let watching = scope.spawn(move || watch(&root, race, over));
            let clients: Vec<_> =
                (0..CLIENTS).map(|client| scope.spawn(move || race.run(client))).collect();
            let ended: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
            over.store(true, Ordering::Relaxed);
            assert!(ended.iter().all(Result::is_ok), "{model}: a client failed, see above");
            watching.join().expect("nobody saw a part")
        });
        let winners: Vec<_> =
            race.winners.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert!(winners.iter().all(|&count| count == 1), "{model}: winners by round {winners:?}");
        println!("{model}: {} rounds of {CLIENTS} clients, {seen} looks", race.rounds);
        let visible = server.visible();
        assert_eq!(visible.len(), 1 + race.rounds, "{model}: {visible:?}");
        // What the losers sent is gone when their answers are there.
        wait_until("the partials are gone", || server.partial().is_none());
    });
}

#[test]
fn sixteen_clients_push_one_name() {
    each_of(&CONCURRENT_MODELS, |model| {
        let server = FileServer::start(model, &["--min-durability", "none"]);
        let rounds = 20;
        let start = Together::new(16);
        let stored: Vec<_> = (0..rounds).map(|_| AtomicUsize::new(0)).collect();
        thread::scope(|scope| {
            for client in 0..16_u64 {
                let (place, start, stored) = (server.place(), &start, &stored);
                scope.spawn(move || {
                    let mut wire = Wire::connect(place);
                    for (round, stored) in stored.iter().enumerate() {
                        start.wait();
                        // The last bytes differ, and half of the clients send the same.
                        let bytes = [noise(1, 9000), noise(client / 2, 8)].concat();
                        wire.push(&format!("push-{round}"), &bytes, "durability=none");
                        let answer = wire.answer();
                        assert!(matches!(answer.code, 201 | 202 | 409), "{}", answer.line);
                        stored.fetch_add(usize::from(answer.code == 201), Ordering::Relaxed);
                    }
                });
            }
        });
        let stored: Vec<_> = stored.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(stored, vec![1; rounds], "{model}");
    });
}
