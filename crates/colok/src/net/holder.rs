//! Which process holds a port or a Unix socket, as far as `/proc` tells.
//!
//! Best effort and read-only: without the right to look into another user's process the answer is
//! "nobody known". Linux only by nature (proc(5)).

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::url::Transport;

/// A process that holds an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub process: u32,
    /// Its name (`/proc/PID/comm`), made printable.
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.process)
    }
}

/// TCP state LISTEN in `/proc/net/tcp` (`include/net/tcp_states.h`).
const TCP_LISTEN: &str = "0A";

/// The flag of a listening socket in `/proc/net/unix` (`__SO_ACCEPTCON`, `include/linux/net.h`).
const UNIX_LISTENING: &str = "00010000";

/// Socket type `SOCK_DGRAM` in `/proc/net/unix` (`proc_net(5)`).
const UNIX_DATAGRAM: &str = "0002";

/// Who holds this port, if it can be known. An address is held by a socket on the same address,
/// or by one on every address.
pub fn of_port(transport: Transport, address: IpAddr, port: u16) -> Option<Holder> {
    let tables = match transport {
        Transport::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Transport::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        Transport::Unix => return None,
    };
    let inodes = tables.iter().flat_map(|table| {
        let text = fs::read_to_string(table).unwrap_or_default();
        inodes_with_port(&text, transport, address, port)
    });
    of_inodes(&inodes.collect::<Vec<_>>())
}

/// Who listens on this Unix socket (its path, or `@name`), if it can be known.
pub fn of_unix(name: &str) -> Option<Holder> {
    let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let inode = text.lines().skip(1).find_map(|line| holding_unix_inode(line, name));
    of_inodes(&[inode?.to_owned()])
}

/// The inode of a row of `/proc/net/unix` if it is a socket that holds this name: one that listens,
/// or a datagram socket. Accepted connections have the name of their listener too.
fn holding_unix_inode<'a>(row: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = ["", "", "", "", "", "", ""];
    let mut rest = row;
    for field in &mut fields {
        (*field, rest) = rest.trim_start().split_once(' ')?;
    }
    let [_, _, _, flags, kind, _, inode] = fields;
    // What is left is the name, which may hold spaces.
    let holds = flags == UNIX_LISTENING || kind == UNIX_DATAGRAM;
    (holds && rest == name).then_some(inode)
}

/// The inodes of the sockets in a `/proc/net/{tcp,udp}{,6}` table that hold this port.
fn inodes_with_port(table: &str, transport: Transport, wanted: IpAddr, port: u16) -> Vec<String> {
    let holds = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (address, hex_port) = fields.get(1)?.rsplit_once(':')?;
        let listening = transport == Transport::Udp || *fields.get(3)? == TCP_LISTEN;
        let same_port = u16::from_str_radix(hex_port, 16).ok()? == port;
        let held = hex_address(address)?;
        let overlaps = held == wanted || held.is_unspecified() || wanted.is_unspecified();
        (listening && same_port && overlaps).then(|| fields.get(9).map(ToString::to_string))?
    };
    table.lines().skip(1).filter_map(holds).collect()
}

/// An address as the tables write it: 32-bit words in hexadecimal, each in host byte order.
fn hex_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok();
    if text.len() == 8 {
        return Some(IpAddr::from(word(0)?.to_ne_bytes()));
    }
    let mut bytes = [0; 16];
    for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
        chunk.copy_from_slice(&word(index * 8)?.to_ne_bytes());
    }
    Some(IpAddr::from(bytes).to_canonical())
}

/// The process that has one of these sockets open: the first found, so a server's parent before
/// its workers.
fn of_inodes(inodes: &[String]) -> Option<Holder> {
    if inodes.is_empty() {
        return None;
    }
    let targets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let mut processes: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    processes.sort_unstable();
    processes.into_iter().find_map(|process| {
        let folder = Path::new("/proc").join(process.to_string());
        let holds = fs::read_dir(folder.join("fd")).ok()?.any(|entry| {
            let link = entry.ok().and_then(|entry| fs::read_link(entry.path()).ok());
            link.is_some_and(|link| {
                targets.iter().any(|target| link.as_os_str() == target.as_str())
            })
        });
        let name = || fs::read_to_string(folder.join("comm")).unwrap_or_default();
        holds.then(|| Holder { process, name: crate::observe::printable(name().trim().as_bytes()) })
    })
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn we_find_ourselves() {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
        let tcp_address = tcp.local_addr().expect("it is bound");
        let udp_address = udp.local_addr().expect("it is bound");
        let me = Some(std::process::id());
        let process = |transport, address: SocketAddr| {
            of_port(transport, address.ip(), address.port()).map(|holder| holder.process)
        };
        assert_eq!(process(Transport::Tcp, tcp_address), me);
        assert_eq!(process(Transport::Udp, udp_address), me);
        let elsewhere = SocketAddr::new([127, 0, 0, 9].into(), tcp_address.port());
        assert_eq!(process(Transport::Tcp, elsewhere), None);
    }

    #[test]
    fn a_unix_listener_is_told_from_its_connections() {
        let row = |flags: &str, inode: &str| {
            format!("0000000000000000: 00000002 00000000 {flags} 0001 01 {inode} /run/a b.sock")
        };
        let name = "/run/a b.sock";
        assert_eq!(holding_unix_inode(&row("00010000", " 777"), name), Some("777"));
        assert_eq!(holding_unix_inode(&row("00000000", "    0"), name), None);
        assert_eq!(holding_unix_inode(&row("00010000", " 777"), "/run/a"), None);
        assert_eq!(holding_unix_inode("0000: 00000002 00000000 00010000 0001 01 5", ""), None);
    }

    #[test]
    fn tables_are_read() {
        let table = "  sl  local_address\n\
            0: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 777 1\n\
            1: 0100007F:1389 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 888 1\n";
        let loopback = "127.0.0.1".parse().expect("an address");
        let inodes = inodes_with_port(table, Transport::Tcp, loopback, 5001);
        assert_eq!(inodes, ["777"]);
        let other = "127.0.0.2".parse().expect("an address");
        assert!(inodes_with_port(table, Transport::Tcp, other, 5001).is_empty());
        assert_eq!(inodes_with_port("garbage\nline", Transport::Tcp, loopback, 5001).len(), 0);
    }
}
