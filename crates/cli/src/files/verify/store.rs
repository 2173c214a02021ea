//! A store on this computer: every file is read and compared with the hash that was kept.
//!
//! It is opened for reading alone, so a server can go on using it.

use std::ops::ControlFlow;

use colok::client::files::Phase;
use colok::proto::files::{Prefix, RESERVED};
use colok::store::{Soundness, Store, StoreOptions, VerifyStep};

use super::{Checked, Tally, Verdict};
use crate::arguments::VerifyArguments;
use crate::files::interrupt;
use crate::files::screen::Work;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, shown};
use crate::say;

/// Checks every file of the store.
pub(super) fn run(arguments: &VerifyArguments, messages: &Messages) -> Result<Exit, Problem> {
    let root = &arguments.path;
    if !root.join(RESERVED).is_dir() {
        let what = say!(messages, Id::VerifyNotAStore, path = shown(root));
        return Err(Problem::new(Exit::NotProved, what).why(say!(
            messages,
            Id::VerifyNotAStoreWhy,
            reserved = RESERVED
        )));
    }
    let interrupt = interrupt::watch(messages)?;
    let options = StoreOptions { writable: false, ..StoreOptions::new(root) };
    let store = Store::open(options).map_err(|error| Problem::of(&error.into(), messages))?;
    let mut tally = Tally::new(arguments, messages);
    let result = store.verify(&Prefix::default(), &mut |step| {
        take(&mut tally, &step);
        if interrupt.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if interrupt.is_raised() {
        // What was found until then stands; the rest was not looked at.
        tally.break_off();
        return Err(Problem::new(Exit::Interrupted, messages.text(Id::FilesInterrupted)));
    }
    match result {
        Ok(_) => tally.end(),
        Err(error) => {
            tally.break_off();
            Err(Problem::new(Exit::Failed, format!("{}: {error}", shown(root))))
        }
    }
}

fn take(tally: &mut Tally, step: &VerifyStep<'_>) {
    match *step {
        VerifyStep::Reading { name, read, size } => {
            let (name, total) = (name.as_str(), Some(size));
            tally.progress(&Work { name, phase: Phase::Checking, done: read, total });
        }
        VerifyStep::Checked { entry, soundness } => {
            let hash = entry.hash.map(|hash| hash.to_string());
            let (verdict, expected) = match soundness {
                Soundness::Sound => (Verdict::Whole, hash.clone()),
                Soundness::NotKnown => (Verdict::Unknown, None),
                Soundness::Damaged { stored } => (Verdict::Damaged, Some(stored.to_string())),
            };
            let (name, size) = (entry.name.as_str(), Some(entry.size));
            tally.add(&Checked { name, verdict, size, hash, expected });
        }
        VerifyStep::Unreadable { name, error } => {
            let verdict = Verdict::Unreadable(error.to_string());
            let name = name.as_str();
            tally.add(&Checked { name, verdict, size: None, hash: None, expected: None });
        }
    }
}
