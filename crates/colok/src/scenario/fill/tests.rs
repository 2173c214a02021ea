//! Cases and placeholders.

use proptest::prelude::*;

use super::*;
use crate::scenario::file::Limit;
use crate::scenario::read;

fn scenario(text: &str) -> Scenario {
    read::scenario(&format!("title = \"x\"\n{text}")).expect("it is right")
}

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn filled(text: &str) -> Result<String, String> {
    replace(text, |name| match name {
        "a" => Some("1".to_owned()),
        "b.c-d" => Some("{a}".to_owned()),
        _ => None,
    })
}

#[test]
fn only_what_looks_like_a_name_is_a_placeholder() {
    for (text, result) in [
        ("", ""),
        ("x{a}y{a}", "x1y1"),
        // What is filled in is not looked at again.
        ("{b.c-d}", "{a}"),
        ("{{a}", "{a}"),
        ("{{{a}", "{{a}"),
        (r#"{"a":1,"b":{"c":[]}}"#, r#"{"a":1,"b":{"c":[]}}"#),
        ("{} { a} {1} {a,b} {{} {a.} {.a} {a.b.c}", "{} { a} {1} {a,b} {{} {a.} {.a} {a.b.c}"),
        ("{", "{"),
        ("{a", "{a"),
        ("}{a}é{", "}1é{"),
    ] {
        assert_eq!(filled(text).as_deref(), Ok(result), "{text}");
    }
    assert_eq!(filled("{a}{other}"), Err("other".to_owned()));
}

#[test]
fn every_combination_is_a_case() {
    let one = scenario("[[step]]\nrun = \"true\"");
    assert_eq!(cases(&one), [Values::new()]);
    let four = scenario(
        "matrix = { b = [\"1\", \"2\"], a = [\"x\", \"y\"] }\n[[step]]\nrun = \"echo {a} {b}\"",
    );
    let told: Vec<_> =
        cases(&four).iter().map(|case| format!("{}{}", case["a"], case["b"])).collect();
    assert_eq!(told, ["x1", "x2", "y1", "y2"]);
}

const TEXT: &str = r#"
matrix = { limit = [">= 3"] }
[hosts.near]
[hosts.far]
[[file]]
path = "{seed}.txt"
text = "{seed}"
[[step]]
host = "far"
start = "colok serve echo=tcp://{far}:{port} --x {near.ipv6} {port.other}"
[[step]]
host = "near"
run = ["colok", "{{port}", "{folder}", "{far.folder}", "{case}"]
stdin = "{port}"
environment = { A = "{seed}" }
expect = { figures = { "a.b" = "{limit}" }, files = [{ path = "{seed}", text = "{seed}" }] }
[[step]]
host = "near"
copies = 2
run = "echo {number} {seed} {{number}"
expect = { stdout = "{number}\n" }
"#;

fn complete() -> Values {
    values(&[
        ("limit", ">= 3"),
        ("near", "10.0.0.1"),
        ("near.ipv6", "fd00::1"),
        ("near.folder", "/n"),
        ("far", "10.0.0.2"),
        ("far.folder", "/f"),
        ("port", "20001"),
        ("port.other", "20002"),
        ("seed", "7"),
        ("case", "x"),
    ])
}

#[test]
fn every_text_is_filled_in() {
    let original = scenario(TEXT);
    assert_eq!(ports(&original), ["port", "port.other"]);
    let filled = fill(&original, &complete()).expect("nothing is missing");
    assert_eq!(filled.files[0].path, "7.txt");
    assert_eq!(filled.files[0].text.as_deref(), Some("{seed}"), "a file has what is written");
    let words = |index: usize| {
        let step = &filled.steps[index];
        step.run.as_ref().or(step.start.as_ref()).expect("it is a program").0.join(" ")
    };
    assert_eq!(words(0), "colok serve echo=tcp://10.0.0.2:20001 --x fd00::1 20002");
    assert_eq!(words(1), "colok {port} /n /f x");
    let step = &filled.steps[1];
    assert_eq!((step.stdin.as_deref(), step.environment["A"].as_str()), (Some("20001"), "7"));
    let expect = step.expect.as_ref().expect("it is there");
    let range = Limit::Range { least: 3.0, most: f64::INFINITY };
    assert_eq!(expect.figures["a.b"].value, range, "a text that becomes a range is one");
    assert_eq!(
        (expect.files[0].path.as_str(), expect.files[0].text.as_deref()),
        ("7", Some("{seed}"))
    );
    assert_eq!(words(2), "echo {number} 7 {number}");
}

#[test]
fn each_copy_has_its_number() {
    let original = scenario(TEXT);
    let step = copy(&original, 2, &complete(), 12).expect("nothing is missing");
    assert_eq!(step.run.expect("it runs").0.join(" "), "echo 12 7 {number}");
    let expect = step.expect.and_then(|expect| expect.stdout).expect("it is there");
    assert_eq!(expect.value, "12\n");
}

#[test]
fn a_missing_value_is_told_with_its_place() {
    let original = scenario(TEXT);
    let mut fewer = complete();
    fewer.remove("far.folder");
    let problems = fill(&original, &fewer).expect_err("a value is missing");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].what, "there is no value for `{far.folder}`");
    let text = format!("title = \"x\"\n{TEXT}");
    assert!(text[problems[0].offset..].starts_with("[\"colok\", \"{{port}\""));
}

proptest! {
    #[test]
    fn a_literal_is_filled_in_as_itself(text in "([{}a.é-]|\\{a\\}|\\{b\\.c\\}){0,20}") {
        prop_assert_eq!(replace(&literal(&text), |_| None), Ok(text));
    }

    #[test]
    fn any_text_can_be_looked_at(text in ".{0,40}") {
        let _ = replace(&text, |name| Some(name.to_owned()));
        prop_assert_eq!(replace(&literal(&text), |_| None), Ok(text));
    }
}
