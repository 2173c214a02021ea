//! What each kind of address is explained as.

use super::*;

fn facts(text: &str) -> Vec<Fact> {
    let services = "domain 53/tcp # name server\ndomain 53/udp\nbroken line\necho 7/tcp\n";
    let names = ServiceNames::built_in().with_services_file(services);
    let explanation = explain(text, &names).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(explanation.facts.iter().all(|found| !found.source.is_empty()), "{text}");
    explanation.facts.into_iter().map(|found| found.fact).collect()
}

fn class_of(text: &str) -> (char, String, String) {
    let found = facts(text).into_iter().find_map(|fact| match fact {
        Fact::Class { class, network, host, .. } => Some((class, network, host)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{text} has a class"))
}

fn purpose_of(text: &str) -> Purpose {
    let found = facts(text).into_iter().find_map(|fact| match fact {
        Fact::Purpose { purpose, .. } => Some(purpose),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{text} has a purpose"))
}

fn scope_of(text: &str) -> Option<Scope> {
    facts(text).into_iter().find_map(|fact| match fact {
        Fact::MulticastScope { scope } => Some(scope),
        _ => None,
    })
}

#[test]
fn classes_by_the_first_bits() {
    for (text, class, network, host) in [
        ("0.0.0.0", 'A', "0", "0.0.0"),
        ("127.0.0.1", 'A', "127", "0.0.1"),
        ("128.0.0.1", 'B', "128.0", "0.1"),
        ("191.255.1.2", 'B', "191.255", "1.2"),
        ("192.168.10.26", 'C', "192.168.10", "26"),
        ("223.255.255.255", 'C', "223.255.255", "255"),
        ("224.0.0.1", 'D', "", ""),
        ("239.255.255.255", 'D', "", ""),
        ("240.0.0.1", 'E', "", ""),
        ("255.255.255.255", 'E', "", ""),
    ] {
        assert_eq!(class_of(text), (class, network.to_owned(), host.to_owned()), "{text}");
    }
}

#[test]
fn purposes_at_the_edges_of_their_blocks() {
    for (text, purpose) in [
        ("0.0.0.0", Purpose::Unspecified),
        ("0.0.0.1", Purpose::ThisNetwork),
        ("9.255.255.255", Purpose::Global),
        ("10.0.0.0", Purpose::Private),
        ("10.255.255.255", Purpose::Private),
        ("11.0.0.0", Purpose::Global),
        ("172.15.255.255", Purpose::Global),
        ("172.16.0.0", Purpose::Private),
        ("172.31.255.255", Purpose::Private),
        ("172.32.0.0", Purpose::Global),
        ("192.168.255.255", Purpose::Private),
        ("100.64.0.0", Purpose::Shared),
        ("100.127.255.255", Purpose::Shared),
        ("100.128.0.0", Purpose::Global),
        ("127.255.255.255", Purpose::Loopback),
        ("169.254.1.1", Purpose::LinkLocal),
        ("203.0.113.9", Purpose::Documentation),
        ("198.19.255.255", Purpose::Benchmarking),
        ("224.0.0.1", Purpose::Multicast),
        ("255.255.255.254", Purpose::Reserved),
        ("255.255.255.255", Purpose::Broadcast),
        ("::", Purpose::Unspecified),
        ("::1", Purpose::Loopback),
        ("::2", Purpose::Reserved),
        ("::ffff:10.0.0.1", Purpose::Ipv4Mapped),
        ("64:ff9b::8.8.8.8", Purpose::Nat64),
        ("100::1", Purpose::DiscardOnly),
        ("2001:db8::1", Purpose::Documentation),
        ("3fff:fff::1", Purpose::Documentation),
        ("2001:2::1", Purpose::Benchmarking),
        ("2001::1", Purpose::ProtocolAssignments),
        ("2001:200::1", Purpose::Global),
        ("2002:7f00:1::", Purpose::SixToFour),
        ("fc00::1", Purpose::UniqueLocal),
        ("fdff::1", Purpose::UniqueLocal),
        ("fe80::1%eth0", Purpose::LinkLocal),
        ("febf::1", Purpose::LinkLocal),
        ("fec0::1", Purpose::SiteLocalDeprecated),
        ("ff02::1", Purpose::Multicast),
        ("[2a00::1]", Purpose::Global),
    ] {
        assert_eq!(purpose_of(text), purpose, "{text}");
    }
}

#[test]
fn scopes_of_groups() {
    for (text, scope) in [
        ("224.0.0.255", Some(Scope::LinkLocal)),
        ("224.0.1.0", Some(Scope::Global)),
        ("232.1.2.3", Some(Scope::SourceSpecific)),
        ("239.255.1.1", Some(Scope::SiteLocal)),
        ("239.195.1.1", Some(Scope::OrganizationLocal)),
        ("239.1.2.3", Some(Scope::Administrative)),
        ("ff01::1", Some(Scope::InterfaceLocal)),
        ("ff05::2", Some(Scope::SiteLocal)),
        ("ff3e::1", Some(Scope::Global)),
        ("ff0f::1", Some(Scope::Unassigned)),
        ("10.0.0.1", None),
    ] {
        assert_eq!(scope_of(text), scope, "{text}");
    }
}

#[test]
fn addresses_inside_addresses() {
    for (text, embedded) in [
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("64:ff9b::808:808", "8.8.8.8"),
        ("2002:a01:203::", "10.1.2.3"),
    ] {
        let expected = Fact::Embedded { address: embedded.to_owned() };
        assert!(facts(text).contains(&expected), "{text}");
    }
}

#[test]
fn ports_and_services() {
    let range = |text: &str| {
        facts(text).into_iter().find_map(|fact| match fact {
            Fact::Port { port, range } => Some((port, range)),
            _ => None,
        })
    };
    assert_eq!(range("0"), Some((0, PortRange::WellKnown)));
    assert_eq!(range(":1023"), Some((1023, PortRange::WellKnown)));
    assert_eq!(range("1024"), Some((1024, PortRange::Registered)));
    assert_eq!(range("49151"), Some((49_151, PortRange::Registered)));
    assert_eq!(range("h:49152"), Some((49_152, PortRange::Dynamic)));
    assert_eq!(range("65535"), Some((65_535, PortRange::Dynamic)));
    let services = |text: &str| -> Vec<String> {
        let named = facts(text).into_iter().filter_map(|fact| match fact {
            Fact::Service { name, transport, .. } => Some(format!("{name}/{transport}")),
            _ => None,
        });
        named.collect()
    };
    assert_eq!(services("53"), ["domain/tcp", "domain/udp"]);
    assert_eq!(services("udp://h:53"), ["domain/udp"]);
    assert_eq!(services("tcp://h:5001"), ["echo (colok)/tcp"]);
    assert_eq!(services("7"), ["echo/tcp", "echo/udp"]);
    assert!(services("40000").is_empty());
}

#[test]
fn urls_and_their_headers() {
    let header =
        Fact::UdpHeader { destination_port: Some(12_345), header_bytes: 8, data_bytes_max: 65_507 };
    assert_eq!(facts("udp://localhost:12345").last(), Some(&header));
    assert!(facts("udp://localhost:12345").contains(&Fact::Localhost));
    assert!(facts("localhost").contains(&Fact::Localhost));
    assert!(facts("unix:@x").contains(&Fact::UnixAbstract { name: "x".into() }));
    assert!(facts("tcp://*:80").contains(&Fact::EveryAddress));
    assert!(facts("tcp://[fe80::1%eth0]:80").contains(&Fact::Zone { zone: "eth0".into() }));
}

#[test]
fn what_cannot_be_explained_is_an_error() {
    let names = ServiceNames::built_in();
    for (text, expected) in [
        ("256.1.1.1", "`256.1.1.1` is not an IPv4 address: four numbers from 0 to 255"),
        ("1.2.3", "`1.2.3` is not an IPv4 address: four numbers from 0 to 255"),
        ("70000", "`70000` is not a port; a port is a number from 0 to 65535"),
        ("", "the address is empty; write for example tcp://localhost:5001"),
        ("http://x", "there is no scheme `http`; there are tcp, udp and unix"),
    ] {
        let error = explain(text, &names).expect_err(text);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn an_explanation_is_plain_json() {
    let explanation = explain("5001", &ServiceNames::default()).expect("it is a port");
    let json = serde_json::to_string(&explanation).expect("it is JSON");
    let expected = concat!(
        r#"{"subject":"5001","facts":[{"fact":"port","port":5001,"range":"registered","#,
        r#""source":"RFC 6335 section 6"}]}"#,
    );
    assert_eq!(json, expected);
}
