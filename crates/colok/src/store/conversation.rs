//! What one connection does with a store: requests, bodies, answers in order.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::vec::Drain;

use colok_proto::Address;
use colok_proto::files::{Durability, Hash, HaveIt, Name, StoreAnswer, StoreError, StoreRequest};

use super::disk::{Disk, Linux};
use super::existing::Existing;
use super::hashes::Known;
use super::parents::Parents;
use super::places::Client;
use super::publish::{Ready, Settled, Source};
use super::push::Pushes;
use super::upload::{Promise, Upload};
use super::{FileEvent, Store};

/// The answer to one request.
pub type StoreResult = Result<StoreAnswer, StoreError>;

/// What one connection does with a store. Used by one thread at a time; calls may block on the
/// disk. Dropping it ends an upload that is open: its partial is kept if it has an upload token,
/// and otherwise nothing is left. Pushes that were not committed leave nothing.
///
/// While idle it holds no buffer, and no descriptor once the file opened by `Get` was sent.
#[derive(Debug)]
pub struct Conversation<D: Disk = Linux> {
    pub(super) store: Arc<Store<D>>,
    client: Client,
    pub(super) parents: Parents<D::Handle>,
    /// Boxed: most of the time there is none.
    upload: Option<Box<Upload<D>>>,
    /// Why the upload that was open is no more, for the requests that still follow it.
    upload_error: Option<StoreError>,
    pub(super) pushes: Pushes<D>,
    pub(super) answers: Vec<StoreResult>,
    reading: Option<D::Handle>,
    told: Vec<FileEvent>,
    listens: bool,
}

/// Events kept for somebody to ask for them; beyond, the later ones are dropped. A turn of a
/// connection makes a few for each of at most a few hundred pushes.
const TOLD_MAX: usize = 4096;

impl<D: Disk> Conversation<D> {
    pub(super) fn new(store: Arc<Store<D>>, client: &Address) -> Self {
        Self {
            store,
            client: Client::new(client),
            parents: Parents::default(),
            upload: None,
            upload_error: None,
            pushes: Pushes::default(),
            answers: Vec::new(),
            reading: None,
            told: Vec::new(),
            listens: true,
        }
    }

    /// Carries out a request. `None` only for a push: its bytes follow through
    /// [`Self::body`], and its answer comes from [`Self::commit`]. Anything else is to be asked
    /// only when no push waits.
    pub fn perform(&mut self, request: StoreRequest) -> Option<StoreResult> {
        if let StoreRequest::Push { name, size, hash, durability } = request {
            self.begin_push(name, size, hash, durability);
            return None;
        }
        // One batch is over: what it resolved may have been moved since.
        self.parents.forget();
        Some(match request {
            StoreRequest::Authenticate(token) => self.authenticate(&token),
            StoreRequest::Put { name, size, hash, durability, upload, from_start } => {
                self.put(Promise { name, size, hash, durability, upload, from_start })
            }
            StoreRequest::Finish { hash, durability } => self.finish(hash, durability),
            StoreRequest::Cancel => Ok(self.cancel()),
            StoreRequest::Get { name, range, range_hash } => self.get(name, range, range_hash),
            StoreRequest::Stat { name, reread } => self.stat(name, reread),
            StoreRequest::List { prefix, after, limit } => {
                self.store.list(&prefix, after.as_ref(), limit).map(StoreAnswer::Listing)
            }
            StoreRequest::Push { .. } => return None,
        })
    }

    /// Takes bytes for the upload that was opened last, or the push. An error ends the upload and
    /// is the answer to it; for a push there is none here, it becomes the answer of that push.
    pub fn body(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.pushes.coming.is_some() {
            self.push_body(bytes);
            return Ok(());
        }
        let Some(upload) = &mut self.upload else { return Err(self.no_upload()) };
        let Err(error) = upload.body(bytes) else { return Ok(()) };
        if matches!(error, StoreError::WrongSize { .. } | StoreError::TooLarge { .. }) {
            // No resume could make these bytes right.
            upload.remove();
        }
        let name = upload.name.clone();
        self.tell(|| FileEvent::Failed { name, error });
        self.upload = None;
        self.upload_error = Some(error);
        Err(error)
    }

    /// How many bytes are best given to the next [`Self::body`]: up to where the next subtree of
    /// the hash begins or the body ends, at most 1 MiB, at least 1.
    pub fn preferred_body_bytes(&self) -> usize {
        let of_upload = || self.upload.as_ref().map_or(1 << 16, |upload| upload.preferred_bytes());
        self.push_wants().unwrap_or_else(of_upload)
    }

    /// How many whole pushes wait for [`Self::commit`].
    pub fn staged(&self) -> usize {
        self.pushes_staged()
    }

    /// Whether enough pushes wait that they should be committed before more are taken.
    pub fn wants_commit(&self) -> bool {
        self.pushes_want_commit()
    }

    /// Makes what is staged as safe as was asked, publishes it, and gives the answers of all
    /// pushes that came whole, in order. A push whose body is still coming stays.
    pub fn commit(&mut self) -> Drain<'_, StoreResult> {
        self.commit_pushes();
        self.answers.drain(..)
    }

    /// The file that the last `Get` opened and that was not sent yet.
    pub fn reading(&self) -> Option<BorrowedFd<'_>> {
        self.store.disk.descriptor(self.reading.as_ref()?)
    }

    /// The file of [`Self::reading`] was sent: closes it.
    pub fn done_reading(&mut self) {
        self.reading = None;
    }

    /// Whether somebody will ask for [`Self::events`]; true until this says otherwise.
    pub fn listen(&mut self, listens: bool) {
        self.listens = listens;
    }

    /// What happened since the last call, for the activity log.
    pub fn events(&mut self) -> Drain<'_, FileEvent> {
        self.told.drain(..)
    }

    fn authenticate(&self, token: &str) -> StoreResult {
        match &self.store.options.token {
            Some(secret) if secret.matches(token) => Ok(StoreAnswer::Allowed),
            _ => Err(StoreError::WrongToken),
        }
    }

    fn put(&mut self, promise: Promise) -> StoreResult {
        self.upload = None;
        self.upload_error = None;
        let name = promise.name.clone();
        self.tell(|| FileEvent::ServerRead { name: name.clone() });
        let result = self.open_upload(promise);
        if let Err(error) = result {
            self.tell(|| FileEvent::Failed { name, error });
        }
        result
    }

    fn open_upload(&mut self, promise: Promise) -> StoreResult {
        if let Some(existing) = self.store.open_file(&promise.name)? {
            return self.met(existing, promise);
        }
        self.store.may_write()?;
        let place = self.store.places.take(self.client)?;
        let upload = Box::new(Upload::open(&self.store, promise, place)?);
        let (name, offset) = (upload.name.clone(), upload.length());
        self.tell(|| FileEvent::DoesNotExist { name: name.clone() });
        if offset > 0 {
            self.tell(|| FileEvent::Resumed { name, offset });
        }
        let answer = upload.send_from();
        self.upload = Some(upload);
        Ok(answer)
    }

    /// The name of an upload is there: which of the three answers it is.
    fn met(&mut self, mut existing: Existing<D::Handle>, promise: Promise) -> StoreResult {
        let Promise { name, size, hash, durability, upload, .. } = promise;
        let Some(hash) = hash else {
            let (hash, _) = self.store.hash_of(&mut existing)?;
            return Ok(StoreAnswer::Exists { size: existing.size(), hash });
        };
        if let Some(token) = upload {
            // The name is decided: what a broken upload left is of no use any more.
            self.store.forget_partial(&token, &name);
        }
        let size = size.unwrap_or(existing.size());
        let source = Source::There(self.store.same(existing, size, hash)?);
        let ready = Ready { name: name.clone(), source, size, hash, durability };
        self.settle_one(name, ready)
    }

    fn finish(&mut self, hash: Option<Hash>, durability: Durability) -> StoreResult {
        let Some(mut upload) = self.upload.take() else { return Err(self.no_upload()) };
        let name = upload.name.clone();
        match upload.finish(hash, durability) {
            Ok(ready) => {
                let mut settled = self.store.settle(&mut self.parents, [ready]);
                let settled = settled.pop().unwrap_or(Err(StoreError::NotFound));
                upload.settled(&settled);
                self.tell_settled(name, &settled);
                settled.map(|(have_it, receipt)| StoreAnswer::Stored { have_it, receipt })
            }
            Err(error) => {
                self.tell(|| FileEvent::Failed { name, error });
                Err(error)
            }
        }
    }

    fn settle_one(&mut self, name: Name, ready: Ready<D>) -> StoreResult {
        let mut settled = self.store.settle(&mut self.parents, [ready]);
        let settled = settled.pop().unwrap_or(Err(StoreError::NotFound));
        if settled.is_ok() {
            self.tell_settled(name, &settled);
        }
        settled.map(|(have_it, receipt)| StoreAnswer::Stored { have_it, receipt })
    }

    fn cancel(&mut self) -> StoreAnswer {
        self.upload_error = None;
        if let Some(mut upload) = self.upload.take() {
            upload.remove();
            let name = upload.name.clone();
            self.tell(|| FileEvent::Cancelled { name });
        }
        StoreAnswer::Cancelled
    }

    fn get(
        &mut self,
        name: Name,
        range: Option<(u64, Option<u64>)>,
        range_hash: bool,
    ) -> StoreResult {
        self.reading = None;
        let mut file = self.store.open_file(&name)?.ok_or(StoreError::NotFound)?;
        let (hash, _) = self.store.hash_of(&mut file)?;
        let size = file.size();
        let range = match range {
            None => 0..size,
            Some((first, end)) => {
                let range = first..end.unwrap_or(size).min(size);
                if range.is_empty() {
                    return Err(StoreError::OutOfRange { size });
                }
                range
            }
        };
        let range_hash = match range_hash {
            true if range == (0..size) => Some(hash),
            true => Some(self.store.range_hash(&file, range.clone())?),
            false => None,
        };
        let bytes = range.end - range.start;
        self.tell(|| FileEvent::Opened { name: name.clone(), bytes });
        let entry = file.entry(name, Some(hash));
        self.reading = (bytes > 0).then_some(file.handle);
        Ok(StoreAnswer::Opened { entry, range, range_hash })
    }

    fn stat(&mut self, name: Name, reread: bool) -> StoreResult {
        let mut file = self.store.open_file(&name)?.ok_or(StoreError::NotFound)?;
        if !reread {
            let (hash, _) = self.store.hash_of(&mut file)?;
            return Ok(StoreAnswer::Entry(file.entry(name, Some(hash))));
        }
        let known = self.store.known(&file.status);
        let hash = self.store.read_hash(&mut file)?;
        if matches!(known, Known::Current(old, _) | Known::Former(old) if old != hash) {
            self.tell(|| FileEvent::Damaged { name: name.clone() });
        }
        Ok(StoreAnswer::Entry(file.entry(name, Some(hash))))
    }

    /// Notes what happened, if somebody listens.
    pub(super) fn tell(&mut self, event: impl FnOnce() -> FileEvent) {
        if self.listens && self.told.len() < TOLD_MAX {
            self.told.push(event());
        }
    }

    fn no_upload(&self) -> StoreError {
        self.upload_error.unwrap_or(StoreError::WrongSize { received: 0 })
    }

    pub(super) fn tell_settled(&mut self, name: Name, settled: &Settled) {
        match *settled {
            Ok((HaveIt::Stored, receipt)) => {
                self.tell(|| FileEvent::Copied { name, bytes: receipt.size });
            }
            Ok((HaveIt::Already, _)) => self.tell(|| FileEvent::HaveIt { name }),
            Err(error) => self.tell(|| FileEvent::Failed { name, error }),
        }
    }
}

impl<D: Disk> Drop for Conversation<D> {
    fn drop(&mut self) {
        self.drop_pushes();
    }
}
