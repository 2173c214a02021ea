//! What is to be sent, from trees made for each test.

use std::os::unix::ffi::OsStringExt;

use super::*;
use crate::client::files::Ending;
use crate::client::files::tests::script::Folder;

fn names(plan: &SendPlan) -> Vec<&str> {
    plan.files.iter().map(|file| file.name.as_str()).collect()
}

fn sources(paths: &[PathBuf]) -> Vec<OsString> {
    paths.iter().map(OsString::from).collect()
}

fn recursive() -> PlanOptions {
    PlanOptions { recursive: true, ..PlanOptions::default() }
}

/// A directory `tree` with files, a link, a socket and a name that is no text.
fn tree() -> Folder {
    let folder = Folder::new();
    folder.write("tree/b", b"bb");
    folder.write("tree/a/one", b"1");
    folder.write("tree/a/.hidden", b"");
    folder.write("tree/bell\u{7}", b"");
    std::os::unix::fs::symlink("/etc", folder.path("tree/link")).expect("a link can be made");
    std::os::unix::net::UnixListener::bind(folder.path("tree/socket")).expect("it can be bound");
    let odd = folder.path("tree").join(OsString::from_vec(b"odd\xff".to_vec()));
    std::fs::write(odd, b"").expect("any name can be written");
    folder
}

#[test]
fn files_have_their_base_names_and_what_was_asked_for_before_them() {
    let folder = Folder::new();
    let paths = [folder.write("x/one", b"1"), folder.write("y/two", b"22")];
    let plan = plan_send(&sources(&paths), &PlanOptions::default()).expect("they are there");
    assert_eq!((names(&plan), plan.bytes), (vec!["one", "two"], 3));
    for prefix in ["docs", "docs/"] {
        let options = PlanOptions { prefix: Some(prefix.into()), ..PlanOptions::default() };
        let plan = plan_send(&sources(&paths), &options).expect("they are there");
        assert_eq!(names(&plan), ["docs/one", "docs/two"]);
    }
    let options = PlanOptions { name: Some("a/b".into()), ..PlanOptions::default() };
    let plan = plan_send(&sources(&paths[..1]), &options).expect("it is there");
    assert_eq!(names(&plan), ["a/b"]);
}

#[test]
fn a_directory_is_walked_in_order_and_links_and_special_files_are_listed() {
    let folder = tree();
    let path = folder.path("tree");
    let plan = plan_send(&sources(std::slice::from_ref(&path)), &recursive()).expect("it is there");
    assert_eq!(names(&plan), ["tree/a/.hidden", "tree/a/one", "tree/b"]);
    let reasons: Vec<_> = plan
        .skipped
        .iter()
        .map(|skipped| {
            (skipped.path.file_name().map(|name| name.to_string_lossy()), skipped.reason)
        })
        .map(|(name, reason)| (name.unwrap_or_default().into_owned(), reason))
        .collect();
    assert_eq!(
        reasons,
        [
            ("bell\u{7}".to_owned(), SkipReason::Name(Some(NameProblem::Control))),
            ("link".to_owned(), SkipReason::Link),
            ("odd\u{fffd}".to_owned(), SkipReason::Name(None)),
            ("socket".to_owned(), SkipReason::Special),
        ]
    );
    let inside = sources(&[path.join("a/.."), path.join("a/")]);
    let plan = plan_send(&inside, &recursive()).expect("they are there");
    assert_eq!(names(&plan)[2..], ["tree/b", "a/.hidden", "a/one"]);
    let renamed = PlanOptions { name: Some("n".into()), prefix: Some("p".into()), ..recursive() };
    let plan = plan_send(&sources(&[path]), &renamed).expect("it is there");
    assert_eq!(names(&plan), ["p/n/a/.hidden", "p/n/a/one", "p/n/b"]);
}

#[test]
fn what_cannot_be_sent_is_found_before_any_connection() {
    let folder = tree();
    let error = |sources: &[PathBuf], options: &PlanOptions| {
        plan_send(&self::sources(sources), options).expect_err("it cannot be sent")
    };
    let plain = PlanOptions::default();
    let missing = error(&[folder.path("missing")], &plain);
    assert!(missing.to_string().starts_with("open file: No such file or directory"), "{missing}");
    assert_eq!(missing.ending(), Ending::Failed);
    let directory = error(&[folder.path("tree")], &plain);
    assert!(directory.to_string().ends_with("is a directory; send it with -r"), "{directory}");
    let device = error(&["/dev/null".into()], &plain);
    assert_eq!(device.to_string(), "/dev/null is not a regular file");
    let odd = folder.path("tree").join(OsString::from_vec(b"odd\xff".to_vec()));
    assert!(error(&[odd], &plain).to_string().contains("it is not UTF-8"));
    assert!(error(&[folder.path("tree/bell\u{7}")], &plain).to_string().contains("control"));
    assert!(error(&[], &plain).to_string().starts_with("nothing to do"));
    let up = PlanOptions { name: Some("../up".into()), ..PlanOptions::default() };
    assert_eq!(error(&[folder.path("tree/b")], &up).ending(), Ending::Usage);
    let reserved = PlanOptions { name: Some(".colok".into()), ..recursive() };
    assert!(error(&[folder.path("tree")], &reserved).to_string().contains("keeps .colok"));
}

#[test]
fn two_files_with_one_name_are_refused() {
    let folder = Folder::new();
    let paths = [folder.write("x/same", b"1"), folder.write("y/same", b"2")];
    let error = plan_send(&sources(&paths), &PlanOptions::default()).expect_err("they collide");
    assert!(error.to_string().ends_with("would both be same"), "{error}");
    assert_eq!(error.ending(), Ending::Refused);
}

#[test]
fn standard_input_is_sent_once_and_needs_a_name() {
    let input = || OsString::from("-");
    let named = PlanOptions { name: Some("x".into()), ..PlanOptions::default() };
    let plan = plan_send(&[input()], &named).expect("it has a name");
    assert_eq!((names(&plan), plan.files[0].size), (vec!["x"], None));
    let error = plan_send(&[input()], &PlanOptions::default()).expect_err("it has no name");
    assert!(error.to_string().contains("--name"));
    let error = plan_send(&[input(), input()], &named).expect_err("there are two");
    assert!(error.to_string().contains("2 were given"), "{error}");
}
