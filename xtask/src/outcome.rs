//! How a check ended: the one thing that every step tells the list of steps.
//!
//! Nothing here runs or prints.

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything the step checks holds.
    Passed,
    /// Something does not hold; one line.
    Failed(String),
    /// The step could not run; the reason.
    Skipped(String),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(Self::Failed, |()| Self::Passed)
    }
}
