//! What threads count while they send, and what they hand over: numbers, never single samples.
//!
//! A thread fills one [`Slice`] per interval and hands it to the collector, which merges those of
//! all threads and processes; at its end it says an [`Ending`]. Both are plain data with a JSON
//! form. Nothing here reads a clock; memory does not grow with the number of messages.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use super::histogram::{Histogram, HistogramError};

/// What part of a load an interval belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Connections are being opened; some may send already.
    #[default]
    Connecting,
    /// Sending and checking, not measuring.
    WarmUp,
    /// Sending, checking and measuring.
    Measuring,
    /// Nothing is sent any more; replies are waited for.
    Ending,
}

/// Messages and bytes, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages sent whole, or begun.
    pub sent: u64,
    /// Their right reply came. Discard: the server ended as it must after them.
    pub answered: u64,
    /// A reply came that differs.
    pub wrong: u64,
    /// No reply in time, or the connection ended before it.
    pub lost: u64,
    /// Second replies.
    pub duplicates: u64,
    /// Right replies that came after one to a later message. Part of `answered`.
    pub out_of_order: u64,
    /// Replies to messages given up. Those are part of `lost`.
    pub late: u64,
    /// How often bytes came that nothing had asked for.
    pub unexpected: u64,
    /// How many such bytes.
    pub unexpected_bytes: u64,
    /// Payload sent.
    pub sent_bytes: u64,
    /// Payload received.
    pub received_bytes: u64,
}

impl Counts {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.out_of_order += other.out_of_order;
        self.late += other.late;
        self.unexpected += other.unexpected;
        self.unexpected_bytes += other.unexpected_bytes;
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
    }

    /// Whether every message is accounted for, when so many are still on their way.
    pub fn is_balanced(&self, in_flight: u64) -> bool {
        self.sent == self.verdicts() + in_flight
    }

    /// Messages of which it is known what became of them.
    pub fn verdicts(&self) -> u64 {
        self.answered + self.wrong + self.lost
    }

    /// What a service must never do, whatever carries its messages.
    pub fn errors(&self) -> u64 {
        self.wrong + self.lost + self.duplicates + self.unexpected
    }
}

/// One interval of one thread, or of all of them after [`Slice::merge`].
///
/// Threads cut their time at the same moments, number the pieces from 0 without a gap, and hand
/// in every one, also those in which nothing happened. A slice is used again after
/// [`Slice::clear`], so that intervals do not allocate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Number of the interval, from 0.
    pub index: u32,
    /// Number of the run, from 0. Warm-up belongs to run 0.
    pub run: u32,
    /// What part of the load it is. All of the interval lies in it.
    pub phase: Phase,
    /// When it began, in seconds since sending began.
    pub start_s: f64,
    /// How long it was.
    pub seconds: f64,
    /// Everything that happened in it.
    pub counts: Counts,
    /// Of that, what concerns messages that were due after the warm-up and before the end.
    pub measured: Counts,
    /// From sent to answered, of `measured`.
    pub service: Histogram,
    /// Open loop: from due to answered, of `measured`.
    pub response: Histogram,
    /// Open loop: from due to sent, of `measured`.
    pub slip: Histogram,
    /// Open loop: from when it was due and a connection was free to sent, of `measured`.
    pub own_slip: Histogram,
    /// From the call of `connect` to the connection, of all connections.
    pub connect: Histogram,
    /// Connections open at its end.
    pub connections_open: u64,
    /// Connections opened in it, anew ones included.
    pub connections_opened: u64,
    /// Connections that could not be made, by reason (`ECONNREFUSED`, `timeout`).
    pub failed: BTreeMap<String, u64>,
    /// Connections that the server or the network ended, by reason (`peer-closed`, `ECONNRESET`).
    pub ended_early: BTreeMap<String, u64>,
}

impl Slice {
    /// Adds the same interval of another thread.
    pub fn merge(&mut self, other: &Self) {
        self.merge_time(other);
        self.counts.add(&other.counts);
        self.measured.add(&other.measured);
        self.merge_histograms(other);
        self.connections_open += other.connections_open;
        self.connections_opened += other.connections_opened;
        add_reasons(&mut self.failed, &other.failed);
        add_reasons(&mut self.ended_early, &other.ended_early);
    }

    /// A thread that has sent its share may be ending while another still measures. The interval
    /// is then one that measures, and as long as that one's. A slice of no length (what a lost
    /// worker left behind) has no say.
    fn merge_time(&mut self, other: &Self) {
        if other.seconds <= 0.0 {
            return;
        }
        if self.seconds <= 0.0 {
            (self.start_s, self.seconds) = (other.start_s, other.seconds);
            (self.phase, self.run) = (other.phase, other.run);
        } else if other.phase == self.phase {
            let end_s = (self.start_s + self.seconds).max(other.start_s + other.seconds);
            self.start_s = self.start_s.min(other.start_s);
            self.seconds = end_s - self.start_s;
        } else if other.phase < self.phase {
            (self.start_s, self.seconds) = (other.start_s, other.seconds);
            (self.phase, self.run) = (other.phase, other.run);
        }
    }

    /// Adds the samples of another one, and nothing else.
    pub(super) fn merge_histograms(&mut self, other: &Self) {
        self.service.merge(&other.service);
        self.response.merge(&other.response);
        self.slip.merge(&other.slip);
        self.own_slip.merge(&other.own_slip);
        self.connect.merge(&other.connect);
    }

    /// Makes it as new, and keeps its memory.
    pub fn clear(&mut self) {
        (self.index, self.run, self.phase) = (0, 0, Phase::default());
        (self.start_s, self.seconds) = (0.0, 0.0);
        (self.counts, self.measured) = (Counts::default(), Counts::default());
        for histogram in [
            &mut self.service,
            &mut self.response,
            &mut self.slip,
            &mut self.own_slip,
            &mut self.connect,
        ] {
            histogram.clear();
        }
        (self.connections_open, self.connections_opened) = (0, 0);
        self.failed.clear();
        self.ended_early.clear();
    }

    /// One line of JSON, without its newline.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers, texts and maps of text have a JSON form")
    }

    /// Reads [`Self::to_json`]'s text.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Adds counts by reason. Allocates only for a reason that is new.
pub(super) fn add_reasons(to: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (reason, count) in from {
        match to.get_mut(reason) {
            Some(known) => *known += count,
            None => drop(to.insert(reason.clone(), *count)),
        }
    }
}

/// How evenly connections were served, without keeping a number for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fairness {
    /// How many active connections.
    pub count: u64,
    /// Messages answered on all of them.
    pub sum: u64,
    /// The sum of the squares of the messages answered on each.
    pub sum_of_squares: f64,
    /// The fewest on one.
    pub min: Option<u64>,
    /// The most on one.
    pub max: Option<u64>,
}

impl Fairness {
    /// Counts a connection on which so many messages were answered.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
    pub fn connection(&mut self, answered: u64) {
        self.merge(&Self {
            count: 1,
            sum: answered,
            sum_of_squares: (answered as f64).powi(2),
            min: Some(answered),
            max: Some(answered),
        });
    }

    /// Adds another's connections.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
        self.min = [self.min, other.min].into_iter().flatten().min();
        self.max = [self.max, other.max].into_iter().flatten().max();
    }

    /// Jain's index: the square of the sum over n times the sum of squares. 1 is even, 1/n is one
    /// got all. `None` when nothing was answered.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
    pub fn index(&self) -> Option<f64> {
        let denominator = self.count as f64 * self.sum_of_squares;
        (denominator > 0.0).then(|| ((self.sum as f64).powi(2) / denominator).min(1.0))
    }
}

/// What one thread used in the measured time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadFigures {
    /// The time that was measured.
    pub seconds: f64,
    /// Processor time that the thread took in it.
    pub processor_s: f64,
    /// How long it was ready and had no processor; `None` where the kernel does not say.
    pub delayed_s: Option<f64>,
}

/// What a thread or a process says at its end. What concerns the process as a whole is said by
/// one of its threads; the others leave it as it is by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// Messages without a verdict when the wait for replies was over.
    pub in_flight: u64,
    /// Open loop: due and not sent when sending ended.
    pub backlog: u64,
    /// Of that, due while a connection had room: the generator itself was late.
    pub own_backlog: u64,
    /// Messages answered on each active connection.
    pub answered_per_connection: Fairness,
    /// One per thread.
    pub threads: Vec<ThreadFigures>,
    /// Local addresses that connections were made from.
    pub source_addresses: BTreeSet<IpAddr>,
    /// Descriptors that the process had in use at most, and how many it may have.
    pub descriptors: u64,
    /// See `descriptors`.
    pub descriptors_max: u64,
    /// Local ports in use per source address, and how many there are.
    pub ports: Option<u64>,
    /// See `ports`.
    pub ports_max: Option<u64>,
    /// Datagrams dropped at our own sockets.
    pub receive_drops: Option<u64>,
}

impl Ending {
    /// Adds what another thread or process says.
    pub fn merge(&mut self, other: &Self) {
        self.in_flight += other.in_flight;
        self.backlog += other.backlog;
        self.own_backlog += other.own_backlog;
        self.answered_per_connection.merge(&other.answered_per_connection);
        self.threads.extend_from_slice(&other.threads);
        self.source_addresses.extend(&other.source_addresses);
        // Limits are those of one process: the one that is nearest to them matters.
        self.descriptors = self.descriptors.max(other.descriptors);
        self.descriptors_max = self.descriptors_max.max(other.descriptors_max);
        self.ports = self.ports.max(other.ports);
        self.ports_max = self.ports_max.max(other.ports_max);
        let drops = [self.receive_drops, other.receive_drops];
        self.receive_drops = drops.into_iter().flatten().reduce(|all, more| all + more);
    }
}

#[cfg(test)]
mod tests;
