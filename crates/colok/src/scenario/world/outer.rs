//! The outer process of a world: leaves the runner's namespaces, starts PID 1, and watches.
//!
//! It ends PID 1 when the runner is gone, also when PID 1 itself is stuck; and PID 1 ends when it
//! is gone. It reads nothing and makes nothing.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, exit};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getgid, getuid, pidfd_open};
use rustix::stdio::stdin;
use rustix::thread::UnshareFlags;

use super::transport::Said;
use super::{INIT_ARGUMENT, WorldError, say};

/// Is the outer process of a world, whose orders are on standard input.
pub(super) fn run() -> ! {
    let mut init = match leave().and_then(|()| start()) {
        Ok(init) => init,
        Err(error) => {
            say(&Said::Failed(error));
            exit(1);
        }
    };
    watch(&init);
    // Nothing happens if it has ended; else all that is in its namespace ends with it.
    let _ = init.kill();
    let _ = init.wait();
    exit(0)
}

/// Leaves the namespaces of the runner. Root needs no user namespace, unless it is a root that may
/// not do this, as in a container; everybody else becomes root of a user namespace.
fn leave() -> Result<(), WorldError> {
    let own = UnshareFlags::NEWPID
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWIPC;
    let failed = |error: Errno| match error {
        // The system's word for it, "no space left on device", says nothing (user_namespaces(7)).
        Errno::NOSPC | Errno::USERS => {
            WorldError::new("unshare", "this system allows no more of them (user.max_*_namespaces)")
        }
        Errno::PERM | Errno::ACCESS => {
            WorldError::new("unshare", "this computer does not permit it to this user")
        }
        error => WorldError::new("unshare", std::io::Error::from(error)),
    };
    // To be asked before: afterwards they are unmapped.
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    if user == 0 {
        match colok_sys::namespace::unshare(own) {
            Err(Errno::PERM) => {}
            result => return result.map_err(failed),
        }
    }
    colok_sys::namespace::unshare(own | UnshareFlags::NEWUSER).map_err(failed)?;
    // user_namespaces(7): a group may be mapped only after setgroups(2) was given up.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {user} 1"))?;
    write("/proc/self/gid_map", &format!("0 {group} 1"))
}

fn write(path: &str, text: &str) -> Result<(), WorldError> {
    std::fs::write(path, text).map_err(|error| WorldError::new(format!("write of {path}"), error))
}

/// Starts PID 1 of the PID namespace; it gets the orders and says what there is to say.
fn start() -> Result<Child, WorldError> {
    Command::new("/proc/self/exe")
        .arg(INIT_ARGUMENT)
        .process_group(0)
        .spawn()
        .map_err(|error| WorldError::new("start of PID 1", error))
}

/// Waits until PID 1 has ended or the runner is gone: its end of the orders is closed.
fn watch(init: &Child) {
    let Ok(pidfd) = pidfd_open(Pid::from_child(init), PidfdFlags::empty()) else { return };
    let stdin = stdin();
    loop {
        // Of the orders only their end is wanted, which `poll` tells unasked.
        let mut ready =
            [PollFd::new(&pidfd, PollFlags::IN), PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut ready, None) {
            Err(Errno::INTR) => {}
            _ => return,
        }
    }
}
