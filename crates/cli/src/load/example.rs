//! Reports as they come, for tests of how they are shown. The figures are made up.

use std::time::Duration;

use colok::load::plan::{Address, Arrivals, Call, Io, Length, Pace, Plan, Sizes};
use colok::load::report::{
    ConfidenceInterval, Connections, FORM, Generator, Latency, Machine, Outcome, Percentile,
    Reconciliation, Report, ServerUse, Summary, TOOL, Throughput,
};

/// A closed loop in which nothing went wrong.
pub(super) fn closed() -> Report {
    Report {
        form: FORM.to_owned(),
        tool: TOOL.to_owned(),
        outcome: Outcome::Ok,
        error: None,
        summary: Summary { ok: true, messages_per_s: Some(102_399.5), ..<_>::default() },
        plan: plan(),
        command: ["colok", "load", "localhost:5001", "--seed", "7"].map(str::to_owned).into(),
        machine: Machine::default(),
        started: "2026-11-20T06:12:01Z".to_owned(),
        io: "epoll".to_owned(),
        throughput: Throughput {
            seconds: 10.0,
            messages: 1_023_995,
            messages_per_s: Some(102_399.5),
            sent_bytes_per_s: 6_553_600.0,
            received_bytes_per_s: 6_553_600.0,
            interval: Some(ConfidenceInterval {
                mean: 102_399.5,
                half_width: 1_230.0,
                percent: 1.2,
                samples: 20,
                of: "parts".to_owned(),
            }),
            requested_per_s: None,
            backlog: None,
        },
        service_time: Some(latency(1.0)),
        response_time: None,
        schedule_slip: None,
        connect_time: Some(latency(0.1)),
        reconciliation: Reconciliation {
            sent: 1_123_995,
            answered: 1_123_995,
            balanced: true,
            ..<_>::default()
        },
        connections: Connections {
            opened: 64,
            open_at_end: 64,
            source_addresses: 1,
            fairness: Some(0.9987),
            answered_min: Some(15_201),
            answered_max: Some(18_004),
            ..<_>::default()
        },
        intervals: Vec::new(),
        runs: Vec::new(),
        generator: Generator {
            threads: 2,
            processes: 1,
            thread_busy: vec![0.45, 0.43],
            processor_us_per_message: Some(4.25),
            ..<_>::default()
        },
        server: Some(ServerUse {
            pid: 4711,
            name: "colok".to_owned(),
            processes: 1,
            busy: 0.98,
            user_us_per_message: Some(1.05),
            system_us_per_message: Some(3.2),
            memory_kib: 12_288,
            memory_bytes_per_connection: Some(180.4),
            ..<_>::default()
        }),
        findings: Vec::new(),
    }
}

/// An open loop in which nothing went wrong.
pub(super) fn open() -> Report {
    let mut report = closed();
    report.plan.pace = Pace::Open { rate_per_s: 50_000.0, arrivals: Arrivals::Poisson };
    report.response_time = Some(latency(3.0));
    report.generator.own_slip_p99_us = Some(31.0);
    report
}

fn plan() -> Plan {
    Plan {
        url: "tcp://localhost:5001".to_owned(),
        address: Address::Tcp(([127, 0, 0, 1], 5001).into()),
        call: Call::Echo,
        connections: 64,
        active: 64,
        depth: 1,
        pace: Pace::Closed,
        sizes: Sizes::Fixed(64),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::from_secs(1),
        length: Length::For(Duration::from_secs(10)),
        until: None,
        reply_timeout_s: Duration::from_secs(5),
        connect_timeout_s: Duration::from_secs(5),
        threads: 2,
        pin: Vec::new(),
        processes: 1,
        io: Io::Auto,
        seed: 7,
        server_pid: None,
    }
}

fn latency(factor: f64) -> Latency {
    let rows = [
        (50.0, 610.0, 511_998),
        (75.0, 702.0, 255_999),
        (90.0, 850.0, 102_400),
        (95.0, 990.0, 51_200),
        (99.0, 1_200.0, 10_240),
        (99.9, 1_900.0, 1_024),
        (99.99, 3_100.0, 102),
        (99.999, 4_800.0, 9),
    ];
    let one = |(percentile, us, samples_beyond)| Percentile {
        percentile,
        us: us * factor,
        samples_beyond,
    };
    Latency {
        count: 1_023_995,
        min_us: 41.0 * factor,
        mean_us: 624.0 * factor,
        deviation_us: 120.0,
        max_us: 8_123.0 * factor,
        percentiles: rows.into_iter().map(one).collect(),
        histogram: String::new(),
    }
}
