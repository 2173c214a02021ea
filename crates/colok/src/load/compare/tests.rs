//! Two reports side by side: what differs, what may be chance, and what spoils the comparison.

use super::super::plan::{Plan, Until};
use super::super::report::ServerUse;
use super::super::samples::{Phase, Slice};
use super::super::summary::fixture::{Load, MEASURING, open, plan};
use super::*;

/// A load that answers so many more messages in every interval.
fn faster(each: fn(&mut Slice)) -> Report {
    Load { each, ..Load::of(plan()) }.report()
}

fn more(slice: &mut Slice) {
    if slice.phase == Phase::Measuring {
        for counts in [&mut slice.counts, &mut slice.measured] {
            (counts.sent, counts.answered) = (counts.sent + 50, counts.answered + 50);
        }
    }
}

#[test]
fn a_report_does_not_differ_from_itself() {
    let report = Load::of(plan()).report();
    let comparison = compare(&report, &report);
    assert_eq!(comparison.settings, []);
    assert_eq!(comparison.warnings, [Warning::SingleRuns]);
    let throughput = comparison.throughput.expect("both measured");
    assert_eq!((throughput.ratio, throughput.verdict), (Some(1.0), Verdict::NotSeen));
    assert!(comparison.latencies.iter().all(|row| row.ratio == Some(1.0)));
}

#[test]
fn more_than_chance_is_told_both_ways() {
    let (slow, fast) = (Load::of(plan()).report(), faster(more));
    let up = compare(&slow, &fast).throughput.expect("both measured");
    assert_eq!(up.verdict, Verdict::Higher);
    let (low, high) = (up.ratio_low.expect("known"), up.ratio_high.expect("known"));
    assert!(low < 301.0 / 201.0 && 301.0 / 201.0 < high && low > 1.4, "{up:?}");
    let down = compare(&fast, &slow).throughput.expect("both measured");
    assert_eq!(down.verdict, Verdict::Lower);
    assert!((down.ratio_low.expect("known") - 1.0 / high).abs() < 1e-9, "the other way round");
}

#[test]
fn what_may_be_chance_is_not_called_a_difference() {
    // The same rate on average, and much spread.
    let report = faster(|slice| {
        if slice.phase == Phase::Measuring {
            slice.counts.answered = if slice.index.is_multiple_of(2) { 20 } else { 190 };
        }
    });
    let ratio = compare(&Load::of(plan()).report(), &report).throughput.expect("both measured");
    assert!(ratio.ratio.expect("known") > 1.03, "{ratio:?}");
    assert_eq!(ratio.verdict, Verdict::NotSeen);
}

#[test]
fn without_an_interval_nothing_is_claimed() {
    let a = Load::of(plan()).report();
    let mut b = faster(more);
    b.throughput.interval = None;
    let throughput = compare(&a, &b).throughput.expect("both measured");
    assert_eq!((throughput.verdict, throughput.ratio_low), (Verdict::Unknown, None));
    assert!(throughput.ratio.is_some());
}

#[test]
fn settings_that_differ_are_named() {
    let a = Load::of(plan()).report();
    let b = Load::of(Plan { depth: 16, seed: 9, ..plan() }).report();
    let comparison = compare(&a, &b);
    let names: Vec<&str> = comparison.settings.iter().map(|setting| &*setting.name).collect();
    assert_eq!(names, ["plan.depth", "plan.seed"]);
    assert_eq!((&*comparison.settings[0].a, &*comparison.settings[0].b), ("1", "16"));
    assert!(comparison.warnings.contains(&Warning::DifferentPlan));
}

#[test]
fn a_seed_or_a_port_is_the_same_plan() {
    let a = Load::of(plan()).report();
    let url = "tcp://127.0.0.1:5002".to_owned();
    let address = super::super::plan::Address::Tcp(([127, 0, 0, 1], 5002).into());
    let b = Load::of(Plan { seed: 9, url, address, ..plan() }).report();
    let comparison = compare(&a, &b);
    assert_eq!(comparison.warnings, [Warning::SingleRuns]);
    assert_eq!(comparison.settings.len(), 3);
}

#[test]
fn another_kind_of_address_or_pace_is_another_plan() {
    let a = Load::of(plan()).report();
    let address = super::super::plan::Address::Udp(([127, 0, 0, 1], 5001).into());
    for other in [Plan { address, ..plan() }, open(1.0)] {
        let b = Load::of(other).report();
        assert!(compare(&a, &b).warnings.contains(&Warning::DifferentPlan));
    }
}

#[test]
fn another_machine_is_warned_of_but_not_its_load_average() {
    let a = Load::of(plan()).report();
    let mut b = a.clone();
    b.machine.load_average = 7.0;
    assert_eq!(compare(&a, &b).warnings, [Warning::SingleRuns]);
    b.machine.kernel = "7.1".to_owned();
    assert!(compare(&a, &b).warnings.contains(&Warning::DifferentMachine));
}

#[test]
fn what_spoils_either_report_is_warned_of() {
    let good = Load::of(plan()).report();
    let mut bad = good.clone();
    bad.summary.errors = 1;
    bad.generator.limited = true;
    bad.tool = "colok 9.9.9".to_owned();
    for comparison in [compare(&good, &bad), compare(&bad, &good)] {
        let expected = [
            Warning::Unreliable,
            Warning::GeneratorLimited,
            Warning::SingleRuns,
            Warning::DifferentTool,
        ];
        assert_eq!(comparison.warnings, expected);
    }
}

#[test]
fn a_report_that_measured_nothing_is_not_compared() {
    let good = Load::of(plan()).report();
    let failed = Load { each: |slice| slice.phase = Phase::WarmUp, ..Load::of(plan()) }.report();
    let comparison = compare(&good, &failed);
    assert!(comparison.warnings.contains(&Warning::NothingMeasured));
    assert_eq!(comparison.throughput, None);
}

#[test]
fn several_runs_need_no_warning() {
    let until = Some(Until { percent: 50.0, runs_max: 3 });
    let runs = || Load { runs: 3, ..Load::of(Plan { until, ..plan() }) }.report();
    assert_eq!(compare(&runs(), &runs()).warnings, []);
}

#[test]
fn percentiles_with_too_few_samples_are_absent() {
    let report = Load::of(plan()).report();
    let few = faster(|slice| {
        if slice.index > MEASURING / 4 {
            slice.service.clear();
        }
    });
    let rows = compare(&report, &few).latencies;
    let row =
        |figure: &str| rows.iter().find(|row| row.of == "service_time" && row.figure == figure);
    let p99 = row("p99").expect("one of them has it");
    assert!(p99.a_us.is_some() && p99.b_us.is_none() && p99.ratio.is_none(), "{p99:?}");
    assert_eq!(row("p99.9"), None, "neither has enough");
    assert!(row("p50").expect("both have it").ratio.is_some());
    assert!(row("max").expect("both have it").ratio.is_some());
}

#[test]
fn figures_of_the_server_are_laid_side_by_side() {
    let server = |user_us| {
        let user_us_per_message = Some(user_us);
        Some(ServerUse { user_us_per_message, memory_kib: 100, ..ServerUse::default() })
    };
    let a = Load { server: server(2.0), ..Load::of(plan()) }.report();
    let b = Load { server: server(3.0), ..Load::of(plan()) }.report();
    let figures = compare(&a, &b).figures;
    let user = figures.iter().find(|row| row.name == "server.user_us_per_message");
    assert_eq!(user.expect("both have it").ratio, Some(1.5));
    let busy = figures.iter().find(|row| row.name == "server.busy").expect("both have it");
    assert_eq!((busy.a, busy.ratio), (Some(0.0), None), "nothing cannot be divided by");
}

#[test]
fn histograms_of_reports_add_up_exactly() {
    let (a, b) = (Load::of(plan()).report(), faster(more));
    let texts = [&a, &b].map(|report| {
        report.service_time.as_ref().map(|time| time.histogram.clone()).expect("it has replies")
    });
    let merged = merge_histograms(texts.iter().map(String::as_str)).expect("they are ours");
    let mut union = Histogram::default();
    for text in &texts {
        union.merge(&Histogram::decode(text).expect("it is ours"));
    }
    assert_eq!(merged, union);
    let counts = [&a, &b].map(|report| report.service_time.as_ref().map_or(0, |time| time.count));
    assert_eq!(merged.count(), counts.iter().sum::<u64>());
    assert!(merge_histograms(["?"]).is_err());
}
