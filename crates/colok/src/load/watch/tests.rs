//! Real processes are watched: shells that work, start children, and end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::process::{parse_list, parse_stat};
use super::*;

/// A shell that does what it is told, line by line, and says `done` after each.
struct Shell {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    fn start() -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "while read -r line; do eval \"$line\"; echo done; done"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It tells which of its children was killed.
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.expect("it is a pipe"));
        let mut shell = Self { child, orders: orders.expect("it is a pipe"), answers };
        // Between fork and exec it still has the name of this program.
        shell.order("true");
        shell
    }

    fn order(&mut self, text: &str) {
        writeln!(self.orders, "{text}").expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        assert_eq!(answer, "done\n");
    }

    fn watch(&self) -> Watch {
        Watch::begin(self.child.id()).expect("it lives")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Some tens of milliseconds of work: many ticks, whatever the machine.
const WORK: &str = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";

fn used(watch: &Watch, before: &Look, after: &Look) -> ServerUse {
    watch.used(before, after, 1.0, 1000, 10).expect("it lives")
}

#[test]
fn work_is_counted_and_idleness_is_not() {
    let mut shell = Shell::start();
    let mut watch = shell.watch();
    let before = watch.look();
    shell.order(WORK);
    let after = watch.look();
    let worked = difference(&before, &after).0;
    assert!(worked >= Duration::from_millis(5), "{worked:?}");
    let idle = difference(&after, &watch.look()).0;
    assert!(idle < worked / 2, "{idle:?} {worked:?}");
    let figures = used(&watch, &before, &after);
    assert_eq!((figures.processes, figures.name.as_str()), (1, "sh"));
    assert!(figures.busy > 0.0 && figures.memory_kib > 0);
    let busiest = figures.busiest_thread.expect("this kernel tells threads apart");
    assert!((busiest - figures.busy).abs() < 0.2 * figures.busy, "{figures:?}");
}

#[test]
fn children_that_come_and_go_are_counted() {
    let mut shell = Shell::start();
    let mut watch = shell.watch();
    let before = watch.look();
    // One that is gone at the next look, and one that is there.
    shell.order(&format!("({WORK})"));
    let gone = watch.look();
    assert_eq!(gone.processes.len(), 1);
    let of_gone = difference(&before, &gone).0;
    assert!(of_gone >= Duration::from_millis(5), "{of_gone:?}");
    shell.order(&format!("sh -c '{WORK}; echo; exec cat' < /dev/zero > /dev/null & CHILD=$!"));
    while watch.look().processes.len() < 2 {
        std::thread::yield_now();
    }
    let there = watch.look();
    assert_eq!(used(&watch, &gone, &there).processes, 2);
    shell.order("kill $CHILD; wait $CHILD");
    let after = watch.look();
    assert_eq!(after.processes.len(), 1);
    // What it used before it was gone is not counted again.
    let all = difference(&before, &after).0;
    let parts = difference(&before, &there).0 + difference(&there, &after).0;
    // A tick of user and of system time for each of the processes.
    let rounding = Duration::from_millis(60);
    assert!(all <= parts + rounding && parts <= all + rounding, "{all:?} {parts:?}");
}

#[test]
fn a_child_whose_parent_ended_still_belongs_to_the_server() {
    let mut shell = Shell::start();
    let mut watch = shell.watch();
    shell.order("(sleep 60 & echo $! > /dev/null; exec sleep 60) & CHILD=$!");
    while watch.look().processes.len() < 3 {
        std::thread::yield_now();
    }
    shell.order("kill $CHILD; wait $CHILD");
    let after = watch.look();
    assert_eq!(after.processes.len(), 2, "{after:?}");
    for (pid, _) in after.processes.keys() {
        let number = i32::try_from(*pid).ok().and_then(rustix::process::Pid::from_raw);
        let number = number.expect("a number of a process");
        if *pid != shell.child.id() {
            rustix::process::kill_process(number, rustix::process::Signal::KILL).expect("it lives");
        }
    }
}

#[test]
fn a_server_that_ended_has_no_figures() {
    let mut shell = Shell::start();
    let mut watch = shell.watch();
    let before = watch.look();
    shell.child.kill().expect("it lives");
    shell.child.wait().expect("it is ours");
    let after = watch.look();
    assert_eq!(watch.used(&before, &after, 1.0, 1, 1), None);
}

#[test]
fn a_process_that_does_not_exist_is_an_error() {
    // Above the highest number that the kernel gives (PID_MAX_LIMIT, 2^22).
    let error = Watch::begin(0x7fff_fff0).expect_err("there is none");
    assert_eq!(error, WatchError::NoSuchProcess { pid: 0x7fff_fff0 });
    assert!(error.to_string().contains("2147483632"));
    assert!(Watch::begin(0).is_err());
}

#[test]
fn nothing_is_divided_by_nothing() {
    let mut shell = Shell::start();
    let mut watch = shell.watch();
    let look = watch.look();
    let figures = watch.used(&look, &look, 0.0, 0, 0).expect("it lives");
    assert_eq!(figures.busy.to_bits(), 0.0_f64.to_bits());
    assert_eq!((figures.user_us_per_message, figures.memory_bytes_per_connection), (None, None));
    shell.order("true");
}

#[test]
fn processors_of_a_server_are_among_those_of_the_machine() {
    let shell = Shell::start();
    let processors = shell.watch().processors();
    assert!(!processors.is_empty());
    assert_eq!(parse_list("0-2,7"), [0, 1, 2, 7]);
    assert_eq!(parse_list("x,3"), [3]);
}

#[test]
fn a_line_of_a_process_reads_whatever_its_name() {
    let line = "7 (a) b (c) S 3 7 7 0 -1 0 1 2 3 4 250 50 100 25 20 0 1 0 99887 0 0";
    let stat = parse_stat(line).expect("a line");
    assert_eq!((stat.parent, stat.start_ticks), (3, 99_887));
    let other = parse_stat(&line.replace(" 250 50 100 25 ", " 0 0 0 0 ")).expect("a line");
    assert_eq!(other.start_ticks, 99_887);
    assert!(parse_stat("7 (name) S 3").is_none());
    assert!(parse_stat("").is_none());
}
