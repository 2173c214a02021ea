//! The file store of `colok serve`: its options, and the line that says where files are kept.

use colok::net::service_address::ServiceAddress;
use colok::observe::printable;
use colok::proto::ServiceKind;
use colok::proto::files::WritePolicy;
use colok::store::{Secret, StoreOptions};

use crate::arguments::{ServeArguments, StoreArguments};
use crate::messages::{Id, Messages};
use crate::problem::Problem;
use crate::say;
use crate::token::read_token;

/// What the store is opened with; `None` when no files are served.
pub(super) fn options(
    arguments: &ServeArguments,
    messages: &Messages,
) -> Result<Option<StoreOptions>, Problem> {
    let has_files = |address: &ServiceAddress| address.service.kind() == ServiceKind::Files;
    if !arguments.addresses.iter().any(has_files) {
        return Ok(None);
    }
    let given = &arguments.store;
    let mut options = StoreOptions::new(&given.root);
    options.writable = given.options.write != WritePolicy::Nobody;
    if let Some(path) = &given.token_file {
        options.token = Some(Secret::new(read_token(path, messages)?));
    }
    set(&mut options.file_bytes_max, given.file_bytes_max);
    options.total_bytes_max = given.total_bytes_max;
    set(&mut options.free_share_min_percent, given.free_share_min);
    set(&mut options.uploads_max, given.uploads_max);
    set(&mut options.uploads_per_client_max, given.uploads_per_client_max);
    set(&mut options.keep_partial, given.keep_partial);
    Ok(Some(options))
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

/// `files are kept in ./colok-store; clients on this computer may store`
pub(super) fn line(given: &StoreArguments, messages: &Messages) -> String {
    let who = match given.options.write {
        WritePolicy::Loopback => Id::TableStoreLoopback,
        WritePolicy::Token => Id::TableStoreToken,
        WritePolicy::Anyone => Id::TableStoreAnyone,
        WritePolicy::Nobody => Id::TableStoreNobody,
    };
    let root = printable(given.root.as_os_str().as_encoded_bytes());
    say!(messages, Id::TableStore, root = root, who = messages.text(who))
}
