//! The reports that lie beside the record: a page, a text for a ticket, and one for build servers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use colok::scenario::record::Run;

use super::{junit, markdown, page};
use crate::messages::Messages;

/// The page, which is the report for people.
pub(super) const PAGE: &str = "report.html";

/// Writes `report.html`, `report.md` and `junit.xml` into the folder of a run. Each is tried; the
/// first that failed is told.
pub(super) fn write(
    run: &Run,
    folder: &Path,
    messages: &Messages,
) -> Result<(), (PathBuf, io::Error)> {
    let at = |name: &str| folder.join(name);
    let page = page::write(run, messages, &at(PAGE));
    let ticket = fs::write(at("report.md"), markdown::write(run, folder, messages));
    let builds = junit::write(run, folder).and_then(|text| fs::write(at("junit.xml"), text));
    for (name, result) in [(PAGE, page), ("report.md", ticket), ("junit.xml", builds)] {
        result.map_err(|error| (at(name), error))?;
    }
    Ok(())
}
