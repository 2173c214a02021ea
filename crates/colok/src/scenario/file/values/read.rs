//! How the values of a scenario file are read from TOML, and what they are in the schema.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Length, Limit, Numbers, OneOrMany, Size, Times, Words};
use crate::net::duration::parse_duration;

/// What TOML may hold in place of a value.
enum Written {
    Truth(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
    Texts(Vec<String>),
    Wholes(Vec<i64>),
}

/// One element of a list.
enum Element {
    Whole(i64),
    Text(String),
}

struct ElementVisitor;

impl Visitor<'_> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a whole number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Element, E> {
        Ok(Element::Whole(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Element, E> {
        Ok(Element::Text(value.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number, true, false or a list")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Written, E> {
        Ok(Written::Truth(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Written, E> {
        Ok(Written::Whole(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Written, E> {
        Ok(Written::Decimal(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Written, E> {
        Ok(Written::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Written, A::Error> {
        let elements = Vec::<Element>::deserialize(SeqAccessDeserializer::new(sequence))?;
        let mut texts = Vec::new();
        let mut wholes = Vec::new();
        for element in elements {
            match element {
                Element::Whole(value) => wholes.push(value),
                Element::Text(value) => texts.push(value),
            }
        }
        match (texts.is_empty(), wholes.is_empty()) {
            (_, true) => Ok(Written::Texts(texts)),
            (true, false) => Ok(Written::Wholes(wholes)),
            (false, false) => Err(A::Error::custom("a list of texts or of numbers, not of both")),
        }
    }
}

/// Reads a value through `read`, which gives `None` for what it does not understand; `form` says
/// what would be understood.
fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    form: &str,
    read: impl FnOnce(&Written) -> Option<T>,
) -> Result<T, D::Error> {
    let written = deserializer.deserialize_any(WrittenVisitor)?;
    read(&written).ok_or_else(|| D::Error::custom(format!("expected {form}, got {written}")))
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(value) => write!(formatter, "{value}"),
            Self::Whole(value) => write!(formatter, "{value}"),
            Self::Decimal(value) => write!(formatter, "{value}"),
            Self::Text(value) => write!(formatter, "{value:?}"),
            Self::Texts(values) => write!(formatter, "{values:?}"),
            Self::Wholes(values) => write!(formatter, "{values:?}"),
        }
    }
}

/// Gives a type its way from TOML and its place in the schema.
macro_rules! value {
    ($type:ident, $form:literal, $schema:tt, $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(deserializer, $form, $read)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

value!(
    Length,
    "a length of time such as \"5s\", \"100ms\"",
    { "type": "string", "description": "A length of time: `5s`, `100ms`, `2.5s`, `3m`." },
    |written| match written {
        Written::Text(text) => parse_duration(text).ok().map(Length),
        _ => None,
    }
);

value!(
    Size,
    "a size such as 100, \"64K\", \"1M\"",
    {
        "type": ["integer", "string"], "minimum": 0,
        "description": "A size in bytes: `100`, `\"64K\"`, `\"1M\"`, `\"1G\"` (powers of 1024)."
    },
    |written| match written {
        Written::Whole(value) => u64::try_from(*value).ok().map(Size),
        Written::Text(text) => size(text).map(Size),
        _ => None,
    }
);

value!(
    Numbers,
    "numbers such as 3, \"1..5\", \"2..\", [0, 3]",
    {
        "type": ["integer", "string", "array"], "items": { "type": "integer" },
        "description": "Whole numbers: `3`, `\"1..5\"` (both included), `\"2..\"`, `\"..5\"`, \
                        `[0, 3]`."
    },
    |written| match written {
        Written::Whole(value) => Some(Numbers(vec![(*value, *value)])),
        Written::Wholes(values) if !values.is_empty() => {
            Some(Numbers(values.iter().map(|value| (*value, *value)).collect()))
        }
        Written::Text(text) => numbers(text),
        _ => None,
    }
);

value!(
    Times,
    "a range of time such as \"4.9s..7s\", \"..2s\", \"5s..\"",
    { "type": "string", "description": "From one length of time to another: `4.9s..7s`, `..2s`." },
    |written| match written {
        Written::Text(text) => times(text),
        _ => None,
    }
);

value!(
    Limit,
    "a number, a range such as \">= 10\" or \"1..5\", true, false or a text",
    {
        "type": ["boolean", "number", "string"],
        "description": "A number, a range (`\">= 10\"`, `\"< 0.5\"`, `\"1..5\"`), a truth, or a \
                        text (`*` and `?` as in patterns)."
    },
    |written| match written {
        Written::Truth(value) => Some(Limit::Truth(*value)),
        #[expect(clippy::cast_precision_loss, reason = "figures are floating point in JSON too")]
        Written::Whole(value) => Some(Limit::Range { least: *value as f64, most: *value as f64 }),
        Written::Decimal(value) => Some(Limit::Range { least: *value, most: *value }),
        // It would be a text that nothing is, and is meant as a range.
        Written::Text(text) if text.starts_with("=>") || text.starts_with("=<") => None,
        Written::Text(text) => Some(Limit::of(text)),
        Written::Texts(_) | Written::Wholes(_) => None,
    }
);

value!(
    Words,
    "a command: a text in which every quote ends, or a list of words",
    {
        "type": ["string", "array"], "items": { "type": "string" },
        "description": "A command: a text that is split into words as a shell does, or a list of \
                        words."
    },
    |written| match written {
        Written::Text(text) => shlex::split(text).filter(|words| !words.is_empty()).map(Words),
        Written::Texts(words) if !words.is_empty() => Some(Words(words.clone())),
        _ => None,
    }
);

value!(
    OneOrMany,
    "a text or a list of texts",
    {
        "type": ["string", "array"], "items": { "type": "string" },
        "description": "A text or a list of texts."
    },
    |written| match written {
        Written::Text(text) => Some(OneOrMany(vec![text.clone()])),
        Written::Texts(texts) if !texts.is_empty() => Some(OneOrMany(texts.clone())),
        _ => None,
    }
);

fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], 10),
        (at, 'M') => (&text[..at], 20),
        (at, 'G') => (&text[..at], 30),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn numbers(text: &str) -> Option<Numbers> {
    let text = text.trim();
    let Some((least, most)) = text.split_once("..") else {
        return text.parse().ok().map(|value| Numbers(vec![(value, value)]));
    };
    let least = if least.is_empty() { i64::MIN } else { least.trim().parse().ok()? };
    let most = if most.is_empty() { i64::MAX } else { most.trim().parse().ok()? };
    (least <= most).then(|| Numbers(vec![(least, most)]))
}

fn times(text: &str) -> Option<Times> {
    let (least, most) = text.split_once("..")?;
    let least =
        if least.is_empty() { Duration::ZERO } else { parse_duration(least.trim()).ok()? };
    let most = if most.is_empty() { Duration::MAX } else { parse_duration(most.trim()).ok()? };
    (least <= most).then_some(Times { least, most })
}

impl Limit {
    /// The limit that a text means: what does not look like a range is a text.
    pub(crate) fn of(text: &str) -> Self {
        range(text).unwrap_or_else(|| Self::Text(text.to_owned()))
    }
}

fn range(text: &str) -> Option<Limit> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    if let Some(rest) = text.strip_prefix(">=") {
        return Some(Limit::Range { least: number(rest)?, most: f64::INFINITY });
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return Some(Limit::Range { least: f64::NEG_INFINITY, most: number(rest)? });
    }
    if let Some(rest) = text.strip_prefix('>') {
        return Some(Limit::Range { least: number(rest)?.next_up(), most: f64::INFINITY });
    }
    if let Some(rest) = text.strip_prefix('<') {
        return Some(Limit::Range { least: f64::NEG_INFINITY, most: number(rest)?.next_down() });
    }
    let (least, most) = text.split_once("..")?;
    let (least, most) = (number(least)?, number(most)?);
    (least <= most).then_some(Limit::Range { least, most })
}
