//! Listings, what is known of files, receipts that still hold or do not.

use std::ops::ControlFlow;

use colok_proto::files::{Durability, HaveIt, Name, Prefix};

use super::script::{Script, Side, hash, options};
use crate::client::files::{
    Ending, FileClient, FileClientOptions, FilesError, ListReport, Receipt, Verdict,
};
use crate::clock::Clock;
use crate::observe::NoTap;

fn name(text: &str) -> Name {
    Name::new(text).expect("it is a name")
}

/// Runs `body` with a client of the script's server.
fn with_client<R>(
    script: Script,
    options: &FileClientOptions,
    body: impl FnOnce(&FileClient<'_, NoTap>) -> R,
) -> R {
    let clock = Clock::start();
    let result = body(&FileClient::new(&script.url, options, &clock, &NoTap));
    script.end();
    result
}

fn two_pages(side: &mut Side) {
    side.greet();
    side.expect("LIST docs/");
    let one = hash(b"one");
    side.say(format!("220 count=2 more=yes : 2 names\ndocs/a%20b size=5 modified=7 hash={one}\n"));
    side.say("docs/c size=6 modified=-8\n");
    side.expect("LIST docs/ after=docs/c");
}

#[test]
fn a_listing_goes_on_until_there_is_no_more() {
    let script = Script::one(|side| {
        two_pages(side);
        side.say("220 count=1 more=no : 1 name\ndocs/d size=1 modified=0\n");
        side.farewell();
    });
    let prefix = Prefix::new("docs/").expect("it is one");
    let mut seen = Vec::new();
    let report = with_client(script, &options(), |client| {
        client.list(&prefix, &mut |entry| {
            seen.push((entry.name.as_str().to_owned(), entry.size, entry.hash.is_some()));
            ControlFlow::Continue(())
        })
    });
    assert_eq!(report.expect("it is whole"), ListReport { files: 3, bytes: 12, cut: false });
    let expected = [("docs/a b", 5, true), ("docs/c", 6, false), ("docs/d", 1, false)];
    assert_eq!(seen, expected.map(|(name, size, known)| (name.to_owned(), size, known)));
}

#[test]
fn a_listing_goes_on_behind_what_came_when_the_connection_is_lost() {
    let script = Script::new(vec![
        Box::new(two_pages),
        Box::new(|side| {
            side.greet();
            side.expect("LIST docs/ after=docs/c");
            side.say("220 count=0 more=no : nothing\n");
            side.farewell();
        }),
    ]);
    let prefix = Prefix::new("docs/").expect("it is one");
    let each = &mut |_: &_| ControlFlow::Continue(());
    let report = with_client(script, &options(), |client| client.list(&prefix, each));
    assert_eq!(report.expect("it is whole").files, 2);
}

#[test]
fn who_has_seen_enough_ends_a_listing() {
    let script = Script::one(|side| {
        side.greet();
        side.expect("LIST");
        side.say("220 count=2 more=yes : 2 names\na size=5 modified=7\nb size=6 modified=8\n");
        side.farewell();
    });
    let each = &mut |_: &_| ControlFlow::Break(());
    let report = with_client(script, &options(), |client| client.list(&Prefix::default(), each));
    assert_eq!(report.expect("that is no error"), ListReport { files: 1, bytes: 5, cut: true });
}

#[test]
fn what_is_wrong_with_one_name_is_told_of_that_name() {
    let script = Script::one(|side| {
        side.greet();
        side.expect("STAT missing");
        side.say("404 : no such file\n");
        side.expect("STAT there");
        side.say(format!("210 size=5 hash={} modified=7 : there\n", hash(b"there")));
        side.farewell();
    });
    let mut seen = Vec::new();
    let done = with_client(script, &options(), |client| {
        client.stat(&[name("missing"), name("there")], false, &mut |_, entry| seen.push(entry))
    });
    done.expect("both were asked for");
    let [Err(missing), Ok(there)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(missing.to_string(), "missing: 404 no such file");
    assert_eq!(missing.ending(), Ending::Failed);
    assert_eq!((there.size, there.hash), (5, Some(hash(b"there"))));
}

#[test]
fn a_receipt_holds_or_does_not() {
    let receipt = |text: &str| Receipt {
        server: "tcp://elsewhere:1".into(),
        name: name(text),
        size: 4,
        hash: hash(b"same"),
        durability: Durability::Full,
        outcome: HaveIt::Stored,
        time_unix_s: 0,
    };
    let script = Script::one(|side| {
        side.greet();
        side.expect("STAT whole reread=yes");
        side.say(format!("210 size=4 hash={} modified=7 : whole\n", hash(b"same")));
        side.expect("STAT other reread=yes");
        side.say(format!("210 size=4 hash={} modified=7 : other\n", hash(b"else")));
        side.expect("STAT gone reread=yes");
        side.say("404 : no such file\n");
        side.expect("STAT broken reread=yes");
        side.say("500 errno=5 : input/output error\n");
        side.farewell();
    });
    let receipts = ["whole", "other", "gone", "broken"].map(receipt);
    let mut seen = Vec::new();
    let done = with_client(script, &options(), |client| {
        client.verify(&receipts, &mut |_, verdict| seen.push(verdict))
    });
    done.expect("all were asked for");
    let [Ok(whole), Ok(other), Ok(gone), Err(broken)] = &seen[..] else { panic!("{seen:?}") };
    assert!(matches!(whole, Verdict::Whole(_)) && matches!(other, Verdict::Differs(_)));
    assert_eq!(*gone, Verdict::Missing);
    assert!(matches!(broken, FilesError::Refused(refusal) if refusal.errno == Some(5)));
}

#[test]
fn who_may_not_list_is_told() {
    let script = Script::one(|side| {
        side.greet();
        side.line();
        side.say("403 : names are not listed here\n");
        side.farewell();
    });
    let each = &mut |_: &_| ControlFlow::Continue(());
    let report = with_client(script, &options(), |client| client.list(&Prefix::default(), each));
    assert_eq!(report.expect_err("it is refused").ending(), Ending::Refused);
}
