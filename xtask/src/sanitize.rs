//! The tests of the one crate with unsafe code, watched by `AddressSanitizer`: memory that is used
//! after it was freed, beyond its end, or never given back.
//!
//! The sanitizer comes with the compiler, but its flag is not stable yet; `RUSTC_BOOTSTRAP` allows
//! it on the compiler that everything else is built with. The standard library is not rebuilt for
//! it, which only leaves out its own code. What the kernel writes is not seen, except where we read
//! it. `ThreadSanitizer` would need a standard library of its own, and valgrind knows io_uring only
//! in part.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    context::Context,
    fuzz,
    outcome::Outcome,
    process::{self, cargo},
};

/// The crate that has unsafe code.
const PACKAGE: &str = "colok-sys";

/// Runs the tests, or says why they cannot run.
pub(crate) fn run(context: &Context) -> Outcome {
    let found = fuzz::host().and_then(|host| runtime(&host).map(|runtime| (host, runtime)));
    let host = match found {
        Ok((host, Some(_runtime))) => host,
        Ok((host, None)) => {
            return Outcome::Skipped(format!("the compiler has no AddressSanitizer for {host}"));
        }
        Err(reason) => return Outcome::Failed(reason),
    };
    let words = ["test", "--package", PACKAGE, "--lib", "--locked", "--target", &host];
    let mut command = cargo(context, words);
    // With `--target`, the flags stay away from build scripts; with a folder of its own, what they
    // build does not replace what the other steps have built.
    command
        .args(["--target-dir", "target/sanitize"])
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address");
    process::run(context, &mut command).into()
}

/// Where the compiler keeps the sanitizer's part of every program, if it has it.
fn runtime(host: &str) -> Result<Option<PathBuf>, String> {
    let sysroot = process::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    let folder = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("lib");
    let files =
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = files.flatten().map(|file| file.path());
    Ok(names.into_iter().find(|path| is_runtime(path)))
}

/// Its name has the compiler's channel in it: `librustc-stable_rt.asan.a`.
fn is_runtime(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("librustc-") && name.ends_with("_rt.asan.a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_known_by_its_name() {
        assert!(is_runtime(Path::new("/a/lib/librustc-stable_rt.asan.a")));
        assert!(!is_runtime(Path::new("/a/lib/librustc-stable_rt.tsan.a")));
        assert!(!is_runtime(Path::new("/a/lib/libstd-1.so")));
    }
}
