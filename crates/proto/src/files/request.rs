//! From a line to a request, as the server reads it.
//!
//! Syntax only: whether a client may do what it asks for, and whether a name is one, is decided
//! behind this, since a push that is refused still has its bytes behind it.

use alloc::boxed::Box;

use super::wire::{decode, decode_name, number, words};
use super::{
    BLOCK_BYTES_MAX, Durability, Hash, Name, NameProblem, PUSH_BYTES_MAX, Prefix, UploadToken,
};

/// A request line. Names are what they are, or why they are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Hello {
        token: Option<Box<str>>,
        durability: Option<Durability>,
    },
    Put(PutRequest),
    Push(PushRequest),
    Get {
        name: Result<Name, NameProblem>,
        range: Option<Range>,
        range_hash: bool,
    },
    Stat {
        name: Result<Name, NameProblem>,
        reread: bool,
    },
    List {
        prefix: Result<Prefix, NameProblem>,
        after: Option<Result<Name, NameProblem>>,
        limit: Option<u64>,
    },
    Help,
    Quit,
}

/// The first byte, and the one behind the last.
pub(super) type Range = (u64, Option<u64>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PutRequest {
    pub(super) name: Result<Name, NameProblem>,
    pub(super) size: Option<u64>,
    pub(super) hash: Option<Hash>,
    pub(super) trailer: bool,
    pub(super) upload: Option<UploadToken>,
    pub(super) durability: Option<Durability>,
    pub(super) from_start: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PushRequest {
    pub(super) name: Result<Name, NameProblem>,
    pub(super) size: u64,
    pub(super) hash: Option<Hash>,
    pub(super) durability: Option<Durability>,
}

/// A line within an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyLine {
    Data(u64),
    End(Option<Hash>),
    Abort,
}

/// Why a line is no request; for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) &'static str);

/// Whether a line is empty, or spaces.
pub(super) fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| byte == b' ')
}

/// Reads a request.
pub(super) fn parse(line: &str) -> Result<Request, Wrong> {
    let line = line.trim_matches(' ');
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let is = |name: &str| verb.eq_ignore_ascii_case(name);
    if is("PUSH") {
        push(rest)
    } else if is("PUT") {
        put(rest)
    } else if is("GET") {
        get(rest)
    } else if is("STAT") {
        stat(rest)
    } else if is("LIST") {
        list(rest)
    } else if is("HELLO") {
        hello(rest)
    } else if is("HELP") {
        Words::of(rest, 0..=0, &[]).map(|_| Request::Help)
    } else if is("QUIT") {
        Words::of(rest, 0..=0, &[]).map(|_| Request::Quit)
    } else {
        Err(Wrong("no such request, try HELP"))
    }
}

/// Reads a line within an upload; `blocks` says whether it goes in blocks.
pub(super) fn parse_body_line(line: &str, blocks: bool) -> Result<BodyLine, Wrong> {
    let line = line.trim_matches(' ');
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    if blocks && verb.eq_ignore_ascii_case("DATA") {
        let words = Words::of(rest, 1..=1, &[])?;
        let length = number(words.positional[0]).filter(|n| (1..=BLOCK_BYTES_MAX).contains(n));
        return length.map(BodyLine::Data).ok_or(Wrong("a block has 1 to 1048576 bytes"));
    }
    if verb.eq_ignore_ascii_case("END") {
        let words = Words::of(rest, 0..=1, &[])?;
        return words.hash(0).map(BodyLine::End);
    }
    if verb.eq_ignore_ascii_case("ABORT") {
        return Words::of(rest, 0..=0, &[]).map(|_| BodyLine::Abort);
    }
    Err(Wrong(if blocks { "expected DATA, END or ABORT" } else { "expected END or ABORT" }))
}

fn hello(rest: &str) -> Result<Request, Wrong> {
    let words = Words::of(rest, 0..=1, &["token", "durability"])?;
    if words.count == 1 && number(words.positional[0]).is_none_or(|version| version == 0) {
        return Err(Wrong("a version is a number from 1"));
    }
    let token = words.option("token").map(|token| decode(token).map(Box::from));
    let token = token.transpose().map_err(|_| Wrong("the token is not encoded right"))?;
    Ok(Request::Hello { token, durability: words.durability()? })
}

fn put(rest: &str) -> Result<Request, Wrong> {
    let words = Words::of(rest, 2..=3, &["upload", "durability", "from"])?;
    let size = match words.positional[1] {
        "-" => None,
        size => Some(number(size).ok_or(Wrong("a size is a number of bytes, or -"))?),
    };
    let trailer = words.count == 3 && words.positional[2].eq_ignore_ascii_case("trailer");
    let upload = words.option("upload").map(UploadToken::new);
    if upload == Some(None) {
        return Err(Wrong("an upload token is 16 to 64 letters, digits, - and _"));
    }
    let from_start = match words.option("from") {
        None => false,
        Some("0") => true,
        Some(_) => return Err(Wrong("an upload starts where the server says, or from=0")),
    };
    Ok(Request::Put(PutRequest {
        name: decode_name(words.positional[0]),
        size,
        hash: if trailer { None } else { words.hash(2)? },
        trailer,
        upload: upload.flatten(),
        durability: words.durability()?,
        from_start,
    }))
}

fn push(rest: &str) -> Result<Request, Wrong> {
    let words = Words::of(rest, 2..=3, &["durability"])?;
    Ok(Request::Push(PushRequest {
        name: decode_name(words.positional[0]),
        size: number(words.positional[1]).ok_or(Wrong("a size is a number of bytes"))?,
        hash: words.hash(2)?,
        durability: words.durability()?,
    }))
}

fn get(rest: &str) -> Result<Request, Wrong> {
    let words = Words::of(rest, 1..=2, &["hash"])?;
    let range = if words.count == 2 { Some(range(words.positional[1])?) } else { None };
    let range_hash = match words.option("hash") {
        None => false,
        Some("range") => true,
        Some(_) => return Err(Wrong("the only value of hash is range")),
    };
    Ok(Request::Get { name: decode_name(words.positional[0]), range, range_hash })
}

fn range(word: &str) -> Result<Range, Wrong> {
    const WRONG: Wrong = Wrong("a range is FIRST- or FIRST-LAST, in bytes from 0");
    let (first, last) = word.split_once('-').ok_or(WRONG)?;
    let first = number(first).ok_or(WRONG)?;
    if last.is_empty() {
        return Ok((first, None));
    }
    let last = number(last).filter(|last| first <= *last).ok_or(WRONG)?;
    // No file has a byte behind the last number.
    Ok((first, last.checked_add(1)))
}

fn stat(rest: &str) -> Result<Request, Wrong> {
    let words = Words::of(rest, 1..=1, &["reread"])?;
    let reread = match words.option("reread") {
        None | Some("no") => false,
        Some("yes") => true,
        Some(_) => return Err(Wrong("reread is yes or no")),
    };
    Ok(Request::Stat { name: decode_name(words.positional[0]), reread })
}

fn list(rest: &str) -> Result<Request, Wrong> {
    let words = Words::of(rest, 0..=1, &["after", "limit"])?;
    let prefix = decode(words.positional[0]).and_then(|text| Prefix::new(&text));
    let limit = words.option("limit").map(|limit| {
        number(limit).filter(|limit| *limit > 0).ok_or(Wrong("a limit is a number from 1"))
    });
    let after = words.option("after").map(decode_name);
    Ok(Request::List { prefix, after, limit: limit.transpose()? })
}

/// The words behind a verb: positional ones, then options.
struct Words<'a> {
    positional: [&'a str; 3],
    count: usize,
    options: [(&'a str, &'a str); 3],
    options_count: usize,
}

impl<'a> Words<'a> {
    /// Takes a line apart. `counts` is how many positional words there may be, at most 3; `keys`
    /// are the options that there are, at most 3.
    fn of(
        rest: &'a str,
        counts: core::ops::RangeInclusive<usize>,
        keys: &[&str],
    ) -> Result<Self, Wrong> {
        let mut found =
            Self { positional: [""; 3], count: 0, options: [("", ""); 3], options_count: 0 };
        for word in words(rest) {
            if let Some(option) = word.split_once('=') {
                found.add_option(option, keys)?;
            } else if found.options_count > 0 {
                return Err(Wrong("options come last"));
            } else if found.count == *counts.end() {
                return Err(Wrong("too many words, see HELP"));
            } else {
                found.positional[found.count] = word;
                found.count += 1;
            }
        }
        if found.count < *counts.start() {
            return Err(Wrong("words are missing, see HELP"));
        }
        Ok(found)
    }

    fn add_option(&mut self, option: (&'a str, &'a str), keys: &[&str]) -> Result<(), Wrong> {
        if !keys.contains(&option.0) {
            return Err(Wrong("no such option for this request, see HELP"));
        }
        if self.option(option.0).is_some() {
            return Err(Wrong("an option is given twice"));
        }
        // Each key at most once, and there are at most three.
        self.options[self.options_count] = option;
        self.options_count += 1;
        Ok(())
    }

    fn option(&self, key: &str) -> Option<&'a str> {
        let options = &self.options[..self.options_count];
        options.iter().find(|(found, _)| *found == key).map(|(_, value)| *value)
    }

    fn durability(&self) -> Result<Option<Durability>, Wrong> {
        let name = self.option("durability");
        name.map(|name| {
            Durability::from_name(name).ok_or(Wrong("durability is none, file or full"))
        })
        .transpose()
    }

    fn hash(&self, place: usize) -> Result<Option<Hash>, Wrong> {
        if place >= self.count {
            return Ok(None);
        }
        let hash = self.positional[place].parse();
        hash.map(Some).map_err(|()| Wrong("a hash is 64 hexadecimal digits"))
    }
}

impl PushRequest {
    /// Whether the bytes behind it are few enough to be read whatever becomes of them.
    pub(super) fn is_small(&self) -> bool {
        self.size <= PUSH_BYTES_MAX
    }
}

#[cfg(test)]
mod tests;
