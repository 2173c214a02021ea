//! Every automation of the project, behind `cargo xtask`.
//!
//! `cargo xtask test` is everything the project checks, and CI calls only that. This crate reads
//! the tree, starts programs and prints; it never changes a source file (`bench --write` keeps its
//! report in `docs/`, and its counts in `bench/micro/`). It depends on nothing but `colok-chart`,
//! which has no dependencies itself, so that it compiles in seconds on a fresh machine.
//!
//! [`arguments`] turns words into a request, [`steps`] runs the list of checks, and each check
//! that is more than one command has a file of its own.

mod arguments;
mod bench;
mod context;
mod deny;
mod fuzz;
mod outcome;
mod process;
mod sanitize;
mod setup;
mod steps;
mod tidy;
mod tool;

use std::process::ExitCode;

use arguments::Request;
use context::Context;
use outcome::Outcome;

/// Exit code for words that make no sense, as in the `colok` program itself.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let request = match arguments::parse(std::env::args().skip(1)) {
        Ok(request) => request,
        Err(problem) => {
            eprintln!("error: {problem}\n\n{}", arguments::HELP);
            return ExitCode::from(USAGE);
        }
    };
    let context = Context::detect();
    match request {
        Request::Help => {
            println!("{}", arguments::HELP);
            ExitCode::SUCCESS
        }
        Request::List => {
            print!("{}", steps::list());
            ExitCode::SUCCESS
        }
        Request::Test(selection) => steps::run(&context, &selection),
        Request::Tidy => finish(tidy::run(&context)),
        Request::Fuzz { target, seconds } => {
            finish(fuzz::run(&context, target.as_deref(), seconds))
        }
        Request::Bench(options) => finish(bench::run(&context, &options)),
        Request::Setup => finish(setup::run(&context)),
    }
}

/// The exit code of one step that was asked for alone. What could not run did not succeed.
fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::Failed(reason) => {
            println!("failed: {reason}");
            ExitCode::FAILURE
        }
        Outcome::Skipped(reason) => {
            println!("skipped: {reason}");
            ExitCode::FAILURE
        }
    }
}
