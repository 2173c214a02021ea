//! `--compare`: two reports side by side.

use std::path::PathBuf;

use crate::common::{Output, colok};
use crate::support::{load, report, serve};

/// A file that is removed with its test.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("colok-load-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("it is text")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Best effort: it is in the folder for temporary files.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn compare(arguments: &[&str]) -> Output {
    colok(&[&["load", "--compare"], arguments].concat())
}

#[test]
fn two_reports() {
    let serving = serve("echo");
    let one = load(&[serving.place(), "--json"]);
    let other = load(&[serving.place(), "--json", "--size", "256"]);
    let (a, b) = (Kept::new("a.json", &one.out), Kept::new("b.json", &other.out));

    let same = compare(&[a.path(), a.path()]);
    assert_eq!((same.code, same.err.as_str()), (Some(0), ""));
    assert!(same.text().starts_with("A: "), "{}", same.text());
    assert!(!same.text().contains("settings"), "{}", same.text());
    for part in ["messages/s", "service time", "50 %"] {
        assert!(same.text().contains(part), "no `{part}` in {}", same.text());
    }

    let differ = compare(&[a.path(), b.path()]);
    assert_eq!(differ.code, Some(0));
    assert!(differ.text().contains("they did not do the same"), "{}", differ.text());
    assert!(differ.text().contains("plan.sizes"), "{}", differ.text());
    let indonesian = compare(&[a.path(), b.path(), "--lang", "id"]);
    assert!(indonesian.text().contains("tidak melakukan hal yang sama"));

    let json = report(&compare(&[a.path(), b.path(), "--json"]));
    assert_eq!(json["warnings"][0], "different-plan", "{json}");
}

#[test]
fn what_is_no_report() {
    let serving = serve("echo");
    let one = load(&[serving.place(), "--json"]);
    let a = Kept::new("c.json", &one.out);
    let text = Kept::new("d.json", b"{\"form\":\"other\"}");
    let output = compare(&[a.path(), text.path()]);
    assert_eq!((output.code, output.text().as_str()), (Some(1), ""));
    assert!(output.err.contains("is no report of colok load"), "{}", output.err);

    let output = compare(&[a.path(), "/no/such/file", "--json"]);
    assert_eq!(output.code, Some(1));
    assert_eq!(report(&output)["outcome"], "failed");
    let output = compare(&[a.path()]);
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("--compare"), "{}", output.err);
}
