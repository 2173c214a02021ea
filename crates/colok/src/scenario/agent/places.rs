//! Where things are on a host: paths of orders, made absolute and kept inside.
//!
//! A path without a leading `/` is below the folder of the host; one with it must be below the
//! directory beside which the folder is. Only the text is judged: a link that a program made there
//! may lead anywhere, as that program itself may.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::set_up::SetUp;

/// The two directories of a host.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The directory in which it is.
    pub(super) beside: PathBuf,
}

impl Places {
    pub(super) fn of(set_up: &SetUp) -> Self {
        Self { folder: PathBuf::from(&set_up.folder), beside: PathBuf::from(&set_up.beside) }
    }

    /// Where programs keep what is neither theirs nor anybody's after the case: beside the folder,
    /// which may be served, listed, or full.
    pub(super) fn kept(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.folder.file_name().unwrap_or_default());
        self.beside.join(name)
    }

    /// The absolute path; an error says why there is none.
    pub(super) fn path(&self, path: &str) -> Result<PathBuf, String> {
        let given = Path::new(path);
        if given.components().any(|part| part == Component::ParentDir) {
            return Err(format!("`{path}`: a path of a host has no `..`"));
        }
        if !given.is_absolute() {
            return Ok(self.folder.join(given));
        }
        if given.starts_with(&self.beside) || given.starts_with(&self.folder) {
            return Ok(given.to_owned());
        }
        Err(format!("`{path}` is outside of the folder of the host"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_beside_the_folder() {
        let places = Places { folder: "/tmp/c-1/host".into(), beside: "/tmp/c-1".into() };
        assert_eq!(places.kept(), PathBuf::from("/tmp/c-1/.host"));
    }

    #[test]
    fn paths_stay_inside() {
        let places = Places { folder: "/tmp/c-1/host".into(), beside: "/tmp/c-1".into() };
        let right = [
            ("", "/tmp/c-1/host"),
            ("a/b", "/tmp/c-1/host/a/b"),
            ("./a", "/tmp/c-1/host/a"),
            ("/tmp/c-1/host.log", "/tmp/c-1/host.log"),
            ("/tmp/c-1/host/a", "/tmp/c-1/host/a"),
        ];
        for (given, wanted) in right {
            assert_eq!(places.path(given), Ok(PathBuf::from(wanted)), "{given}");
        }
        for wrong in ["..", "a/../../b", "/etc/passwd", "/tmp/c-1/../x", "/tmp/c-12", "/"] {
            assert!(places.path(wrong).is_err(), "{wrong}");
        }
    }
}
