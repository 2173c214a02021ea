//! An address that is taken, as by another program: bound, and listening if it is a stream.

use std::fs;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::path::PathBuf;

use serde_json::json;

use super::places::Places;
use super::ports;
use crate::net::url::{Place, Transport, Url};
use crate::scenario::world::network::Proof;

/// An address that is taken for as long as this lives.
#[derive(Debug)]
pub(super) struct Held {
    address: String,
    sockets: Vec<Socket>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
    /// With the file to remove.
    Unix(UnixListener, Option<PathBuf>),
}

impl Held {
    /// Takes an address; of a name, every address that it has.
    pub(super) fn begin(address: &str, places: &Places) -> Result<Self, String> {
        let sockets = sockets(address, places).map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { address: address.to_owned(), sockets })
    }

    /// Whether the kernel's tables show it.
    pub(super) fn prove(&self) -> Result<Proof, String> {
        let mut shown = true;
        for socket in &self.sockets {
            shown &= match socket {
                Socket::Tcp(listener) => ports::listens(port(listener.local_addr())?),
                Socket::Udp(socket) => ports::bound_datagrams(port(socket.local_addr())?),
                Socket::Unix(listener, _) => unix_shown(listener),
            };
        }
        let seen = [("address", json!(self.address)), ("sockets", json!(self.sockets.len()))];
        let seen = seen.into_iter().chain([("in_kernel_tables", json!(shown))]);
        Ok(Proof {
            proved: shown && !self.sockets.is_empty(),
            seen: seen.map(|(name, value)| (name.to_owned(), value)).collect(),
        })
    }

    /// Lets it go.
    pub(super) fn end(self) -> Result<Proof, String> {
        let proof = self.prove();
        for socket in self.sockets {
            if let Socket::Unix(listener, Some(path)) = socket {
                drop(listener);
                fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        proof
    }
}

fn port(address: std::io::Result<SocketAddr>) -> Result<u16, String> {
    address.map(|address| address.port()).map_err(|error| error.to_string())
}

fn sockets(address: &str, places: &Places) -> Result<Vec<Socket>, String> {
    let url: Url = address.parse().map_err(|error| format!("{error}"))?;
    let in_words = |error: std::io::Error| error.to_string();
    match &url.place {
        Place::Path(path) => {
            let path = places.path(path)?;
            let listener = UnixListener::bind(&path).map_err(in_words)?;
            Ok(vec![Socket::Unix(listener, Some(path))])
        }
        Place::Abstract(name) => {
            let name = UnixAddress::from_abstract_name(name.as_bytes()).map_err(in_words)?;
            let listener = UnixListener::bind_addr(&name).map_err(in_words)?;
            Ok(vec![Socket::Unix(listener, None)])
        }
        Place::Inet { .. } => {
            let place = url.host_and_port().map_err(|error| error.to_string())?;
            let place = place.ok_or("no address of the internet")?;
            let addresses = place.to_socket_addrs().map_err(in_words)?;
            let socket = |address: SocketAddr| match url.transport {
                Transport::Udp => UdpSocket::bind(address).map(Socket::Udp),
                _ => TcpListener::bind(address).map(Socket::Tcp),
            };
            addresses.map(|address| socket(address).map_err(in_words)).collect()
        }
    }
}

/// Whether `/proc/net/unix` has the name of this socket.
fn unix_shown(listener: &UnixListener) -> bool {
    let Ok(address) = listener.local_addr() else { return false };
    let path = address.as_pathname().map(|path| path.display().to_string());
    let name = address.as_abstract_name().map(|name| format!("@{}", String::from_utf8_lossy(name)));
    let Some(name) = path.or(name) else { return false };
    let table = fs::read("/proc/thread-self/net/unix").unwrap_or_default();
    String::from_utf8_lossy(&table).lines().any(|line| line.ends_with(&format!(" {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let beside = std::env::temp_dir();
        Places { folder: beside.clone(), beside }
    }

    #[test]
    fn a_held_address_is_taken_until_the_end() {
        let free = ports::free(1).expect("a port");
        let address = format!("tcp://127.0.0.1:{}", free.ports[0]);
        let held = Held::begin(&address, &places()).expect("it is free");
        assert!(Held::begin(&address, &places()).is_err());
        assert!(held.prove().expect("it is looked up").proved);
        let proof = held.end().expect("it is ours");
        assert!(proof.proved, "{proof:?}");
        Held::begin(&address, &places()).expect("it is free again");
    }

    #[test]
    fn every_kind_of_address_can_be_held() {
        let free = ports::free(1).expect("a port");
        let number = std::process::id();
        for address in [
            format!("udp://localhost:{}", free.ports[0]),
            format!("unix:@colok-held-{number}"),
            format!("unix:{}", std::env::temp_dir().join(format!("held-{number}")).display()),
        ] {
            let held = Held::begin(&address, &places()).expect("it is free");
            assert!(Held::begin(&address, &places()).is_err(), "{address}");
            assert!(held.end().expect("it is ours").proved, "{address}");
            Held::begin(&address, &places()).expect("it is free again").end().expect("it is ours");
        }
        assert!(Held::begin("tcp://127.0.0.1", &places()).is_err());
        assert!(Held::begin("unix:/etc/held", &places()).is_err());
    }
}
