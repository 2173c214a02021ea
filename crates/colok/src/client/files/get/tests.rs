//! Where files go, found out before anything is asked for.

use super::*;

fn plan(names: &[&str], output: Option<&str>) -> Result<Vec<Target>, String> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let options = GetOptions { output: output.map(PathBuf::from), ..GetOptions::default() };
    let plan = plan_get(&names, &options).map_err(|error| error.to_string())?;
    Ok(plan.files.into_iter().map(|file| file.target).collect())
}

fn file(path: &str) -> Target {
    Target::File(path.into())
}

#[test]
fn a_name_of_the_store_never_chooses_a_directory() {
    assert_eq!(plan(&["a/b/c", "d"], None), Ok(vec![file("c"), file("d")]));
    assert_eq!(plan(&["a/b/c", "d"], Some("/")), Ok(vec![file("/c"), file("/d")]));
    assert_eq!(plan(&["a/b/c"], Some("not-there")), Ok(vec![file("not-there")]));
    assert_eq!(plan(&["a", "b/a"], Some("-")), Ok(vec![Target::Output, Target::Output]));
    for hostile in ["../a", "/etc/passwd", "a/../../b", "", "a\u{1b}", ".colok/hashes"] {
        let error = plan(&[hostile], None).expect_err("it names no file");
        assert!(error.contains("names no stored file"), "{error}");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let error = |names: &[&str], output| plan(names, output).expect_err("it cannot be done");
    assert!(error(&[], None).contains("nothing to do"));
    assert!(error(&["a", "b"], Some("not-there")).contains("name a directory"));
    for nowhere in ["not/there", "not-there/"] {
        assert!(error(&["a"], Some(nowhere)).starts_with("create file: No such file"));
    }
    assert!(error(&["a/x", "b/x"], None).contains("a/x and b/x would both be x"));
    assert!(error(&["a"], Some("/dev/null")).contains("/dev/null exists"));
    let force = GetOptions { output: Some("/dev/null".into()), force: true, ..Default::default() };
    let forced = plan_get(&["a".to_owned()], &force).expect_err("a device is never replaced");
    assert!(forced.to_string().contains("not a regular file"), "{forced}");
    let range =
        GetOptions { range: Some(ByteRange { first: 0, last: None }), ..Default::default() };
    let both = plan_get(&["a".to_owned(), "b".to_owned()], &range).expect_err("it is for one");
    assert_eq!(both.ending(), Ending::Usage);
}

#[test]
fn ranges_read_as_in_http() {
    let range = |text: &str| text.parse::<ByteRange>().map(|range| (range.first, range.last));
    assert_eq!(range("0-"), Ok((0, None)));
    assert_eq!(range("5-5"), Ok((5, Some(5))));
    for wrong in ["", "-", "-5", "5", "6-5", "+1-2", "1-2-3", "a-b", "99999999999999999999-"] {
        assert!(range(wrong).is_err(), "{wrong}");
    }
}
