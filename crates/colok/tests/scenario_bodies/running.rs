//! Programs that are run, and what is judged, recorded and told of them.

use colok::scenario::record::{Outcome, Verdict};
use colok::scenario::run::{self, Event, RunError};
use colok::scenario::world;
use colok::server::Stop;

use super::support::{
    Folder, LOCAL, NoBook, case, demand, name, options, problems, run_told, steps,
};

pub(super) fn what_holds_passes() {
    let case = steps("[[step]]\nrun = \"echo hi\"\nexpect = { exit = 0, stdout = \"hi\\n\" }\n");
    demand(&case, Verdict::Pass, "");
    assert_eq!(case.checks.len(), 2);
    for check in &case.checks {
        assert!(check.mutations.tried > 0, "{check:?}");
        assert_eq!(check.mutations.tried, check.mutations.failed, "{check:?}");
    }
    let step = &case.steps[0];
    assert_eq!((step.name.as_str(), step.exit, step.stdout.bytes), ("run-1", Some(0), 3));
    assert_eq!(case.hosts[0].kind, "local");
}

pub(super) fn what_does_not_hold_fails_with_its_line() {
    let case = steps("[[step]]\nrun = \"echo hi\"\n[step.expect]\nexit = 0\nstdout = \"ho\\n\"\n");
    demand(&case, Verdict::Fail, "run-1: stdout (line 8)");
    let failed: Vec<_> =
        case.checks.iter().filter(|check| check.verdict == Verdict::Fail).collect();
    assert_eq!(failed.len(), 1, "{case:#?}");
    assert!(failed[0].expected.contains("ho") && failed[0].got.contains("hi"), "{failed:?}");
}

pub(super) fn cannot_fail_is_invalid() {
    // A file is always like itself.
    let case = steps(
        "[[file]]\npath = \"x\"\ntext = \"\"\n\
        [[step]]\n[[step.expect.files]]\npath = \"x\"\nsame_as = \"x\"\n",
    );
    demand(&case, Verdict::Invalid, "cannot fail");
    let case = steps("[[step]]\nrun = \"echo hi\"\n");
    demand(&case, Verdict::Invalid, "expects nothing");
}

pub(super) fn a_missing_program_skips() {
    let text = format!(
        "needs = [\"no-such-program-here\"]\n{LOCAL}[[step]]\nrun = \"echo\"\n\
        expect = {{ exit = 0 }}\n"
    );
    let case = case(&text);
    demand(&case, Verdict::Skipped, "no program no-such-program-here");
    assert!(case.steps.is_empty() && case.hosts.is_empty());
}

pub(super) fn a_matrix_makes_cases_in_order() {
    let first = "title = \"t\"\nmatrix = { word = [\"x\", \"y\"] }\n[hosts.alone]\n\
    kind = \"local\"\n\
        [[step]]\nrun = \"echo {word}\"\nexpect = { stdout = \"{word}\\n\" }\n";
    let second = format!("{LOCAL}[[step]]\nrun = \"false\"\nexpect = {{ exit = 0 }}\n");
    let folder = Folder::new();
    let mut options = options(&[first, &second], &folder);
    (options.repeat, options.jobs) = (2, 3);
    let (run, _) = run_told(&options);
    let found: Vec<_> = run.cases.iter().map(|case| (case.id.as_str(), case.verdict)).collect();
    let (pass, fail) = (Verdict::Pass, Verdict::Fail);
    let wanted = [
        ("a[word=x]#1", pass),
        ("a[word=x]#2", pass),
        ("a[word=y]#1", pass),
        ("a[word=y]#2", pass),
        ("b#1", fail),
        ("b#2", fail),
    ];
    assert_eq!(found, wanted);
    assert_eq!((run.outcome, run.totals.pass, run.totals.fail), (Outcome::Complete, 4, 2));
    options.only = vec!["word=y".to_owned()];
    let planned = run::plan(&options).expect("the files are right");
    let ids: Vec<_> = planned.iter().map(|planned| planned.id.as_str()).collect();
    assert_eq!(ids, ["a[word=y]#1", "a[word=y]#2"]);
}

pub(super) fn a_seed_repeats_every_choice() {
    let text = format!(
        "{LOCAL}[[file]]\npath = \"random\"\nsize = 1000\n\
        [[step]]\nrun = \"sh -c 'echo {{seed}}; cat random'\"\n\
        expect = {{ stdout_bytes = \"1000..\" }}\n"
    );
    let folder = Folder::new();
    let mut options = options(&[&text], &folder);
    let mut hash = |seed: u64| {
        options.seed = seed;
        let run = run_told(&options).0;
        assert_eq!(run.cases[0].verdict, Verdict::Pass, "{run:#?}");
        run.cases[0].steps[0].stdout.blake3.clone()
    };
    let first = hash(7);
    assert_eq!(first, hash(7));
    assert_ne!(first, hash(8));
}

pub(super) fn files_are_made_and_looked_at() {
    let case = steps(
        "[[file]]\npath = \"in/a\"\ntext = \"{word}\"\nmode = \"0600\"\n\
        [[step]]\nwrite = { path = \"b\", text = \"yes\" }\n\
        [[step]]\nrun = \"cat in/a b\"\nexpect = { stdout = \"{{word}yes\" }\n\
        [[step]]\nrun = \"cp in/a c\"\ndirectory = \".\"\n\
        [[step]]\n[[step.expect.files]]\npath = \"c\"\nsize = 6\nsame_as = \"in/a\"\n\
        [[step.expect.files]]\npath = \"in/a\"\nmode = \"0600\"\ntext = \"{word}\"\n\
        [[step.expect.files]]\npath = \"d\"\nexists = false\n",
    );
    demand(&case, Verdict::Pass, "");
    assert!(case.checks.iter().any(|check| check.key.starts_with("files")), "{case:#?}");
}

pub(super) fn copies_are_told_as_one() {
    let step = "[[step]]\nname = \"many\"\ncopies = 5\n\
    run = \"sh -c 'echo {number}; exit $(({number} / 5))'\"\n";
    let case = steps(&format!("{step}expect = {{ stdout = \"{{number}}\\n\" }}\n"));
    demand(&case, Verdict::Pass, "");
    assert_eq!(case.checks.len(), 1);
    assert_eq!(case.checks[0].step, "many");
    let names: Vec<_> = case.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["many/1", "many/2", "many/3", "many/4", "many/5"]);
    let case = steps(&format!("{step}expect = {{ exit = 0 }}\n"));
    demand(&case, Verdict::Fail, "many/5: exit");
    assert!(case.checks[0].got.contains("1 of 5"), "{:?}", case.checks);
}

pub(super) fn many_copies_leave_a_small_record() {
    let case = steps(
        "[[step]]\nname = \"many\"\ncopies = 120\ntime_limit = \"60s\"\n\
        run = \"sh -c 'test {number} -ne 7'\"\nexpect = { exit = 0 }\n",
    );
    demand(&case, Verdict::Fail, "many/7: exit");
    let names: Vec<_> = case.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["many", "many/7"]);
    assert_eq!(case.steps[0].exit, None, "they did not all end alike");
    assert_eq!(case.checks[0].mutations.failed, case.checks[0].mutations.tried);
    let case = steps(
        "[[step]]\nname = \"many\"\ncopies = 120\nrun = \"no-such-program-here\"\n\
        expect = { stdout = \"\" }\n",
    );
    assert_ne!(case.verdict, Verdict::Pass, "{case:#?}");
    assert!(case.steps[0].error.as_ref().is_some_and(|error| error.contains("120 of 120")));
}

pub(super) fn neighbours_begin_together() {
    // Each waits for the other's file: one after the other they would wait forever.
    let wait = |own: &str, other: &str| {
        format!(
            "[[step]]\nname = \"{own}\"\nat_once = \"both\"\n\
            run = \"sh -c 'touch {own}; while [ ! -e {other} ]; do sleep 0.01; done'\"\n\
            expect = {{ exit = 0 }}\n"
        )
    };
    let last = "[[step]]\nname = \"last\"\nrun = \"true\"\nexpect = { after = [\"x\", \"y\"] }\n";
    let case = steps(&format!("{}{}{last}", wait("x", "y"), wait("y", "x")));
    demand(&case, Verdict::Pass, "");
}

pub(super) fn events_that_nobody_tells_are_unknown() {
    // The helper tells everything, but when its log says that it had no room.
    let tell = |arguments: &str, more: &str| {
        steps(&format!(
            "[[step]]\nrun = \"colok stat {arguments}\"\n{more}[step.expect]\n\
            events = [{{ event = \"accepted\", count = 0 }}]\n"
        ))
    };
    demand(&tell("", ""), Verdict::Pass, "");
    for (arguments, why) in [("full", "no room for 7 events"), ("--log json:-", "tells no events")]
    {
        let case = tell(arguments, "");
        demand(&case, Verdict::Unknown, "run-1: events");
        assert!(case.checks[0].got.contains(why), "{:?}", case.checks);
    }
    let case = tell("--log json:mine", "directory = \"sub\"\n");
    demand(&case, Verdict::Pass, "");
    assert_eq!(case.steps[0].event_count, 1);
}

pub(super) fn scenarios_of_one_name_are_both_run() {
    let text = format!("{LOCAL}[[step]]\nrun = \"echo hi\"\nexpect = {{ exit = 0 }}\n");
    let folder = Folder::new();
    let mut options = options(&[&text, &text], &folder);
    "a".clone_into(&mut options.sources[1].name);
    let (run, _) = run_told(&options);
    let found: Vec<_> = run.cases.iter().map(|case| (case.id.as_str(), case.verdict)).collect();
    assert_eq!(found, [("a", Verdict::Pass), ("a.2", Verdict::Pass)]);
}

pub(super) fn what_happens_is_told_in_order() {
    let text = format!("{LOCAL}[[step]]\nrun = \"echo hi\"\nexpect = {{ exit = 0 }}\n");
    let folder = Folder::new();
    let (run, told) = run_told(&options(&[&text], &folder));
    let names: Vec<_> = told.iter().map(|happening| name(&happening.event)).collect();
    let wanted =
        ["run", "case-started", "step-started", "check", "step-ended", "case-ended", "run-ended"];
    assert_eq!(names, wanted);
    let ended = told.iter().find_map(|happening| match &happening.event {
        Event::CaseEnded { result } => Some(result),
        _ => None,
    });
    assert_eq!(ended.map(|case| &**case), run.cases.first());
    for happening in &told {
        let json = serde_json::to_string(happening).expect("it is JSON");
        assert_eq!(&serde_json::from_str::<run::Happening>(&json).expect("it is read"), happening);
    }
}

pub(super) fn evidence_of_every_program_is_kept() {
    let text = format!(
        "{LOCAL}[[step]]\nname = \"both\"\ncopies = 1\n\
        run = \"sh -c 'echo out; echo err >&2'\"\nexpect = {{ exit = 0 }}\n"
    );
    let folder = Folder::new();
    let (run, _) = run_told(&options(&[&text], &folder));
    let read = |path: &str| {
        std::fs::read_to_string(folder.0.join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    assert_eq!(read("cases/a/scenario.toml"), text);
    let step = &run.cases[0].steps[0];
    assert_eq!(read(step.stdout.file.as_deref().expect("it wrote")), "out\n");
    assert_eq!(read(step.stderr.file.as_deref().expect("it wrote")), "err\n");
    assert_eq!(step.events, None);
}

pub(super) fn bad_files_run_nothing() {
    let folder = Folder::new();
    let bad = format!("{LOCAL}[[step]]\nrum = \"echo\"\n");
    let worse = format!("{LOCAL}[[step]]\nrun = \"echo {{nobody}}\"\n");
    let options = options(&[&bad, &worse], &folder);
    let stop = Stop::new().expect("there is a descriptor");
    let mut told = 0;
    let error = run::run(&options, &NoBook, &stop, &mut |_| told += 1).expect_err("they are bad");
    assert!(matches!(&error, RunError::Files(problems) if problems.len() >= 2), "{error:?}");
    assert!(problems(&error).contains("rum") && problems(&error).contains("nobody"));
    assert_eq!(told, 0);
}

pub(super) fn a_panic_is_the_end_of_its_case_only() {
    let bad = format!("{LOCAL}[[step]]\nrun = \"colok out\"\nexpect = {{ message = \"panic\" }}\n");
    let good = format!("{LOCAL}[[step]]\nrun = \"echo hi\"\nexpect = {{ exit = 0 }}\n");
    let folder = Folder::new();
    let (run, _) = run_told(&options(&[&bad, &good], &folder));
    demand(&run.cases[0], Verdict::Invalid, "the book was asked to panic");
    demand(&run.cases[1], Verdict::Pass, "");
}

pub(super) fn hosts_in_namespaces_reach_each_other() {
    let text = "title = \"t\"\n[hosts.server]\n[hosts.client]\n\
        [[step]]\nname = \"serve\"\nhost = \"server\"\n\
        start = \"colok serve tcp://{server}:{port}\"\n\
        [[step]]\nhost = \"client\"\nrun = \"colok connect tcp://{server}:{port}\"\n\
        stdin = \"hello\\n\"\n\
        expect = { stdout = \"hello\\n\" }\n\
        [[step]]\nwait = \"serve\"\nexpect = { closed = \"peer-closed\" }\n";
    let case = case(text);
    if world::available().is_err() {
        return demand(&case, Verdict::Skipped, "no network namespaces");
    }
    demand(&case, Verdict::Pass, "");
    assert_eq!(case.hosts.iter().map(|host| host.kind.as_str()).collect::<Vec<_>>(), ["netns"; 2]);
    let paths: Vec<_> = case.paths.iter().map(|path| (path.interface.as_str(), path.mtu)).collect();
    assert!(paths.contains(&("eth0", 1500)), "{:?}", case.paths);
}
