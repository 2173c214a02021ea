//! From a line to an answer, given what is due.
//!
//! Everything that an answer says about the request is compared with the request, so that a caller
//! can rely on it: a receipt is for what was sent, a range is within what was asked for, a page of
//! names goes forward.

use alloc::vec::Vec;

use super::DueQueue;
use super::answer::{Answer, FileFollows, ProtocolError, Refused, ServerHello, WriteAccess};
use crate::files::wire::{self, AnswerLine};
use crate::files::{
    Durability, Entry, Hash, HaveIt, Listing, Name, PAGE_ENTRIES_MAX, Prefix, Receipt, VERSION,
    code,
};

/// How a server says that it does not serve a connection at all: before the protocol begins.
const NOT_SERVED: &str = "refused: ";

/// A request without a final answer.
#[derive(Clone, Debug)]
pub(super) enum Due {
    Hello,
    /// An upload that waits for leave to send.
    Put(Sent),
    /// An upload that has it.
    Upload(Sent),
    Push(Sent),
    Get {
        name: Name,
        range: Option<(u64, Option<u64>)>,
        range_hash: bool,
    },
    Stat {
        name: Name,
    },
    List {
        prefix: Prefix,
        after: Option<Name>,
    },
    Help,
    Quit,
}

/// What the client said of the bytes that it sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) size: Option<u64>,
    pub(super) hash: Option<Hash>,
    pub(super) ending: Ending,
    /// How many bytes there are up to the last block.
    pub(super) blocks: u64,
}

/// What ends the bytes of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Their number.
    AtOnce,
    /// A line that has not been sent.
    Open,
    /// The line `END`.
    Ended,
    /// The line `ABORT`.
    Aborted,
}

/// A page of names whose lines have not all come.
#[derive(Debug)]
struct Page {
    left: u64,
    more: bool,
    entries: Vec<Entry>,
}

/// What may come next.
#[derive(Debug, Default)]
pub(super) struct Expecting {
    pub(super) due: DueQueue,
    page: Option<Page>,
    closed: bool,
}

impl Expecting {
    /// How much of a page of names is held, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        let entries = self.page.iter().flat_map(|page| &page.entries);
        entries.map(|entry| size_of::<Entry>() + entry.name.as_str().len()).sum()
    }

    /// One line, without its end. A page of names takes several.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<Option<Answer>, ProtocolError> {
        let error = |expected| ProtocolError::new(expected, line);
        if self.closed {
            return Err(error("nothing after the server has closed"));
        }
        let text = wire::text(line).ok_or_else(|| error("a line of printable text"))?;
        if self.page.is_some() {
            return self.page_line(text).map_err(error);
        }
        if let Some(why) = text.strip_prefix(NOT_SERVED) {
            self.closed = true;
            return Ok(Some(Answer::Refused(not_served(why))));
        }
        let parsed = AnswerLine::new(text).ok_or_else(|| error("an answer: CODE fields : text"))?;
        let due = self.due.pop_front().ok_or_else(|| error("nothing, since nothing is due"))?;
        let answer =
            if parsed.code >= 400 { self.refused(&due, &parsed) } else { self.done(due, &parsed) };
        answer.map_err(error)
    }

    fn refused(
        &mut self,
        due: &Due,
        line: &AnswerLine<'_>,
    ) -> Result<Option<Answer>, &'static str> {
        let closes = closes(due, line.code);
        self.closed = closes;
        Ok(Some(Answer::Refused(Refused {
            code: line.code,
            text: line.text.into(),
            size: line.optional("size", wire::number)?,
            hash: line.optional("hash", hash)?,
            limit: line.optional("limit", wire::number)?,
            errno: line.optional("errno", |word| word.parse().ok())?,
            closes,
        })))
    }

    /// An answer that is no refusal. `due` was taken from the queue.
    fn done(&mut self, due: Due, line: &AnswerLine<'_>) -> Result<Option<Answer>, &'static str> {
        let answer = match (due, line.code) {
            (Due::Hello, code::HELLO) => Answer::Hello(hello(line)?),
            (Due::Hello, _) => return Err("200 or an error"),
            (Due::Put(sent), code::SEND_FROM) => {
                let (offset, hash) = send_from(&sent, line)?;
                self.due.push_front(Due::Upload(Sent { blocks: offset, ..sent }));
                Answer::SendFrom { offset, hash }
            }
            (Due::Put(_), code::EXISTS) => Answer::Exists {
                size: line.field("size", wire::number)?,
                hash: line.field("hash", hash)?,
            },
            (Due::Put(sent), code::HAVE_IT) | (Due::Push(sent), code::STORED | code::HAVE_IT) => {
                stored(&sent, line)?
            }
            (Due::Put(_), _) => return Err("100, 110, 202 or an error"),
            (Due::Upload(sent), code::STORED | code::HAVE_IT) if sent.may_be_stored() => {
                stored(&sent, line)?
            }
            (Due::Upload(Sent { ending: Ending::Aborted, .. }), code::ABORTED) => Answer::Cancelled,
            (Due::Upload(sent), _) => return Err(sent.expected()),
            (Due::Push(_), _) => return Err("201, 202 or an error"),
            (Due::Get { name, range, range_hash }, code::FILE_FOLLOWS) => {
                Answer::FileFollows(file_follows(name, range, range_hash, line)?)
            }
            (Due::Get { .. }, _) => return Err("150 or an error"),
            (Due::Stat { name }, code::ENTRY) => Answer::Entry(entry(name, line)?),
            (Due::Stat { .. }, _) => return Err("210 or an error"),
            (due @ Due::List { .. }, code::LISTING) => return self.listing(due, line),
            (Due::List { .. }, _) => return Err("220 or an error"),
            (Due::Help, code::HELP) => Answer::Help(line.text.into()),
            (Due::Help, _) => return Err("214 or an error"),
            (Due::Quit, code::BYE) => {
                self.closed = true;
                Answer::Bye
            }
            (Due::Quit, _) => return Err("221 or an error"),
        };
        Ok(Some(answer))
    }

    /// The head of a page. The request stays due until its last line, for the lines to be compared
    /// with.
    fn listing(&mut self, due: Due, line: &AnswerLine<'_>) -> Result<Option<Answer>, &'static str> {
        let left = line.field("count", wire::number)?;
        let more = line.field("more", yes_or_no)?;
        if left > PAGE_ENTRIES_MAX {
            return Err("a page of at most 4096 names");
        }
        if more && left == 0 {
            return Err("a page that goes forward");
        }
        let entries = Vec::new();
        if left == 0 {
            return Ok(Some(Answer::Listing(Listing { entries, more })));
        }
        self.due.push_front(due);
        self.page = Some(Page { left, more, entries });
        Ok(None)
    }

    fn page_line(&mut self, line: &str) -> Result<Option<Answer>, &'static str> {
        let (Some(page), Some(Due::List { prefix, after })) = (&mut self.page, self.due.front())
        else {
            return Err("a page that was asked for");
        };
        let entry = listed(line)?;
        let last = page.entries.last().map(|entry| &entry.name).or(after.as_ref());
        if last.is_some_and(|last| *last >= entry.name) {
            return Err("names in byte order, behind the one that was given");
        }
        if !entry.name.as_str().starts_with(prefix.as_str()) {
            return Err("a name with the beginning that was asked for");
        }
        page.entries.push(entry);
        page.left -= 1;
        if page.left > 0 {
            return Ok(None);
        }
        self.due.pop_front();
        let page = self.page.take();
        Ok(page.map(|page| Answer::Listing(Listing { entries: page.entries, more: page.more })))
    }
}

impl Sent {
    fn may_be_stored(&self) -> bool {
        matches!(self.ending, Ending::AtOnce | Ending::Ended)
    }

    fn expected(&self) -> &'static str {
        match self.ending {
            Ending::AtOnce | Ending::Ended => "201, 202 or an error",
            Ending::Open => "nothing but an error before the end of the upload",
            Ending::Aborted => "204 or an error",
        }
    }
}

/// Whether the server closes after this refusal, as the specification says.
fn closes(due: &Due, refusal: u16) -> bool {
    match refusal {
        code::BAD_REQUEST | code::TAKEN_OVER | code::WRONG_SIZE | code::STOPPING => true,
        code::TOKEN => matches!(due, Due::Hello),
        // These are decided when all bytes have come.
        code::NAME_TAKEN | code::WRONG_HASH => {
            matches!(due, Due::Upload(Sent { ending: Ending::Open, .. }))
        }
        _ => matches!(due, Due::Upload(Sent { ending: Ending::AtOnce | Ending::Open, .. })),
    }
}

fn not_served(why: &str) -> Refused {
    Refused {
        code: code::STOPPING,
        text: why.into(),
        size: None,
        hash: None,
        limit: None,
        errno: None,
        closes: true,
    }
}

fn hello(line: &AnswerLine<'_>) -> Result<ServerHello, &'static str> {
    let version = line.field("version", wire::number)?;
    if version != VERSION {
        return Err("version=1");
    }
    Ok(ServerHello {
        version,
        abilities: line.field("abilities", Some)?.into(),
        write: line.field("write", WriteAccess::from_name)?,
        durability: line.field("durability", Durability::from_name)?,
        push_bytes_max: line.field("max-push", wire::number)?,
    })
}

fn send_from(sent: &Sent, line: &AnswerLine<'_>) -> Result<(u64, Option<Hash>), &'static str> {
    let offset = line.field("offset", wire::number)?;
    let hash = line.optional("hash", hash)?;
    if sent.size.is_some_and(|size| offset > size) {
        return Err("an offset within the file");
    }
    if offset > 0 && hash.is_none() {
        return Err("the hash of the bytes before the offset");
    }
    Ok((offset, hash))
}

fn stored(sent: &Sent, line: &AnswerLine<'_>) -> Result<Answer, &'static str> {
    let receipt = Receipt {
        size: line.field("size", wire::number)?,
        hash: line.field("hash", hash)?,
        durability: line.field("durability", Durability::from_name)?,
    };
    let other_size = sent.size.is_some_and(|size| size != receipt.size);
    if other_size || sent.hash.is_some_and(|hash| hash != receipt.hash) {
        return Err("a receipt for what was sent");
    }
    let have_it = if line.code == code::STORED { HaveIt::Stored } else { HaveIt::Already };
    Ok(Answer::Stored { have_it, receipt })
}

fn file_follows(
    name: Name,
    asked: Option<(u64, Option<u64>)>,
    range_hash_asked: bool,
    line: &AnswerLine<'_>,
) -> Result<FileFollows, &'static str> {
    let entry = entry(name, line)?;
    let offset = line.field("offset", wire::number)?;
    let length = line.field("length", wire::number)?;
    let end = offset.checked_add(length).filter(|end| *end <= entry.size);
    let end = end.ok_or("a range within the file")?;
    let (first, last) = asked.unwrap_or((0, None));
    let expected_end = last.unwrap_or(entry.size).min(entry.size);
    if offset != first || end != expected_end {
        return Err("the range that was asked for");
    }
    let range_hash = line.optional("range-hash", hash)?;
    if range_hash_asked && range_hash.is_none() {
        return Err("the hash of the range");
    }
    Ok(FileFollows { entry, range: offset..end, range_hash })
}

/// An entry whose hash is always told.
fn entry(name: Name, line: &AnswerLine<'_>) -> Result<Entry, &'static str> {
    Ok(Entry {
        name,
        size: line.field("size", wire::number)?,
        modified_unix_s: line.field("modified", |word| word.parse().ok())?,
        hash: Some(line.field("hash", hash)?),
    })
}

/// A line of a page: NAME size= modified= and perhaps hash=.
fn listed(line: &str) -> Result<Entry, &'static str> {
    const EXPECTED: &str = "a line of a page: NAME size= modified=";
    let (name, fields) = line.split_once(' ').ok_or(EXPECTED)?;
    // Its code means nothing; the fields are read as those of an answer are.
    let line = AnswerLine { code: code::LISTING, fields, text: "" };
    Ok(Entry {
        name: wire::decode_name(name).map_err(|_| "a line of a page that begins with a name")?,
        size: line.field("size", wire::number)?,
        modified_unix_s: line.field("modified", |word| word.parse().ok())?,
        hash: line.optional("hash", hash)?,
    })
}

fn hash(word: &str) -> Option<Hash> {
    word.parse().ok()
}

fn yes_or_no(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

impl<'a> AnswerLine<'a> {
    /// The value of a field that must be there.
    fn field<T>(&self, key: &str, read: impl Fn(&'a str) -> Option<T>) -> Result<T, &'static str> {
        self.optional(key, read)?.ok_or("an answer with all of its fields")
    }

    /// The value of a field, if it is there.
    fn optional<T>(
        &self,
        key: &str,
        read: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Option<T>, &'static str> {
        let Some(word) = wire::field(self.fields, key) else { return Ok(None) };
        read(word).map(Some).ok_or("a field with a value of its kind")
    }
}
