//! Both languages have every text, with the same variables, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Resource};

use super::*;

/// The variables of each message of a language.
fn variables(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let resource: Resource<&str> = fluent_syntax::parser::parse(language.source())
        .unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", language.code()));
    let mut found = BTreeMap::new();
    for entry in &resource.body {
        match entry {
            Entry::Message(message) => {
                let mut names = BTreeSet::new();
                let pattern = message.value.as_ref().expect("every message has a text");
                of_pattern(pattern, &mut names);
                let id = message.id.name.to_owned();
                assert!(found.insert(id.clone(), names).is_none(), "{id} is there twice");
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            other => panic!("{}: {other:?}", language.code()),
        }
    }
    found
}

fn of_pattern(pattern: &Pattern<&str>, names: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            of_expression(expression, names);
        }
    }
}

fn of_expression(expression: &Expression<&str>, names: &mut BTreeSet<String>) {
    let inline = match expression {
        Expression::Inline(inline) => inline,
        Expression::Select { selector, variants } => {
            for variant in variants {
                of_pattern(&variant.value, names);
            }
            selector
        }
    };
    if let InlineExpression::VariableReference { id } = inline {
        names.insert(id.name.to_owned());
    }
}

#[test]
fn both_languages_have_every_text_with_the_same_variables() {
    let english = variables(Language::English);
    let indonesian = variables(Language::Indonesian);
    let ids: BTreeSet<String> = Id::ALL.iter().map(|id| id.name()).collect();
    let missing = |texts: &BTreeMap<String, BTreeSet<String>>| {
        let there: BTreeSet<String> = texts.keys().cloned().collect();
        ids.symmetric_difference(&there).cloned().collect::<Vec<_>>()
    };
    assert_eq!(missing(&english), Vec::<String>::new(), "English");
    assert_eq!(missing(&indonesian), Vec::<String>::new(), "Indonesian");
    for (id, names) in &english {
        assert_eq!(names, &indonesian[id], "the variables of {id}");
    }
}

#[test]
fn translations_are_not_copies() {
    let texts = |language| Messages::new(language);
    let (english, indonesian) = (texts(Language::English), texts(Language::Indonesian));
    let same: Vec<String> = Id::ALL
        .iter()
        .filter(|id| english.text(**id) == indonesian.text(**id))
        .map(|id| id.name())
        .collect();
    // Words that the two languages share.
    let shared = ["header-checksum"];
    let surprising: Vec<_> = same.iter().filter(|id| !shared.contains(&id.as_str())).collect();
    assert!(surprising.is_empty(), "{surprising:?}");
}

#[test]
fn languages_are_chosen_by_code() {
    assert_eq!(Language::of_locale("id_ID.UTF-8"), Some(Language::Indonesian));
    assert_eq!(Language::of_locale("in-ID"), Some(Language::Indonesian));
    assert_eq!(Language::of_locale("C.UTF-8"), Some(Language::English));
    assert_eq!(Language::of_locale("en"), Some(Language::English));
    assert_eq!(Language::of_locale("fr_FR"), None);
}

#[test]
fn variables_are_put_in_without_marks() {
    let messages = Messages::new(Language::English);
    let text = crate::say!(messages, Id::LogResumed, address = "tcp://127.0.0.1:7");
    assert_eq!(text, "accepting again on tcp://127.0.0.1:7");
}

#[test]
fn a_template_gives_what_formatting_gives() {
    for language in [Language::English, Language::Indonesian] {
        let messages = Messages::new(language);
        let template = messages.template(Id::LogReplied, &["bytes"]);
        assert_eq!(template.fill(&["17"]), crate::say!(messages, Id::LogReplied, bytes = "17"));
        let names = ["name", "size", "durability", "hash"];
        let template = messages.template(Id::SendStored, &names);
        let formatted = crate::say!(
            messages,
            Id::SendStored,
            name = "a",
            size = "1",
            durability = "full",
            hash = "ab"
        );
        assert_eq!(template.fill(&["a", "1", "full", "ab"]), formatted);
    }
}
