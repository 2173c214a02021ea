//! Small files: each is read, hashed and sent at once with its name, size and hash; many are on
//! their way before the first answer comes.
//!
//! What is put together leaves in large writes, and answers are taken whenever they are there, so
//! neither side ever waits for the other to read. When the connection is lost, what has no answer
//! is sent again.

use std::collections::VecDeque;

use colok_proto::files::{Answer, Hash, PUSHES_MAX};

use super::Sender;
use crate::client::files::local::LocalFile;
use crate::client::files::plan::PlannedFile;
use crate::client::files::problem::{Activity, FilesError};
use crate::client::files::update::Phase;
use crate::observe::Tap;

/// How much is put together before it is sent: few calls, and little enough for the server to
/// begin early.
const BATCH_BYTES: usize = 256 * 1024;

/// How far the small files of a plan have come.
#[derive(Default)]
struct Pushes {
    /// The largest that may be pushed, in bytes.
    most: u64,
    /// The first file of the plan that was not looked at.
    next: usize,
    /// Files whose answer was lost with the connection.
    again: VecDeque<usize>,
    /// Files without an answer, oldest first, with what was sent of them.
    on_their_way: VecDeque<Pushed>,
    /// Files that have become too large since the plan was made.
    grown: Vec<usize>,
}

/// A file that is on its way.
struct Pushed {
    index: usize,
    size: u64,
    hash: Hash,
}

impl<T: Tap> Sender<'_, '_, '_, T> {
    /// Pushes every file of at most `most` bytes. Returns those that have grown beyond.
    pub(super) fn push_all(&mut self, most: u64) -> Result<Vec<usize>, FilesError> {
        let mut pushes = Pushes { most, ..Pushes::default() };
        while let Err(error) = self.push_rest(&mut pushes) {
            if error.is_final() {
                return Err(error);
            }
            // What had arrived is then there already.
            let unanswered = pushes.on_their_way.drain(..).map(|pushed| pushed.index);
            pushes.again = unanswered.chain(pushes.again.drain(..)).collect();
            self.try_again(error)?;
        }
        Ok(pushes.grown)
    }

    fn push_rest(&mut self, pushes: &mut Pushes) -> Result<(), FilesError> {
        loop {
            while pushes.on_their_way.len() >= PUSHES_MAX {
                self.take_answers(pushes)?;
            }
            if pushes.on_their_way.is_empty() {
                self.conversation()?;
            }
            let Some(index) = self.next_small(pushes) else { break };
            match self.push(&self.plan.files[index], pushes.most) {
                Ok(Some((size, hash))) => {
                    pushes.on_their_way.push_back(Pushed { index, size, hash });
                }
                Ok(None) => pushes.grown.push(index),
                Err(error) => self.failed(index, error)?,
            }
            if self.under_way()?.unsent() >= BATCH_BYTES {
                self.leave(pushes)?;
            }
        }
        self.leave(pushes)?;
        if let Some(oldest) = pushes.on_their_way.front() {
            self.progress(oldest.index, Phase::Waiting, 0, None);
        }
        while !pushes.on_their_way.is_empty() {
            self.take_answers(pushes)?;
        }
        Ok(())
    }

    fn next_small(&self, pushes: &mut Pushes) -> Option<usize> {
        if let Some(index) = pushes.again.pop_front() {
            return Some(index);
        }
        let rest = &self.plan.files[pushes.next..];
        let is_small = |file: &PlannedFile| file.size.is_some_and(|size| size <= pushes.most);
        let Some(found) = rest.iter().position(is_small) else {
            pushes.next = self.plan.files.len();
            return None;
        };
        pushes.next += found + 1;
        Some(pushes.next - 1)
    }

    /// Puts a file into the output and returns its size and hash; `None` when it is too large now.
    fn push(&mut self, file: &PlannedFile, most: u64) -> Result<Option<(u64, Hash)>, FilesError> {
        let local = LocalFile::open(&file.source, &mut self.last_directory)?;
        if local.size() > most {
            return Ok(None);
        }
        let mut buffer = self.take_buffer();
        let result = self.push_local(file, &local, &mut buffer);
        self.buffer = buffer;
        result.map(Some)
    }

    fn push_local(
        &mut self,
        file: &PlannedFile,
        local: &LocalFile<'_>,
        buffer: &mut [u8],
    ) -> Result<(u64, Hash), FilesError> {
        let size = local.size();
        let length = usize::try_from(size).unwrap_or(usize::MAX).min(buffer.len());
        let content = &mut buffer[..length];
        local.read_exact(content)?;
        local.check_unchanged()?;
        let hash = Hash(blake3::hash(content).into());
        let durability = Some(self.durability);
        let conversation = self.under_way()?;
        conversation
            .request(|client, out| client.push(&file.name, size, Some(&hash), durability, out));
        conversation.append(content);
        self.report.bytes_sent += size;
        Ok((size, hash))
    }

    /// Sends what was put together, taking answers meanwhile.
    fn leave(&mut self, pushes: &mut Pushes) -> Result<(), FilesError> {
        while !pushes.on_their_way.is_empty() {
            match self.under_way()?.send(&[], Activity::Sending)? {
                Some(answer) => self.answered(answer, pushes)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Waits for an answer, and takes those that came with it.
    fn take_answers(&mut self, pushes: &mut Pushes) -> Result<(), FilesError> {
        self.leave(pushes)?;
        if pushes.on_their_way.is_empty() {
            return Ok(());
        }
        let mut answer = Some(self.under_way()?.answer(Activity::WaitingForReceipt)?);
        while let Some(came) = answer {
            self.answered(came, pushes)?;
            if pushes.on_their_way.is_empty() {
                break;
            }
            answer = self.under_way()?.answer_held(Activity::WaitingForReceipt)?;
        }
        Ok(())
    }

    fn answered(&mut self, answer: Answer, pushes: &mut Pushes) -> Result<(), FilesError> {
        // The protocol's client takes no answer that was not asked for.
        let Some(oldest) = pushes.on_their_way.pop_front() else { return Ok(()) };
        let name = &self.plan.files[oldest.index].name;
        match answer {
            Answer::Stored { have_it, receipt } => {
                match self.check_vouched(name, &receipt, oldest.size, oldest.hash) {
                    Ok(()) => self.vouched(oldest.index, name, have_it, &receipt),
                    Err(error) => self.failed(oldest.index, error)?,
                }
            }
            Answer::Refused(refused) => {
                let error = self.under_way()?.refused(Some(name), &refused);
                if !error.is_final() {
                    pushes.on_their_way.push_front(oldest);
                    return Err(error);
                }
                self.failed(oldest.index, error)?;
            }
            other => return Err(self.under_way()?.unexpected(Activity::Sending, &other)),
        }
        Ok(())
    }
}
