//! The published schema is that of the code, and every kind of report obeys it.
//!
//! When the types have changed on purpose, renew the published file with
//! `COLOK_RENEW=1 cargo test -p colok published_schema` and look at the difference.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::super::plan::{Call, Plan, Sizes, Until};
use super::super::report::{Refusal, ServerUse};
use super::super::summary::fixture::{Load, open, plan, thread};
use super::super::summary::{Processors, Totals};
use super::*;

#[test]
fn published_schema_is_that_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/load-report.schema.json");
    let text = serde_json::to_string_pretty(&schema()).expect("JSON has a text") + "\n";
    if std::env::var_os("COLOK_RENEW").is_some() {
        std::fs::write(&path, &text).expect("docs can be written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == text,
        "docs/load-report.schema.json is not that of the code; if the code is right, renew it: \
         COLOK_RENEW=1 cargo test -p colok published_schema"
    );
}

/// Checks a value against a schema; says where it does not fit. Knows the words that our schema
/// uses, and no others: a word that it does not know is an error of the test, not ignored.
struct Walker {
    root: Value,
}

impl Walker {
    fn fits(&self, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
        let Value::Object(words) = schema else {
            return if schema == &json!(true) { Ok(()) } else { Err(format!("{path}: refused")) };
        };
        for (word, content) in words {
            self.word(word, content, words, value, path)?;
        }
        Ok(())
    }

    fn word(
        &self,
        word: &str,
        content: &Value,
        words: &Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Result<(), String> {
        let fail = |why: String| Err(format!("{path}: {why}"));
        match word {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => Ok(()),
            "$ref" => {
                let place = content.as_str().expect("a text").trim_start_matches('#');
                let target = self.root.pointer(place).expect("it is defined");
                self.fits(target, value, path)
            }
            "type" if has_type(content, value) => Ok(()),
            "const" if content == value => Ok(()),
            "type" | "const" => fail(format!("{value} is not {content}")),
            "enum" if elements(content).contains(value) => Ok(()),
            "enum" => fail(format!("{value} is none of {content}")),
            "minimum" | "maximum" => within(word, content, value).or_else(fail),
            "minItems" | "maxItems" => within_length(word, content, value).or_else(fail),
            "anyOf" => self.alternatives(content, value, path, |fitting| fitting >= 1),
            "oneOf" => self.alternatives(content, value, path, |fitting| fitting == 1),
            "required" => required(content, value).or_else(fail),
            "properties" => self.properties(content, value, path),
            "additionalProperties" => no_others(content, words, value).or_else(fail),
            "items" => self.items(content, value, path),
            "prefixItems" => self.prefix(content, value, path),
            unknown => panic!("the walker does not know {unknown:?}"),
        }
    }

    fn alternatives(
        &self,
        content: &Value,
        value: &Value,
        path: &str,
        enough: fn(usize) -> bool,
    ) -> Result<(), String> {
        let results: Vec<_> =
            elements(content).iter().map(|schema| self.fits(schema, value, path)).collect();
        if enough(results.iter().filter(|result| result.is_ok()).count()) {
            return Ok(());
        }
        let errors: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        Err(format!("{path}: none or too many fit: {errors:?}"))
    }

    fn properties(&self, content: &Value, value: &Value, path: &str) -> Result<(), String> {
        let Value::Object(fields) = value else { return Ok(()) };
        for (name, schema) in content.as_object().expect("by name") {
            if let Some(field) = fields.get(name) {
                self.fits(schema, field, &format!("{path}.{name}"))?;
            }
        }
        Ok(())
    }

    fn items(&self, content: &Value, value: &Value, path: &str) -> Result<(), String> {
        let Value::Array(items) = value else { return Ok(()) };
        items.iter().try_for_each(|item| self.fits(content, item, &format!("{path}[]")))
    }

    fn prefix(&self, content: &Value, value: &Value, path: &str) -> Result<(), String> {
        let Value::Array(items) = value else { return Ok(()) };
        let mut pairs = elements(content).iter().zip(items);
        pairs.try_for_each(|(schema, item)| self.fits(schema, item, &format!("{path}[]")))
    }
}

fn elements(content: &Value) -> &Vec<Value> {
    content.as_array().expect("a list")
}

fn has_type(content: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().expect("a name") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("the walker does not know the type {unknown:?}"),
    };
    content.as_array().map_or_else(|| is(content), |names| names.iter().any(is))
}

fn within(word: &str, content: &Value, value: &Value) -> Result<(), String> {
    let (bound, Some(number)) = (content.as_f64().expect("a number"), value.as_f64()) else {
        return Ok(());
    };
    let holds = if word == "minimum" { number >= bound } else { number <= bound };
    if holds { Ok(()) } else { Err(format!("{value} is beyond the {word} {content}")) }
}

fn within_length(word: &str, content: &Value, value: &Value) -> Result<(), String> {
    let Value::Array(items) = value else { return Ok(()) };
    within(&word.replace("Items", "imum"), content, &json!(items.len()))
}

fn required(content: &Value, value: &Value) -> Result<(), String> {
    let Value::Object(fields) = value else { return Ok(()) };
    let missing = elements(content).iter().find(|name| {
        let name = name.as_str().expect("a name");
        !fields.contains_key(name)
    });
    missing.map_or(Ok(()), |name| Err(format!("{name} is missing")))
}

fn no_others(content: &Value, words: &Map<String, Value>, value: &Value) -> Result<(), String> {
    assert_eq!(content, &json!(false), "the walker knows no other use");
    let (known, Value::Object(fields)) = (&words["properties"], value) else { return Ok(()) };
    let other = fields.keys().find(|name| known.get(name).is_none());
    other.map_or(Ok(()), |name| Err(format!("{name} is unknown")))
}

fn validate(value: &Value) -> Result<(), String> {
    let root = schema();
    let walker = Walker { root };
    walker.fits(&walker.root, value, "$")
}

/// Every field of a report, with the place of each: what `failed` has, `ok` has.
fn shape(value: &Value) -> Vec<String> {
    let Value::Object(fields) = value else { panic!("a report is an object") };
    let mut names: Vec<String> = fields.keys().cloned().collect();
    for part in ["summary", "throughput", "reconciliation", "connections", "generator", "machine"] {
        let Some(Value::Object(fields)) = fields.get(part) else { panic!("{part} is an object") };
        names.extend(fields.keys().map(|name| format!("{part}.{name}")));
    }
    names
}

/// Reports of every kind and of every way out.
fn reports() -> Vec<(&'static str, Report)> {
    let interrupted = Load { interrupted: true, ..Load::of(plan()) };
    let until = Some(Until { percent: 0.1, runs_max: 2 });
    let runs = Load { runs: 2, ..Load::of(Plan { until, ..plan() }) };
    let mut troubled = Load::of(open(3.0));
    troubled.each = |slice| {
        slice.counts.wrong = 1;
        slice.failed.insert("EMFILE".to_owned(), 1);
        slice.failed.insert("EADDRNOTAVAIL".to_owned(), 2);
        slice.ended_early.insert("peer-closed".to_owned(), 2);
        slice.own_slip.record_ns(90_000_000);
        slice.own_slip.record_ns(95_000_000);
    };
    troubled.ending.threads = vec![thread(1.0, 0.5)];
    troubled.ending.receive_drops = Some(7);
    (troubled.ending.backlog, troubled.ending.own_backlog) = (900, 800);
    troubled.processors = Processors { own: vec![0, 1], server: Some(vec![0, 1]) };
    let sizes = Sizes::Weighted(vec![(64, 0.9), (1500, 0.1)]);
    let custom = Call::Custom { send: "PING\\n".to_owned(), expect: "PONG*\\n".to_owned() };
    let mut not_numbers = Load::of(Plan { sizes, call: custom, ..plan() });
    not_numbers.each = |slice| slice.seconds = 0.0;
    not_numbers.ending.threads = vec![thread(f64::NAN, f64::INFINITY)];
    not_numbers.machine.load_average = f64::NAN;
    not_numbers.server = Some(ServerUse {
        busy: f64::INFINITY,
        user_us_per_message: Some(f64::NAN),
        ..ServerUse::default()
    });
    let mut failed = Totals::new(&open(1.0), Vec::new(), std::time::UNIX_EPOCH, 2);
    failed.error = Some("connection refused".to_owned());
    let early = Totals::new(&plan(), Vec::new(), std::time::UNIX_EPOCH, 0);
    vec![
        ("ok", Load::of(plan()).report()),
        ("open", Load::of(open(1.0)).report()),
        ("interrupted", interrupted.report()),
        ("runs", runs.report()),
        ("troubled", troubled.report()),
        ("not numbers", not_numbers.report()),
        ("failed", failed.report()),
        ("nothing came", early.report()),
    ]
}

#[test]
fn every_report_obeys_the_schema() {
    for (name, report) in reports() {
        let value = serde_json::to_value(&report).expect("a report has a JSON form");
        assert_eq!(validate(&value), Ok(()), "{name}");
        let text = serde_json::to_string(&report).expect("a report has a text");
        let read: Report = serde_json::from_str(&text).expect("its own text can be read");
        assert_eq!(read.reconciliation, report.reconciliation, "{name}");
        assert_eq!(read.findings.len(), report.findings.len(), "{name}");
    }
}

#[test]
fn troubles_are_all_told() {
    let reports = reports();
    let (_, troubled) = reports.iter().find(|(name, _)| *name == "troubled").expect("it is there");
    let told = serde_json::to_string(&troubled.findings).expect("findings have a text");
    // A rate that is not reached is not the server's doing here; findings have their own tests.
    for kind in [
        "unreliable",
        "connections-failed",
        "generator-limited",
        "shared-processors",
        "processor",
        "delayed",
        "slip",
        "descriptors",
        "ports",
        "receive-drops",
        "backlog",
    ] {
        assert!(told.contains(&format!("\"{kind}\"")), "{kind} in {told}");
    }
}

#[test]
fn every_way_out_has_the_same_shape() {
    let shapes = reports().into_iter().map(|(name, report)| {
        (name, shape(&serde_json::to_value(&report).expect("a report has a JSON form")))
    });
    let shapes: Vec<_> = shapes.collect();
    for (name, other) in &shapes {
        assert_eq!(other, &shapes[0].1, "{name}");
    }
}

#[test]
fn a_refusal_obeys_the_schema_too() {
    let refusal = serde_json::to_value(Refusal::new("no such host")).expect("it has a JSON form");
    assert_eq!(validate(&refusal), Ok(()));
}

#[test]
fn what_is_no_report_is_refused() {
    let good = serde_json::to_value(Load::of(plan()).report()).expect("a report has a JSON form");
    for (place, bad) in [
        ("/outcome", json!("perhaps")),
        ("/throughput/seconds", Value::Null),
        ("/reconciliation/sent", json!(-1)),
        ("/plan/connections", json!("64")),
        ("/intervals/0", json!(7)),
        ("/summary", json!({})),
    ] {
        let mut value = good.clone();
        *value.pointer_mut(place).expect("it has that") = bad;
        assert!(validate(&value).is_err(), "{place}");
    }
}
