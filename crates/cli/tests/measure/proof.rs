//! `--until-ci`: met where the server is even, and honest where it is not.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::servers::delaying;
use crate::support::{daily_or_full, load};

#[test]
fn an_even_server_is_proved() {
    let place = delaying(|_| Duration::from_millis(10));
    // As wide as a machine needs that is busy with other things for whole runs.
    let wanted = daily_or_full(80.0, 5.0);
    let words = "-c 4 --threads 1 --for 400ms --warm-up 100ms --runs-max 20";
    let told = load(&place, &format!("{words} --until-ci {wanted}%"));
    told.assert_ended("ok", 0);
    let interval = &told.report["throughput"]["interval"];
    assert_eq!(interval["of"], "runs", "{}", told.report);
    assert!(interval["percent"].as_f64().expect("it is known") <= wanted, "{interval}");
    let runs = told.report["runs"].as_array().expect("there are runs");
    assert!((3..=20).contains(&runs.len()), "{}", told.report);
    assert_eq!(interval["samples"].as_u64(), Some(runs.len() as u64), "{}", told.report);
    for run in runs {
        let rate = run["messages_per_s"].as_f64().expect("it is known");
        assert!(rate > 0.0 && rate <= 420.0, "{}", told.report);
    }
    assert!(told.finding("not-steady").is_none(), "{}", told.report);
}

#[test]
fn a_server_that_alternates_is_not() {
    // For a run and a half it is fast, for a run and a half it is slow, from its first message on.
    let since: Mutex<Option<Instant>> = Mutex::new(None);
    let place = delaying(move |_| {
        let mut since = since.lock().expect("nobody fails with it");
        let turns = since.get_or_insert_with(Instant::now).elapsed().as_millis() / 450;
        Duration::from_millis(if turns.is_multiple_of(2) { 5 } else { 50 })
    });
    let words = "-c 4 --threads 1 --for 300ms --warm-up 0 --until-ci 2% --runs-max 6";
    let told = load(&place, words);
    told.assert_ended("not-proved", 5);
    assert_eq!(told.report["runs"].as_array().map(Vec::len), Some(6), "{}", told.report);
    let finding = told.finding("not-steady").expect("it is told");
    assert_eq!((&finding["wanted_percent"], &finding["runs"]), (&2.0.into(), &6.into()));
    assert!(finding["reached_percent"].as_f64() > Some(2.0), "{finding}");
    let interval = &told.report["throughput"]["interval"];
    assert_eq!(interval["percent"], finding["reached_percent"], "{}", told.report);
}
