//! `colok send`: local files to a store, each whole and proven, or not at all.
//!
//! Everything that is wrong on this computer is found before the server hears of it.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use colok::client::files::{
    FileClient, FilesError, LocalSource, Receipt, SendOptions, SendPlan, SendReport, SkipReason,
    Skipped, Update, plan_send,
};
use colok::proto::files::HaveIt;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::client::Setup;
use super::event::{Counts, JsonEvent, exit_of};
use super::progress::Progress;
use super::receipts::Receipts;
use super::screen::{Results, Screen, Work};
use crate::arguments::SendArguments;
use crate::messages::{Id, Messages, Template};
use crate::problem::{Asked, Exit, Problem, name_problem, shown, shown_name};
use crate::record_log::Logging;
use crate::say;
use crate::units::{duration_text, size_text};

/// The paper's word on the client after success; the same in every language.
const FILE_SENT: &str = "File sent";

/// The variables of the line of a file, in their order.
const VARIABLES: [&str; 4] = ["name", "size", "durability", "hash"];

/// Sends what was asked for.
pub(crate) fn run(arguments: &SendArguments, messages: &Messages) -> Result<Exit, Problem> {
    let log = Logging::start(arguments.reach.log.as_deref(), messages)?;
    let mut setup = Setup::new(&arguments.reach);
    let plan = plan_send(&arguments.files, &arguments.names).map_err(|error| {
        let problem = Problem::of_files(&error, setup.asked("send", messages));
        let screen = screen(arguments, &SendPlan::default(), messages);
        screen.broke_off(&error, Counts::default(), Duration::ZERO, problem.exit);
        match error {
            FilesError::Local { .. } => problem.why(messages.text(Id::SendNotAskedWhy)),
            _ => problem,
        }
    })?;
    let has_input = plan.files.iter().any(|file| file.source == LocalSource::Input);
    if has_input && was_closed(std::io::stdin().as_fd()) {
        let error = std::io::Error::from(Errno::BADF);
        let why = messages.text(Id::SendNotAskedWhy);
        return Err(Problem::of_file("read", "stdin", &error).why(why));
    }
    setup.for_storing(arguments.token_file.as_deref(), messages)?;
    setup.heed_signals(messages)?;
    setup.resumes = setup.options.upload_secret.is_some() && !has_input;
    if let Some(path) = &arguments.receipt {
        refuse_to_replace_source(path, &plan, messages)?;
    }
    let receipts = arguments.receipt.as_deref().map(Receipts::open).transpose()?;
    let mut sending = Sending {
        arguments,
        asked: setup.asked("send", messages),
        plan: &plan,
        screen: screen(arguments, &plan, messages),
        receipts,
        receipt_problem: None,
        counts: Counts { files: plan.files.len() as u64, ..Counts::default() },
        stored: messages.template(Id::SendStored, &VARIABLES),
        have_it: messages.template(Id::SendHaveIt, &VARIABLES),
    };
    sending.announce();
    if plan.files.is_empty() {
        sending.screen.line(|messages| messages.text(Id::SendNothing));
        return sending.screen.finish().map(|()| Exit::Done);
    }
    let started = Instant::now();
    let client = FileClient::new(&arguments.reach.url, &setup.options, &setup.clock, log.tap());
    let options = SendOptions { durability: arguments.durability };
    let input = std::io::stdin();
    let result =
        client.send(&plan, Some(input.as_fd()), &options, &mut |update| sending.update(&update));
    match result {
        Ok(report) => sending.end(&report, started.elapsed()),
        Err(error) => {
            let problem = Problem::of_files(&error, sending.asked);
            let Sending { screen, counts, .. } = sending;
            screen.broke_off(&error, counts, started.elapsed(), problem.exit);
            Err(problem)
        }
    }
}

/// Whether this program was started without the descriptor. The standard library then opens
/// `/dev/null` in its place, for both directions, and an empty file would be stored.
fn was_closed(descriptor: BorrowedFd<'_>) -> bool {
    let status = rustix::fs::fstat(descriptor).map(|status| status.st_rdev);
    let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
    let flags = rustix::fs::fcntl_getfl(descriptor);
    let is_null = matches!((status, null), (Ok(one), Ok(null)) if one == null);
    is_null && flags.is_ok_and(|flags| flags.contains(OFlags::RDWR))
}

/// A file that was named to be sent is not where its receipt should go.
fn refuse_to_replace_source(
    receipt: &Path,
    plan: &SendPlan,
    messages: &Messages,
) -> Result<(), Problem> {
    let identity = |path: &Path| std::fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    let Some(there) = identity(receipt) else { return Ok(()) };
    let is_there = |source: &LocalSource| match source {
        LocalSource::Named(path) => identity(path) == Some(there),
        LocalSource::Found(_) | LocalSource::Input => false,
    };
    if plan.files.iter().any(|file| is_there(&file.source)) {
        let what = say!(messages, Id::SendReceiptIsSource, path = shown(receipt));
        return Err(Problem::new(Exit::Usage, what));
    }
    Ok(())
}

fn screen(arguments: &SendArguments, plan: &SendPlan, messages: &Messages) -> Screen {
    let results = match (arguments.json, arguments.quiet) {
        (true, _) => Results::Json,
        (false, true) => Results::Nobody,
        (false, false) => Results::Lines,
    };
    let bytes = plan.files.iter().all(|file| file.size.is_some()).then_some(plan.bytes);
    let wanted = results == Results::Lines;
    Screen::new(results, Progress::new(plan.files.len(), bytes, wanted, messages), messages)
}

/// Files on their way.
struct Sending<'a> {
    arguments: &'a SendArguments,
    asked: Asked<'a>,
    plan: &'a SendPlan,
    screen: Screen,
    receipts: Option<Receipts>,
    /// Why a receipt could not be kept; the first reason.
    receipt_problem: Option<Problem>,
    counts: Counts,
    /// The lines of files: ten thousand small ones are sent in less than a second.
    stored: Template,
    have_it: Template,
}

impl Sending<'_> {
    /// Lists what is not sent.
    fn announce(&mut self) {
        let SendPlan { files, skipped, bytes } = self.plan;
        self.screen.event(&JsonEvent::Plan { files: files.len(), bytes: *bytes });
        for Skipped { path, reason } in skipped {
            self.screen.event(&JsonEvent::Skipped {
                path: path.to_string_lossy(),
                reason: match reason {
                    SkipReason::Link => "link",
                    SkipReason::Special => "special",
                    SkipReason::Name(_) => "name",
                },
            });
            if self.arguments.quiet || self.arguments.json {
                continue;
            }
            let why = skip_reason(*reason, self.asked.messages);
            let text = say!(self.asked.messages, Id::SendSkipped, path = shown(path), why = why);
            self.screen.note(&text);
        }
    }

    fn update(&mut self, update: &Update<'_>) {
        let plan = self.plan;
        match update {
            Update::Connected { server, peer } => self.screen.connected(server, peer),
            Update::Progress { file, phase, done, total } => {
                let Some(file) = plan.files.get(*file) else { return };
                let name = file.name.as_str();
                self.screen.progress(&Work { name, phase: *phase, done: *done, total: *total });
            }
            Update::Sent { file, receipt } => {
                let path = plan.files.get(*file).map(|file| file.source.path());
                self.sent(receipt, path.unwrap_or(Path::new("")));
                self.screen.file_done(receipt.size);
            }
            Update::Failed { file, error } => {
                let Some(file) = plan.files.get(*file) else { return };
                let path = Some(file.source.path());
                self.screen.event(&JsonEvent::failed(file.name.as_str(), path, error));
                self.screen.problem(&Problem::of_files(error, self.asked));
                self.screen.file_done(file.size.unwrap_or(0));
            }
            Update::Retry { error, next_try, tries_max, pause } => {
                let error = Problem::of_files(error, self.asked);
                self.screen.retry(&error, *next_try, *tries_max, *pause, !self.arguments.quiet);
            }
            // Nothing is got here.
            Update::Got { .. } => {}
        }
    }

    fn sent(&mut self, receipt: &Receipt, path: &Path) {
        self.screen.event(&JsonEvent::Sent { path: path.to_string_lossy(), receipt });
        let (template, count) = match receipt.outcome {
            HaveIt::Stored => (&self.stored, &mut self.counts.stored),
            HaveIt::Already => (&self.have_it, &mut self.counts.have_it),
        };
        *count += 1;
        self.counts.bytes += receipt.size;
        self.screen.line(|_| {
            let (size, hash) = (receipt.size.to_string(), receipt.hash.to_string());
            template.fill(&[&shown_name(&receipt.name), &size, receipt.durability.name(), &hash])
        });
        if let Some(receipts) = &mut self.receipts
            && let Err(problem) = receipts.keep(receipt)
            && self.receipt_problem.is_none()
        {
            self.receipt_problem = Some(problem);
        }
    }

    /// The last lines, and how it ended.
    fn end(mut self, report: &SendReport, duration: Duration) -> Result<Exit, Problem> {
        let exit = match (&self.receipt_problem, exit_of(report.ending)) {
            (Some(problem), Exit::Done) => problem.exit,
            (_, exit) => exit,
        };
        let files = self.counts.files;
        self.screen.event(&self.counts.done(duration, exit));
        if files > 1 {
            self.screen.line(|messages| {
                say!(
                    messages,
                    Id::SendSummary,
                    files = files,
                    stored = report.stored.to_string(),
                    already = report.already.to_string(),
                    failed = report.failed.to_string(),
                    bytes = size_text(report.bytes),
                    time = duration_text(duration)
                )
            });
        }
        if exit_of(report.ending) == Exit::Done {
            self.screen.line(|_| FILE_SENT.to_owned());
        }
        let shown = self.screen.finish();
        if let Some(problem) = self.receipt_problem {
            return Err(problem);
        }
        // What failed has been told, file by file.
        if exit == Exit::Done { shown.map(|()| exit) } else { Err(Problem::silent(exit)) }
    }
}

fn skip_reason(reason: SkipReason, messages: &Messages) -> String {
    match reason {
        SkipReason::Link => messages.text(Id::SkipLink),
        SkipReason::Special => messages.text(Id::SkipSpecial),
        SkipReason::Name(Some(problem)) => name_problem(problem, messages),
        SkipReason::Name(None) => messages.text(Id::NameEncoding),
    }
}
