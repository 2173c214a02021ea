//! The bodies of the fuzz targets of the file store protocol.
//!
//! Any bytes become a conversation: what one side sends, and where it is cut. Cut or whole, the
//! outcome must be the same, nothing may panic and what a machine holds has a bound. The other
//! side is a store in memory, or nobody.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::files::{
    Answer, Client, Entry, FilesOptions, Hash, LINE_BYTES_MAX, Name, PUSHES_MAX, Prefix,
    ProtocolError, Put, PutHash, StoreError, UploadToken, WritePolicy,
};
use crate::sim::{Hosted, MemoryStore, Point};
use crate::{Peer, Reason};

/// What a client says, in the pieces that random bytes do not make.
const REQUESTS: [&[u8]; 32] = [
    b"HELLO",
    b" token=secret",
    b" durability=none",
    b"PUT a",
    b"PUT d/x",
    b" 3",
    b" -",
    b" trailer",
    b" upload=0123456789abcdef",
    b" from=0",
    b"PUSH a 3",
    b"PUSH b 1",
    b"PUSH ../c 3",
    b"DATA 3",
    b"DATA 1",
    b"END",
    b"ABORT",
    b"GET a",
    b"GET b",
    b" 0-1",
    b" 1-",
    b" hash=range",
    b"STAT a",
    b" reread=yes",
    b"LIST",
    b" after=a",
    b" limit=1",
    b"HELP",
    b"QUIT",
    b"\r\n",
    b"xyz",
    b"%20",
];

/// What a server says.
const ANSWERS: [&[u8]; 32] = [
    b"100 offset=0",
    b"100 offset=3",
    b"110",
    b"150",
    b"200",
    b"201",
    b"202",
    b"204",
    b"210",
    b"214",
    b"220",
    b"221",
    b"400",
    b"401",
    b"409",
    b"503",
    b" size=3",
    b" hash=",
    b"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
    b" durability=full",
    b" modified=1",
    b" offset=1 length=2",
    b" offset=0 length=3",
    b" count=2 more=yes",
    b" count=1 more=no",
    b" version=1 abilities=put write=yes max-push=65536",
    b" : ",
    b"\r\n",
    b"a size=1 modified=1\n",
    b"b size=1 modified=1\n",
    b"refused: full\n",
    b" errno=5",
];

/// Bytes, and where they are cut.
struct Stream {
    bytes: Vec<u8>,
    cuts: Vec<usize>,
}

impl Stream {
    fn new(data: &[u8], words: &[&[u8]; 32]) -> Self {
        let (mut bytes, mut cuts) = (Vec::new(), Vec::new());
        let mut rest = data;
        while let [kind, after @ ..] = rest {
            rest = after;
            match kind {
                0..=127 => bytes.extend_from_slice(words[usize::from(*kind % 32)]),
                128..=175 => bytes.push(b'\n'),
                176..=223 => cuts.push(bytes.len()),
                224..=251 => {
                    let (raw, after) = rest.split_at(usize::from(kind - 223).min(rest.len()));
                    bytes.extend_from_slice(raw);
                    rest = after;
                }
                // Longer than any line.
                _ => bytes.resize(bytes.len() + 5000, b'5'),
            }
        }
        cuts.push(bytes.len());
        Self { bytes, cuts }
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let starts = core::iter::once(0).chain(self.cuts.iter().copied());
        starts.zip(&self.cuts).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// The server says and stores the same however its input is cut and its output leaves.
pub fn check_files_server(data: &[u8]) {
    let [policy, failing, capacity, read_max, rest @ ..] = data else { return };
    let write = match policy % 8 {
        0..=4 => WritePolicy::Loopback,
        5 | 6 => WritePolicy::Token,
        _ => WritePolicy::Nobody,
    };
    let options = FilesOptions { write, list: policy % 16 < 12, ..FilesOptions::default() };
    let stream = Stream::new(rest, &REQUESTS);

    let mut whole_store = store(*failing);
    let mut whole = Hosted::new(options, &Peer::unnamed(), 1 << 24);
    whole.arrive(&stream.bytes);
    whole.end();
    whole.run(&mut whole_store, usize::MAX);

    let mut cut_store = store(*failing);
    let mut cut = Hosted::new(options, &Peer::unnamed(), 1 + usize::from(*capacity));
    for part in stream.parts() {
        cut.arrive(part);
        cut.run(&mut cut_store, 1 + usize::from(*read_max));
        assert_bounded(&cut);
    }
    cut.end();
    cut.run(&mut cut_store, usize::MAX);

    assert!(whole.closed().is_some(), "whoever has ended is not kept waiting");
    assert_eq!(whole.closed(), cut.closed());
    assert_eq!(whole.out().bytes(), cut.out().bytes());
    assert_eq!(whole_store.files, cut_store.files);
    assert_eq!(whole_store.partials, cut_store.partials);
    stop_in_between(options, *failing, &stream);
}

/// A server that is told to stop finishes what is in flight, and closes.
fn stop_in_between(options: FilesOptions, failing: u8, stream: &Stream) {
    let mut store = store(failing);
    let mut hosted = Hosted::new(options, &Peer::unnamed(), 64);
    for (number, part) in stream.parts().enumerate() {
        if number == stream.cuts.len() / 2 {
            hosted.drain();
        }
        hosted.arrive(part);
        hosted.run(&mut store, usize::MAX);
    }
    hosted.end();
    hosted.run(&mut store, usize::MAX);
    assert!(hosted.closed().is_some(), "a server that stops closes");
    assert!(hosted.closed() != Some(Reason::Idle), "nobody was idle");
}

fn store(failing: u8) -> MemoryStore {
    let failing = match failing {
        0 => Some((Point::Put, StoreError::TooManyUploads)),
        1 => Some((Point::Body(2), StoreError::NoSpace)),
        2 => Some((Point::Body(0), StoreError::TakenOver)),
        3 => Some((Point::Finish, StoreError::Io(5))),
        4 => Some((Point::Finish, StoreError::NotAFile)),
        5 => Some((Point::Push, StoreError::NoSpace)),
        6 => Some((Point::File(1), StoreError::Io(5))),
        7 => Some((Point::List, StoreError::Io(5))),
        _ => None,
    };
    let mut store = MemoryStore { failing, ..MemoryStore::default() };
    store.token = Some("secret".to_string());
    store.file_bytes_max = Some(6);
    store.files.insert("b".to_string(), b"xyz".to_vec());
    store
}

fn assert_bounded(hosted: &Hosted) {
    // Vectors grow by doubling; a short answer is at most 512 bytes.
    let bound = 2 * LINE_BYTES_MAX + 2 * 512 * PUSHES_MAX;
    let held = hosted.machine().held_bytes();
    assert!(held <= bound, "the machine holds {held} bytes");
}

/// The client reads the same answers however they are cut, or finds the same fault in them.
pub fn check_files_client(data: &[u8]) {
    let [count, rest @ ..] = data else { return };
    let (asked, rest) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let stream = Stream::new(rest, &ANSWERS);
    let whole = read(client(asked), core::iter::once(&stream.bytes[..]));
    let cut = read(client(asked), stream.parts());
    assert_eq!(whole.0, cut.0);
    let expected = |error: &ProtocolError| error.expected;
    assert_eq!(whole.1.as_ref().map(expected), cut.1.as_ref().map(expected));
}

/// A client that has asked for this.
fn client(asked: &[u8]) -> Client {
    let mut client = Client::default();
    let mut out = Vec::new();
    let Ok(name) = Name::new("b") else { return client };
    let hash = Hash([0x5a; 32]);
    for request in asked {
        match request % 11 {
            0 => client.hello(None, None, &mut out),
            1 => put(&mut client, &name, Some(3), PutHash::Known(hash)),
            2 => put(&mut client, &name, Some(3), PutHash::Trailer),
            3 => put(&mut client, &name, None, PutHash::Unsaid),
            4 => client.push(&name, 3, Some(&hash), None, &mut out),
            5 => client.get(&name, None, false, &mut out),
            6 => client.get(&name, Some((1, Some(3))), true, &mut out),
            7 => client.stat(&name, false, &mut out),
            8 => client.list(&Prefix::default(), None, None, &mut out),
            9 => client.help(&mut out),
            _ => client.quit(&mut out),
        }
    }
    client
}

fn put(client: &mut Client, name: &Name, size: Option<u64>, hash: PutHash) {
    let upload = UploadToken::new("0123456789abcdef");
    let (upload, durability) = (upload.as_ref(), None);
    let put = Put { name, size, hash, upload, durability, from_start: false };
    client.put(&put, &mut Vec::new());
}

/// The answers in these bytes, and the fault at which reading ended. A caller that was told to
/// send sends nothing and ends, or aborts where the size was not said.
fn read<'a>(
    mut client: Client,
    parts: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Answer>, Option<ProtocolError>) {
    let mut answers = Vec::new();
    let mut skip = 0_u64;
    for part in parts {
        let mut rest = part;
        while !rest.is_empty() {
            let raw = rest.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
            (skip, rest) = (skip - raw as u64, &rest[raw..]);
            let (used, answer) = match client.answer(rest) {
                Ok(read) => read,
                Err(error) => return (answers, Some(error)),
            };
            rest = &rest[used..];
            match &answer {
                None => assert!(rest.is_empty(), "bytes were left without an answer"),
                Some(Answer::FileFollows(file)) => skip = file.range.end - file.range.start,
                Some(Answer::SendFrom { offset: 0, .. }) => {
                    client.end(Some(&Hash([0x5a; 32])), &mut Vec::new());
                }
                Some(Answer::SendFrom { .. }) => client.abort(&mut Vec::new()),
                Some(_) => {}
            }
            answers.extend(answer);
            let bound = 2 * LINE_BYTES_MAX + 4096 * (1024 + size_of::<Entry>());
            assert!(client.held_bytes() <= bound, "the client holds {}", client.held_bytes());
        }
    }
    (answers, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Random;

    #[test]
    fn random_data_passes() {
        let mut random = Random::new(11);
        for _ in 0..3000 {
            let length = random.below(120);
            let data: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            check_files_server(&data);
            check_files_client(&data);
        }
    }

    #[test]
    fn every_kind_of_piece_has_a_byte() {
        let stream = Stream::new(&[3, 5, 128, 176, 226, b'a', b'b', b'c', 27, 129], &REQUESTS);
        assert_eq!(stream.bytes, b"PUT a 3\nabcHELP\n");
        assert_eq!(stream.cuts, [8, 16]);
        assert!(Stream::new(&[255, 255], &ANSWERS).bytes.len() > LINE_BYTES_MAX);
    }
}
