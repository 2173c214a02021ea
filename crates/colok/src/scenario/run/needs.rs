//! What a scenario needs of this computer, and why it is skipped where that is missing.
//!
//! Nothing is changed by looking.

use std::fs;
use std::path::Path;

use crate::scenario::file::{FaultStep, HostKind, Scenario};
use crate::scenario::world;

/// Where the hosts of a scenario are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// In a world of network namespaces.
    World,
    /// On this computer itself.
    Local,
}

/// Why a scenario would be skipped here; `None`: it can be run.
pub fn skipped(scenario: &Scenario) -> Option<String> {
    let missing = scenario.needs.iter().find_map(|need| missing(need));
    missing.or_else(|| ground(scenario).err())
}

/// Where the hosts of a scenario will be. One host that needs nothing of its own may be this
/// computer itself, where there are no namespaces; the error says why not.
pub(super) fn ground(scenario: &Scenario) -> Result<Ground, String> {
    let hosts = scenario.all_hosts();
    if hosts.iter().all(|(_, spec)| spec.kind == HostKind::Local) {
        return Ok(Ground::Local);
    }
    let Err(why) = namespaces() else { return Ok(Ground::World) };
    let own_network = scenario.steps.iter().any(|step| step.fault.as_ref().is_some_and(of_network));
    let own_disk = hosts.iter().any(|(_, spec)| spec.disk.is_some());
    if hosts.len() > 1 || own_network || own_disk { Err(why) } else { Ok(Ground::Local) }
}

/// Whether a fault is one of the kernel's network or of a disk, which only a host of its own has.
fn of_network(fault: &crate::scenario::file::At<FaultStep>) -> bool {
    fault.drop.is_some()
        || fault.link_down.is_some()
        || fault.rate.is_some()
        || fault.fill_disk.is_some()
}

fn namespaces() -> Result<(), String> {
    world::available().map_err(|why| format!("no network namespaces: {why}"))
}

/// Why this need is not met.
fn missing(need: &str) -> Option<String> {
    match need {
        "namespaces" => namespaces().err(),
        "ipv6" => (!world::has_ipv6()).then(|| "no IPv6 in this kernel".to_owned()),
        program => (!is_installed(program)).then(|| format!("no program {program}")),
    }
}

/// Whether a program is found as a shell finds it.
fn is_installed(program: &str) -> bool {
    let can_run = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path)
            .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return can_run(Path::new(program));
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| can_run(&folder.join(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        assert_eq!(missing("sh"), None);
        assert_eq!(missing("/bin/sh"), None);
        let why = missing("no-such-program-at-all");
        assert_eq!(why.as_deref(), Some("no program no-such-program-at-all"));
        assert!(missing("/no/such/program").is_some());
    }
}
