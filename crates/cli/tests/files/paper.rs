//! The tests of the paper (seed 004) as tests: one computer by loopback, in the same directory and
//! in another; two computers; five, with four clients at once; a port that is taken; a server in
//! the background. The file names are those of the paper.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::common::{Output, finish};
use crate::network::Network;
use crate::support::{
    Background, FileServer, Folder, MODELS, at_home, children, each_of, mode, noise, signal,
    wait_until,
};

/// A server whose log in words goes to a file, as on the paper's terminals.
struct PaperServer {
    _running: Background,
    out: String,
}

impl PaperServer {
    /// Starts it and waits until it has said all that it says before the first client.
    fn start(mut command: Command, folder: &Folder) -> Self {
        let out = folder.file("server.out");
        command.stdin(Stdio::null()).stdout(File::create(&out).expect("the folder is ours"));
        let running = Background(command.spawn().expect("it starts"));
        let server = Self { _running: running, out };
        wait_until("it listens", || server.told().contains("Ctrl-C stops."));
        server
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.out).expect("it is text")
    }

    /// Waits until a connection was served, and gives what was said about it, with the addresses
    /// and ports from which the clients came.
    fn wait_for(&self, name: &str, bytes: usize) -> Vec<(String, u16)> {
        let copied = format!("copied {bytes} bytes ({name})");
        wait_until(&copied, || self.told().contains(&copied));
        let told = self.told();
        for words in [format!("server read {name}"), "file do not exist, get it from client".into()]
        {
            assert!(told.contains(&words), "{words} in {told}");
        }
        self.clients()
    }

    /// The clients, in the words `Connection from address A port P`.
    fn clients(&self) -> Vec<(String, u16)> {
        let told = self.told();
        let lines = told.lines().filter_map(|line| line.split("Connection from address ").nth(1));
        let clients = lines.map(|line| {
            let (address, port) = line.split_once(" port ").expect("it has a port");
            (address.to_owned(), port.parse().expect("the port is a number and the last word"))
        });
        clients.collect()
    }
}

/// Makes a file and runs the command that sends it; gives its content.
fn send(command: Command, folder: &Folder, name: &str) -> (Output, Vec<u8>) {
    let content = noise(name.len() as u64, 5000);
    folder.write(name, &content);
    (finish(command, b""), content)
}

fn assert_stored(path: &Path, content: &[u8]) {
    assert_eq!(fs::read(path).expect("it is stored"), content, "{}", path.display());
    assert_eq!(mode(path), 0o400, "{}", path.display());
}

#[test]
fn one_computer_in_the_same_directory_and_in_another() {
    let folder = Folder::new();
    let mut serve = at_home(folder.path(), &["serve", "files=tcp://127.0.0.1:0"]);
    serve.current_dir(folder.path());
    let server = PaperServer::start(serve, &folder);
    let told = server.told();
    let row = told.split("tcp://").nth(1).expect("the table shows it");
    let place = row.split([' ', '\n']).next().expect("it has an end").to_owned();

    let mut here = at_home(folder.path(), &["send", &place, "peserta.dpr"]);
    here.current_dir(folder.path());
    let (output, content) = send(here, &folder, "peserta.dpr");
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert_stored(&folder.path().join("colok-store/peserta.dpr"), &content);
    server.wait_for("peserta.dpr", content.len());

    let elsewhere = Folder::new();
    for name in ["KirimDariFolderLain", "KirimDariFolderLainUlang"] {
        let mut there = at_home(elsewhere.path(), &["send", &place, name]);
        there.current_dir(elsewhere.path());
        let (output, content) = send(there, &elsewhere, name);
        assert_eq!(output.code, Some(0), "{}", output.err);
        assert_stored(&folder.path().join("colok-store").join(name), &content);
        let clients = server.wait_for(name, content.len());
        assert!(clients.iter().all(|(address, _)| address == "127.0.0.1"), "{clients:?}");
    }
    assert_eq!(server.clients().len(), 3);
}

#[test]
fn the_log_shows_the_port_of_the_client() {
    let server = FileServer::start("sequential", &[]);
    let mut wire = server.wire();
    let answer = wire.put("KirimDariAji", b"Aji", "");
    assert_eq!(answer.code, 201, "{}", answer.line);
    let accepted = server.serving.event("accepted");
    assert_eq!(accepted["remote"], wire.local().to_string());
    for action in ["read", "missing", "copied"] {
        assert_eq!(server.file_event(action)["name"], "KirimDariAji");
    }
}

#[test]
fn the_programs_of_the_paper_with_nothing_but_their_arguments() {
    let Some(network) = Network::new(1) else { return };
    let folder = Folder::new();
    // Its own computer: the ports are free, so no flag is needed.
    let server = PaperServer::start(network.colok(1, folder.path(), &["serve"]), &folder);
    assert!(server.told().contains("colok-store"), "{}", server.told());
    for host in ["127.0.0.1", "localhost"] {
        let name = format!("peserta-{host}.dpr");
        let command = network.colok(1, folder.path(), &["send", host, &name]);
        let (output, content) = send(command, &folder, &name);
        assert_eq!(output.code, Some(0), "{host}: {}", output.err);
        assert_stored(&folder.path().join("colok-store").join(&name), &content);
        server.wait_for(&name, content.len());
    }
    // A second server.
    let second = finish(network.colok(1, folder.path(), &["serve", "files"]), b"");
    assert_eq!(second.code, Some(1), "{}", second.err);
    assert!(second.err.contains("bind: Address already in use"), "{}", second.err);
}

#[test]
fn two_computers() {
    let Some(network) = Network::new(2) else { return };
    let (here, there) = (Folder::new(), Folder::new());
    let arguments = ["serve", "files=tcp://10.63.0.1", "--allow-anonymous-write"];
    let server = PaperServer::start(network.colok(1, here.path(), &arguments), &here);
    let command = network.colok(2, there.path(), &["send", "10.63.0.1", "Keamanan_Jaringan"]);
    let (output, content) = send(command, &there, "Keamanan_Jaringan");
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert_stored(&here.path().join("colok-store/Keamanan_Jaringan"), &content);
    let clients = server.wait_for("Keamanan_Jaringan", content.len());
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0].0, "10.63.0.2", "the client's address");
    assert!(clients[0].1 > 1023, "the client's port, not ours: {clients:?}");
    assert_ne!(clients[0].1, 25563, "the client's port, not ours");

    // What the paper's programs did not do: a file that is not there leaves nothing.
    let missing = network.colok(2, there.path(), &["send", "10.63.0.1", "KirimDariAji"]);
    let output = finish(missing, b"");
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert!(output.err.contains("open file: No such file or directory"), "{}", output.err);
    assert!(!here.path().join("colok-store/KirimDariAji").exists());
    assert_eq!(server.clients().len(), 1, "it was found before connecting");
}

#[test]
fn five_computers_with_four_clients_at_once() {
    each_of(&MODELS, |model| {
        let Some(network) = Network::new(5) else { return };
        let home = Folder::new();
        let options = ["--model", model, "--allow-anonymous-write"];
        let arguments = [&["serve", "files=tcp://10.63.0.1"][..], &options].concat();
        let server = PaperServer::start(network.colok(1, home.path(), &arguments), &home);
        let names = ["MasukKompAji", "MasukKompRita", "MasukKompIlham", "MasukKompNurdin"];
        let sent: Vec<_> = std::thread::scope(|scope| {
            let clients: Vec<_> = (2..)
                .zip(names)
                .map(|(host, name)| {
                    let network = &network;
                    scope.spawn(move || {
                        let folder = Folder::new();
                        let arguments = ["send", "10.63.0.1", name];
                        send(network.colok(host, folder.path(), &arguments), &folder, name)
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().expect("it was sent")).collect()
        });
        for (name, (output, content)) in names.into_iter().zip(sent) {
            assert_eq!(output.code, Some(0), "{model}: {}", output.err);
            assert_stored(&home.path().join("colok-store").join(name), &content);
            server.wait_for(name, content.len());
        }
        let told = server.told();
        let often = |words: &str| told.matches(words).count();
        assert_eq!(often("file do not exist, get it from client"), 4, "{model}: {told}");
        assert_eq!(often("server read "), 4, "{model}: {told}");
        let mut addresses: Vec<_> =
            server.clients().into_iter().map(|(address, _)| address).collect();
        addresses.sort();
        let expected: Vec<_> = (2..6).map(|host| format!("10.63.0.{host}")).collect();
        assert_eq!(addresses, expected, "{model}: one connection of each");
    });
}

/// A server that runs on when the shell that started it has ended; stopped when it is dropped.
struct InBackground(u32);

impl Drop for InBackground {
    fn drop(&mut self) {
        signal(self.0, Signal::KILL);
    }
}

#[test]
fn a_server_in_the_background() {
    let folder = Folder::new();
    let out = folder.file("server.out");
    let mut shell = Command::new("sh");
    let serve =
        r#""$COLOK" serve --model sequential files=tcp://127.0.0.1:0 > "$OUT" 2>&1 & echo $!"#;
    shell
        .args(["-c", serve])
        .current_dir(folder.path())
        .env("COLOK", env!("CARGO_BIN_EXE_colok"))
        .env("OUT", &out)
        .env("LC_ALL", "C");
    let started = finish(shell, b"");
    let process = started.text().trim().parse().expect("the shell prints the process");
    let server = InBackground(process);
    let told = || fs::read_to_string(&out).unwrap_or_default();
    wait_until("it listens", || told().contains("Ctrl-C stops."));
    let place = told().split("tcp://").nth(1).expect("the table shows it").to_owned();
    let place = place.split([' ', '\n']).next().expect("it has an end").to_owned();

    let path = folder.write("KirimDariAji", b"for the server in the background");
    let output = finish(at_home(folder.path(), &["send", &place, &path]), b"");
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert_stored(
        &folder.path().join("colok-store/KirimDariAji"),
        b"for the server in the background",
    );
    wait_until("it is told", || told().contains("copied 32 bytes (KirimDariAji)"));
    assert!(children(server.0).is_empty(), "a sequential server is one process");
    // The same port again.
    let second = format!("files=tcp://{place}");
    let root = folder.file("second");
    let output = finish(at_home(folder.path(), &["serve", "--root", &root, &second]), b"");
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert!(output.err.contains("bind: Address already in use"), "{}", output.err);
    assert!(!Path::new(&root).exists(), "a server that cannot start makes no store");
}
