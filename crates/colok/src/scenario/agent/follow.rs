//! Follows one program on one thread: gives it its input, tells what it writes and logs, and how it
//! ended.
//!
//! What it writes is told as it comes, 64 MiB of each output; the rest is read and counted, so that
//! no program ever waits for a reader here. When it has ended, what is in its pipes is told, and
//! then its end; another process that still holds the pipes is given a moment and no more.

use std::io::{Read, Write as _};
use std::os::fd::AsFd;
use std::process::ChildStdin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::program::{Ending, Program, Running};
use super::proofs::Proofs;
use super::time_unix_us;
use super::voice::Voice;
use super::words::{Start, Stream, Word};

/// How much of each output is told.
const TOLD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How much of all outputs of a host is told: who hears it keeps it in memory.
const TOLD_BYTES_OF_ALL_MAX: u64 = 512 * 1024 * 1024;

/// How much of all outputs was told.
static TOLD_BYTES_OF_ALL: AtomicU64 = AtomicU64::new(0);

/// How much is read at a time: what a pipe holds.
const PIECE_BYTES: usize = 64 * 1024;

/// How long the outputs may stay open after the end of the program.
const LEFT_OPEN_MAX: Duration = Duration::from_millis(500);

/// How much is read at most when that time is over: more than a pipe can hold (pipe(7)).
const LEFT_BYTES_MAX: u64 = 1024 * 1024;

/// How often descriptors are counted.
const PROOF_EVERY: Duration = Duration::from_millis(20);

/// How often is looked at a log: at least and at most. In between it is a tenth of the time for
/// which nothing has come, so that nobody waits much longer than needed.
const LOG_EVERY: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(100));

/// Follows a program until it has ended and all is told, then calls `done`. What others still write
/// to its outputs after that is read and thrown away.
pub(super) fn follow(
    start: &Start,
    program: &Program,
    running: Running,
    voice: &Voice,
    done: impl FnOnce(),
) {
    let mut follower = Follower::new(start, program, running, voice);
    while !follower.finished() {
        follower.turn();
    }
    let mut outputs = follower.tell_end();
    done();
    while outputs.iter().any(Output::open) {
        wait(&outputs.each_ref().map(|output| (output.descriptor(), PollFlags::IN)), None);
        for output in &mut outputs {
            output.read(&mut [0; 4096]);
        }
    }
}

struct Follower<'a> {
    step: u64,
    program: &'a Program,
    voice: &'a Voice,
    running: Running,
    outputs: [Output; 2],
    input: Option<Input>,
    proofs: Proofs,
    log_moved: Instant,
    ended: Option<(Ending, Instant)>,
    read_since_end: u64,
    piece: Vec<u8>,
}

impl<'a> Follower<'a> {
    fn new(start: &Start, program: &'a Program, mut running: Running, voice: &'a Voice) -> Self {
        let stdout = running.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Pipe>);
        let stderr = running.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Pipe>);
        let outputs = [(Stream::Stdout, stdout), (Stream::Stderr, stderr)];
        let input = running.stdin.take().map(|(pipe, source)| Input::new(pipe, source));
        Self {
            step: start.step,
            program,
            voice,
            running,
            outputs: outputs.map(|(stream, pipe)| Output { stream, pipe, bytes: 0 }),
            input,
            proofs: Proofs::of(start),
            log_moved: Instant::now(),
            ended: None,
            read_since_end: 0,
            piece: vec![0; PIECE_BYTES],
        }
    }

    /// Whether everything that is told has been.
    fn finished(&self) -> bool {
        let Some((_, until)) = &self.ended else { return false };
        let open = self.outputs.iter().any(Output::open);
        let ready = || {
            let outputs = self.outputs.each_ref();
            wait(&outputs.map(|output| (output.descriptor(), PollFlags::IN)), Some(Duration::ZERO))
        };
        let late = || *until <= Instant::now();
        !open || (late() && (self.read_since_end > LEFT_BYTES_MAX || !ready()))
    }

    /// Waits until something happens, and deals with it.
    fn turn(&mut self) {
        let end = self.ended.is_none().then(|| self.running.end.as_fd());
        let input = self.input.as_ref().map(|input| input.pipe.as_fd());
        wait(
            &[
                (self.outputs[0].descriptor(), PollFlags::IN),
                (self.outputs[1].descriptor(), PollFlags::IN),
                (end, PollFlags::IN),
                (input, PollFlags::OUT),
            ],
            self.patience(),
        );
        if self.proofs.watches() && self.ended.is_none() {
            self.proofs.look(self.program.process);
        }
        if self.input.as_mut().is_some_and(|input| !input.give()) {
            self.input = None;
        }
        // Before the outputs: what is written before the end is then read before it is told.
        self.note_end();
        self.tell_outputs();
        self.tell_log();
    }

    /// How long it may wait for something to happen.
    fn patience(&self) -> Option<Duration> {
        if let Some((_, until)) = &self.ended {
            return Some(until.saturating_duration_since(Instant::now()));
        }
        let log = self.running.log.is_some().then(|| {
            let (least, most) = LOG_EVERY;
            (self.log_moved.elapsed() / 10).clamp(least, most)
        });
        let proof = self.proofs.watches().then_some(PROOF_EVERY);
        log.into_iter().chain(proof).min()
    }

    fn note_end(&mut self) {
        let end = [(Some(self.running.end.as_fd()), PollFlags::IN)];
        if self.ended.is_none() && wait(&end, Some(Duration::ZERO)) {
            let time = time_unix_us();
            // The last look: it is not reaped yet.
            self.proofs.look(self.program.process);
            let ending = self.program.reap(&mut self.running.child, time);
            self.ended = Some((ending, Instant::now() + LEFT_OPEN_MAX));
        }
    }

    fn tell_outputs(&mut self) {
        for output in &mut self.outputs {
            let count = output.read(&mut self.piece);
            let told = output.bytes.saturating_sub(count as u64);
            let bytes = &self.piece[..count.min(room_after(told))];
            TOLD_BYTES_OF_ALL.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if self.ended.is_some() {
                self.read_since_end += count as u64;
            }
            if !bytes.is_empty() {
                self.voice.say(&Word::Output {
                    step: self.step,
                    stream: output.stream,
                    bytes: STANDARD.encode(bytes),
                    time_unix_us: time_unix_us(),
                });
            }
        }
    }

    fn tell_log(&mut self) {
        let Some(log) = &mut self.running.log else { return };
        let (step, voice) = (self.step, self.voice);
        if log.read(|record| voice.say(&Word::Record { step, record })) {
            self.log_moved = Instant::now();
        }
    }

    /// Tells the rest and the end; returns the outputs, which others may still hold.
    fn tell_end(mut self) -> [Output; 2] {
        let (step, voice) = (self.step, self.voice);
        let say = |record| voice.say(&Word::Record { step, record });
        let log_cut = self.running.log.take().is_some_and(|mut log| log.finish(say));
        if let Some((ending, _)) = self.ended {
            voice.say(&Word::Ended {
                step,
                exit: ending.exit,
                signal: ending.signal,
                time_unix_us: ending.time_unix_us,
                proofs: self.proofs.finish(),
                stdout_bytes: self.outputs[0].bytes,
                stderr_bytes: self.outputs[1].bytes,
                left_open: self.outputs.iter().any(Output::open),
                log_cut,
            });
        }
        self.outputs
    }
}

/// How much more is told of an output of which so much came before. It never grows again, so what
/// is told is always the beginning.
fn room_after(bytes: u64) -> usize {
    let of_all = TOLD_BYTES_OF_ALL.load(Ordering::Relaxed);
    let room = TOLD_BYTES_MAX.saturating_sub(bytes);
    usize::try_from(room.min(TOLD_BYTES_OF_ALL_MAX.saturating_sub(of_all))).unwrap_or(usize::MAX)
}

/// The reading end of a pipe.
trait Pipe: Read + AsFd + Send {}

impl<P: Read + AsFd + Send> Pipe for P {}

/// One output of a program.
struct Output {
    stream: Stream,
    /// `None` when everyone who could write has closed it.
    pipe: Option<Box<dyn Pipe>>,
    bytes: u64,
}

impl Output {
    fn open(&self) -> bool {
        self.pipe.is_some()
    }

    fn descriptor(&self) -> Option<rustix::fd::BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there, without waiting; returns how much.
    fn read(&mut self, piece: &mut [u8]) -> usize {
        let Some(pipe) = &mut self.pipe else { return 0 };
        match pipe.read(piece) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                self.bytes += count as u64;
                return count;
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => self.pipe = None,
        }
        0
    }
}

/// What a program is given on its standard input.
struct Input {
    pipe: ChildStdin,
    source: Box<dyn Read + Send>,
    piece: Vec<u8>,
    /// What of the piece is not given yet.
    left: std::ops::Range<usize>,
}

impl Input {
    fn new(pipe: ChildStdin, source: Box<dyn Read + Send>) -> Self {
        Self { pipe, source, piece: vec![0; PIECE_BYTES], left: 0..0 }
    }

    /// Gives what it takes now; `false` when there is nothing more to give, or nobody to take it.
    fn give(&mut self) -> bool {
        loop {
            if self.left.is_empty() {
                match self.source.read(&mut self.piece) {
                    Ok(count @ 1..) => self.left = 0..count,
                    _ => return false,
                }
            }
            match self.pipe.write(&self.piece[self.left.clone()]) {
                Ok(count) => self.left.start += count,
                Err(error) => return is_passing(&error),
            }
        }
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
}

/// Waits for one of those descriptors that there are; tells whether one is ready.
fn wait(
    descriptors: &[(Option<rustix::fd::BorrowedFd<'_>>, PollFlags)],
    time: Option<Duration>,
) -> bool {
    let there = descriptors
        .iter()
        .filter_map(|(descriptor, flags)| Some(PollFd::from_borrowed_fd((*descriptor)?, *flags)));
    let mut there: Vec<PollFd<'_>> = there.collect();
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    // An error is a signal's, or there is no memory; then it is looked again.
    poll(&mut there, time.as_ref()).is_ok_and(|ready| ready > 0)
}
