//! What is right is read, and whatever is wrong is told with its line, its place and what would be
//! right.

use super::*;

fn problems(text: &str) -> Vec<String> {
    let source = Source {
        name: "x".to_owned(),
        file: "x.toml".to_owned(),
        text: text.to_owned(),
        folder: None,
    };
    let problems = read(&source).err().unwrap_or_default();
    problems.iter().map(|problem| problem.to_string().replace("x.toml:", "")).collect()
}

/// The only problem of a text.
fn problem(text: &str) -> String {
    let all = problems(text);
    assert_eq!(all.len(), 1, "{text}\n{all:#?}");
    all.into_iter().next().expect("there is one")
}

/// The only problem of a scenario with these hosts and steps, which begin in line 2.
fn in_steps(text: &str) -> String {
    problem(&format!("title = \"x\"\n{text}"))
}

/// The only problem of a step with these keys, which are line 3 and the following.
fn in_step(text: &str) -> String {
    in_steps(&format!("[[step]]\n{text}"))
}

#[test]
fn the_least_scenario() {
    assert_eq!(problems("title = \"x\"\n[[step]]\nrun = \"true\""), [""; 0]);
}

#[test]
fn keys_that_do_not_exist() {
    assert_eq!(in_step("rnu = \"true\""), "3:1: `rnu` is not a key of step 1; did you mean `run`?");
    assert_eq!(
        in_step("name = \"server\"\nrun = \"true\"\nfrobnicate = 1").split(", `at").next(),
        Some(
            "5:1: `frobnicate` is not a key of step 1 (server); its keys are `name`, `host`, \
              `run`, `start`, `relay`, `fault`, `clear`, `wait`, `stop`, `write`, `pause`"
        )
    );
    assert_eq!(
        in_step("run = \"true\"\nexpect = { exti = 0 }"),
        "4:12: `exti` is not a key of `expect` of step 1; did you mean `exit`?"
    );
    assert_eq!(
        in_step("run = \"true\"\nexpect.exti = 0"),
        "4:8: `exti` is not a key of `expect` of step 1; did you mean `exit`?"
    );
    assert_eq!(
        in_steps("[hosts.a]\ndiks = 3\n[[step]]\nrun = \"true\""),
        "3:1: `diks` is not a key of host `a`; did you mean `disk`?"
    );
    assert_eq!(
        problem("title = \"x\"\nstesp = 1\n[[step]]\nrun = \"true\""),
        "2:1: `stesp` is not a key of the scenario; did you mean `step`?"
    );
}

#[test]
fn keys_that_are_missing() {
    assert_eq!(problem("[[step]]\nrun = \"true\""), "1:1: the scenario has no `title`");
    assert_eq!(
        problem("title = \"x\""),
        "1:1: the scenario has no `step`; every step begins with a line `[[step]]`"
    );
    assert_eq!(
        in_step("name = \"wire\"\n[step.relay]\nlisten = \"tcp://127.0.0.1:5\""),
        "4:1: `relay` of step 1 (wire) has no `target`"
    );
    assert_eq!(
        in_steps("[[file]]\ntext = \"\"\n[[step]]\nrun = \"true\""),
        "2:1: file 1 has no `path`"
    );
}

#[test]
fn values_of_another_type() {
    for (text, told) in [
        (
            "copies = \"3\"",
            "4:10: `copies` of step 1: expected a whole number, not negative, got \"3\"",
        ),
        ("copies = -3", "4:10: `copies` of step 1: expected a whole number, not negative, got -3"),
        ("stdin = 3", "4:9: `stdin` of step 1: expected a text, got 3"),
        (
            "unprivileged = \"yes\"",
            "4:16: `unprivileged` of step 1: expected true or false, got \"yes\"",
        ),
        ("environment = []", "4:15: `environment` of step 1: expected a table, got a list"),
        ("expect = 3", "4:10: `expect` of step 1: expected a table, got 3"),
        ("expect.events = {}", "4:17: `expect.events` of step 1: expected a list, got a table"),
        (
            "time_limit = 5",
            "4:14: `time_limit` of step 1: expected a length of time such as \"5s\", \"100ms\", \
                 got 5",
        ),
        (
            "expect.exit = \"five\"",
            "4:15: `expect.exit` of step 1: expected numbers such as 3, \"1..5\", \"2..\", [0, \
                 3], got \
             \"five\"",
        ),
        (
            "expect.time = \"5s..2s\"",
            "4:15: `expect.time` of step 1: expected a range of time such as \"4.9s..7s\", \
                 \"..2s\", \
             \"5s..\", got \"5s..2s\"",
        ),
    ] {
        assert_eq!(in_step(&format!("run = \"true\"\n{text}")), told);
    }
    assert_eq!(
        in_steps("[hosts]\na = { kind = \"netsn\" }\n[[step]]\nrun = \"true\""),
        "3:14: `kind` of host `a` cannot be `netsn`; did you mean `netns`?"
    );
    assert_eq!(
        in_steps("[hosts]\na = { address = \"10.0\" }\n[[step]]\nrun = \"true\""),
        "3:17: `address` of host `a`: expected an address such as \"10.99.0.7\""
    );
}

#[test]
fn one_bracket_instead_of_two() {
    assert_eq!(
        problem("title = \"x\"\n[step]\nrun = \"true\""),
        "2:1: `step`: expected a list, got a table; write `[[step]]`, with two brackets"
    );
}

#[test]
fn every_problem_is_told() {
    let text = "title = 3\ntgas = []\n[[step]]\nrun = \"true\"\ncopies = \"x\"\n[[step]]\n\
                expect = { exti = 0, exit = true }\n[[file]]\npaht = \"x\"\n";
    let lines: Vec<_> = problems(text)
        .iter()
        .map(|problem| problem.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "1:9: `title`:",
            "2:1: `tgas`",
            "5:10: `copies`",
            "7:12: `exti`",
            "7:29: `expect.exit`",
            "8:1: file",
            "9:1: `paht`"
        ]
    );
    let wrong = "[[step]]\nrun = \"true\"\nhost = \"nowhere\"\n".repeat(80);
    assert_eq!(problems(&format!("title = \"x\"\n{wrong}")).len(), PROBLEMS_MAX);
}

#[test]
fn what_is_not_toml() {
    assert!(problem("title = \"x\"\n[[step]\nrun = 3").starts_with("2:8: this is not TOML: "));
    assert!(problems("title = \"x\ny\"")[0].starts_with("1:11: this is not TOML: "));
    assert_eq!(
        problems("title = \"x\"\ntitle = \"y\"\n[[step]]\nrun = \"true\""),
        ["2:1: this is not TOML: duplicate key"]
    );
}

#[test]
fn actions_and_the_keys_that_go_with_them() {
    assert_eq!(
        in_step("name = \"x\""),
        "2:1: the step does nothing and expects nothing; its action is one of `run`, `start`, \
         `relay`, `fault`, `clear`, `wait`, `stop`, `write`, `pause`"
    );
    assert_eq!(
        in_step("run = \"true\"\nstart = \"true\""),
        "4:9: a step has one action: here are `run` and `start`"
    );
    assert_eq!(
        in_step("start = \"true\"\ncopies = 3").split(';').next(),
        Some("4:10: `copies` does not go with `start`")
    );
    assert_eq!(
        in_step("pause = \"1s\"\nhost = \"host\""),
        "4:8: `host` does not go with `pause`; with `pause` go `at_once`"
    );
    assert_eq!(
        in_step("expect = { exit = 0 }"),
        "3:19: `expect.exit` is about a program, and this has none; an `expect` without an action \
         looks at `files`; see also `wait`"
    );
    assert_eq!(in_step("run = \"true\"\nexpect = {}"), "2:1: `expect` expects nothing");
    assert_eq!(
        in_step("start = \"true\"\nexpect.figures = { \"a\" = 3 }"),
        "4:26: `expect.figures` needs a `run`: the JSON that it printed"
    );
    assert_eq!(
        in_step("run = \"true\"\nexpect.closed = \"quit\""),
        "4:17: `expect.closed` needs a program that tells events; only relays and `colok` do, with \
         connect, get, list, relay, send, serve, stat, verify"
    );
}

#[test]
fn names_of_steps() {
    assert_eq!(
        in_step("name = \"a/b\"\nrun = \"true\""),
        "3:8: `a/b` cannot be the name of a step: letters, digits, `.`, `_` and `-`, at most \
             60, as \
         it becomes part of file names"
    );
    let twice = "[[step]]\nname = \"a\"\nrun = \"true\"\n".repeat(2);
    assert_eq!(in_steps(&twice), "6:8: an earlier step is called `a`");
    assert_eq!(
        in_step("name = \"server\"\nstart = \"true\"\n[[step]]\nwait = \"sevrer\""),
        "6:8: there is no step `sevrer`; did you mean `server`?"
    );
    assert_eq!(
        in_step("wait = \"start-2\"\n[[step]]\nstart = \"true\""),
        "3:8: `start-2` is a later step; it must be an earlier one"
    );
    assert_eq!(
        in_step("run = \"true\"\n[[step]]\nstop = \"run-1\""),
        "5:8: `run-1` is a `run`: nothing of it is running; name a `start` or a `relay`"
    );
    assert_eq!(
        in_step("run = \"true\"\nexpect.after = \"run-1\""),
        "4:16: a step cannot end after itself"
    );
    assert_eq!(
        in_step("run = \"true\"\nat_once = \"a\""),
        "4:11: no neighbouring step has `at_once = \"a\"` too"
    );
}

const TWO: &str = "[hosts.near]\n[hosts.far]\n";

#[test]
fn hosts() {
    assert_eq!(
        in_steps(&format!("{TWO}[[step]]\nrun = \"true\"")),
        "4:1: on which host is `run`?; `host` is one of `far`, `near`"
    );
    assert_eq!(
        in_steps(&format!("{TWO}[[step]]\nhost = \"naer\"\nrun = \"true\"")),
        "5:8: there is no host `naer`; did you mean `near`?"
    );
    assert!(
        in_steps("[hosts.port]\n[[step]]\nrun = \"true\"").contains("cannot be the name of a host")
    );
    assert_eq!(
        in_steps(
            "[hosts]\na = { kind = \"local\" }\nb = {}\n[[step]]\nhost = \"a\"\nrun = \"true\""
        ),
        "1:1: some hosts are `local` and some are not: they could not reach each other"
    );
    for (network, address, told) in [
        ("", "10.98.0.3", "is not one of `10.99.0.0/24`"),
        ("", "10.99.0.255", "is not one of"),
        ("", "10.99.0.0", "is not one of"),
        ("", "::1", "is not one of"),
        ("subnet = \"192.168.7.0/29\"", "192.168.7.7", "is not one of"),
        ("subnet = \"192.168.7.1/29\"", "192.168.7.2", "is not a subnet"),
        ("subnet = \"10.0.0.0/31\"", "10.0.0.1", "is not a subnet"),
        ("mtu = 100", "10.99.0.3", "`network.mtu` must be"),
    ] {
        let told_now = in_steps(&format!(
            "[network]\n{network}\n[hosts]\na = {{ address = \"{address}\" }}\n[[step]]\n\
             run = \"true\""
        ));
        assert!(told_now.contains(told), "{told_now}");
    }
}

#[test]
fn faults() {
    let start = format!(
        "{TWO}[[step]]\nname = \"server\"\nhost = \"far\"\nstart = \"colok serve \
             echo=tcp://{{far}}:5001\"\n\
         [[step]]\nname = \"wire\"\nhost = \"near\"\nrelay = {{ listen = \"tcp://{{near}}:1\", \
              target = \
         \"tcp://{{far}}:5001\" }}\n[[step]]\n"
    );
    for (fault, told) in [
        ("{}", "a fault is exactly one thing; this is 0"),
        (
            "{ link_down = \"near\", fill_disk = \"near\" }",
            "a fault is exactly one thing; this is 2",
        ),
        ("{ link_down = \"naer\" }", "there is no host `naer`; did you mean `near`?"),
        ("{ fill_disk = \"near\" }", "host `near` has no disk of its own"),
        (
            "{ signal = { to = \"wire\", name = \"SIGKILL\" } }",
            "`name` cannot be `SIGKILL`; write `KILL`",
        ),
        ("{ signal = { to = \"sevrer\", name = \"KILL\" } }", "did you mean `server`?"),
        ("{ relay = { of = \"server\", faults = [{ cut = 3 }] } }", "is a `start` and not a relay"),
        ("{ relay = { of = \"wire\", faults = [] } }", "there is no fault in it"),
        ("{ relay = { of = \"wire\", faults = [{ lose = \"3\" }] } }", "lose"),
        ("{ relay = { of = \"wire\", faults = [{ direction = \"up\" }] } }", ""),
        (
            "{ drop = { host = \"far\", protocol = \"tcp\", port = 70000 } }",
            "`port` must be 1 to 65535",
        ),
        ("{ rate = { host = \"far\", bytes_per_second = 0 } }", "must be above 0"),
        ("{ hold_address = { host = \"far\", address = \"tcp://{far}\" } }", "names no port"),
    ] {
        let all = problems(&format!("title = \"x\"\n{start}fault = {fault}"));
        assert!(!all.is_empty() && all[0].contains(told), "{fault}: {all:?}");
    }
    let fine = format!(
        "title = \"x\"\n{start}fault = {{ signal = {{ to = \"server\", name = \"STOP\" }} \
             }}\n[[step]]\n\
         clear = \"wire\"\n"
    );
    assert_eq!(problems(&fine), [""; 0]);
    assert!(
        problem(&format!("{fine}[[step]]\nclear = \"fault-3\"")).contains("cannot be taken back")
    );
}

#[test]
fn a_key_of_the_scenario_that_stands_too_far_below() {
    let told = in_steps("[hosts.a]\nabout = \"t\"\n[[step]]\nrun = \"true\"");
    let expected = "3:1: `about` is not a key of host `a`; \
                    write `about` above the first line in brackets: below, it is of host `a`";
    assert_eq!(told, expected);
}

#[test]
fn quotes_that_do_not_end_and_signs_the_wrong_way_round() {
    assert!(in_step("run = \"echo 'a\"").contains("a text in which every quote ends"));
    let limits = "run = \"true\"\nexpect.figures = { a = \"=> 3\" }";
    assert!(in_step(limits).contains("a range such as \">= 10\""), "{}", in_step(limits));
}

#[test]
fn placeholders() {
    assert_eq!(
        in_step("run = \"echo {prot}\""),
        "3:7: nothing is called `{prot}`; did you mean `{port}`? \
         The text itself is written `{{prot}`"
    );
    assert_eq!(
        in_step("run = \"echo {number}\""),
        "3:7: `{number}` is the number of a copy, and this has no `copies`"
    );
    assert_eq!(
        problem("title = \"x\"\nmatrix = { engine = [\"a\"] }\n[[step]]\nrun = \"true\""),
        "1:1: the variable `engine` is nowhere used: write `{engine}`"
    );
    // A value is looked at in the case in which it is wrong.
    assert_eq!(
        problem(
            "title = \"x\"\nmatrix = { m = [\"0644\", \"rw\"] }\n[[file]]\npath = \"a\"\ntext = \
                 \"\"\n\
             [[step]]\nrun = \"true\"\nexpect.files = [{ path = \"a\", mode = \"{m}\" }]"
        ),
        "8:17: `rw` are no permissions; write them in octal, such as `0644`"
    );
    let many: Vec<_> = (0..1001).map(|number| format!("\"{number}\"")).collect();
    let text = format!(
        "title = \"x\"\nmatrix = {{ a = [{}] }}\n[[step]]\nrun = \"echo {{a}}\"",
        many.join(",")
    );
    assert_eq!(problem(&text), "1:1: the matrix has 1001 combinations; there may be 1000");
}

#[test]
fn other_values() {
    let ready = "start = \"cat\"\nready.prints = \"*\"";
    assert!(in_step(ready).contains("it is always true"));
    for (text, told) in [
        ("expect.errno = \"ECONREFUSED\"", "did you mean `ECONNREFUSED`?"),
        ("expect.closed = \"qiut\"", "did you mean `quit`?"),
        ("expect.events = [{ event = \"acepted\" }]", "did you mean `accepted`?"),
        (
            "expect.events = [{ event = \"closed\", with = { resaon = \"x\" }, count = 0 }]",
            "no event has a field `resaon`; did you mean `reason`?",
        ),
        ("expect.order = [\"accepted\", \"close\"]", "did you mean `closed`?"),
        ("expect.signal = \"SIGTERM\"", "write `TERM`"),
        ("expect.stdout_like = \"\"", "is not a pattern"),
        ("expect.stdout_like = [\"a*\", \"**\"]", "it is always true; `?*` is one byte or more"),
        ("expect.files = [{ path = \"/etc/passwd\" }]", "is not below the folder"),
        ("expect.files = [{ path = \"a/../../b\" }]", "is not below the folder"),
        ("expect.files = [{ path = \"a\", exists = false, size = 3 }]", "so it cannot have `size`"),
        ("expect.files = [{ path = \"a\", same_as = \"hots:b\" }]", "there is no host `hots`"),
        ("expect.files = [{ path = \"a\", blake3 = \"12\" }]", "is not a BLAKE3 hash"),
        ("language = \"fr\"", "`language` cannot be `fr`; there are `en`, `id`"),
        ("time_limit = \"2h\"", "must be above 0 and at most 1h"),
        ("descriptors = 1", "must be 4 to"),
        ("copies = 10001", "must be 1 to 10000"),
        ("directory = \"..\"", "is not below the folder"),
        ("stdin = \"a\"\nstdin_file = \"b\"", "not both"),
    ] {
        let told_now = in_step(&format!("run = \"colok connect {{port}}\"\n{text}"));
        assert!(told_now.contains(told), "{text}: {told_now}");
    }
}

#[test]
fn messages_exist() {
    let text =
        "title = \"x\"\n[[step]]\nrun = \"colok\"\nexpect.message = [\"usage\", \"usge-eror\"]";
    let source =
        Source { name: "x".into(), file: "x.toml".into(), text: text.into(), folder: None };
    let scenario = read(&source).expect("it is right");
    let problems = check_messages(&source, &scenario, &["usage", "usage-error"]);
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["x.toml:4:18: there is no message `usge-eror`; did you mean `usage-error`?"]);
}

#[test]
fn known_events_are_those_of_the_log() {
    let error = serde_json::from_str::<crate::observe::Event>("{\"event\":\"?\"}");
    let text = error.expect_err("there is no such event").to_string();
    for name in text.split('`').skip(3).step_by(2) {
        assert!(known::EVENTS.contains(&name), "{name} is not in known::EVENTS");
    }
    assert!(known::EVENTS.is_sorted() && known::CLOSE_REASONS.is_sorted());
}

#[test]
fn files_are_found() {
    let folder = std::env::temp_dir().join(format!("colok-read-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("it can be made");
    for name in ["b.toml", "a.toml", "c.txt"] {
        fs::write(folder.join(name), name).expect("it can be written");
    }
    let found = find(std::slice::from_ref(&folder)).expect("they are there");
    let names: Vec<_> = found.iter().map(|source| (&*source.name, &*source.text)).collect();
    assert_eq!(names, [("a", "a.toml"), ("b", "b.toml")]);
    let missing =
        find(&[folder.join("no.toml"), folder.join("a.toml")]).expect_err("one is missing");
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0].to_string().ends_with("no.toml: No such file or directory"),
        "{}",
        missing[0]
    );
    fs::write(folder.join("b.toml"), [0xff]).expect("it can be written");
    let wrong = find(&[folder.join("b.toml")]).expect_err("it is no text");
    assert_eq!(wrong[0].what, "from here on it is not UTF-8 text");
    fs::remove_dir_all(&folder).expect("it can be removed");
}
