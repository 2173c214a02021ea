//! A conversation as data: what a client does, and what came of it, in a form that does not depend
//! on the time that anything took.

use std::io::{ErrorKind, Read as _};

use colok::observe::Event;
use rustix::net::sockopt::set_socket_linger;

use crate::support::{Client, Running};

/// What a client does next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Sends this, and reads until all replies to it are there, or the end.
    Say(Vec<u8>),
    /// Sends this and reads no reply.
    Mutter(Vec<u8>),
    /// Waits until at least one byte lies there, and reads nothing.
    Peek,
}

/// How a client ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Ends its side and reads to the end.
    HalfClose,
    /// Closes.
    Close,
    /// Resets.
    Reset,
    /// Waits until the server ends.
    Wait,
}

impl Ending {
    pub(super) const ALL: [Self; 3] = [Self::HalfClose, Self::Close, Self::Reset];
}

/// A whole conversation.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) ending: Ending,
}

/// How the server answers, so that a client knows when an answer is whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answers {
    /// With every byte.
    Echo,
    /// With a line for each line.
    Lines,
    /// With this many bytes for each message.
    Bytes(usize),
    /// Not at all.
    Nothing,
}

/// What came of a conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    output: String,
    reset: bool,
    reason: String,
    bytes_received: u64,
    bytes_sent: u64,
    /// Length and beginning of every message, where the log has them.
    messages: Vec<(u64, String)>,
    /// Bytes that were told of as replies, where the log has them.
    replied: u64,
}

/// Plays a script against a server that serves nobody else.
pub(super) fn play(server: &mut Running, answers: Answers, script: &Script) -> Outcome {
    let mut client = server.connect();
    let mut heard = Heard { bytes: Vec::new(), ended: false, reset: false };
    let mut said = Vec::new();
    let mut messages = 0;
    for step in &script.steps {
        if heard.ended {
            break;
        }
        match step {
            Step::Say(bytes) => {
                client.send(bytes);
                said.extend_from_slice(bytes);
                messages += 1;
                heard.until(&mut client, |heard| match answers {
                    Answers::Echo => heard.len() >= said.len(),
                    Answers::Lines => lines(heard) >= lines(&said),
                    Answers::Bytes(length) => heard.len() >= length * messages,
                    Answers::Nothing => true,
                });
            }
            Step::Mutter(bytes) => {
                client.send(bytes);
                said.extend_from_slice(bytes);
            }
            Step::Peek => peek(&client),
        }
    }
    match script.ending {
        Ending::HalfClose => {
            client.half_close();
            heard.until(&mut client, |_| false);
        }
        Ending::Wait => heard.until(&mut client, |_| false),
        Ending::Close => {}
        Ending::Reset => reset(&client),
    }
    drop(client);
    outcome(server, &heard)
}

fn lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

/// What a client has heard.
struct Heard {
    bytes: Vec<u8>,
    ended: bool,
    reset: bool,
}

impl Heard {
    fn until(&mut self, client: &mut Client, whole: impl Fn(&[u8]) -> bool) {
        let mut buffer = [0; 4096];
        while !self.ended && !whole(&self.bytes) {
            match client.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(length) => self.bytes.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    (self.ended, self.reset) = (true, true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}; so far {} bytes", self.bytes.len()),
            }
        }
    }
}

fn peek(client: &Client) {
    let mut one = [0];
    let flags = rustix::net::RecvFlags::PEEK;
    let peeked = match client {
        Client::Tcp(stream) => rustix::net::recv(stream, &mut one, flags),
        Client::Unix(stream) => rustix::net::recv(stream, &mut one, flags),
    };
    assert!(peeked.is_ok_and(|(length, _)| length == 1), "a byte comes");
}

/// From now on closing is resetting (TCP; a Unix socket has nothing of the kind).
pub(super) fn reset(client: &Client) {
    if let Client::Tcp(stream) = client {
        set_socket_linger(stream, Some(std::time::Duration::ZERO)).expect("an option");
    }
}

/// Waits until the server says that the connection is closed.
fn outcome(server: &mut Running, heard: &Heard) -> Outcome {
    let (mut messages, mut replied) = (Vec::new(), 0);
    loop {
        let event = server.wait_for(|event| Some(event.clone()));
        match event {
            Event::Message { bytes, text, .. } => {
                // Whether a carriage return at the beginning is shown depends on where the stream
                // was cut, which is the kernel's affair.
                let text = text.trim_start_matches("\\r").chars().take(10).collect();
                messages.push((bytes, text));
            }
            Event::Replied { bytes, .. } => replied += bytes,
            Event::Closed { reason, bytes_received, bytes_sent, .. } => {
                let output = heard.bytes.escape_ascii().to_string();
                let reset = heard.reset;
                return Outcome {
                    output,
                    reset,
                    reason,
                    bytes_received,
                    bytes_sent,
                    messages,
                    replied,
                };
            }
            _ => {}
        }
    }
}
