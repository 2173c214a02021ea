//! An echo that is wrong by an exact plan: one fault in each so many messages, of each kind in
//! turn, at a place that a seed says. It keeps its own account of what it did.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::servers::{Stream, lines, tcp, unix};
use crate::support::Random;

/// What is done to one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One bit of one byte is turned: any byte, the newline included.
    Bit,
    /// A byte is a newline that is none, or the newline at the end is a letter.
    Newline,
    /// All of it is something else, but for the newline.
    Overwrite,
    /// It loses bytes at its end. Datagrams only.
    Cut,
    /// It has a byte more at its end. Datagrams only.
    Longer,
    /// It loses bytes behind its first 20, the newline too. On a stream with several open only: the
    /// next reply shows that no more comes.
    Short,
    /// The same, but the newline is there.
    ShortLine,
    /// It has a byte more somewhere.
    Insert,
    /// It never comes.
    Drop,
    /// It comes twice.
    Duplicate,
    /// It comes after the next one of its connection.
    Swap,
    /// It goes to another connection, whose own comes here: two wrong replies.
    Cross,
}

/// What a server did, counted by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) messages: u64,
    pub(crate) wrong: u64,
    pub(crate) dropped: u64,
    pub(crate) duplicated: u64,
    pub(crate) swapped: u64,
}

/// Which messages meet a fault.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// One in so many.
    pub(crate) every: u64,
    /// None from here on, so that each fault comes to light before the last message.
    pub(crate) end: u64,
    /// Each in turn.
    pub(crate) kinds: &'static [Fault],
    pub(crate) seed: u64,
}

impl Schedule {
    /// The fault of a message, and random bits for it.
    fn fault(&self, number: u64) -> Option<(Fault, u64)> {
        let block = number / self.every;
        let mut random = Random::new(self.seed ^ block << 16);
        // Those that need the next message too have it in the same block.
        let place = random.below(self.every - 1);
        let kinds = self.kinds.len() as u64;
        let kind = self.kinds[usize::try_from(block % kinds).expect("a few")];
        let at = number % self.every;
        let is_it = at == place || kind == Fault::Cross && at == place + 1;
        (is_it && number < self.end).then(|| (kind, random.next() ^ at))
    }
}

/// The server; see the module.
#[derive(Debug)]
pub(crate) struct FaultServer {
    schedule: Schedule,
    account: Mutex<Account>,
    /// A reply that waits for one to cross with.
    crossing: Mutex<Option<(Arc<Stream>, Vec<u8>)>>,
}

impl FaultServer {
    pub(crate) fn new(schedule: Schedule) -> Arc<Self> {
        Arc::new(Self { schedule, account: Mutex::default(), crossing: Mutex::default() })
    }

    pub(crate) fn account(&self) -> Account {
        *self.account.lock().expect("nobody fails with it")
    }

    pub(crate) fn on_tcp(self: &Arc<Self>) -> String {
        let server = Arc::clone(self);
        tcp(move |stream, _| server.serve(stream))
    }

    pub(crate) fn on_unix(self: &Arc<Self>) -> String {
        let server = Arc::clone(self);
        unix(move |stream, _| server.serve(stream))
    }

    pub(crate) fn on_udp(self: &Arc<Self>) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
        let place = socket.local_addr().expect("it is bound");
        let server = Arc::clone(self);
        thread::spawn(move || server.serve_datagrams(&socket));
        format!("udp://{place}")
    }

    fn serve(&self, stream: Stream) {
        let stream = Arc::new(stream);
        let mut held = None;
        lines(&stream, |line| {
            let fault = self.next_fault();
            if let Some((Fault::Cross, _)) = fault {
                self.cross(&stream, line);
                return Ok(());
            }
            let mut out = Vec::new();
            self.reply(fault, line, &mut held, |reply| out.extend_from_slice(reply));
            (&*stream).write_all(&out)
        });
    }

    fn serve_datagrams(&self, socket: &UdpSocket) {
        let mut buffer = vec![0; 65_536];
        let mut peers: HashMap<SocketAddr, Option<Vec<u8>>> = HashMap::new();
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let mut message = buffer[..length].to_vec();
            let held = peers.entry(peer).or_default();
            self.reply(self.next_fault(), &mut message, held, |reply| {
                // A client that has gone away is not waited for.
                let _ = socket.send_to(reply, peer);
            });
        }
    }

    fn next_fault(&self) -> Option<(Fault, u64)> {
        let mut account = self.account.lock().expect("nobody fails with it");
        let number = account.messages;
        account.messages += 1;
        let fault = self.schedule.fault(number);
        match fault.map(|(fault, _)| fault) {
            None => {}
            Some(Fault::Drop) => account.dropped += 1,
            Some(Fault::Duplicate) => account.duplicated += 1,
            Some(Fault::Swap) => account.swapped += 1,
            Some(_) => account.wrong += 1,
        }
        fault
    }

    /// Sends what the client gets for this message. `held` is a reply that waits for the next.
    fn reply(
        &self,
        fault: Option<(Fault, u64)>,
        message: &mut Vec<u8>,
        held: &mut Option<Vec<u8>>,
        mut send: impl FnMut(&[u8]),
    ) {
        match fault {
            Some((Fault::Drop, _)) => return,
            Some((Fault::Swap, _)) if held.is_none() => {
                *held = Some(message.clone());
                return;
            }
            Some((Fault::Swap, _)) => self.not_swapped(),
            Some((Fault::Duplicate, _)) => send(message),
            Some((fault, bits)) => {
                spoil(fault, bits, message);
                // Behind a wrong reply it would not be out of order.
                if let Some(held) = held.take() {
                    self.not_swapped();
                    send(&held);
                }
            }
            None => {}
        }
        send(message);
        if let Some(held) = held.take() {
            send(&held);
        }
    }

    fn not_swapped(&self) {
        self.account.lock().expect("nobody fails with it").swapped -= 1;
    }

    /// The first waits; the second, of another connection, sends both.
    fn cross(&self, stream: &Arc<Stream>, line: &[u8]) {
        let mut crossing = self.crossing.lock().expect("nobody fails with it");
        match crossing.take() {
            None => *crossing = Some((Arc::clone(stream), line.to_vec())),
            Some((other, reply)) => {
                if Arc::ptr_eq(&other, stream) {
                    // Nobody else came in time, and the first was given up for lost.
                    let mut account = self.account.lock().expect("nobody fails with it");
                    (account.wrong, account.dropped) = (account.wrong - 2, account.dropped + 1);
                    let _ = (&**stream).write_all(line);
                    return;
                }
                // A client that has gone away is not waited for.
                let _ = (&*other).write_all(line);
                let _ = (&**stream).write_all(&reply);
            }
        }
    }
}

/// Makes a reply wrong.
fn spoil(fault: Fault, bits: u64, reply: &mut Vec<u8>) {
    let length = reply.len();
    let at = usize::try_from((bits >> 8) % length as u64).expect("it is a place in it");
    let last = length - 1;
    match fault {
        Fault::Bit => reply[at] ^= 1 << (bits % 8),
        Fault::Newline => reply[at] = if at == last { b'x' } else { b'\n' },
        Fault::Overwrite => reply[..last].fill(b'~'),
        Fault::Cut => reply.truncate(at),
        Fault::Longer => reply.push(b'\n'),
        Fault::Short => reply.truncate(at.clamp(20, last)),
        Fault::ShortLine => {
            reply.truncate(at.clamp(20, last - 1));
            reply.push(b'\n');
        }
        Fault::Insert => reply.insert(at, b'~'),
        _ => unreachable!("it spoils nothing"),
    }
}
