//! Running a load and reading its report; numbers for schedules.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Output, PATIENCE, colok, command};

/// Whether the long versions of tests are asked for.
pub(crate) fn is_full() -> bool {
    std::env::var_os("COLOK_TEST_FULL").is_some_and(|value| !value.is_empty())
}

/// One value for every day, another for the long version.
pub(crate) fn daily_or_full<T>(daily: T, full: T) -> T {
    if is_full() { full } else { daily }
}

/// A report as JSON, with the exit code that came with it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) report: Value,
    pub(crate) code: Option<i32>,
}

/// `colok load --json`, these words split at spaces; the sum always balances.
pub(crate) fn load(place: &str, words: &str) -> Told {
    let mut all = vec!["load", place, "--json", "--quiet"];
    all.extend(words.split_whitespace());
    if !is_full() {
        return told(&colok(&all));
    }
    // Millions of messages take longer than anything else may.
    let output = command(&all).output().expect("the program starts");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    told(&Output { code: output.status.code(), out: output.stdout, err })
}

/// The report that was printed, whatever way out it was; nothing is left out of its sum.
pub(crate) fn told(output: &Output) -> Told {
    let report: Value = serde_json::from_slice(&output.out)
        .unwrap_or_else(|error| panic!("{error}: {:?} {}", output.code, output.err));
    let told = Told { report, code: output.code };
    assert_eq!(told.report["form"], "colok-load-1", "{}", told.report);
    if told.report.get("reconciliation").is_some() {
        told.assert_balanced();
    }
    told
}

impl Told {
    /// A count of the reconciliation.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let count = self.report["reconciliation"][name].as_u64();
        count.unwrap_or_else(|| panic!("no {name} in {}", self.report))
    }

    /// The number at this JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        let number = self.report.pointer(pointer).and_then(Value::as_f64);
        number.unwrap_or_else(|| panic!("no {pointer} in {}", self.report))
    }

    /// The whole number at this JSON pointer.
    pub(crate) fn whole(&self, pointer: &str) -> u64 {
        let number = self.report.pointer(pointer).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("no {pointer} in {}", self.report))
    }

    /// The percentile of one of the distributions, in milliseconds.
    pub(crate) fn percentile_ms(&self, of: &str, percentile: f64) -> f64 {
        let all = self.report[of]["percentiles"].as_array().expect("there are percentiles");
        let is_it = |at: &&Value| at["percentile"].as_f64() == Some(percentile);
        let found = all.iter().find(is_it).and_then(|at| at["us"].as_f64());
        found.unwrap_or_else(|| panic!("no {percentile} in {}", self.report[of])) / 1e3
    }

    /// The finding of this kind.
    pub(crate) fn finding(&self, kind: &str) -> Option<&Value> {
        let findings = self.report["findings"].as_array().expect("there is a list");
        findings.iter().find(|finding| finding["kind"] == kind)
    }

    /// How often connections ended early, for any reason.
    pub(crate) fn ended_early(&self) -> u64 {
        let reasons = self.report["connections"]["ended_early"].as_array();
        let reasons = reasons.expect("there is a list").iter();
        reasons.map(|reason| reason["count"].as_u64().expect("it is counted")).sum()
    }

    pub(crate) fn assert_ended(&self, outcome: &str, code: i32) {
        let ended = (self.report["outcome"].as_str(), self.code);
        assert_eq!(ended, (Some(outcome), Some(code)), "{}", self.report);
    }

    fn assert_balanced(&self) {
        let parts = ["answered", "wrong", "lost", "in_flight"].map(|name| self.count(name));
        assert_eq!(self.count("sent"), parts.iter().sum::<u64>(), "{}", self.report);
        assert_eq!(self.report["reconciliation"]["balanced"], true, "{}", self.report);
    }
}

/// Numbers that look random and are the same for the same seed (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, from the high bits, which are the better ones.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// Lets time pass that a load measures. It waits for nothing.
pub(crate) fn pause(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}
