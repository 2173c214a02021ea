//! The columns of each table: which figures a work gives, in which order, and how they are written.
//!
//! The figure that matters most is the first. Nothing is measured here.

use super::plan::Work;

/// A column of a table: what a figure is and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Digits behind the point.
    pub(super) digits: usize,
    /// Followed by a column of what it is of the base's.
    pub(super) ratio: bool,
}

const fn column(title: &'static str, digits: usize, ratio: bool) -> Column {
    Column { title, digits, ratio }
}

/// Where the first two figures of every work about messages are.
pub(super) const COST: usize = 0;
pub(super) const RATE: usize = 1;

const SERVE: [Column; 5] = [
    column("server CPU, us/message", 2, true),
    column("messages/s", 0, true),
    column("p50, us", 1, false),
    column("p99, us", 1, false),
    column("generator busy, %", 0, false),
];

const IDLE: [Column; 3] = [
    column("PSS, bytes/connection", 0, false),
    column("kernel, bytes/connection", 0, false),
    column("PSS before, KiB", 0, false),
];

const START: [Column; 1] = [column("ms", 2, true)];

const GENERATE: [Column; 5] = [
    column("generator CPU, us/message", 2, true),
    column("messages/s", 0, true),
    column("p50, us", 1, false),
    column("p99, us", 1, false),
    column("generator busy, %", 0, false),
];

const BULK: [Column; 3] = [
    column("generator CPU, us/MiB", 1, true),
    column("MiB/s", 0, true),
    column("generator busy, %", 0, false),
];

const TRIP: [Column; 4] = [
    column("p50, us", 2, true),
    column("p99, us", 1, false),
    column("messages/s", 0, false),
    column("server CPU, us/message", 2, true),
];

const HELD: [Column; 2] =
    [column("own, bytes/connection", 1, false), column("kernel, bytes/connection", 0, false)];

const RECEIVE: [Column; 3] = [
    column("server CPU, us/MiB", 1, true),
    column("MiB/s", 0, true),
    column("sender busy, %", 0, false),
];

const DATAGRAMS: [Column; 6] = [
    column("server CPU, us/answer", 3, true),
    column("answers/s", 0, true),
    column("lost, %", 3, false),
    column("dropped at the server's socket, %", 3, false),
    column("dropped at the sender's, %", 3, false),
    column("sender busy, %", 0, false),
];

const HOLD: [Column; 7] = [
    column("lost", 0, false),
    column("slowest echo, ms", 1, false),
    column("p99, ms", 1, false),
    column("echoes/s", 0, false),
    column("server, MiB", 0, false),
    column("generator, MiB", 0, false),
    column("kernel, MiB", 0, false),
];

/// The figures of a work.
pub(super) const fn columns(work: &Work) -> &'static [Column] {
    match work {
        Work::Serve(_) => &SERVE,
        Work::Idle => &IDLE,
        Work::Start => &START,
        Work::Generate(_) => &GENERATE,
        Work::Bulk => &BULK,
        Work::Trip(_) => &TRIP,
        Work::Held => &HELD,
        Work::Receive(_) => &RECEIVE,
        Work::Datagrams(_) => &DATAGRAMS,
        Work::Hold => &HOLD,
    }
}
