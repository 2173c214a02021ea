//! Questions about a host, files that are made there, and addresses that are taken.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use colok::scenario::agent::{
    Answer, Content, HeldPort, KernelFault, Order, Question, Start, Word, random,
};
use colok::scenario::file::{Protocol, Way};

use super::{Body, Local, words};

pub(super) const BODIES: &[Body] = &[
    ("files_are_made_and_described", files_are_made_and_described),
    ("nothing_outside_is_touched", nothing_outside_is_touched),
    ("ports_are_free_and_listeners_are_seen", ports_are_free_and_listeners_are_seen),
    ("a_line_is_exchanged", a_line_is_exchanged),
    ("an_address_is_held", an_address_is_held),
    ("a_local_host_breaks_no_network", a_local_host_breaks_no_network),
    ("a_pipe_that_nobody_holds_holds_nothing_up", a_pipe_that_nobody_holds),
    ("a_host_says_what_it_is", a_host_says_what_it_is),
    ("a_question_that_takes_long_holds_nothing_up", a_question_that_takes_long),
];

fn write(local: &mut Local, path: &str, content: Content) -> Result<Answer, String> {
    local.ask(Question::Write { path: path.into(), content, mode: Some(0o600) })
}

fn files_are_made_and_described() {
    let mut local = Local::start();
    let content = Content::Random { size: 200_000, seed: 9 };
    assert_eq!(write(&mut local, "a/b/c.bin", content), Ok(Answer::Done));
    let mut bytes = Vec::new();
    random(9, 200_000).read_to_end(&mut bytes).expect("memory");
    assert!(std::fs::read(local.folder().join("a/b/c.bin")).expect("it was made") == bytes);
    let Ok(Answer::File { exists, size, mode, blake3, beginning }) =
        local.ask(Question::File { path: "a/b/c.bin".into() })
    else {
        panic!("no file");
    };
    assert_eq!((exists, size, mode), (true, 200_000, 0o600));
    assert_eq!(blake3, blake3::hash(&bytes).to_hex().to_string());
    assert!(STANDARD.decode(beginning).expect("base64") == bytes[..65_536]);
    let folder = local.ask(Question::File { path: "a".into() });
    assert!(matches!(folder, Ok(Answer::File { exists: true, blake3, .. }) if blake3.is_empty()));
    let none = local.ask(Question::File { path: "none".into() });
    assert!(matches!(none, Ok(Answer::File { exists: false, size: 0, .. })));
}

fn nothing_outside_is_touched() {
    let mut local = Local::start();
    let outside = std::env::temp_dir().join("colok-outside");
    for path in ["../../colok-outside", "/etc/colok-outside", outside.to_str().expect("plain")] {
        let text = || Content::Text("x".into());
        assert!(write(&mut local, path, text()).is_err(), "{path}");
        assert!(local.ask(Question::File { path: path.into() }).is_err(), "{path}");
    }
    assert!(!outside.exists());
    assert!(write(&mut local, "x", Content::File("/etc/passwd".into())).is_err());
}

fn ports_are_free_and_listeners_are_seen() {
    let mut local = Local::start();
    let Ok(Answer::Ports { ports }) = local.ask(Question::FreePorts { count: 3 }) else {
        panic!("no ports");
    };
    assert_eq!(ports.len(), 3);
    let listens = |local: &mut Local, port| local.ask(Question::Listens { port });
    assert_eq!(listens(&mut local, ports[0]), Ok(Answer::Truth { is: false }));
    let listener = TcpListener::bind(("127.0.0.1", ports[0])).expect("it is free");
    assert_eq!(listens(&mut local, ports[0]), Ok(Answer::Truth { is: true }));
    // It was seen without a connection.
    listener.set_nonblocking(true).expect("a socket");
    assert!(listener.accept().is_err());
    // Another host of this computer gets other ones.
    let Ok(Answer::Ports { ports: others }) = Local::start().ask(Question::FreePorts { count: 50 })
    else {
        panic!("no ports");
    };
    assert!(!others.iter().any(|port| ports.contains(port)), "{others:?} {ports:?}");
}

fn a_line_is_exchanged() {
    let mut local = Local::start();
    let path = local.beside().join("alpha.1.sock");
    let listener = UnixListener::bind(&path).expect("a free name");
    let serving = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("it comes");
        let mut line = String::new();
        BufReader::new(&client).read_line(&mut line).expect("a line");
        client.write_all(format!("got {line}").as_bytes()).expect("it reads");
    });
    let path = path.to_str().expect("plain").to_owned();
    let question = Question::Exchange { path: path.clone(), line: "{\"status\":true}".into() };
    let answer = local.ask(question.clone());
    assert_eq!(answer, Ok(Answer::Line { line: "got {\"status\":true}".into() }));
    serving.join().expect("it only answers");
    // Nobody is there any more.
    assert!(local.ask(question).is_err());
}

fn an_address_is_held() {
    let mut local = Local::start();
    let Ok(Answer::Ports { ports }) = local.ask(Question::FreePorts { count: 1 }) else {
        panic!("no ports");
    };
    let address = format!("tcp://127.0.0.1:{}", ports[0]);
    let what = KernelFault::HoldAddress(HeldPort { address });
    local.order(&Order::Break { ask: 100, fault: 1, what });
    let proof = local.answer(100);
    assert!(matches!(proof, Ok(Answer::Proof { proved: true, .. })), "{proof:?}");
    assert!(TcpListener::bind(("127.0.0.1", ports[0])).is_err());
    drop(TcpStream::connect(("127.0.0.1", ports[0])).expect("it listens"));
    local.order(&Order::Prove { ask: 101, fault: 1, end: true });
    let proof = local.answer(101);
    assert!(matches!(proof, Ok(Answer::Proof { proved: true, .. })), "{proof:?}");
    drop(TcpListener::bind(("127.0.0.1", ports[0])).expect("it is free again"));
    local.order(&Order::Prove { ask: 102, fault: 1, end: false });
    assert!(local.answer(102).is_err());
}

fn a_local_host_breaks_no_network() {
    let mut local = Local::start();
    let drop = KernelFault::Drop { way: Way::In, protocol: Protocol::Tcp, ports: Vec::new() };
    let faults = [
        drop,
        KernelFault::LinkDown,
        KernelFault::Rate { bytes_per_second: 1000 },
        KernelFault::FillDisk,
    ];
    for (fault, what) in (1..).zip(faults) {
        local.order(&Order::Break { ask: fault, fault, what: what.clone() });
        assert!(local.answer(fault).is_err(), "{what:?}");
    }
    assert!(local.ask(Question::Counters).is_err());
}

fn a_pipe_that_nobody_holds() {
    let mut local = Local::start();
    assert_eq!(local.run_to_end(&words(&["mkfifo", "pipe"])).exit, Some(0));
    let stdin = Content::File("pipe".into());
    local.order(&Order::Start(Start { step: 2, stdin: stdin.clone(), ..words(&["cat"]) }));
    let error = local.wait(|word| match word {
        Word::Failed { step: 2, error, .. } => Some(error.clone()),
        _ => None,
    });
    assert_eq!(error, "pipe: not a regular file");
    assert!(write(&mut local, "pipe", Content::Text("x".into())).is_err());
    assert!(write(&mut local, "copy", stdin).is_err());
    let pipe = local.ask(Question::File { path: "pipe".into() });
    assert!(matches!(pipe, Ok(Answer::File { exists: true, blake3, .. }) if blake3.is_empty()));
}

fn a_host_says_what_it_is() {
    let mut local = Local::start();
    let Ok(Answer::Machine { kernel, processors, .. }) = local.ask(Question::Machine) else {
        panic!("no answer");
    };
    let own = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a kernel");
    assert_eq!(kernel, own.trim());
    assert!(processors > 0);
}

fn a_question_that_takes_long() {
    let mut local = Local::start();
    // Somebody who never answers.
    let path = local.beside().join("silent");
    let _listener = UnixListener::bind(&path).expect("a free name");
    let question =
        Question::Exchange { path: path.to_str().expect("plain").into(), line: String::new() };
    local.order(&Order::Ask { ask: 200, question });
    local.order(&Order::Start(Start { step: 1, ..words(&["true"]) }));
    let ended = local.ended(1);
    assert_eq!(ended.exit, Some(0));
    let answered = |word: &Word| matches!(word, Word::Answer { ask: 200, .. });
    assert!(!local.words.iter().any(answered));
    assert!(local.answer(200).is_err());
}
