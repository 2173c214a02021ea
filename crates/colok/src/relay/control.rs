//! The control socket: JSON lines that ask for other faults or for the counts, one answer each.
//!
//! Whoever may open the socket file may do this: its folder and its permissions are the lock.

use std::future::poll_fn;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use colok_sys::readiness::Registered;
use rustix::io::Errno;
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::fault::Fault;
use super::shared::Shared;
use super::side::{Side, registered};
use crate::observe::{Calls, Tap};

/// The longest line that is read, in bytes.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// How long accepting pauses when it fails.
const PAUSE: Duration = Duration::from_millis(50);

/// What may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// These faults are to hold.
    faults: Option<Vec<Written>>,
    /// The counts are wanted.
    #[serde(default)]
    status: bool,
}

/// A fault as an object or as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Object(Box<serde_json::Value>),
}

/// Answers whoever connects, as long as the relay runs.
pub(super) async fn serve<T: Tap>(listener: Registered, shared: Rc<Shared<T>>) {
    loop {
        match Calls::new(&shared.tap).accept(listener.as_fd()) {
            Ok((socket, _)) => {
                spawn_local(answer_all(socket, shared.clone()));
            }
            Err(Errno::AGAIN) => {
                listener.clear_readable();
                poll_fn(|context| listener.poll_readable(context)).await;
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Answers each line until the client ends.
async fn answer_all<T: Tap>(socket: OwnedFd, shared: Rc<Shared<T>>) {
    let Ok(socket) = registered(socket, Calls::new(&shared.tap)) else { return };
    let mut side = Side::new(socket);
    let mut lines = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        poll_fn(|context| {
            if side.poll_read(context) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        match side.read(&mut buffer, Calls::new(&shared.tap)) {
            None => continue,
            // A last line may lack its newline.
            Some(Ok(0)) if lines.is_empty() => return,
            Some(Ok(0)) => lines.push(b'\n'),
            Some(Ok(length)) => lines.extend_from_slice(&buffer[..length]),
            Some(Err(_)) => return,
        }
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = lines.drain(..=end).collect();
            if line.trim_ascii().is_empty() {
                continue;
            }
            let answer = answer(&line, &shared);
            if send(&mut side, answer.as_bytes(), &shared).await.is_err() {
                return;
            }
        }
        if lines.len() > LINE_BYTES_MAX {
            return;
        }
    }
}

/// The answer to one line, with its newline.
fn answer<T: Tap>(line: &[u8], shared: &Shared<T>) -> String {
    let answer = match act(line, shared) {
        Ok(()) => serde_json::to_string(&shared.status()),
        Err(error) => serde_json::to_string(&json!({ "error": error })),
    };
    // Plain data always has a JSON form.
    answer.unwrap_or_default() + "\n"
}

fn act<T: Tap>(line: &[u8], shared: &Shared<T>) -> Result<(), String> {
    let request: Request = serde_json::from_slice(line).map_err(|error| {
        let what = if error.is_data() { "no order" } else { "no JSON" };
        format!("this is {what}: {error}")
    })?;
    let Some(written) = request.faults else {
        let asks = "ask for {\"status\":true} or give {\"faults\":[...]}";
        return if request.status { Ok(()) } else { Err(asks.to_owned()) };
    };
    let faults: Result<Vec<Fault>, String> = written.into_iter().map(fault).collect();
    shared.replace(&faults?)
}

fn fault(written: Written) -> Result<Fault, String> {
    match written {
        Written::Text(text) => text.parse().map_err(|error| format!("`{text}`: {error}")),
        Written::Object(object) => {
            serde_json::from_value(*object).map_err(|error| error.to_string())
        }
    }
}

async fn send<T: Tap>(side: &mut Side, mut bytes: &[u8], shared: &Shared<T>) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let sent = side.write(bytes, false, Calls::new(&shared.tap))?;
        bytes = &bytes[sent..];
        if !side.writable {
            poll_fn(|context| {
                if side.poll_write(context) {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            })
            .await;
        }
    }
    Ok(())
}
