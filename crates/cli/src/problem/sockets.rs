//! Socket calls that failed: the reason behind an error number, and the way out.

use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::time::Duration;

use colok::net::holder::Holder;
use colok::net::url::{Place, Transport, Url};
use colok::proto::ServiceKind;
use rustix::io::Errno;

use super::{Exit, Problem, congestion, errno_text};
use crate::messages::{Id, Messages};
use crate::say;
use crate::units::duration_text;

/// The first port that needs no privilege.
const UNPRIVILEGED_PORT: u16 = 1024;

/// What a relay is called where others have the name of their service.
pub(crate) const RELAY: &str = "relay";

fn text_of(errno: Errno) -> String {
    errno_text(errno.raw_os_error())
}

/// `connect tcp://localhost:7: Connection refused`; each address when they failed differently.
pub(crate) fn connect_text(address: &str, attempts: &[(String, Errno)]) -> String {
    let errno = last_errno(attempts);
    let texts: Vec<String> = if attempts.iter().all(|(_, other)| *other == errno) {
        vec![text_of(errno)]
    } else {
        attempts.iter().map(|(to, errno)| format!("{to}: {}", text_of(*errno))).collect()
    };
    format!("connect {address}: {}", texts.join("; "))
}

fn last_errno(attempts: &[(String, Errno)]) -> Errno {
    attempts.last().map_or(Errno::IO, |(_, errno)| *errno)
}

/// No address of the target could be connected to; `wanted` is what was to be there, if only one
/// service would do.
pub(super) fn connect(
    address: &str,
    attempts: &[(String, Errno)],
    wanted: Option<ServiceKind>,
    messages: &Messages,
) -> Problem {
    let problem = Problem::new(Exit::Failed, connect_text(address, attempts));
    let any = |wanted| attempts.iter().any(|(_, errno)| *errno == wanted);
    if any(Errno::CONNREFUSED) {
        return nothing_listens(problem, address, wanted, messages);
    }
    explained(problem, address, last_errno(attempts), wanted, messages)
}

/// Nothing listens on this address.
fn nothing_listens(
    problem: Problem,
    address: &str,
    wanted: Option<ServiceKind>,
    messages: &Messages,
) -> Problem {
    let problem = problem.why(messages.text(Id::NothingListens));
    match address.parse::<Url>() {
        Ok(url) => problem.next(how_to_start(&url, wanted, messages)),
        Err(_) => problem,
    }
}

/// What would start a server there.
fn how_to_start(url: &Url, wanted: Option<ServiceKind>, messages: &Messages) -> String {
    let Place::Inet { host, port: Some(port) } = &url.place else {
        let name = wanted.unwrap_or(ServiceKind::Echo).name();
        return say!(
            messages,
            Id::StartUnix,
            command = format!("colok serve {}", quoted(&format!("{name}={url}")))
        );
    };
    let usual = |kind: &ServiceKind| kind.default_port() == *port;
    let ours = wanted.or_else(|| ServiceKind::ALL.into_iter().find(usual));
    let Some(kind) = ours else {
        return say!(messages, Id::StartOrCheckPort, port = port.to_string());
    };
    let name = kind.name();
    if is_this_computer(host) {
        return match (url.transport, is_localhost(host)) {
            (Transport::Udp, true) => format!("colok serve {name}=udp://localhost:{port}"),
            (_, true) if usual(&kind) => format!("colok serve {name}"),
            (_, true) => format!("colok serve {name}=tcp://localhost:{port}"),
            (_, false) => {
                let served = Url::inet(url.transport, host, *port);
                format!("colok serve {}", quoted(&format!("{name}={served}")))
            }
        };
    }
    let served = format!("{name}={}://[::]:{port}", url.transport);
    let command = format!("colok serve {}", quoted(&served));
    say!(messages, Id::StartThere, host = host.as_str(), command = command)
}

fn is_this_computer(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether it is one of the addresses that `localhost` means; loopback has many more.
fn is_localhost(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

/// Nobody answered.
pub(super) fn connect_timeout(address: &str, after: Duration, messages: &Messages) -> Problem {
    let time = duration_text(after);
    let what = say!(messages, Id::ConnectTimeoutWhat, address = address, time = time);
    Problem::new(Exit::TimeRanOut, what)
        .why(messages.text(Id::ConnectTimeoutWhy))
        .next(messages.text(Id::ConnectTimeoutNext))
}

/// A listener that could not be set up.
pub(super) fn bind(
    call: &str,
    address: &str,
    errno: Errno,
    holder: Option<&Holder>,
    service: Option<&'static str>,
    messages: &Messages,
) -> Problem {
    // `bind: Address already in use` are words of a contract.
    let problem = Problem::new(Exit::Failed, format!("{address}: {call}: {}", text_of(errno)));
    let url = address.parse::<Url>().ok();
    if let Some(name) = url.as_ref().and_then(congestion_of) {
        return congestion::refused(address, name, errno, messages);
    }
    match errno {
        Errno::ADDRINUSE => match url.as_ref().map(|url| &url.place) {
            Some(Place::Path(path)) if holder.is_none() && is_other_file(path) => {
                file_in_the_way(problem, path, service, messages)
            }
            _ => in_use(problem, url.as_ref(), holder, service, messages),
        },
        Errno::ACCESS | Errno::PERM => match url.as_ref().and_then(port_of) {
            Some(port) if port < UNPRIVILEGED_PORT => {
                let command = other_port(address, port + 8000, service);
                problem
                    .why(messages.text(Id::PrivilegedPortWhy))
                    .next(command)
                    .next(messages.text(Id::PrivilegedPortNext))
            }
            _ => problem.why(messages.text(Id::PermissionWhy)),
        },
        Errno::NOENT => no_folder(problem, url.as_ref(), messages),
        Errno::ADDRNOTAVAIL => {
            problem.why(messages.text(Id::NotOursWhy)).next(messages.text(Id::NotOursNext))
        }
        _ => explained(problem, address, errno, None, messages),
    }
}

/// The congestion control that an address was to have.
fn congestion_of(url: &Url) -> Option<&str> {
    let option = url.options.iter().find(|(name, _)| name == "congestion");
    option.map(|(_, value)| value.as_str())
}

/// A socket file is to be made where there is no folder.
fn no_folder(problem: Problem, url: Option<&Url>, messages: &Messages) -> Problem {
    let problem = problem.why(messages.text(Id::NoFolderWhy));
    let folder = match url.map(|url| &url.place) {
        Some(Place::Path(path)) => Path::new(path).parent().map(Path::display),
        _ => None,
    };
    match folder {
        Some(folder) => problem.next(format!("mkdir -p {}", quoted(&folder.to_string()))),
        None => problem,
    }
}

/// Whether something is there that is not a socket; a link to one is not one either.
fn is_other_file(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket())
}

/// A socket file is to be made where an ordinary file, a folder or a link is.
fn file_in_the_way(
    problem: Problem,
    path: &str,
    service: Option<&'static str>,
    messages: &Messages,
) -> Problem {
    let stem = path.strip_suffix(".sock").unwrap_or(path);
    let ending = if stem == path { "" } else { "-2" };
    let other = format!("unix://{stem}{ending}.sock");
    let remove = format!("rm {}", quoted(path));
    problem.why(messages.text(Id::FileInTheWay)).next(start_on(&other, service)).next(say!(
        messages,
        Id::RemoveFile,
        command = remove
    ))
}

fn in_use(
    problem: Problem,
    url: Option<&Url>,
    holder: Option<&Holder>,
    service: Option<&'static str>,
    messages: &Messages,
) -> Problem {
    let why = match holder {
        Some(holder) => {
            let process = holder.process.to_string();
            say!(messages, Id::HeldBy, name = holder.name.as_str(), process = process)
        }
        None => messages.text(Id::HeldBySomebody),
    };
    let mut problem = problem.why(why);
    if let Some(url) = url
        && let Some(port) = port_of(url)
    {
        let free = if port == u16::MAX { port - 1 } else { port + 1 };
        problem = problem.next(other_port(&url.to_string(), free, service));
    }
    if let Some(holder) = holder {
        let command = format!("kill {}", holder.process);
        return problem.next(say!(messages, Id::StopHolder, command = command));
    }
    let inet = url.is_none_or(|url| matches!(url.place, Place::Inet { .. }));
    let command = if inet { "sudo ss -ltnup" } else { "sudo ss -lxp" };
    problem.next(say!(messages, Id::FindHolder, command = command))
}

/// The command that serves the same on another port.
fn other_port(address: &str, port: u16, service: Option<&'static str>) -> String {
    let Ok(url) = address.parse::<Url>() else { return "colok serve --help".to_owned() };
    let Place::Inet { host, .. } = &url.place else { return "colok serve --help".to_owned() };
    let host = if is_localhost(host) { "localhost" } else { host.as_str() };
    start_on(&Url::inet(url.transport, host, port).to_string(), service)
}

/// The command that serves this, or relays it, on an address.
fn start_on(url: &str, service: Option<&'static str>) -> String {
    if service == Some(RELAY) {
        return format!("colok relay {} TARGET", quoted(url));
    }
    let name = service.unwrap_or("echo");
    format!("colok serve {}", quoted(&format!("{name}={url}")))
}

fn port_of(url: &Url) -> Option<u16> {
    match url.place {
        Place::Inet { port, .. } => port,
        Place::Path(_) | Place::Abstract(_) => None,
    }
}

/// A call on an open socket or file.
pub(super) fn call(call: &str, address: &str, errno: Errno, messages: &Messages) -> Problem {
    let what = format!("{call} {address}: {}", text_of(errno));
    let problem = Problem::new(Exit::Failed, what);
    if call == "io_uring_setup" {
        return problem.why(messages.text(Id::NoRingWhy)).next("--model events");
    }
    if (call, errno) == ("bind", Errno::ADDRNOTAVAIL) {
        let problem = problem.why(messages.text(Id::NotOursWhy));
        return problem.next(messages.text(Id::ShowAddresses));
    }
    explained(problem, address, errno, None, messages)
}

/// Adds why and what next where the error number alone tells it.
fn explained(
    problem: Problem,
    address: &str,
    errno: Errno,
    wanted: Option<ServiceKind>,
    messages: &Messages,
) -> Problem {
    let (why, next) = match errno {
        Errno::CONNREFUSED => return nothing_listens(problem, address, wanted, messages),
        Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN | Errno::HOSTDOWN => {
            (Id::UnreachableWhy, Some(Id::UnreachableNext))
        }
        Errno::ADDRNOTAVAIL => (Id::NoAddressForItWhy, Some(Id::ShowAddresses)),
        Errno::AFNOSUPPORT => (Id::FamilyWhy, Some(Id::FamilyNext)),
        Errno::TIMEDOUT => (Id::ConnectTimeoutWhy, Some(Id::ConnectTimeoutNext)),
        Errno::CONNRESET | Errno::PIPE => (Id::ResetWhy, None),
        Errno::MFILE | Errno::NFILE => (Id::DescriptorsWhy, Some(Id::DescriptorsNext)),
        Errno::ACCESS | Errno::PERM => (Id::PermissionWhy, None),
        Errno::NOENT if address.starts_with("unix:") => {
            let problem = problem.why(messages.text(Id::UnixMissingWhy));
            return match address.parse::<Url>() {
                Ok(url) => problem.next(how_to_start(&url, wanted, messages)),
                Err(_) => problem,
            };
        }
        Errno::INVAL => return zone_missing(problem, address, messages),
        _ => return problem,
    };
    let problem = problem.why(messages.text(why));
    match next {
        Some(next) => problem.next(messages.text(next)),
        None => problem,
    }
}

/// Says that a link-local address needs its interface, when that is what the address lacks.
fn zone_missing(problem: Problem, address: &str, messages: &Messages) -> Problem {
    let Ok(url) = address.parse::<Url>() else { return problem };
    let Place::Inet { host, port: Some(port) } = &url.place else { return problem };
    if !host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_unicast_link_local()) {
        return problem;
    }
    let example = format!("[{host}%eth0]:{port}");
    let problem = problem.why(messages.text(Id::ZoneMissingWhy));
    problem.next(say!(messages, Id::ZoneMissingNext, address = example))
}

/// One word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-=:@%+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Language;

    #[test]
    fn the_command_serves_the_very_address() {
        let messages = Messages::new(Language::English);
        for (url, command) in [
            ("localhost:5001", "colok serve echo"),
            ("127.0.0.1:12345", "colok serve count"),
            ("[::1]:9", "colok serve discard"),
            ("udp://localhost:5001", "colok serve echo=udp://localhost:5001"),
            ("127.0.0.3:5001", "colok serve echo=tcp://127.0.0.3:5001"),
            ("192.0.2.1:19", "on 192.0.2.1: colok serve 'chargen=tcp://[::]:19'"),
            ("localhost:7777", "start the server first, or check the port (7777)"),
            ("unix:/tmp/a b", "colok serve 'echo=unix:///tmp/a b'"),
        ] {
            let url: Url = url.parse().expect("it is an address");
            assert_eq!(how_to_start(&url, None, &messages), command);
        }
        for (url, command) in [
            ("localhost:25563", "colok serve files"),
            ("localhost:5001", "colok serve files=tcp://localhost:5001"),
            ("192.0.2.1:25563", "on 192.0.2.1: colok serve 'files=tcp://[::]:25563'"),
            ("unix:/tmp/a", "colok serve files=unix:///tmp/a"),
        ] {
            let url: Url = url.parse().expect("it is an address");
            assert_eq!(how_to_start(&url, Some(ServiceKind::Files), &messages), command);
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("echo=unix:///tmp/x.sock"), "echo=unix:///tmp/x.sock");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
