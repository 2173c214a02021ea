//! `colok get`: stored files to this computer, verified, never over what is there.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use colok::client::files::{
    FileClient, GetPlan, GetReport, Got, PlannedGet, Target, Update, plan_get,
};

use super::client::Setup;
use super::event::{Counts, JsonEvent, exit_of};
use super::progress::Progress;
use super::screen::{Results, Screen, Work};
use crate::arguments::GetArguments;
use crate::messages::{Id, Messages};
use crate::problem::{Asked, Exit, Problem, shown, shown_name};
use crate::record_log::Logging;
use crate::say;
use crate::units::{duration_text, size_text};

/// Gets what was asked for.
pub(crate) fn run(arguments: &GetArguments, messages: &Messages) -> Result<Exit, Problem> {
    let log = Logging::start(arguments.reach.log.as_deref(), messages)?;
    let mut setup = Setup::new(&arguments.reach);
    setup.heed_signals(messages)?;
    setup.resumes = !arguments.is_to_output();
    let asked = setup.asked("get", messages);
    let plan = plan_get(&arguments.names, &arguments.options).map_err(|error| {
        let problem = Problem::of_files(&error, asked);
        let screen = screen(arguments, 0, messages);
        screen.broke_off(&error, Counts::default(), Duration::ZERO, problem.exit);
        problem
    })?;
    let screen = screen(arguments, plan.files.len(), messages);
    let counts = Counts { files: plan.files.len() as u64, ..Counts::default() };
    let mut getting = Getting { arguments, asked, plan: &plan, screen, counts };
    getting.screen.event(&JsonEvent::Plan { files: plan.files.len(), bytes: 0 });
    let started = Instant::now();
    let client = FileClient::new(&arguments.reach.url, &setup.options, &setup.clock, log.tap());
    let output = std::io::stdout();
    let result = client.get(&plan, Some(output.as_fd()), &mut |update| getting.update(&update));
    match result {
        Ok(report) => getting.end(&report, started.elapsed()),
        Err(error) => {
            let problem = Problem::of_files(&error, asked);
            let Getting { screen, counts, .. } = getting;
            screen.broke_off(&error, counts, started.elapsed(), problem.exit);
            Err(problem)
        }
    }
}

fn screen(arguments: &GetArguments, files: usize, messages: &Messages) -> Screen {
    let results = if arguments.json {
        Results::Json
    } else if arguments.quiet || arguments.is_to_output() {
        Results::Nobody
    } else {
        Results::Lines
    };
    // Bars among the bytes of a file would spoil both.
    let mixed = arguments.is_to_output() && std::io::IsTerminal::is_terminal(&std::io::stdout());
    let wanted = !arguments.json && !arguments.quiet && !mixed;
    Screen::new(results, Progress::new(files, None, wanted, messages), messages)
}

/// Files on their way.
struct Getting<'a> {
    arguments: &'a GetArguments,
    asked: Asked<'a>,
    plan: &'a GetPlan,
    screen: Screen,
    counts: Counts,
}

impl Getting<'_> {
    fn update(&mut self, update: &Update<'_>) {
        let plan = self.plan;
        match update {
            Update::Connected { server, peer } => self.screen.connected(server, peer),
            Update::Progress { file, phase, done, total } => {
                let Some(file) = plan.files.get(*file) else { return };
                let name = file.name.as_str();
                self.screen.progress(&Work { name, phase: *phase, done: *done, total: *total });
            }
            Update::Got { got, .. } => {
                self.got(got);
                self.screen.file_done(got.range.end - got.range.start);
            }
            Update::Failed { file, error } => {
                let Some(file) = plan.files.get(*file) else { return };
                self.screen.event(&JsonEvent::failed(file.name.as_str(), path_of(file), error));
                self.screen.problem(&Problem::of_files(error, self.asked));
                self.screen.file_done(0);
            }
            Update::Retry { error, next_try, tries_max, pause } => {
                let error = Problem::of_files(error, self.asked);
                self.screen.retry(&error, *next_try, *tries_max, *pause, !self.arguments.quiet);
            }
            // Nothing is sent here.
            Update::Sent { .. } => {}
        }
    }

    fn got(&mut self, got: &Got) {
        self.counts.got += 1;
        self.counts.bytes = self.counts.bytes.saturating_add(got.range.end - got.range.start);
        self.screen.event(&JsonEvent::Got {
            name: got.name.as_str(),
            path: got.path.as_deref().map(Path::to_string_lossy),
            first: got.range.start,
            length: got.range.end - got.range.start,
            hash: got.hash.to_string(),
            file_size: got.file_size,
            file_hash: got.file_hash.to_string(),
            resumed_bytes: got.resumed_bytes,
        });
        self.screen.line(|messages| {
            say!(
                messages,
                Id::GetGot,
                name = shown_name(&got.name),
                path = got.path.as_deref().map(shown).unwrap_or_default(),
                size = (got.range.end - got.range.start).to_string(),
                hash = got.hash.to_string()
            )
        });
    }

    /// The last lines, and how it ended.
    fn end(mut self, report: &GetReport, duration: Duration) -> Result<Exit, Problem> {
        let exit = exit_of(report.ending);
        let files = self.counts.files;
        self.screen.event(&self.counts.done(duration, exit));
        if files > 1 {
            self.screen.line(|messages| {
                say!(
                    messages,
                    Id::GetSummary,
                    files = files,
                    got = report.got.to_string(),
                    failed = report.failed.to_string(),
                    bytes = size_text(report.bytes),
                    time = duration_text(duration)
                )
            });
        }
        let shown = self.screen.finish();
        // What failed has been told, file by file.
        if exit == Exit::Done { shown.map(|()| exit) } else { Err(Problem::silent(exit)) }
    }
}

fn path_of(file: &PlannedGet) -> Option<&Path> {
    match &file.target {
        Target::Output => None,
        Target::File(path) => Some(path),
    }
}
