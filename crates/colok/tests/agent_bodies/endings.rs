//! Nothing is left behind, however an agent ends.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use colok::scenario::agent::{Order, Start, Word};
use colok::scenario::host::{channel, local};

use rustix::process::{Pid, Signal, kill_process};

use super::helpers::KILLED;
use super::{Body, Local, lives, number_in, shell, until, words};

pub(super) const BODIES: &[Body] = &[
    ("an_end_in_order_tells_everything", an_end_in_order_tells_everything),
    ("an_end_of_orders_ends_everything", an_end_of_orders_ends_everything),
    ("an_end_without_a_listener_ends_everything", an_end_without_a_listener),
    ("a_killed_runner_leaves_nothing", a_killed_runner_leaves_nothing),
    ("a_killed_agent_leaves_nothing_while_its_runner_lives", a_killed_agent_leaves_nothing),
    ("a_killed_agent_leaves_nothing_in_other_directories", a_killed_agent_leaves_nothing_elsewhere),
    ("an_order_that_makes_no_sense_ends_the_agent", an_order_that_makes_no_sense),
    ("orphans_are_reaped_while_it_works", orphans_are_reaped_while_it_works),
    ("what_can_not_be_entered_is_removed", what_can_not_be_entered_is_removed),
];

/// A program that leaves a process in a session of its own, which ignores what it can.
const DETACHED: &str =
    "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > detached; sleep 600' & echo yes; sleep 600";

fn an_end_in_order_tells_everything() {
    let mut local = Local::start();
    let process = local.run(&shell(DETACHED));
    let detached = number_in(&local.folder().join("detached"));
    local.wait(|word| matches!(word, Word::Output { .. }).then_some(()));
    local.order(&Order::End);
    let why = local.gone();
    assert!(why.contains("ended"), "{why}");
    let ended = local.ended(1);
    assert_eq!((ended.stdout.as_slice(), ended.signal.as_deref()), (&b"yes\n"[..], Some("KILL")));
    assert!(!lives(process) && !lives(detached));
    assert!(!local.beside().exists());
}

fn an_end_of_orders_ends_everything() {
    let mut local = Local::start();
    let process = local.run(&shell(DETACHED));
    let detached = number_in(&local.folder().join("detached"));
    let beside = local.beside();
    // Its drop waits for the agent.
    local.host = None;
    assert!(!lives(process) && !lives(detached));
    assert!(!beside.exists());
}

fn an_end_without_a_listener() {
    let (sender, heard) = channel();
    let mut host = local("alpha", 0, &sender).expect("a process and a folder");
    let start = Start { step: 1, ..words(&["yes"]) };
    host.order(&Order::Start(start)).expect("it lives");
    host.order(&Order::Start(Start { step: 2, ..shell(DETACHED) })).expect("it lives");
    let (folder, beside) = (host.folder.clone(), host.beside.clone());
    let detached = number_in(&Path::new(&folder).join("detached"));
    // Everything is full by now or will be: nobody has heard a word.
    drop(host);
    assert!(!lives(detached) && !Path::new(&beside).exists());
    drop(heard);
}

fn a_killed_runner_leaves_nothing() {
    for _ in 0..5 {
        let program = std::env::current_exe().expect("this program");
        let mut runner = Command::new(program)
            .env(KILLED, "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let output = runner.stdout.take().expect("it is a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("it says who is there");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [beside, folder, agent, process] = words.as_slice() else { panic!("{line}") };
        let detached = number_in(&Path::new(folder).join("detached"));
        let processes = [agent, process].map(|number| number.parse().expect("a number"));
        assert!(processes.iter().all(|process| lives(*process)) && lives(detached));
        runner.kill().expect("it lives");
        runner.wait().expect("it is ours");
        until("the end of all", || {
            !processes.iter().any(|process| lives(*process)) && !lives(detached)
        });
        assert!(!Path::new(beside).exists());
    }
}

fn a_killed_agent_leaves_nothing() {
    let mut local = Local::start();
    local.run(&shell(&format!("echo $PPID > agent; {DETACHED}")));
    let agent = number_in(&local.folder().join("agent"));
    let detached = number_in(&local.folder().join("detached"));
    let number = i32::try_from(agent).ok().and_then(Pid::from_raw).expect("a number");
    kill_process(number, Signal::KILL).expect("it lives");
    local.gone();
    // The kernel closes its two pipes one after the other.
    until("an error for who gives orders", || local.host().order(&Order::End).is_err());
    let beside = local.beside();
    local.host = None;
    until("the end of all", || !lives(agent) && !lives(detached));
    assert!(!beside.exists());
}

fn a_killed_agent_leaves_nothing_elsewhere() {
    let mut local = Local::start();
    let script = "echo $PPID > agent; setsid sh -c 'echo $$ > detached; cd /; exec sleep 600' &
        cd /; sleep 600";
    let process = local.run(&shell(script));
    let agent = number_in(&local.folder().join("agent"));
    let detached = number_in(&local.folder().join("detached"));
    let number = i32::try_from(agent).ok().and_then(Pid::from_raw).expect("a number");
    kill_process(number, Signal::KILL).expect("it lives");
    local.gone();
    let beside = local.beside();
    local.host = None;
    until("the end of all", || !lives(process) && !lives(detached));
    assert!(!beside.exists());
}

fn an_order_that_makes_no_sense() {
    let mut local = Local::start();
    let process = local.run(&words(&["sleep", "600"]));
    local.host().transport.send(b"{\"order\":\"dance\"}").expect("it lives");
    local.gone();
    assert!(!lives(process) && !local.beside().exists());
}

fn orphans_are_reaped_while_it_works() {
    let mut local = Local::start();
    local.run_to_end(&shell("sh -c 'echo $$ > orphan; sleep 0.2' > /dev/null 2>&1 &"));
    let orphan = number_in(&local.folder().join("orphan"));
    let there = || Path::new(&format!("/proc/{orphan}")).exists();
    until("the end of the orphan", || !there());
    // Programs whose end was told are not there either.
    let process = local.run(&Start { step: 2, ..words(&["true"]) });
    local.ended(2);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}

fn what_can_not_be_entered_is_removed() {
    let mut local = Local::start();
    let script = "mkdir -p a/b/c; echo x > a/b/c/d; chmod 000 a/b a/b/c a; ln -s / root";
    assert_eq!(local.run_to_end(&shell(script)).exit, Some(0));
    let mode = std::fs::metadata(local.folder().join("a")).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0);
    let beside = local.beside();
    let access = std::fs::metadata(&beside).expect("it is there").permissions();
    assert_eq!(access.mode() & 0o777, 0o700);
    local.host = None;
    assert!(!beside.exists() && Path::new("/usr").exists());
}
