//! What the store answered, and every line that the server says but those of a page.

use core::fmt;

use super::{Asked, Files, Plan, Refusal, State};
use crate::files::wire::{Encoded, Line};
use crate::files::{
    Entry, Hash, HaveIt, PUSH_BYTES_MAX, Receipt, StoreAnswer, StoreError, VERSION, WriteAccess,
    code,
};
use crate::{Outbox, Reason};

/// The text for a file that is too large, for the store or for a push.
const TOO_LARGE: &str = "too large";

/// The one line that tells a person what to type.
const HELP: &str = "HELLO [1] [token=SECRET] [durability=none|file|full] | \
    PUT NAME SIZE|- [HASH|trailer] [upload=TOKEN] [durability=...] [from=0] | \
    PUSH NAME SIZE [HASH] [durability=...] | GET NAME [FIRST-[LAST]] [hash=range] | \
    STAT NAME [reread=yes] | LIST [PREFIX] [after=NAME] [limit=N] | HELP | QUIT";

/// Room for every line without a name, in bytes.
const SHORT: usize = 512;

/// Room for every line with one: three bytes for each of a name's, and the fields.
pub(super) const LONG: usize = 3 * crate::files::NAME_BYTES_MAX + SHORT;

impl Files {
    /// An answer of the store, or what became of a body or of a file.
    pub(super) fn stored(
        &mut self,
        result: &Result<StoreAnswer, StoreError>,
        out: &mut dyn Outbox,
    ) {
        if self.closing.is_some() {
            return;
        }
        match (&self.state, result) {
            (State::Ready, _) if self.pushes > 0 => self.pushed(result, out),
            (State::Waiting(asked), Ok(answer)) => {
                let asked = *asked;
                self.state = State::Ready;
                self.answered(asked, answer, out);
            }
            (State::Waiting(asked), Err(error)) => {
                let closes = closes(*asked, error);
                self.state = State::Ready;
                self.say_error(error, out);
                self.closing = closes.then(|| reason(error));
            }
            (State::Upload(_), Err(error)) => {
                self.say_error(error, out);
                self.closing = Some(reason(error));
            }
            // The client counts bytes: a line would be taken for some of them.
            (State::Sending | State::FileReady(_), Err(error)) => {
                self.state = State::Ready;
                self.closing = Some(reason(error));
            }
            _ => debug_assert!(false, "an answer that was not asked for: {result:?}"),
        }
    }

    fn pushed(&mut self, result: &Result<StoreAnswer, StoreError>, out: &mut dyn Outbox) {
        self.pushes -= 1;
        self.behind_pushes &= self.pushes > 0;
        match result {
            Ok(StoreAnswer::Stored { have_it, receipt }) => self.say_stored(*have_it, receipt, out),
            Ok(_) => self.out_of_turn(out),
            Err(error) => {
                self.say_error(error, out);
                if always_closes(error) {
                    self.closing = Some(reason(error));
                }
            }
        }
    }

    fn answered(&mut self, asked: Asked, answer: &StoreAnswer, out: &mut dyn Outbox) {
        match (asked, answer) {
            (Asked::Authenticate, StoreAnswer::Allowed) => {
                self.write = WriteAccess::Yes;
                self.say_hello(out);
            }
            (Asked::Put(plan), StoreAnswer::SendFrom { offset, hash }) => {
                self.send_from(plan, *offset, *hash, out);
            }
            (Asked::Put(_), StoreAnswer::Exists { size, hash }) => {
                let exists = code::EXISTS;
                let text = format_args!("{exists} size={size} hash={hash} : exists {size} {hash}");
                self.say_short(text, out);
            }
            (Asked::Put(_) | Asked::Finish { .. }, StoreAnswer::Stored { have_it, receipt }) => {
                self.say_stored(*have_it, receipt, out);
            }
            (Asked::Cancel, StoreAnswer::Cancelled) => {
                self.say_short(format_args!("{} : aborted", code::ABORTED), out);
            }
            (Asked::Get, StoreAnswer::Opened { entry, range, range_hash }) => {
                self.say_file(entry, range, *range_hash, out);
                if !range.is_empty() {
                    self.state = State::FileReady(range.clone());
                }
            }
            (Asked::Stat, StoreAnswer::Entry(entry)) => self.say_entry(entry, out),
            (Asked::List, StoreAnswer::Listing(listing)) => self.listing(listing, out),
            _ => self.out_of_turn(out),
        }
    }

    fn send_from(&mut self, plan: Plan, offset: u64, hash: Option<Hash>, out: &mut dyn Outbox) {
        let hash = Field(" hash", hash);
        let text = format_args!("{} offset={offset}{hash} : send from {offset}", code::SEND_FROM);
        self.say_short(text, out);
        self.begin_body(plan, offset, out);
    }

    /// Says a line that holds no name.
    pub(super) fn say_short(&mut self, text: fmt::Arguments<'_>, out: &mut dyn Outbox) {
        self.say(Line::<SHORT>::of(format_args!("{text}\n")).bytes(), out);
    }

    pub(super) fn say_hello(&mut self, out: &mut dyn Outbox) {
        let list = if self.options.list { "list," } else { "" };
        let (write, durability) = (self.write.name(), self.durability.name());
        let text = format_args!(
            "{} version={VERSION} abilities=put,push,get,stat,{list}resume write={write} \
             durability={durability} max-push={PUSH_BYTES_MAX} : colok file store",
            code::HELLO
        );
        self.say_short(text, out);
    }

    pub(super) fn say_help(&mut self, out: &mut dyn Outbox) {
        self.say_short(format_args!("{} : {HELP}", code::HELP), out);
    }

    pub(super) fn say_bye(&mut self, out: &mut dyn Outbox) {
        self.say_short(format_args!("{} : bye", code::BYE), out);
    }

    pub(super) fn say_stopping(&mut self, out: &mut dyn Outbox) {
        self.say_short(format_args!("{} : stopping", code::STOPPING), out);
    }

    pub(super) fn say_push_too_large(&mut self, out: &mut dyn Outbox) {
        let (code, limit) = (code::TOO_LARGE, PUSH_BYTES_MAX);
        self.say_short(format_args!("{code} limit={limit} : {TOO_LARGE}"), out);
    }

    /// The request is not understood: where the next one begins is not known.
    pub(super) fn wrong(&mut self, why: &str, out: &mut dyn Outbox) {
        self.say_short(format_args!("{} : {why}", code::BAD_REQUEST), out);
        self.closing = Some(Reason::Protocol);
    }

    /// Refuses a request; the connection goes on.
    pub(super) fn refuse(&mut self, refusal: Refusal, out: &mut dyn Outbox) {
        let (code, text) = match refusal {
            Refusal::TokenNeeded => (code::TOKEN, "token needed, say HELLO token=SECRET first"),
            Refusal::ReadOnly => (code::FORBIDDEN, "read only"),
            Refusal::LoopbackOnly => {
                (code::FORBIDDEN, "not from here: files are taken on loopback addresses only")
            }
            Refusal::NoListing => (code::FORBIDDEN, "no listing here"),
            Refusal::Name(problem) => {
                let code = code::BAD_NAME;
                return self.say_short(format_args!("{code} : bad name: {problem}"), out);
            }
        };
        self.say_short(format_args!("{code} : {text}"), out);
    }

    fn say_stored(&mut self, have_it: HaveIt, receipt: &Receipt, out: &mut dyn Outbox) {
        let Receipt { size, hash, durability } = receipt;
        let durability = durability.name();
        let fields = format_args!("size={size} hash={hash} durability={durability}");
        match have_it {
            HaveIt::Stored => {
                let code = code::STORED;
                self.say_short(format_args!("{code} {fields} : stored, copied {size} bytes"), out);
            }
            HaveIt::Already => {
                self.say_short(format_args!("{} {fields} : have it", code::HAVE_IT), out);
            }
        }
    }

    fn say_file(
        &mut self,
        entry: &Entry,
        range: &core::ops::Range<u64>,
        range_hash: Option<Hash>,
        out: &mut dyn Outbox,
    ) {
        let (offset, length) = (range.start, range.end.saturating_sub(range.start));
        let text = format_args!(
            "{} size={} offset={offset} length={length}{}{} modified={} : {length} bytes follow",
            code::FILE_FOLLOWS,
            entry.size,
            Field(" hash", entry.hash),
            Field(" range-hash", range_hash),
            entry.modified_unix_s,
        );
        self.say_short(text, out);
    }

    fn say_entry(&mut self, entry: &Entry, out: &mut dyn Outbox) {
        let line = Line::<LONG>::of(format_args!(
            "{} size={}{} modified={} : {}\n",
            code::ENTRY,
            entry.size,
            Field(" hash", entry.hash),
            entry.modified_unix_s,
            Encoded(entry.name.as_str()),
        ));
        self.say(line.bytes(), out);
    }

    fn say_error(&mut self, error: &StoreError, out: &mut dyn Outbox) {
        // The numbers are in the fields already.
        let text: &dyn fmt::Display = match error {
            StoreError::TooLarge { .. } => &TOO_LARGE,
            StoreError::WrongSize { .. } => &"wrong size",
            StoreError::OutOfRange { .. } => &"range outside the file",
            _ => error,
        };
        self.say_short(format_args!("{}{} : {text}", code_of(error), ErrorFields(error)), out);
    }

    /// A store that answers something else than it was asked for is a mistake in the server.
    fn out_of_turn(&mut self, out: &mut dyn Outbox) {
        debug_assert!(false, "the store answered something else than it was asked for");
        self.say_short(format_args!("{} errno=0 : {}", code::FAILED, StoreError::Io(0)), out);
        self.closing = Some(Reason::Protocol);
    }
}

/// ` key=VALUE`, or nothing.
pub(super) struct Field(pub(super) &'static str, pub(super) Option<Hash>);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(key, value) = self;
        value.map_or(Ok(()), |value| write!(f, "{key}={value}"))
    }
}

/// The fields of the answer for an error, a space before each.
struct ErrorFields<'a>(&'a StoreError);

impl fmt::Display for ErrorFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StoreError::NameTaken { size, hash } => write!(f, " size={size} hash={hash}"),
            StoreError::WrongHash { computed } => write!(f, " hash={computed}"),
            StoreError::TooLarge { limit } => write!(f, " limit={limit}"),
            StoreError::WrongSize { received } => write!(f, " received={received}"),
            StoreError::OutOfRange { size } => write!(f, " size={size}"),
            StoreError::Io(errno) => write!(f, " errno={errno}"),
            StoreError::WrongToken
            | StoreError::NotFound
            | StoreError::NotAFile
            | StoreError::TakenOver
            | StoreError::TooManyUploads
            | StoreError::NoSpace => Ok(()),
        }
    }
}

const fn code_of(error: &StoreError) -> u16 {
    match error {
        StoreError::WrongToken => code::TOKEN,
        StoreError::NotFound => code::NOT_FOUND,
        StoreError::NameTaken { .. } | StoreError::NotAFile => code::NAME_TAKEN,
        StoreError::WrongHash { .. } => code::WRONG_HASH,
        StoreError::TakenOver => code::TAKEN_OVER,
        StoreError::TooLarge { .. } => code::TOO_LARGE,
        StoreError::WrongSize { .. } => code::WRONG_SIZE,
        StoreError::OutOfRange { .. } => code::OUT_OF_RANGE,
        StoreError::TooManyUploads => code::TOO_MANY_UPLOADS,
        StoreError::NoSpace => code::NO_SPACE,
        StoreError::Io(_) => code::FAILED,
    }
}

/// Whether bytes of the client may be on their way that would be taken for a request.
fn closes(asked: Asked, error: &StoreError) -> bool {
    match (asked, error) {
        (Asked::Authenticate, _) => true,
        _ if always_closes(error) => true,
        // These are found when all bytes have come; the others perhaps in the middle of them.
        (
            Asked::Finish { all_came: false },
            StoreError::NameTaken { .. } | StoreError::NotAFile | StoreError::WrongHash { .. },
        ) => false,
        (Asked::Finish { all_came }, _) => !all_came,
        _ => false,
    }
}

/// Whether nothing useful can follow, whatever was asked for.
const fn always_closes(error: &StoreError) -> bool {
    matches!(error, StoreError::TakenOver | StoreError::WrongSize { .. })
}

/// Why a connection is closed after this error.
const fn reason(error: &StoreError) -> Reason {
    match error {
        StoreError::Io(errno) => Reason::Io(*errno),
        // The client ended in the middle of what it announced.
        StoreError::WrongSize { .. } => Reason::PeerClosed,
        StoreError::WrongToken => Reason::Protocol,
        _ => Reason::Limit,
    }
}
