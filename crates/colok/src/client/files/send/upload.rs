//! One larger file: asked for with its name and size, sent from where the server says, ended with
//! its hash.
//!
//! The file is hashed while it is sent, and beforehand only when the server has something to
//! compare: what an earlier try left ([`Phase::Checking`]), or a file of this name
//! ([`Phase::Hashing`]).

use std::time::SystemTime;

use colok_proto::files::{Answer, Client, Hash, Put, PutHash, UploadToken};

use super::{CHUNK_BYTES, Sender, name_taken};
use crate::client::files::known::KnownHashes;
use crate::client::files::local::LocalFile;
use crate::client::files::plan::PlannedFile;
use crate::client::files::problem::{Activity, FilesError};
use crate::client::files::secret::UploadIdentity;
use crate::client::files::update::Phase;
use crate::observe::Tap;

/// One try to bring one file to the server.
struct Upload<'a> {
    index: usize,
    file: &'a PlannedFile,
    local: LocalFile<'a>,
    token: Option<UploadToken>,
    /// Its hash, once it is known.
    hash: Option<Hash>,
    /// What an earlier try left is no good.
    from_start: bool,
    /// When it was opened, for the table of known hashes.
    began: SystemTime,
}

/// The beginning of a local file that was hashed to compare it.
pub(super) struct Checked {
    index: usize,
    /// Stands for the state of the file as well.
    token: Option<UploadToken>,
    offset: u64,
    hasher: blake3::Hasher,
}

impl Checked {
    fn is(&self, upload: &Upload<'_>, offset: u64) -> bool {
        self.offset == offset && self.index == upload.index && self.token == upload.token
    }
}

/// How it goes on after an answer.
enum Next {
    /// The file is in the store.
    Done,
    /// It is asked again, with what is known now.
    AskAgain,
}

impl<T: Tap> Sender<'_, '_, '_, T> {
    /// Sends a file by itself.
    pub(super) fn upload(&mut self, index: usize, file: &PlannedFile) -> Result<(), FilesError> {
        let mut local = LocalFile::open(&file.source, &mut self.last_directory)?;
        if self.known.is_some()
            && let Some(pause) = KnownHashes::wait_before(&local)
        {
            self.client.rest(self.client.clock.now() + pause)?;
            local = LocalFile::open(&file.source, &mut self.last_directory)?;
        }
        let began = SystemTime::now();
        let token = self.upload_token(file, &local);
        let (hash, from_start) = (None, false);
        let mut upload = Upload { index, file, local, token, hash, from_start, began };
        while let Next::AskAgain = self.ask(&mut upload)? {}
        Ok(())
    }

    fn upload_token(&self, file: &PlannedFile, local: &LocalFile<'_>) -> Option<UploadToken> {
        let status = local.status();
        let identity = UploadIdentity {
            server: &self.server,
            name: &file.name,
            device: status.st_dev,
            inode: status.st_ino,
            size: local.size(),
            modified: (status.st_mtime, status.st_mtime_nsec),
        };
        self.client.options.upload_secret.as_ref()?.token(&identity)
    }

    fn ask(&mut self, upload: &mut Upload<'_>) -> Result<Next, FilesError> {
        let durability = Some(self.durability);
        let conversation = self.conversation()?;
        let token = upload.token.as_ref().filter(|_| conversation.can("resume"));
        let put = Put {
            name: &upload.file.name,
            size: Some(upload.local.size()),
            hash: upload.hash.map_or(PutHash::Trailer, PutHash::Known),
            upload: token,
            durability,
            from_start: upload.from_start,
        };
        conversation.request(|client, out| client.put(&put, out));
        match conversation.answer(Activity::Asking)? {
            Answer::SendFrom { offset, hash } => self.send_from(upload, offset, hash),
            Answer::Exists { size, hash } if upload.hash.is_none() => {
                self.compare(upload, size, hash)
            }
            Answer::Stored { have_it, receipt } => {
                let hash = self.known_or_hashed(upload)?;
                self.check_vouched(&upload.file.name, &receipt, upload.local.size(), hash)?;
                self.vouched(upload.index, &upload.file.name, have_it, &receipt);
                Ok(Next::Done)
            }
            Answer::Refused(refused) => {
                Err(conversation.refused(Some(&upload.file.name), &refused))
            }
            other => Err(conversation.unexpected(Activity::Asking, &other)),
        }
    }

    /// The name is there. Another size is other content, and only the same size is worth hashing.
    fn compare(
        &mut self,
        upload: &mut Upload<'_>,
        size: u64,
        hash: Hash,
    ) -> Result<Next, FilesError> {
        if size != upload.local.size() {
            return Err(name_taken(&upload.file.name, size, hash));
        }
        upload.hash = Some(self.known_or_hashed(upload)?);
        Ok(Next::AskAgain)
    }

    /// The hash of the local file: as it is remembered, or by reading it.
    fn known_or_hashed(&mut self, upload: &Upload<'_>) -> Result<Hash, FilesError> {
        if let Some(hash) = upload.hash {
            return Ok(hash);
        }
        if let Some(hash) = self.known.as_ref().and_then(|known| known.find(&upload.local)) {
            return Ok(hash);
        }
        upload.local.seek(0)?;
        let mut hasher = blake3::Hasher::new();
        self.hash_on(upload, &mut hasher, upload.local.size(), Phase::Hashing)?;
        upload.local.check_unchanged()?;
        let hash = Hash(hasher.finalize().into());
        self.remember(upload, hash);
        Ok(hash)
    }

    fn remember(&self, upload: &Upload<'_>, hash: Hash) {
        if let Some(known) = &self.known {
            known.remember(&upload.local, hash, upload.began);
        }
    }

    /// Reads on in the local file and hashes `length` bytes.
    fn hash_on(
        &mut self,
        upload: &Upload<'_>,
        hasher: &mut blake3::Hasher,
        length: u64,
        phase: Phase,
    ) -> Result<(), FilesError> {
        let mut buffer = self.take_buffer();
        let mut done = 0;
        self.progress(upload.index, phase, done, Some(length));
        while done < length {
            self.client.may_go_on(Activity::Waiting)?;
            let chunk = chunk_of(&mut buffer, length - done);
            upload.local.read_exact(chunk)?;
            hasher.update(chunk);
            done += chunk.len() as u64;
            self.progress(upload.index, phase, done, Some(length));
        }
        self.buffer = buffer;
        Ok(())
    }

    /// Sends the file from `offset`, if what the server has before it is the same as here.
    fn send_from(
        &mut self,
        upload: &mut Upload<'_>,
        offset: u64,
        hash: Option<Hash>,
    ) -> Result<Next, FilesError> {
        let hasher = self.checked_up_to(upload, offset)?;
        if offset > 0 && hash != Some(Hash(hasher.finalize().into())) {
            if upload.from_start {
                // It was asked to begin anew, and would be asked for ever.
                let said = format!("expected offset=0 after from=0, got offset={offset}");
                return Err(self.under_way()?.wrong(Activity::Asking, said));
            }
            // There is no way to say so but to begin anew.
            self.close();
            upload.from_start = true;
            return Ok(Next::AskAgain);
        }
        self.tries.progressed_to(offset);
        upload.local.seek(offset)?;
        let mut hasher = hasher;
        let mut buffer = self.take_buffer();
        let sent = self.send_chunks(upload, &mut hasher, offset, &mut buffer);
        self.buffer = buffer;
        sent?;
        self.end(upload, Hash(hasher.finalize().into()))
    }

    /// The hash so far of what the server has. It waits while this is read, and may lose its
    /// patience with a very large file; the next try need not read it again.
    fn checked_up_to(
        &mut self,
        upload: &Upload<'_>,
        offset: u64,
    ) -> Result<blake3::Hasher, FilesError> {
        if offset == 0 {
            return Ok(blake3::Hasher::new());
        }
        if let Some(checked) = self.checked.take_if(|checked| checked.is(upload, offset)) {
            return Ok(checked.hasher);
        }
        upload.local.seek(0)?;
        let mut hasher = blake3::Hasher::new();
        self.hash_on(upload, &mut hasher, offset, Phase::Checking)?;
        let (index, token) = (upload.index, upload.token.clone());
        self.checked = Some(Checked { index, token, offset, hasher: hasher.clone() });
        Ok(hasher)
    }

    fn send_chunks(
        &mut self,
        upload: &Upload<'_>,
        hasher: &mut blake3::Hasher,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FilesError> {
        let size = upload.local.size();
        let mut done = offset;
        self.progress(upload.index, Phase::Sending, done, Some(size));
        while done < size {
            let chunk = chunk_of(buffer, size - done);
            if let Err(error) = upload.local.read_exact(chunk) {
                // Bytes are missing that were promised; only a closed connection says that.
                self.close();
                return Err(error);
            }
            hasher.update(chunk);
            let answer = self.under_way()?.send(chunk, Activity::Sending)?;
            self.report.bytes_sent += chunk.len() as u64;
            if let Some(answer) = answer {
                return Err(self.stopped(upload, answer)?);
            }
            done += chunk.len() as u64;
            self.progress(upload.index, Phase::Sending, done, Some(size));
        }
        Ok(())
    }

    /// The server spoke before it had everything: it does not want the rest, which it cannot tell
    /// from another request any more.
    fn stopped(&mut self, upload: &Upload<'_>, answer: Answer) -> Result<FilesError, FilesError> {
        let conversation = self.under_way()?;
        let error = match answer {
            Answer::Refused(refused) => conversation.refused(Some(&upload.file.name), &refused),
            other => conversation.unexpected(Activity::Sending, &other),
        };
        self.close();
        Ok(error)
    }

    /// All bytes were sent: says their hash, or takes everything back.
    fn end(&mut self, upload: &mut Upload<'_>, hash: Hash) -> Result<Next, FilesError> {
        let said = upload.hash.is_some();
        let same = upload.hash.is_none_or(|known| known == hash);
        let unchanged =
            if same { upload.local.check_unchanged() } else { Err(upload.local.changed()) };
        if let Err(changed) = unchanged {
            if said || self.abort().is_err() {
                self.close();
            }
            return Err(changed);
        }
        if !said {
            self.under_way()?.request(|client, out| client.end(Some(&hash), out));
        }
        self.progress(upload.index, Phase::Waiting, 0, None);
        match self.under_way()?.answer(Activity::WaitingForReceipt)? {
            Answer::Stored { have_it, receipt } => {
                self.check_vouched(&upload.file.name, &receipt, upload.local.size(), hash)?;
                self.remember(upload, hash);
                self.vouched(upload.index, &upload.file.name, have_it, &receipt);
                Ok(Next::Done)
            }
            Answer::Refused(refused) => {
                let refused = self.under_way()?.refused(Some(&upload.file.name), &refused);
                // What was sent as pages is taken when it leaves, and so may be newer than what was
                // hashed. Then other bytes came than were said, and this is why.
                Err(upload.local.check_unchanged().err().unwrap_or(refused))
            }
            other => Err(self.under_way()?.unexpected(Activity::WaitingForReceipt, &other)),
        }
    }

    /// Tells the server to forget what was sent. Whatever it answers, the upload is over.
    fn abort(&mut self) -> Result<(), FilesError> {
        let conversation = self.under_way()?;
        conversation.request(Client::abort);
        conversation.answer(Activity::Asking).map(drop)
    }
}

/// The part of a buffer that the rest of a file fills.
fn chunk_of(buffer: &mut [u8], rest: u64) -> &mut [u8] {
    let length = usize::try_from(rest).unwrap_or(usize::MAX).min(CHUNK_BYTES).min(buffer.len());
    &mut buffer[..length]
}
