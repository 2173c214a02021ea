//! The JSON schema of a report: made from the types, published as `docs/load-report.schema.json`.
//!
//! A test keeps the published file equal to what [`schema`] gives.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::report::{Refusal, Report};

/// What `colok load --json` writes.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used; what is written is one of the two")]
enum LoadReport {
    /// The plan was carried out, or it was tried.
    Report(Box<Report>),
    /// There was no plan to carry out.
    Refusal(Box<Refusal>),
}

/// The schema (draft 2020-12) of what `colok load --json` writes.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<LoadReport>().into()
}

#[cfg(test)]
mod tests;
