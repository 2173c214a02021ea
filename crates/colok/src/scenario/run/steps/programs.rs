//! Steps with programs: starting one or many copies, waiting until they are ready or have ended,
//! and ending them.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::super::command::{command, tells_when_ready};
use super::super::play::Play;
use super::super::program::Program;
use super::super::stage::Broken;
use super::super::{command, judging};
use crate::scenario::agent::{Answer, Content, Order, Question, Start};
use crate::scenario::file::{RelayStep, Step};
use crate::scenario::fill;
use crate::scenario::judge::{Kind, Observed, Output, check};
use crate::scenario::record::{Check, Mutations, Verdict};

/// How long a program may run, or take until it is ready, when its step does not say.
const RUN_MAX: Duration = Duration::from_secs(30);

/// How long a program may take to end on SIGTERM before it is killed: longer than the 5 s that our
/// own server gives to what is in flight and the second that it lingers, on a busy computer too.
const STOP_MAX: Duration = Duration::from_secs(15);

/// How long the kernel may take to end a killed program, and an agent to tell so.
const KILL_MAX: Duration = Duration::from_secs(10);

/// How often it is looked whether a port is listened on.
const LISTEN_LOOK: Duration = Duration::from_millis(10);

/// Orders the programs of a step, one after the other without waiting; gives their numbers.
pub(super) fn launch(play: &mut Play<'_>, index: usize) -> Result<Range<usize>, Broken> {
    let host = play.host_of(index)?;
    let copies = play.step(index).copies.as_ref().map(|copies| copies.value);
    let first = play.stage.programs.len();
    let mut starts = Vec::new();
    for number in 1..=copies.unwrap_or(1) {
        let step = match copies {
            Some(_) => fill::copy(play.unfilled, index, &play.values, number).map_err(|found| {
                Broken::Runner(found.into_iter().map(|problem| problem.what).collect())
            })?,
            None => play.step(index).clone(),
        };
        let copy = copies.map(|_| number);
        starts.push(prepare(play, index, host, &step, copy));
    }
    let numbers = first..play.stage.programs.len();
    play.numbers[index] = numbers.clone();
    for start in starts {
        play.stage.order(host, &Order::Start(start))?;
    }
    let faults_off = play.faults_off;
    let now_s = play.stage.now_s();
    for fault in play.faults.iter_mut().filter(|fault| fault.step == index && !faults_off) {
        fault.record.start_s = Some(now_s);
        // The faults that a relay is started with are its first set.
        fault.set = Some(1);
    }
    Ok(numbers)
}

/// Puts a program on the stage, and tells how it is to be started.
fn prepare(
    play: &mut Play<'_>,
    index: usize,
    host: usize,
    step: &Step,
    copy: Option<u32>,
) -> Start {
    let number = play.stage.programs.len();
    let beside = play.stage.hosts[host].beside.clone();
    let words = match &step.relay {
        Some(relay) => relay_words(play, index, relay, &format!("{beside}/{number}.sock")),
        None => command::words_of(step).unwrap_or_default().to_vec(),
    };
    let directory = step.directory.clone().unwrap_or_default();
    let command = command(&words, &format!("{beside}/{number}.jsonl"), &directory, play.seed);
    let base = play.scenario.step_name(index);
    let mut program = Program {
        name: copy.map_or_else(|| base.clone(), |copy| format!("{base}/{copy}")),
        step: index,
        copy,
        host,
        untold: command.log.is_none().then(|| "it tells no events".to_owned()),
        ..Program::default()
    };
    program.seen.start_s = play.stage.now_s();
    play.stage.programs.push(program);
    let mut environment = step.environment.clone();
    let language = step.language.as_ref().map_or("en", |language| &language.value);
    environment.entry("COLOK_LANG".to_owned()).or_insert_with(|| language.to_owned());
    Start {
        step: number as u64,
        words: command.words,
        environment,
        directory,
        stdin: stdin(step),
        descriptors: step.descriptors.as_ref().map(|most| most.value).filter(|_| !play.faults_off),
        unprivileged: step.unprivileged && !play.faults_off,
        log: command.log,
    }
}

fn stdin(step: &Step) -> Content {
    match (&step.stdin, &step.stdin_file) {
        (Some(text), _) => Content::Text(text.clone()),
        (None, Some(file)) => Content::File(file.value.clone()),
        (None, None) => Content::Nothing,
    }
}

/// The command of a relay.
fn relay_words(play: &mut Play<'_>, index: usize, relay: &RelayStep, socket: &str) -> Vec<String> {
    let mut words = vec!["colok".to_owned(), "relay".to_owned()];
    words.extend([relay.listen.value.clone(), relay.target.value.clone()]);
    for fault in relay.faults.iter().filter(|_| !play.faults_off) {
        words.extend(["--fault".to_owned(), fault.value.to_string()]);
    }
    words.extend(["--seed".to_owned(), play.seed.to_string()]);
    words.extend(["--control".to_owned(), format!("unix:{socket}")]);
    play.controls.insert(index, socket.to_owned());
    words
}

/// Waits for the ends of programs, judges them and records them.
pub(super) fn finish_run(
    play: &mut Play<'_>,
    index: usize,
    numbers: Range<usize>,
    began: Instant,
) -> Result<(), Broken> {
    let limit = play.time_limit(index, RUN_MAX);
    let all = numbers.clone();
    let mut next = numbers.start;
    // They end in any order, but all must have ended: each is looked at until it has.
    let ended = play.stage.wait(began + limit, |stage| {
        while next < all.end && stage.programs[next].ended {
            next += 1;
        }
        (next == all.end).then_some(())
    })?;
    if ended.is_none() {
        end_late(play, numbers.clone(), limit)?;
    }
    judging::judge_programs(play, index)
}

/// Kills those whose time is over. What they did not do until now proves nothing.
fn end_late(play: &mut Play<'_>, numbers: Range<usize>, limit: Duration) -> Result<(), Broken> {
    for number in numbers {
        let program = play.program(number);
        if program.ended {
            continue;
        }
        program.timed_out = true;
        program.seen.unseen = Some(format!("its time of {limit:?} ran out"));
        kill(play, number)?;
    }
    Ok(())
}

/// Waits until a started program is ready. Without it the steps behind it mean nothing.
pub(super) fn finish_start(
    play: &mut Play<'_>,
    index: usize,
    number: usize,
    began: Instant,
) -> Result<(), Broken> {
    let limit = play.time_limit(index, RUN_MAX);
    let ready = wait_ready(play, index, number, began + limit)?;
    if ready == Some(true) {
        return Ok(());
    }
    let line = play.records[index].line;
    let program = play.program(number);
    let (verdict, got) = if ready.is_none() {
        program.timed_out = true;
        (Verdict::Unknown, format!("it was not ready after {limit:?}"))
    } else {
        (Verdict::Fail, how_it_ended(program))
    };
    let (step, key, mutations) = (program.name.clone(), "ready".to_owned(), Mutations::default());
    let expected = "it is ready".to_owned();
    let check = Check { step, key, expected, got, line, verdict, mutations };
    judging::add(play, check);
    Err(Broken::Step)
}

/// How a program ended that should have stayed: its error, its code, the end of what it said.
fn how_it_ended(program: &Program) -> String {
    let seen = &program.seen;
    if let Some(error) = &seen.error {
        return error.clone();
    }
    let said = if seen.stderr.is_empty() { &seen.stdout } else { &seen.stderr };
    let said = crate::observe::printable(&said[..said.len().min(300)]);
    match (&seen.signal, seen.exit) {
        (Some(signal), _) => format!("it was ended by {signal}: {said}"),
        (None, Some(code)) => format!("it ended with exit code {code}: {said}"),
        (None, None) => format!("it ended: {said}"),
    }
}

/// Waits for the sign that a program is ready: `Some(false)` when it ended before, `None` when time
/// is over.
fn wait_ready(
    play: &mut Play<'_>,
    index: usize,
    number: usize,
    until: Instant,
) -> Result<Option<bool>, Broken> {
    let step = play.step(index);
    let ready = step.ready.as_ref().map(|ready| ready.value.clone()).unwrap_or_default();
    let tells = step.relay.is_some() || command::words_of(step).is_some_and(tells_when_ready);
    if let Some(port) = &ready.listens {
        return wait_listens(play, number, &port.value, until);
    }
    let mut seen = usize::MAX;
    play.stage.wait(until, |stage| {
        let program = &stage.programs[number];
        let is_ready = match &ready.prints {
            // Looked at only when there is something new.
            Some(pattern) => {
                let written = program.seen.stdout.len() + program.seen.stderr.len();
                let is_new = std::mem::replace(&mut seen, written) != written;
                is_new && prints(program, &pattern.value)
            }
            None if tells => program.has_event("started"),
            None => program.runs,
        };
        if is_ready { Some(true) } else { program.ended.then_some(false) }
    })
}

/// Whether one of the two outputs matches a pattern.
fn prints(program: &Program, pattern: &str) -> bool {
    let (ends, files) = Default::default();
    let observed = Observed { step: &program.seen, ends: &ends, files: &files };
    [Output::Stdout, Output::Stderr].into_iter().any(|output| {
        let kind = Kind::Like { output, pattern: pattern.to_owned() };
        check(&kind, &observed).verdict == Verdict::Pass
    })
}

fn wait_listens(
    play: &mut Play<'_>,
    number: usize,
    port: &str,
    until: Instant,
) -> Result<Option<bool>, Broken> {
    let port: u16 =
        port.trim().parse().map_err(|_| Broken::Runner(format!("{port} is no port")))?;
    let host = play.program(number).host;
    while Instant::now() < until {
        if play.program(number).ended {
            return Ok(Some(false));
        }
        if let Ok(Answer::Truth { is: true }) =
            play.stage.question(host, Question::Listens { port })?
        {
            return Ok(Some(true));
        }
        let next = Instant::now() + LISTEN_LOOK;
        play.stage.wait(next, |stage| stage.programs[number].ended.then_some(()))?;
    }
    Ok(None)
}

/// Tells a program to end, if it runs.
pub(super) fn begin_stop(play: &mut Play<'_>, number: usize) -> Result<(), Broken> {
    let program = play.program(number);
    if program.ended {
        return Ok(());
    }
    play.signal(number, "TERM")?;
    if play.halted.contains(&number) {
        // A stopped process does not see SIGTERM before it goes on.
        play.signal(number, "CONT")?;
    }
    Ok(())
}

/// Waits for the end of a program that was told to end, and kills it when it does not: then the
/// answer is false.
pub(super) fn await_stop(
    play: &mut Play<'_>,
    number: usize,
    limit: Option<Duration>,
) -> Result<bool, Broken> {
    let until = Instant::now() + limit.unwrap_or(STOP_MAX);
    let ended = |stage: &mut super::super::stage::Stage| stage.programs[number].ended.then_some(());
    if play.stage.wait(until, ended)?.is_some() {
        return Ok(true);
    }
    kill(play, number)?;
    Ok(false)
}

/// Ends a program, whatever it takes.
pub(in super::super) fn stop_program(play: &mut Play<'_>, number: usize) -> Result<(), Broken> {
    begin_stop(play, number)?;
    await_stop(play, number, None).map(drop)
}

fn kill(play: &mut Play<'_>, number: usize) -> Result<(), Broken> {
    play.signal(number, "KILL")?;
    let until = Instant::now() + KILL_MAX;
    let ended = play.stage.wait(until, |stage| stage.programs[number].ended.then_some(()))?;
    let name = &play.stage.programs[number].name;
    ended.ok_or_else(|| Broken::Runner(format!("{name} does not end on SIGKILL")))
}
