//! What programs are given and what they write.

use std::io::Read as _;

use colok::scenario::agent::{Content, Order, Start, Word, random};
use serde_json::json;

use super::helpers::byte;
use super::{Body, Local, number_in, shell, words};

pub(super) const BODIES: &[Body] = &[
    ("both_outputs_arrive_whole", both_outputs_arrive_whole),
    ("input_is_given_whole", input_is_given_whole),
    ("a_program_runs_where_and_with_what_was_ordered", a_program_runs_where_and_with_what),
    ("a_program_that_is_not_there_has_failed", a_program_that_is_not_there_has_failed),
    ("endless_output_is_counted_and_not_told", endless_output_is_counted_and_not_told),
    ("a_slow_reader_stops_no_order", a_slow_reader_stops_no_order),
    ("a_log_is_told_line_by_line", a_log_is_told_line_by_line),
    ("a_log_grows_while_its_program_runs", a_log_grows_while_its_program_runs),
    ("outputs_that_others_hold_hold_nobody_up", outputs_that_others_hold_hold_nobody_up),
    ("many_programs_run_at_once", many_programs_run_at_once),
];

fn both_outputs_arrive_whole() {
    let mut local = Local::start();
    let ended = local.run_to_end(&words(&["colok", "bytes", "1000003"]));
    let all: Vec<u8> = (0..1_000_003).map(byte).collect();
    assert!(ended.stdout == all && ended.stderr == all);
    assert_eq!((ended.exit, ended.signal, ended.left_open), (Some(7), None, false));
    assert_eq!(ended.bytes, (1_000_003, 1_000_003));
}

fn input_is_given_whole() {
    let mut local = Local::start();
    let given = |content: Content| Start { stdin: content, ..words(&["cat"]) };
    let mut seeded = Vec::new();
    random(7, 300_000).read_to_end(&mut seeded).expect("memory");
    std::fs::write(local.folder().join("in"), b"\0from a file").expect("a folder");
    let cases = [
        (Content::Nothing, Vec::new()),
        (Content::Text("caf\u{e9}\n".into()), "caf\u{e9}\n".into()),
        (Content::Random { size: 300_000, seed: 7 }, seeded),
        (Content::File("in".into()), b"\0from a file".to_vec()),
    ];
    for (step, (content, wanted)) in (1..).zip(cases) {
        let ended = local.run_to_end(&Start { step, ..given(content.clone()) });
        assert!(ended.stdout == wanted, "{content:?}");
        assert_eq!(ended.exit, Some(0));
    }
    // A program that does not read its input ends all the same.
    let unread = Start { stdin: Content::Random { size: 1 << 30, seed: 1 }, ..words(&["true"]) };
    assert_eq!(local.run_to_end(&Start { step: 9, ..unread }).exit, Some(0));
}

fn a_program_runs_where_and_with_what() {
    let mut local = Local::start();
    std::fs::create_dir(local.folder().join("below")).expect("a folder");
    let mut start = words(&["colok", "environment"]);
    start.environment.insert("COLOK_LANG".into(), "es".into());
    let ended = local.run_to_end(&start);
    let wanted = format!("{} es\n", local.folder().display());
    assert_eq!(String::from_utf8_lossy(&ended.stdout), wanted);
    let ended = local.run_to_end(&Start { step: 2, directory: "below".into(), ..start });
    let wanted = format!("{} es\n", local.folder().join("below").display());
    assert_eq!(String::from_utf8_lossy(&ended.stdout), wanted);
}

fn a_program_that_is_not_there_has_failed() {
    let mut local = Local::start();
    let outside = Start { directory: "../..".into(), ..words(&["true"]) };
    let log = Start { log: Some("/etc/log".into()), ..words(&["true"]) };
    let starts =
        [(words(&["/no/such/program"]), Some(2)), (words(&[]), None), (outside, None), (log, None)];
    for (step, (start, wanted)) in (1..).zip(starts) {
        local.order(&Order::Start(Start { step, ..start }));
        let failed = |word: &Word| match word {
            Word::Failed { step: found, errno, error } if *found == step => {
                assert!(!error.is_empty());
                Some(*errno)
            }
            _ => None,
        };
        assert_eq!(local.wait(failed), wanted, "{step}");
    }
}

fn endless_output_is_counted_and_not_told() {
    const TOLD: usize = 64 * 1024 * 1024;
    let mut local = Local::start();
    let ended = local.run_to_end(&shell("yes | head -c 100000000; echo end >&2"));
    assert_eq!(ended.stdout.len(), TOLD);
    assert!(ended.stdout.chunks_exact(2).all(|line| line == b"y\n"));
    assert_eq!((ended.bytes, ended.exit), ((100_000_000, 4), Some(0)));
    assert_eq!(ended.stderr, b"end\n");
    // One that never ends is ended.
    local.words.clear();
    local.run(&Start { step: 2, ..words(&["yes"]) });
    local.wait(|word| matches!(word, Word::Output { step: 2, .. }).then_some(()));
    local.order(&Order::Signal { ask: 1000, step: 2, name: "KILL".into() });
    let ended = local.ended(2);
    assert_eq!(ended.signal.as_deref(), Some("KILL"));
    assert!(ended.stdout.len() <= TOLD && ended.bytes.0 >= ended.stdout.len() as u64);
}

fn a_slow_reader_stops_no_order() {
    let mut local = Local::start();
    local.run(&words(&["yes"]));
    // Nothing is read here until long after all buffers are full.
    for step in 2..40 {
        let mark = Start { step, ..shell("echo $$ > mark-$STEP") };
        let environment = [("STEP".to_owned(), step.to_string())].into();
        local.order(&Order::Start(Start { environment, ..mark }));
    }
    // The last of them has run, though nothing was heard of it.
    for step in 2..40 {
        number_in(&local.folder().join(format!("mark-{step}")));
    }
    local.order(&Order::End);
    local.gone();
    assert!(!local.beside().exists());
}

fn a_log_is_told_line_by_line() {
    let mut local = Local::start();
    let log = local.beside().join("alpha.1.jsonl");
    let script = r#"printf '{"n":1,"text":"caf\303\251 \\u0000 \\""}\n{"n":' >> "$LOG"
        sleep 0.02; printf '18446744073709551615}\n\nno object\n[1]\n{"n":3}\n' >> "$LOG"
        printf '{"n":4}' >> "$LOG""#;
    let log = log.to_str().expect("a plain path").to_owned();
    let environment = [("LOG".to_owned(), log.clone())].into();
    let start = Start { log: Some(log), environment, ..shell(script) };
    let ended = local.run_to_end(&start);
    let wanted = [
        json!({"n": 1, "text": "caf\u{e9} \0 \""}),
        json!({"n": u64::MAX}),
        json!({"n": 3}),
        json!({"n": 4}),
    ];
    assert_eq!(ended.records, wanted);
}

fn a_log_grows_while_its_program_runs() {
    let mut local = Local::start();
    let script =
        r#"for n in 1 2 3; do read line; echo "{\"n\":$n,\"line\":\"$line\"}" >> log; done"#;
    let text = "a\nb\nc\n".to_owned();
    let stdin = Content::Text(text);
    let kept = Start { log: Some("log".into()), stdin, ..shell(&format!("{script}; sleep 600")) };
    local.run(&kept);
    for wanted in 1..=3 {
        local.wait(|word| match word {
            Word::Record { record, .. } if record["n"] == wanted => Some(()),
            _ => None,
        });
    }
    local.order(&Order::Signal { ask: 1, step: 1, name: "TERM".into() });
    let ended = local.ended(1);
    assert_eq!((ended.records.len(), ended.signal.as_deref()), (3, Some("TERM")));
}

fn outputs_that_others_hold_hold_nobody_up() {
    let mut local = Local::start();
    let ended = local.run_to_end(&shell("echo before; sleep 600 & echo $! > child"));
    assert_eq!((ended.stdout.as_slice(), ended.exit), (b"before\n".as_slice(), Some(0)));
    assert!(ended.left_open);
    let child = number_in(&local.folder().join("child"));
    assert!(super::lives(child));
    // The group of the step is still there to be signalled.
    local.order(&Order::Signal { ask: 1, step: 1, name: "TERM".into() });
    local.answer(1).expect("an answer");
    super::until("the end of the child", || !super::lives(child));
}

fn many_programs_run_at_once() {
    let mut local = Local::start();
    for step in 1..=100 {
        let environment = [("STEP".to_owned(), step.to_string())].into();
        local.order(&Order::Start(Start { step, environment, ..shell("echo $STEP") }));
    }
    for step in 1..=100 {
        let ended = local.ended(step);
        assert_eq!(String::from_utf8_lossy(&ended.stdout), format!("{step}\n"));
        assert_eq!(ended.exit, Some(0));
    }
}
