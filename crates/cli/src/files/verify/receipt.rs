//! Receipts: what a server vouched for, compared with what it reads there now.

use std::io::Read as _;
use std::path::Path;

use colok::client::files::{FileClient, FilesError, Receipt, Verdict as Found};
use colok::net::url::Url;

use super::{Checked, Tally, Verdict};
use crate::arguments::VerifyArguments;
use crate::files::client::Setup;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, shown};
use crate::record_log::Logging;
use crate::say;

/// How much of a file of receipts is read: about two hundred thousand of them.
const READ_MAX: u64 = 64 * 1024 * 1024;

/// Checks every receipt of the file.
pub(super) fn run(arguments: &VerifyArguments, messages: &Messages) -> Result<Exit, Problem> {
    let log = Logging::start(arguments.reach.log.as_deref(), messages)?;
    let receipts = read(&arguments.path, messages)?;
    let mut tally = Tally::new(arguments, messages);
    let mut setup = Setup::new(&arguments.reach);
    setup.heed_signals(messages)?;
    for (server, receipts) in by_server(receipts) {
        let url = match &arguments.host {
            Some(url) => url.clone(),
            None => url_of(&server, &arguments.path, messages)?,
        };
        setup.visit(&url);
        let client = FileClient::new(&url, &setup.options, &setup.clock, log.tap());
        let asked = setup.asked("verify", messages);
        let result = client.verify(&receipts, &mut |receipt, answer| {
            tally.add(&checked(receipt, &answer));
        });
        if let Err(error) = result {
            let problem = Problem::of_files(&error, asked);
            // What was found until then stands; the rest was not looked at.
            tally.break_off();
            return Err(problem);
        }
    }
    tally.end()
}

fn read(path: &Path, messages: &Messages) -> Result<Vec<Receipt>, Problem> {
    let failed = |call: &'static str| {
        move |error: std::io::Error| Problem::of_file(call, &shown(path), &error)
    };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(failed("open"))?;
    file.take(READ_MAX).read_to_end(&mut text).map_err(failed("read"))?;
    let receipts = Receipt::read_all(&String::from_utf8_lossy(&text));
    receipts.map_err(|error| not_a_receipt(path, &error.detail, messages))
}

fn not_a_receipt(path: &Path, detail: &str, messages: &Messages) -> Problem {
    let what = say!(messages, Id::VerifyNotAReceipt, path = shown(path));
    Problem::new(Exit::NotProved, what).why(colok::observe::printable(detail.as_bytes()))
}

fn url_of(server: &str, path: &Path, messages: &Messages) -> Result<Url, Problem> {
    server.parse().map_err(|_| not_a_receipt(path, server, messages))
}

/// The receipts of each server, in the order in which the servers are named first.
fn by_server(receipts: Vec<Receipt>) -> Vec<(String, Vec<Receipt>)> {
    let mut servers: Vec<(String, Vec<Receipt>)> = Vec::new();
    for receipt in receipts {
        match servers.iter_mut().find(|(server, _)| *server == receipt.server) {
            Some((_, receipts)) => receipts.push(receipt),
            None => servers.push((receipt.server.clone(), vec![receipt])),
        }
    }
    servers
}

fn checked<'a>(receipt: &'a Receipt, answer: &Result<Found, FilesError>) -> Checked<'a> {
    let (verdict, entry) = match answer {
        Ok(Found::Whole(entry)) => (Verdict::Whole, Some(entry)),
        Ok(Found::Differs(entry)) => (Verdict::Damaged, Some(entry)),
        Ok(Found::Missing) => (Verdict::Missing, None),
        Err(error) => (Verdict::Unreadable(error.to_string()), None),
    };
    Checked {
        name: receipt.name.as_str(),
        verdict,
        size: entry.map(|entry| entry.size),
        hash: entry.and_then(|entry| entry.hash).map(|hash| hash.to_string()),
        expected: Some(receipt.hash.to_string()),
    }
}
