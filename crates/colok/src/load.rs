//! Load: a plan becomes traffic, traffic becomes samples, samples become a report.
//!
//! [`Plan`] says what to send, how fast and for how long; [`run()`] carries it out on threads and
//! processes; [`Report`] is what came of it. Nothing here prints, and nothing here trusts a reply
//! that it has not compared byte for byte.

mod arrivals;
pub mod compare;
mod datagram;
mod findings;
pub mod histogram;
pub mod machine;
pub mod own;
pub mod plan;
pub mod processes;
pub mod report;
mod run;
pub mod samples;
pub mod schema;
mod socket_table;
mod sources;
pub mod statistics;
mod stream;
pub mod summary;
pub(crate) mod timestamp;
pub mod traffic;
mod uring;
pub mod watch;

pub use compare::{Comparison, compare};
pub use plan::Plan;
pub use report::Report;
pub use run::{Phase, Progress, run};
pub use schema::schema;
pub(crate) use sources::errno_name;

/// Becomes a worker process of a load and never returns, if this process was started as one.
pub fn worker_if_asked() {
    processes::worker_if_asked(run::run_threads);
}
