//! The command line of colok: words in, one verb done, an exit code out.
//!
//! Only this crate prints. Exit codes: 0 done; 1 failed; 2 usage; 3 refused or an expectation not
//! met; 4 time ran out; 5 not proved; 130 interrupted.

mod arguments;
mod calls;
mod check;
mod connect;
mod documents;
mod explain;
mod files;
mod flags;
mod html;
mod load;
mod log_thread;
mod messages;
mod problem;
mod record_log;
mod relay;
mod serve;
mod style;
mod token;
mod units;
mod view;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use arguments::Request;
use messages::{Language, Messages};
use problem::{Exit, Problem};
use style::Style;

/// How long the end of the program waits until a problem is told.
const TELL_MAX: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // Hosts of `colok check` are this program again; then this does not return.
    colok::scenario::become_if_asked();
    // The model `processes` does the same with its workers.
    colok::engine::processes::worker_if_asked();
    // So does a load with more than one process.
    colok::load::worker_if_asked();
    let words: Vec<OsString> = std::env::args_os().collect();
    let messages = Messages::new(Language::choose(language_option(&words).as_deref()));
    let request = arguments::parse(words.clone(), &messages).inspect_err(|problem| {
        load::tell_of_usage(&words, problem);
        check::tell_of_usage(&words, problem);
    });
    let result = request.and_then(|request| run(request, &words, &messages));
    let exit = match result {
        Ok(exit) => exit,
        Err(problem) => {
            let exit = problem.exit;
            tell(problem, messages);
            exit
        }
    };
    ExitCode::from(exit as u8)
}

/// Tells the problem, unless standard error is a pipe that nobody reads: the exit code tells too.
fn tell(problem: Problem, messages: Messages) {
    let (sender, done) = sync_channel(1);
    let write = move || {
        problem.tell(&messages);
        let _ = sender.send(());
    };
    // Without a thread to be had the exit code has to do.
    if thread::Builder::new().name("problem".into()).spawn(write).is_ok() {
        let _ = done.recv_timeout(TELL_MAX);
    }
}

/// The value of `--lang`, looked for before anything is parsed, so that a parse error is told in
/// that language too.
fn language_option(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--" {
            return None;
        }
        if word == "--lang" {
            return words.next().map(std::borrow::Cow::into_owned);
        }
        if let Some(language) = word.strip_prefix("--lang=") {
            return Some(language.to_owned());
        }
    }
    None
}

fn run(request: Request, words: &[OsString], messages: &Messages) -> Result<Exit, Problem> {
    match request {
        Request::Nothing => {
            let style = Style::of(&std::io::stderr());
            let _ = std::io::stderr().write_all(flags::root_help(messages, style).as_bytes());
            Ok(Exit::Usage)
        }
        Request::Help(verb) => {
            let style = Style::of(&std::io::stdout());
            let text = match verb {
                Some(verb) => flags::help_of(verb, messages, style),
                None => flags::root_help(messages, style),
            };
            print(&text)
        }
        Request::HelpOfTopic(verb, topic) => {
            print(&flags::help_of_topic(verb, topic, messages, Style::of(&std::io::stdout())))
        }
        Request::Version => print(concat!("colok ", env!("CARGO_PKG_VERSION"), "\n")),
        Request::Serve(arguments) => serve::run(&arguments, messages),
        Request::Connect(arguments) => connect::run(&arguments, messages),
        Request::Send(arguments) => files::send(&arguments, messages),
        Request::Get(arguments) => files::get(&arguments, messages),
        Request::List(arguments) => files::list(&arguments, messages),
        Request::Stat(arguments) => files::stat(&arguments, messages),
        Request::Verify(arguments) => files::verify(&arguments, messages),
        Request::Load(arguments) => load::run(&arguments, words, messages),
        Request::Check(arguments) => check::run(&arguments, words, messages),
        Request::Relay(arguments) => relay::run(&arguments, messages),
        Request::Explain { subjects, json } => explain::run(&subjects, json, messages),
        Request::Completions(shell) => documents::completions(&shell, messages),
        Request::Man(verb) => documents::man(verb.as_deref(), messages),
    }
}

fn print(text: &str) -> Result<Exit, Problem> {
    let mut output = std::io::stdout();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Problem::of_output(&error))?;
    Ok(Exit::Done)
}
