//! What must hold for the file store on every engine over every transport, spoken by hand.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use colok::engine::Model;
use colok::server::Limits;
use colok::store::StoreOptions;

use super::Named;
use crate::support::{Client, PATIENCE, Running, noise};

pub(crate) const FILE_BODIES: &[Named] = &[
    ("files::are_stored_once", are_stored_once),
    ("files::pushes_are_answered_in_order", pushes_are_answered_in_order),
    ("files::a_large_one_goes_both_ways", a_large_one_goes_both_ways),
    ("files::a_wrong_hash_leaves_nothing", a_wrong_hash_leaves_nothing),
    ("files::a_cut_leaves_nothing", a_cut_leaves_nothing),
    ("files::a_refusal_is_read_behind_a_megabyte", a_refusal_is_read_behind_a_megabyte),
    ("files::an_upload_is_taken_over_and_goes_on", an_upload_is_taken_over_and_goes_on),
    ("files::one_of_many_clients_wins", one_of_many_clients_wins),
    ("files::a_dripping_client_stops_nobody", a_dripping_client_stops_nobody),
    ("files::a_rate_is_kept", a_rate_is_kept),
    ("files::a_rest_is_not_idleness", a_rest_is_not_idleness),
    ("files::a_file_that_was_sent_is_closed", a_file_that_was_sent_is_closed),
    ("files::a_slow_upload_is_read_in_its_turn", a_slow_upload_is_read_in_its_turn),
    ("files::a_long_last_turn_holds_nobody", a_long_last_turn_holds_nobody),
    ("files::a_stop_lets_an_upload_finish", a_stop_lets_an_upload_finish),
];

/// A store of a test in a directory of its own, which goes with it.
struct Served {
    server: Running,
    root: PathBuf,
}

impl Served {
    fn start(model: Model, place: &str) -> Self {
        Self::start_with(model, place, Limits::default())
    }

    fn start_with(model: Model, place: &str, limits: Limits) -> Self {
        let root = std::env::temp_dir().join(crate::support::fresh_name());
        Self::start_at(model, &format!("files={place}?idle=60s"), limits, StoreOptions::new(root))
    }

    fn start_at(model: Model, address: &str, limits: Limits, options: StoreOptions) -> Self {
        let root = options.root.clone();
        let server = Running::start_with_store(model, &[address], limits, Some(options));
        Self { server, root }
    }

    fn talk(&self) -> Talk {
        Talk::with(&self.server.urls[0])
    }

    /// The names that are visible, in order.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).expect("the root is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        let mut names: Vec<_> = names.map(|name| name.expect("a name in UTF-8")).collect();
        names.retain(|name| name != ".colok");
        names.sort();
        names
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.root.join(name)).expect("it is stored")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.at_once();
        remove(&self.root);
    }
}

/// Workers may still be ending, so what they make anew is removed as well.
fn remove(root: &Path) {
    let until = Instant::now() + PATIENCE;
    while fs::remove_dir_all(root).is_err() && root.exists() && Instant::now() < until {
        std::thread::yield_now();
    }
}

/// A connection, line by line.
struct Talk(BufReader<Client>);

impl Talk {
    fn with(url: &str) -> Self {
        Self(BufReader::new(Client::connect(url)))
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().send(bytes.as_ref());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line comes");
        line
    }

    /// Reads a line and checks its code; returns it.
    fn expect(&mut self, code: u32) -> String {
        let line = self.line();
        assert!(line.starts_with(&format!("{code} ")), "expected {code}, got {line:?}");
        line
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).expect("that many bytes come");
        bytes
    }
}

/// The value of a field of an answer.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let fields = line.split(" : ").next().expect("there is a first part").split(' ');
    let found = fields.filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name);
    found.unwrap_or_else(|| panic!("no field {name} in {line:?}")).1
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn are_stored_once(model: Model, place: &str) {
    let served = Served::start(model, place);
    let mut talk = served.talk();
    talk.send("PUT greeting 5\n");
    talk.expect(100);
    talk.send("hello");
    let line = talk.expect(201);
    assert_eq!(field(&line, "hash"), hash(b"hello"));
    assert_eq!(field(&line, "size"), "5");
    assert_eq!(field(&line, "durability"), "full");
    let file = fs::metadata(served.root.join("greeting")).expect("it is stored");
    assert!(file.is_file());
    assert_eq!(file.mode() & 0o7777, 0o400);

    talk.send("PUT greeting 5\r\n");
    assert_eq!(field(&talk.expect(110), "hash"), hash(b"hello"));
    talk.send(format!("PUT greeting 5 {}\n", hash(b"hello")));
    talk.expect(202);
    talk.send(format!("PUT greeting 5 {}\n", hash(b"other")));
    talk.expect(409);
    talk.send("PUSH greeting 5\nother");
    talk.expect(409);
    assert_eq!(served.read("greeting"), b"hello");

    talk.send("STAT greeting\nGET greeting 1-3\nLIST\nGET nothing\nQUIT\n");
    assert_eq!(field(&talk.expect(210), "size"), "5");
    let line = talk.expect(150);
    assert_eq!((field(&line, "offset"), field(&line, "length")), ("1", "3"));
    assert_eq!(talk.bytes(3), b"ell");
    assert_eq!(field(&talk.expect(220), "count"), "1");
    assert!(talk.line().starts_with("greeting "));
    talk.expect(404);
    talk.expect(221);
    assert_eq!(talk.line(), "");
}

fn pushes_are_answered_in_order(model: Model, place: &str) {
    let served = Served::start(model, place);
    let mut talk = served.talk();
    let files: Vec<_> =
        (0..300_u16).map(|index| noise(index.into(), usize::from(index) * 37 % 5000)).collect();
    for (round, durability) in ["none", "file", "full"].iter().enumerate() {
        let mut requests = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let size = file.len();
            let line = format!("PUSH d{round}/f{index} {size} durability={durability}\n");
            requests.extend(line.as_bytes());
            requests.extend(file);
        }
        requests.extend(b"STAT d0/f7\n");
        talk.send(&requests);
        for file in &files {
            let line = talk.expect(201);
            assert_eq!(field(&line, "hash"), hash(file));
            assert_eq!(field(&line, "durability"), *durability);
        }
        talk.expect(210);
    }
    assert_eq!(served.read("d1/f299"), files[299]);
    assert_eq!(fs::read_dir(served.root.join("d2")).expect("it is there").count(), 300);
}

fn a_large_one_goes_both_ways(model: Model, place: &str) {
    let served = Served::start(model, place);
    let file = noise(1, 5 * 1024 * 1024 + 12_345);
    let mut talk = served.talk();
    talk.send(format!("PUT large {} trailer durability=none\n", file.len()));
    talk.expect(100);
    talk.send(&file);
    talk.send(format!("END {}\n", hash(&file)));
    talk.expect(201);
    // Blocks of a size that is not known before.
    talk.send("PUT blocks - durability=file\n");
    talk.expect(100);
    for block in file.chunks(300_001) {
        talk.send(format!("DATA {}\n", block.len()));
        talk.send(block);
    }
    talk.send("END\nGET large\nGET blocks\n");
    assert_eq!(field(&talk.expect(201), "hash"), hash(&file));
    for _ in 0..2 {
        let line = talk.expect(150);
        assert_eq!(field(&line, "hash"), hash(&file));
        assert!(talk.bytes(file.len()) == file, "other bytes came back");
    }
    talk.send("QUIT\n");
    talk.expect(221);
}

fn a_wrong_hash_leaves_nothing(model: Model, place: &str) {
    let served = Served::start(model, place);
    let mut talk = served.talk();
    talk.send("PUT a 5 trailer\n");
    talk.expect(100);
    talk.send(format!("helloEND {}\n", hash(b"HELLO")));
    let line = talk.expect(411);
    assert_eq!(field(&line, "hash"), hash(b"hello"));
    talk.send(format!("PUSH b 5 {}\nhello", hash(b"HELLO")));
    talk.expect(411);
    talk.send("PUT c 5 trailer\n");
    talk.expect(100);
    talk.send("helloABORT\n");
    talk.expect(204);
    assert_eq!(served.names(), Vec::<String>::new());
}

fn a_cut_leaves_nothing(model: Model, place: &str) {
    let mut served = Served::start(model, place);
    for cut in ["PUT x 100000\n", "PUT x 10\nhello", "PUSH x 10\nhello", "PUT x -\nDATA 5\nhel"] {
        let mut talk = served.talk();
        talk.send(cut);
        if cut.starts_with("PUT") {
            talk.expect(100);
        }
        drop(talk);
        assert_eq!(served.server.closed(), "peer-closed", "{cut:?}");
        assert_eq!(served.names(), Vec::<String>::new(), "{cut:?}");
    }
}

fn a_refusal_is_read_behind_a_megabyte(model: Model, place: &str) {
    let served = Served::start(model, place);
    let mut talk = served.talk();
    talk.send("PUSH x 5\nhello");
    talk.expect(201);
    // The reader is another handle, since the writer may meet a reset after the linger bounds.
    let mut writer = talk.0.get_ref().duplicate();
    let flood = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut writer, b"PUT x 1048576\n");
        let _ = std::io::Write::write_all(&mut writer, &vec![b'.'; 1024 * 1024]);
    });
    let line = talk.line();
    assert!(line.starts_with("409 ") || line.starts_with("110 "), "{line:?}");
    talk.expect(400);
    flood.join().expect("it does not panic");
    assert_eq!(served.read("x"), b"hello");
}

fn an_upload_is_taken_over_and_goes_on(model: Model, place: &str) {
    let served = Served::start(model, place);
    let file = noise(2, 3 * 1024 * 1024 + 7);
    let header = format!("PUT large {} trailer upload=0123456789abcdef\n", file.len());
    let half = 2 * 1024 * 1024 + 100;
    let mut dead = served.talk();
    dead.send(&header);
    dead.expect(100);
    dead.send(&file[..half]);
    if model == Model::Sequential {
        // Nobody else is served before the first is gone.
        drop(dead);
        served.finish_upload(&header, &file);
        return;
    }
    // Its connection is still there, with bytes of it perhaps still on the way.
    served.finish_upload(&header, &file);
    let rest = file[half..].to_vec();
    let _ = std::io::Write::write_all(dead.0.get_mut(), &rest);
    let _ = std::io::Write::write_all(dead.0.get_mut(), b"END\n");
    let line = dead.line();
    assert!(!line.starts_with("201"), "{line:?}");
    assert!(served.read("large") == file, "other bytes are stored");
}

impl Served {
    /// Resumes until whole; what is here already is not sent again once it was worked on.
    fn finish_upload(&self, header: &str, file: &[u8]) {
        let mut talk = self.talk();
        talk.send(header);
        let line = talk.expect(100);
        let offset: usize = field(&line, "offset").parse().expect("a number");
        if offset > 0 {
            assert_eq!(field(&line, "hash"), hash(&file[..offset]));
        }
        talk.send(&file[offset..]);
        talk.send(format!("END {}\n", hash(file)));
        talk.expect(201);
        assert!(self.read("large") == file, "other bytes are stored");
    }
}

fn one_of_many_clients_wins(model: Model, place: &str) {
    const CLIENTS: u64 = 16;
    let served = Served::start(model, place);
    let contents: Vec<_> = (0..CLIENTS).map(|client| noise(client / 2, 200_000)).collect();
    let url = served.server.urls[0].as_str();
    let codes: Vec<String> = std::thread::scope(|scope| {
        let send = |content: &Vec<u8>| {
            let mut talk = Talk::with(url);
            talk.send(format!("PUT one {} durability=none\n", content.len()));
            let line = talk.line();
            if !line.starts_with("100") {
                return line;
            }
            talk.send(content);
            talk.line()
        };
        let clients: Vec<_> =
            contents.iter().map(|content| scope.spawn(move || send(content))).collect();
        clients.into_iter().map(|client| client.join().expect("it does not panic")).collect()
    });
    let count = |code: &str| codes.iter().filter(|line| line.starts_with(code)).count();
    assert_eq!(count("201"), 1, "{codes:?}");
    assert_eq!(count("201") + count("202") + count("409") + count("110"), codes.len(), "{codes:?}");
    let winner = codes.iter().position(|line| line.starts_with("201")).expect("one won");
    assert!(served.read("one") == contents[winner], "not what the winner sent");
}

fn a_dripping_client_stops_nobody(model: Model, place: &str) {
    if model == Model::Sequential {
        // Its turn has its own test.
        return;
    }
    let served = Served::start(model, place);
    let dripping: Vec<_> = (0..70)
        .map(|index| {
            let mut talk = served.talk();
            talk.send(format!("PUSH slow{index} 60000\nx"));
            talk
        })
        .collect();
    let mut talk = served.talk();
    talk.send("PUSH quick 5\nhello");
    talk.expect(201);
    assert_eq!(served.names(), ["quick"]);
    drop(dripping);
}

fn a_rate_is_kept(model: Model, place: &str) {
    let limits = Limits { bytes_per_second_max: Some(400_000), ..Limits::default() };
    let served = Served::start_with(model, place, limits);
    let file = noise(3, 200_000);
    let start = Instant::now();
    let mut talk = served.talk();
    talk.send(format!("PUT paced {} durability=none\n", file.len()));
    talk.expect(100);
    talk.send(&file);
    talk.expect(201);
    talk.send("GET paced\n");
    talk.expect(150);
    assert!(talk.bytes(file.len()) == file, "other bytes came back");
    // Only a lower bound can be trusted on a busy machine.
    assert!(start.elapsed() > Duration::from_millis(700), "{:?}", start.elapsed());
}

fn a_rest_is_not_idleness(model: Model, place: &str) {
    // One arrival is a tenth of a second's worth; its answers are paid for with about a second, in
    // which the server does not look at what was asked behind it.
    let rate = 87_000;
    let limits = Limits { bytes_per_second_max: Some(rate), ..Limits::default() };
    let root = std::env::temp_dir().join(crate::support::fresh_name());
    let address = format!("files={place}?idle=200ms");
    let served = Served::start_at(model, &address, limits, StoreOptions::new(root));
    let mut requests = b"HELP\n".repeat(300);
    requests.resize(usize::try_from(rate / 10).expect("it is small"), b'\n');
    requests.extend_from_slice(b"QUIT\n");
    let mut talk = served.talk();
    talk.send(requests);
    for _ in 0..300 {
        talk.expect(214);
    }
    talk.expect(221);
}

/// Otherwise every client that ever read a file would take two descriptors.
fn a_file_that_was_sent_is_closed(model: Model, place: &str) {
    let served = Served::start(model, place);
    let mut talk = served.talk();
    talk.send("PUSH kept-open 5 durability=none\nhelloPUSH kept-empty 0 durability=none\n");
    talk.expect(201);
    talk.expect(201);
    talk.send("GET kept-empty\nGET kept-open 1-3\nHELP\n");
    talk.expect(150);
    talk.expect(150);
    assert_eq!(talk.bytes(3), b"ell");
    talk.expect(214);
    // Of worker processes this sees nothing; they run the same session.
    let open = fs::read_dir("/proc/self/fd").expect("it is mounted");
    let paths = open.filter_map(|one| fs::read_link(one.ok()?.path()).ok());
    let kept = |path: &PathBuf| {
        path.starts_with(served.root.join("kept-open"))
            || path.starts_with(served.root.join("kept-empty"))
    };
    assert_eq!(paths.filter(kept).count(), 0);
}

/// Whoever is served alone is judged by what was read, so that must not wait for large pieces.
fn a_slow_upload_is_read_in_its_turn(model: Model, place: &str) {
    if model != Model::Sequential {
        return;
    }
    let served = Served::start(model, place);
    let mut talk = served.talk();
    talk.send("PUT slow 3000000 upload=0123456789abcdef\n");
    talk.expect(100);
    talk.send(noise(5, 100_000));
    let partials = served.root.join(".colok/partial");
    let largest = || {
        let entries = fs::read_dir(&partials).expect("the store is open").flatten();
        entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).max()
    };
    let until = Instant::now() + PATIENCE;
    while largest() != Some(100_000) {
        assert!(Instant::now() < until, "what has come was not read: {:?}", largest());
        std::thread::yield_now();
    }
}

/// A turn that waits long for the disk and ends the conversation, with a client that stays.
fn a_long_last_turn_holds_nobody(model: Model, place: &str) {
    if model == Model::Sequential {
        return;
    }
    let limits = Limits { workers: 1, ..Limits::default() };
    let mut served = Served::start_with(model, place, limits);
    // Holes take no room, and longer to read than a slice of time of the disk threads.
    let sparse = fs::File::create(served.root.join("sparse")).expect("the root is there");
    sparse.set_len(512 << 20).expect("the file system has holes");
    let mut stays = served.talk();
    stays.send("STAT sparse reread=yes\nQUIT\n");
    stays.expect(210);
    stays.expect(221);
    let mut talk = served.talk();
    talk.send("HELP\n");
    talk.expect(214);
    assert_eq!(served.server.closed(), "quit", "a lingering close has its end");
    drop(stays);
}

fn a_stop_lets_an_upload_finish(model: Model, place: &str) {
    let limits = Limits { drain: PATIENCE, ..Limits::default() };
    let served = Served::start_with(model, place, limits);
    let file = noise(4, 500_000);
    let mut talk = served.talk();
    talk.send(format!("PUT last {}\n", file.len()));
    talk.expect(100);
    talk.send(&file[..100_000]);
    served.server.drain();
    talk.send(&file[100_000..]);
    talk.expect(201);
    assert_eq!(talk.line(), "", "the server ends the conversation");
    assert!(served.read("last") == file, "other bytes are stored");
}
