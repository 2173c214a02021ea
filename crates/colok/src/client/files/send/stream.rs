//! Standard input: sent in blocks as it comes, since nobody knows how much there will be.
//!
//! It can be read only once. So when its name has content already it is read to its end and hashed
//! to be compared; and when the connection is lost, so is what was read.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use colok_proto::files::{Answer, BLOCK_BYTES_MAX, Hash, Name, Put, PutHash};
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::{CHUNK_BYTES, Sender, name_taken};
use crate::client::files::conversation::InputReady;
use crate::client::files::problem::{Activity, FilesError};
use crate::client::files::update::Phase;
use crate::observe::Tap;

/// How long a block that is not full waits for more: a pipe brings 64 KiB at a time, and a person
/// who types sees no delay.
const GATHER: Duration = Duration::from_millis(10);

/// How long the input may be silent before the server is shown that somebody is still there. It
/// ends a connection that is idle, by default after 60 s, and what came of the input would be lost.
/// In tests it is short.
const STIR: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 5000 });

const _: () = assert!(CHUNK_BYTES as u64 <= BLOCK_BYTES_MAX, "a chunk is a block");

/// The input as far as it was read.
struct Read<'a> {
    input: BorrowedFd<'a>,
    hasher: blake3::Hasher,
    size: u64,
    /// Its end has come. A terminal would have to be told a second time.
    ended: bool,
}

/// What filling a block came to.
enum Filled {
    /// So many bytes are there.
    Bytes(usize),
    /// The server spoke first.
    Answered(Box<Answer>),
}

impl<T: Tap> Sender<'_, '_, '_, T> {
    /// Sends standard input under a name.
    pub(super) fn stream(&mut self, index: usize, name: &Name) -> Result<(), FilesError> {
        let input = self.input.ok_or_else(|| FilesError::local("read", "-", Errno::BADF))?;
        let mut read = Read { input, hasher: blake3::Hasher::new(), size: 0, ended: false };
        match self.ask_for(name, None, PutHash::Unsaid)? {
            Answer::SendFrom { offset: 0, .. } => self.send_blocks(index, name, &mut read),
            Answer::Exists { size, hash } => self.compare_input(index, name, &mut read, size, hash),
            other => Err(self.said_instead(name, Activity::Asking, other)?),
        }
    }

    fn ask_for(
        &mut self,
        name: &Name,
        size: Option<u64>,
        hash: PutHash,
    ) -> Result<Answer, FilesError> {
        let durability = Some(self.durability);
        let conversation = self.conversation()?;
        let put = Put { name, size, hash, upload: None, durability, from_start: false };
        conversation.request(|client, out| client.put(&put, out));
        conversation.answer(Activity::Asking)
    }

    fn send_blocks(
        &mut self,
        index: usize,
        name: &Name,
        read: &mut Read<'_>,
    ) -> Result<(), FilesError> {
        self.progress(index, Phase::Sending, 0, None);
        let mut buffer = self.take_buffer();
        loop {
            let length = match self.fill(read, &mut buffer)? {
                Filled::Bytes(0) => break,
                Filled::Bytes(length) => length,
                Filled::Answered(answer) => {
                    return Err(self.said_instead(name, Activity::Sending, *answer)?);
                }
            };
            let block = &buffer[..length];
            let conversation = self.under_way()?;
            conversation.request(|client, out| client.data(length as u64, out));
            let answer = conversation.send(block, Activity::Sending)?;
            if let Some(answer) = answer {
                return Err(self.said_instead(name, Activity::Sending, answer)?);
            }
            read.took(block);
            self.report.bytes_sent += length as u64;
            self.progress(index, Phase::Sending, read.size, None);
        }
        self.buffer = buffer;
        let hash = Hash(read.hasher.finalize().into());
        self.under_way()?.request(|client, out| client.end(Some(&hash), out));
        self.progress(index, Phase::Waiting, 0, None);
        let answer = self.under_way()?.answer(Activity::WaitingForReceipt)?;
        self.input_vouched(index, name, answer, read.size, hash)
    }

    /// The name has content: the input is read to its end, and is the same or not.
    fn compare_input(
        &mut self,
        index: usize,
        name: &Name,
        read: &mut Read<'_>,
        size: u64,
        hash: Hash,
    ) -> Result<(), FilesError> {
        // It may take longer than the server waits for another request.
        self.close();
        self.progress(index, Phase::Hashing, 0, Some(size));
        let mut buffer = self.take_buffer();
        // One byte more is enough to know that it is other content.
        while read.size <= size {
            // Without a connection nobody answers.
            let Filled::Bytes(length @ 1..) = self.fill(read, &mut buffer)? else { break };
            read.took(&buffer[..length]);
            self.progress(index, Phase::Hashing, read.size, Some(size));
        }
        self.buffer = buffer;
        let own = Hash(read.hasher.finalize().into());
        if (read.size, own) != (size, hash) {
            return Err(name_taken(name, size, hash));
        }
        let answer = self.ask_for(name, Some(size), PutHash::Known(own))?;
        self.input_vouched(index, name, answer, size, own)
    }

    fn input_vouched(
        &mut self,
        index: usize,
        name: &Name,
        answer: Answer,
        size: u64,
        hash: Hash,
    ) -> Result<(), FilesError> {
        match answer {
            Answer::Stored { have_it, receipt } => {
                self.check_vouched(name, &receipt, size, hash)?;
                self.vouched(index, name, have_it, &receipt);
                Ok(())
            }
            // It was there a moment ago, and the input cannot be read again.
            Answer::SendFrom { .. } => Err(FilesError::ChangedThere { name: name.clone() }),
            other => Err(self.said_instead(name, Activity::WaitingForReceipt, other)?),
        }
    }

    /// An answer that ends it.
    fn said_instead(
        &mut self,
        name: &Name,
        during: Activity,
        answer: Answer,
    ) -> Result<FilesError, FilesError> {
        let conversation = self.under_way()?;
        Ok(match answer {
            Answer::Refused(refused) => conversation.refused(Some(name), &refused),
            other => conversation.unexpected(during, &other),
        })
    }

    /// Reads a block: until the buffer is full, nothing more comes for a moment, or the end. No
    /// bytes mean the end.
    fn fill(&mut self, read: &mut Read<'_>, buffer: &mut [u8]) -> Result<Filled, FilesError> {
        let mut filled = 0;
        while filled < buffer.len() && !read.ended {
            let gather = (filled > 0).then_some(GATHER);
            match self.wait_for_input(read.input, gather.unwrap_or(STIR))? {
                InputReady::Answered(answer) => return Ok(Filled::Answered(answer)),
                InputReady::Nothing if filled > 0 => break,
                InputReady::Nothing => match self.stir()? {
                    Some(answer) => return Ok(Filled::Answered(answer.into())),
                    None => continue,
                },
                InputReady::Readable => {}
            }
            match rustix::io::read(read.input, &mut buffer[filled..]) {
                Ok(0) => read.ended = true,
                Ok(length) => filled += length,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => return Err(FilesError::local("read", "-", errno)),
            }
        }
        Ok(Filled::Bytes(filled))
    }

    /// Shows the server that somebody is there: between blocks it ignores empty lines.
    fn stir(&mut self) -> Result<Option<Answer>, FilesError> {
        let Some(conversation) = &mut self.conversation else { return Ok(None) };
        conversation.append(b"\n");
        conversation.send(&[], Activity::Sending)
    }

    /// Waits for the input, and for the server when there is a connection.
    fn wait_for_input(
        &mut self,
        input: BorrowedFd<'_>,
        within: Duration,
    ) -> Result<InputReady, FilesError> {
        if let Some(conversation) = &mut self.conversation {
            return conversation.wait_for_input(input, within);
        }
        let until = self.client.clock.now() + within;
        let ready = self.client.wait_for_descriptor(input, PollFlags::IN, Some(until))?;
        Ok(if ready { InputReady::Readable } else { InputReady::Nothing })
    }
}

impl Read<'_> {
    fn took(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }
}
