//! The reference page: it has every key of the schema with its meaning and in an example, no key
//! that does not exist, and all its examples are right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::scenario_schema;
use crate::scenario::read;

/// Which part of the page is about which type: the line that its table comes after.
const PLACES: [(&str, &str); 17] = [
    ("", "The keys at the beginning of the file."),
    ("HostSpec", "## Hosts"),
    ("NetworkSpec", "## The network"),
    ("FileSpec", "## Files"),
    ("Step", "## Steps"),
    ("Ready", "### Ready"),
    ("RelayStep", "## Relays"),
    ("Fault", "A fault of a relay has one of these keys."),
    ("FaultStep", "## Faults"),
    ("RelayFaults", "The keys of `fault.relay`:"),
    ("Drop", "The keys of `fault.drop`:"),
    ("LinkRate", "The keys of `fault.rate`:"),
    ("Signal", "The keys of `fault.signal`:"),
    ("HeldAddress", "The keys of `fault.hold_address`:"),
    ("Expect", "## Expectations"),
    ("EventExpect", "### Events"),
    ("FileExpect", "### Files that must be"),
];

fn page() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/scenarios.md");
    std::fs::read_to_string(path).expect("the page is there")
}

/// The `toml` blocks of the page, each as a whole scenario, and the line each begins in.
fn examples(page: &str) -> Vec<(usize, String)> {
    let (mut examples, mut open) = (Vec::new(), None);
    for (number, line) in page.lines().enumerate() {
        match (line, &mut open) {
            ("```toml", None) => open = Some((number + 1, String::new())),
            ("```", Some(_)) => examples.extend(open.take()),
            (line, Some((_, text))) => text.extend([line, "\n"]),
            _ => {}
        }
    }
    for (_, text) in &mut examples {
        if !text.starts_with("title") {
            *text = format!("title = \"An example\"\n{text}");
        }
    }
    examples
}

/// The part of the page after a line, up to the place of the next type.
fn part<'p>(page: &'p str, start: &str) -> &'p str {
    let from = page.find(&format!("\n{start}")).unwrap_or_else(|| panic!("no {start:?}"));
    let rest = &page[from + 1..];
    let ends = PLACES.iter().filter_map(|(_, other)| rest.find(&format!("\n{other}")));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// The keys that a part explains: those in the first column of its tables.
fn explained(part: &str) -> BTreeSet<&str> {
    let cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells.flat_map(|cell| cell.split(", ")).map(|key| key.trim_matches('`')).collect()
}

/// The type with this name; empty: the scenario itself.
fn type_of<'s>(schema: &'s Value, name: &str) -> &'s Value {
    if name.is_empty() { schema } else { &schema["$defs"][name] }
}

fn keys_of<'s>(schema: &'s Value, name: &str) -> BTreeSet<&'s str> {
    let keys = type_of(schema, name)["properties"].as_object().expect("it is a table");
    keys.keys().map(String::as_str).collect()
}

#[test]
fn every_key_is_explained_and_no_other() {
    let (page, schema) = (page(), scenario_schema());
    for (name, start) in PLACES {
        assert_eq!(
            explained(part(&page, start)),
            keys_of(&schema, name),
            "{name}, after {start:?}"
        );
    }
    let with_keys: BTreeSet<_> = schema["$defs"]
        .as_object()
        .expect("they are named")
        .iter()
        .filter(|(_, one)| one.get("properties").is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let placed: BTreeSet<_> =
        PLACES.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
    assert_eq!(placed, with_keys, "every type has a place on the page");
}

#[test]
fn every_example_is_right() {
    let examples = examples(&page());
    assert!(examples.len() > 10, "{}", examples.len());
    for (line, text) in examples {
        let problems = read::scenario(&text).err().unwrap_or_default();
        let told: Vec<_> = problems
            .iter()
            .map(|problem| {
                format!("{}: {problem:?}", line + read::line_of(&text, problem.offset) as usize)
            })
            .collect();
        assert!(told.is_empty(), "docs/scenarios.md, about line {}", told.join("\n"));
    }
}

#[test]
fn every_key_is_in_an_example() {
    let (page, schema) = (page(), scenario_schema());
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, text) in examples(&page) {
        let table: toml::Table = toml::from_str(&text).expect("it is TOML");
        collect(&schema, "", &toml::Value::Table(table), &mut used);
    }
    for (name, _) in PLACES {
        let used = used.remove(name).unwrap_or_default();
        let missing: Vec<_> =
            keys_of(&schema, name).into_iter().filter(|key| !used.contains(*key)).collect();
        assert!(missing.is_empty(), "no example has these keys of {name:?}: {missing:?}");
    }
}

/// Notes which keys of which types a value has.
fn collect(
    schema: &Value,
    name: &str,
    value: &toml::Value,
    used: &mut BTreeMap<String, BTreeSet<String>>,
) {
    let properties = &type_of(schema, name)["properties"];
    for (key, value) in value.as_table().into_iter().flatten() {
        used.entry(name.to_owned()).or_default().insert(key.clone());
        let inside = &properties[key];
        let each: Vec<_> = match value {
            toml::Value::Array(elements) => elements.iter().collect(),
            toml::Value::Table(table) if inside.get("additionalProperties").is_some() => {
                table.values().collect()
            }
            one => vec![one],
        };
        let kinds = [inside, &inside["items"], &inside["additionalProperties"]];
        let kind = kinds.iter().find_map(|kind| kind["$ref"].as_str()?.strip_prefix("#/$defs/"));
        for one in each.into_iter().filter(|_| kind.is_some()) {
            collect(schema, kind.unwrap_or_default(), one, used);
        }
    }
}

#[test]
fn every_word_to_choose_is_on_the_page() {
    let (page, schema) = (page(), scenario_schema());
    for (name, kind) in schema["$defs"].as_object().expect("they are named") {
        let choices = kind["oneOf"].as_array().into_iter().flatten();
        for word in choices.filter_map(|choice| choice["const"].as_str()) {
            assert!(page.contains(&format!("`{word}`")), "{word} of {name}");
        }
    }
}
