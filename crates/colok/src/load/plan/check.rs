//! Whether a plan can be carried out, said before anything is opened.

use std::time::Duration;

use thiserror::Error as ThisError;

use super::kind::caller_kind;
use super::{Call, Io, Length, Pace, Plan, Sizes};
use crate::client::PatternError;

/// The most connections.
pub const CONNECTIONS_MAX: u32 = 1_000_000;

/// The most messages that may wait for their reply on one connection.
pub const DEPTH_MAX: u32 = 1024;

/// The most threads and processes.
pub const THREADS_MAX: u32 = 1024;

/// The highest rate in messages per second: a nanosecond apart.
pub const RATE_MAX: f64 = 1e9;

/// The most bytes of a message over UDP: what one IPv4 datagram carries (udp(7)).
const DATAGRAM_BYTES_MAX: u32 = 65_507;

/// The longest of all times in a plan: what histograms and clocks hold without a second thought.
pub const LENGTH_MAX: Duration = Duration::from_hours(24 * 366);

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, ThisError)]
pub enum PlanError {
    /// A number outside of its bounds.
    #[error("{what} is {value}; it is {min} to {max}")]
    Range {
        /// What: the name of the field.
        what: &'static str,
        /// What it is.
        value: f64,
        /// The least it can be.
        min: f64,
        /// The most it can be.
        max: f64,
    },
    /// More active connections than connections.
    #[error("{active} connections are to be active, but there are only {connections}")]
    Active {
        /// How many are to be active.
        active: u32,
        /// How many there are.
        connections: u32,
    },
    /// Sizes that no message can have.
    #[error("sizes of messages: {problem}")]
    Sizes {
        /// What is wrong.
        problem: &'static str,
    },
    /// A word that is none of those that exist.
    #[error("`{word}` is not {expected}")]
    Word {
        /// What was given.
        word: String,
        /// What it can be.
        expected: &'static str,
    },
    /// A text to send or a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Two parts of a plan that exclude each other.
    #[error("{one} and {other} do not go together")]
    Conflict {
        /// The one.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
}

impl Plan {
    /// Whether it can be carried out.
    pub fn check(&self) -> Result<(), PlanError> {
        range("connections", self.connections, 1, CONNECTIONS_MAX)?;
        if self.active > self.connections || self.active == 0 {
            let (active, connections) = (self.active, self.connections);
            return Err(PlanError::Active { active, connections });
        }
        range("depth", self.depth, 1, DEPTH_MAX)?;
        range("threads", self.threads, 1, THREADS_MAX)?;
        range("processes", self.processes, 1, THREADS_MAX)?;
        if let Pace::Open { rate_per_s, .. } = self.pace {
            within("rate", rate_per_s, 1e-3, RATE_MAX)?;
        }
        self.check_times()?;
        self.check_sizes()?;
        self.check_together()?;
        caller_kind(&self.call, String::new()).map(drop)
    }

    fn check_times(&self) -> Result<(), PlanError> {
        let tiny = Duration::from_millis(1);
        span("ramp-up", self.ramp_up_s, Duration::ZERO)?;
        span("warm-up", self.warm_up_s, Duration::ZERO)?;
        span("reply timeout", self.reply_timeout_s, tiny)?;
        span("connect timeout", self.connect_timeout_s, tiny)?;
        match self.length {
            Length::For(length) => span("length", length, tiny)?,
            Length::Messages(0) => {
                return Err(PlanError::Range { what: "messages", value: 0.0, min: 1.0, max: 1e18 });
            }
            Length::Messages(_) => {}
        }
        if let Some(until) = self.until {
            within("confidence interval", until.percent, 0.01, 100.0)?;
            range("runs", until.runs_max, 3, 10_000)?;
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), PlanError> {
        let max = if self.address.is_stream() {
            colok_proto::MESSAGE_BYTES_MAX
        } else {
            DATAGRAM_BYTES_MAX
        };
        let size = |size: u32| range("size", size, 1, max);
        match &self.sizes {
            Sizes::Fixed(one) => size(*one),
            Sizes::Uniform(first, last) if first > last => {
                Err(PlanError::Sizes { problem: "the first is larger than the last" })
            }
            Sizes::Uniform(first, last) => size(*first).and_then(|()| size(*last)),
            Sizes::Weighted(choices) => {
                choices.iter().try_for_each(|(one, _)| size(*one))?;
                let weights = || choices.iter().map(|(_, weight)| *weight);
                let usable = weights().all(|weight| weight.is_finite() && weight >= 0.0);
                if usable && weights().sum::<f64>() > 0.0 {
                    Ok(())
                } else {
                    Err(PlanError::Sizes { problem: "weights are positive numbers" })
                }
            }
        }
    }

    fn check_together(&self) -> Result<(), PlanError> {
        let conflict = |one, other| Err(PlanError::Conflict { one, other });
        let stream = self.address.is_stream();
        match (&self.call, self.pace, self.length) {
            (Call::Chargen, Pace::Open { .. }, _) => return conflict("chargen", "a rate"),
            (Call::Chargen, _, Length::Messages(_)) => {
                return conflict("chargen", "a number of messages");
            }
            (Call::Chargen | Call::Files, ..) if !stream => {
                return conflict("this service", "UDP");
            }
            (_, _, Length::Messages(_)) if self.until.is_some() => {
                return conflict("a number of messages", "repeated runs");
            }
            _ => {}
        }
        if self.messages_per_connection == Some(0) {
            let what = "messages per connection";
            return Err(PlanError::Range { what, value: 0.0, min: 1.0, max: 1e18 });
        }
        if self.io == Io::Uring && !stream {
            return conflict("io_uring", "UDP");
        }
        Ok(())
    }
}

fn range(what: &'static str, value: u32, min: u32, max: u32) -> Result<(), PlanError> {
    within(what, value.into(), min.into(), max.into())
}

fn span(what: &'static str, value: Duration, min: Duration) -> Result<(), PlanError> {
    within(what, value.as_secs_f64(), min.as_secs_f64(), LENGTH_MAX.as_secs_f64())
}

fn within(what: &'static str, value: f64, min: f64, max: f64) -> Result<(), PlanError> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(PlanError::Range { what, value, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Address, Arrivals, Until};
    use super::*;

    fn plan() -> Plan {
        Plan {
            url: "tcp://127.0.0.1:5001".to_owned(),
            address: Address::Tcp("127.0.0.1:5001".parse().expect("an address")),
            call: Call::Echo,
            connections: 64,
            active: 64,
            depth: 1,
            pace: Pace::Closed,
            sizes: Sizes::Fixed(64),
            messages_per_connection: None,
            ramp_up_s: Duration::ZERO,
            warm_up_s: Duration::ZERO,
            length: Length::For(Duration::from_secs(1)),
            until: None,
            reply_timeout_s: Duration::from_secs(5),
            connect_timeout_s: Duration::from_secs(5),
            threads: 1,
            pin: Vec::new(),
            processes: 1,
            io: Io::Auto,
            seed: 1,
            server_pid: None,
        }
    }

    #[test]
    fn a_plan_says_what_is_wrong_with_it() {
        assert_eq!(plan().check(), Ok(()));
        let open = |rate_per_s| Pace::Open { rate_per_s, arrivals: Arrivals::Even };
        let custom = Call::Custom { send: "x".into(), expect: String::new() };
        let udp = Address::Udp("127.0.0.1:9".parse().expect("an address"));
        let until = Some(Until { percent: 2.0, runs_max: 20 });
        let weights = Sizes::Weighted(vec![(64, f64::NAN)]);
        let wrong = [
            (Plan { connections: 0, ..plan() }, "connections is 0"),
            (Plan { active: 65, ..plan() }, "only 64"),
            (Plan { depth: 1025, ..plan() }, "depth is 1025"),
            (Plan { pace: open(f64::INFINITY), ..plan() }, "rate is inf"),
            (Plan { pace: open(f64::NAN), ..plan() }, "rate is NaN"),
            (Plan { sizes: Sizes::Uniform(9, 1), ..plan() }, "larger than the last"),
            (Plan { sizes: Sizes::Fixed(0), ..plan() }, "size is 0"),
            (Plan { sizes: weights, ..plan() }, "weights"),
            (Plan { length: Length::For(Duration::ZERO), ..plan() }, "length is 0"),
            (Plan { length: Length::Messages(0), ..plan() }, "messages is 0"),
            (Plan { length: Length::Messages(9), until, ..plan() }, "repeated runs"),
            (Plan { call: custom, ..plan() }, "empty pattern"),
            (Plan { call: Call::Chargen, pace: open(9.0), ..plan() }, "chargen and a rate"),
            (Plan { call: Call::Files, address: udp.clone(), ..plan() }, "UDP"),
            (Plan { io: Io::Uring, address: udp.clone(), ..plan() }, "io_uring and UDP"),
            (Plan { sizes: Sizes::Fixed(65_508), address: udp, ..plan() }, "1 to 65507"),
        ];
        for (plan, expected) in wrong {
            let error = plan.check().expect_err("it is wrong").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
