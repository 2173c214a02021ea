//! Tests of the splitting of a file into code, comments and functions.

use super::*;

fn code(text: &str) -> String {
    Source::parse("a.rs", text).code.join("\n")
}

fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let found = Source::parse("a.rs", text).functions();
    found.into_iter().map(|(name, span)| (name, span.first, span.last)).collect()
}

#[test]
fn comments_and_code_part() {
    let source = Source::parse("a.rs", "let a = 1; // one {\n/* two /* three */ } */ let b;\n");
    assert_eq!(source.code[0].trim_end(), "let a = 1;");
    assert_eq!(source.comments[0].trim(), "// one {");
    assert_eq!(source.code[1].trim(), "let b;");
    assert_eq!(source.comments[1].trim(), "/* two /* three */ } */");
}

#[test]
fn the_insides_of_literals_are_no_code() {
    assert_eq!(code(r#"f("} // \" {")"#), r#"f("         ")"#);
    assert_eq!(code(r##"f(r#"} " {"#, b"{")"##), r##"f(r#"     "#, b" ")"##);
    assert_eq!(code(r"f('{', '\'', b'}', '\u{7d}')"), "f(   ,     , b   ,         )");
    assert_eq!(code("f(\"\\\\\", '\"') {}"), "f(\"  \",    ) {}");
}

#[test]
fn lifetimes_and_raw_names_are_no_literals() {
    for text in ["fn f<'a>(x: &'a str, y: &'static u8) {}", "let r#type = for_r(1);", "br#\"x"] {
        let expected = text.replace("\"x", "\" ");
        assert_eq!(code(text), expected);
    }
}

#[test]
fn unfinished_literals_do_not_panic() {
    for text in ["\"\\", "'\\", "'", "r#\"", "/*", "b'", "fn", "fn f() {"] {
        let source = Source::parse("a.rs", text);
        assert_eq!(source.lines.len(), source.code.len(), "{text}");
        assert!(source.functions().is_empty(), "{text}");
    }
}

#[test]
fn a_function_reaches_from_its_word_to_its_last_brace() {
    let text = "\
#[inline]
pub(crate) fn long(
    x: [u8; 2],
) -> bool
where
    u8: Copy,
{
    let f = || { '}' };
    g(|| { 1 });
}
fn short() {}
";
    assert_eq!(functions(text), [("long".to_owned(), 1, 9), ("short".to_owned(), 10, 10)]);
}

#[test]
fn declarations_and_types_have_no_length() {
    let text = "trait T {\n    fn a(&self, n: [u8; 4]);\n}\nstruct S { f: fn(u8) -> u8 }\n";
    assert_eq!(functions(text), []);
}

#[test]
fn nested_functions_count_each_for_itself() {
    let text = "fn a() {\n    fn b() {\n    }\n}\n";
    assert_eq!(functions(text), [("a".to_owned(), 0, 3), ("b".to_owned(), 1, 2)]);
}

#[test]
fn items_for_tests_are_known() {
    let text = "#[cfg(test)]\nextern crate std;\nfn a() {}\n#[cfg(test)]\n#[path = \"x\"]\n\
                mod tests {\n    fn b() {}\n}\nfn c() {}\n";
    assert_eq!(Source::parse("a.rs", text).test_items(), [Span { first: 3, last: 7 }]);
}

#[test]
fn an_allow_excuses_the_item_it_stands_above() {
    let text = "fn a() {}\n\n/// Doc.\n// tidy: allow(long): a table\n#[inline]\nfn b() {}\n\
                fn c() {} // tidy: allow(long): at its end\nfn d() {}\n";
    let source = Source::parse("a.rs", text);
    let lines: Vec<_> = (0..8).filter(|&line| source.is_allowed("long", line)).collect();
    assert_eq!(lines, [3, 4, 5, 6]);
    assert!(!source.is_allowed("print", 5));
    assert!(!source.is_file_allowed("long"));
    let reasons: Vec<_> = source.allows().into_iter().map(|allow| allow.reason).collect();
    assert_eq!(reasons, ["a table", "at its end"]);
}

#[test]
fn an_allow_in_the_head_excuses_the_file() {
    let source = Source::parse("a.rs", "//! Doc.\n\n// tidy: allow(long): a table\n\nuse x;\n");
    assert!(source.is_file_allowed("long"));
    assert!(source.was_used(&source.allows()[0]));
}
