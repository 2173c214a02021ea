//! The peers of the file benchmark: netcat, rsync's daemon, curl with nginx, all from Debian.
//!
//! Each runs as its own documentation says it is meant to run. Their configurations are written
//! into the folder of the run, so that nothing of the machine's own servers is read or touched.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use super::{LARGE, SMALL};
use crate::{
    bench::{
        machine::package_version,
        measure::{Check, Contender, Life, Place, Target, Trial},
        scratch::{find, plain_command, same_file, same_folder},
    },
    process,
};

/// Each program and the Debian package that brings it.
pub(super) const PACKAGES: [(&str, &str); 4] =
    [("nc.openbsd", "netcat-openbsd"), ("rsync", "rsync"), ("nginx", "nginx"), ("curl", "curl")];

/// What each peer says of its version; one line each.
pub(super) fn versions() -> Vec<String> {
    let installed = PACKAGES.iter().filter(|(program, _)| find(program).is_some());
    let mut lines: Vec<_> = installed.map(|(_, package)| package_version(package)).collect();
    if let Some(checksum) = rsync_checksum() {
        lines.push(format!("rsync's checksum is {checksum}"));
    }
    let lines = lines.join("; ");
    vec![format!("Peers: {lines}")]
}

/// rsync leaves Nagle's algorithm on, and a few of its short messages then wait 40 ms each for a
/// delayed acknowledgement: 0.10 s for 500 small files, and 0.02 s without. colok, curl and nginx
/// set `TCP_NODELAY` by themselves, so rsync is measured both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nagle {
    /// As rsync does by itself.
    On,
    /// `TCP_NODELAY` at both ends, by rsync's own options.
    Off,
}

/// The first of rsync's list of checksums, which two of the same version agree on.
fn rsync_checksum() -> Option<String> {
    let text = process::read(Command::new(find("rsync")?).arg("--version")).ok()?;
    let line = text.lines().skip_while(|line| !line.starts_with("Checksum list:")).nth(1)?;
    line.split_whitespace().next().map(str::to_owned)
}

pub(super) fn rsync_upload(source: &Path, nagle: Nagle) -> Contender<'_> {
    let trial = move |place: &Place| {
        let file = source.join(LARGE);
        let mut client = rsync_client(place, nagle)?;
        client.arg("-W").arg(&file).arg(module(place));
        let stored = place.folder.join("store").join(LARGE);
        rsync_trial(place, nagle, client, Box::new(move || same_file(&file, &stored)))
    };
    let includes = match nagle {
        Nagle::On => {
            "`rsync -W` to an rsync daemon: read, sent, written to a temporary file, its own \
             checksum of the whole file computed at both ends and compared, renamed"
        }
        Nagle::Off => "the same with TCP_NODELAY at both ends, as colok, curl and nginx have it",
    };
    peer(nagle.name(), &["rsync"], 0.70, includes, trial)
}

pub(super) fn rsync_small(source: &Path, nagle: Nagle) -> Contender<'_> {
    let trial = move |place: &Place| {
        let folder = source.join(SMALL);
        let mut client = rsync_client(place, nagle)?;
        client.arg("-r").arg(&folder).arg(module(place));
        let stored = place.folder.join("store").join(SMALL);
        rsync_trial(place, nagle, client, Box::new(move || same_folder(&folder, &stored)))
    };
    let includes = match nagle {
        Nagle::On => {
            "`rsync -r` to an rsync daemon: each file read, sent on one connection, written to a \
             temporary file, its own checksum computed at both ends and compared, renamed"
        }
        Nagle::Off => "the same with TCP_NODELAY at both ends, as colok has it",
    };
    peer(nagle.name(), &["rsync"], 0.40, includes, trial)
}

impl Nagle {
    fn name(self) -> &'static str {
        match self {
            Self::On => "rsync",
            Self::Off => "rsync-nodelay",
        }
    }
}

fn rsync_client(place: &Place, nagle: Nagle) -> Result<Command, String> {
    let mut client = plain_command(&program("rsync")?, &place.folder);
    if nagle == Nagle::Off {
        client.arg("--sockopts=TCP_NODELAY");
    }
    Ok(client)
}

fn module(place: &Place) -> String {
    format!("rsync://{}/store/", place.address)
}

fn rsync_trial(
    place: &Place,
    nagle: Nagle,
    client: Command,
    check: Check,
) -> Result<Trial, String> {
    make_folder(&place.folder.join("store"))?;
    let configuration = place.folder.join("rsyncd.conf");
    write(&configuration, &rsync_configuration(place, nagle))?;
    let mut server = plain_command(&program("rsync")?, &place.folder);
    server.args(["--daemon", "--no-detach"]);
    server.arg(format!("--address={}", place.address.ip()));
    server.arg(format!("--port={}", place.address.port()));
    server.arg("--config").arg(&configuration);
    Ok(Trial { server, life: Life::ForksForClient, prepare: Vec::new(), client, check })
}

fn rsync_configuration(place: &Place, nagle: Nagle) -> String {
    let folder = place.folder.display();
    // Root's daemon would write as `nobody`, who may not enter the private folder. Names are not
    // looked up: a slow resolver would be measured in place of rsync.
    let user = if is_root() { "uid = 0\ngid = 0\n" } else { "" };
    let options = match nagle {
        Nagle::On => "",
        Nagle::Off => "socket options = TCP_NODELAY\n",
    };
    format!(
        "use chroot = no\nreverse lookup = no\nlog file = {folder}/rsyncd.log\n{user}{options}\
         [store]\npath = {folder}/store\nread only = no\n"
    )
}

pub(super) fn nc_upload(source: &Path) -> Contender<'_> {
    let trial = move |place: &Place| {
        let (file, received) = (source.join(LARGE), place.folder.join("received"));
        let address = [place.address.ip().to_string(), place.address.port().to_string()];
        let nc = program("nc.openbsd")?;
        let mut server = plain_command(&nc, &place.folder);
        server.arg("-l").args(&address).stdout(open(File::create(&received), &received)?);
        let mut client = plain_command(&nc, &place.folder);
        client.arg("-N").args(&address).stdin(open(File::open(&file), &file)?);
        let check: Check = Box::new(move || same_file(&file, &received));
        Ok(Trial { server, life: Life::EndsWithClient, prepare: Vec::new(), client, check })
    };
    let includes =
        "`nc -N < FILE` to `nc -l > FILE`: read, sent, written under its name; not checked at all";
    peer("nc", &["nc.openbsd"], 0.80, includes, trial)
}

pub(super) fn curl_download(source: &Path) -> Contender<'_> {
    let trial = move |place: &Place| {
        let (file, fetched) = (source.join(LARGE), place.folder.join("fetched"));
        let configuration = place.folder.join("nginx.conf");
        write(&configuration, &nginx_configuration(place, source))?;
        let mut server = plain_command(&program("nginx")?, &place.folder);
        server.arg("-e").arg(place.folder.join("nginx.log")).arg("-c").arg(&configuration);
        server.arg("-p").arg(&place.folder);
        let mut client = plain_command(&program("curl")?, &place.folder);
        client.args(["--silent", "--show-error", "--fail", "--output"]).arg(&fetched);
        client.arg(format!("http://{}/{LARGE}", place.address));
        let check: Check = Box::new(move || same_file(&file, &fetched));
        Ok(Trial { server, life: Life::Long, prepare: Vec::new(), client, check })
    };
    let includes = "`curl --output FILE` from nginx: sent with sendfile, written under its name; \
                    only the length is checked";
    peer("curl", &["curl", "nginx"], 1.0, includes, trial)
}

/// Debian's `/etc/nginx/nginx.conf` with one site, and every path in the folder of the run.
fn nginx_configuration(place: &Place, source: &Path) -> String {
    let (folder, source) = (place.folder.display(), source.display());
    // Root's workers would run as another user, who may not enter the private folder.
    let user = if is_root() { "user root root;\n" } else { "" };
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = kinds.map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n")).concat();
    format!(
        "{user}worker_processes auto;\npid {folder}/nginx.pid;\ndaemon off;\n\
         events {{ worker_connections 768; }}\n\
         http {{\n    sendfile on;\n    tcp_nopush on;\n    types_hash_max_size 2048;\n\
         \x20   default_type application/octet-stream;\n    gzip on;\n\
         \x20   access_log {folder}/access.log;\n{temporary}\
         \x20   server {{ listen {}; root {source}; }}\n}}\n",
        place.address
    )
}

fn peer<'a>(
    name: &'static str,
    needs: &[&str],
    target: f64,
    includes: &'static str,
    trial: impl Fn(&Place) -> Result<Trial, String> + 'a,
) -> Contender<'a> {
    let missing = needs.iter().find(|needed| find(needed).is_none());
    let missing = missing.map(|needed| format!("{needed} is not installed (--install)"));
    let target = Some(Target::Ours(target));
    Contender { name, includes, target, missing, trial: Box::new(trial) }
}

fn program(name: &str) -> Result<PathBuf, String> {
    find(name).ok_or_else(|| format!("{name} is not installed"))
}

fn is_root() -> bool {
    process::read(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0")
}

fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir(path).map_err(|error| format!("cannot make {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn open(file: std::io::Result<File>, path: &Path) -> Result<File, String> {
    file.map_err(|error| format!("cannot open {}: {error}", path.display()))
}
