//! Names of stored files: paths of checked components, and how they are written on the wire.
//!
//! A name that exists is harmless: no component is empty, `.` or `..`, none holds a NUL or a
//! control character or is over-long, and none of it lies under [`RESERVED`]. Nothing here touches
//! a file system.

use alloc::boxed::Box;
use core::fmt;

/// The most bytes of a name.
pub const NAME_BYTES_MAX: usize = 1024;

/// The most bytes of a component: what Linux file systems take (`NAME_MAX`).
pub const COMPONENT_BYTES_MAX: usize = 255;

/// The most components of a name. Each directory on the way is opened in turn.
pub const COMPONENTS_MAX: usize = 64;

/// The directory that the store keeps for itself; no name may begin with it, in any case.
pub const RESERVED: &str = ".colok";

/// The name of a stored file: components with `/` between them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// The beginning of names, for listings: `docs/`, `docs/a`, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix(Box<str>);

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameProblem {
    /// Nothing at all.
    Empty,
    /// It begins or ends with `/`, or two follow each other.
    EmptyComponent,
    /// `.` or `..`.
    Dots,
    /// A NUL or another control character.
    Control,
    /// More than [`NAME_BYTES_MAX`] in all.
    TooLong,
    /// A component of more than [`COMPONENT_BYTES_MAX`].
    ComponentTooLong,
    /// More than [`COMPONENTS_MAX`] components.
    TooDeep,
    /// It begins with [`RESERVED`].
    Reserved,
    /// A `%` that two hexadecimal digits do not follow, or that makes invalid UTF-8.
    Encoding,
}

impl fmt::Display for NameProblem {
    /// In English; the wire carries it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::EmptyComponent => "it begins or ends with /, or has two in a row",
            Self::Dots => "a part of it is . or ..",
            Self::Control => "it holds a control character",
            Self::TooLong => "it is longer than 1024 bytes",
            Self::ComponentTooLong => "a part of it is longer than 255 bytes",
            Self::TooDeep => "it has more than 64 parts",
            Self::Reserved => "it begins with .colok, which is reserved",
            Self::Encoding => "a % in it is not followed by two digits, or makes no UTF-8",
        })
    }
}

impl Name {
    /// Checks a text (not encoded).
    pub fn new(text: &str) -> Result<Self, NameProblem> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Prefix {
    /// Checks a text (not encoded): what a name can begin with.
    pub fn new(text: &str) -> Result<Self, NameProblem> {
        if text.len() > NAME_BYTES_MAX {
            return Err(NameProblem::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NameProblem::Control);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a first component leads to [`RESERVED`] on some file system. FAT and its like ignore
/// case and what dots and spaces end a name; a case-folding directory (ext4, F2FS) also takes
/// letters of other scripts for those that look the same, and ignores characters that cannot be
/// seen.
fn is_reserved(component: &str) -> bool {
    let plain = component.trim_end_matches(['.', ' ']);
    plain.chars().flat_map(char::to_lowercase).filter(char::is_ascii).eq(RESERVED.chars())
}

fn check(text: &str) -> Result<(), NameProblem> {
    if text.is_empty() {
        return Err(NameProblem::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameProblem::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(NameProblem::Control);
    }
    let mut components = 0;
    for component in text.split('/') {
        components += 1;
        match component {
            "" => return Err(NameProblem::EmptyComponent),
            "." | ".." => return Err(NameProblem::Dots),
            first if components == 1 && is_reserved(first) => return Err(NameProblem::Reserved),
            long if long.len() > COMPONENT_BYTES_MAX => return Err(NameProblem::ComponentTooLong),
            _ => {}
        }
    }
    if components > COMPONENTS_MAX { Err(NameProblem::TooDeep) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_any_file_system_takes_for_our_directory_is_reserved() {
        for first in [
            ".colok",
            ".COLOK",
            ".Colok",
            ".colok.",
            ".colok. .",
            ".colok ",
            ".colo\u{212a}",
            ".co\u{200c}lok",
            ".colok\u{ad}",
        ] {
            for name in [first.into(), alloc::format!("{first}/hashes")] {
                assert_eq!(Name::new(&name), Err(NameProblem::Reserved), "{name:?}");
            }
            assert!(Name::new(&alloc::format!("a/{first}")).is_ok(), "{first:?}");
        }
        for name in ["colok", ".colok2", ".colo", "..colok", ".colok.d", ".co.lok", "colok."] {
            assert!(Name::new(name).is_ok(), "{name:?}");
        }
    }
}
