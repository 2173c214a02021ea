//! A page of names, line by line as there is room.

use alloc::vec::Vec;

use super::answers::{Field, LONG};
use super::{Files, State};
use crate::Outbox;
use crate::files::wire::{Encoded, Line};
use crate::files::{Entry, Listing, code};

impl Files {
    /// The head of a page, and as much of it as fits.
    pub(super) fn listing(&mut self, listing: &Listing, out: &mut dyn Outbox) {
        let count = listing.entries.len();
        let more = if listing.more { "yes" } else { "no" };
        let text = format_args!("{} count={count} more={more} : {count} names", code::LISTING);
        self.say_short(text, out);
        self.page(&listing.entries, out);
    }

    /// Says names until one does not fit, and keeps those behind it for later.
    pub(super) fn page(&mut self, entries: &[Entry], out: &mut dyn Outbox) {
        let mut rest = entries;
        while let [entry, after @ ..] = rest
            && self.unsent.is_empty()
        {
            self.say(line(entry).bytes(), out);
            rest = after;
        }
        let rest: Vec<_> = rest.to_vec();
        self.state = if rest.is_empty() { State::Ready } else { State::Page(rest) };
    }
}

fn line(entry: &Entry) -> Line<LONG> {
    Line::of(format_args!(
        "{} size={} modified={}{}\n",
        Encoded(entry.name.as_str()),
        entry.size,
        entry.modified_unix_s,
        Field(" hash", entry.hash),
    ))
}
