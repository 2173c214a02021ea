//! Every text that people read, in English and Indonesian (Fluent, embedded in the binary).
//!
//! A text is named by an [`Id`]; the tests hold that both languages have exactly the ids of that
//! enum, with the same variables. Texts on the wire, reason words and other words that are part
//! of a contract never come from here.

mod ids;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

pub(crate) use ids::Id;

/// A language that colok speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Indonesian,
}

impl Language {
    /// The word for it on the command line.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Indonesian => "id",
        }
    }

    /// Its texts, as they are written.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../i18n/en.ftl"),
            Self::Indonesian => include_str!("../i18n/id.ftl"),
        }
    }

    /// The language of a locale such as `id_ID.UTF-8`, `in-ID` (the old code) or `en`.
    fn of_locale(locale: &str) -> Option<Self> {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "id" | "in" => Some(Self::Indonesian),
            "en" | "c" | "posix" => Some(Self::English),
            _ => None,
        }
    }

    /// The language to speak: the option, else `COLOK_LANG`, else the locale, else English. What
    /// none of them knows is passed over; a wrong option is told by whoever reads the options.
    pub(crate) fn choose(option: Option<&str>) -> Self {
        let variable = std::env::var("COLOK_LANG").ok();
        let asked = [option.map(str::to_owned), variable];
        let asked = asked.into_iter().flatten().find_map(|text| Self::of_locale(&text));
        asked.or_else(Self::of_system).unwrap_or(Self::English)
    }

    fn of_system() -> Option<Self> {
        // POSIX: the first of these that is set and not empty decides, also with a language that
        // we do not have.
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            if let Ok(value) = std::env::var(name)
                && !value.is_empty()
            {
                return Self::of_locale(&value);
            }
        }
        sys_locale::get_locale().and_then(|locale| Self::of_locale(&locale))
    }
}

/// The texts of one language. Clones share them.
#[derive(Clone)]
pub(crate) struct Messages {
    bundle: Arc<FluentBundle<FluentResource>>,
}

impl Messages {
    pub(crate) fn new(language: Language) -> Self {
        let locale: LanguageIdentifier = language.code().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![locale]);
        // The marks that isolate text directions show as boxes in many terminals.
        bundle.set_use_isolating(false);
        let resource = FluentResource::try_new(language.source().to_owned())
            .unwrap_or_else(|(what_could_be_read, _)| what_could_be_read);
        // Doubled ids are the only error; a test rules them out.
        let _ = bundle.add_resource(resource);
        Self { bundle: Arc::new(bundle) }
    }

    /// A text without variables.
    pub(crate) fn text(&self, id: Id) -> String {
        self.format(id, None)
    }

    /// A text with variables. Prefer [`say!`](crate::say).
    pub(crate) fn with(&self, id: Id, variables: &[(&'static str, FluentValue<'_>)]) -> String {
        let mut arguments = FluentArgs::with_capacity(variables.len());
        for (name, value) in variables {
            arguments.set(*name, value.clone());
        }
        self.format(id, Some(&arguments))
    }

    /// A text with variables, taken apart once to be filled many times: filling costs a copy, where
    /// formatting costs a look at the whole message. Only for texts without plural forms.
    pub(crate) fn template(&self, id: Id, variables: &[&'static str]) -> Template {
        // Private use characters stand for the variables; no text of ours has any.
        let mark =
            |index: usize| u32::try_from(index).ok().and_then(|at| char::from_u32(0xe000 + at));
        let mut arguments = FluentArgs::with_capacity(variables.len());
        for (index, name) in variables.iter().enumerate() {
            arguments.set(*name, mark(index).unwrap_or_default().to_string());
        }
        let text = self.format(id, Some(&arguments));
        let mut pieces = vec![Piece::Text(String::new())];
        for character in text.chars() {
            let variable = (0..variables.len()).find(|index| mark(*index) == Some(character));
            match (variable, pieces.last_mut()) {
                (Some(index), _) => pieces.push(Piece::Variable(index)),
                (None, Some(Piece::Text(text))) => text.push(character),
                (None, _) => pieces.push(Piece::Text(character.to_string())),
            }
        }
        Template(pieces)
    }

    fn format(&self, id: Id, arguments: Option<&FluentArgs<'_>>) -> String {
        let name = id.name();
        let pattern = self.bundle.get_message(&name).and_then(|message| message.value());
        let Some(pattern) = pattern else { return name };
        let mut errors = Vec::new();
        self.bundle.format_pattern(pattern, arguments, &mut errors).into_owned()
    }
}

/// A text to be filled in, see [`Messages::template`].
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Piece>);

/// A part of a [`Template`].
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// The index of a variable.
    Variable(usize),
}

impl Template {
    /// The text with these values, in the order in which the variables were named.
    pub(crate) fn fill(&self, values: &[&str]) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Variable(index) => text.push_str(values.get(*index).unwrap_or(&"")),
            }
        }
        text
    }
}

/// Formats a text with variables: `say!(messages, Id::LogPaused, address = "x")`. A string is
/// shown as it is; a number chooses the plural form.
#[macro_export]
macro_rules! say {
    ($messages:expr, $id:expr $(, $name:ident = $value:expr)* $(,)?) => {
        $messages.with(
            $id,
            &[$((stringify!($name), ::fluent_bundle::FluentValue::from($value))),*],
        )
    };
}
