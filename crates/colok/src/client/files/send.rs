//! Sending files: small ones pushed, large ones uploaded, each with a receipt at its end.
//!
//! Small files go first, many on their way at a time ([`push`]); then the others one after the
//! other ([`upload`], [`stream`] for standard input). A file that cannot be sent is told to the
//! observer and the others go on. A lost connection is made again, a bounded number of times
//! without progress, and what was under way is asked for anew: a file that had arrived is then
//! there already, an upload goes on where it was.
//!
//! A receipt is believed only when its size and hash are those of the bytes that were read here,
//! and it is good only when they are as safe as they were to be.

mod push;
mod stream;
mod upload;

use std::os::fd::BorrowedFd;

use colok_proto::files::{Durability, Hash, HaveIt, Name, Receipt as Vouched, code};

use super::FileClient;
use super::conversation::Conversation;
use super::known::KnownHashes;
use super::local::LastDirectory;
use super::plan::{LocalSource, SendPlan};
use super::problem::{Activity, Ending, FilesError, Refusal};
use super::receipt::Receipt;
use super::retry::Tries;
use super::update::{Observer, Phase, Update};
use crate::observe::{Tap, now_unix_micros};
use upload::Checked;

/// How much of a large file is read, hashed and sent at a time, in bytes: it stays in a core's own
/// cache between them. Sending the pages of the file instead (sendfile) spares this side a copy
/// and costs the other side more: 1 GiB over loopback on two idle cores took 1.2x the time.
const CHUNK_BYTES: usize = 256 * 1024;

/// How files are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// How safe the bytes are to be before the server says that they are stored. Default: full.
    pub durability: Durability,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendReport {
    /// Files stored now.
    pub stored: u64,
    /// Files that were there already with the same content.
    pub already: u64,
    /// Files that did not go; the observer was told why.
    pub failed: u64,
    /// The sizes of all stored files and those there already, in bytes.
    pub bytes: u64,
    /// Bytes of content that left for the server, whatever became of them.
    pub bytes_sent: u64,
    /// How the worst of the failed files ended; `None` when none failed.
    pub ending: Option<Ending>,
}

impl<T: Tap> FileClient<'_, T> {
    /// Sends the files of a plan. `input` is standard input, if the plan has it.
    ///
    /// A file that does not go is told as [`Update::Failed`] and counted; an error means that the
    /// files for which nothing was told were not tried to their end.
    pub fn send(
        &self,
        plan: &SendPlan,
        input: Option<BorrowedFd<'_>>,
        options: &SendOptions,
        observer: &mut Observer<'_>,
    ) -> Result<SendReport, FilesError> {
        let conversation = Conversation::open(self, None)?;
        let server = self.server();
        observer(Update::Connected { server: &server, peer: conversation.peer() });
        let mut sender = Sender {
            client: self,
            plan,
            input,
            durability: options.durability,
            observer,
            conversation: Some(conversation),
            tries: Tries::new(self),
            checked: None,
            known: self.options.known_hashes.as_deref().and_then(KnownHashes::open),
            last_directory: LastDirectory::default(),
            server,
            buffer: Vec::new(),
            report: SendReport::default(),
        };
        let result = sender.run();
        sender.close();
        result.map(|()| sender.report)
    }
}

/// The work of one [`FileClient::send`].
struct Sender<'a, 'o, 'u, T: Tap> {
    client: &'a FileClient<'a, T>,
    plan: &'a SendPlan,
    input: Option<BorrowedFd<'a>>,
    durability: Durability,
    observer: &'o mut Observer<'u>,
    conversation: Option<Conversation<'a, T>>,
    tries: Tries,
    checked: Option<Checked>,
    known: Option<KnownHashes>,
    last_directory: LastDirectory,
    /// The server as a URL, for receipts.
    server: String,
    /// Room for a chunk; empty until one is needed.
    buffer: Vec<u8>,
    report: SendReport,
}

impl<'a, T: Tap> Sender<'a, '_, '_, T> {
    fn run(&mut self) -> Result<(), FilesError> {
        let push_bytes_max = self.conversation()?.push_bytes_max();
        let is_small = |size: u64| push_bytes_max.is_some_and(|most| size <= most);
        let grown = push_bytes_max.map_or(Ok(Vec::new()), |most| self.push_all(most))?;
        let plan = self.plan;
        for (index, file) in plan.files.iter().enumerate() {
            if !file.size.is_some_and(is_small) {
                self.one(index)?;
            }
        }
        grown.into_iter().try_for_each(|index| self.one(index))
    }

    /// Sends one file by itself, with as many tries as it takes.
    fn one(&mut self, index: usize) -> Result<(), FilesError> {
        let file = &self.plan.files[index];
        self.tries.progressed();
        loop {
            let result = match file.source {
                LocalSource::Input => self.stream(index, &file.name),
                _ => self.upload(index, file),
            };
            let Err(error) = result else { return Ok(()) };
            if self.conversation.as_ref().is_some_and(|conversation| !conversation.is_idle()) {
                self.close();
            }
            let can_repeat = file.source != LocalSource::Input;
            if !error.is_final() && can_repeat {
                self.try_again(error)?;
            } else {
                self.failed(index, error)?;
                return Ok(());
            }
        }
    }

    /// After a loss: pauses, or gives up with the error.
    fn try_again(&mut self, error: FilesError) -> Result<(), FilesError> {
        self.close();
        self.tries.again(self.client, error, self.observer)
    }

    /// The connection; made when there is none.
    fn conversation(&mut self) -> Result<&mut Conversation<'a, T>, FilesError> {
        let conversation = match self.conversation.take() {
            Some(conversation) if !conversation.is_over() => conversation,
            over => {
                over.into_iter().for_each(Conversation::close);
                let conversation = Conversation::open(self.client, None)?;
                let peer = conversation.peer();
                (self.observer)(Update::Connected { server: &self.server, peer });
                conversation
            }
        };
        Ok(self.conversation.insert(conversation))
    }

    /// The connection on which something is under way. When it is over that must be asked again.
    fn under_way(&mut self) -> Result<&mut Conversation<'a, T>, FilesError> {
        match &mut self.conversation {
            Some(conversation) if !conversation.is_over() => Ok(conversation),
            _ => Err(FilesError::Lost {
                address: self.server.clone(),
                during: Activity::WaitingForReceipt,
                errno: None,
            }),
        }
    }

    fn close(&mut self) {
        self.conversation.take().into_iter().for_each(Conversation::close);
    }

    fn progress(&mut self, file: usize, phase: Phase, done: u64, total: Option<u64>) {
        (self.observer)(Update::Progress { file, phase, done, total });
    }

    /// Fails unless the server vouches for what was read here, as safe as it was to be.
    fn check_vouched(
        &self,
        name: &Name,
        vouched: &Vouched,
        size: u64,
        hash: Hash,
    ) -> Result<(), FilesError> {
        let name = || name.clone();
        if (vouched.size, vouched.hash) != (size, hash) {
            let (size, told) = (vouched.size, vouched.hash);
            return Err(FilesError::WrongReceipt { name: name(), size, hash: told, sent: hash });
        }
        let (asked, reached) = (self.durability, vouched.durability);
        if reached < asked {
            return Err(FilesError::LessSafe { name: name(), asked, reached });
        }
        Ok(())
    }

    /// A file is in the store.
    fn vouched(&mut self, file: usize, name: &Name, have_it: HaveIt, vouched: &Vouched) {
        let receipt = Receipt {
            server: self.server.clone(),
            name: name.clone(),
            size: vouched.size,
            hash: vouched.hash,
            durability: vouched.durability,
            outcome: have_it,
            time_unix_s: now_unix_micros() / 1_000_000,
        };
        match have_it {
            HaveIt::Stored => self.report.stored += 1,
            HaveIt::Already => self.report.already += 1,
        }
        self.report.bytes += vouched.size;
        self.tries.progressed();
        (self.observer)(Update::Sent { file, receipt: &receipt });
    }

    /// A file did not go. What would meet every other file as well ends it all.
    fn failed(&mut self, file: usize, error: FilesError) -> Result<(), FilesError> {
        if !error.concerns_one_file() {
            return Err(error);
        }
        self.report.failed += 1;
        self.tries.progressed();
        self.report.ending = Some(error.ending().worst(self.report.ending));
        (self.observer)(Update::Failed { file, error: &error });
        Ok(())
    }

    /// Room for a chunk, lent by [`std::mem::take`] so that the rest can be used beside it.
    fn take_buffer(&mut self) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(CHUNK_BYTES, 0);
        buffer
    }
}

/// What the server says when a name has other content, said without asking it: it has told the
/// size and hash of what it has.
fn name_taken(name: &Name, size: u64, hash: Hash) -> FilesError {
    FilesError::Refused(Refusal {
        name: Some(name.clone()),
        code: code::NAME_TAKEN,
        text: "name taken".to_owned(),
        size: Some(size),
        hash: Some(hash),
        limit: None,
        errno: None,
    })
}
