//! Just enough JSON to read what other programs report: whole values, no writing, no types.
//!
//! It takes what these programs print and refuses everything else with `None`; it is not a check
//! of anybody's JSON.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Truth(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Deeper than any report; a bound for what recursion may take.
const DEPTH_MAX: usize = 64;

impl Json {
    /// The value that is the whole text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_start();
        let value = value(&mut rest, 0)?;
        rest.trim_start().is_empty().then_some(value)
    }

    /// The value behind names with dots between: `summary.ok`. A number counts into a list.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |value, name| match value {
            Self::Object(pairs) => pairs.iter().find(|(key, _)| key == name).map(|(_, one)| one),
            Self::List(values) => values.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The number there.
    pub(super) fn number(&self, path: &str) -> Option<f64> {
        match self.at(path)? {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text there.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The numbers of the list there.
    pub(super) fn numbers(&self, path: &str) -> Vec<f64> {
        let Some(Self::List(values)) = self.at(path) else { return Vec::new() };
        values.iter().filter_map(Self::number_itself).collect()
    }

    fn number_itself(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

fn value(rest: &mut &str, depth: usize) -> Option<Json> {
    if depth > DEPTH_MAX {
        return None;
    }
    match rest.chars().next()? {
        '{' => object(rest, depth),
        '[' => list(rest, depth),
        '"' => text(rest).map(Json::Text),
        _ => word(rest),
    }
}

fn word(rest: &mut &str) -> Option<Json> {
    let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    match word {
        "null" => Some(Json::Null),
        "true" => Some(Json::Truth(true)),
        "false" => Some(Json::Truth(false)),
        number => number.parse().ok().map(Json::Number),
    }
}

fn text(rest: &mut &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = rest.strip_prefix('"')?.chars();
    loop {
        match letters.next()? {
            '"' => break,
            '\\' => text.push(escaped(&mut letters)?),
            letter => text.push(letter),
        }
    }
    *rest = letters.as_str();
    Some(text)
}

fn escaped(letters: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match letters.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let digits: String = letters.take(4).collect();
            // Half of a pair names no character by itself; no figure is behind one.
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or('\u{fffd}')
        }
        plain => plain,
    })
}

fn list(rest: &mut &str, depth: usize) -> Option<Json> {
    let mut values = Vec::new();
    items(rest, '[', ']', |rest| {
        values.push(value(rest, depth + 1)?);
        Some(())
    })?;
    Some(Json::List(values))
}

fn object(rest: &mut &str, depth: usize) -> Option<Json> {
    let mut pairs = Vec::new();
    items(rest, '{', '}', |rest| {
        let name = text(rest)?;
        *rest = rest.trim_start().strip_prefix(':')?.trim_start();
        pairs.push((name, value(rest, depth + 1)?));
        Some(())
    })?;
    Some(Json::Object(pairs))
}

fn items(
    rest: &mut &str,
    open: char,
    close: char,
    mut item: impl FnMut(&mut &str) -> Option<()>,
) -> Option<()> {
    *rest = rest.strip_prefix(open)?.trim_start();
    if let Some(after) = rest.strip_prefix(close) {
        *rest = after;
        return Some(());
    }
    loop {
        item(rest)?;
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(close) {
            *rest = after;
            return Some(());
        }
        *rest = rest.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_path() {
        let text = r#" {"a": {"b": [1, -2.5e3, {"c": "x\"\u0041\n"}]}, "t": true, "n": null} "#;
        let json = Json::parse(text).unwrap();
        assert_eq!(json.number("a.b.1"), Some(-2500.0));
        assert_eq!(json.text("a.b.2.c"), Some("x\"A\n"));
        assert_eq!(json.at("t"), Some(&Json::Truth(true)));
        assert_eq!(json.at("n"), Some(&Json::Null));
        assert_eq!(json.numbers("a.b"), [1.0, -2500.0]);
        assert_eq!(json.number("a.c"), None);
        assert_eq!(Json::parse("{}"), Some(Json::Object(Vec::new())));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "[1] 2", "\"open", "nul", "{\"a\":}"] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
        assert_eq!(Json::parse(&"[".repeat(100_000)), None);
    }
}
