//! Axes: from values to places, and where the ticks are.

use crate::{Error, Unit, check};

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit: `messages per second`.
    pub title: String,
    /// How values are spread.
    pub scale: Scale,
    /// How values are written.
    pub unit: Unit,
    /// Values that get a tick; empty: round ones are chosen.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// An axis with ticks at round values.
    pub fn new(title: impl Into<String>, scale: Scale, unit: Unit) -> Self {
        Self { title: title.into(), scale, unit, ticks: Vec::new() }
    }
}

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly. A vertical axis always shows zero.
    Linear,
    /// By their logarithm. What is not above zero lies on the axis' lower end.
    Log,
    /// Percentiles by the logarithm of what is left: 90, 99 and 99.9 are one step apart. 100 lies
    /// on the axis' upper end.
    Nines,
}

/// A tick; `major` ones get their label first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
    pub(crate) major: bool,
}

/// An axis with its bounds.
#[derive(Clone, Debug)]
pub(crate) struct Range<'a> {
    axis: &'a Axis,
    /// Bounds in values.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The most steps of a nines axis: 99.99999 %.
const NINES_MAX: f64 = 7.0;
/// The most decades of a logarithmic axis.
const DECADES_MAX: f64 = 18.0;

impl<'a> Range<'a> {
    /// Bounds that hold all values. A vertical linear axis holds zero as well, and ends on a tick.
    pub(crate) fn new(
        axis: &'a Axis,
        values: impl Iterator<Item = f64>,
        vertical: bool,
    ) -> Result<Self, Error> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.chain(axis.ticks.iter().copied()) {
            check(&axis.title, value)?;
            if axis.scale == Scale::Nines && !(0.0..=100.0).contains(&value) {
                return Err(Error::NotAPercentile { of: axis.title.clone(), value });
            }
            if axis.scale != Scale::Log || value > 0.0 {
                (low, high) = (low.min(value), high.max(value));
            }
        }
        let (low, high) = match axis.scale {
            Scale::Linear => linear_bounds(low, high, vertical),
            Scale::Log => log_bounds(low, high, vertical),
            Scale::Nines => nines_bounds(high),
        };
        Ok(Self { axis, low, high })
    }

    /// Where a value lies: 0 at the lower end, 1 at the upper.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (low, high) = (self.spread(self.low), self.spread(self.high));
        ((self.spread(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    pub(crate) fn scale(&self) -> Scale {
        self.axis.scale
    }

    /// How its values are written.
    pub(crate) fn unit(&self) -> Unit {
        self.axis.unit
    }

    fn spread(&self, value: f64) -> f64 {
        match self.axis.scale {
            // Halved, so that the widest range does not overflow.
            Scale::Linear => value / 2.0,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Nines => nines(value),
        }
    }

    /// At most about `count` labelled ticks, ascending.
    pub(crate) fn ticks(&self, count: f64) -> Vec<Tick> {
        let tick = |(value, major)| Tick { value, label: self.axis.unit.text(value), major };
        let inside = |value: &f64| (self.low..=self.high).contains(value);
        if !self.axis.ticks.is_empty() {
            let mut values: Vec<f64> = self.axis.ticks.iter().copied().filter(inside).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            return values.into_iter().map(|value| tick((value, true))).collect();
        }
        let values = match self.axis.scale {
            Scale::Linear => linear_ticks(self.low, self.high, count),
            Scale::Log => log_ticks(self.low, self.high, count),
            Scale::Nines => nines_ticks(self.high),
        };
        values.into_iter().map(tick).collect()
    }
}

/// How many nines a percentile has: 90 has one, 99 two, 50 0.3.
fn nines(percentile: f64) -> f64 {
    let left = (1.0 - percentile / 100.0).max(10_f64.powf(-NINES_MAX));
    -left.log10()
}

fn linear_bounds(low: f64, high: f64, vertical: bool) -> (f64, f64) {
    if low > high {
        return (0.0, 1.0);
    }
    let (low, high) = if vertical { (low.min(0.0), high.max(0.0)) } else { (low, high) };
    if low >= high {
        // Nothing to spread: the one value gets some room.
        let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
        return if vertical { (low, high + 1.0) } else { (low - room, high + room) };
    }
    if !vertical {
        return (low, high);
    }
    let step = round_step((high / 5.0) - (low / 5.0));
    ((low / step).floor() * step, (high / step).ceil() * step)
}

fn log_bounds(low: f64, high: f64, vertical: bool) -> (f64, f64) {
    if low > high {
        return (1.0, 10.0);
    }
    let low = low.max(high / 10_f64.powf(DECADES_MAX));
    if vertical {
        let (low, high) = (round_below(low), round_above(high));
        if low < high { (low, high) } else { (round_below(low / 1.5), round_above(high * 1.5)) }
    } else if low >= high {
        (low / 2.0, high * 2.0)
    } else {
        (low, high)
    }
}

fn nines_bounds(high: f64) -> (f64, f64) {
    // At least to 90 %, at most to the most nines that are told apart.
    let steps = if high > 0.0 { nines(high).clamp(1.0, NINES_MAX) } else { 1.0 };
    (0.0, 100.0 - 100.0 * 10_f64.powf(-steps))
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below the step.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| step <= power * factor * 1.000_001);
    power * factor.unwrap_or(10.0)
}

fn round_above(value: f64) -> f64 {
    round_step(value)
}

fn round_below(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let fits = [5.0, 2.0, 1.0].into_iter().find(|factor| power * factor <= value * 1.000_001);
    power * fits.unwrap_or(0.5)
}

fn linear_ticks(low: f64, high: f64, count: f64) -> Vec<(f64, bool)> {
    let step = round_step((high / count) - (low / count));
    let first = (low / step - 1e-6).ceil();
    let value = |index: u32| (first + f64::from(index)) * step;
    // Adding zero turns -0 into 0.
    let end = high + step * 1e-6;
    (0..100).map(value).take_while(|value| *value <= end).map(|value| (value + 0.0, true)).collect()
}

fn log_ticks(low: f64, high: f64, count: f64) -> Vec<(f64, bool)> {
    let decades = (high / low).log10();
    if decades < 0.5 {
        // Less than half a decade has too few of 1, 2 and 5.
        return linear_ticks(low, high, count.min(5.0));
    }
    let every = (decades / count).ceil().max(1.0);
    let factors: &[f64] = if decades * 3.0 <= count * 1.7 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let mut ticks = Vec::new();
    let start = low.log10();
    let mut power = if every > 1.0 { (start - 1e-6).ceil() } else { start.floor() };
    while power <= high.log10() + 1e-6 {
        for factor in factors {
            let value = factor * 10_f64.powf(power);
            if value >= low * 0.999_999 && value <= high * 1.000_001 {
                let major = factor.total_cmp(&1.0).is_eq();
                ticks.push((value, major));
            }
        }
        power += every;
    }
    ticks
}

fn nines_ticks(high: f64) -> Vec<(f64, bool)> {
    let mut ticks = vec![(0.0, false), (50.0, true)];
    let mut steps = 1.0;
    while steps <= nines(high) + 1e-6 {
        ticks.push((100.0 - 100.0 * 10_f64.powf(-steps), true));
        steps += 1.0;
    }
    ticks
}
