//! What may be asked, and what a map answers: the rule of the store without a protocol.

use std::collections::BTreeMap;

use colok_proto::files::{Hash, Name, Prefix, UploadToken};
use colok_proto::sim::{MemoryStore, Random};

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What a customer says of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Right,
    Wrong,
}

/// How the bytes of an upload go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// With a size, and a hash in the request or none.
    Sized,
    /// With a size, and a line behind.
    Trailer,
    /// In blocks.
    Blocks,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Put {
        name: Name,
        content: Vec<u8>,
        how: How,
        said: Said,
        abort: bool,
        upload: Option<UploadToken>,
    },
    Push {
        name: Name,
        content: Vec<u8>,
        said: Said,
    },
    Get {
        name: Name,
        range: Option<(u64, Option<u64>)>,
    },
    Stat {
        name: Name,
    },
    List {
        prefix: Prefix,
        after: Option<Name>,
        limit: usize,
    },
    Hello,
    Help,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stored,
    HaveIt,
    Exists(u64, Hash),
    NameTaken(u64, Hash),
    NotAFile,
    WrongHash(Hash),
    Cancelled,
    File(Vec<u8>),
    NotFound,
    OutOfRange(u64),
    Entry(u64, Hash),
    Names(Vec<String>, bool),
    Greeting,
    Help,
}

const NAMES: [&str; 7] = ["a", "b", "a b", "d/x", "d/y", "d", "d/x/z"];

fn random_name(random: &mut Random) -> Name {
    Name::new(NAMES[random.below(NAMES.len())]).unwrap()
}

/// Few contents, so that the same one comes again; some look like requests.
fn random_content(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => Vec::new(),
        1 => b"QUIT\nEND\n".to_vec(),
        2 => b"201 : stored\n".to_vec(),
        3 => vec![0; 300],
        _ => vec![random.byte() % 2; 1 + random.below(40)],
    }
}

pub(crate) fn random_operation(random: &mut Random) -> Operation {
    let said = [Said::Nothing, Said::Right, Said::Right, Said::Wrong][random.below(4)];
    let name = random_name(random);
    match random.below(10) {
        0..=2 => Operation::Put {
            name,
            content: random_content(random),
            how: [How::Sized, How::Trailer, How::Blocks][random.below(3)],
            said,
            abort: random.chance(200),
            upload: None,
        },
        3..=5 => Operation::Push { name, content: random_content(random), said },
        6 => {
            let first = random.below(20) as u64;
            let end = random.chance(500).then_some(first + 1 + random.below(20) as u64);
            Operation::Get { name, range: random.chance(600).then_some((first, end)) }
        }
        7 => Operation::Stat { name },
        8 => Operation::List {
            prefix: Prefix::new(["", "a", "d/"][random.below(3)]).unwrap(),
            after: random.chance(300).then_some(name),
            limit: 1 + random.below(4),
        },
        _ if random.chance(500) => Operation::Hello,
        _ => Operation::Help,
    }
}

impl Operation {
    pub(crate) fn resumable(name: &Name, content: &[u8]) -> Self {
        Self::Put {
            name: name.clone(),
            content: content.to_vec(),
            how: How::Sized,
            said: Said::Right,
            abort: false,
            upload: UploadToken::new("token-of-a-test-0"),
        }
    }

    pub(crate) fn into_push(self) -> Option<Self> {
        matches!(self, Self::Push { .. }).then_some(self)
    }

    /// What a map answers.
    pub(crate) fn apply(&self, files: &mut Files) -> Outcome {
        match self {
            Self::Put { name, content, how, said, abort, .. } => {
                put(files, name.as_str(), content, *how, *said, *abort)
            }
            Self::Push { name, content, said } => {
                if *said == Said::Wrong {
                    return Outcome::WrongHash(MemoryStore::hash(content));
                }
                publish(files, name.as_str(), content)
            }
            Self::Get { name, range } => get(files, name.as_str(), *range),
            Self::Stat { name } => files.get(name.as_str()).map_or(Outcome::NotFound, |content| {
                Outcome::Entry(content.len() as u64, MemoryStore::hash(content))
            }),
            Self::List { prefix, after, limit } => {
                let names = files.keys().filter(|name| name.starts_with(prefix.as_str()));
                let after = after.as_ref().map(Name::as_str);
                let names = names.filter(|name| after.is_none_or(|after| name.as_str() > after));
                let mut names: Vec<_> = names.cloned().collect();
                let more = names.len() > *limit;
                names.truncate(*limit);
                Outcome::Names(names, more)
            }
            Self::Hello => Outcome::Greeting,
            Self::Help => Outcome::Help,
        }
    }
}

fn put(
    files: &mut Files,
    name: &str,
    content: &[u8],
    how: How,
    said: Said,
    abort: bool,
) -> Outcome {
    let known = how == How::Sized && said != Said::Nothing;
    if let Some(there) = files.get(name) {
        let (size, hash) = (there.len() as u64, MemoryStore::hash(there));
        return match (known, said) {
            (false, _) => Outcome::Exists(size, hash),
            (true, Said::Right) if there == content => Outcome::HaveIt,
            (true, _) => Outcome::NameTaken(size, hash),
        };
    }
    if in_the_way(files, name) {
        return Outcome::NotAFile;
    }
    if abort && how != How::Sized {
        return Outcome::Cancelled;
    }
    if said == Said::Wrong {
        return Outcome::WrongHash(MemoryStore::hash(content));
    }
    publish(files, name, content)
}

fn publish(files: &mut Files, name: &str, content: &[u8]) -> Outcome {
    if in_the_way(files, name) {
        return Outcome::NotAFile;
    }
    match files.get(name) {
        Some(there) if there == content => Outcome::HaveIt,
        Some(there) => Outcome::NameTaken(there.len() as u64, MemoryStore::hash(there)),
        None => {
            files.insert(name.to_owned(), content.to_vec());
            Outcome::Stored
        }
    }
}

/// A file cannot be a directory of another.
fn in_the_way(files: &Files, name: &str) -> bool {
    let is_below = |above: &str, name: &str| {
        name.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
    };
    files.keys().any(|file| is_below(file, name) || is_below(name, file))
}

fn get(files: &Files, name: &str, range: Option<(u64, Option<u64>)>) -> Outcome {
    let Some(content) = files.get(name) else { return Outcome::NotFound };
    let size = content.len() as u64;
    let (first, end) = range.unwrap_or((0, None));
    if range.is_some() && first >= size {
        return Outcome::OutOfRange(size);
    }
    let end = end.unwrap_or(size).min(size);
    let place = |offset| usize::try_from(offset).unwrap();
    Outcome::File(content[place(first)..place(end)].to_vec())
}
