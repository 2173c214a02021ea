//! One program of a run: it leads a process group of its own, has a time limit, and is ended.
//!
//! Its errors go to a file beside the data, so that nothing is spent on a terminal and a failure
//! can be explained. Only groups that were started here are ended.

use std::{
    fs::{self, File},
    net::{SocketAddr, SocketAddrV4},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{scratch::Scratch, usage};

/// The longest that one program may work on its task; the slowest needs a few seconds.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// The longest that a server may take to listen, and to stop when it is told to.
const SERVER_LIMIT: Duration = Duration::from_secs(20);

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(2);

/// How much of a program's last words a problem quotes, in bytes.
const QUOTE: usize = 400;

/// A program that was started, and that is ended when this is dropped.
pub(crate) struct Program<'a> {
    scratch: &'a Scratch,
    child: Child,
    name: String,
    log: PathBuf,
    /// Somebody has waited for it, so its number is no longer its own.
    over: bool,
}

impl<'a> Program<'a> {
    /// Starts the command with its errors in the file `log`.
    pub(crate) fn start(
        scratch: &'a Scratch,
        command: &mut Command,
        log: &Path,
    ) -> Result<Self, String> {
        let name = Path::new(command.get_program()).file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let failed = |error| format!("cannot start {name}: {error}");
        let errors = File::create(log).map_err(failed)?;
        let child = command.stderr(errors).process_group(0).spawn().map_err(failed)?;
        let log = log.to_owned();
        let program = Self { scratch, child, name, log, over: false };
        scratch.started(program.group())?;
        Ok(program)
    }

    /// The number of its process group.
    pub(crate) fn group(&self) -> u32 {
        self.child.id()
    }

    /// Its input, if that is a pipe and nobody has taken it.
    pub(crate) fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for its end; the moment of it, or in one line why it failed.
    pub(crate) fn wait(&mut self) -> Result<Instant, String> {
        let group = self.group();
        let (finished, watch) = mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            let expired = watch.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
            if expired {
                signal("KILL", group);
            }
            expired
        });
        let status = self.child.wait();
        let end = Instant::now();
        drop(finished);
        self.over = true;
        self.scratch.ended(group);
        if watchdog.join().unwrap_or(false) {
            return Err(format!("{} was ended after {LIMIT:?}{}", self.name, self.last_words()));
        }
        match status {
            Ok(status) if status.success() => Ok(end),
            Ok(status) => Err(format!("{} ended with {status}{}", self.name, self.last_words())),
            Err(error) => Err(format!("cannot wait for {}: {error}", self.name)),
        }
    }

    /// Waits until something listens on the address, without connecting to it: a server of one
    /// connection would take that for its client.
    pub(crate) fn listens(&self, address: SocketAddr) -> Result<(), String> {
        self.until(is_listening, "listen on", address)
    }

    /// The same for datagrams.
    pub(crate) fn receives(&self, address: SocketAddr) -> Result<(), String> {
        self.until(is_receiving, "receive at", address)
    }

    fn until(
        &self,
        holds: fn(SocketAddr) -> bool,
        what: &str,
        address: SocketAddr,
    ) -> Result<(), String> {
        let start = Instant::now();
        while !holds(address) {
            if usage::has_ended(self.group()) {
                return Err(format!("{} ended at once{}", self.name, self.last_words()));
            }
            if start.elapsed() > SERVER_LIMIT {
                let (name, words) = (&self.name, self.last_words());
                return Err(format!("{name} does not {what} {address}{words}"));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The end of what it said, for a problem.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let text = text.trim_end();
        let start = (text.len().saturating_sub(QUOTE)..=text.len())
            .find(|&start| text.is_char_boundary(start))
            .unwrap_or(text.len());
        match &text[start..] {
            "" => String::new(),
            words => format!(": {}", words.replace('\n', " / ")),
        }
    }

    fn end(&mut self) {
        if self.over {
            return;
        }
        let group = self.group();
        signal("TERM", group);
        let start = Instant::now();
        while !usage::has_ended(group) && start.elapsed() < SERVER_LIMIT {
            thread::sleep(LOOK);
        }
        // The leader has not been waited for, so the number still means this group. Whoever of it
        // did not stop by himself is ended here.
        signal("KILL", group);
        if let Err(error) = self.child.wait() {
            eprintln!("warning: cannot wait for {}: {error}", self.name);
        }
        self.over = true;
        self.scratch.ended(group);
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// The standard library can only kill a single process; the shell has `kill` built in.
fn signal(name: &str, group: u32) {
    let line = format!("kill -s {name} -- -{group}");
    let _ = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
}

fn is_listening(address: SocketAddr) -> bool {
    is_in("/proc/net/tcp", "0A", address)
}

fn is_receiving(address: SocketAddr) -> bool {
    is_in("/proc/net/udp", "07", address)
}

/// Whether the table has a socket of this state at this local address.
fn is_in(table: &str, state: &str, address: SocketAddr) -> bool {
    line_of(&fs::read_to_string(table).unwrap_or_default(), state, address).is_some()
}

/// The line of such a table about the socket of this state at this local address.
pub(crate) fn line_of<'table>(
    table: &'table str,
    state: &str,
    address: SocketAddr,
) -> Option<&'table str> {
    let SocketAddr::V4(address) = address else { return None };
    let local = hex(address);
    table.lines().find(|line| local_in(line, state).is_some_and(|one| one == local))
}

/// The local address of a line of such a table if its state is this: 0A is "listen", 07 is that of
/// every datagram socket without a peer.
fn local_in<'line>(line: &'line str, state: &str) -> Option<&'line str> {
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    (words.nth(1)? == state).then_some(local)
}

/// An address as `/proc/net/tcp` shows it: the four bytes as one number of this machine.
fn hex(address: SocketAddrV4) -> String {
    let number = u32::from_ne_bytes(address.ip().octets());
    format!("{number:08X}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_listener_is_seen_while_it_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_listening(address));
        drop(listener);
        // A process that another test starts at this moment holds a copy until it executes.
        let until = Instant::now() + Duration::from_secs(30);
        while is_listening(address) {
            assert!(Instant::now() < until, "it still listens");
            thread::yield_now();
        }
    }

    #[test]
    fn a_datagram_socket_is_seen_and_no_listener() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        assert!(is_receiving(address) && !is_receiving("127.0.0.1:0".parse().unwrap()));
    }

    #[test]
    fn only_a_listening_line_counts() {
        let line = |state: &str| format!("  0: 19075353:1F90 00000000:0000 {state} 00000000:0");
        assert_eq!(local_in(&line("0A"), "0A"), Some("19075353:1F90"));
        assert_eq!(local_in(&line("01"), "0A"), None);
        assert_eq!(local_in("", "0A"), None);
    }
}
