//! What the built-in set does for an ordinary user, and where there are no namespaces: it passes
//! what it can, and says what it leaves out, and why.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Folder, cases, has, is_full, is_root};

/// The user and the group `nobody` and `nogroup`, as every Linux has them.
const NOBODY: u32 = 65534;

/// For every day: one host and several, each kind of fault, each kind of helper.
const DAILY: [&str; 14] = [
    "broadcast",
    "corrupt-byte",
    "descriptors-run-out",
    "disk-full",
    "echo-quit",
    "link-down",
    "multicast",
    "names-of-hosts",
    "paper-address-in-use",
    "paper-other-directory",
    "paper-same-directory",
    "port-without-privilege",
    "server-stopped-for-a-while",
    "silently-dropped",
];

/// The scenarios that are run here; all of them when there are no names.
fn chosen() -> Vec<&'static str> {
    if is_full() { Vec::new() } else { DAILY.to_vec() }
}

/// Takes away the right to make namespaces below this one, then becomes another program.
const REFUSE: &str = "echo 0 > /proc/sys/user/max_user_namespaces &&
    echo 0 > /proc/sys/user/max_net_namespaces && exec \"$@\"";

const OWN_USERS: [&str; 3] = ["--user", "--map-root-user", "sh"];

#[test]
fn an_ordinary_user_passes_what_can_be_had() {
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    let program = program_of_nobody(&folder);
    let flags = ["check", "--quiet", "--jobs", "2", "--keep", "kept"];
    let mut command = Command::new(program);
    command.args(flags).args(chosen()).uid(NOBODY).gid(NOBODY);
    command.env("LC_ALL", "C").env_remove("COLOK_LANG");
    folder.settle(&mut command);
    let output = folder.finish(command);
    assert_eq!(output.code, Some(0), "{} {}", output.text(), output.err);
    let run = folder.run("kept");
    assert_eq!(run["machine"]["root"], false);
    let skipped = skipped(&run, &output.text());
    println!("skipped: {skipped} cases");
}

/// A copy of the program that `nobody` can execute, and a folder that `nobody` owns.
fn program_of_nobody(folder: &Folder) -> PathBuf {
    let program = folder.path("colok");
    fs::copy(env!("CARGO_BIN_EXE_colok"), &program).expect("there is room");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    for path in [folder.0.clone(), folder.path("home"), folder.path("tmp")] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        chown(&path, Some(NOBODY), Some(NOBODY)).expect("this is root");
    }
    program
}

#[test]
fn without_namespaces_single_hosts_are_this_computer() {
    if !has("unshare", &[&OWN_USERS[..], &["-c", REFUSE, "sh", "true"]].concat()) {
        return;
    }
    let folder = Folder::new();
    let refused = |flags: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(OWN_USERS).args(["-c", REFUSE, "sh", env!("CARGO_BIN_EXE_colok"), "check"]);
        command.args(flags).args(chosen()).env("LC_ALL", "C").env_remove("COLOK_LANG");
        folder.settle(&mut command);
        folder.finish(command)
    };
    let output = refused(&["--quiet", "--jobs", "2", "--keep", "kept"]);
    assert_eq!(output.code, Some(0), "{} {}", output.text(), output.err);
    let run = folder.run("kept");
    let count = skipped(&run, &output.text());
    assert!(count > 0 && count < cases(&run).len(), "{count} skipped: {}", output.text());
    for case in cases(&run) {
        let hosts = case["hosts"].as_array().expect("a list");
        let local = hosts.len() == 1 && hosts[0]["kind"] == "local";
        assert_eq!(case["verdict"] == "pass", local, "{}: {hosts:?}", case["id"]);
    }
    let unforgiving = refused(&["--quiet", "--only", "broadcast", "--no-skip"]);
    assert_eq!(unforgiving.code, Some(5), "{unforgiving:?}");
}

/// How many cases were skipped; each says why, in the record and to whoever reads along.
fn skipped(run: &Value, text: &str) -> usize {
    let skipped = || cases(run).iter().filter(|case| case["verdict"] == "skipped");
    for case in cases(run) {
        assert!(matches!(case["verdict"].as_str(), Some("pass" | "skipped")), "{case}");
    }
    for case in skipped() {
        let why = case["reason"].as_str().expect("it is text");
        assert!(why.starts_with("no "), "{}: {why}", case["id"]);
        assert!(text.contains(why), "{why} is not told: {text}");
        let name = case["scenario"].as_str().expect("it is text");
        assert!(text.contains(name), "{name} is not told: {text}");
    }
    skipped().count()
}
