//! The scenarios that colok brings along: the files of `scenarios/`, embedded.
//!
//! Nothing is read from a disk here. A test compares the table with the folder.

use super::read::Source;

macro_rules! files {
    ($($name:literal,)*) => {
        &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/", $name, ".toml")),
        )),*]
    };
}

/// Name and text of each, in the order of names.
static FILES: &[(&str, &str)] = files![
    "black-hole",
    "broadcast",
    "concurrent-clients",
    "corrupt-byte",
    "count",
    "delay",
    "descriptors-run-out",
    "disk-full",
    "echo",
    "echo-idle",
    "echo-loop-guard",
    "echo-quit",
    "first-connections-fail",
    "forged-replies",
    "half-close",
    "ipv6",
    "link-down",
    "multicast",
    "name-not-found",
    "names-of-hosts",
    "paper-address-in-use",
    "paper-file-exists",
    "paper-five-hosts",
    "paper-missing-arguments",
    "paper-missing-file",
    "paper-other-directory",
    "paper-same-directory",
    "paper-server-in-background",
    "paper-two-hosts",
    "port-without-privilege",
    "python-client",
    "python-http-server",
    "python-server",
    "reset-mid-file",
    "resume-after-cut",
    "sequential-turns",
    "server-killed-mid-reply",
    "server-not-running",
    "server-stopped-for-a-while",
    "silently-dropped",
    "slow-link",
    "slow-reader",
    "slow-writer",
    "thousand-clients",
    "two-writers-one-name",
    "udp-duplication",
    "udp-loss",
    "udp-reordering",
];

/// All built-in scenarios, in the order of their names: name (without `.toml`) and text.
pub fn all() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// All of them as sources, for [`super::read::read`].
pub fn sources() -> Vec<Source> {
    FILES.iter().map(source).collect()
}

/// One of them, by its name.
pub fn find(name: &str) -> Option<Source> {
    FILES.iter().find(|(known, _)| *known == name).map(source)
}

fn source((name, text): &(&str, &str)) -> Source {
    Source {
        name: (*name).to_owned(),
        file: format!("built-in:{name}.toml"),
        text: (*text).to_owned(),
        folder: None,
    }
}

#[cfg(test)]
mod tests;
