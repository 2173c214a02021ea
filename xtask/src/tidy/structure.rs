//! The rules that hold for the tree as a whole: who may depend on whom, the map, the languages.
//!
//! The design stands on two crates that know nothing of the outside: `colok-proto` has no way to
//! reach a socket, and it and `colok-sys` never see each other. Cargo keeps that only as long as
//! nobody adds a line to a manifest; here is where the line would be noticed.

use std::{collections::BTreeSet, fs, path::Path};

use super::Problem;
use crate::{
    context::Context,
    process::{self, cargo},
};

/// All that `colok-proto` may be built from: pure code, no I/O.
const PROTO_DEPENDENCIES: [&str; 3] = ["colok-proto", "memchr", "simdutf8"];
/// All that `colok-chart` may be built from: it turns data into text and needs nobody for that.
const CHART_DEPENDENCIES: [&str; 1] = ["colok-chart"];

const MAP: &str = "ARCHITECTURE.md";
const MAP_SECTION: &str = "## Code map";

/// Every place of the tree where a rule does not hold. `files` are its Rust files.
pub(crate) fn check(context: &Context, files: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(no_std(&context.root));
    problems.extend(dependencies(context));
    problems.extend(map(&context.root, files));
    problems.extend(languages(&context.root));
    problems
}

fn no_std(root: &Path) -> Option<Problem> {
    let path = "crates/proto/src/lib.rs";
    let text = fs::read_to_string(root.join(path)).unwrap_or_default();
    let holds = text.lines().any(|line| line.trim() == "#![no_std]");
    (!holds).then(|| Problem::of(path, "must be `#![no_std]`: a machine never does I/O"))
}

fn dependencies(context: &Context) -> Vec<Problem> {
    let proto = "crates/proto/Cargo.toml";
    let sys = "crates/sys/Cargo.toml";
    let mut problems = Vec::new();
    let pure: [(&str, &str, &[&str]); 2] = [
        (proto, "colok-proto", &PROTO_DEPENDENCIES),
        ("crates/chart/Cargo.toml", "colok-chart", &CHART_DEPENDENCIES),
    ];
    for (manifest, package, allowed) in pure {
        match tree(context, package, "normal,build") {
            Ok(names) => {
                let strangers = names.iter().filter(|name| !allowed.contains(&name.as_str()));
                problems.extend(
                    strangers
                        .map(|name| Problem::of(manifest, format!("must not depend on `{name}`"))),
                );
            }
            Err(text) => problems.push(Problem::of(manifest, text)),
        }
    }
    let pairs = [(proto, "colok-proto", "colok-sys"), (sys, "colok-sys", "colok-proto")];
    for (manifest, package, stranger) in pairs {
        match tree(context, package, "normal,build,dev") {
            Ok(names) if names.contains(stranger) => {
                problems.push(Problem::of(manifest, format!("must not see `{stranger}`")));
            }
            Ok(_) => {}
            Err(text) => problems.push(Problem::of(manifest, text)),
        }
    }
    problems
}

/// The names of a package and of everything it is built from.
fn tree(context: &Context, package: &str, edges: &str) -> Result<BTreeSet<String>, String> {
    let words = ["tree", "--quiet", "--all-features", "--prefix", "none", "--package", package];
    let text = process::read(cargo(context, words).args(["--edges", edges]))?;
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

fn map(root: &Path, files: &[String]) -> Vec<Problem> {
    let Ok(text) = fs::read_to_string(root.join(MAP)) else {
        return vec![Problem::of(MAP, "is missing")];
    };
    let named = match named_paths(&text) {
        Ok(named) => named,
        Err(problem) => return vec![Problem::of(MAP, problem)],
    };
    let mut problems = Vec::new();
    for (line, path) in &named {
        if !root.join(path).exists() {
            problems.push(Problem::at(MAP, *line, format!("`{path}` is not in the tree")));
        }
    }
    let unnamed = files.iter().filter(|file| is_mapped(file) && !is_named(file, &named));
    problems.extend(unnamed.map(|file| {
        let text = format!("`{MAP_SECTION}` names neither `{file}` nor its folder (with a `/`)");
        Problem::of(MAP, text)
    }));
    problems
}

/// The paths in backticks in the code map, each with its line; or why there is no map.
fn named_paths(text: &str) -> Result<Vec<(usize, String)>, String> {
    let lines = text.lines().enumerate().skip_while(|(_, line)| line.trim_end() != MAP_SECTION);
    let mut section = lines.skip(1).take_while(|(_, line)| !line.starts_with("## ")).peekable();
    if section.peek().is_none() {
        return Err(format!("has no section `{MAP_SECTION}`"));
    }
    let spans = section.flat_map(|(index, line)| {
        line.split('`').skip(1).step_by(2).map(move |span| (index, span.to_owned()))
    });
    Ok(spans.filter(|(_, span)| is_path(span)).collect())
}

/// Whether words in backticks mean a place in the tree and not a piece of code or an address.
fn is_path(span: &str) -> bool {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./".contains(letter);
    let is_file = [".rs", ".md", ".toml"].iter().any(|end| span.ends_with(end) && span != *end);
    (span.contains('/') || is_file) && !span.starts_with('/') && span.chars().all(is_plain)
}

fn is_mapped(file: &str) -> bool {
    file.starts_with("xtask/src/") || file.starts_with("crates/") && file.contains("/src/")
}

/// Named itself, or by a folder inside its crate's `src`; naming a whole crate says too little.
fn is_named(file: &str, named: &[(usize, String)]) -> bool {
    named.iter().any(|(_, path)| {
        let is_folder = path.ends_with('/') && path.contains("/src/");
        path == file || is_folder && file.starts_with(path.as_str())
    })
}

/// Both languages have the same messages, and each message once.
fn languages(root: &Path) -> Vec<Problem> {
    let [english, indonesian] = ["crates/cli/i18n/en.ftl", "crates/cli/i18n/id.ftl"];
    let (mut problems, mut ids) = (Vec::new(), Vec::new());
    for path in [english, indonesian] {
        match fs::read_to_string(root.join(path)) {
            Ok(text) => {
                let messages = message_ids(&text);
                let unique: BTreeSet<_> = messages.iter().cloned().collect();
                for id in &unique {
                    if messages.iter().filter(|other| *other == id).count() > 1 {
                        problems.push(Problem::of(path, format!("`{id}` is there twice")));
                    }
                }
                ids.push(unique);
            }
            Err(error) => problems.push(Problem::of(path, error.to_string())),
        }
    }
    if let [first, second] = ids.as_slice() {
        let lacks = |path, id| Problem::of(path, format!("lacks the message `{id}`"));
        problems.extend(first.difference(second).map(|id| lacks(indonesian, id)));
        problems.extend(second.difference(first).map(|id| lacks(english, id)));
    }
    problems
}

/// The names of a Fluent file's messages and terms, and of their attributes behind a dot.
fn message_ids(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut message = String::new();
    for line in text.lines() {
        let Some((name, _)) = line.split_once('=') else { continue };
        let name = name.trim_end();
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|l| l.is_ascii_alphanumeric() || "-_".contains(l))
        };
        if is_name(name) {
            name.clone_into(&mut message);
            ids.push(message.clone());
        } else if let Some(attribute) = name.trim_start().strip_prefix('.').filter(|a| is_name(a)) {
            ids.push(format!("{message}.{attribute}"));
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_read_from_its_section_only() {
        let text = "# A\n`no/such.rs`\n## Code map\nIn `crates/a/src/b.rs`, `Machine`, `f(a/b)`,\n\
                    `tcp://host`, `deny.toml` and `crates/a/src/c/`.\n## Next\n`not/this.rs`\n";
        let named = named_paths(text).unwrap();
        let paths: Vec<_> = named.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(paths, ["crates/a/src/b.rs", "deny.toml", "crates/a/src/c/"]);
        assert_eq!(named[0].0, 3);
        assert!(named_paths("# A\n").is_err());
    }

    #[test]
    fn a_file_is_named_itself_or_by_a_folder_in_its_crate() {
        let named = |path: &str| vec![(0, path.to_owned())];
        let file = "crates/a/src/c/d.rs";
        assert!(is_mapped(file) && is_named(file, &named(file)));
        assert!(is_named(file, &named("crates/a/src/c/")));
        assert!(is_named(file, &named("crates/a/src/")));
        assert!(!is_named(file, &named("crates/a/")));
        assert!(!is_named(file, &named("crates/a/src/c")));
        assert!(!is_mapped("crates/a/tests/d.rs"));
    }

    #[test]
    fn messages_have_names_and_attributes() {
        let text = "# a = comment\nbind-in-use = Address { $a } = b\n    .hint = Try\n\
                    \u{20}   more = x\n-brand = colok\n";
        assert_eq!(message_ids(text), ["bind-in-use", "bind-in-use.hint", "-brand"]);
    }

    #[test]
    fn the_tree_of_a_package_is_known() {
        let names = tree(&Context::detect(), "colok-proto", "normal").unwrap();
        assert!(names.contains("colok-proto") && !names.contains("colok-cli"));
    }
}
