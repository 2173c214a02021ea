//! Tests of the rules for one file: each is shown a file that breaks it and one that keeps it.

use super::*;

fn texts(path: &str, text: &str) -> Vec<String> {
    check(&Source::parse(path, text)).iter().map(ToString::to_string).collect()
}

/// A file that opens as it should and then has these lines.
fn library(body: &str) -> Vec<String> {
    texts("crates/colok/src/a.rs", &format!("//! A file.\n{body}"))
}

/// The one problem that there is.
fn only(problems: &[String]) -> &str {
    assert_eq!(problems.len(), 1, "{problems:?}");
    &problems[0]
}

#[test]
fn a_file_says_what_it_is() {
    assert!(only(&texts("a.rs", "fn a() {}\n")).starts_with("a.rs:1: start with"));
    assert!(only(&texts("a.rs", "")).contains("start with"));
    assert!(texts("a.rs", "#!/usr/bin/env rust\n//! A script.\n").is_empty());
    assert!(only(&texts("a.rs", "#![no_std]\n//! Too late.\n")).contains("start with"));
}

#[test]
fn files_are_short_or_say_why_not() {
    let lines = "use a;\n".repeat(FILE_LINES);
    assert!(only(&library(&lines)).contains("601 lines"));
    assert!(library(&lines[7..]).is_empty());
    assert!(library(&format!("// tidy: allow(long): one table of calls\n{lines}")).is_empty());
}

#[test]
fn functions_are_short_or_say_why_not() {
    let long = format!("fn long() {{\n{}}}\n", "    a();\n".repeat(FUNCTION_LINES - 1));
    assert!(only(&library(&format!("use a;\n{long}"))).contains("a.rs:3: `long` has 71 lines"));
    let excused = format!("use a;\n// tidy: allow(long): one arm per call\n{long}");
    assert!(library(&excused).is_empty());
    let short = long.replacen("    a();\n", "", 1);
    assert!(library(&short).is_empty());
}

#[test]
fn lines_are_at_most_100_characters_wide() {
    let wide = format!("// {}\n", "é".repeat(98));
    assert!(only(&library(&wide)).contains("101 columns"));
    assert!(library(&wide.replacen('é', "", 1)).is_empty());
    let excused = format!("// tidy: allow(columns): an address cannot be broken\n{wide}");
    assert!(library(&excused).is_empty());
}

#[test]
fn unsafe_stays_in_its_crate() {
    let text = "//! A file.\nfn a() { unsafe { b() } }\n";
    assert!(only(&texts("crates/colok/src/a.rs", text)).contains("crates/sys"));
    assert!(texts("crates/sys/src/a.rs", text).is_empty());
    assert!(
        library("#![forbid(unsafe_code)]\n// unsafe\nconst A: &str = \"unsafe\";\n").is_empty()
    );
}

#[test]
fn unfinished_code_has_no_place() {
    for line in ["todo!()", "unimplemented!(\"later\")", "dbg!(1)", "#[ignore = \"why\"]"] {
        assert!(library(&format!("fn a() {{ {line} }}\n"))[0].contains("a.rs:2: `"), "{line}");
        assert!(library(&format!("/// {line}\nconst A: &str = \"{line}\";\n")).len() <= 1);
    }
    for word in BANNED[1].words {
        assert!(only(&library(&format!("// {word}: later\n"))).contains("mend it now"));
        assert!(library(&format!("const A: &str = \"/tmp/{word}\"; // {word}S\n")).is_empty());
    }
}

#[test]
fn tests_wait_for_conditions() {
    let sleep = "fn a() { std::thread::sleep(b); }\n";
    assert!(library(sleep).is_empty());
    assert!(only(&library(&format!("#[cfg(test)]\nmod tests {{\n{sleep}}}\n"))).contains("wait"));
    let text = format!("//! A test.\n{sleep}");
    assert!(only(&texts("crates/cli/tests/a.rs", &text)).contains("wait for a condition"));
    let excused =
        format!("//! A test.\n// tidy: allow(sleep): the pause is what is tested\n{sleep}");
    assert!(texts("crates/cli/tests/a.rs", &excused).is_empty());
}

#[test]
fn only_programs_print() {
    let text = "//! A file.\nfn a() { println!(\"a\") }\n";
    assert!(only(&texts("crates/proto/src/a.rs", text)).contains("only the command line prints"));
    for path in ["crates/cli/src/a.rs", "xtask/src/a.rs", "crates/colok/tests/a.rs"] {
        assert!(texts(path, text).is_empty(), "{path}");
    }
    assert!(library("#[cfg(test)]\nmod tests {\n    fn a() { println!() }\n}\n").is_empty());
}

#[test]
fn an_excuse_has_a_reason_a_rule_and_a_use() {
    let print = "fn a() { println!() }\n";
    let with = |comment: &str| library(&format!("{comment}\n{print}"));
    assert!(with("// tidy: allow(print): the spike is a program").is_empty());
    assert!(only(&with("// tidy: allow(print)")).contains("write the reason"));
    assert!(with("// tidy: allow(word): because I like it")[1].contains("no rule `word`"));
    let unused = library("// tidy: allow(print): nothing is printed here\nfn a() {}\n");
    assert!(only(&unused).contains("remove it"));
}
