//! A relayed stream: two sockets, a course for each direction, and the loop between them.
//!
//! What happens to bytes is the courses' business; here they are read, written and counted.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use colok_proto::Time;
use rustix::io::Errno;
use tokio::task::yield_now;

use super::course::{Course, End, Step};
use super::event::ClosedConnection;
use super::fault::Direction;
use super::pipe::Pipe;
use super::shared::{Set, Shared};
use super::side::{Alarm, Side};
use crate::observe::{Calls, Tap};

/// What is read at a time, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// Reads of one direction before the others get their turn.
const READS_AT_ONCE_MAX: usize = 8;

/// After how many bytes of a direction a pipe is worth its descriptors.
const PIPE_AFTER_BYTES: u64 = 1024 * 1024;

/// How long both connections of one that was closed are listened to, so that what still comes does
/// not turn the close into a reset.
const LINGER: Duration = Duration::from_secs(5);

thread_local! {
    /// The buffer of the relay's thread, lent to one connection at a time, never across an await.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// One direction.
#[derive(Debug)]
struct Lane {
    course: Course,
    direction: Direction,
    /// The rules whose first effect was told.
    told: Vec<usize>,
    /// Of what came and of what left.
    hashes: Option<Box<[blake3::Hasher; 2]>>,
    /// Whether its end was passed on.
    shut: bool,
    pipe: Piping,
}

/// Whether bytes may go by a pipe.
#[derive(Debug)]
enum Piping {
    /// Not before so much has passed that a pipe is worth it.
    Later,
    Now(Pipe),
    Never,
}

/// Why a connection is over, and who ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) reason: String,
    pub(super) by: &'static str,
}

impl Outcome {
    pub(super) fn new(reason: &str, by: &'static str) -> Self {
        Self { reason: reason.to_owned(), by }
    }
}

/// How a connection goes on after its turn.
enum Turn {
    /// Others first, then on.
    Again,
    /// Wait for a socket, a change, or this time.
    Wait(Option<Time>),
    /// Both directions have ended.
    Done,
    /// Both connections end, because of what came in this direction.
    End(End, Direction),
    /// The relay stops.
    Stop,
}

/// What a direction waits for.
enum Pumped {
    Wait(Option<Time>),
    Again,
    End(End),
}

/// A connection in both directions.
pub(super) struct Stream<T: Tap> {
    shared: Rc<Shared<T>>,
    connection: u64,
    set: Rc<Set>,
    client: Side,
    target: Side,
    up: Lane,
    down: Lane,
    /// Who ended first.
    first_end: Option<&'static str>,
}

impl<T: Tap> Stream<T> {
    pub(super) fn new(shared: Rc<Shared<T>>, connection: u64, client: Side, target: Side) -> Self {
        let set = shared.set();
        let now = shared.now();
        let lane = |direction| Lane {
            course: Course::new(shared.rules(&set, connection, direction), now),
            direction,
            told: Vec::new(),
            hashes: shared.hashes.then(Box::default),
            shut: false,
            pipe: if shared.hashes { Piping::Never } else { Piping::Later },
        };
        let (up, down) = (lane(Direction::Up), lane(Direction::Down));
        Self { shared, connection, set, client, target, up, down, first_end: None }
    }

    /// Relays to the end; the account has everything but names.
    pub(super) async fn run(mut self) -> (Outcome, ClosedConnection) {
        let mut alarm = Alarm::new(self.shared.clock);
        let outcome = loop {
            let turn = self.turn();
            self.note();
            match turn {
                Turn::Again => yield_now().await,
                Turn::Wait(until) => {
                    poll_fn(|context| self.poll(context, until, &mut alarm)).await;
                }
                Turn::Done => {
                    let by = self.first_end.unwrap_or("client");
                    self.linger(&mut alarm).await;
                    break Outcome::new("peer-closed", by);
                }
                Turn::End(end, direction) => break self.end(end, direction, &mut alarm).await,
                Turn::Stop => break Outcome::new("shutdown", "relay"),
            }
        };
        self.note();
        let mut account = ClosedConnection::default();
        self.up.account(&mut account);
        self.down.account(&mut account);
        let resets = outcome.reason == "reset" || outcome.reason.starts_with("io(");
        let calls = Calls::new(&self.shared.tap);
        for side in [self.client, self.target] {
            if resets { side.reset(calls) } else { side.close(calls) }
        }
        (outcome, account)
    }

    /// Moves what can be moved.
    fn turn(&mut self) -> Turn {
        if self.shared.is_stopping() {
            return Turn::Stop;
        }
        self.take_new_faults();
        let now = self.shared.now();
        let calls = Calls::new(&self.shared.tap);
        let up = self.up.pump(&mut self.client, &mut self.target, now, calls);
        // Where both connections end, one direction's doing is enough.
        let over = matches!(up, Pumped::End(_));
        let down = if over {
            Pumped::Wait(None)
        } else {
            self.down.pump(&mut self.target, &mut self.client, now, calls)
        };
        if self.first_end.is_none() {
            self.first_end = match (&self.client, &self.target) {
                (client, _) if !client.gives() || client.error().is_some() => Some("client"),
                (_, target) if !target.gives() || target.error().is_some() => Some("target"),
                _ => None,
            };
        }
        let both_lost = self.up.course.has_lost_its_sink() && self.down.course.has_lost_its_sink();
        match (up, down) {
            (Pumped::End(end), _) => Turn::End(end, Direction::Up),
            (_, Pumped::End(end)) => Turn::End(end, Direction::Down),
            _ if both_lost => Turn::End(End::Reset, Direction::Up),
            _ if self.up.shut && self.down.shut => Turn::Done,
            (Pumped::Again, _) | (_, Pumped::Again) => Turn::Again,
            _ if self.pass_breaks_on(now) => Turn::Again,
            (Pumped::Wait(up), Pumped::Wait(down)) => Turn::Wait(up.into_iter().chain(down).min()),
        }
    }

    /// A side that had ended in order and now takes nothing either was reset. Whether that is
    /// news.
    fn pass_breaks_on(&mut self, now: Time) -> bool {
        let mut news = false;
        for (side, from) in [(&self.client, &mut self.up), (&self.target, &mut self.down)] {
            if side.write_error.is_some() && side.ended {
                news |= from.course.source_was_reset(now);
            }
        }
        news
    }

    fn take_new_faults(&mut self) {
        let set = self.shared.set();
        if set.number == self.set.number {
            return;
        }
        for lane in [&mut self.up, &mut self.down] {
            lane.course.settle();
        }
        self.note();
        let now = self.shared.now();
        for lane in [&mut self.up, &mut self.down] {
            let rules = self.shared.rules(&set, self.connection, lane.direction);
            lane.course.replace(rules, now);
            lane.told.clear();
        }
        self.set = set;
    }

    /// Counts what faults did.
    fn note(&mut self) {
        for lane in [&mut self.up, &mut self.down] {
            let news = lane.course.take_news();
            self.shared.note(&self.set, self.connection, lane.direction, &mut lane.told, news);
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        until: Option<Time>,
        alarm: &mut Alarm,
    ) -> Poll<()> {
        self.shared.watch(self.connection, context.waker());
        let changed = self.shared.is_stopping() || self.shared.set().number != self.set.number;
        let now = self.shared.now();
        let up = wait_for(&mut self.up, &mut self.client, &mut self.target, now, context);
        let down = wait_for(&mut self.down, &mut self.target, &mut self.client, now, context);
        let due = until.is_some_and(|until| alarm.poll(context, until));
        if changed || up || down || due { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ends both connections.
    async fn end(&mut self, end: End, direction: Direction, alarm: &mut Alarm) -> Outcome {
        let (source, sink) = match direction {
            Direction::Up => (&self.client, &self.target),
            Direction::Down => (&self.target, &self.client),
        };
        let stops = || self.shared.is_stopping();
        match end {
            End::Reset => {
                sink.wait_until_taken(stops).await;
                let errno = source.error().unwrap_or(Errno::CONNRESET);
                let by = if direction == Direction::Up { "client" } else { "target" };
                Outcome { reason: format!("io({})", errno.raw_os_error()), by }
            }
            End::ResetBoth => {
                sink.wait_until_taken(stops).await;
                source.wait_until_taken(stops).await;
                Outcome::new("reset", "fault")
            }
            End::CutBoth | End::Shut => {
                let calls = Calls::new(&self.shared.tap);
                self.client.shut(calls);
                self.target.shut(calls);
                self.linger(alarm).await;
                Outcome::new("cut", "fault")
            }
        }
    }

    /// Reads and throws away until both sides have ended, for [`LINGER`] at most.
    async fn linger(&mut self, alarm: &mut Alarm) {
        self.up.course.abandon();
        self.down.course.abandon();
        let until = self.shared.now() + LINGER;
        poll_fn(|context| {
            self.shared.watch(self.connection, context.waker());
            let calls = Calls::new(&self.shared.tap);
            let mut waits = false;
            let now = self.shared.now();
            for (side, lane) in
                [(&mut self.client, &mut self.up), (&mut self.target, &mut self.down)]
            {
                waits |= !lane.drain(side, now, calls, context);
            }
            if !waits || self.shared.is_stopping() || alarm.poll(context, until) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Asks to be woken for what this direction waits for; whether it can go on.
fn wait_for(
    lane: &mut Lane,
    source: &mut Side,
    sink: &mut Side,
    now: Time,
    context: &mut Context<'_>,
) -> bool {
    // While a pipe is full nothing is read: not to be woken for it.
    let reads = source.gives() && lane.course.room() > 0 && lane.piped() == 0;
    let writes = !sink.writable && (lane.course.has_waiting() || lane.piped() > 0);
    let readable = reads && source.poll_read(context);
    let writable = writes && sink.poll_write(context);
    if writable {
        lane.course.sink_goes_on(now);
    }
    readable || writable
}

impl Lane {
    /// Moves bytes from one side to the other until one of them has to be waited for.
    fn pump<T: Tap>(
        &mut self,
        source: &mut Side,
        sink: &mut Side,
        now: Time,
        calls: Calls<'_, T>,
    ) -> Pumped {
        for _ in 0..READS_AT_ONCE_MAX {
            let waits = match self.write(sink, now, calls) {
                Pumped::Wait(until) => until,
                other => return other,
            };
            let read = BUFFER.with_borrow_mut(|buffer| self.read(source, sink, buffer, now, calls));
            if !read {
                return Pumped::Wait(waits);
            }
        }
        Pumped::Again
    }

    /// Writes what is due.
    fn write<T: Tap>(&mut self, sink: &mut Side, now: Time, calls: Calls<'_, T>) -> Pumped {
        self.empty_pipe(sink);
        if self.piped() > 0 {
            return Pumped::Wait(None);
        }
        let apart = self.course.keeps_writes_apart();
        loop {
            match self.course.next(now) {
                Step::Nothing => return Pumped::Wait(None),
                Step::Wait(until) => return Pumped::Wait(Some(until)),
                Step::End(End::Shut) => {
                    sink.shut(calls);
                    self.shut = true;
                    self.course.end_is_done();
                }
                Step::End(end) => {
                    self.course.end_is_done();
                    return Pumped::End(end);
                }
                Step::Send(_) if !sink.writable => return Pumped::Wait(None),
                Step::Send(bytes) => match sink.write(bytes, apart, calls) {
                    Ok(length) => {
                        if let Some(hashes) = &mut self.hashes {
                            hashes[1].update(&bytes[..length]);
                        }
                        if length > 0 {
                            self.course.sent(length);
                        }
                    }
                    Err(errno) => {
                        sink.write_error = Some(errno);
                        self.course.sink_was_lost();
                    }
                },
            }
        }
    }

    /// Reads once; what passes as it comes is written at once. Whether something came, be it the
    /// end.
    fn read<T: Tap>(
        &mut self,
        source: &mut Side,
        sink: &mut Side,
        buffer: &mut [u8],
        now: Time,
        calls: Calls<'_, T>,
    ) -> bool {
        let room = self.course.room().min(buffer.len());
        if room == 0 || self.piped() > 0 || !source.gives() || !source.readable {
            return false;
        }
        if let Some(came) = self.fill_pipe(source, now) {
            return came;
        }
        let bytes = match source.read(&mut buffer[..room], calls) {
            None => return false,
            Some(Ok(0)) => return self.source_ended(source, now),
            Some(Err(errno)) => return self.source_broke(source, errno, now),
            Some(Ok(length)) => &buffer[..length],
        };
        if let Some(hashes) = &mut self.hashes {
            hashes[0].update(bytes);
        }
        if self.course.is_plain() {
            self.pass(bytes, sink, now, calls);
        } else {
            self.course.receive(bytes, now);
        }
        true
    }

    /// Notes the end of the source; always true.
    fn source_ended(&mut self, source: &mut Side, now: Time) -> bool {
        source.ended = true;
        if source.write_error.is_some() {
            self.course.source_was_reset(now);
        } else {
            self.course.source_ended(now);
        }
        true
    }

    /// Notes that the source is broken; always true.
    fn source_broke(&mut self, source: &mut Side, errno: Errno, now: Time) -> bool {
        source.read_error = Some(errno);
        self.course.source_was_reset(now);
        true
    }

    /// Takes what came into a pipe, and says whether something came; `None` where bytes have to be
    /// read.
    fn fill_pipe(&mut self, source: &mut Side, now: Time) -> Option<bool> {
        if !self.course.is_plain() {
            return None;
        }
        if matches!(self.pipe, Piping::Later) && self.course.tally.sent >= PIPE_AFTER_BYTES {
            self.pipe = Pipe::new().map_or(Piping::Never, Piping::Now);
        }
        let Piping::Now(pipe) = &mut self.pipe else { return None };
        match pipe.fill(source) {
            None => Some(false),
            Some(Ok(0)) => Some(self.source_ended(source, now)),
            Some(Ok(length)) => {
                self.course.lend(length);
                Some(true)
            }
            // Sockets that cannot do it say so.
            Some(Err(Errno::INVAL | Errno::OPNOTSUPP)) => {
                self.pipe = Piping::Never;
                None
            }
            Some(Err(errno)) => Some(self.source_broke(source, errno, now)),
        }
    }

    /// Sends what is in the pipe.
    fn empty_pipe(&mut self, sink: &mut Side) {
        let Piping::Now(pipe) = &mut self.pipe else { return };
        while pipe.held > 0 && sink.writable {
            match pipe.empty(sink) {
                Ok(length) => self.course.lent_is_sent(length),
                Err(errno) => {
                    sink.write_error = Some(errno);
                    self.course.sink_was_lost();
                    self.pipe = Piping::Never;
                    return;
                }
            }
        }
    }

    /// How many bytes are in the pipe.
    fn piped(&self) -> usize {
        if let Piping::Now(pipe) = &self.pipe { pipe.held } else { 0 }
    }

    /// Writes what came as it came; keeps what is not taken.
    fn pass<T: Tap>(&mut self, bytes: &[u8], sink: &mut Side, now: Time, calls: Calls<'_, T>) {
        let result = if sink.writable { sink.write(bytes, false, calls) } else { Ok(0) };
        let sent = *result.as_ref().unwrap_or(&0);
        if let Some(hashes) = &mut self.hashes {
            hashes[1].update(&bytes[..sent]);
        }
        self.course.pass(bytes, sent, now);
        if let Err(errno) = result {
            sink.write_error = Some(errno);
            self.course.sink_was_lost();
        }
    }

    /// Reads what comes and throws it away. Whether nothing more will come.
    fn drain<T: Tap>(
        &mut self,
        side: &mut Side,
        now: Time,
        calls: Calls<'_, T>,
        context: &mut Context<'_>,
    ) -> bool {
        for _ in 0..READS_AT_ONCE_MAX {
            if !side.gives() {
                return true;
            }
            if !side.poll_read(context) {
                return false;
            }
            BUFFER.with_borrow_mut(|buffer| match side.read(buffer, calls) {
                None => {}
                Some(Ok(0)) => side.ended = true,
                Some(Ok(length)) => {
                    if let Some(hashes) = &mut self.hashes {
                        hashes[0].update(&buffer[..length]);
                    }
                    self.course.receive(&buffer[..length], now);
                }
                Some(Err(errno)) => side.read_error = Some(errno),
            });
        }
        context.waker().wake_by_ref();
        false
    }

    /// Writes what became of its bytes.
    fn account(&self, account: &mut ClosedConnection) {
        let tally = self.course.tally;
        let hash = |index: usize| {
            self.hashes.as_ref().map(|hashes| hashes[index].finalize().to_hex().to_string())
        };
        match self.direction {
            Direction::Up => {
                account.up_received = tally.received;
                account.up_sent = tally.sent;
                account.up_dropped = tally.dropped;
                account.up_held = tally.held;
                account.up_received_blake3 = hash(0);
                account.up_sent_blake3 = hash(1);
            }
            Direction::Down => {
                account.down_received = tally.received;
                account.down_sent = tally.sent;
                account.down_dropped = tally.dropped;
                account.down_held = tally.held;
                account.down_received_blake3 = hash(0);
                account.down_sent_blake3 = hash(1);
            }
        }
    }
}
