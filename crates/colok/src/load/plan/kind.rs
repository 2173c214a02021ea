//! From what a plan calls for to a caller's kind: words are read, patterns are cut into pieces.

use colok_proto::files::Hash;
use colok_proto::{CallerKind, CountLanguage, CountUnit, Piece};

use super::{Call, PlanError};
use crate::client::{PatternError, unescape};

/// The kind of caller for a call. `folder` is where files go, new for each load: what is already
/// there under a name would not be stored again.
pub(in crate::load) fn caller_kind(call: &Call, folder: String) -> Result<CallerKind, PlanError> {
    Ok(match call {
        Call::Echo => CallerKind::Echo,
        Call::Count { language, unit } => count(language, unit)?,
        Call::Discard => CallerKind::Discard,
        Call::Chargen => CallerKind::Chargen,
        Call::Files => CallerKind::Files { folder, hash },
        Call::Custom { send, expect } => {
            CallerKind::Custom { send: unescape(send)?, pieces: pieces(expect)? }
        }
    })
}

fn count(language: &str, unit: &str) -> Result<CallerKind, PlanError> {
    let language = match language {
        "id" => CountLanguage::Indonesian,
        "en" => CountLanguage::English,
        other => return Err(PlanError::Word { word: other.to_owned(), expected: "id or en" }),
    };
    let unit = match unit {
        "chars" => CountUnit::Characters,
        "bytes" => CountUnit::Bytes,
        other => {
            return Err(PlanError::Word { word: other.to_owned(), expected: "chars or bytes" });
        }
    };
    Ok(CallerKind::Count { language, unit })
}

/// The hash of the file store.
fn hash(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

/// Cuts a pattern into pieces. Unlike a search, a reply is matched from its first byte to its
/// last, so a star at an end means something.
fn pieces(pattern: &str) -> Result<Vec<Piece>, PatternError> {
    if pattern.is_empty() {
        return Err(PatternError::Empty);
    }
    let (mut pieces, mut rest) = (Vec::new(), pattern);
    while let Some(character) = rest.chars().next() {
        let length = match (character, rest.as_bytes().get(1)) {
            ('\\', Some(b'x')) => rest.char_indices().nth(4).map_or(rest.len(), |(at, _)| at),
            ('\\', _) => rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at),
            _ => character.len_utf8(),
        };
        let (one, behind) = rest.split_at(length);
        rest = behind;
        match one {
            // Two stars say no more than one.
            "*" if pieces.last() == Some(&Piece::AnyBytes) => {}
            "*" => pieces.push(Piece::AnyBytes),
            "?" => pieces.push(Piece::AnyByte),
            literal => match (pieces.last_mut(), unescape(literal)?) {
                (Some(Piece::Literal(before)), bytes) => before.extend(bytes),
                (_, bytes) => pieces.push(Piece::Literal(bytes)),
            },
        }
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_pieces() {
        let literal = |text: &str| Piece::Literal(text.as_bytes().to_vec());
        for (pattern, expected) in [
            (r"+PONG\r\n", vec![literal("+PONG\r\n")]),
            ("a?b", vec![literal("a"), Piece::AnyByte, literal("b")]),
            ("**é*", vec![Piece::AnyBytes, literal("é"), Piece::AnyBytes]),
            (r"\*\x41?", vec![literal("*A"), Piece::AnyByte]),
        ] {
            assert_eq!(pieces(pattern), Ok(expected), "{pattern}");
        }
        assert_eq!(pieces(""), Err(PatternError::Empty));
        for wrong in [r"a\", r"\q", r"\x1", r"\xg0", "\\é"] {
            assert!(matches!(pieces(wrong), Err(PatternError::Escape { .. })), "{wrong}");
        }
    }

    #[test]
    fn words_that_do_not_exist_are_told() {
        let call = Call::Count { language: "fr".into(), unit: "chars".into() };
        assert!(matches!(caller_kind(&call, String::new()), Err(PlanError::Word { .. })));
    }
}
