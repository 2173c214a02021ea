//! The words after `cargo xtask`, as data.
//!
//! Parsing decides nothing but the request: it never looks at the tree or starts anything.

use crate::{bench, steps};

/// What `cargo xtask` prints without arguments.
pub(crate) const HELP: &str = "\
Every automation of the project.

Usage: cargo xtask COMMAND

Commands:
  test                  run every check; this is what CI runs
      --only STEP       run this step alone (repeatable)
      --quick           leave the long steps out: instructions, sanitize and
                        fuzz
      --list            name the steps
  tidy                  check the house rules (sizes, banned words, the map of the tree)
  fuzz [TARGET]         run the fuzz targets, or one of them
      --seconds N       time for all of them together (default 60)
  bench [SUITE]         measure colok beside others; without a name, every suite
                        files: the file store, rsync, nc, and curl with nginx
                        sockets: servers and load generators
                        relay: a relay without faults, and socat
                        instructions: the instructions of hot paths beside those kept; not
                        measured unless it is named
      --rounds N        runs of each program (default 5)
      --only NAME       this task or this program alone (repeatable); a wrong name is answered
                        with those that there are
      --full            sockets: every load, not only those that tell most
      --colok PROGRAM   files, sockets: measure this program instead of building one
      --small           little work, to see that the benchmark works
      --on FOLDER       where, on a tmpfs (default /dev/shm)
      --install         install the peers that are missing (Debian starts its own nginx then)
      --write           keep the report in docs/benchmarks.md, and counts of instructions in
                        bench/micro/instructions.toml
  setup                 install the programs that the checks need
  help                  print this";

/// How long all fuzz targets together run when nobody says otherwise, in seconds.
pub(crate) const FUZZ_SECONDS: u64 = 60;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Print [`HELP`].
    Help,
    /// Name the steps of `test`.
    List,
    /// Run the checks.
    Test(Selection),
    /// Check the house rules alone.
    Tidy,
    /// Run the fuzz targets alone.
    Fuzz {
        /// One target; all of them when absent.
        target: Option<String>,
        /// Time for all targets together.
        seconds: u64,
    },
    /// Measure.
    Bench(bench::Options),
    /// Install what the checks need.
    Setup,
}

/// Which steps of `test` run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Names of the only steps to run; every step when empty.
    pub(crate) only: Vec<String>,
    /// Leave out the steps that take longest.
    pub(crate) quick: bool,
}

/// Reads the words after the program's name. The error is one line for the user.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut words = words.flat_map(|word| split_value(&word));
    let Some(command) = words.next() else { return Ok(Request::Help) };
    match command.as_str() {
        "help" | "--help" | "-h" => Ok(Request::Help),
        "test" => parse_test(words),
        "fuzz" => parse_fuzz(words),
        "bench" => parse_bench(words),
        "tidy" => no_more(words, Request::Tidy),
        "setup" => no_more(words, Request::Setup),
        other => Err(format!("there is no command `{other}`")),
    }
}

/// `--name=value` means the same as `--name value`.
fn split_value(word: &str) -> Vec<String> {
    match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
        _ => vec![word.to_owned()],
    }
}

fn parse_test(mut words: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut selection = Selection::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--list" => return Ok(Request::List),
            "--quick" => selection.quick = true,
            "--only" => {
                let name = words.next().ok_or("--only needs the name of a step")?;
                if !steps::names().any(|known| known == name) {
                    let known = steps::names().collect::<Vec<_>>().join(", ");
                    return Err(format!("there is no step `{name}`; the steps are {known}"));
                }
                selection.only.push(name);
            }
            other => return Err(format!("`test` does not know `{other}`")),
        }
    }
    Ok(Request::Test(selection))
}

fn parse_fuzz(mut words: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut target = None;
    let mut seconds = FUZZ_SECONDS;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--seconds" => {
                let number = words.next().ok_or("--seconds needs a number")?;
                seconds = match number.parse() {
                    Ok(number) if number > 0 => number,
                    _ => return Err(format!("`{number}` is not a number of seconds above 0")),
                };
            }
            name if !name.starts_with('-') && target.is_none() => target = Some(word),
            other => return Err(format!("`fuzz` does not know `{other}`")),
        }
    }
    Ok(Request::Fuzz { target, seconds })
}

fn parse_bench(words: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut words = words.peekable();
    let name = words.next_if(|word| !word.starts_with('-')).unwrap_or_default();
    let mut options = bench::Options::new(&name);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--rounds" => {
                let number = value()?;
                options.rounds =
                    number.parse().map_err(|_| format!("`{number}` is not a number of rounds"))?;
            }
            "--only" => options.only.push(value()?),
            "--on" => options.folder = value()?.into(),
            "--colok" => options.colok = Some(value()?.into()),
            "--full" => options.extent = bench::Extent::Full,
            "--small" => options.small = true,
            "--install" => options.install = true,
            "--write" => options.write = true,
            other => return Err(format!("`bench` does not know `{other}`")),
        }
    }
    options.check()?;
    Ok(Request::Bench(options))
}

fn no_more(mut words: impl Iterator<Item = String>, request: Request) -> Result<Request, String> {
    match words.next().as_deref() {
        None => Ok(request),
        Some("--help" | "-h") => Ok(Request::Help),
        Some(other) => Err(format!("`{other}` is one word too many")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_is_help() {
        assert_eq!(parse_words(""), Ok(Request::Help));
        assert_eq!(parse_words("tidy --help"), Ok(Request::Help));
    }

    #[test]
    fn test_takes_its_options_in_both_spellings() {
        let expected = Selection { only: vec!["tidy".into(), "format".into()], quick: true };
        let got = parse_words("test --only tidy --quick --only=format");
        assert_eq!(got, Ok(Request::Test(expected)));
        assert_eq!(parse_words("test --list"), Ok(Request::List));
    }

    #[test]
    fn an_unknown_step_is_answered_with_the_known_ones() {
        let problem = parse_words("test --only tody").unwrap_err();
        assert!(problem.contains("`tody`") && problem.contains("tidy, "), "{problem}");
    }

    #[test]
    fn fuzz_takes_a_target_and_a_time() {
        let expected = Request::Fuzz { target: Some("echo".into()), seconds: 5 };
        assert_eq!(parse_words("fuzz echo --seconds 5"), Ok(expected));
        let all = Request::Fuzz { target: None, seconds: FUZZ_SECONDS };
        assert_eq!(parse_words("fuzz"), Ok(all));
        assert!(parse_words("fuzz --seconds 0").is_err());
        assert!(parse_words("fuzz one two").is_err());
    }

    #[test]
    fn bench_takes_a_name_and_its_options() {
        let expected = bench::Options {
            rounds: 3,
            only: vec!["upload".into(), "nc".into()],
            small: true,
            folder: "/tmp".into(),
            ..bench::Options::new("files")
        };
        let got = parse_words("bench files --rounds 3 --only upload --only=nc --small --on /tmp");
        assert_eq!(got, Ok(Request::Bench(expected)));
        assert_eq!(parse_words("bench"), Ok(Request::Bench(bench::Options::new(""))));
        let expected = bench::Options {
            extent: bench::Extent::Full,
            colok: Some("/opt/colok".into()),
            ..bench::Options::new("sockets")
        };
        let got = parse_words("bench sockets --full --colok /opt/colok");
        assert_eq!(got, Ok(Request::Bench(expected)));
        assert!(parse_words("bench flies").is_err());
        assert!(parse_words("bench files --rounds 0").is_err());
        assert!(parse_words("bench files --write --small").is_err());
    }

    #[test]
    fn words_too_many_are_refused() {
        assert!(parse_words("setup now").is_err());
        assert!(parse_words("tset").is_err());
    }
}
