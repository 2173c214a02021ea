//! A run as `JUnit` XML, for build servers: a suite per scenario, a test case per case.
//!
//! What is not proved (invalid, unknown) is an `error`, not a `failure`: nothing was found out. The
//! words are the same in every language, because programs read them. Characters that XML cannot
//! hold are replaced.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use colok::scenario::evidence;
use colok::scenario::record::{Case, Run, Verdict};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::transcript::{self, Tail};
use super::trouble::{Trouble, troubles};
use super::words::{Group, VERDICTS};
use crate::messages::{Language, Messages};
use crate::units::rfc3339;

/// Lines of the transcript of each program.
const LINES: usize = 20;

type Xml = Writer<Vec<u8>>;

/// The text of `junit.xml`; `folder` is that of the run.
pub(super) fn write(run: &Run, folder: &Path) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: Vec<&Case> = run.cases.iter().collect();
    let counts = counts(&all, run.duration_s);
    let counts = counts.iter().map(|(name, value)| (*name, value.as_str()));
    let suites = xml.create_element("testsuites").with_attribute(("name", "colok check"));
    suites.with_attributes(counts).write_inner_content(|xml| {
        for group in Group::all(&run.cases) {
            suite(xml, &group, run, folder)?;
        }
        Ok(())
    })?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// How many cases, how many of them ended in each way that `JUnit` knows, and the time.
fn counts(cases: &[&Case], duration_s: f64) -> [(&'static str, String); 5] {
    let count = |verdicts: &[Verdict]| {
        cases.iter().filter(|case| verdicts.contains(&case.verdict)).count().to_string()
    };
    [
        ("tests", count(&VERDICTS)),
        ("failures", count(&[Verdict::Fail])),
        ("errors", count(&[Verdict::Invalid, Verdict::Unknown])),
        ("skipped", count(&[Verdict::Skipped])),
        ("time", format!("{duration_s:.3}")),
    ]
}

fn suite(xml: &mut Xml, group: &Group<'_>, run: &Run, folder: &Path) -> io::Result<()> {
    let started = group.cases.iter().map(|case| case.started_unix_us).min().unwrap_or_default();
    // Readers expect a time without its zone.
    let started = rfc3339(started);
    let started = started.split('.').next().unwrap_or_default();
    let (name, file, host) = (clean(group.scenario), clean(group.file), clean(&run.machine.name));
    let counts = counts(&group.cases, group.duration_s());
    let counts = counts.iter().map(|(name, value)| (*name, value.as_str()));
    let suite = xml.create_element("testsuite").with_attribute(("name", name.as_str()));
    let suite = suite.with_attributes(counts).with_attributes([
        ("timestamp", started),
        ("hostname", host.as_str()),
        ("file", file.as_str()),
    ]);
    suite.write_inner_content(|xml| {
        let seed = run.seed.to_string();
        let command = run.command.join(" ");
        let known = [
            ("title", group.title),
            ("seed", &seed),
            ("command", &command),
            ("tool", &run.tool),
            ("kernel", &run.machine.kernel),
        ];
        properties(xml, &known)?;
        for case in &group.cases {
            test_case(xml, case, folder)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn test_case(xml: &mut Xml, case: &Case, folder: &Path) -> io::Result<()> {
    let line = case.checks.iter().find(|check| check.verdict != Verdict::Pass);
    let line = line.map_or(1, |check| check.line).to_string();
    let (id, scenario, file) = (clean(&case.id), clean(&case.scenario), clean(&case.file));
    let time = format!("{:.3}", case.duration_s);
    let element = xml.create_element("testcase").with_attributes([
        ("name", id.as_str()),
        ("classname", scenario.as_str()),
        ("time", time.as_str()),
        ("file", file.as_str()),
        ("line", line.as_str()),
    ]);
    element.write_inner_content(|xml| {
        let seed = case.seed.to_string();
        let evidence = format!("cases/{}", evidence::file_name(&case.id));
        properties(xml, &[("seed", &seed), ("evidence", &evidence), ("source", &case.source)])?;
        outcome(xml, case)?;
        let said = transcript::of_all(folder, case, LINES);
        if !said.is_empty() {
            let text = clean(&transcript_text(&said));
            xml.create_element("system-out").write_text_content(BytesText::new(&text))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn properties(xml: &mut Xml, known: &[(&str, &str)]) -> io::Result<()> {
    xml.create_element("properties").write_inner_content(|xml| {
        for (name, value) in known.iter().filter(|(_, value)| !value.is_empty()) {
            let value = clean(value);
            let attributes = [("name", *name), ("value", value.as_str())];
            xml.create_element("property").with_attributes(attributes).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn outcome(xml: &mut Xml, case: &Case) -> io::Result<()> {
    let (element, kind) = match case.verdict {
        Verdict::Pass => return Ok(()),
        Verdict::Fail => ("failure", "fail"),
        Verdict::Invalid => ("error", "invalid"),
        Verdict::Unknown => ("error", "unknown"),
        Verdict::Skipped => ("skipped", ""),
    };
    let reason = clean(&case.reason);
    let element = xml.create_element(element).with_attribute(("message", reason.as_str()));
    if kind.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    let text = clean(&trouble_text(case));
    let element = element.with_attribute(("type", kind));
    element.write_text_content(BytesText::new(&text))?;
    Ok(())
}

/// What went wrong, one after the other.
fn trouble_text(case: &Case) -> String {
    // The words of programs' reports do not depend on a language.
    let messages = Messages::new(Language::English);
    let text = |trouble: &Trouble| {
        let mut text = format!("{}\n{}\n", trouble.place, trouble.what);
        for (label, value) in &trouble.seen {
            let _ = writeln!(text, "  {label}: {value}");
        }
        text
    };
    troubles(case, &messages).iter().map(text).collect()
}

fn transcript_text(said: &[Tail]) -> String {
    let mut text = String::new();
    for tail in said {
        let _ = writeln!(text, "--- {} {}", tail.step, tail.stream);
        if tail.cut {
            text.push_str("...\n");
        }
        for line in &tail.lines {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Characters that XML 1.0 cannot hold, even escaped (section 2.2), are replaced.
fn clean(text: &str) -> String {
    let fits = |character: char| {
        matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || character >= '\u{10000}'
    };
    text.chars().map(|it| if fits(it) { it } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::troubled;

    #[test]
    fn each_verdict_has_its_element() {
        let bytes = write(&troubled(), Path::new("/nonexistent")).expect("memory has room");
        let text = String::from_utf8(bytes).expect("it is text");
        for part in [
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            r#"<testsuites name="colok check" tests="5" failures="1" errors="2" skipped="1""#,
            r#"<testsuite name="echo" tests="2" failures="1" errors="0" skipped="0" time="2.500""#,
            r#"timestamp="2023-11-14T22:13:20" hostname="box" file="scenarios/echo.toml">"#,
            r#"<testcase name="echo[engine=events]" classname="echo" time="1.250" file="#,
            r#"file="scenarios/echo.toml" line="23">"#,
            r#"<failure message="the reason" type="fail">"#,
            r#"type="invalid""#,
            r#"type="unknown""#,
            r#"<skipped message="no network namespaces: unshare: EPERM"/>"#,
            r#"<property name="evidence" value="cases/cut"/>"#,
            "hello &amp; &lt;goodbye&gt;",
            "]]&gt;",
        ] {
            assert!(text.contains(part), "no {part} in {text}");
        }
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(
            clean("a\0b\x1b\u{fffe}\t\n\u{10000}"),
            "a\u{fffd}b\u{fffd}\u{fffd}\t\n\u{10000}"
        );
    }
}
