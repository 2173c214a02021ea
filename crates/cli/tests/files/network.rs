//! Several hosts on this computer: network namespaces, joined by a cable (two) or a switch (more).
//!
//! All of it lives in namespaces of one process: names, mounts, processes and networks are gone
//! when that process is, whichever way a test ends. Nothing is visible outside.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Background, at_home, children};

/// Makes the hosts `h1`, `h2`... with the addresses 10.63.0.1, 10.63.0.2..., then stays.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs none /run
for host in $(seq "$HOSTS"); do
    ip netns add "h$host"
    ip -n "h$host" link set lo up
done
if [ "$HOSTS" = 2 ]; then
    ip link add eth0 netns h1 type veth peer name eth0 netns h2
elif [ "$HOSTS" -gt 2 ]; then
    ip link add switch type bridge
    ip link set switch up
    for host in $(seq "$HOSTS"); do
        ip link add "port$host" type veth peer name eth0 netns "h$host"
        ip link set "port$host" master switch up
    done
fi
if [ "$HOSTS" -gt 1 ]; then
    for host in $(seq "$HOSTS"); do
        ip -n "h$host" address add "10.63.0.$host/24" dev eth0
        ip -n "h$host" link set eth0 up
    done
fi
echo ready
exec cat
"#;

/// The namespaces, as `unshare` and `nsenter` both call them.
const NAMESPACES: [&str; 3] = ["--net", "--mount", "--pid"];

/// Hosts with their own networks.
pub(crate) struct Network {
    _holder: Background,
    /// The first process inside.
    inside: u32,
    /// Whether they belong to a user namespace, which is entered too.
    user: bool,
}

impl Network {
    /// Makes so many hosts; `None`, with the reason printed, where that is not possible.
    pub(crate) fn new(hosts: usize) -> Option<Self> {
        let mut reasons = Vec::new();
        for user in [false, true] {
            match Self::make(hosts, user) {
                Ok(network) => return Some(network),
                Err(reason) => reasons.push(reason),
            }
        }
        println!("skipped: no network namespaces can be made here: {}", reasons.join("; "));
        None
    }

    fn make(hosts: usize, user: bool) -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args(NAMESPACES).args(["--fork", "--kill-child"]);
        if user {
            command.arg("--map-root-user");
        }
        let holder = command
            .args(["sh", "-c", SCRIPT])
            .env("HOSTS", hosts.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut holder = Background(holder);
        let mut line = String::new();
        let output = holder.0.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it is text");
        if line != "ready\n" {
            let mut reason = String::new();
            let mut errors = holder.0.stderr.take().expect("it is piped");
            errors.read_to_string(&mut reason).expect("it is text");
            return Err(reason.trim_end().replace('\n', ", "));
        }
        let inside = children(holder.0.id())[0];
        Ok(Self { _holder: holder, inside, user })
    }

    /// A program on a host (from 1 on), in a directory. It ends with the network at the latest.
    pub(crate) fn command(&self, host: usize, directory: &Path, program: &Command) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.inside)).args(NAMESPACES);
        if self.user {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["ip", "netns", "exec", &format!("h{host}")]);
        command.args(["sh", "-c", r#"cd "$0" && exec "$@""#]);
        command.arg(directory).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// `colok` on a host, with `home` as its home and its directory.
    pub(crate) fn colok(&self, host: usize, home: &Path, arguments: &[&str]) -> Command {
        self.command(host, home, &at_home(home, arguments))
    }
}
