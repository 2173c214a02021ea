//! The shared secret of a file store, read from a file: never from the command line, where every
//! user of the computer could see it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use colok::client::files::AccessToken;
use colok::observe::printable;

use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// How much of a file is read: more than any secret has.
const READ_MAX: u64 = 64 * 1024;

/// The secret in a file, without the newline at its end.
pub(crate) fn read_token(path: &Path, messages: &Messages) -> Result<String, Problem> {
    let shown = printable(path.as_os_str().as_encoded_bytes());
    let failed = |call| {
        let shown = &shown;
        move |error| Problem::of_file(call, shown, &error)
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed("open"))?;
    file.take(READ_MAX).read_to_end(&mut text).map_err(failed("read"))?;
    let wrong = || {
        Problem::new(Exit::Failed, say!(messages, Id::TokenWrong, file = shown.as_str()))
            .why(messages.text(Id::TokenWrongWhy))
            .next(format!("head -c 24 /dev/urandom | base64 > {shown}"))
    };
    let text = String::from_utf8(text).map_err(|_| wrong())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    AccessToken::new(text).map_err(|_| wrong())?;
    Ok(text.to_owned())
}
