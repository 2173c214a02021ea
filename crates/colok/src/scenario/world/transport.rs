//! The runner's side of a world: lines that go in, each with the name of its host before it, and
//! lines that come out.
//!
//! A line without a name is from the world itself. A name without more says, inwards, that the
//! orders of that host end, and, outwards, that its agent has.

use std::io::{self, BufReader};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use super::WorldError;
use crate::scenario::host::{
    Heard, HeardSender, ORDER_BYTES_MAX, Transport, WORD_BYTES_MAX, patient, word_of,
};

/// What a world says of itself.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Said {
    /// It is made.
    Ready {
        /// The directory of the folders of its hosts, which is empty outside of it.
        scratch: String,
    },
    /// It cannot be made.
    Failed(WorldError),
}

/// The way into a world, for all of its hosts.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    stdin: Arc<Mutex<Option<ChildStdin>>>,
}

impl Shared {
    pub(super) fn new(stdin: Option<ChildStdin>) -> Self {
        Self { stdin: Arc::new(Mutex::new(stdin)) }
    }

    /// Writes a whole line, newline included.
    pub(super) fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let written = patient::write_all(pipe, line, patient::PATIENCE);
        if written.is_err() {
            // It may have half a line: nothing can follow that, so the world ends.
            *stdin = None;
        }
        written
    }

    /// Ends all orders.
    pub(super) fn close(&self) {
        self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// The orders of one host.
pub(super) struct Orders {
    name: String,
    world: Shared,
}

impl Orders {
    pub(super) fn new(name: &str, world: &Shared) -> Self {
        Self { name: name.to_owned(), world: world.clone() }
    }
}

impl Transport for Orders {
    fn send(&mut self, line: &[u8]) -> io::Result<()> {
        if line.len() as u64 > ORDER_BYTES_MAX {
            return Err(io::Error::other("an order that is too long"));
        }
        self.world.write(&[self.name.as_bytes(), b" ", line, b"\n"].concat())
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        // A world that is gone has ended them already.
        let _ = self.world.write(&[self.name.as_bytes(), b"\n"].concat());
    }
}

/// Takes what a world says, on a thread of its own, until it ends. Every host that was not gone by
/// then is told to be gone, if the world was ever ready.
pub(super) fn listen(
    words: ChildStdout,
    names: Vec<String>,
    said: Sender<Said>,
    heard: HeardSender,
) {
    std::thread::spawn(move || {
        let mut listener = Listener { here: vec![true; names.len()], names, said, heard };
        let mut words = BufReader::new(words);
        let mut line = Vec::new();
        while let Ok(true) = read_line(&mut words, &mut line, WORD_BYTES_MAX) {
            if listener.take(&line).is_none() {
                return;
            }
        }
        for host in 0..listener.names.len() {
            if listener.gone(host, "its world has ended").is_none() {
                return;
            }
        }
    });
}

struct Listener {
    names: Vec<String>,
    /// Which of them are not gone.
    here: Vec<bool>,
    said: Sender<Said>,
    heard: HeardSender,
}

impl Listener {
    /// Takes a line; `None` when nobody wants to know any more.
    fn take(&mut self, line: &[u8]) -> Option<()> {
        let (name, rest) = split(line);
        if name.is_empty() {
            if let Ok(said) = serde_json::from_slice(rest.unwrap_or_default()) {
                // Who makes the world waits for the first one only.
                let _ = self.said.send(said);
            }
            return Some(());
        }
        let Some(host) = self.names.iter().position(|host| host.as_bytes() == name) else {
            return Some(());
        };
        match rest.map(word_of) {
            Some(Ok(word)) => self.heard.send((host, Heard::Word(word))).ok(),
            Some(Err(error)) => self.gone(host, &format!("its agent made no sense: {error}")),
            None => self.gone(host, "its agent has ended"),
        }
    }

    fn gone(&mut self, host: usize, why: &str) -> Option<()> {
        let here = self.here.get_mut(host)?;
        if std::mem::replace(here, false) {
            return self.heard.send((host, Heard::Gone(why.to_owned()))).ok();
        }
        Some(())
    }
}

/// The name of a line, and what follows it, if anything.
pub(super) fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(space) => (&line[..space], Some(&line[space + 1..])),
        None => (line, None),
    }
}

/// Reads a line without its newline; false at the end. A line that is too long is an error.
pub(super) fn read_line(
    reader: &mut impl io::BufRead,
    line: &mut Vec<u8>,
    bytes_max: u64,
) -> io::Result<bool> {
    use std::io::{BufRead as _, Read as _};

    /// Room for the name and the newline.
    const BESIDES: u64 = 128;
    line.clear();
    reader.take(bytes_max + BESIDES).read_until(b'\n', line)?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(true);
    }
    // Half a line at the end is nothing.
    if line.len() as u64 >= bytes_max { Err(io::ErrorKind::InvalidData.into()) } else { Ok(false) }
}
