//! The intervals of a report, in bounded memory.
//!
//! A load whose length is a number of messages may last for days. When there are too many rows,
//! neighbours are joined; their percentiles come from their merged histograms, which are kept as
//! text for that (some kilobytes each), and are as exact as before.

use super::super::plan::{Length, Plan};
use super::super::report::Interval;
use super::super::samples::{Histogram, Phase, Slice};
use super::interval_s;

/// More rows than this are joined in pairs.
const ROWS_MAX: u32 = 2000;

/// The rows so far, in order of time.
#[derive(Debug, Default)]
pub(super) struct Rows {
    kept: Vec<Row>,
    /// There may be so many that they are joined: their histograms are kept.
    packing: bool,
    /// [`ROWS_MAX`], but for tests.
    most: usize,
}

#[derive(Debug)]
struct Row {
    interval: Interval,
    run: u32,
    service: String,
    response: String,
}

impl Rows {
    /// No row yet. The plan says whether there may be too many.
    pub(super) fn of(plan: &Plan) -> Self {
        let runs = plan.until.map_or(1.0, |until| f64::from(until.runs_max));
        let few = match plan.length {
            // Half of the rows are left for warm-up.
            Length::For(length) => {
                runs * length.as_secs_f64() / interval_s(plan) < f64::from(ROWS_MAX / 2)
            }
            Length::Messages(_) => false,
        };
        Self { kept: Vec::new(), packing: !few, most: ROWS_MAX as usize }
    }

    /// Adds a finished interval. Those in which nothing is sent any more have no row, nor have
    /// those before the first message.
    pub(super) fn push(&mut self, interval: &Interval, slice: &Slice) {
        let nothing_yet = slice.phase == Phase::Connecting && interval.sent == 0;
        if slice.phase == Phase::Ending || nothing_yet {
            return;
        }
        let (service, response) = if self.packing {
            (packed(&slice.service), packed(&slice.response))
        } else {
            (String::new(), String::new())
        };
        self.kept.push(Row { interval: interval.clone(), run: slice.run, service, response });
        if self.kept.len() > self.most {
            self.join_pairs();
        }
    }

    pub(super) fn into_intervals(self) -> Vec<Interval> {
        self.kept.into_iter().map(|row| row.interval).collect()
    }

    fn join_pairs(&mut self) {
        let mut joined: Vec<Row> = Vec::with_capacity(self.kept.len());
        let mut single = false;
        for row in std::mem::take(&mut self.kept) {
            match joined.last_mut() {
                Some(before) if single && before.belongs_to(&row) => {
                    before.join(&row);
                    single = false;
                }
                _ => {
                    joined.push(row);
                    single = true;
                }
            }
        }
        self.kept = joined;
    }
}

impl Row {
    fn belongs_to(&self, next: &Self) -> bool {
        (self.run, self.interval.warm_up) == (next.run, next.interval.warm_up)
    }

    fn join(&mut self, next: &Self) {
        let service = joined(&self.service, &next.service);
        let response = joined(&self.response, &next.response);
        let (own, more) = (&mut self.interval, &next.interval);
        own.seconds = more.start_s + more.seconds - own.start_s;
        own.sent += more.sent;
        own.answered += more.answered;
        own.received_bytes += more.received_bytes;
        own.errors += more.errors;
        own.connections = more.connections;
        own.p50_us = service.percentile_us(50.0);
        own.p99_us = service.percentile_us(99.0);
        own.max_us = service.summary().map(|latency| latency.max);
        own.response_p99_us = response.percentile_us(99.0);
        self.service = packed(&service);
        self.response = packed(&response);
    }
}

fn packed(histogram: &Histogram) -> String {
    if histogram.count() == 0 { String::new() } else { histogram.encode() }
}

fn joined(first: &str, second: &str) -> Histogram {
    let mut all = Histogram::default();
    for text in [first, second].into_iter().filter(|text| !text.is_empty()) {
        all.merge(&Histogram::decode(text).expect("it was packed here"));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::plan::Until;
    use super::super::fixture::plan;
    use super::*;

    /// Interval number `index`, with samples that are its own.
    fn slice(index: u32, phase: Phase) -> Slice {
        let mut slice = Slice { index, phase, start_s: f64::from(index), ..Slice::default() };
        slice.seconds = 1.0;
        slice.counts.sent = 1;
        for sample in 0..30 {
            slice.service.record_ns(u64::from(index) * 1000 + sample);
        }
        slice
    }

    fn interval(slice: &Slice) -> Interval {
        let (start_s, seconds) = (slice.start_s, slice.seconds);
        let warm_up = slice.phase < Phase::Measuring;
        Interval { start_s, seconds, warm_up, sent: slice.counts.sent, ..Interval::default() }
    }

    #[test]
    fn too_many_are_joined_exactly() {
        let count = 41;
        let mut rows = Rows::of(&Plan { length: Length::Messages(1 << 40), ..plan() });
        rows.most = 40;
        for index in 0..count {
            let phase = if index < 3 { Phase::WarmUp } else { Phase::Measuring };
            let slice = slice(index, phase);
            rows.push(&interval(&slice), &slice);
        }
        let rows = rows.into_intervals();
        // Of three in the warm-up one stays alone, and so does the last of the others or none.
        assert!(rows.len() <= 40 / 2 + 2, "{}", rows.len());
        assert_eq!(rows.iter().map(|row| row.sent).sum::<u64>(), u64::from(count));
        let mut end_s = 0.0;
        for row in &rows {
            assert!((row.start_s - end_s).abs() < 1e-9, "no gap: {row:?}");
            end_s = row.start_s + row.seconds;
        }
        let mut union = slice(3, Phase::Measuring).service;
        union.merge(&slice(4, Phase::Measuring).service);
        let pair = rows.iter().find(|row| !row.warm_up).expect("most are");
        assert_eq!(pair.p50_us, union.percentile_us(50.0));
        assert_eq!(pair.max_us, union.summary().map(|latency| latency.max));
    }

    #[test]
    fn histograms_are_kept_only_where_rows_may_be_joined() {
        let length = |seconds| Length::For(Duration::from_secs(seconds));
        let until = Some(Until { percent: 1.0, runs_max: 100 });
        for (plan, packing) in [
            (Plan { length: length(10), ..plan() }, false),
            (Plan { length: length(86_400), ..plan() }, false),
            (Plan { length: length(10), until, ..plan() }, true),
            (Plan { length: Length::Messages(10), ..plan() }, true),
        ] {
            assert_eq!(Rows::of(&plan).packing, packing, "{plan:?}");
        }
    }

    #[test]
    fn waiting_has_no_row() {
        let mut rows = Rows::of(&plan());
        let mut quiet = slice(0, Phase::Connecting);
        quiet.counts.sent = 0;
        rows.push(&interval(&quiet), &quiet);
        let ending = slice(1, Phase::Ending);
        rows.push(&interval(&ending), &ending);
        assert!(rows.into_intervals().is_empty());
    }
}
