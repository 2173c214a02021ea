//! Errors have three parts: what failed, why, and what to try; in both languages, and with the
//! system's own words on the first line.

mod common;

use std::net::{TcpListener, UdpSocket};

use common::{Output, Serving, colok, colok_with, command, finish};

/// The lines of an error, which goes to standard error alone.
fn told(output: &Output, code: i32) -> Vec<String> {
    assert_eq!(output.code, Some(code), "{}", output.err);
    assert!(output.out.is_empty(), "{:?}", output.out);
    output.err.lines().map(str::to_owned).collect()
}

/// A port that nobody listens on: it was just given back.
fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    listener.local_addr().expect("it is bound").port()
}

#[test]
fn a_dead_port_names_the_command_that_would_start_a_server() {
    // Nothing listens on this address of the loopback network; the ports are ours.
    for (url, service) in [
        ("tcp://127.9.8.7:5001", "echo"),
        ("tcp://127.9.8.7:12345", "count"),
        ("tcp://127.9.8.7:9", "discard"),
        ("tcp://127.9.8.7:19", "chargen"),
        ("udp://127.9.8.7:5001", "echo"),
        ("udp://127.9.8.7:12345", "count"),
    ] {
        let lines = told(&colok_with(&["connect", url], b"hello"), 1);
        assert_eq!(
            lines,
            [
                format!("colok: connect {url}: Connection refused"),
                "  why: nothing is listening there".to_owned(),
                format!("  try: colok serve {service}={url}"),
            ]
        );
    }
}

#[test]
fn a_dead_port_in_indonesian() {
    let port = dead_port();
    let url = format!("tcp://127.0.0.1:{port}");
    let lines = told(&colok(&["connect", &url, "--lang", "id"]), 1);
    assert_eq!(
        lines,
        [
            format!("colok: connect {url}: Connection refused"),
            "  sebab: tidak ada yang mendengarkan di sana".to_owned(),
            format!("  coba: jalankan server lebih dahulu, atau periksa portnya ({port})"),
        ]
    );
}

#[test]
fn a_port_in_use_names_its_holder() {
    for (scheme, model) in [
        ("tcp", "sequential"),
        ("tcp", "threads"),
        ("tcp", "processes"),
        ("tcp", "events"),
        ("tcp", "uring"),
        ("udp", "auto"),
    ] {
        let first = Serving::start(&[&format!("echo={scheme}://127.0.0.1:0")], 1);
        let address = first.addresses[0].clone();
        let pid = first.pid();
        let service = format!("echo={address}");
        for (language, labels, held) in [
            ("en", ["why: ", "try: ", "or:  "], "has this address"),
            ("id", ["sebab: ", "coba: ", "atau: "], "memakai alamat ini"),
        ] {
            let second = ["serve", "--model", model, &service, "--lang", language];
            let lines = told(&colok(&second), 1);
            assert_eq!(lines[0], format!("colok: {address}: bind: Address already in use"));
            assert_eq!(lines[1], format!("  {}colok (pid {pid}) {held}", labels[0]));
            let next = format!("  {}colok serve echo={scheme}://localhost:", labels[1]);
            assert!(lines[2].starts_with(&next), "{}", lines[2]);
            let kill = format!("  {}kill {pid} (", labels[2]);
            assert!(lines[3].starts_with(&kill), "{}", lines[3]);
            assert_eq!(lines.len(), 4);
        }
    }
}

#[test]
fn a_port_in_use_by_this_test_is_an_error_too() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
    let tcp_url = format!("tcp://{}", tcp.local_addr().expect("it is bound"));
    let udp_url = format!("udp://{}", udp.local_addr().expect("it is bound"));
    for url in [tcp_url, udp_url] {
        let lines = told(&colok(&["serve", &format!("count={url}")]), 1);
        assert_eq!(lines[0], format!("colok: {url}: bind: Address already in use"));
        assert!(lines[1].contains(&format!("(pid {})", std::process::id())), "{}", lines[1]);
        assert!(lines[2].contains("colok serve count="), "{}", lines[2]);
    }
}

#[test]
fn addresses_that_are_not_of_this_computer() {
    let lines = told(&colok(&["serve", "echo=tcp://192.0.2.1:7001"]), 1);
    assert_eq!(lines[0], "colok: tcp://192.0.2.1:7001: bind: Cannot assign requested address");
    assert_eq!(lines[1], "  why: this computer does not have that address");
    assert!(lines[2].starts_with("  try: ip address"), "{}", lines[2]);
}

#[test]
fn a_congestion_control_that_the_kernel_does_not_have() {
    for (language, labels) in [("en", ["why", "try"]), ("id", ["sebab", "coba"])] {
        let service = "echo=tcp://127.0.0.1:0?congestion=nobody-has-this";
        let lines = told(&colok(&["serve", service, "--lang", language]), 1);
        let what = "colok: tcp://127.0.0.1:0?congestion=nobody-has-this: setsockopt: \
                    No such file or directory";
        assert_eq!(lines[0], what);
        assert!(lines[1].starts_with(&format!("  {}: ", labels[0])), "{}", lines[1]);
        assert!(lines[1].contains(" reno"), "every kernel has it: {}", lines[1]);
        let load = format!("  {}: sudo modprobe tcp_nobody-has-this (", labels[1]);
        assert!(lines[2].starts_with(&load), "{}", lines[2]);
    }
}

#[test]
fn names_that_do_not_exist() {
    // The name ends in the top-level domain that never exists (RFC 6761).
    let lines = told(&colok(&["connect", "no-such-host.invalid:7"]), 1);
    assert!(lines[0].starts_with("colok: getaddrinfo no-such-host.invalid: "), "{}", lines[0]);
    assert_eq!(lines[1], "  why: no address is known for the name no-such-host.invalid");
    assert!(lines[2].contains("getent hosts no-such-host.invalid"), "{}", lines[2]);
}

#[test]
fn sockets_without_a_file() {
    let lines = told(&colok(&["connect", "unix:/no/such/folder/x.sock"]), 1);
    let url = "unix:///no/such/folder/x.sock";
    assert_eq!(lines[0], format!("colok: connect {url}: No such file or directory"));
    assert_eq!(lines[2], format!("  try: colok serve echo={url}"));
}

#[test]
fn socket_files_need_a_folder() {
    let lines = told(&colok(&["serve", "echo=unix:/no/such/folder/x.sock"]), 1);
    let first = "colok: unix:///no/such/folder/x.sock: bind: No such file or directory";
    assert_eq!(lines[0], first);
    assert_eq!(lines[2], "  try: mkdir -p /no/such/folder");
}

#[test]
fn a_file_where_a_socket_is_to_be_is_left_alone() {
    let name = format!("colok-errors-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).expect("the folder is new");
    let (file, link) = (folder.join("it's mine"), folder.join("link.sock"));
    std::fs::write(&file, "precious").expect("the file can be written");
    std::os::unix::fs::symlink("nowhere", &link).expect("the link can be made");
    let link = link.to_str().expect("it is text");
    for (language, why) in [
        ("en", "why: a file that is not a socket of colok is there; it was left alone"),
        ("id", "sebab: di sana ada berkas yang bukan socket milik colok; berkas itu dibiarkan"),
    ] {
        let service = format!("count=unix://{link}");
        let lines = told(&colok(&["serve", &service, "--lang", language]), 1);
        assert_eq!(lines[0], format!("colok: unix://{link}: bind: Address already in use"));
        assert_eq!(lines[1], format!("  {why}"));
        let other = link.replace("link", "link-2");
        assert!(lines[2].ends_with(&format!(" colok serve count=unix://{other}")), "{}", lines[2]);
        assert!(lines[3].contains(&format!(" rm {link} (")), "{}", lines[3]);
    }
    let service = format!("count=unix://{}", file.display());
    assert_eq!(colok(&["serve", &service]).code, Some(1));
    assert_eq!(std::fs::read_to_string(&file).expect("it is still there"), "precious");
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// What is typed wrongly, and what each line of the answer has in it.
const USAGE_ERRORS: &[(&[&str], &[&str])] = &[
    (&["serv"], &["there is no verb serv", "try: perhaps serve"]),
    (&["serve", "ehco"], &["there is no service ehco", "why: ", "try: colok serve echo"]),
    (&["serve", "--modle", "x"], &["there is no option --modle", "try: perhaps --model"]),
    (
        &["serve", "--model", "thread"],
        &["--model: thread is not a value for it", "why: it can be: auto, ", "perhaps threads"],
    ),
    (
        &["serve", "echo=tcp://h:1?quite=off"],
        &["echo has no option quite here", "idle, quit, gap", "perhaps quit"],
    ),
    (&["serve", "echo=tpc://h:1"], &["there is no scheme tpc", "why: ", "perhaps tcp"]),
    (&["serve", "--drain", "5x"], &["--drain: 5x is not", "5s, 100ms"]),
    (&["serve", "--idle-timeout", "0"], &["--idle-timeout: 0 is not", "above zero"]),
    (&["serve", "--workers", "0"], &["--workers: 0 is not", "from 1 on"]),
    (&["serve", "--log", "file"], &["--log: file is not", "json:FILE"]),
    (&["serve", "--drain"], &["--drain needs a value", "colok serve --help"]),
    (&["load", "--compare", "a.json"], &["--compare needs 2 values", "colok load --help"]),
    (&["serve", "-q", "-v"], &["--quiet cannot be used with --verbose", "try: "]),
    (&["connect", "h:1", "--deadline", "0.1us"], &["--deadline: 0.1us is not", "above zero"]),
    (&["connect"], &["connect needs URL", "try: colok connect [OPTION]... URL"]),
    (&["connect", "localhost"], &["names no port", "try: tcp://localhost:5001"]),
    (&["connect", "h:99999"], &["99999 is not a port", "from 0 to 65535", "try: "]),
    (&["connect", "::1:5001:"], &["is not a host name", "brackets", "[::1]:5001"]),
    (&["connect", "h:1?idle=5s"], &["the option idle belongs to a server's", "h:1"]),
    (&["connect", "h:1", "--on-eof", "x"], &["--on-eof: x is not", "half-close"]),
    (&["connect", "h:1", "--datagram", "0"], &["--datagram: 0 is not", "line"]),
    (&["connect", "h:1", "--source", "x"], &["--source: x is not", "127.0.0.1"]),
    (&["connect", "h:1", "--send", "\\q"], &["--send: \\q is not", "escapes"]),
    (&["connect", "h:1", "--expect", ""], &["--expect: \"\" is not", "empty pattern"]),
    (&["connect", "h:1", "h:2"], &["h:2 is one argument too many", "colok connect --help"]),
    (&["explain", "300.1.1.1"], &["300.1.1.1 is not an IPv4 address", "0 to 255", "try: "]),
    (&["send"], &["Usage Error: colok send node_name file_name", "send needs HOST", "HOST"]),
    (&["send", "h"], &["Usage Error: colok send node_name file_name", "needs FILE", "FILE..."]),
    (&["get", "h"], &["get needs NAME", "try: colok get [OPTION]... HOST NAME..."]),
    (&["get", "h", "../x"], &["NAME: ../x cannot be the name", "a part of it is . or .."]),
    (&["get", "h", "x", "--range", "5"], &["--range: 5 is not", "FIRST-LAST"]),
    (&["get", "h", "x", "-o", "-", "--json"], &["--json would have no effect", "the bytes"]),
    (&["list", "udp://h"], &["files is not served over udp", "datagrams get lost", "list tcp"]),
    (&["stat", "h", ".colok/x"], &["NAME: .colok/x cannot be", "the store's own"]),
    (&["send", "h", "-"], &["standard input needs a --name", "try: colok send h - --name"]),
    (&["send", "h", "a", "b", "--name", "c"], &["--name is for one file", "one by one"]),
    (&["serve", "echo", "--root", "x"], &["--root would have no effect", "files", "serve files"]),
    (
        &["serve", "--busy-poll", "50us", "--model", "events"],
        &["--busy-poll would have no effect", "the model here is events", "--model uring"],
    ),
    (
        &["serve", "--busy-poll", "11ms", "--model", "uring"],
        &["--busy-poll: 11ms is not", "at most 10ms"],
    ),
    (&["serve", "--busy-poll", "0.4us", "--model", "uring"], &["--busy-poll: 0.4us", "above"]),
    (
        &["serve", "echo?congestion=reno"],
        &["echo has no option congestion", "none over udp", "=tcp://localhost?congestion=reno"],
    ),
    (&["serve", "echo=tcp://h:1?congestion=a+b"], &["congestion: a+b is not", "cubic"]),
    (&["serve", "--keep-free", "100"], &["--keep-free: 100 is not", "from 0 to 99"]),
    (&["serve", "--max-file-size", "0"], &["--max-file-size: 0 is not", "K is 1024"]),
    (&["completions", "bsh"], &["SHELL: bsh is not", "bash, zsh, fish", "perhaps bash"]),
];

#[test]
fn usage_errors_suggest_the_nearest_name() {
    for (arguments, expected) in USAGE_ERRORS.iter().copied() {
        let lines = told(&colok(arguments), 2);
        assert_eq!(lines.len(), expected.len(), "{arguments:?}: {lines:#?}");
        for (line, part) in lines.iter().zip(expected) {
            assert!(line.contains(part), "{arguments:?}: {line} has no {part}");
        }
        // The same in Indonesian: as many lines, other words.
        let indonesian = told(&colok(&[arguments, &["--lang", "id"]].concat()), 2);
        assert_eq!(indonesian.len(), lines.len(), "{indonesian:#?}");
        assert_ne!(indonesian, lines);
    }
}

#[test]
fn a_local_file_is_looked_for_before_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    listener.set_nonblocking(true).expect("it is a socket");
    let host = listener.local_addr().expect("it is bound").to_string();
    for (language, why) in [
        ("en", "  why: nothing was sent; the server was not asked"),
        ("id", "  sebab: tidak ada yang dikirim; server tidak dihubungi"),
    ] {
        let lines = told(&colok(&["send", &host, "/no/such/file", "--lang", language]), 1);
        let first = "colok: open file: No such file or directory (/no/such/file)";
        assert_eq!(lines, [first, why]);
    }
    let error = listener.accept().expect_err("nobody came");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_dead_file_store_names_the_command_that_would_start_one() {
    let file = std::env::current_exe().expect("this test is a file");
    let file = file.to_str().expect("it is text");
    let port = dead_port();
    let host = format!("127.0.0.1:{port}");
    for arguments in [&["send", &host, file][..], &["list", &host], &["stat", &host, "x"]] {
        let lines = told(&colok(arguments), 1);
        assert_eq!(lines[0], format!("colok: connect tcp://{host}: Connection refused"));
        assert_eq!(lines[2], format!("  try: colok serve files=tcp://localhost:{port}"));
    }
}

#[test]
fn options_that_would_have_no_effect_are_told() {
    // Nobody is asked to connect: the address is of a name that never exists.
    let (tcp, udp, unix) = ("tcp://no.invalid:1", "udp://no.invalid:1", "unix:/no/such/x.sock");
    let script = ["--expect", "x"];
    for (url, option, script, why) in [
        (tcp, &["--within", "1s"][..], &[][..], "how long --expect waits"),
        (tcp, &["--within", "1s"], &["--send", "x"], "how long --expect waits"),
        (tcp, &["--idle-timeout", "1s"], &script, "--within and --deadline"),
        (tcp, &["--on-eof", "close"], &script, "over tcp or unix"),
        (udp, &["--on-eof", "close"], &[], "over tcp or unix"),
        (tcp, &["--datagram", "line"], &[], "over udp"),
        (tcp, &["--wait", "1s"], &[], "over udp"),
        (udp, &["--wait", "1s"], &script, "over udp"),
        (unix, &["--source", "127.0.0.1"], &[], "no address to send from"),
        (tcp, &["--hex"], &[], "every byte goes out as it came"),
        (udp, &["-x"], &[], "every byte goes out as it came"),
        (tcp, &["--crlf"], &script, "typing at a terminal"),
        (tcp, &["--reconnect"], &[], "typing at a terminal"),
    ] {
        let arguments = [&["connect", url][..], option, script].concat();
        let lines = told(&colok(&arguments), 2);
        let name = if option[0] == "-x" { "--hex" } else { option[0] };
        assert_eq!(lines[0], format!("colok: {name} would have no effect here"));
        assert!(lines[1].contains(why), "{arguments:?}: {}", lines[1]);
        assert_eq!(lines[2], "  try: colok connect --help");
        let indonesian = told(&colok(&[&arguments[..], &["--lang", "id"]].concat()), 2);
        assert!(indonesian[0].contains(name), "{}", indonesian[0]);
        assert_ne!(indonesian[1], lines[1]);
    }
    // The same options where they mean something: what fails is the address.
    for arguments in [
        &["connect", unix, "--on-eof", "close", "--idle-timeout", "1s"][..],
        &["connect", udp, "--datagram", "line", "--wait", "1s", "--source", "127.0.0.1"],
        &["connect", tcp, "--hex", "--within", "1s", "--expect", "x", "--source", "127.0.0.1"],
    ] {
        told(&colok(arguments), 1);
    }
}

#[test]
fn a_source_of_the_other_family_is_told_as_that() {
    for (url, source, try_this) in [
        ("127.0.0.1:5001", "::1", "--source 127.0.0.1"),
        ("udp://[::1]:5001", "127.0.0.1", "--source ::1"),
    ] {
        let lines = told(&colok(&["connect", url, "--source", source]), 1);
        assert!(lines[0].ends_with(": Address family not supported by protocol"), "{}", lines[0]);
        let why = "  why: the source and the target are not the same kind of address";
        assert_eq!(lines[1], why);
        assert!(lines[2].ends_with(try_this), "{}", lines[2]);
    }
}

#[test]
fn a_source_that_is_not_of_this_computer() {
    let lines = told(&colok(&["connect", "127.0.0.1:5001", "--source", "192.0.2.1"]), 1);
    assert_eq!(lines[0], "colok: bind 192.0.2.1:0: Cannot assign requested address");
    assert_eq!(lines[1], "  why: this computer does not have that address");
    assert_eq!(lines[2], "  try: ip address (shows the addresses of this computer)");
}

#[test]
fn a_link_local_address_needs_its_interface() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: no IPv6 here");
        return;
    }
    for arguments in [
        &["connect", "[fe80::1]:25001"][..],
        &["connect", "udp://[fe80::1]:25001"],
        &["serve", "echo=tcp://[fe80::1]:25001"],
        &["connect", "[::1]:25001", "--source", "[fe80::1]:25001"],
    ] {
        let lines = told(&colok(arguments), 1);
        assert!(lines[0].ends_with(": Invalid argument"), "{arguments:?}: {}", lines[0]);
        assert_eq!(lines[1], "  why: a link-local address needs its network interface");
        assert!(lines[2].starts_with("  try: [fe80::1%eth0]:25001 "), "{}", lines[2]);
    }
}

#[test]
fn the_language_is_the_option_then_the_variable_then_the_locale() {
    let first_word = |arguments: &[&str], variable: &str, locale: &str| {
        let mut command = command(arguments);
        command.env("COLOK_LANG", variable).env("LC_ALL", locale);
        let text = finish(command, b"").text();
        text.split_whitespace().find(|word| *word == "Usage:" || *word == "Cara").map(str::to_owned)
    };
    let is = |arguments: &[&str], variable, locale, expected: &str| {
        assert_eq!(first_word(arguments, variable, locale).as_deref(), Some(expected));
    };
    is(&["--help"], "", "id_ID.UTF-8", "Cara");
    is(&["--help"], "", "C", "Usage:");
    is(&["--help"], "", "fr_FR.UTF-8", "Usage:");
    is(&["--help"], "id", "C", "Cara");
    is(&["--help"], "en", "id_ID.UTF-8", "Usage:");
    is(&["--help", "--lang=en"], "id", "id_ID.UTF-8", "Usage:");
    is(&["--lang", "id", "--help"], "en", "C", "Cara");
}

#[test]
fn what_the_user_typed_cannot_drive_the_terminal() {
    let lines = told(&colok(&["serve", "\x1b[31mred"]), 2);
    assert_eq!(lines[0], "colok: there is no service \\u{1b}[31mred");
}
