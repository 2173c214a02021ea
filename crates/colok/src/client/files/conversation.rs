//! One connection to a file server: requests go out, answers come in, neither waits for the other.
//!
//! Every wait watches the socket both ways and the interrupt, and has an end. While bytes are sent
//! whatever the server says is read, so a refusal with megabytes on the way is known at once. When
//! a send fails, what the server said before it closed is read before anything is reported.
//!
//! It knows neither files nor what an answer means for them.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use colok_proto::files::{Answer, Client, Durability, Name, PUSH_BYTES_MAX, Refused, ServerHello};
use colok_proto::{Peer, Time};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, sockopt};

use super::FileClient;
use super::problem::{Activity, FilesError, Refusal};
use crate::client::connect::Connection;
use crate::client::wait::{READABLE, WRITABLE, earliest, wait};
use crate::net::url::Transport;
use crate::observe::{Calls, Tap, printable};

/// Room for what a server says while nothing else is received: a page of names comes in pieces.
const INPUT_BYTES: usize = 64 * 1024;

/// How long a receive waits for a whole buffer before it looks around for the interrupt.
const RECEIVE_SLICE: Duration = Duration::from_millis(200);

/// Keepalive: a server that is gone without a word is noticed within a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// A connection on which the server has answered the greeting.
pub(super) struct Conversation<'a, T: Tap> {
    parent: &'a FileClient<'a, T>,
    connection: Connection,
    calls: Calls<'a, T>,
    /// Writes requests and reads answers.
    client: Client,
    /// Lines and small files that wait to be sent, and how much of them was.
    output: Vec<u8>,
    output_sent: usize,
    /// What has come and is not used.
    input: Box<[u8]>,
    input_start: usize,
    input_end: usize,
    /// When a byte last came or went, or a wait began.
    last_moved: Time,
    hello: Option<ServerHello>,
    /// Nothing more can be asked.
    over: bool,
}

impl<'a, T: Tap> Conversation<'a, T> {
    /// Connects and greets.
    pub(super) fn open(
        parent: &'a FileClient<'a, T>,
        durability: Option<Durability>,
    ) -> Result<Self, FilesError> {
        let connection = parent.connect()?;
        let mut conversation = Self {
            parent,
            connection,
            calls: Calls::new(parent.tap),
            client: Client::default(),
            output: Vec::new(),
            output_sent: 0,
            input: vec![0; INPUT_BYTES].into(),
            input_start: 0,
            input_end: 0,
            last_moved: parent.clock.now(),
            hello: None,
            over: false,
        };
        conversation.prepare_socket();
        let token = parent.options.token.as_ref().map(super::AccessToken::as_str);
        conversation.request(|client, out| client.hello(token, durability, out));
        match conversation.answer(Activity::Greeting)? {
            Answer::Hello(hello) => conversation.hello = Some(hello),
            Answer::Refused(refused) => return Err(conversation.refused(None, &refused)),
            other => return Err(conversation.unexpected(Activity::Greeting, &other)),
        }
        Ok(conversation)
    }

    /// What can be set is set; without it things work, only a lost server is noticed later.
    fn prepare_socket(&self) {
        let socket = self.socket();
        // Waiting is chosen for each call here, so that a receive may wait for a whole buffer.
        let run = || rustix::io::ioctl_fionbio(socket, false);
        let _ = self.calls.observe("ioctl", Some(socket), || "FIONBIO, 0".into(), run, |()| 0);
        let slice = Some(RECEIVE_SLICE);
        let set = || sockopt::set_socket_timeout(socket, sockopt::Timeout::Recv, slice);
        let _ = self.calls.set_option(socket, "SO_RCVTIMEO", set);
        if self.connection.transport() != Transport::Tcp {
            return;
        }
        let set = || {
            sockopt::set_tcp_keepidle(socket, KEEPALIVE_IDLE)?;
            sockopt::set_tcp_keepintvl(socket, KEEPALIVE_INTERVAL)?;
            sockopt::set_tcp_keepcnt(socket, KEEPALIVE_PROBES)?;
            sockopt::set_socket_keepalive(socket, true)
        };
        let _ = self.calls.set_option(socket, "SO_KEEPALIVE", set);
    }

    pub(super) fn peer(&self) -> &Peer {
        self.connection.peer()
    }

    /// Whether the server can do it: `push`, `resume`.
    pub(super) fn can(&self, ability: &str) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.can(ability))
    }

    /// The largest file that may be pushed, in bytes; `None` when none may.
    pub(super) fn push_bytes_max(&self) -> Option<u64> {
        let hello = self.hello.as_ref().filter(|hello| hello.can("push"))?;
        Some(hello.push_bytes_max.min(PUSH_BYTES_MAX))
    }

    /// Whether nothing more can be asked on this connection.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether nothing is under way, so that anything may be asked.
    pub(super) fn is_idle(&self) -> bool {
        !self.over && self.client.due() == 0 && self.unsent() == 0
    }

    /// Closes the connection at once. When nothing is under way the server sees a normal end; a
    /// good bye would only make it answer a socket that is gone.
    pub(super) fn close(self) {
        self.connection.close(self.parent.tap);
    }

    /// Puts a request behind what waits to be sent.
    pub(super) fn request(&mut self, write: impl FnOnce(&mut Client, &mut Vec<u8>)) {
        write(&mut self.client, &mut self.output);
    }

    /// How much waits to be sent, in bytes.
    pub(super) fn unsent(&self) -> usize {
        self.output.len() - self.output_sent
    }

    /// Appends bytes to what waits to be sent.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// The next answer, after sending what waits.
    pub(super) fn answer(&mut self, activity: Activity) -> Result<Answer, FilesError> {
        self.last_moved = self.parent.clock.now();
        if let Some(answer) = self.send(&[], activity)? {
            return Ok(answer);
        }
        loop {
            if let Some(answer) = self.parse(activity)? {
                return Ok(answer);
            }
            self.wait_for(PollFlags::empty(), None, activity)?;
            self.receive(activity)?;
        }
    }

    /// An answer that has come already.
    pub(super) fn answer_held(&mut self, activity: Activity) -> Result<Option<Answer>, FilesError> {
        self.parse(activity)
    }

    /// Sends what waits, then `bytes`. Stops when an answer comes and returns it; how much of the
    /// bytes has left by then is not known to the caller, but what waits still does.
    pub(super) fn send(
        &mut self,
        bytes: &[u8],
        activity: Activity,
    ) -> Result<Option<Answer>, FilesError> {
        self.last_moved = self.parent.clock.now();
        let mut sent = 0;
        if let Some(answer) = self.parse(activity)? {
            return Ok(Some(answer));
        }
        while self.unsent() > 0 || sent < bytes.len() {
            let ready = self.wait_for(PollFlags::OUT, None, activity)?;
            if ready.socket.intersects(READABLE) {
                self.receive(activity)?;
                if let Some(answer) = self.parse(activity)? {
                    return Ok(Some(answer));
                }
            }
            if !ready.socket.intersects(WRITABLE) {
                continue;
            }
            let result = if self.unsent() > 0 {
                let output = std::mem::take(&mut self.output);
                let result = self.send_now(&output[self.output_sent..]);
                self.output = output;
                result.map(|length| self.left(length))
            } else {
                self.send_now(&bytes[sent..]).map(|length| sent += length)
            };
            if let Err(errno) = result {
                return self.last_words(activity, errno).map(Some);
            }
        }
        Ok(None)
    }

    /// Waits until `input` can be read, the server says something, or the time is over. The
    /// deadline and the interrupt are errors.
    pub(super) fn wait_for_input(
        &mut self,
        input: BorrowedFd<'_>,
        within: Duration,
    ) -> Result<InputReady, FilesError> {
        let until = self.parent.clock.now() + within;
        let ready = self.poll(PollFlags::IN, Some(input), Some(until), Activity::Sending)?;
        if ready.socket.intersects(READABLE) {
            self.receive(Activity::Sending)?;
            if let Some(answer) = self.parse(Activity::Sending)? {
                return Ok(InputReady::Answered(Box::new(answer)));
            }
        }
        Ok(if ready.other { InputReady::Readable } else { InputReady::Nothing })
    }

    /// Receives bytes of a file: as many as `buffer` holds, or fewer when they come slowly, but at
    /// least one.
    pub(super) fn receive_body(&mut self, buffer: &mut [u8]) -> Result<usize, FilesError> {
        self.last_moved = self.parent.clock.now();
        let held = &self.input[self.input_start..self.input_end];
        if !held.is_empty() {
            let length = held.len().min(buffer.len());
            buffer[..length].copy_from_slice(&held[..length]);
            self.input_start += length;
            return Ok(length);
        }
        loop {
            self.parent.may_go_on(Activity::Receiving)?;
            match self.receive_now(buffer, RecvFlags::WAITALL) {
                Ok(0) => return Err(self.lost(Activity::Receiving, None)),
                Ok(length) => return Ok(length),
                Err(Errno::AGAIN | Errno::INTR) => {
                    let now = self.parent.clock.now();
                    let patience = self.parent.patience(Activity::Receiving);
                    self.out_of_time(now, self.last_moved + patience, Activity::Receiving)?;
                }
                Err(errno) => return Err(self.lost(Activity::Receiving, Some(errno))),
            }
        }
    }

    /// A refusal as an error about a file, or about none.
    pub(super) fn refused(&mut self, name: Option<&Name>, refused: &Refused) -> FilesError {
        self.over |= refused.closes;
        Refusal::of(name, refused).into()
    }

    /// An answer that is right for the protocol and wrong for what was asked.
    pub(super) fn unexpected(&mut self, during: Activity, answer: &Answer) -> FilesError {
        self.wrong(during, format!("{answer:?}"))
    }

    /// Something that no file store says here, told in words.
    pub(super) fn wrong(&mut self, during: Activity, said: String) -> FilesError {
        self.over = true;
        self.not_a_store(during, said)
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.connection.socket()
    }

    /// Sends what the kernel takes now.
    fn send_now(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let socket = self.connection.socket();
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let run = || rustix::net::send(socket, bytes, flags);
        let arguments = || format!("{} bytes", bytes.len());
        let mut account = self.connection.account();
        match self.calls.observe("sendto", Some(socket), arguments, run, count) {
            Ok(length) => {
                if let Some(account) = &mut account {
                    account.sent(&bytes[..length]);
                }
                self.last_moved = self.parent.clock.now();
                Ok(length)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(errno) => {
                if let Some(account) = &mut account {
                    account.failed("sendto", errno);
                }
                Err(errno)
            }
        }
    }

    /// So much of what waited has been sent.
    fn left(&mut self, length: usize) {
        self.output_sent += length;
        if self.output_sent == self.output.len() {
            self.output.clear();
            self.output_sent = 0;
        }
    }

    fn receive_now(&mut self, buffer: &mut [u8], flags: RecvFlags) -> Result<usize, Errno> {
        let socket = self.connection.socket();
        let length = buffer.len();
        let run = || rustix::net::recv(socket, &mut *buffer, flags).map(|(received, _)| received);
        let result =
            self.calls.observe("recvfrom", Some(socket), || length.to_string(), run, count);
        if result.is_ok() {
            self.last_moved = self.parent.clock.now();
        }
        if let Some(mut account) = self.connection.account() {
            match result {
                Ok(0) => account.peer_ended(),
                Ok(length) => account.received(&buffer[..length], None),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => account.failed("recvfrom", errno),
            }
        }
        result
    }

    /// Receives what is there into the input. The end of the stream is an error, since everybody
    /// who receives waits for an answer.
    fn receive(&mut self, activity: Activity) -> Result<(), FilesError> {
        match self.receive_some() {
            Ok(0) => Err(self.lost(activity, None)),
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(errno) => Err(self.lost(activity, Some(errno))),
        }
    }

    fn receive_some(&mut self) -> Result<usize, Errno> {
        if self.input_start == self.input_end {
            (self.input_start, self.input_end) = (0, 0);
        } else if self.input_end == self.input.len() {
            self.input.copy_within(self.input_start..self.input_end, 0);
            (self.input_start, self.input_end) = (0, self.input_end - self.input_start);
        }
        let mut input = std::mem::take(&mut self.input);
        let result = self.receive_now(&mut input[self.input_end..], RecvFlags::DONTWAIT);
        self.input = input;
        self.input_end += *result.as_ref().unwrap_or(&0);
        result
    }

    /// The next answer of the input, when it is whole.
    fn parse(&mut self, during: Activity) -> Result<Option<Answer>, FilesError> {
        let held = &self.input[self.input_start..self.input_end];
        match self.client.answer(held) {
            Ok((used, answer)) => {
                self.input_start += used;
                Ok(answer)
            }
            Err(error) => Err(self.wrong(during, error.to_string())),
        }
    }

    /// After a failed send: what the server said before it closed is still in our kernel.
    fn last_words(&mut self, during: Activity, errno: Errno) -> Result<Answer, FilesError> {
        loop {
            if let Some(answer) = self.parse(during)? {
                return Ok(answer);
            }
            match self.receive_some() {
                Ok(1..) | Err(Errno::INTR) => {}
                _ => return Err(self.lost(during, Some(errno))),
            }
        }
    }

    /// Waits for the socket, for as long as the activity may be silent.
    fn wait_for(
        &mut self,
        events: PollFlags,
        other: Option<BorrowedFd<'_>>,
        activity: Activity,
    ) -> Result<Ready, FilesError> {
        let until = self.last_moved + self.parent.patience(activity);
        loop {
            let ready = self.poll(events | PollFlags::IN, other, Some(until), activity)?;
            if !ready.socket.is_empty() || ready.other {
                return Ok(ready);
            }
            self.out_of_time(self.parent.clock.now(), until, activity)?;
        }
    }

    fn poll(
        &self,
        events: PollFlags,
        other: Option<BorrowedFd<'_>>,
        until: Option<Time>,
        activity: Activity,
    ) -> Result<Ready, FilesError> {
        self.parent.may_go_on(activity)?;
        let socket = self.socket();
        // A descriptor that is watched for nothing stands in for one that is not there.
        let interrupt = self.parent.options.interrupt.as_ref();
        let (wake, wake_events) = interrupt
            .map_or((socket, PollFlags::empty()), |interrupt| (interrupt.wake(), PollFlags::IN));
        let other_events = if other.is_some() { PollFlags::IN } else { PollFlags::empty() };
        let mut watched = [
            PollFd::from_borrowed_fd(socket, events),
            PollFd::from_borrowed_fd(wake, wake_events),
            PollFd::from_borrowed_fd(other.unwrap_or(socket), other_events),
        ];
        let until = earliest(until, self.parent.options.connect.deadline);
        wait(&mut watched, until, self.parent.clock)
            .map_err(|errno| self.connection.failed("poll", errno))?;
        self.parent.stop_if_interrupted()?;
        let [socket, _, input] = watched.map(|one| one.revents());
        let other = other.is_some() && input.intersects(READABLE);
        if socket.is_empty() && !other {
            self.parent.may_go_on(activity)?;
        }
        Ok(Ready { socket, other })
    }

    fn out_of_time(&mut self, now: Time, until: Time, during: Activity) -> Result<(), FilesError> {
        if now < until {
            return Ok(());
        }
        self.over = true;
        let after = self.parent.patience(during);
        Err(FilesError::Silent { address: self.parent.server(), during, after })
    }

    /// The error of a connection on which nothing more can be asked.
    pub(super) fn lost(&mut self, during: Activity, errno: Option<Errno>) -> FilesError {
        self.over = true;
        FilesError::Lost { address: self.parent.server(), during, errno }
    }

    fn not_a_store(&self, during: Activity, said: String) -> FilesError {
        FilesError::NotAStore { address: self.parent.server(), during, said }
    }
}

/// What a wait found.
#[derive(Clone, Copy, Debug)]
struct Ready {
    socket: PollFlags,
    other: bool,
}

/// What came first: something to send, or something from the server.
#[derive(Debug)]
pub(super) enum InputReady {
    /// The input can be read, or has ended.
    Readable,
    /// The server said something.
    Answered(Box<Answer>),
    /// Neither, within the time.
    Nothing,
}

impl Refusal {
    /// A refusal of the protocol, about a file or none.
    fn of(name: Option<&Name>, refused: &Refused) -> Self {
        Self {
            name: name.cloned(),
            code: refused.code,
            text: printable(refused.text.as_bytes()),
            size: refused.size,
            hash: refused.hash,
            limit: refused.limit,
            errno: refused.errno,
        }
    }
}

impl<T: Tap> FileClient<'_, T> {
    /// How long the server may be silent meanwhile.
    fn patience(&self, activity: Activity) -> Duration {
        match activity {
            Activity::Greeting | Activity::Sending | Activity::Receiving => {
                self.options.reply_timeout
            }
            Activity::Asking | Activity::WaitingForReceipt | Activity::Waiting => {
                self.options.work_timeout
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called with what calls return")]
fn count(length: &usize) -> i64 {
    i64::try_from(*length).unwrap_or(i64::MAX)
}
