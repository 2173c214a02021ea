//! An echo server on tokio, as its documentation teaches: a task per connection that reads and
//! writes back. TCP or UDP, on one thread or on tokio's own choice of threads.
//!
//! It never looks at the bytes, and it has no limits, no timeouts and no log.

use std::{env, io, net::SocketAddr, process::ExitCode};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, UdpSocket},
    runtime::{Builder, Runtime},
};

/// Of each connection: one message of the largest size that is measured.
const BUFFER: usize = 16 * 1024;

/// As all servers of the comparison.
const BACKLOG: u32 = 4096;

const USAGE: &str = "usage: tokio-echo one|many tcp|udp ADDRESS [nodelay]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (threads, transport, address, no_delay) = match words[..] {
        [threads, transport, address] => (threads, transport, address, false),
        [threads, transport, address, "nodelay"] => (threads, transport, address, true),
        _ => return usage(),
    };
    let (Some(runtime), Ok(address)) = (runtime(threads), address.parse()) else {
        return usage();
    };
    let ended = runtime.and_then(|runtime| match transport {
        "udp" => runtime.block_on(datagrams(address)),
        _ => runtime.block_on(streams(address, no_delay)),
    });
    if let Err(error) = ended {
        eprintln!("tokio-echo: {error}");
    }
    ExitCode::FAILURE
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn runtime(threads: &str) -> Option<io::Result<Runtime>> {
    let mut builder = match threads {
        "one" => Builder::new_current_thread(),
        "many" => Builder::new_multi_thread(),
        _ => return None,
    };
    Some(builder.enable_io().build())
}

async fn streams(address: SocketAddr, no_delay: bool) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    // Spawned, so that accepting too runs on a worker and not on the thread that started it.
    let accepting = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            if no_delay {
                stream.set_nodelay(true)?;
            }
            tokio::spawn(echo(stream));
        }
    });
    accepting.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}

async fn datagrams(address: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind(address).await?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let (count, from) = socket.recv_from(&mut buffer).await?;
        // A reply that cannot be sent is lost, as any datagram may be.
        let _ = socket.send_to(&buffer[..count], from).await;
    }
}
