//! An echo server on compio: io_uring, one thread, a task per connection that reads and writes
//! back.
//!
//! It never looks at the bytes, and it has no limits, no timeouts and no log.

use std::{env, io, net::SocketAddr, process::ExitCode};

use compio::{
    BufResult,
    buf::{IntoInner as _, IoBuf as _},
    io::{AsyncRead as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
};

/// Of each connection: one message of the largest size that is measured.
const BUFFER: usize = 16 * 1024;

/// As all servers of the comparison.
const BACKLOG: i32 = 4096;

const USAGE: &str = "usage: compio-echo ADDRESS [nodelay]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (address, no_delay) = match words[..] {
        [address] => (address.parse(), false),
        [address, "nodelay"] => (address.parse(), true),
        _ => return usage(),
    };
    let Ok(address) = address else { return usage() };
    let ended = Runtime::new().and_then(|runtime| runtime.block_on(serve(address, no_delay)));
    if let Err(error) = ended {
        eprintln!("compio-echo: {error}");
    }
    ExitCode::FAILURE
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

async fn serve(address: SocketAddr, no_delay: bool) -> io::Result<()> {
    let socket = TcpSocket::new_v4().await?;
    socket.set_reuseaddr(true)?;
    socket.bind(address).await?;
    let listener = socket.listen(BACKLOG).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        if no_delay {
            stream.set_nodelay(true)?;
        }
        compio::runtime::spawn(echo(stream)).detach();
    }
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        buffer.clear();
        let BufResult(read, filled) = stream.read(buffer).await;
        let Ok(count @ 1..) = read else { break };
        let BufResult(written, slice) = stream.write_all(filled.slice(..count)).await;
        if written.is_err() {
            break;
        }
        buffer = slice.into_inner();
    }
}
