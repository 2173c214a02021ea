//! The duty of an agent: takes orders one after the other, and never waits for long.
//!
//! Programs are followed by threads of their own, and what may take time (an exchange, a hash, the
//! effect of a signal) is done by one too. When orders end everything is ended at once, whatever
//! anybody is waiting for; when the end is ordered, all that was seen until then is told first.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};

use super::faults::Faults;
use super::places::Places;
use super::program::{self, Program};
use super::set_up::SetUp;
use super::voice::Voice;
use super::words::{Answer, Order, Question, Start, Word};
use super::{effect, exchange, files, follow, ports, processes, time_unix_us};
use crate::scenario::host::ORDER_BYTES_MAX;
use crate::scenario::world::network;

/// How often is looked for processes that were left to the agent and have ended.
const ORPHANS_EVERY: Duration = Duration::from_millis(100);

/// How often is looked whether the last words have been written.
const WRITTEN_EVERY: Duration = Duration::from_millis(1);

/// The most descriptors that the agent asks for: it needs four for each program.
const DESCRIPTORS: u64 = 65_536;

/// What the duty is told.
enum Told {
    Order(Box<Order>),
    /// There are no more orders: the runner is gone, or says what makes no sense.
    OrdersEnded,
    /// All of this program has been told.
    Followed,
}

/// Does its duty until orders end.
pub(super) fn serve(set_up: &SetUp) -> io::Result<()> {
    let places = Places::of(set_up);
    if !set_up.own {
        return work(places, set_up.namespaces);
    }
    fs::DirBuilder::new().mode(0o700).create(&places.beside)?;
    let beside = places.beside.clone();
    let worked = fs::create_dir(&places.folder).and_then(|()| work(places, set_up.namespaces));
    remove(&beside);
    worked
}

fn work(places: Places, alone: bool) -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    raise_descriptor_limit();
    let voice = Arc::new(Voice::default());
    let writing = {
        let voice = voice.clone();
        thread::Builder::new().spawn(move || voice.write(io::stdout()))?
    };
    let (tell, told) = channel();
    let orders = tell.clone();
    // It ends with the process: nothing can wake it.
    thread::Builder::new().spawn(move || take_orders(io::stdin(), &orders))?;
    let mut duty = Duty::new(places, alone, voice, tell);
    let in_order = duty.obey(&told) && duty.end_in_order(&told);
    duty.end_at_once();
    if in_order {
        duty.voice.close();
        // A reader that reads, or the end of orders, ends this.
        while !writing.is_finished() && !matches!(told.try_recv(), Ok(Told::OrdersEnded)) {
            thread::sleep(WRITTEN_EVERY);
        }
    }
    Ok(())
}

/// Reads orders, each a line, until there are no more.
fn take_orders(orders: impl Read, tell: &Sender<Told>) {
    let mut orders = BufReader::with_capacity(64 * 1024, orders);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut orders).take(ORDER_BYTES_MAX).read_until(b'\n', &mut line);
        let order = read.ok().filter(|_| line.last() == Some(&b'\n'));
        let order = order.and_then(|_| serde_json::from_slice(&line).ok());
        let last = order.is_none();
        let told = order.map_or(Told::OrdersEnded, |order| Told::Order(Box::new(order)));
        if tell.send(told).is_err() || last {
            return;
        }
    }
}

struct Duty {
    places: Arc<Places>,
    /// Whether the network is the host's alone.
    alone: bool,
    voice: Arc<Voice>,
    tell: Sender<Told>,
    /// Those that were started, by their steps.
    programs: BTreeMap<u64, Arc<Program>>,
    /// How many of them are followed.
    followed: usize,
    faults: Faults,
    /// Names of ports that were given.
    port_names: Vec<OwnedFd>,
}

impl Duty {
    fn new(places: Places, alone: bool, voice: Arc<Voice>, tell: Sender<Told>) -> Self {
        Self {
            places: Arc::new(places),
            alone,
            voice,
            tell,
            programs: BTreeMap::new(),
            followed: 0,
            faults: Faults::default(),
            port_names: Vec::new(),
        }
    }

    /// Does what is ordered; `true` when the end was ordered, `false` when orders ended.
    fn obey(&mut self, told: &Receiver<Told>) -> bool {
        self.voice.say_at_once(&Word::Ready { process: std::process::id() });
        loop {
            match told.recv_timeout(ORPHANS_EVERY) {
                Ok(Told::Order(order)) => match *order {
                    Order::End => return true,
                    order => self.carry_out(order),
                },
                Ok(Told::Followed) => self.followed -= 1,
                Ok(Told::OrdersEnded) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => self.reap_orphans(),
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Start(start) => self.start(start),
            Order::Signal { ask, step, name } => self.signal(ask, step, name),
            Order::Ask { ask, question } => self.answer_question(ask, question),
            Order::Break { ask, fault, what } => {
                let answer = self.faults.begin(fault, &what, &self.places, self.alone);
                self.answer(ask, answer);
            }
            Order::Prove { ask, fault, end } => {
                let answer = self.faults.prove(fault, end);
                self.answer(ask, answer);
            }
            Order::End => {}
        }
    }

    fn start(&mut self, start: Start) {
        let step = start.step;
        // Before it can do anything: it never seems to take less time than it did.
        let time_unix_us = time_unix_us();
        let (program, running) = match program::start(&start, &self.places) {
            Ok(started) => started,
            Err(program::NotStarted { error, errno }) => {
                return self.voice.say_at_once(&Word::Failed { step, error, errno });
            }
        };
        let program = Arc::new(program);
        let process = program.process.as_raw_nonzero().get().unsigned_abs();
        self.voice.say_at_once(&Word::Started { step, process, time_unix_us });
        self.programs.insert(step, program.clone());
        self.followed += 1;
        let (voice, tell) = (self.voice.clone(), self.tell.clone());
        let follow = move || {
            follow::follow(&start, &program, running, &voice, || {
                let _ = tell.send(Told::Followed);
            });
        };
        if let Err(error) = thread::Builder::new().name(format!("step-{step}")).spawn(follow) {
            // Its pipes were closed with the thread that is not there; it ends with the agent.
            self.followed -= 1;
            let (error, errno) = (format!("no thread to follow it: {error}"), None);
            self.voice.say_at_once(&Word::Failed { step, error, errno });
        }
    }

    fn signal(&self, ask: u64, step: u64, name: String) {
        let Some(program) = self.programs.get(&step).cloned() else {
            return self.answer(ask, Err(format!("step {step} has no program")));
        };
        match effect::send(&program, &name) {
            Ok(sent) => self.answer_later(ask, move || Ok(effect::prove(&program, &name, sent))),
            Err(error) => self.answer(ask, Err(error)),
        }
    }

    fn answer_question(&mut self, ask: u64, question: Question) {
        let places = self.places.clone();
        let answer = match question {
            Question::Write { path, content, mode } => files::write(&path, &content, mode, &places),
            Question::File { path } => {
                return self.answer_later(ask, move || files::describe(&path, &places));
            }
            Question::FreePorts { count } => ports::free(count).map(|free| {
                self.port_names.extend(free.names);
                Answer::Ports { ports: free.ports }
            }),
            Question::Listens { port } => Ok(Answer::Truth { is: ports::listens(port) }),
            Question::Exchange { path, line } => {
                return self.answer_later(ask, move || {
                    let answer = exchange::exchange(&places.path(&path)?, &line);
                    let answer = answer.map(|line| Answer::Line { line });
                    answer.map_err(|error| format!("{path}: {error}"))
                });
            }
            Question::Route { to } => network::route(to).map_err(|error| error.to_string()),
            Question::Counters if self.alone => {
                network::counters().map_err(|error| error.to_string())
            }
            Question::Counters => Err("only a network namespace has counters of its own".into()),
            Question::Machine => Ok(machine()),
        };
        self.answer(ask, answer);
    }

    fn answer(&self, ask: u64, answer: Result<Answer, String>) {
        self.voice.say_at_once(&Word::Answer { ask, answer });
    }

    /// On a thread of its own, which ends soon.
    fn answer_later(
        &self,
        ask: u64,
        find: impl FnOnce() -> Result<Answer, String> + Send + 'static,
    ) {
        let voice = self.voice.clone();
        let answer = move || {
            let answer = find();
            voice.say_at_once(&Word::Answer { ask, answer });
        };
        if let Err(error) = thread::Builder::new().spawn(answer) {
            self.answer(ask, Err(format!("no thread to find it out: {error}")));
        }
    }

    /// Kills everything and waits until all is told; `false` when orders ended meanwhile.
    fn end_in_order(&mut self, told: &Receiver<Told>) -> bool {
        self.kill();
        while self.followed > 0 {
            match told.recv() {
                Ok(Told::Followed) => self.followed -= 1,
                Ok(Told::Order(_)) => {}
                Ok(Told::OrdersEnded) | Err(_) => return false,
            }
        }
        true
    }

    /// Leaves nothing behind.
    fn end_at_once(&mut self) {
        self.kill();
        self.faults.end();
    }

    fn kill(&self) {
        for program in self.programs.values().filter(|program| program.ending().is_none()) {
            // The whole group at once: no shell then sees its child die and ends by itself.
            let _ = program.signal(Signal::KILL);
        }
        processes::kill_all(|process| self.is_program(process));
    }

    /// Whether the thread that follows it will reap it.
    fn is_program(&self, process: Pid) -> bool {
        self.programs.values().any(|one| one.process == process && one.ending().is_none())
    }

    fn reap_orphans(&self) {
        // Cheap to ask, and mostly there is none.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if waitid(WaitId::All, ended).is_ok_and(|status| status.is_some()) {
            processes::reap_orphans(|process| self.is_program(process));
        }
    }
}

/// Programs get the same limit; it never becomes lower.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // Where a sandbox forbids it fewer programs can run at once.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Removes a folder with all that is in it, whatever permissions programs gave it.
fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_err() {
        open_folders(folder);
        // What cannot be removed now never can be by this user.
        let _ = fs::remove_dir_all(folder);
    }
}

fn open_folders(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_folders(&entry.path());
        }
    }
}

fn machine() -> Answer {
    let system = rustix::system::uname();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    Answer::Machine {
        name: system.nodename().to_string_lossy().into_owned(),
        kernel: system.release().to_string_lossy().into_owned(),
        processors: u32::try_from(processors).unwrap_or(u32::MAX),
    }
}
