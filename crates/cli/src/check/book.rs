//! The texts of colok as patterns, so that a scenario can expect a message by its id, in whatever
//! language: `message = "nothing-listens"`.
//!
//! What a message leaves open (a variable) becomes `*`; each of its plural forms is a pattern.

use std::collections::BTreeMap;

use colok::scenario::judge::Book;
use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use crate::messages::Language;

/// Forms of one message at most: two plurals in one text make four.
const FORMS_MAX: usize = 64;

/// The messages of every language.
pub(super) struct MessageBook {
    languages: Vec<(Language, BTreeMap<String, Vec<String>>)>,
}

impl MessageBook {
    pub(super) fn new() -> Self {
        let languages = [Language::English, Language::Indonesian];
        Self { languages: languages.map(|language| (language, patterns_of(language))).into() }
    }
}

impl Book for MessageBook {
    fn patterns(&self, id: &str, language: &str) -> Option<Vec<String>> {
        let (_, texts) = self.languages.iter().find(|(it, _)| it.code() == language)?;
        texts.get(id).cloned()
    }

    fn ids(&self) -> Vec<String> {
        let texts = self.languages.first().map(|(_, texts)| texts.keys().cloned());
        texts.into_iter().flatten().collect()
    }
}

/// The patterns of each message of a language.
fn patterns_of(language: Language) -> BTreeMap<String, Vec<String>> {
    let resource = FluentResource::try_new(language.source().to_owned())
        .unwrap_or_else(|(what_could_be_read, _)| what_could_be_read);
    let mut found = BTreeMap::new();
    for entry in resource.entries() {
        if let Entry::Message(message) = entry
            && let Some(text) = &message.value
        {
            let forms = forms(text).into_iter().map(|form| trimmed(&form)).collect();
            found.insert(message.id.name.to_owned(), forms);
        }
    }
    found
}

/// A search needs no stars at the ends; a text of stars alone stays one.
fn trimmed(form: &str) -> String {
    let mut inner = form.trim_start_matches('*');
    while let Some(shorter) = inner.strip_suffix('*').filter(|shorter| !escapes(shorter)) {
        inner = shorter;
    }
    if inner.is_empty() { "*".to_owned() } else { inner.to_owned() }
}

/// Whether a text ends in a backslash that is not one itself.
fn escapes(text: &str) -> bool {
    let marks = text.len() - text.trim_end_matches('\\').len();
    !marks.is_multiple_of(2)
}

/// Every form that a text can have.
fn forms(pattern: &Pattern<&str>) -> Vec<String> {
    let mut all = vec![String::new()];
    for element in &pattern.elements {
        let next = match element {
            PatternElement::TextElement { value } => vec![escaped(value)],
            PatternElement::Placeable { expression } => of_expression(expression),
        };
        let joined = all.iter().flat_map(|form| next.iter().map(move |more| joined(form, more)));
        all = joined.take(FORMS_MAX).collect();
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn joined(form: &str, more: &str) -> String {
    // Two stars are one.
    let more = if form.ends_with('*') && !escapes(&form[..form.len() - 1]) {
        more.trim_start_matches('*')
    } else {
        more
    };
    format!("{form}{more}")
}

fn of_expression(expression: &Expression<&str>) -> Vec<String> {
    match expression {
        Expression::Inline(InlineExpression::StringLiteral { value }) => vec![escaped(value)],
        Expression::Inline(_) => vec!["*".to_owned()],
        Expression::Select { variants, .. } => {
            variants.iter().flat_map(|variant| forms(&variant.value)).collect()
        }
    }
}

/// A text as a pattern that is this text.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Id;

    #[test]
    fn every_message_has_patterns_in_every_language() {
        let book = MessageBook::new();
        let ids = book.ids();
        assert_eq!(ids.len(), Id::ALL.len());
        for id in ids {
            for language in ["en", "id"] {
                let patterns = book.patterns(&id, language).unwrap_or_default();
                assert!(!patterns.is_empty(), "{id}");
                for pattern in &patterns {
                    let is_open = |end: bool| pattern.len() > 1 && end;
                    assert!(!is_open(pattern.starts_with('*')), "{id}: {pattern}");
                    assert!(!pattern.contains("**"), "{id}: {pattern}");
                    assert!(!pattern.is_empty() && !pattern.contains('{'), "{id}: {pattern}");
                }
            }
        }
        assert!(book.patterns("no-such-message", "en").is_none());
        assert!(book.patterns("nothing-listens", "fr").is_none());
    }

    #[test]
    fn variables_are_stars_and_plurals_are_forms() {
        let book = MessageBook::new();
        let patterns = |id, language| book.patterns(id, language).unwrap_or_default();
        assert_eq!(patterns("usage-missing", "en"), ["needs"].map(|it| format!(" {it} ")));
        assert_eq!(patterns("log-resumed", "en"), ["accepting again on "]);
        assert_eq!(patterns("check-cases", "en"), [" case", " cases"]);
        assert_eq!(patterns("check-cases", "id"), [" kasus"]);
    }

    #[test]
    fn what_means_something_in_a_pattern_is_escaped() {
        assert_eq!(escaped(r"a*b?c\"), r"a\*b\?c\\");
        assert_eq!(trimmed(r"*a\**"), r"a\*");
        assert_eq!(trimmed("**"), "*");
        assert_eq!(joined("a*", "*b"), "a*b");
        assert_eq!(joined(r"a\*", "*b"), r"a\**b");
    }
}
