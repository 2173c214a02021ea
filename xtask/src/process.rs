//! Starting programs: the command is shown, its output goes straight through, its time is limited.
//!
//! Nothing is read from standard input unless a caller says so: a check that waits for a key would
//! hang where nobody is.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::context::Context;

/// The longest that one program may run under CI, where nobody can interrupt it. The whole run
/// has 30 minutes; a program that reaches this limit hangs, and it is better to say which it was.
pub(crate) const LIMIT: Duration = Duration::from_mins(15);

/// A cargo command in the root of the tree.
pub(crate) fn cargo<const N: usize>(context: &Context, words: [&str; N]) -> Command {
    let mut command = Command::new(Context::cargo());
    command.args(words).current_dir(&context.root);
    command
}

/// Shows the command, runs it to its end and says in one line why it failed.
pub(crate) fn run(context: &Context, command: &mut Command) -> Result<(), String> {
    println!("$ {}", show(command));
    let status = wait(context, command.stdin(Stdio::null()), LIMIT)?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` ended with {status}", show(command)))
}

/// Runs the command without showing anything, for its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start `{}`: {error}", show(command)))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` ended with {}: {text}", show(command), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn wait(context: &Context, command: &mut Command, limit: Duration) -> Result<ExitStatus, String> {
    let shown = show(command);
    let failed = |error| format!("cannot start `{shown}`: {error}");
    if !context.ci {
        // At a terminal the user's interrupt must reach the children, so they stay in our group.
        return command.status().map_err(failed);
    }
    let mut child = command.process_group(0).spawn().map_err(failed)?;
    let group = child.id();
    let (finished, watch) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let expired = watch.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if expired {
            // The whole group: cargo's children hold our output open otherwise.
            let line = format!("kill -s KILL -- -{group}");
            let _ = Command::new("sh").args(["-c", &line]).status();
        }
        expired
    });
    let status = child.wait();
    drop(finished);
    if watchdog.join().unwrap_or(false) {
        return Err(format!("`{shown}` was ended after {limit:?}"));
    }
    status.map_err(|error| format!("cannot wait for `{shown}`: {error}"))
}

/// The command as it would be typed, with the variables that were set for it.
fn show(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", name.to_string_lossy(), quote(value)));
        }
    }
    // Cargo names itself with its whole path; the short name is what a reader would type.
    let program = command.get_program().to_string_lossy();
    words.push(match program.rsplit('/').next() {
        Some("cargo") => "cargo".to_owned(),
        _ => program.into_owned(),
    });
    words.extend(command.get_args().map(quote));
    words.join(" ")
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains(|letter: char| " '\"$*?;&|<>()".contains(letter)) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    word.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/opt/bin/cargo");
        command.args(["doc", "it's", ""]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(show(&command), r"RUSTDOCFLAGS='-D warnings' cargo doc 'it'\''s' ''");
    }

    #[test]
    fn the_end_of_a_program_is_told() {
        for ci in [false, true] {
            let context = Context { root: ".".into(), ci, terminal: false };
            assert_eq!(run(&context, &mut Command::new("true")), Ok(()));
            let problem = run(&context, Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
            assert!(problem.contains("exit status: 3"), "{problem}");
            let problem = run(&context, &mut Command::new("/no/such/program")).unwrap_err();
            assert!(problem.contains("cannot start"), "{problem}");
        }
    }

    #[test]
    fn what_hangs_under_ci_is_ended_with_its_children() {
        let context = Context { root: ".".into(), ci: true, terminal: false };
        let mut command = Command::new("sh");
        // Reading waits for the grandchild too, which holds the pipe open until it is ended.
        command.args(["-c", "sleep 600 | read line"]).stdin(Stdio::null());
        let problem = wait(&context, &mut command, Duration::from_millis(50)).unwrap_err();
        assert!(problem.contains("was ended after 50ms"), "{problem}");
    }

    #[test]
    fn output_is_read_and_a_failure_carries_its_text() {
        assert_eq!(read(Command::new("echo").arg("yes")), Ok("yes\n".to_owned()));
        let problem = read(Command::new("sh").args(["-c", "echo why >&2; false"])).unwrap_err();
        assert!(problem.contains("why"), "{problem}");
    }
}
