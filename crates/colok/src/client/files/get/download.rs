//! One file after the other comes in: hashed while it is written, asked for again from where it
//! broke off.

use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use colok_proto::files::{Answer, Entry, FileFollows, Hash};
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::partial::Partial;
use super::{GetPlan, GetReport, Got, PlannedGet, Target};
use crate::client::files::FileClient;
use crate::client::files::conversation::Conversation;
use crate::client::files::problem::{Activity, FilesError};
use crate::client::files::retry::Tries;
use crate::client::files::update::{Observer, Phase, Update};
use crate::client::standard::Output;
use crate::observe::Tap;

/// How much is received, hashed and written at a time: large enough for few calls, small enough to
/// stay in a core's cache between them.
const CHUNK_BYTES: usize = 1 << 20;

/// The work of one [`FileClient::get`].
pub(super) struct Getter<'a, 'o, 'u, T: Tap> {
    client: &'a FileClient<'a, T>,
    plan: &'a GetPlan,
    output: Option<Output<'a>>,
    observer: &'o mut Observer<'u>,
    conversation: Option<Conversation<'a, T>>,
    tries: Tries,
    buffer: Vec<u8>,
    report: GetReport,
}

/// A file on its way.
struct Download<'a> {
    index: usize,
    file: &'a PlannedGet,
    /// What the server said of it first.
    expected: Option<Expected>,
    /// The file to be; `None` for standard output, and until it is known what comes.
    partial: Option<Partial>,
    hasher: blake3::Hasher,
    /// Bytes that are here and hashed.
    done: u64,
    /// How many of them are from an earlier process.
    resumed_bytes: u64,
}

/// What is to come.
#[derive(Clone)]
struct Expected {
    file_size: u64,
    file_hash: Hash,
    range: Range<u64>,
    /// The hash of the range.
    hash: Hash,
}

impl Expected {
    fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn is_still(&self, entry: &Entry) -> bool {
        (self.file_size, Some(self.file_hash)) == (entry.size, entry.hash)
    }
}

impl<'a, 'o, 'u, T: Tap> Getter<'a, 'o, 'u, T> {
    pub(super) fn new(
        client: &'a FileClient<'a, T>,
        plan: &'a GetPlan,
        output: Option<BorrowedFd<'a>>,
        observer: &'o mut Observer<'u>,
    ) -> Self {
        Self {
            client,
            plan,
            output: output.map(Output::new),
            observer,
            conversation: None,
            tries: Tries::new(client),
            buffer: vec![0; CHUNK_BYTES],
            report: GetReport::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<GetReport, FilesError> {
        self.conversation()?;
        let plan = self.plan;
        for (index, file) in plan.files.iter().enumerate() {
            self.one(index, file)?;
        }
        self.close();
        Ok(self.report)
    }

    fn one(&mut self, index: usize, file: &PlannedGet) -> Result<(), FilesError> {
        self.tries.progressed();
        let mut download = Download::new(index, file);
        loop {
            let error = match self.bring(&mut download) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !matches!(error, FilesError::Refused(_)) {
                // Bytes of the file may still be on their way.
                self.close();
            }
            if !error.is_final() {
                self.close();
                self.tries.again(self.client, error, self.observer)?;
            } else if error.concerns_one_file() {
                self.report.failed += 1;
                self.report.ending = Some(error.ending().worst(self.report.ending));
                (self.observer)(Update::Failed { file: index, error: &error });
                return Ok(());
            } else {
                return Err(error);
            }
        }
    }

    /// Asks for what is missing until nothing is, and gives the file its name.
    fn bring(&mut self, download: &mut Download<'_>) -> Result<(), FilesError> {
        loop {
            while !download.is_here() {
                self.ask(download)?;
            }
            let Some(expected) = download.expected.clone() else { continue };
            let computed = Hash(download.hasher.finalize().into());
            if computed == expected.hash {
                return self.finish(download, &expected);
            }
            let was_resumed = download.resumed_bytes > 0;
            download.start_again()?;
            if !was_resumed {
                let name = download.file.name.clone();
                return Err(FilesError::Damaged { name, expected: expected.hash, computed });
            }
            // What the earlier try left was not what it should be: all of it once more.
        }
    }

    fn finish(
        &mut self,
        download: &mut Download<'_>,
        expected: &Expected,
    ) -> Result<(), FilesError> {
        let replace = self.plan.force;
        if download.partial.is_some() {
            self.progress(download.index, Phase::Waiting, 0, None);
        }
        let path = download.partial.take().map(|partial| partial.publish(replace)).transpose()?;
        self.report.got += 1;
        self.report.bytes += expected.length();
        let got = download.got(expected, path);
        (self.observer)(Update::Got { file: download.index, got: &got });
        Ok(())
    }

    fn ask(&mut self, download: &mut Download<'_>) -> Result<(), FilesError> {
        let name = &download.file.name;
        let (range, range_hash) = self.missing(download);
        let conversation = self.conversation()?;
        conversation.request(|client, out| client.get(name, range, range_hash, out));
        match conversation.answer(Activity::Asking)? {
            Answer::FileFollows(follows) => self.receive(download, &follows),
            Answer::Refused(refused) => Err(conversation.refused(Some(name), &refused)),
            other => Err(conversation.unexpected(Activity::Asking, &other)),
        }
    }

    /// The range to ask for, and whether its hash is to be told.
    fn missing(&self, download: &Download<'_>) -> (Option<(u64, Option<u64>)>, bool) {
        match &download.expected {
            Some(expected) if download.done > 0 || self.plan.range.is_some() => {
                (Some((expected.range.start + download.done, Some(expected.range.end))), false)
            }
            Some(_) => (None, false),
            None => match self.plan.range {
                Some(range) => {
                    let end = range.last.and_then(|last| last.checked_add(1));
                    (Some((range.first, end)), true)
                }
                None => (None, false),
            },
        }
    }

    fn receive(
        &mut self,
        download: &mut Download<'_>,
        follows: &FileFollows,
    ) -> Result<(), FilesError> {
        match &download.expected {
            None => {
                download.expected = Some(expected_of(follows));
                self.open_target(download)?;
                if download.done > 0 {
                    // Less is missing than is on its way.
                    self.close();
                    return Ok(());
                }
            }
            // With the same size, what follows is not less than what was asked for.
            Some(expected) if expected.is_still(&follows.entry) => {}
            Some(_) => {
                return Err(FilesError::ChangedThere { name: download.file.name.clone() });
            }
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = self.receive_range(download, follows, &mut buffer);
        self.buffer = buffer;
        result
    }

    fn receive_range(
        &mut self,
        download: &mut Download<'_>,
        follows: &FileFollows,
        buffer: &mut [u8],
    ) -> Result<(), FilesError> {
        let mut rest = follows.range.end - follows.range.start;
        let total = download.expected.as_ref().map(Expected::length);
        self.progress(download.index, Phase::Receiving, download.done, total);
        while rest > 0 {
            let length = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
            let conversation = self.conversation.as_mut();
            let received = match conversation {
                Some(conversation) => conversation.receive_body(&mut buffer[..length])?,
                // It is there: the answer came over it.
                None => return Ok(()),
            };
            let bytes = &buffer[..received];
            download.hasher.update(bytes);
            self.write(download, bytes)?;
            download.done += received as u64;
            rest -= received as u64;
            self.tries.progressed_to(download.done);
            self.progress(download.index, Phase::Receiving, download.done, total);
        }
        Ok(())
    }

    fn write(&mut self, download: &mut Download<'_>, bytes: &[u8]) -> Result<(), FilesError> {
        if let Some(partial) = &mut download.partial {
            return partial.write(bytes);
        }
        let Some(output) = &self.output else {
            return Err(FilesError::local("write", "-", Errno::BADF));
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            if !output.never_waits() {
                self.client.wait_for_descriptor(output.descriptor(), PollFlags::OUT, None)?;
            }
            let written = output.write(rest);
            let written = written.map_err(|errno| FilesError::local("write", "-", errno))?;
            rest = &rest[written..];
            if !rest.is_empty() {
                self.client.wait_for_descriptor(output.descriptor(), PollFlags::OUT, None)?;
            }
        }
        Ok(())
    }

    /// Makes the file to be, and checks what an earlier try left of it.
    fn open_target(&mut self, download: &mut Download<'_>) -> Result<(), FilesError> {
        let (Target::File(path), Some(expected)) = (&download.file.target, &download.expected)
        else {
            return Ok(());
        };
        let length = expected.length();
        let (partial, there) = Partial::open(path, &expected.hash, length, self.plan.resume)?;
        let partial = download.partial.insert(partial);
        if there == 0 {
            return Ok(());
        }
        self.close();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut hasher = blake3::Hasher::new();
        let mut done = 0;
        while done < there {
            self.client.may_go_on(Activity::Waiting)?;
            self.progress(download.index, Phase::Checking, done, Some(there));
            let chunk = usize::try_from(there - done).unwrap_or(usize::MAX).min(buffer.len());
            partial.read_at(&mut buffer[..chunk], done)?;
            hasher.update(&buffer[..chunk]);
            done += chunk as u64;
        }
        self.progress(download.index, Phase::Checking, done, Some(there));
        self.buffer = buffer;
        (download.hasher, download.done, download.resumed_bytes) = (hasher, there, there);
        Ok(())
    }

    fn progress(&mut self, file: usize, phase: Phase, done: u64, total: Option<u64>) {
        (self.observer)(Update::Progress { file, phase, done, total });
    }

    fn conversation(&mut self) -> Result<&mut Conversation<'a, T>, FilesError> {
        let conversation = match self.conversation.take() {
            Some(conversation) if conversation.is_idle() => conversation,
            over => {
                over.into_iter().for_each(Conversation::close);
                let conversation = Conversation::open(self.client, None)?;
                let (server, peer) = (self.client.server(), conversation.peer());
                (self.observer)(Update::Connected { server: &server, peer });
                conversation
            }
        };
        Ok(self.conversation.insert(conversation))
    }

    fn close(&mut self) {
        self.conversation.take().into_iter().for_each(Conversation::close);
    }
}

impl<'a> Download<'a> {
    fn new(index: usize, file: &'a PlannedGet) -> Self {
        Self {
            index,
            file,
            expected: None,
            partial: None,
            hasher: blake3::Hasher::new(),
            done: 0,
            resumed_bytes: 0,
        }
    }

    /// Whether all bytes are here.
    fn is_here(&self) -> bool {
        self.expected.as_ref().is_some_and(|expected| self.done >= expected.length())
    }

    /// Forgets all bytes.
    fn start_again(&mut self) -> Result<(), FilesError> {
        if let Some(partial) = &mut self.partial {
            partial.clear()?;
        }
        self.hasher.reset();
        (self.done, self.resumed_bytes) = (0, 0);
        Ok(())
    }

    fn got(&self, expected: &Expected, path: Option<PathBuf>) -> Got {
        Got {
            name: self.file.name.clone(),
            path,
            range: expected.range.clone(),
            hash: expected.hash,
            file_size: expected.file_size,
            file_hash: expected.file_hash,
            resumed_bytes: self.resumed_bytes,
        }
    }
}

/// What the server says of a file that follows. The protocol's client makes sure that the hashes
/// that were asked for are there.
fn expected_of(follows: &FileFollows) -> Expected {
    let none = Hash([0; 32]);
    let file_hash = follows.entry.hash.unwrap_or(none);
    Expected {
        file_size: follows.entry.size,
        file_hash,
        range: follows.range.clone(),
        hash: follows.range_hash.unwrap_or(file_hash),
    }
}
