//! Pages of made-up reports: whole, harmless, bounded, in both languages.

use std::time::Duration;

use colok::load::plan::{Address, Arrivals, Io, Length, Plan, Sizes, Until};
use colok::load::report::{
    ConfidenceInterval, Connections, CountedReason, Generator, Interval, LimitReason, Machine,
    Reconciliation, RunFigures, ServerUse, Summary, Throughput,
};
use colok::load::samples::Histogram;

use super::*;
use crate::messages::Language;

/// Messages per second, and in all, of the calm load.
const RATE: f64 = 201_234.5;
const MESSAGES: u64 = 2_012_345;

/// Noise from 0 to 1 that is the same every time.
fn noise(seed: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
    state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let low = u32::try_from((state ^ (state >> 32)) & 0xffff_ffff).unwrap_or_default();
    f64::from(low) / f64::from(u32::MAX)
}

/// Times around `usual_us` with a tail of the kind that servers have.
fn histogram(count: u64, usual_us: f64, stall_us: f64) -> Histogram {
    let mut histogram = Histogram::default();
    for at in 0..count {
        let body = usual_us * (0.75 + 0.3 * (noise(at) + noise(at + count)));
        let tail = if noise(at * 7 + 1) > 0.99 { body * 6.0 * noise(at * 3) } else { 0.0 };
        let stall = if noise(at * 11 + 5) > 0.995 { stall_us * noise(at * 13) } else { 0.0 };
        let time = Duration::from_secs_f64((body + tail + stall) / 1e6);
        histogram.record_ns(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
    histogram
}

fn plan(open: bool) -> Plan {
    Plan {
        url: "tcp://127.0.0.1:5001".into(),
        address: Address::Tcp(([127, 0, 0, 1], 5001).into()),
        call: Call::Echo,
        connections: 64,
        active: 64,
        depth: 1,
        pace: if open {
            Pace::Open { rate_per_s: 100_000.0, arrivals: Arrivals::Poisson }
        } else {
            Pace::Closed
        },
        sizes: Sizes::Fixed(64),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::from_secs(1),
        length: Length::For(Duration::from_secs(10)),
        until: None,
        reply_timeout_s: Duration::from_secs(5),
        connect_timeout_s: Duration::from_secs(5),
        threads: 1,
        pin: vec![1],
        processes: 1,
        io: Io::Auto,
        seed: 42,
        server_pid: Some(4242),
    }
}

fn intervals(number: u32, rate: f64, stall: bool) -> Vec<Interval> {
    let interval = |at: u32| {
        let seconds = 0.25;
        let stopped = stall && (20..24).contains(&at);
        let rate = if stopped { 0.0 } else { rate * (0.97 + 0.06 * noise(u64::from(at))) };
        let messages = Duration::from_secs_f64(rate * seconds).as_secs();
        let time = |usual: f64, seed| (!stopped).then(|| usual * (0.9 + 0.3 * noise(seed)));
        Interval {
            start_s: f64::from(at) * seconds,
            seconds,
            warm_up: at < 4,
            sent: messages,
            answered: messages,
            received_bytes: messages * 64,
            errors: 0,
            connections: 64,
            p50_us: time(290.0, u64::from(at)),
            p99_us: time(720.0, u64::from(at) + 99),
            max_us: time(2500.0, u64::from(at) + 999),
            response_p99_us: None,
        }
    };
    (0..number).map(interval).collect()
}

fn throughput() -> Throughput {
    Throughput {
        seconds: 10.0,
        messages: MESSAGES,
        messages_per_s: Some(RATE),
        sent_bytes_per_s: RATE * 64.0,
        received_bytes_per_s: RATE * 64.0,
        interval: Some(ConfidenceInterval {
            mean: RATE,
            half_width: 1670.0,
            percent: 0.83,
            samples: 20,
            of: "parts".into(),
        }),
        requested_per_s: None,
        backlog: None,
    }
}

fn generator() -> Generator {
    Generator {
        threads: 1,
        processes: 1,
        thread_busy: vec![0.71],
        thread_delayed: vec![0.004],
        processor_us_per_message: Some(3.4),
        descriptors: 76,
        descriptors_max: 20_000,
        ports: Some(64),
        ports_max: Some(28_232),
        ..Default::default()
    }
}

fn server() -> ServerUse {
    ServerUse {
        pid: 4242,
        name: "colok".into(),
        processes: 1,
        busy: 0.98,
        user_us_per_message: Some(0.61),
        system_us_per_message: Some(3.7),
        memory_kib: 9120,
        memory_bytes_per_connection: Some(1312.0),
        ..Default::default()
    }
}

fn machine() -> Machine {
    Machine {
        processor: "Example processor at 2.5 GHz".into(),
        processors: 2,
        memory_mib: 7976,
        kernel: "Linux 6.12.0".into(),
        system: "Example Linux 13".into(),
        load_average: 0.42,
        path: "loopback".into(),
    }
}

fn connections() -> Connections {
    Connections {
        opened: 64,
        open_at_end: 64,
        source_addresses: 1,
        fairness: Some(0.9987),
        answered_min: Some(30_211),
        answered_max: Some(32_877),
        ..Default::default()
    }
}

/// A load as it should be: closed loop, nothing wrong.
fn calm() -> Report {
    let times = histogram(200_000, 300.0, 0.0);
    Report {
        form: colok::load::report::FORM.into(),
        tool: "colok 0.1.0".into(),
        outcome: Outcome::Ok,
        error: None,
        summary: Summary {
            ok: true,
            messages_per_s: Some(RATE),
            bytes_per_s: Some(RATE * 64.0),
            throughput_error_percent: Some(0.83),
            latency_us: times.summary(),
            errors: 0,
            generator_limited: false,
        },
        plan: plan(false),
        command: ["colok", "load", "tcp://127.0.0.1:5001", "--connections", "64"]
            .map(Into::into)
            .into(),
        machine: machine(),
        started: "2026-01-02T03:04:05Z".into(),
        io: "uring".into(),
        throughput: throughput(),
        service_time: times.latency(),
        response_time: None,
        schedule_slip: None,
        connect_time: histogram(64, 80.0, 0.0).latency(),
        reconciliation: Reconciliation {
            sent: MESSAGES,
            answered: MESSAGES - 64,
            in_flight: 64,
            balanced: true,
            ..Reconciliation::default()
        },
        connections: connections(),
        intervals: intervals(44, RATE, false),
        runs: Vec::new(),
        generator: generator(),
        server: Some(server()),
        findings: Vec::new(),
    }
}

/// An open loop in which the server stood still, and all that can be found was found.
fn stormy() -> Report {
    let calm = calm();
    let mut report = Report {
        plan: Plan {
            until: Some(Until { percent: 2.0, runs_max: 20 }),
            active: 60,
            messages_per_connection: Some(1000),
            ..plan(true)
        },
        outcome: Outcome::Errors,
        response_time: histogram(50_000, 330.0, 900_000.0).latency(),
        schedule_slip: histogram(50_000, 12.0, 900_000.0).latency(),
        intervals: intervals(44, 100_000.0, true),
        ..calm
    };
    report.summary.ok = false;
    report.summary.errors = 5;
    report.summary.latency_us = histogram(500, 330.0, 900_000.0).summary();
    report.throughput.requested_per_s = Some(100_000.0);
    report.throughput.backlog = Some(1234);
    let run = |at: u64| RunFigures {
        seconds: 10.0,
        messages_per_s: 99_000.0 + 2000.0 * noise(at),
        p50_us: Some(300.0 + noise(at)),
        p99_us: None,
    };
    report.runs = (0..4).map(run).collect();
    for (at, interval) in report.intervals.iter_mut().enumerate() {
        interval.response_p99_us = interval.p99_us.map(|us| us * 2.0);
        interval.errors = u64::from(at == 20) * 5;
    }
    report.reconciliation = Reconciliation {
        sent: 1_000_000,
        answered: 999_995,
        wrong: 3,
        lost: 2,
        duplicates: 7,
        out_of_order: 1,
        late: 2,
        unexpected_bytes: 64,
        in_flight: 0,
        balanced: true,
    };
    let reason = |reason: &str, count| CountedReason { reason: reason.into(), count };
    report.connections.failed = vec![reason("ECONNREFUSED", 3), reason("timeout", 1)];
    report.connections.ended_early = vec![reason("peer-closed", 2)];
    report.findings = vec![
        Finding::Unreliable,
        Finding::ConnectionsFailed,
        Finding::GeneratorLimited {
            reasons: vec![
                LimitReason::Processor { busy: 0.99 },
                LimitReason::Delayed { share: 0.07 },
                LimitReason::Slip { p99_us: 1312.0 },
            ],
        },
        Finding::RateNotReached {
            requested_per_s: 100_000.0,
            achieved_per_s: 91_234.0,
            backlog: 1234,
        },
        Finding::NotSteady { wanted_percent: 2.0, reached_percent: Some(4.1), runs: 20 },
        Finding::FewSamples { count: 512 },
        Finding::SharedProcessors,
    ];
    report
}

/// Nothing was measured at all.
fn failed() -> Report {
    let calm = calm();
    Report {
        outcome: Outcome::Failed,
        error: Some("nothing listens on tcp://127.0.0.1:5001".into()),
        summary: Summary::default(),
        throughput: Throughput::default(),
        service_time: None,
        connect_time: None,
        reconciliation: Reconciliation { balanced: true, ..Reconciliation::default() },
        connections: Connections::default(),
        intervals: Vec::new(),
        generator: Generator::default(),
        server: None,
        findings: vec![Finding::ConnectionsFailed],
        ..calm
    }
}

/// Elements are nested rightly, and nothing in the page reaches out of it.
fn sound(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let (_, mut rest) = page.split_once("<!doctype html>").expect("it is HTML");
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("an element ends");
        let element = &rest[start + 1..end];
        let name = element.split([' ', '\n', '/']).next().unwrap_or_default();
        if let Some(name) = element.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "near {}", &rest[..end.min(300)]);
        } else if name != "meta" && !element.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
        assert_ne!(name, "script");
    }
    assert_eq!(open, Vec::<&str>::new());
    for reach in ["http://", "https://", "url(", "src=", "@import", "<link"] {
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(reach);
        assert!(!found, "{reach}");
    }
    assert!(page.len() < 300_000, "{} bytes", page.len());
}

fn pages(report: &Report) -> [String; 2] {
    [Language::English, Language::Indonesian].map(|language| {
        let page = html(report, &Messages::new(language));
        sound(&page);
        // A text that is missing shows its name.
        assert!(!page.contains(">page-"), "{}", language.code());
        assert!(page.contains(&format!("<html lang=\"{}\">", language.code())));
        page
    })
}

#[test]
fn a_page_tells_what_the_report_holds() {
    let [english, indonesian] = pages(&calm());
    let expected = [
        "201k",
        "± 0.8\u{a0}% (95\u{a0}% confidence)",
        "2\u{a0}012\u{a0}345",
        "How long replies took",
        "warm-up",
        "fewer than 10 slower replies",
        "99.99\u{a0}%",
        "colok load tcp://127.0.0.1:5001 --connections 64",
        "colok (4242)",
        "Example processor at 2.5 GHz",
        "colok-load-1",
    ];
    for text in expected {
        assert!(english.contains(text), "{text}");
    }
    assert!(indonesian.contains("Berapa lama balasan datang"));
    assert!(!english.contains("verdict bad") && !english.contains("class=\"finding"));
}

#[test]
fn findings_are_told_in_words() {
    let report = stormy();
    let [english, _] = pages(&report);
    assert_eq!(english.matches("class=\"finding").count(), report.findings.len());
    for text in ["verdict bad", "ECONNREFUSED", "response time", "1\u{a0}234", "Errors per second"]
    {
        assert!(english.contains(text), "{text}");
    }
}

#[test]
fn what_could_not_be_carried_out_has_a_page_too() {
    let [english, _] = pages(&failed());
    assert!(english.contains("Nothing listens on tcp://127.0.0.1:5001"));
    assert!(!english.contains("<svg") && !english.contains("class=\"tile"));
}

#[test]
fn a_page_tells_no_more_than_is_known() {
    let mut report = calm();
    let [english, _] = pages(&report);
    // Not by its colour alone.
    assert!(english.contains(" (too few)</td>"));
    assert!(english.contains("answered per connection"));
    report.plan.messages_per_connection = Some(1);
    assert!(!pages(&report)[0].contains("answered per connection"));
    report.plan.messages_per_connection = None;
    report.plan.call = Call::Discard;
    let [english, _] = pages(&report);
    assert!(english.contains("= taken") && english.contains("taken per connection"));
    assert!(!english.contains("a reply is lost after") && !english.contains("= answered"));
    report.plan.call = Call::Chargen;
    assert!(!pages(&report)[0].contains("message size"));
}

#[test]
fn every_service_and_way_of_sending_has_a_page() {
    for call in [Call::Discard, Call::Chargen, Call::Files] {
        for sizes in [Sizes::Uniform(1, 9), Sizes::Weighted(vec![(64, 9.0), (4096, 1.0)])] {
            let mut report = calm();
            report.plan = Plan { call: call.clone(), sizes, ..report.plan };
            report.summary.messages_per_s = None;
            pages(&report);
        }
    }
}

#[test]
fn no_text_of_a_report_becomes_markup() {
    let nasty = "</title></pre><script>alert(1)</script>";
    let mut report = stormy();
    let texts = [
        &mut report.tool,
        &mut report.plan.url,
        &mut report.machine.processor,
        &mut report.started,
        &mut report.io,
        &mut report.command[1],
        &mut report.connections.failed[0].reason,
    ];
    for text in texts {
        nasty.clone_into(text);
    }
    report.error = Some(nasty.into());
    report.plan.call = Call::Custom { send: nasty.into(), expect: nasty.into() };
    report.plan.address = Address::Unix(nasty.into());
    report.server = Some(ServerUse { name: nasty.into(), ..ServerUse::default() });
    for page in pages(&report) {
        assert!(page.matches("&lt;script&gt;").count() > 10);
    }
}

#[test]
fn a_page_of_a_long_load_is_bounded() {
    let mut report = calm();
    report.intervals = intervals(20_000, 200_000.0, true);
    let [english, _] = pages(&report);
    assert!(english.contains("The intervals are left out here"));
    let [short, _] = pages(&calm());
    assert!(!short.contains("The intervals are left out here"));
}

#[test]
fn the_json_in_the_page_is_the_report() {
    let report = calm();
    let [page, _] = pages(&report);
    let (_, json) =
        page.split_once("<pre id=\"report\" tabindex=\"0\">").expect("there is a report");
    let (json, _) = json.split_once("</pre>").expect("it ends");
    let json = json.replace("&quot;", "\"").replace("&#39;", "'");
    let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let read: Report = serde_json::from_str(&json).expect("it is a report");
    assert_eq!(read.reconciliation, report.reconciliation);
    assert_eq!(read.intervals.len(), report.intervals.len());
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let name = format!("colok-page-{}", process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).expect("a folder can be made");
    let messages = Messages::new(Language::English);
    let path = folder.join("page.html");
    fs::write(&path, "old").expect("can be written");
    write(&failed(), &messages, &path).expect("can be written");
    assert_eq!(fs::read_to_string(&path).expect("is there"), html(&failed(), &messages));
    let error = write(&failed(), &messages, &folder.join("none").join("page.html"));
    assert_eq!(error.map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    assert!(write(&failed(), &messages, &folder).is_err());
    write(&failed(), &messages, Path::new("/dev/null")).expect("a device is written to");
    let left: Vec<_> = fs::read_dir(&folder).expect("is there").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    fs::remove_dir_all(&folder).expect("can be removed");
}

#[test]
fn microseconds_get_their_letter() {
    assert_eq!(
        micro("12 us, then 3.5 us (us usual 4 usual)"),
        "12 µs, then 3.5 µs (us usual 4 usual)"
    );
    assert_eq!(micro(""), "");
}
