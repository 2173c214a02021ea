//! A fault that was read: numbers and lengths of time instead of texts. Nothing here acts.

use std::time::Duration;

use super::text::size;
use super::{Direction, Fault};
use crate::net::duration::parse_duration;
use crate::net::url::Transport;

/// A fault, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    /// `None`: each of the two.
    pub(crate) direction: Option<Direction>,
    pub(crate) connections: Choice,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Delay {
        delay: Duration,
        jitter: Duration,
    },
    /// Bytes a second; at least 1.
    Rate(u64),
    BlackHole(u64),
    Corrupt(u64),
    /// At least 1.
    Chunk(u64),
    Cut(u64),
    Reset(u64),
    HalfClose(u64),
    FailFirst(u64),
    Lose(Choice),
    Duplicate(Choice),
    Reorder(Choice),
}

/// Which ones: by their numbers, or by chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    All,
    /// Ranges, both ends included; numbers begin with 1.
    Numbers(Vec<(u64, u64)>),
    /// So many of 2^64.
    Chance(u64),
}

impl Choice {
    /// Whether the one with this number is chosen; `draw` is a number that chance drew for it.
    pub(crate) fn takes(&self, number: u64, draw: impl FnOnce() -> u64) -> bool {
        match self {
            Self::All => true,
            Self::Numbers(ranges) => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&number))
            }
            Self::Chance(below) => draw() < *below,
        }
    }

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not numbers from 1 such as 3,7,10-12, nor a chance such as 10%")
        };
        let text = text.trim();
        if let Some(percent) = text.strip_suffix('%') {
            return Self::chance(percent.trim()).ok_or_else(wrong);
        }
        let ranges: Option<Vec<_>> = text.split(',').map(|part| range(part.trim())).collect();
        ranges.map(Self::Numbers).ok_or_else(wrong)
    }

    /// From percent as people write it, 0 to 100.
    fn chance(percent: &str) -> Option<Self> {
        let plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent: f64 = percent.parse().ok().filter(|_| plain)?;
        if percent >= 100.0 {
            return (percent <= 100.0).then_some(Self::All);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "from 0 to less than 2^64; a chance needs no 64 exact bits"
        )]
        let below = (percent / 100.0 * u64::MAX as f64) as u64;
        Some(Self::Chance(below))
    }
}

/// `7`, `10-12`, `10-`.
fn range(text: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|number| *number > 0);
    let Some((from, to)) = text.split_once('-') else {
        return number(text).map(|number| (number, number));
    };
    let to = if to.trim().is_empty() { u64::MAX } else { number(to)? };
    number(from).map(|from| (from, to)).filter(|(from, to)| from <= to)
}

impl Rule {
    /// Reads a fault; the error says what is wrong with it.
    pub(crate) fn of(fault: &Fault) -> Result<Self, String> {
        let kind = kind(fault)?;
        if fault.jitter.is_some() && fault.delay.is_none() {
            return Err("`jitter` belongs to `delay`".to_owned());
        }
        if matches!(kind, Kind::FailFirst(_)) && fault.direction.is_some() {
            return Err("`fail_first` has no direction".to_owned());
        }
        let connections = fault.connections.as_deref().map_or(Ok(Choice::All), Choice::read)?;
        Ok(Self { kind, direction: fault.direction, connections })
    }

    /// Whether this transport can have it; the error says why not.
    pub(crate) fn fits(&self, transport: Transport) -> Result<(), String> {
        let datagrams = transport == Transport::Udp;
        let fits = match self.kind {
            Kind::Delay { .. } | Kind::Rate(_) | Kind::BlackHole(_) | Kind::Corrupt(_) => true,
            Kind::Lose(_) | Kind::Duplicate(_) | Kind::Reorder(_) => datagrams,
            Kind::Chunk(_)
            | Kind::Cut(_)
            | Kind::Reset(_)
            | Kind::HalfClose(_)
            | Kind::FailFirst(_) => !datagrams,
        };
        let word = self.kind.word();
        match (fits, datagrams) {
            (true, _) => Ok(()),
            (false, true) => Err(format!("`{word}` is for streams, and datagrams go here")),
            (false, false) => Err(format!("`{word}` is for datagrams, and a stream goes here")),
        }
    }
}

impl Kind {
    /// Its key.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::Rate(_) => "rate",
            Self::BlackHole(_) => "black_hole",
            Self::Corrupt(_) => "corrupt",
            Self::Chunk(_) => "chunk",
            Self::Cut(_) => "cut",
            Self::Reset(_) => "reset",
            Self::HalfClose(_) => "half_close",
            Self::FailFirst(_) => "fail_first",
            Self::Lose(_) => "lose",
            Self::Duplicate(_) => "duplicate",
            Self::Reorder(_) => "reorder",
        }
    }
}

/// The one kind that is set.
fn kind(fault: &Fault) -> Result<Kind, String> {
    let mut kinds = Vec::new();
    if let Some(delay) = &fault.delay {
        let jitter = fault.jitter.as_deref().map_or(Ok(Duration::ZERO), time)?;
        kinds.push(Kind::Delay { delay: time(delay)?, jitter });
    }
    if let Some(rate) = &fault.rate {
        let rate = size(rate.trim()).ok_or_else(|| {
            format!("`{rate}` is not a number of bytes a second such as 1000, 100K or 1M")
        })?;
        kinds.push(Kind::Rate(rate));
    }
    let numbers = [
        (fault.black_hole, Kind::BlackHole as fn(u64) -> Kind),
        (fault.corrupt, Kind::Corrupt),
        (fault.chunk, Kind::Chunk),
        (fault.cut, Kind::Cut),
        (fault.reset, Kind::Reset),
        (fault.half_close, Kind::HalfClose),
        (fault.fail_first, Kind::FailFirst),
    ];
    kinds.extend(numbers.into_iter().filter_map(|(number, kind)| number.map(kind)));
    let choices = [
        (&fault.lose, Kind::Lose as fn(Choice) -> Kind),
        (&fault.duplicate, Kind::Duplicate),
        (&fault.reorder, Kind::Reorder),
    ];
    for (text, kind) in choices {
        if let Some(text) = text {
            kinds.push(kind(Choice::read(text)?));
        }
    }
    only(kinds)
}

fn only(mut kinds: Vec<Kind>) -> Result<Kind, String> {
    if let [first, second, ..] = &kinds[..] {
        let (first, second) = (first.word(), second.word());
        return Err(format!("`{first}` and `{second}` are two faults; write each as its own"));
    }
    let none = || "there is no kind of fault; write for example delay=50ms or cut=1000".to_owned();
    let kind = kinds.pop().ok_or_else(none)?;
    match kind {
        Kind::Rate(0) | Kind::Chunk(0) | Kind::FailFirst(0) => {
            Err(format!("`{}` must be at least 1", kind.word()))
        }
        kind => Ok(kind),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text.trim()).map_err(|error| error.to_string())
}
