//! The published schemas are those of the code, and the built-in scenarios obey theirs.
//!
//! When the types have changed on purpose, renew the published files with
//! `COLOK_RENEW=1 cargo test -p colok published_schema` and look at the difference.

use std::path::PathBuf;

use super::*;

#[test]
fn published_schema_is_that_of_the_code() {
    for (name, schema) in
        [("scenario.schema.json", scenario_schema()), ("check-run.schema.json", run_schema())]
    {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        let text = serde_json::to_string_pretty(&schema).expect("JSON has a text") + "\n";
        if std::env::var_os("COLOK_RENEW").is_some() {
            std::fs::write(&path, &text).expect("docs can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == text,
            "docs/{name} is not that of the code; if the code is right, renew it: \
             COLOK_RENEW=1 cargo test -p colok published_schema"
        );
    }
}
