//! The agent of these tests: does one task per line, each on a thread of its own, and tells one
//! record, or why it failed.

use std::collections::HashMap;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::exit;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use colok::scenario::agent::{AGENT_ARGUMENT, KernelFault, Word};
use colok::scenario::world::network::{self, Broken, Proof};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a host can be asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Listen, say so, and send back to one connection what it sends.
    Echo {
        address: SocketAddr,
    },
    /// Connect to a name and port, say a line, and tell the answer.
    Say {
        name: String,
        port: u16,
        limit_ms: u64,
    },
    /// What is this name?
    Resolve {
        name: String,
    },
    /// Take datagrams (of this group, if one is named), say so, and tell the first one.
    Listen {
        address: SocketAddr,
        group: Option<Ipv4Addr>,
    },
    /// Send datagrams of so many bytes.
    Send {
        to: SocketAddr,
        bytes: usize,
        count: u32,
    },
    /// Take so many bytes from one connection, and tell how long they took after the first ones.
    Take {
        address: SocketAddr,
        bytes: usize,
    },
    /// Connect and send so many bytes.
    Give {
        to: SocketAddr,
        bytes: usize,
    },
    /// Begin a fault, prove it, end it.
    Begin {
        number: u64,
        what: KernelFault,
    },
    Prove {
        number: u64,
    },
    End {
        number: u64,
    },
    /// The way to an address.
    Route {
        to: IpAddr,
    },
    /// What the interface carried.
    Counters,
    /// Its name, directory and namespaces.
    Who,
    /// Write so many bytes into a file here.
    Write {
        bytes: usize,
    },
    /// Start a program that nobody waits for.
    Leave,
    /// End at once.
    Die,
}

static BROKEN: LazyLock<Mutex<HashMap<u64, Broken>>> = LazyLock::new(Mutex::default);

/// Becomes that agent, if asked.
pub(crate) fn become_if_asked() {
    if std::env::args().nth(1).as_deref() != Some(AGENT_ARGUMENT) {
        return;
    }
    for line in io::stdin().lock().lines() {
        let line = line.expect("orders are lines");
        let task: Task = serde_json::from_str(&line).expect("orders are tasks");
        std::thread::spawn(move || match task.done() {
            Ok(record) => tell(record),
            Err(error) => say(&Word::Failed { step: 0, error, errno: None }),
        });
    }
    exit(0)
}

fn tell(record: Value) {
    say(&Word::Record { step: 0, record });
}

fn say(word: &Word) {
    let mut line = serde_json::to_vec(word).expect("it is plain");
    line.push(b'\n');
    io::stdout().lock().write_all(&line).expect("the runner is there");
}

impl Task {
    fn done(&self) -> Result<Value, String> {
        match self {
            Self::Echo { address } => echo(*address).map_err(told),
            Self::Say { name, port, limit_ms } => {
                say_to(name, *port, Duration::from_millis(*limit_ms)).map_err(told)
            }
            Self::Resolve { name } => resolve(name).map_err(told),
            Self::Listen { address, group } => listen(*address, *group).map_err(told),
            Self::Send { to, bytes, count } => send(*to, *bytes, *count).map_err(told),
            Self::Take { address, bytes } => take(*address, *bytes).map_err(told),
            Self::Give { to, bytes } => give(*to, *bytes).map_err(told),
            Self::Begin { number, what } => {
                let broken = network::begin(*number, what).map_err(|error| error.to_string())?;
                broken_ones().insert(*number, broken);
                Ok(Value::Null)
            }
            Self::Prove { number } => proof(broken_ones()[number].prove()),
            Self::End { number } => proof(broken_ones().remove(number).expect("it began").end()),
            Self::Route { to } => answer(network::route(*to)),
            Self::Counters => answer(network::counters()),
            Self::Who => who().map_err(told),
            Self::Write { bytes } => {
                std::fs::write("written", vec![7; *bytes]).map(|()| Value::Null).map_err(told)
            }
            Self::Leave => leave().map_err(told),
            Self::Die => exit(0),
        }
    }
}

fn broken_ones() -> std::sync::MutexGuard<'static, HashMap<u64, Broken>> {
    BROKEN.lock().expect("nothing panics while it is held")
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn told(error: io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |number| format!("os error {number}"))
}

fn proof(result: Result<Proof, network::NetworkError>) -> Result<Value, String> {
    let proof = result.map_err(|error| error.to_string())?;
    Ok(json!({"proved": proof.proved, "seen": proof.seen}))
}

fn answer<T: Serialize>(result: Result<T, network::NetworkError>) -> Result<Value, String> {
    let answer = result.map_err(|error| error.to_string())?;
    serde_json::to_value(answer).map_err(|error| error.to_string())
}

fn echo(address: SocketAddr) -> io::Result<Value> {
    let listener = TcpListener::bind(address)?;
    tell(json!("listening"));
    let (mut peer, from) = listener.accept()?;
    io::copy(&mut peer.try_clone()?, &mut peer)?;
    Ok(json!({"from": from.ip().to_string()}))
}

fn say_to(name: &str, port: u16, limit: Duration) -> io::Result<Value> {
    let address = first(name, port)?;
    let mut peer = TcpStream::connect_timeout(&address, limit)?;
    peer.set_read_timeout(Some(limit))?;
    peer.write_all(b"hello")?;
    let mut answer = [0; 5];
    peer.read_exact(&mut answer)?;
    Ok(json!({"answer": String::from_utf8_lossy(&answer), "at": address.ip().to_string()}))
}

fn first(name: &str, port: u16) -> io::Result<SocketAddr> {
    use std::net::ToSocketAddrs as _;

    (name, port).to_socket_addrs()?.next().ok_or_else(|| io::Error::other("no address"))
}

fn resolve(name: &str) -> io::Result<Value> {
    use std::net::ToSocketAddrs as _;

    let mut addresses: Vec<String> =
        (name, 0).to_socket_addrs()?.map(|address| address.ip().to_string()).collect();
    addresses.dedup();
    Ok(json!(addresses))
}

fn listen(address: SocketAddr, group: Option<Ipv4Addr>) -> io::Result<Value> {
    let socket = UdpSocket::bind(address)?;
    if let Some(group) = group {
        socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    }
    tell(json!("listening"));
    let mut datagram = vec![0; 65536];
    let (length, from) = socket.recv_from(&mut datagram)?;
    Ok(json!({"bytes": length, "from": from.ip().to_string()}))
}

fn send(to: SocketAddr, bytes: usize, count: u32) -> io::Result<Value> {
    let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("plain");
    let socket = UdpSocket::bind(any)?;
    socket.set_broadcast(true)?;
    for _ in 0..count {
        socket.send_to(&vec![1; bytes], to)?;
    }
    Ok(json!("sent"))
}

fn take(address: SocketAddr, bytes: usize) -> io::Result<Value> {
    let listener = TcpListener::bind(address)?;
    tell(json!("listening"));
    let (mut peer, _) = listener.accept()?;
    let mut buffer = vec![0; 256 * 1024];
    let early = peer.read(&mut buffer)?;
    let start = Instant::now();
    let mut total = early;
    while total < bytes {
        let length = peer.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        total += length;
    }
    Ok(json!({"bytes": total - early, "seconds": start.elapsed().as_secs_f64()}))
}

fn give(to: SocketAddr, bytes: usize) -> io::Result<Value> {
    let mut peer = TcpStream::connect(to)?;
    peer.write_all(&vec![9; bytes])?;
    Ok(json!("given"))
}

fn leave() -> io::Result<Value> {
    use std::os::unix::process::CommandExt as _;

    // In a group of its own, and with its own standard streams, nothing of ours would reach it.
    let [input, output] = [(); 2].map(|()| std::process::Stdio::null());
    let mut left = std::process::Command::new("sleep");
    left.arg("1000").stdin(input).stdout(output).process_group(0).spawn()?;
    Ok(Value::Null)
}

fn who() -> io::Result<Value> {
    let namespace =
        |name: &str| std::fs::read_link(format!("/proc/self/ns/{name}")).map(|link| json!(link));
    Ok(json!({
        "name": std::fs::read_to_string("/proc/sys/kernel/hostname")?.trim(),
        "directory": std::env::current_dir()?,
        "pid": std::process::id(),
        "net": namespace("net")?,
        "index": std::fs::read_to_string("/sys/class/net/eth0/ifindex")?.trim(),
    }))
}
