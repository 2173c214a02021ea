//! The system's tables of sockets (`/proc/net/tcp`, `udp` and their IPv6 kin), row by row.
//!
//! Read-only, a line at a time: a table of 100 000 sockets is 15 MB of text and is never held
//! whole. A row that does not read as proc(5) says is passed over.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) inode: u64,
    /// Datagrams dropped at this socket; 0 for TCP, whose rows do not have it.
    pub(super) drops: u64,
}

/// Gives each row of these tables.
pub(super) fn each(tables: &[&str], mut give: impl FnMut(&Row)) {
    for table in tables {
        let Ok(file) = File::open(table) else { continue };
        let mut lines = BufReader::with_capacity(64 * 1024, file);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
            if let Some(row) = row(&line) {
                give(&row);
            }
            line.clear();
        }
    }
}

/// Fields of a row, from 0: number, local, remote, state, queues, timer, retransmits, user,
/// timeout, inode, references, pointer; then, of UDP alone, drops.
fn row(line: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace();
    let local = address(fields.nth(1)?)?;
    let remote = address(fields.next()?)?;
    let inode = fields.nth(6)?.parse().ok()?;
    // A row of TCP goes on with more than one field after the pointer.
    let (drops, more) = (fields.nth(2), fields.next());
    let drops = drops.filter(|_| more.is_none()).and_then(|drops| drops.parse().ok());
    Some(Row { local, remote, inode, drops: drops.unwrap_or(0) })
}

/// `0100007F:1389`: words of four bytes in the machine's own order, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| -> Option<[u8; 4]> {
        let digits = address.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    // A mapped address is the IPv4 one that it carries.
    Some(SocketAddr::new(address.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_as_they_are_written() {
        let tcp = "   0: 0100007F:1389 0200007F:9C40 01 00000000:00000000 00:00000000 00000000  \
                   0        0 3471 1 000000003a 100 0 0 10 0";
        let udp = "  117: 00000000000000000000000001000000:1389 \
                   0000000000000000FFFF00000100007F:9C40 01 00000000:00000000 00:00000000 \
                   00000000     0        0 99 2 000000003a 17";
        if cfg!(target_endian = "little") {
            let found = row(tcp).expect("a row");
            assert_eq!(found.local, "127.0.0.1:5001".parse().expect("an address"));
            assert_eq!(found.remote, "127.0.0.2:40000".parse().expect("an address"));
            assert_eq!((found.inode, found.drops), (3471, 0));
            let found = row(udp).expect("a row");
            assert_eq!(found.local, "[::1]:5001".parse().expect("an address"));
            assert_eq!(found.remote, "127.0.0.1:40000".parse().expect("an address"));
            assert_eq!((found.inode, found.drops), (99, 17));
        }
    }

    #[test]
    fn what_is_no_row_is_passed_over() {
        for line in
            ["", "sl local_address rem_address st", "0: 0100007F 0200007F:9C40", "0: é:1 é:2"]
        {
            assert_eq!(row(line), None, "{line}");
        }
    }
}
