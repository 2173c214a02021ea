//! The table of what listens where, with the line to type in another terminal.

use std::fmt::Write as _;
use std::net::IpAddr;

use colok::engine::Model;
use colok::net::url::{Place, Transport, Url};
use colok::proto::ServiceKind;
use colok::server::Listening;

use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;

/// The table, where files are kept, and how to stop.
pub(super) fn text(
    listening: &[Listening],
    model: Model,
    kept: Option<&str>,
    messages: &Messages,
    style: Style,
) -> String {
    let rows = rows(listening);
    let titles = [Id::TableService, Id::TableAddress, Id::TableCommand].map(|id| messages.text(id));
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([titles[column].chars().count()]).max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    let mut text = say!(messages, Id::TableTitle, model = model.name());
    text.push('\n');
    let line = |cells: &[String; 3]| {
        format!("  {:<first$}  {:<second$}  {}", cells[0], cells[1], cells[2])
    };
    let _ = writeln!(text, "{}", style.dim(line(&titles)));
    for row in &rows {
        let _ = writeln!(text, "{}", line(row));
    }
    if let Some(kept) = kept {
        let _ = writeln!(text, "{kept}");
    }
    let _ = writeln!(text, "{}", messages.text(Id::TableStop));
    text
}

/// One row per service, transport and port; `127.0.0.1` and `::1` together are `localhost`.
fn rows(listening: &[Listening]) -> Vec<[String; 3]> {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for entry in listening {
        let Ok(url) = entry.address.parse::<Url>() else { continue };
        let paired = pair_of(&url, entry, listening);
        let shown = if paired { on_host(&url, "localhost") } else { url };
        let command = command(entry.service, &shown);
        let row = [entry.service.to_owned(), shown.to_string(), command];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

/// Whether the other loopback address has the same service on the same port.
fn pair_of(url: &Url, entry: &Listening, listening: &[Listening]) -> bool {
    let other = match loopback_of(url) {
        Some(IpAddr::V4(_)) => "::1",
        Some(IpAddr::V6(_)) => "127.0.0.1",
        None => return false,
    };
    let wanted = on_host(url, other).to_string();
    listening.iter().any(|found| found.service == entry.service && found.address == wanted)
}

/// `127.0.0.1` or `::1`, when it is one of them.
fn loopback_of(url: &Url) -> Option<IpAddr> {
    let Place::Inet { host, .. } = &url.place else { return None };
    if host == "127.0.0.1" || host == "::1" { host.parse().ok() } else { None }
}

fn on_host(url: &Url, host: &str) -> Url {
    let mut url = url.clone();
    if let Place::Inet { host: old, .. } = &mut url.place {
        host.clone_into(old);
    }
    url
}

/// What to type in another terminal.
fn command(service: &str, url: &Url) -> String {
    let to = client_argument(url);
    if service != ServiceKind::Files.name() {
        return format!("colok connect {to}");
    }
    let usual = format!(":{}", ServiceKind::Files.default_port());
    format!("colok send {} FILE", to.strip_suffix(&usual).unwrap_or(&to))
}

/// The address for a client: TCP needs no scheme, and every address of this computer is reached
/// as `localhost`.
fn client_argument(url: &Url) -> String {
    let everywhere = match &url.place {
        Place::Inet { host, .. } => {
            host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
        }
        Place::Path(_) | Place::Abstract(_) => false,
    };
    let url = if everywhere { on_host(url, "localhost") } else { url.clone() };
    let text = url.to_string();
    if url.transport == Transport::Tcp {
        text.strip_prefix("tcp://").unwrap_or(&text).to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(entries: &[(&'static str, &str)]) -> Vec<Listening> {
        let entry = |(service, address): &(&'static str, &str)| {
            let transport = address.parse::<Url>().expect("it is an address").transport;
            Listening { service, transport, address: (*address).to_owned() }
        };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn localhost_is_one_row_where_the_ports_are_equal() {
        let rows = rows(&listening(&[
            ("echo", "tcp://127.0.0.1:5001"),
            ("echo", "tcp://[::1]:5001"),
            ("count", "udp://127.0.0.1:7"),
            ("count", "udp://[::1]:8"),
            ("discard", "tcp://[::]:9"),
            ("echo", "unix:@name"),
            ("files", "tcp://127.0.0.1:25563"),
            ("files", "tcp://[::1]:25563"),
            ("files", "tcp://[::]:7"),
            ("files", "unix:@files"),
        ]));
        let shown: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            shown,
            [
                "echo | tcp://localhost:5001 | colok connect localhost:5001",
                "count | udp://127.0.0.1:7 | colok connect udp://127.0.0.1:7",
                "count | udp://[::1]:8 | colok connect udp://[::1]:8",
                "discard | tcp://[::]:9 | colok connect localhost:9",
                "echo | unix:@name | colok connect unix:@name",
                "files | tcp://localhost:25563 | colok send localhost FILE",
                "files | tcp://[::]:7 | colok send localhost:7 FILE",
                "files | unix:@files | colok send unix:@files FILE",
            ]
        );
    }
}
