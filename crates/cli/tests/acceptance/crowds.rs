//! Many clients at once.

use std::io::Write as _;
use std::time::Instant;

use crate::support::{
    CONCURRENT_MODELS, allow_many_descriptors, connect, each_of, receive_once, serve,
};

const CLIENTS: usize = 1000;

#[test]
fn a_thousand_clients_at_once_all_get_their_answers() {
    allow_many_descriptors();
    each_of(&CONCURRENT_MODELS, |model| {
        let serving = serve(model, &["count=tcp://127.0.0.1:0?idle=5m"]);
        let start = Instant::now();
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(serving.place())).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(format!("{}\n", "x".repeat(number)).as_bytes()).expect("it is taken");
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let answer = receive_once(client);
            let expected = format!("Jumlah karakter dalam kalimat tersebut ada: {number}\n");
            assert_eq!(String::from_utf8_lossy(&answer), expected, "{model}");
        }
        println!("{model}: {CLIENTS} clients at once had their answers in {:?}", start.elapsed());
    });
}
