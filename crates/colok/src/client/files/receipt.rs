//! Receipts: what a server vouches for, kept as JSON.
//!
//! One receipt is one JSON object; a file may hold several, one after the other (JSON Lines). The
//! schema, version 1:
//!
//! ```json
//! {"version":1,"server":"tcp://127.0.0.1:25563","name":"docs/a.txt","size":5,
//!  "hash":"ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f",
//!  "durability":"full","outcome":"stored","time_unix_s":1700000000}
//! ```
//!
//! `size` is in bytes, `hash` the BLAKE3 of the whole file, `durability` one of `none`, `file`,
//! `full`, `outcome` one of `stored` and `have-it`; `time_unix_s` is when the answer came, by the
//! clock of the client. Unknown fields are ignored; another version is refused.

use colok_proto::files::{Durability, Hash, HaveIt, Name};
use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

/// The version of the schema.
pub const RECEIPT_VERSION: u32 = 1;

/// What a server vouches for, and when it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Receipt {
    /// The server as a URL, as it was asked for.
    pub server: String,
    /// The name in the store.
    pub name: Name,
    /// Size in bytes.
    pub size: u64,
    /// BLAKE3 of the whole file, computed on both sides.
    pub hash: Hash,
    /// How safe the bytes are.
    pub durability: Durability,
    /// Stored now, or there already.
    pub outcome: HaveIt,
    /// Seconds since 1970 when the answer came.
    pub time_unix_s: u64,
}

/// A text that holds no receipts.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("not a receipt: {detail}")]
pub struct ReceiptError {
    /// What is wrong with it.
    pub detail: String,
}

impl Receipt {
    /// All receipts of a text, in order; at least one.
    pub fn read_all(text: &str) -> Result<Vec<Self>, ReceiptError> {
        let receipts = serde_json::Deserializer::from_str(text).into_iter::<Self>();
        let receipts: Result<Vec<_>, _> = receipts.collect();
        let receipts = receipts.map_err(|error| ReceiptError { detail: error.to_string() })?;
        if receipts.is_empty() {
            return Err(ReceiptError { detail: "there is none".to_owned() });
        }
        Ok(receipts)
    }

    /// The receipt as one line of JSON, without a newline.
    pub fn to_json(&self) -> String {
        // A struct of numbers and texts always is JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The JSON object.
#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    server: String,
    name: String,
    size: u64,
    hash: String,
    durability: String,
    outcome: String,
    time_unix_s: u64,
}

impl From<Receipt> for Document {
    fn from(receipt: Receipt) -> Self {
        Self {
            version: RECEIPT_VERSION,
            server: receipt.server,
            name: receipt.name.as_str().to_owned(),
            size: receipt.size,
            hash: receipt.hash.to_string(),
            durability: receipt.durability.name().to_owned(),
            outcome: outcome_name(receipt.outcome).to_owned(),
            time_unix_s: receipt.time_unix_s,
        }
    }
}

impl TryFrom<Document> for Receipt {
    type Error = String;

    fn try_from(document: Document) -> Result<Self, String> {
        if document.version != RECEIPT_VERSION {
            return Err(format!("version {} is not {RECEIPT_VERSION}", document.version));
        }
        let outcome = match document.outcome.as_str() {
            "stored" => HaveIt::Stored,
            "have-it" => HaveIt::Already,
            other => return Err(format!("outcome {other:?}")),
        };
        let durability = Durability::from_name(&document.durability);
        Ok(Self {
            name: Name::new(&document.name).map_err(|_| format!("name {:?}", document.name))?,
            hash: document.hash.parse().map_err(|()| format!("hash {:?}", document.hash))?,
            durability: durability
                .ok_or_else(|| format!("durability {:?}", document.durability))?,
            outcome,
            server: document.server,
            size: document.size,
            time_unix_s: document.time_unix_s,
        })
    }
}

/// The word for it in receipts.
pub const fn outcome_name(outcome: HaveIt) -> &'static str {
    match outcome {
        HaveIt::Stored => "stored",
        HaveIt::Already => "have-it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Receipt {
        Receipt {
            server: "tcp://127.0.0.1:25563".into(),
            name: Name::new("docs/a b.txt").expect("it is a name"),
            size: 5,
            hash: Hash([0xab; 32]),
            durability: Durability::File,
            outcome: HaveIt::Already,
            time_unix_s: 1_700_000_000,
        }
    }

    #[test]
    fn a_receipt_is_one_line_and_reads_back() {
        let json = example().to_json();
        assert!(!json.contains('\n') && json.starts_with(r#"{"version":1,"server":"tcp://"#));
        assert!(json.contains(r#""outcome":"have-it""#) && json.contains(r#""hash":"abab"#));
        assert_eq!(Receipt::read_all(&json), Ok(vec![example()]));
        let two = format!("{json}\n{json}\n");
        assert_eq!(Receipt::read_all(&two).map(|all| all.len()), Ok(2));
    }

    #[test]
    fn what_is_none_is_refused_with_a_reason() {
        let json = example().to_json();
        for (from, to) in [
            (r#""version":1"#, r#""version":2"#),
            ("docs/a b.txt", "../a"),
            (r#""file""#, r#""safe""#),
            ("have-it", "maybe"),
            ("abab", "xyab"),
        ] {
            let wrong = json.replacen(from, to, 1);
            assert!(Receipt::read_all(&wrong).is_err(), "{wrong}");
        }
        assert!(Receipt::read_all("").is_err());
        assert!(Receipt::read_all(&json[..json.len() - 2]).is_err());
    }
}
