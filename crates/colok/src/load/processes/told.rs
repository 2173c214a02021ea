//! What one worker has said so far, and so what is lost when it dies.
//!
//! Only sums are kept. What a worker had not told is not known and is not counted: neither as
//! sent nor as answered.

use crate::load::samples::{Counts, Slice};

use super::orders::Word;
use super::share::Share;

/// The reason by which connections of a dead worker are counted.
const WORKER_LOST: &str = "worker-lost";

/// Of all threads of one worker.
#[derive(Debug)]
pub(super) struct Told {
    process: u32,
    thread_first: u32,
    threads: Vec<Thread>,
}

/// Of one thread.
#[derive(Debug, Default)]
struct Thread {
    counts: Counts,
    measured: Counts,
    /// The last interval that was told, without its histograms.
    last: Option<Last>,
    ended: bool,
}

#[derive(Debug)]
struct Last {
    index: u32,
    run: u32,
    phase: crate::load::samples::Phase,
    end_s: f64,
    connections_open: u64,
}

impl Told {
    /// Nothing yet.
    pub(super) fn new(share: &Share) -> Self {
        let threads = (0..share.plan.threads.max(1)).map(|_| Thread::default()).collect();
        Self { process: share.process, thread_first: share.thread_first, threads }
    }

    /// Takes note of a word.
    pub(super) fn note(&mut self, word: &Word) {
        match word {
            Word::Slice { thread, slice } => {
                let Some(thread) = self.thread(*thread) else { return };
                thread.counts.add(&slice.counts);
                thread.measured.add(&slice.measured);
                thread.last = Some(Last {
                    index: slice.index,
                    run: slice.run,
                    phase: slice.phase,
                    end_s: slice.start_s + slice.seconds,
                    connections_open: slice.connections_open,
                });
            }
            Word::Ending { thread, .. } => {
                if let Some(thread) = self.thread(*thread) {
                    thread.ended = true;
                }
            }
            Word::Connected { .. } | Word::Failed { .. } | Word::Gone { .. } => {}
        }
    }

    /// Whether every thread has said its last.
    pub(super) fn all_ended(&self) -> bool {
        self.threads.iter().all(|thread| thread.ended)
    }

    /// The last words of a worker that cannot say them: of each thread that had not ended, a slice
    /// that counts its open messages as lost and its connections as ended, and an empty ending;
    /// and then that it is gone.
    pub(super) fn gone(&self, status: String) -> Vec<Word> {
        let mut words = Vec::new();
        for (thread, number) in self.threads.iter().zip(self.thread_first..) {
            if thread.ended {
                continue;
            }
            if let Some(slice) = thread.lost() {
                words.push(Word::Slice { thread: number, slice: Box::new(slice) });
            }
            words.push(Word::Ending { thread: number, ending: Box::default() });
        }
        let end = self.thread_first + u32::try_from(self.threads.len()).unwrap_or(0);
        let threads = self.thread_first..end;
        words.push(Word::Gone { process: self.process, threads, status });
        words
    }

    fn thread(&mut self, number: u32) -> Option<&mut Thread> {
        let index = number.checked_sub(self.thread_first)?;
        self.threads.get_mut(usize::try_from(index).ok()?)
    }
}

impl Thread {
    /// One more interval, without length, in which everything open was lost.
    fn lost(&self) -> Option<Slice> {
        let last = self.last.as_ref()?;
        let open = |of: &Counts| Counts {
            lost: of.sent.saturating_sub(of.verdicts()),
            ..Counts::default()
        };
        let mut slice = Slice {
            index: last.index + 1,
            run: last.run,
            phase: last.phase,
            start_s: last.end_s,
            counts: open(&self.counts),
            measured: open(&self.measured),
            ..Slice::default()
        };
        if last.connections_open > 0 {
            slice.ended_early.insert(WORKER_LOST.to_owned(), last.connections_open);
        }
        Some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::processes::share::Sources;

    fn share(threads: u32) -> Share {
        let plan = crate::load::processes::share::test_plan(10, 10, 1);
        Share {
            plan: crate::load::Plan { threads, ..plan },
            process: 3,
            processes: 4,
            connections_total: 40,
            connection_first: 3 << 40,
            thread_first: 6,
            sources: Sources::System,
        }
    }

    fn slice(index: u32, sent: u64, answered: u64) -> Box<Slice> {
        let counts = Counts { sent, answered, ..Counts::default() };
        let measured = Counts { sent: sent / 2, answered: answered / 2, ..Counts::default() };
        Box::new(Slice { index, counts, measured, connections_open: 5, ..Slice::default() })
    }

    #[test]
    fn what_a_dead_worker_had_open_is_lost_and_nothing_else() {
        let mut told = Told::new(&share(2));
        told.note(&Word::Connected { thread: 6, opened: 1 });
        told.note(&Word::Slice { thread: 6, slice: slice(0, 100, 90) });
        told.note(&Word::Slice { thread: 7, slice: slice(0, 60, 58) });
        told.note(&Word::Slice { thread: 6, slice: slice(1, 10, 16) });
        told.note(&Word::Ending { thread: 7, ending: Box::default() });
        assert!(!told.all_ended());
        let words = told.gone("signal: 9 (SIGKILL)".into());
        let [Word::Slice { thread: 6, slice }, Word::Ending { thread: 6, .. }, gone] = &words[..]
        else {
            panic!("{words:?}");
        };
        assert_eq!((slice.index, slice.counts.lost, slice.measured.lost), (2, 4, 2));
        assert_eq!((slice.counts.sent, slice.counts.answered), (0, 0));
        assert_eq!((slice.connections_open, slice.ended_early[WORKER_LOST]), (0, 5));
        let status = "signal: 9 (SIGKILL)".to_owned();
        assert_eq!(*gone, Word::Gone { process: 3, threads: 6..8, status });
    }

    #[test]
    fn a_worker_that_said_its_last_has_ended() {
        let mut told = Told::new(&share(1));
        told.note(&Word::Ending { thread: 6, ending: Box::default() });
        // Numbers that are not its own change nothing.
        told.note(&Word::Ending { thread: 0, ending: Box::default() });
        told.note(&Word::Slice { thread: 99, slice: slice(0, 1, 0) });
        assert!(told.all_ended());
    }

    #[test]
    fn a_worker_that_never_started_lost_nothing() {
        let words = Told::new(&share(1)).gone("not started".into());
        assert!(matches!(&words[..], [Word::Ending { thread: 6, .. }, Word::Gone { .. }]));
    }
}
