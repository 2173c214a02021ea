//! A rate that does not wait for replies: what a pause of the server, and too high a rate, come to.

use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Serving, colok, command, gather};
use crate::servers::delaying;
use crate::support::{load, pause, told};

/// A load in the background, with JSON.
fn begin(place: &str, words: &str) -> Child {
    let mut all = vec!["load", place, "--json", "--quiet"];
    all.extend(words.split_whitespace());
    let mut command = command(&all);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

#[test]
fn a_second_without_server_shows_in_response_times_alone() {
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0"], 1);
    let words = "-c 4 --rate 200 --for 5s --warm-up 0 --threads 1 --reply-timeout 40s";
    let child = begin(serving.place(), words);
    for _ in 0..4 {
        serving.event("accepted");
    }
    pause(Duration::from_millis(1500));
    serving.signal(Signal::STOP);
    pause(Duration::from_secs(1));
    serving.signal(Signal::CONT);
    let told = told(&gather(child));
    told.assert_ended("ok", 0);
    // A second of five: one message of five was due in it, half of these in its first half.
    assert!(told.percentile_ms("response_time", 95.0) >= 500.0, "{}", told.report);
    assert!(told.percentile_ms("schedule_slip", 95.0) >= 500.0, "{}", told.report);
    // Four messages of a thousand were under way.
    assert!(told.percentile_ms("service_time", 95.0) < 400.0, "{}", told.report);
    assert!(told.number("/service_time/max_us") >= 900_000.0, "{}", told.report);
    assert_eq!((told.count("lost"), told.count("answered")), (0, told.count("sent")));
}

#[test]
fn a_load_that_is_stopped_itself_measures_no_longer() {
    for words in ["--rate 500 --io epoll", "--rate 500 --io auto", "--depth 2"] {
        let serving = Serving::start(&["echo=tcp://127.0.0.1:0"], 1);
        let words = format!("{words} -c 4 --for 1s --warm-up 0 --threads 1 --reply-timeout 40s");
        let child = begin(serving.place(), &words);
        for _ in 0..4 {
            serving.event("accepted");
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it has a pid");
        pause(Duration::from_millis(300));
        kill_process(pid, Signal::STOP).expect("it runs");
        pause(Duration::from_millis(1500));
        kill_process(pid, Signal::CONT).expect("it is stopped");
        let told = told(&gather(child));
        told.assert_ended("ok", 0);
        assert!((told.number("/throughput/seconds") - 1.0).abs() < 1e-6, "{}", told.report);
        assert_eq!(told.count("lost"), 0, "{}", told.report);
    }
}

#[test]
fn more_than_the_server_can_do() {
    // 4 connections, each no more than 100 in a second: 400.
    let place = delaying(|_| Duration::from_millis(10));
    let capacity = load(&place, "-c 4 --for 1s --warm-up 200ms --threads 1");
    let capacity = capacity.number("/throughput/messages_per_s");
    assert!(capacity <= 405.0, "{capacity}");
    // Half as much again as it can do at best; a busy machine may have measured less just now.
    let rate = 600.0;
    let words = format!("-c 4 --rate {rate} --for 2s --warm-up 200ms --threads 1");
    let told = load(&place, &words);
    // Every reply was right: it is the figures that say it.
    told.assert_ended("ok", 0);
    let achieved = told.number("/throughput/messages_per_s");
    let requested = told.number("/throughput/requested_per_s");
    assert!((requested - rate).abs() < 0.5, "{}", told.report);
    assert!(achieved <= 405.0 && achieved < 0.98 * requested, "{}", told.report);
    // At least what the server cannot possibly have done in this time.
    let least = (requested - 405.0) * 2.0;
    assert!(told.number("/throughput/backlog") >= least.max(1.0), "{}", told.report);
    let finding = told.finding("rate-not-reached").expect("it is told");
    assert_eq!(finding["requested_per_s"].as_f64(), Some(requested), "{finding}");
    assert_eq!(finding["achieved_per_s"].as_f64(), Some(achieved), "{finding}");
    assert_eq!(finding["backlog"], told.report["throughput"]["backlog"], "{finding}");
    // Responses wait longer and longer; service times know nothing of it.
    let [response, service] =
        ["response_time", "service_time"].map(|of| told.percentile_ms(of, 95.0));
    assert!(response > 2.0 * service, "{}", told.report);

    let words: Vec<&str> = words.split(' ').collect();
    let output = colok(&[&["load", &place, "--quiet"], &words[..]].concat());
    let text = output.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.code, Some(0), "{text}");
    for part in [&format!("{rate} messages/s wanted"), "achieved", "latencies grow"] {
        assert!(text.contains(part), "no `{part}` in {}", output.text());
    }
}

#[test]
fn a_rate_that_is_reached() {
    let place = delaying(|_| Duration::from_millis(10));
    for arrivals in ["even", "poisson"] {
        // 8 connections, 800 in a second at most.
        let words = "-c 8 --rate 200 --for 2s --warm-up 0 --threads 1 --seed 3 --arrivals";
        let told = load(&place, &format!("{words} {arrivals}"));
        told.assert_ended("ok", 0);
        // What was due is what was sent and what was not.
        let due = told.count("sent") + told.whole("/throughput/backlog");
        // Six standard deviations of a Poisson distribution.
        let tolerance = if arrivals == "even" { 2 } else { 120 };
        assert!(due.abs_diff(400) <= tolerance, "{arrivals}: {due} {}", told.report);
    }
}
