//! Tests of the generators: the lines that start them, and their reports.

use super::super::plan::Sockets;
use super::*;

const TIMES: Times = Times { warm_up_ms: 200, measured_ms: 1500 };

fn echo() -> Load {
    let service = Service::Echo;
    Load { service, connections: 64, size: 1024, depth: 16, sockets: Sockets::Same }
}

fn words(generator: Generator, work: &Work) -> String {
    generator.words(work, "127.0.0.1:7".parse().unwrap(), TIMES, Some(9)).join(" ")
}

#[test]
fn lines_are_what_one_would_type() {
    let expected = "load tcp://127.0.0.1:7 --connections 64 --depth 16 --size 1024 --warm-up 200ms \
                    --for 1500ms --threads 1 --connect-timeout 20s --reply-timeout 20s \
                    --server-pid 9 --json --quiet";
    assert_eq!(words(Generator::ColokLoad, &Work::Serve(echo())), expected);
    let expected = "127.0.0.1 7 64 16 1024 0.200 1.500";
    assert_eq!(words(Generator::CLoad, &Work::Generate(echo())), expected);
    let udp = Load { service: Service::UdpEcho, ..echo() };
    let expected = "under-load --full-rtt -i 127.0.0.1 -p 7 -m 1024 -t 2 --mps=max --reply-every=1";
    assert_eq!(words(Generator::Sockperf, &Work::Generate(udp)), expected);
    let one = Work::Generate(Load { depth: 1, ..udp });
    let expected = "ping-pong --full-rtt -i 127.0.0.1 -p 7 -m 1024 -t 2";
    assert_eq!(words(Generator::Sockperf, &one), expected);
    assert!(words(Generator::ColokLoad, &Work::Bulk).starts_with("load discard=tcp://"));
    assert_eq!(words(Generator::Iperf3, &Work::Bulk), "-c 127.0.0.1 -p 7 -t 2 -l 65536 -J");
}

#[test]
fn a_report_of_ours_is_read_and_errors_in_it_are_failures() {
    let good = r#"{"outcome": "ok", "error": null,
        "summary": {"messages_per_s": 2000.0, "latency_us": {"p50": 30.5, "p99": null}},
        "throughput": {"seconds": 1.5, "messages": 3000, "sent_bytes_per_s": 2097152.0},
        "reconciliation": {"sent": 2500, "wrong": 0, "lost": 0},
        "generator": {"processor_us_per_message": 4.5, "thread_busy": [0.5, 0.9]},
        "server": {"busy": 0.75, "user_us_per_message": null}}"#;
    let outcome = Generator::ColokLoad.read(&Work::Serve(echo()), good).unwrap();
    let expected = Outcome {
        rate: 2000.0,
        p50_us: Some(30.5),
        p99_us: None,
        own_us: Some(4.5),
        server_us: Some(375.0),
        busy_percent: Some(90.0),
        messages: 2500.0,
    };
    assert_eq!(outcome, expected);
    let bulk = Generator::ColokLoad.read(&Work::Bulk, good).unwrap();
    assert_eq!((bulk.rate, bulk.own_us), (2.0, Some(4500.0)));
    let bad = good.replace("\"ok\"", "\"errors\"").replace("\"wrong\": 0", "\"wrong\": 7");
    let problem = Generator::ColokLoad.read(&Work::Serve(echo()), &bad).unwrap_err();
    assert!(problem.contains("errors") && problem.contains("7 wrong"), "{problem}");
    assert!(Generator::ColokLoad.read(&Work::Bulk, "{}").is_err());
    assert!(Generator::ColokLoad.read(&Work::Bulk, "").unwrap_err().contains("no JSON"));
}

#[test]
fn the_report_of_the_c_generator_is_read() {
    let text = r#"{"messages":1000,"seconds":0.500000,"messages_per_s":2000.0,"p50_us":53.25,
        "p99_us":73.73,"processor_us":250000}"#;
    let outcome = Generator::CLoad.read(&Work::Generate(echo()), text).unwrap();
    assert_eq!(
        (outcome.rate, outcome.own_us, outcome.busy_percent),
        (2000.0, Some(250.0), Some(50.0))
    );
    assert!(Generator::CLoad.read(&Work::Generate(echo()), "{\"messages\":0}").is_err());
}

#[test]
fn the_summary_of_sockperf_is_read() {
    let text = "sockperf: [Total Run] RunTime=1.000 sec; Warm up time=400 msec; \
                SentMessages=21800; ReceivedMessages=21799\n\
                sockperf: [Valid Duration] RunTime=0.500 sec; SentMessages=100; \
                ReceivedMessages=100\n\
                sockperf: ---> percentile 99.000 =   76.353\n\
                sockperf: ---> percentile 50.000 =   52.037\n";
    let udp = Work::Generate(Load { service: Service::UdpEcho, ..echo() });
    let outcome = Generator::Sockperf.read(&udp, text).unwrap();
    assert_eq!((outcome.rate, outcome.messages), (200.0, 21799.0));
    assert_eq!((outcome.p50_us, outcome.p99_us), (Some(52.037), Some(76.353)));
    let nothing = "sockperf: No messages were received from the server. Is the server down?\n";
    assert!(Generator::Sockperf.read(&udp, nothing).is_err());
}

#[test]
fn the_report_of_iperf3_is_read() {
    let text = r#"{"end": {"sum_received": {"bits_per_second": 8388608.0},
        "cpu_utilization_percent": {"host_total": 50.0}}}"#;
    let outcome = Generator::Iperf3.read(&Work::Bulk, text).unwrap();
    assert_eq!((outcome.rate, outcome.own_us), (1.0, Some(500_000.0)));
    assert!(Generator::Iperf3.read(&Work::Bulk, r#"{"error": "refused"}"#).is_err());
}

#[test]
fn whoever_cannot_do_a_work_says_why() {
    let works = [Work::Generate(echo()), Work::Bulk];
    for work in works {
        let able = Generator::ALL.iter().filter(|one| one.takes(&work).is_ok());
        let able: Vec<_> = able.collect();
        assert!(able.contains(&&Generator::ColokLoad) && able.contains(&&Generator::base(&work)));
        assert_eq!(able.len(), 2, "{work:?}");
    }
}
