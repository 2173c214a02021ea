//! Orders on the control socket: other faults while connections are open, and the counts.

use std::io::{ErrorKind, Write as _};
use std::time::{Duration, Instant};

use crate::support::{Control, Relay, Target, ask, echo, noise, read, read_all, sends};

fn relay(target: &str, faults: &[&str], control: &Control) -> Relay {
    let target = format!("tcp://{target}");
    Relay::start("tcp://127.0.0.1:0", &target, faults, &["--control", &control.url()])
}

#[test]
fn faults_change_for_connections_that_are_open() {
    let control = Control::new();
    let relay = relay(&echo(), &[], &control);
    let mut client = relay.connect();
    client.write_all(b"before").expect("it is taken");
    assert_eq!(read(&mut client, 6), b"before");
    let answer = control.ask(r#"{"faults": [{"cut": 9, "direction": "down"}]}"#);
    assert_eq!((&answer["set"], &answer["open"]), (&2.into(), &1.into()), "{answer}");
    assert_eq!(answer["faults"][0]["fault"], "cut=9 direction=down");
    client.write_all(b"after").expect("it is taken");
    assert_eq!(read_all(&mut client), (b"aft".to_vec(), None));
    // A cut that lies behind is a cut now; no byte has to come for it.
    control.ask(r#"{"faults": []}"#);
    let mut client = relay.connect();
    client.write_all(b"x").expect("it is taken");
    assert_eq!(read(&mut client, 1), b"x");
    control.ask(r#"{"faults": ["reset=0 direction=down"]}"#);
    assert_eq!(read_all(&mut client), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    // And nothing of it stays when it ends.
    control.ask(r#"{"faults": []}"#);
    let mut client = relay.connect();
    client.write_all(b"free").expect("it is taken");
    assert_eq!(read(&mut client, 4), b"free");
    let status = control.ask(r#"{"status": true}"#);
    assert_eq!((&status["set"], &status["connections"]), (&5.into(), &3.into()));
    let earlier = status["earlier"].as_array().expect("they are told");
    let applied: Vec<_> = earlier.iter().map(|set| set["faults"][0]["applied"].as_u64()).collect();
    assert_eq!(applied, [None, Some(1), None, Some(1)]);
    assert_eq!(relay.applied(), [1, 1], "sets without faults are not told of");
}

#[test]
fn faults_reach_a_large_transfer_that_is_under_way() {
    const MIB: usize = 1024 * 1024;
    let bytes = noise(48 * MIB);
    let control = Control::new();
    // Without a log it has the fast way, which must be left at once.
    let relay = Relay::without_log(&sends(bytes.clone()), &["--control", &control.url()]);
    let mut client = relay.connect();
    let mut came = read(&mut client, 4 * MIB);
    // Further on than socket buffers reach.
    let place = 32 * MIB + 5;
    let faults =
        [format!("cut={place} direction=down"), format!("corrupt={} direction=down", 32 * MIB)];
    let answer = control.ask(&serde_json::json!({ "faults": faults }).to_string());
    assert_eq!(answer["set"], 2, "{answer}");
    let (rest, error) = read_all(&mut client);
    came.extend(rest);
    assert_eq!((came.len(), error), (place, None));
    assert_eq!(came[32 * MIB], !bytes[32 * MIB]);
    came[32 * MIB] = bytes[32 * MIB];
    assert!(came == bytes[..place], "and every other byte as it was");
}

#[test]
fn what_is_under_way_arrives_as_it_was_to() {
    let control = Control::new();
    let target = Target::new();
    let relay = relay(&target.place, &["delay=300ms direction=up"], &control);
    let (mut client, mut server) = (relay.connect(), target.accept());
    let start = Instant::now();
    client.write_all(b"slow").expect("it is taken");
    assert_eq!(relay.event("fault")["count"], 4);
    control.ask(r#"{"faults": []}"#);
    client.write_all(b"fast").expect("it is taken");
    assert_eq!(read(&mut server, 4), b"slow");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(read(&mut server, 4), b"fast", "and is not overtaken");
}

#[test]
fn a_black_hole_that_ends_lets_the_end_out() {
    let control = Control::new();
    let target = Target::new();
    let relay = relay(&target.place, &["black_hole=2 direction=up"], &control);
    let (mut client, mut server) = (relay.connect(), target.accept());
    client.write_all(b"abcd").expect("it is taken");
    client.shutdown(std::net::Shutdown::Write).expect("it is open");
    assert_eq!(read(&mut server, 2), b"ab");
    loop {
        let status = control.ask(r#"{"status": true}"#);
        if status["faults"][0]["applied"] == 3 {
            break;
        }
    }
    control.ask(r#"{"faults": []}"#);
    assert_eq!(read_all(&mut server), (Vec::new(), None));
}

#[test]
fn the_first_ones_fail_again_in_a_new_set() {
    let control = Control::new();
    let relay = relay(&echo(), &[], &control);
    let passes = || ask(relay.connect()).1.is_none();
    assert!(passes());
    for _ in 0..2 {
        control.ask(r#"{"faults": ["fail_first=1"]}"#);
        assert_eq!((passes(), passes()), (false, true));
    }
}

#[test]
fn a_wrong_order_changes_nothing() {
    let control = Control::new();
    let relay = relay(&echo(), &["delay=1ms"], &control);
    for (order, expected) in [
        ("nonsense", "expected"),
        ("{}", "ask for"),
        (r#"{"fault": []}"#, "unknown field `fault`"),
        (r#"{"faults": [{"cutt": 1}]}"#, "unknown field `cutt`"),
        (r#"{"faults": ["cut=1", "cutt=1"]}"#, "there is no key `cutt`"),
        (r#"{"faults": [{"cut": 1, "reset": 1}]}"#, "two faults"),
        (r#"{"faults": ["lose=1"]}"#, "for datagrams"),
    ] {
        let answer = control.ask(order);
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{order}: {answer}"));
        assert!(error.contains(expected), "{order}: {error}");
    }
    let status = control.ask(r#"{"status": true}"#);
    assert_eq!((&status["set"], &status["faults"][0]["fault"]), (&1.into(), &"delay=1ms".into()));
    drop(relay);
}
