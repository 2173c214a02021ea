//! Every way a load can end: its exit code, and one JSON object that says the same.

use std::io::Read as _;
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{Output, PATIENCE, Serving, colok, command, gather};
use crate::support::{
    SHORT, closing, corrupting, dead_place, load, ponging, report, serve, server, silent,
};

/// A load with `--json`: its exit code and its outcome.
fn ended(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = load(&[arguments, &["--json"]].concat());
    let report = report(&output);
    balanced(&report, &output);
    (report, output.code)
}

/// Nothing is ever left out of the sum.
fn balanced(report: &Value, output: &Output) {
    let sums = &report["reconciliation"];
    let of = |name: &str| sums[name].as_u64().unwrap_or_else(|| panic!("{name}: {output:?}"));
    assert_eq!(
        of("sent"),
        of("answered") + of("wrong") + of("lost") + of("in_flight"),
        "{output:?}"
    );
}

#[test]
fn every_reply_was_right() {
    // Counts where there is something to count: a busy machine does little in a short time.
    let counted = ["-n", "500"];
    for (service, length) in
        [("echo", counted), ("count", counted), ("discard", counted), ("chargen", ["--for", "2s"])]
    {
        let serving = serve(service);
        let target = format!("{service}={}", serving.place());
        let output = colok(&[&["load", &target, "-c", "4", "--json"], &length[..]].concat());
        let report = report(&output);
        balanced(&report, &output);
        assert_eq!((&report["outcome"], output.code), (&"ok".into(), Some(0)), "{report}");
        assert_eq!(report["summary"]["ok"], true, "{service}: {report}");
        let received = report["summary"]["bytes_per_s"].as_f64();
        assert!(received > Some(0.0), "{service}: {report}");
    }
}

#[test]
fn over_every_transport() {
    let name = format!("unix:@colok-load-{}", std::process::id());
    let addresses = ["tcp://127.0.0.1:0", "udp://127.0.0.1:0", &name];
    let services = addresses.map(|address| format!("echo={address}"));
    let services: Vec<&str> = services.iter().map(String::as_str).collect();
    let serving = Serving::start(&services, 3);
    for address in &serving.addresses {
        for more in [&["--io", "epoll"][..], &["--rate", "300"], &["--depth", "5"]] {
            let (report, code) = ended(&[&[address.as_str()], more].concat());
            assert_eq!((&report["outcome"], code), (&"ok".into(), Some(0)), "{address}: {report}");
            assert_eq!(report["plan"]["url"], address.as_str());
        }
    }
}

#[test]
fn connections_made_anew_and_connections_that_only_stay() {
    let serving = serve("echo");
    let place = serving.place();
    let (report, code) = ended(&[place, "--messages-per-connection", "1"]);
    assert_eq!(code, Some(0), "{report}");
    let opened = report["connections"]["opened"].as_u64();
    assert!(opened >= report["reconciliation"]["answered"].as_u64(), "{report}");
    let arguments = ["load", place, "-c", "20", "--active", "3", "--for", "200ms", "--json"];
    let output = colok(&arguments);
    let report = crate::support::report(&output);
    assert_eq!((output.code, &report["connections"]["opened"]), (Some(0), &20.into()), "{report}");
}

#[test]
fn in_two_processes() {
    let serving = serve("echo");
    let (report, code) = ended(&[serving.place(), "--processes", "2"]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["generator"]["processes"], 2, "{report}");
}

#[test]
fn files_are_pushed() {
    let root = std::env::temp_dir().join(format!("colok-load-store-{}", std::process::id()));
    let path = root.to_str().expect("it is text").to_owned();
    let serving = Serving::start(&["files=tcp://127.0.0.1:0", "--root", &path], 1);
    let (report, code) = ended(&[&format!("files={}", serving.place())]);
    drop(serving);
    // Best effort: it is in the folder for temporary files.
    let _ = std::fs::remove_dir_all(&root);
    assert_eq!((&report["outcome"], code), (&"ok".into(), Some(0)), "{report}");
}

#[test]
fn any_service_that_answers() {
    let place = server(ponging);
    let (report, code) = ended(&[&place, "--send", "PING\\r\\n", "--expect", "+PONG\\r\\n"]);
    assert_eq!((&report["outcome"], code), (&"ok".into(), Some(0)), "{report}");
    let (report, code) = ended(&[&place, "--send", "PING\\r\\n", "--expect", "+PANG\\r\\n"]);
    assert_eq!((&report["outcome"], code), (&"errors".into(), Some(3)), "{report}");
    assert_eq!(report["reconciliation"]["answered"], 0);
}

#[test]
fn so_many_messages_are_sent() {
    let serving = serve("echo");
    let output =
        colok(&["load", serving.place(), "-n", "1000", "-c", "3", "--json", "--size", "5-700"]);
    let report = report(&output);
    assert_eq!(output.code, Some(0), "{report}");
    assert_eq!(report["reconciliation"]["sent"], 1000);
    assert_eq!(report["reconciliation"]["answered"], 1000);
}

#[test]
fn wrong_replies() {
    let (report, code) = ended(&[&server(corrupting)]);
    assert_eq!((&report["outcome"], code), (&"errors".into(), Some(3)), "{report}");
    assert!(report["reconciliation"]["wrong"].as_u64() > Some(0), "{report}");
    assert_eq!(report["summary"]["ok"], false);
}

#[test]
fn lost_replies() {
    let (report, code) = ended(&[&server(silent), "--reply-timeout", "200ms"]);
    assert_eq!((&report["outcome"], code), (&"errors".into(), Some(3)), "{report}");
    assert!(report["reconciliation"]["lost"].as_u64() > Some(0), "{report}");
}

#[test]
fn connections_that_the_server_ends() {
    let (report, code) = ended(&[&server(closing)]);
    assert!(matches!(code, Some(1 | 3)), "{report}");
    assert_ne!(report["outcome"], "ok");
    assert_eq!(report["summary"]["ok"], false);
}

#[test]
fn nobody_listens() {
    let place = dead_place();
    let output = load(&[&place, "--json"]);
    let told = report(&output);
    assert_eq!((&told["outcome"], output.code), (&"failed".into(), Some(1)), "{told}");
    let error = told["error"].as_str().expect("it says why");
    assert!(!error.is_empty());
    assert!(output.err.contains("Connection refused"), "{}", output.err);
    assert!(output.err.contains("nothing is listening there"), "{}", output.err);
    let page = std::env::temp_dir().join(format!("colok-load-failed-{}.html", std::process::id()));
    let _ = std::fs::remove_file(&page);
    let plain = load(&[&place, "--html", &page.display().to_string()]);
    assert_eq!((plain.code, plain.text().as_str()), (Some(1), ""));
    // Whoever looks for the page of a load finds one that says why there is no more.
    let html = std::fs::read_to_string(&page).expect("there is a page");
    let _ = std::fs::remove_file(&page);
    assert!(html.contains("Connection refused") && html.ends_with("</html>\n"), "{html}");
    assert!(plain.err.contains("try: colok serve echo=tcp://localhost:"), "{}", plain.err);
}

#[test]
fn a_throughput_that_is_not_known_well_enough() {
    let serving = serve("echo");
    // Nothing is that steady.
    let arguments = [serving.place(), "--until-ci", "0.01%", "--runs-max", "3"];
    let (report, code) = ended(&arguments);
    assert_eq!((&report["outcome"], code), (&"not-proved".into(), Some(5)), "{report}");
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(3), "{report}");
}

#[test]
fn interrupted() {
    let serving = serve("echo");
    let arguments = ["load", serving.place(), "--json", "-c", "4", "--for", "1h"];
    let child = command(&arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it has a pid");
    // All four are connected, so the load is on its way and heeds signals.
    for _ in 0..4 {
        serving.event("accepted");
    }
    kill_process(pid, Signal::INT).expect("it runs");
    let output = gather(child);
    let report = report(&output);
    balanced(&report, &output);
    assert_eq!((&report["outcome"], output.code), (&"interrupted".into(), Some(130)), "{report}");
}

#[test]
fn interrupted_twice() {
    let (sender, came) = channel();
    let place = server(move |mut stream: TcpStream| {
        let mut buffer = [0; 16];
        let _ = stream.read(&mut buffer);
        let _ = sender.send(());
        silent(stream);
    });
    let arguments = ["load", &place, "--json", "-c", "2", "--for", "1h", "--reply-timeout", "1h"];
    let child = command(&[&arguments[..], &["--warm-up", "0"]].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it has a pid");
    for _ in 0..2 {
        came.recv_timeout(PATIENCE).expect("each connection sends");
    }
    // The first lets open messages have their replies, which never come; the second does not wait.
    kill_process(pid, Signal::INT).expect("it runs");
    let start = Instant::now();
    while pending_interrupt(child.id()) && start.elapsed() < PATIENCE {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    kill_process(pid, Signal::INT).expect("it waits for replies");
    let output = gather(child);
    assert_eq!(output.code, Some(130), "{output:?}");
    assert_eq!(report(&output)["outcome"], "interrupted", "{output:?}");
}

/// Whether a SIGINT waits for a process, as the kernel tells it.
fn pending_interrupt(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.is_some_and(|set| set & (1 << (Signal::INT.as_raw() - 1)) != 0)
}

#[test]
fn a_plan_that_cannot_be_carried_out() {
    let (place, ten_us) = (dead_place(), ["--for", "10us"]);
    let output = colok(&[&["load", &place, "--json"], &ten_us[..]].concat());
    assert_eq!(output.code, Some(2), "{output:?}");
    assert_eq!(report(&output)["outcome"], "failed");
    let serving = serve("echo");
    let output = load(&[serving.place(), "--json", "--server-pid", "999999999"]);
    assert_eq!((output.code, &report(&output)["outcome"]), (Some(1), &"failed".into()));
    assert!(output.err.contains("999999999"), "{}", output.err);
    let output = load(&[serving.place(), "--lang", "id", "--pin", "4095"]);
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.err.contains("tidak punya prosesor 4095"), "{}", output.err);
}

#[test]
fn words_that_are_not_understood() {
    for arguments in [
        &["load", "--json", "localhost:5001", "--rate", "fast"][..],
        &["load", "--json"],
        &["load", "localhost:5001", "--no-such-option", "--json"],
        &["--lang", "id", "load", "nonsense=1", "--json"],
    ] {
        let output = colok(arguments);
        let told = report(&output);
        assert_eq!((&told["outcome"], output.code), (&"failed".into(), Some(2)), "{told}");
        let error = told["error"].as_str().expect("it says why");
        assert!(output.err.starts_with(&format!("colok: {error}\n")), "{}", output.err);
        assert_eq!(told["form"], "colok-load-1");
        assert_eq!(told["summary"]["ok"], false);
    }
    // Of other verbs `--json` means something else.
    assert_eq!(colok(&["explain", "--json", "tcp://:x"]).text(), "[]\n");
}

#[test]
fn a_name_that_does_not_exist() {
    let output = colok(&["load", "tcp://name.invalid:1", "--json"]);
    let told = report(&output);
    assert_eq!((&told["outcome"], output.code), (&"failed".into(), Some(1)), "{told}");
}

#[test]
fn an_output_that_is_gone() {
    let serving = serve("echo");
    let line =
        format!("exec \"$0\" load {} {} --json >/dev/full", serving.place(), SHORT.join(" "));
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_colok")]).env("LC_ALL", "C");
    let output = crate::common::finish(shell, b"");
    assert_eq!(output.code, Some(1));
    assert!(output.err.contains("write stdout: No space left on device"), "{}", output.err);
}

#[test]
fn the_schema_fits_what_is_printed() {
    let output = colok(&["load", "--schema"]);
    assert_eq!(output.code, Some(0));
    let schema: Value = serde_json::from_slice(&output.out).expect("it is JSON");
    let text = output.text();
    for name in ["reconciliation", "summary", "service_time", "findings"] {
        assert!(text.contains(&format!("\"{name}\"")), "no {name} in {schema}");
    }
}
