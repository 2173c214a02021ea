//! The JSON schemas of scenario files and of the record of a run: made from the types, published as
//! `docs/scenario.schema.json` and `docs/check-run.schema.json`.
//!
//! Tests keep the published files equal to what is made here. The schema of a scenario says its
//! form; what names refer to and which keys go together is checked by [`super::read`] alone.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::file::Scenario;
use super::record::{Refusal, Run};

/// What `colok check --json` writes.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used; what is written is one of the two")]
enum CheckRun {
    /// The scenarios were run: also `run.json`.
    Run(Box<Run>),
    /// Nothing was run.
    Refusal(Box<Refusal>),
}

/// The schema (draft 2020-12) of a scenario file, of its TOML taken as JSON.
pub fn scenario_schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut schema: Value = settings.into_generator().into_root_schema_for::<Scenario>().into();
    without_null(&mut schema);
    schema
}

/// The schema (draft 2020-12) of `run.json` and of what `colok check --json` writes.
pub fn run_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<CheckRun>().into()
}

/// TOML has no null: a key that may be left out is left out.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            if let Some(Value::Array(types)) = words.get_mut("type") {
                types.retain(|one| one != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    words.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = words.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|one| one != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    words.remove("anyOf");
                    words.extend(only);
                }
            }
            words.retain(|word, content| !(word == "default" && content.is_null()));
            words.values_mut().for_each(without_null);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_null),
        _ => {}
    }
}

#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod tests;
