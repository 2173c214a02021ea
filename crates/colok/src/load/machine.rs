//! Where a load runs: processor, memory, kernel, and the way to the service.
//!
//! Read-only and best effort: what cannot be read is an empty text or zero.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use super::plan::Address;
use super::report::Machine;

/// This machine, and how the service is reached from it.
pub fn machine(service: &Address) -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Machine {
        processor: processor(&read("/proc/cpuinfo")),
        processors: processors(),
        memory_mib: memory_mib(&read("/proc/meminfo")),
        kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        system: system(&read("/etc/os-release")),
        load_average: load_average(&read("/proc/loadavg")),
        path: path(service),
    }
}

/// Those that this process may use: a container or `taskset` may leave fewer than the machine has.
fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
}

fn processor(text: &str) -> String {
    // Other architectures write other words.
    ["model name", "Processor", "cpu model", "Hardware"]
        .iter()
        .find_map(|key| value(text, key, ':'))
        .map_or_else(|| std::env::consts::ARCH.to_owned(), str::to_owned)
}

fn memory_mib(text: &str) -> u64 {
    let kib = value(text, "MemTotal", ':').and_then(|text| text.split(' ').next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn system(text: &str) -> String {
    value(text, "PRETTY_NAME", '=').unwrap_or_default().trim_matches('"').to_owned()
}

fn load_average(text: &str) -> f64 {
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// The value of the first line `key SEPARATOR value`.
fn value<'t>(text: &'t str, key: &str, separator: char) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == key).then_some(value.trim())
    })
}

/// `loopback`, `unix`, or the interface that leads there.
fn path(service: &Address) -> String {
    let address = match service {
        Address::Unix(_) => return "unix".to_owned(),
        Address::Tcp(address) | Address::Udp(address) => *address,
    };
    if address.ip().to_canonical().is_loopback() {
        return "loopback".to_owned();
    }
    let Some(source) = source_toward(address) else { return String::new() };
    // An own address leads over loopback, whatever interface it belongs to.
    if source == address.ip().to_canonical() {
        return "loopback".to_owned();
    }
    match address.ip().to_canonical() {
        IpAddr::V4(_) => interface_v4(address.ip().to_canonical()),
        IpAddr::V6(_) => interface_v6(source),
    }
    .unwrap_or_default()
}

/// The address that the kernel would send from: it is asked by connecting a datagram socket,
/// which sends nothing.
fn source_toward(address: SocketAddr) -> Option<IpAddr> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = std::net::UdpSocket::bind(any).ok()?;
    socket.connect(address).ok()?;
    Some(socket.local_addr().ok()?.ip().to_canonical())
}

fn interface_v4(address: IpAddr) -> Option<String> {
    let IpAddr::V4(address) = address else { return None };
    let routes = fs::read_to_string("/proc/net/route").ok()?;
    route_v4(&routes, u32::from_ne_bytes(address.octets())).map(str::to_owned)
}

/// The interface of the route with the longest mask that holds the address. Addresses in the
/// table are in the machine's own order of bytes, as they lie in memory.
fn route_v4(routes: &str, address: u32) -> Option<&str> {
    let hex = |text: Option<&str>| text.and_then(|text| u32::from_str_radix(text, 16).ok());
    let mut best = None;
    for line in routes.lines().skip(1) {
        let mut fields = line.split_ascii_whitespace();
        let (Some(interface), Some(network)) = (fields.next(), hex(fields.next())) else {
            continue;
        };
        let Some(mask) = hex(fields.nth(5)) else { continue };
        let length = mask.count_ones();
        if address & mask == network && best.is_none_or(|(longest, _)| length > longest) {
            best = Some((length, interface));
        }
    }
    best.map(|(_, interface)| interface)
}

/// The interface that has this address.
fn interface_v6(source: IpAddr) -> Option<String> {
    let IpAddr::V6(source) = source else { return None };
    let digits = format!("{:032x}", u128::from_be_bytes(source.octets()));
    let addresses = fs::read_to_string("/proc/net/if_inet6").ok()?;
    let line = addresses.lines().find(|line| line.starts_with(&digits))?;
    line.split_ascii_whitespace().nth(5).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_route_leads_there() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\n\
            eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n";
        if cfg!(target_endian = "little") {
            let of = |octets: [u8; 4]| route_v4(routes, u32::from_ne_bytes(octets));
            assert_eq!(of([192, 0, 2, 9]), Some("eth1"));
            assert_eq!(of([198, 51, 100, 1]), Some("eth0"));
            assert_eq!(route_v4("", 7), None);
        }
    }

    #[test]
    fn files_of_the_system_read_as_they_are_written() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: AMD EPYC\nflags : x\n"), "AMD EPYC");
        assert_eq!(processor(""), std::env::consts::ARCH);
        assert_eq!(memory_mib("MemTotal:       24684456 kB\nMemFree: 1 kB\n"), 24_105);
        assert_eq!(system("NAME=\"Debian\"\nPRETTY_NAME=\"Debian 12\"\n"), "Debian 12");
        assert!((load_average("0.43 0.59 2.59 1/119 22163\n") - 0.43).abs() < 1e-9);
    }

    #[test]
    fn this_machine_is_known() {
        let loopback = Address::Tcp("127.0.0.9:1".parse().expect("an address"));
        let machine = machine(&loopback);
        assert!(machine.processors >= 1 && machine.memory_mib > 0);
        assert!(machine.kernel.len() > "Linux ".len() && !machine.processor.is_empty());
        assert_eq!(machine.path, "loopback");
        assert_eq!(path(&Address::Unix("@name".into())), "unix");
        let mapped = Address::Udp("[::ffff:127.0.0.1]:1".parse().expect("an address"));
        assert_eq!(path(&mapped), "loopback");
    }
}
