//! What can go wrong with files, in words: names, local files, plans, and what a server refuses.
//!
//! What a server says and what a contract says (`name taken`, `open file: ...`) stands in the
//! first line in every language.

use std::path::Path;

use colok::Error;
use colok::client::files::{Ending, FilesError, PlanProblem, Refusal};
use colok::observe::printable;
use colok::proto::ServiceKind;
use colok::proto::files::{
    COMPONENT_BYTES_MAX, COMPONENTS_MAX, NAME_BYTES_MAX, Name, NameProblem, RESERVED,
};
use rustix::io::Errno;

use super::sockets::{self, quoted};
use super::{Exit, Problem, errno_text};
use crate::messages::{Id, Messages};
use crate::say;
use crate::units::{duration_text, size_text};

/// What a problem with files is told about: the verb and its server, for the advice.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) verb: &'static str,
    /// As the user can type it.
    pub(crate) host: &'a str,
    /// Whether the same command goes on where this one was.
    pub(crate) resumes: bool,
    pub(crate) messages: &'a Messages,
}

impl Asked<'_> {
    /// The advice to do it again.
    fn again(self) -> String {
        self.messages.text(if self.resumes { Id::FilesGoOn } else { Id::FilesAgain })
    }
}

impl Exit {
    /// The exit code of something with files that ended so.
    pub(crate) fn of_files(ending: Ending) -> Self {
        match ending {
            Ending::Failed => Self::Failed,
            Ending::Usage => Self::Usage,
            Ending::Refused => Self::Refused,
            Ending::TimeRanOut => Self::TimeRanOut,
            Ending::Interrupted => Self::Interrupted,
        }
    }
}

impl Problem {
    /// A text that cannot name a stored file; `place` is the option or argument.
    pub(crate) fn of_name(
        place: &str,
        text: &str,
        problem: NameProblem,
        messages: &Messages,
    ) -> Self {
        let name = match printable(text.as_bytes()) {
            empty if empty.is_empty() => "\"\"".to_owned(),
            name => name,
        };
        let what = say!(messages, Id::NameWrong, place = place, name = name);
        Self::new(Exit::Usage, what).why(name_problem(problem, messages))
    }

    /// Somebody stopped it.
    pub(crate) fn interrupted(messages: &Messages) -> Self {
        Self::new(Exit::Interrupted, messages.text(Id::FilesInterrupted))
    }

    /// Something with files that went wrong.
    pub(crate) fn of_files(error: &FilesError, asked: Asked<'_>) -> Self {
        let Asked { messages, .. } = asked;
        let exit = Exit::of_files(error.ending());
        match error {
            FilesError::Net(Error::Connect { address, attempts }) => {
                sockets::connect(address, attempts, Some(ServiceKind::Files), messages)
            }
            FilesError::Net(error) => Self::of(error, messages),
            // Whoever read our output has gone (`| head`): nobody is left to be told.
            FilesError::Local { path, errno: Errno::PIPE, .. } if path.as_os_str() == "-" => {
                Self::silent(exit)
            }
            FilesError::Local { action, path, errno } => {
                let text = errno_text(errno.raw_os_error());
                // `open file: No such file or directory` are words of a contract.
                Self::new(exit, format!("{action} file: {text} ({})", shown(path)))
            }
            FilesError::Plan(problem) => plan(problem, exit, asked),
            FilesError::Refused(refusal) => refused(refusal, exit, asked),
            FilesError::Interrupted => Self::interrupted(messages).next(asked.again()),
            other => unsound(other, exit, asked),
        }
    }
}

/// Files that changed or came damaged, and connections that broke.
fn unsound(error: &FilesError, exit: Exit, asked: Asked<'_>) -> Problem {
    let Asked { messages, .. } = asked;
    let told = |what: String| Problem::new(exit, what);
    match error {
        FilesError::Changed { path } => told(say!(messages, Id::FileChanged, path = shown(path)))
            .why(messages.text(Id::FileChangedWhy))
            .next(messages.text(Id::FileChangedNext)),
        FilesError::Damaged { name, expected, computed } => {
            told(say!(messages, Id::FileDamaged, name = shown_name(name))).why(say!(
                messages,
                Id::FileDamagedWhy,
                computed = computed.to_string(),
                expected = expected.to_string()
            ))
        }
        FilesError::WrongReceipt { name, hash, sent, .. } => {
            told(say!(messages, Id::FileWrongReceipt, name = shown_name(name))).why(say!(
                messages,
                Id::FileDamagedWhy,
                computed = hash.to_string(),
                expected = sent.to_string()
            ))
        }
        FilesError::LessSafe { name, asked, reached } => {
            let (name, reached) = (shown_name(name), reached.name());
            told(say!(messages, Id::FileLessSafe, name = name, reached = reached)).why(say!(
                messages,
                Id::FileLessSafeWhy,
                asked = asked.name()
            ))
        }
        FilesError::TargetExists { path } => target_exists(path, exit, messages),
        FilesError::ChangedThere { name } => {
            told(say!(messages, Id::FileChangedThere, name = shown_name(name)))
                .next(messages.text(Id::FileChangedNext))
        }
        FilesError::Lost { address, errno, .. } => {
            let reason = match errno {
                Some(errno) => errno_text(errno.raw_os_error()),
                None => messages.text(Id::EndPeerClosed),
            };
            told(format!("{address}: {reason}"))
                .why(messages.text(Id::FilesLostWhy))
                .next(asked.again())
        }
        FilesError::Silent { address, after, .. } => {
            let time = duration_text(*after);
            told(say!(messages, Id::FilesSilent, address = address.as_str(), time = time))
                .why(messages.text(Id::FilesSilentWhy))
                .next(asked.again())
        }
        FilesError::Deadline { address, .. } => {
            told(format!("{address}: {}", messages.text(Id::EndDeadline))).next(asked.again())
        }
        FilesError::NotAStore { address, said, .. } => {
            let what = say!(messages, Id::FilesNotAStore, address = address.as_str());
            told(what).why(said.as_str()).next("colok serve files")
        }
        // The enum may grow; its own text is English.
        other => told(other.to_string()),
    }
}

fn plan(problem: &PlanProblem, exit: Exit, asked: Asked<'_>) -> Problem {
    let Asked { messages, verb, host, .. } = asked;
    let told = |what: String| Problem::new(exit, what);
    match problem {
        PlanProblem::Directory { path } => {
            let folder = quoted(&shown(path));
            told(say!(messages, Id::PlanFolder, path = shown(path)))
                .next(format!("colok send -r {host} {folder}"))
        }
        PlanProblem::NotAFile { path } => {
            let file = quoted(&shown(path));
            told(say!(messages, Id::PlanNotAFile, path = shown(path)))
                .next(format!("colok send {host} - --name NAME < {file}"))
        }
        PlanProblem::NoSize { path } => {
            let file = quoted(&shown(path));
            told(say!(messages, Id::PlanNoSize, path = shown(path)))
                .why(messages.text(Id::PlanNoSizeWhy))
                .next(format!("colok send {host} - --name NAME < {file}"))
        }
        PlanProblem::Name { path, name, problem } => {
            let why = match problem {
                Some(problem) => name_problem(*problem, messages),
                None => messages.text(Id::NameEncoding),
            };
            let name = printable(name.as_bytes());
            told(say!(messages, Id::NameWrong, place = shown(path), name = name))
                .why(why)
                .next(format!("colok send {host} {} --name NAME", quoted(&shown(path))))
        }
        PlanProblem::StoredName { name, problem } => {
            Problem::of_name("NAME", name, *problem, messages)
        }
        PlanProblem::SameName { name, first, second } => {
            let what = say!(messages, Id::PlanSameName, name = shown_name(name));
            told(what)
                .why(format!("{}, {}", shown(first), shown(second)))
                .next(messages.text(Id::PlanSameNameNext))
        }
        PlanProblem::SameTarget { path, first, second } => {
            told(say!(messages, Id::PlanSameTarget, path = shown(path)))
                .why(format!("{}, {}", shown_name(first), shown_name(second)))
                .next(messages.text(Id::PlanSameTargetNext))
        }
        PlanProblem::TargetExists { path } => target_exists(path, exit, messages),
        PlanProblem::ManyIntoOne { path, .. } => {
            let folder = quoted(&shown(path));
            told(say!(messages, Id::PlanManyIntoOne, path = shown(path)))
                .next(format!("mkdir {folder}"))
        }
        PlanProblem::InputNeedsName => told(messages.text(Id::PlanInputNeedsName))
            .next(format!("colok send {host} - --name NAME")),
        PlanProblem::InputTwice => told(messages.text(Id::PlanInputTwice)),
        PlanProblem::OneNameForMany { .. } => {
            told(messages.text(Id::PlanOneNameForMany)).next(messages.text(Id::PlanSameNameNext))
        }
        PlanProblem::OneRangeForMany { .. } => told(messages.text(Id::PlanOneRangeForMany)),
        // The arguments rule the others out; their own text is English.
        other => told(other.to_string()).next(format!("colok {verb} --help")),
    }
}

fn target_exists(path: &Path, exit: Exit, messages: &Messages) -> Problem {
    Problem::new(exit, say!(messages, Id::TargetExists, path = shown(path)))
        .why(messages.text(Id::TargetExistsWhy))
        .next("--force")
        .next("-o PATH")
}

/// What a server refused: its own words, why, and what to try.
fn refused(refusal: &Refusal, exit: Exit, asked: Asked<'_>) -> Problem {
    let Asked { messages, verb, host, .. } = asked;
    let subject = refusal.name.as_ref().map_or_else(|| host.to_owned(), shown_name);
    if refusal.is_name_taken() && refusal.hash.is_some() {
        return name_taken(refusal, &subject, exit, asked);
    }
    let problem = Problem::new(exit, format!("{subject}: {}", refusal.text));
    let why = |id| problem.clone().why(messages.text(id));
    match refusal.code {
        401 => why(Id::RefusedTokenWhy).next("--token-file FILE"),
        403 if verb == "list" => why(Id::RefusedListWhy),
        // Its words are for people and may change; without them there is one hint too many.
        403 if refusal.text.starts_with("read only") => why(Id::RefusedWriteWhy),
        403 => why(Id::RefusedWriteWhy).next(messages.text(Id::RefusedWriteNext)),
        404 => problem.next(format!("colok list {host}")),
        409 => why(Id::RefusedNotAFileWhy).next(messages.text(Id::RefusedOtherName)),
        411 => why(Id::RefusedHashWhy).next(asked.again()),
        413 => match refusal.limit {
            Some(limit) => {
                let limit = size_text(limit);
                problem.why(say!(messages, Id::RefusedTooLargeWhy, limit = limit))
            }
            None => problem,
        },
        416 => match refusal.size {
            Some(size) => problem.why(say!(messages, Id::RefusedRangeWhy, size = size.to_string())),
            None => problem,
        },
        429 => why(Id::RefusedUploadsWhy).next(messages.text(Id::RefusedLater)),
        500 => match refusal.errno {
            Some(errno) => problem.why(errno_text(errno)),
            None => problem,
        },
        503 => why(Id::RefusedNotNowWhy).next(messages.text(Id::RefusedLater)),
        507 => why(Id::RefusedSpaceWhy),
        _ => problem,
    }
}

/// Other content has the name.
fn name_taken(refusal: &Refusal, subject: &str, exit: Exit, asked: Asked<'_>) -> Problem {
    let Asked { messages, host, .. } = asked;
    let size = refusal.size.unwrap_or(0).to_string();
    let hash = refusal.hash.map(|hash| hash.to_string()).unwrap_or_default();
    let other = quoted(&other_name(subject));
    // `name taken` are words of the protocol.
    Problem::new(exit, format!("{subject}: name taken"))
        .why(say!(messages, Id::NameTakenWhy, size = size, hash = hash))
        .next(say!(messages, Id::NameTakenNext, name = other))
        .next(format!("colok get {host} {}", quoted(subject)))
}

/// `docs/a-2.txt` for `docs/a.txt`.
fn other_name(name: &str) -> String {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].rfind('.').filter(|at| *at > 0) {
        Some(at) => {
            let (stem, ending) = name.split_at(start + at);
            format!("{stem}-2{ending}")
        }
        None => format!("{name}-2"),
    }
}

/// Why a text is not a name.
pub(crate) fn name_problem(problem: NameProblem, messages: &Messages) -> String {
    let limited = |id, limit: usize| say!(messages, id, limit = limit.to_string());
    match problem {
        NameProblem::Empty => messages.text(Id::NameEmpty),
        NameProblem::EmptyComponent => messages.text(Id::NameEmptyComponent),
        NameProblem::Dots => messages.text(Id::NameDots),
        NameProblem::Control => messages.text(Id::NameControl),
        NameProblem::TooLong => limited(Id::NameTooLong, NAME_BYTES_MAX),
        NameProblem::ComponentTooLong => limited(Id::NameComponentTooLong, COMPONENT_BYTES_MAX),
        NameProblem::TooDeep => limited(Id::NameTooDeep, COMPONENTS_MAX),
        NameProblem::Reserved => say!(messages, Id::NameReserved, reserved = RESERVED),
        NameProblem::Encoding => messages.text(Id::NameEncoding),
    }
}

/// A path, harmless for the terminal.
pub(crate) fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes())
}

/// A stored name, harmless for the terminal.
pub(crate) fn shown_name(name: &Name) -> String {
    let harmless = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\';
    // Most names are; there may be ten thousand of them a second.
    if name.as_str().bytes().all(harmless) {
        return name.as_str().to_owned();
    }
    printable(name.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use colok::proto::files::Hash;

    use super::*;
    use crate::messages::Language;
    use crate::style::Style;

    fn told(error: &FilesError, language: Language) -> (Exit, Vec<String>) {
        let messages = Messages::new(language);
        let asked = Asked { verb: "send", host: "localhost", resumes: true, messages: &messages };
        let problem = Problem::of_files(error, asked);
        let text = problem.render(&messages, Style::PLAIN);
        (problem.exit, text.lines().map(str::to_owned).collect())
    }

    fn refusal(code: u16, text: &str) -> Refusal {
        Refusal {
            name: Name::new("docs/a.txt").ok(),
            code,
            text: text.to_owned(),
            size: None,
            hash: None,
            limit: None,
            errno: None,
        }
    }

    #[test]
    fn name_taken_is_the_same_in_every_language_and_says_what_to_do() {
        for language in [Language::English, Language::Indonesian] {
            let taken = Refusal {
                size: Some(5),
                hash: Some(Hash([0xab; 32])),
                ..refusal(409, "whatever the server says")
            };
            let (exit, lines) = told(&taken.into(), language);
            assert_eq!(exit, Exit::Refused);
            assert_eq!(lines[0], "colok: docs/a.txt: name taken");
            assert!(lines[1].contains("(5 B, BLAKE3 abab"), "{}", lines[1]);
            assert!(lines[2].ends_with("--name docs/a-2.txt"), "{}", lines[2]);
            assert!(lines[3].ends_with("colok get localhost docs/a.txt"), "{}", lines[3]);
        }
    }

    #[test]
    fn what_a_server_says_stands_first_and_the_way_out_last() {
        for (code, text, exit, next) in [
            (401, "token needed", Exit::Refused, Some("--token-file FILE")),
            (403, "not from here", Exit::Refused, Some("--allow-anonymous-write")),
            (403, "read only", Exit::Refused, None),
            (404, "no such file", Exit::Failed, Some("colok list localhost")),
            (409, "not a file", Exit::Refused, Some("--name NAME")),
            (503, "stopping", Exit::Failed, Some("in a while")),
            (507, "no space", Exit::Refused, None),
        ] {
            let (told_exit, lines) = told(&refusal(code, text).into(), Language::English);
            assert_eq!((told_exit, &*lines[0]), (exit, &*format!("colok: docs/a.txt: {text}")));
            let last = lines.last().filter(|line| line.starts_with("  try: "));
            match next {
                Some(next) => assert!(last.is_some_and(|last| last.ends_with(next)), "{lines:?}"),
                None => assert_eq!(last, None),
            }
        }
    }

    #[test]
    fn who_cannot_go_on_is_not_told_so() {
        let messages = Messages::new(Language::English);
        for (resumes, advice) in [(true, "again; it goes on where it was"), (false, "again")] {
            let asked = Asked { verb: "list", host: "localhost", resumes, messages: &messages };
            let problem = Problem::of_files(&FilesError::Interrupted, asked);
            let text = problem.render(&messages, Style::PLAIN);
            assert_eq!(text, format!("colok: interrupted\n  try: the same command {advice}\n"));
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_told_nothing() {
        let error =
            |path: &str, errno| FilesError::Local { action: "write", path: path.into(), errno };
        let (exit, lines) = told(&error("-", Errno::PIPE), Language::English);
        assert_eq!((exit, lines), (Exit::Failed, vec![]));
        let (_, lines) = told(&error("a", Errno::NOSPC), Language::English);
        assert_eq!(lines, ["colok: write file: No space left on device (a)"]);
    }

    #[test]
    fn another_name_keeps_its_folder_and_its_ending() {
        for (name, other) in [
            ("some.iso", "some-2.iso"),
            ("docs/a.b/readme", "docs/a.b/readme-2"),
            (".profile", ".profile-2"),
            ("a.tar.gz", "a.tar-2.gz"),
        ] {
            assert_eq!(other_name(name), other);
        }
    }
}
