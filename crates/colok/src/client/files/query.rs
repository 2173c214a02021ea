//! Questions about stored files: listings, what is known of a file, and whether a receipt still
//! holds.
//!
//! Asking changes nothing, so a question is asked again when the connection is lost.

use std::ops::ControlFlow;

use colok_proto::files::{Answer, Entry, Listing, Name, Prefix, code};

use super::FileClient;
use super::conversation::Conversation;
use super::problem::{Activity, FilesError};
use super::receipt::Receipt;
use super::retry::Tries;
use crate::observe::Tap;

/// What a listing held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListReport {
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// Whether the caller ended it before its end.
    pub cut: bool,
}

/// What became of what a server vouched for. The server has read the file again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The file is there with the same size and hash.
    Whole(Entry),
    /// The name has other content.
    Differs(Entry),
    /// There is no such file.
    Missing,
}

impl<T: Tap> FileClient<'_, T> {
    /// Tells every file whose name begins with `prefix`, in the byte order of names, a page at a
    /// time until there are no more or `each` has enough.
    pub fn list(
        &self,
        prefix: &Prefix,
        each: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<ListReport, FilesError> {
        let mut questions = Questions::new(self);
        let mut report = ListReport::default();
        let mut after: Option<Name> = None;
        loop {
            let page = questions.page(prefix, after.as_ref())?;
            for entry in &page.entries {
                report.files += 1;
                report.bytes = report.bytes.saturating_add(entry.size);
                if each(entry).is_break() {
                    report.cut = true;
                    break;
                }
            }
            after = page.entries.into_iter().next_back().map(|entry| entry.name);
            if report.cut || !page.more {
                questions.close();
                return Ok(report);
            }
        }
    }

    /// Tells what the server knows of each name; with `reread`, after reading the file again. What
    /// is wrong with one name is told as its result; an error ends it all.
    pub fn stat(
        &self,
        names: &[Name],
        reread: bool,
        each: &mut dyn FnMut(&Name, Result<Entry, FilesError>),
    ) -> Result<(), FilesError> {
        let mut questions = Questions::new(self);
        for name in names {
            let entry = questions.entry(name, reread);
            match entry {
                Err(error) if !error.concerns_one_file() => return Err(error),
                entry => each(name, entry),
            }
        }
        questions.close();
        Ok(())
    }

    /// Tells for each receipt whether the server still has what it vouched for; it reads every
    /// file again. The server is this client's, whatever the receipts say.
    pub fn verify(
        &self,
        receipts: &[Receipt],
        each: &mut dyn FnMut(&Receipt, Result<Verdict, FilesError>),
    ) -> Result<(), FilesError> {
        let mut questions = Questions::new(self);
        for receipt in receipts {
            let verdict = match questions.entry(&receipt.name, true) {
                Ok(entry) => Ok(compare(receipt, entry)),
                Err(FilesError::Refused(refusal)) if refusal.code == code::NOT_FOUND => {
                    Ok(Verdict::Missing)
                }
                Err(error) if !error.concerns_one_file() => return Err(error),
                Err(error) => Err(error),
            };
            each(receipt, verdict);
        }
        questions.close();
        Ok(())
    }
}

fn compare(receipt: &Receipt, entry: Entry) -> Verdict {
    if (entry.size, entry.hash) == (receipt.size, Some(receipt.hash)) {
        Verdict::Whole(entry)
    } else {
        Verdict::Differs(entry)
    }
}

/// A connection for questions, made when one is asked.
struct Questions<'a, T: Tap> {
    client: &'a FileClient<'a, T>,
    conversation: Option<Conversation<'a, T>>,
    tries: Tries,
}

impl<'a, T: Tap> Questions<'a, T> {
    fn new(client: &'a FileClient<'a, T>) -> Self {
        Self { client, conversation: None, tries: Tries::new(client) }
    }

    fn page(&mut self, prefix: &Prefix, after: Option<&Name>) -> Result<Listing, FilesError> {
        self.repeated(|conversation| {
            conversation.request(|client, out| client.list(prefix, after, None, out));
            // Names need no work, so there is less patience with silence.
            match conversation.answer(Activity::Receiving)? {
                Answer::Listing(listing) => Ok(listing),
                Answer::Refused(refused) => Err(conversation.refused(None, &refused)),
                other => Err(conversation.unexpected(Activity::Asking, &other)),
            }
        })
    }

    fn entry(&mut self, name: &Name, reread: bool) -> Result<Entry, FilesError> {
        self.repeated(|conversation| {
            conversation.request(|client, out| client.stat(name, reread, out));
            match conversation.answer(Activity::Asking)? {
                Answer::Entry(entry) => Ok(entry),
                Answer::Refused(refused) => Err(conversation.refused(Some(name), &refused)),
                other => Err(conversation.unexpected(Activity::Asking, &other)),
            }
        })
    }

    /// Asks, again if the connection breaks. A first connection that cannot be made is not tried
    /// again here; [`super::FileClientOptions::connect`] says whether it is.
    fn repeated<R>(
        &mut self,
        ask: impl Fn(&mut Conversation<'a, T>) -> Result<R, FilesError>,
    ) -> Result<R, FilesError> {
        self.tries.progressed();
        let mut was_connected = self.conversation.is_some();
        loop {
            let result = self.conversation().and_then(|conversation| {
                was_connected = true;
                ask(conversation)
            });
            match result {
                Err(error) if was_connected && !error.is_final() => {
                    self.close();
                    self.tries.again(self.client, error, &mut |_| ())?;
                }
                result => return result,
            }
        }
    }

    fn conversation(&mut self) -> Result<&mut Conversation<'a, T>, FilesError> {
        let conversation = match self.conversation.take() {
            Some(conversation) if conversation.is_idle() => conversation,
            over => {
                over.into_iter().for_each(Conversation::close);
                Conversation::open(self.client, None)?
            }
        };
        Ok(self.conversation.insert(conversation))
    }

    fn close(&mut self) {
        self.conversation.take().into_iter().for_each(Conversation::close);
    }
}
