//! What PID 1 of a world mounts: its own `/proc`, a scratch directory of memory, and the files by
//! which names of hosts are resolved.
//!
//! All of it is in its own mount namespace, and is made private first: outside nothing is seen of
//! it, and no file outside is written.

use std::ffi::CString;
use std::fmt::Write as _;
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};

use super::{WorldError, WorldHost, WorldSpec};

/// Directories that most systems have and few use. An empty one hides nothing when the scratch is
/// mounted over it.
const PLACES: [&str; 8] =
    ["/mnt", "/media", "/srv", "/opt", "/var/opt", "/var/local", "/boot", "/usr/games"];
/// Of the new `/proc`: kernel statistics of file systems. Not empty, but nobody misses them.
const LAST_PLACE: &str = "/proc/fs";
/// Where a name service daemon would answer from outside of the world.
const NAME_SERVICES: [&str; 2] = ["/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve"];

/// Mounts all of it; returns the path of the scratch directory.
pub(super) fn make(spec: &WorldSpec) -> Result<String, WorldError> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|error| failed("mount of / as private", error))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(|error| failed("mount of /proc", error))?;
    let scratch = PLACES.into_iter().find(|place| is_empty(place)).unwrap_or(LAST_PLACE);
    memory(scratch, None)?;
    for host in &spec.hosts {
        folder(&format!("{scratch}/{}", host.name), host)?;
    }
    names(scratch, &spec.hosts)?;
    Ok(scratch.to_owned())
}

/// Mounts `/sys` anew, only to be read: it tells of the network namespace in which it was mounted,
/// and programs look there for interfaces.
pub(super) fn system() {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    // Within a container that hides parts of it this may not be done; then it tells of the outside,
    // as it does there.
    let _ = mount("sysfs", "/sys", "sysfs", flags, None);
}

fn failed(call: impl Into<String>, error: rustix::io::Errno) -> WorldError {
    WorldError::new(call, std::io::Error::from(error))
}

fn is_empty(place: &str) -> bool {
    std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none())
}

/// A file system of memory; without a size it is the kernel's own limit, half of the memory.
fn memory(place: &str, size_bytes: Option<u64>) -> Result<(), WorldError> {
    let call = || format!("mount of memory on {place}");
    let size = size_bytes.map(|bytes| format!(",size={bytes}")).unwrap_or_default();
    let options =
        CString::new(format!("mode=0755{size}")).map_err(|error| WorldError::new(call(), error))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("colok", place, "tmpfs", flags, options.as_c_str()).map_err(|error| failed(call(), error))
}

fn folder(path: &str, host: &WorldHost) -> Result<(), WorldError> {
    std::fs::create_dir(path).map_err(|error| WorldError::new(format!("mkdir {path}"), error))?;
    match host.disk_bytes {
        // Of a size of 0 the kernel makes no limit at all.
        Some(bytes) => memory(path, Some(bytes.max(1))),
        None => Ok(()),
    }
}

/// Only names of this world are known, and to look for another one asks nobody: `NAME` is the IPv4
/// address of a host, `NAME.ipv6` the other one.
fn names(scratch: &str, hosts: &[WorldHost]) -> Result<(), WorldError> {
    let mut table = String::from("127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
    for host in hosts {
        let name = &host.name;
        let _ = writeln!(table, "{} {name}", host.ipv4);
        // Of two addresses of one name programs would choose each by rules of their own.
        if let Some(ipv6) = host.ipv6 {
            let _ = writeln!(table, "{ipv6} {name}.ipv6");
        }
    }
    bind(scratch, "/etc/hosts", &table)?;
    bind(scratch, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")?;
    bind(scratch, "/etc/resolv.conf", "")?;
    for service in NAME_SERVICES.into_iter().filter(|path| Path::new(path).exists()) {
        mount_bind("/dev/null", service)
            .map_err(|error| failed(format!("mount on {service}"), error))?;
    }
    Ok(())
}

/// Puts a file with this text over one that exists.
fn bind(scratch: &str, path: &str, text: &str) -> Result<(), WorldError> {
    if !Path::new(path).exists() {
        return Ok(());
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let source = format!("{scratch}/.{name}");
    std::fs::write(&source, text)
        .map_err(|error| WorldError::new(format!("write of {source}"), error))?;
    mount_bind(&source, path).map_err(|error| failed(format!("mount on {path}"), error))
}
