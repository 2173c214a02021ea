//! The specification of the file store protocol says what the machines do.
//!
//! Its table has every code and field of the code's own table, its limits are those of the code,
//! and its long conversation is played to a server.

use colok_proto::Peer;
use colok_proto::files::{
    BLOCK_BYTES_MAX, COMPONENT_BYTES_MAX, COMPONENTS_MAX, FilesOptions, LINE_BYTES_MAX,
    NAME_BYTES_MAX, PAGE_ENTRIES_MAX, PUSH_BYTES_MAX, PUSHES_MAX, RESERVED, VERSION, code,
};
use colok_proto::sim::{Hosted, MemoryStore};

const DOCUMENT: &str = include_str!("../../../docs/file-protocol.md");

/// What the document says of the contents that it shows: their BLAKE3 hashes, as `b3sum` prints
/// them.
const HASHES: [(&str, &str); 2] = [
    ("hello\n", "8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"),
    ("one\n", "e0e63aa4c8e1ed796cb104d8a074e553c99fff18d140e886667013ef2780ae23"),
];

/// The part under a heading.
fn section(heading: &str) -> &'static str {
    let start = DOCUMENT.find(heading).expect("the section is there") + heading.len();
    let rest = &DOCUMENT[start..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

#[test]
fn every_code_has_its_row() {
    let rows: Vec<_> = section("\n## Answers\n")
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .collect();
    assert_eq!(rows.len(), code::TABLE.len());
    for (row, (code, fields)) in rows.iter().zip(code::TABLE) {
        let mut cells = row.trim_matches('|').split(" | ");
        assert_eq!(cells.next().map(str::trim), Some(&*code.to_string()), "in order of number");
        let named = cells.next().unwrap_or_default();
        for field in fields {
            assert!(named.contains(&format!("`{field}`")), "{code} has {field}: {named}");
        }
    }
}

#[test]
fn every_code_is_the_answer_to_something() {
    let requests = section("\n## Requests\n");
    for (code, _) in code::TABLE {
        let named = requests.lines().any(|line| {
            line.starts_with("| `") && line.rsplit('|').any(|cell| cell.contains(&code.to_string()))
        });
        let of_all = matches!(code, code::BAD_REQUEST | code::STOPPING);
        assert!(named || of_all, "{code} is in the table of requests");
    }
}

#[test]
fn the_limits_are_the_codes() {
    let limits = section("\n## Limits\n");
    for number in [
        LINE_BYTES_MAX as u64,
        NAME_BYTES_MAX as u64,
        COMPONENT_BYTES_MAX as u64,
        COMPONENTS_MAX as u64,
        PUSH_BYTES_MAX,
        BLOCK_BYTES_MAX,
        PUSHES_MAX as u64,
        PAGE_ENTRIES_MAX,
    ] {
        assert!(limits.contains(&number.to_string()), "{number} is named");
    }
    assert!(DOCUMENT.starts_with(&format!("# The file store protocol, version {VERSION}\n")));
    assert!(section("\n## Lines\n").contains(&format!("`{RESERVED}`")));
}

/// The text with hashes of the store in memory instead of those of BLAKE3.
fn with_toy_hashes(text: &str) -> String {
    HASHES.iter().fold(text.to_owned(), |text, (content, hash)| {
        text.replace(hash, &MemoryStore::hash(content.as_bytes()).to_string())
    })
}

#[test]
fn the_long_conversation_is_true() {
    let text = section("\n## A longer conversation\n");
    let lines = |mark: &str| -> String {
        let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
        with_toy_hashes(&lines.flat_map(|line| [line, "\n"]).collect::<String>())
    };
    let (client, server) = (lines("> "), lines("< "));
    for read_max in [usize::MAX, 1] {
        let mut store = MemoryStore::default();
        let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1000);
        hosted.arrive(client.as_bytes());
        hosted.run(&mut store, read_max);
        assert_eq!(String::from_utf8_lossy(hosted.out().bytes()), server);
    }
}

#[test]
fn the_short_conversation_is_true() {
    let block = DOCUMENT.split("```console\n").nth(1).expect("a transcript");
    let (_, answers) = block.split_once("25563\n").expect("the command of the transcript");
    let (answers, _) = answers.split_once("```").expect("the end of the transcript");
    let mut store = MemoryStore::default();
    let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1000);
    hosted.arrive(b"PUT a.txt 6\nhello\nSTAT a.txt\nQUIT\n");
    let said = String::from_utf8_lossy(hosted.run(&mut store, usize::MAX)).into_owned();
    let said = said.replace("modified=1700000000", "modified=[..]");
    assert_eq!(said, with_toy_hashes(answers));
}
