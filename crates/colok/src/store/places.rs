//! How many uploads are open at once, in this process and for each client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use colok_proto::Address;
use colok_proto::files::StoreError;

/// The places of a store.
#[derive(Debug)]
pub(super) struct Places {
    taken: Mutex<Taken>,
    max: usize,
    per_client_max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    clients: HashMap<Client, usize>,
}

/// Whom uploads are counted for: an IP address, or all who come through Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client(Option<IpAddr>);

/// A place that is taken; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    client: Client,
}

impl Client {
    pub(super) fn new(address: &Address) -> Self {
        match address {
            Address::Inet(address) => Self(Some(address.ip().to_canonical())),
            Address::Unix(_) => Self(None),
        }
    }
}

impl Places {
    pub(super) fn new(max: usize, per_client_max: usize) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), max, per_client_max })
    }

    /// Takes a place.
    pub(super) fn take(self: &Arc<Self>, client: Client) -> Result<Place, StoreError> {
        let mut taken = self.lock();
        let of_client = taken.clients.get(&client).copied().unwrap_or(0);
        if taken.all >= self.max || of_client >= self.per_client_max {
            return Err(StoreError::TooManyUploads);
        }
        taken.all += 1;
        taken.clients.insert(client, of_client + 1);
        Ok(Place { places: Arc::clone(self), client })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(count) = taken.clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.clients.remove(&self.client);
            }
        }
    }
}
