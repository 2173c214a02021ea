//! What the command line understands, and what it says to the rest: exit code 2, and why.

use crate::common::colok;
use crate::support::dead_place;

/// A usage error whose text holds all of these.
fn wrong(arguments: &[&str], parts: &[&str]) {
    let output = colok(&[&["load"], arguments].concat());
    assert_eq!((output.code, output.text().as_str()), (Some(2), ""), "{arguments:?}: {output:?}");
    for part in parts {
        assert!(output.err.contains(part), "{arguments:?}: no `{part}` in {}", output.err);
    }
}

#[test]
fn a_target_is_needed() {
    wrong(&[], &["load needs TARGET", "try: colok load localhost:5001"]);
    wrong(&["-c", "4"], &["load needs TARGET"]);
}

#[test]
fn targets_that_are_none() {
    wrong(&["ecko=localhost:5001"], &["there is no service ecko", "echo"]);
    wrong(&["tcp://localhost:99999"], &["99999 is not a port"]);
    wrong(&["http://localhost"], &["there is no scheme http"]);
    wrong(&["files=udp://localhost"], &["files is not served over udp"]);
    wrong(&["chargen=udp://localhost"], &["chargen is not served over udp"]);
    wrong(&["localhost:5001?quit=off"], &["the option quit belongs to a server's address"]);
    wrong(&["count?idle=5s"], &["the option idle belongs", "colok load count"]);
    wrong(&["count?lang=fr"], &["lang: fr is not a value for it"]);
    wrong(&["one:1", "two:2"], &["two:2 is one argument too many"]);
}

#[test]
fn values_that_are_none() {
    for (option, value, why) in [
        ("--rate", "fast", "150k or 1.5M"),
        ("--rate", "0", "above zero"),
        ("--size", "0", "64:9,16K:1"),
        ("--size", "64,128", "64:9,16K:1"),
        ("--connections", "0", "a whole number from 1 on"),
        ("--connections", "2000000", "from 1 to 1000000"),
        ("--depth", "1025", "from 1 to 1024"),
        ("--active", "65", "from 1 to 64"),
        ("--for", "5", "a length of time"),
        ("--for", "0", "above zero"),
        ("--messages", "0", "from 1 on"),
        ("--until-ci", "200%", "above 0 and below 100"),
        ("--pin", "3-1", "a list of processors"),
        ("--arrivals", "random", "poisson, even"),
        ("--io", "select", "auto, epoll, uring"),
        ("--reply-timeout", "0", "above zero"),
        ("--seed", "x", "a whole number"),
        ("--server-pid", "0", "from 1 on"),
    ] {
        wrong(&["localhost:5001", option, value], &[option, why]);
    }
}

#[test]
fn options_that_do_not_go_together() {
    let target = "localhost:5001";
    wrong(&[target, "--for", "1s", "-n", "5"], &["cannot be used with"]);
    wrong(&[target, "--until-ci", "2%", "-n", "5"], &["cannot be used with"]);
    wrong(&[target, "--arrivals", "even"], &["--arrivals would have no effect", "--rate"]);
    wrong(&[target, "--runs-max", "5"], &["--runs-max would have no effect", "--until-ci"]);
    wrong(&[target, "--until-ci", "2%", "--runs-max", "2"], &["at least 3 runs"]);
    wrong(&[target, "--send", "x"], &["--send would have no effect", "go together"]);
    wrong(&[target, "--expect", "x"], &["--expect would have no effect"]);
    wrong(&[target, "--send", "", "--expect", "x"], &["--send", "empty message"]);
    wrong(&[target, "--send", "\\q", "--expect", "x"], &["--send", "the escapes are"]);
    wrong(&["echo", "--send", "x", "--expect", "x"], &["--send cannot be used with echo"]);
    wrong(&["localhost", "--send", "x", "--expect", "x"], &["names no port"]);
    wrong(&["chargen", "--rate", "5"], &["--rate would have no effect", "with chargen"]);
    wrong(&["discard", "--depth", "5"], &["--depth would have no effect", "with discard"]);
    wrong(&["udp://localhost:5001", "--io", "uring"], &["uring is for tcp and unix"]);
    wrong(&[target, "--compare", "a", "b"], &["cannot be used with --compare"]);
    wrong(&["--rate", "5", "--compare", "a", "b"], &["--rate cannot be used with --compare"]);
}

#[test]
fn what_is_wrong_is_told_in_indonesian_too() {
    let output = colok(&["load", "localhost:5001", "--rate", "cepat", "--lang", "id"]);
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("pesan per detik"), "{}", output.err);
}

#[test]
fn a_name_that_does_not_exist_is_told() {
    let output = colok(&["load", "tcp://name.invalid:5001"]);
    assert_eq!(output.code, Some(1));
    assert!(output.err.starts_with("colok: getaddrinfo name.invalid: "), "{}", output.err);
}

#[test]
fn targets_are_understood_in_every_form() {
    // Nobody listens there: that this is what is told shows that the words were understood.
    let place = dead_place();
    for target in [
        place.clone(),
        format!("tcp://{place}"),
        format!("echo={place}"),
        format!("count=tcp://{place}?lang=en&unit=bytes"),
        format!("discard={place}"),
        format!("files={place}"),
        "unix:@nobody-listens-on-this-name".to_owned(),
    ] {
        let output = colok(&["load", &target, "--for", "100ms", "-c", "1"]);
        assert_eq!(output.code, Some(1), "{target}: {output:?}");
        assert!(output.err.contains("Connection refused"), "{target}: {}", output.err);
    }
}
