//! How a run fails, told so that two runs can be compared: without names, ids and times.

use super::Report;
use crate::{driver::End, oracle::Violation};
use std::fmt;

/// The way in which a run fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symptom {
    /// This kind of promise broke before any other.
    Broken(String),
    /// It came neither to rest nor to a hold that is left to people.
    Stuck,
}

impl Symptom {
    /// The symptom of what was found and how it ended; none where all is well. The first violation
    /// alone counts, for what breaks after it mostly follows from it.
    #[must_use]
    pub fn of(violations: &[Violation], end: Option<&End>) -> Option<Self> {
        let broken = violations.iter().find(|violation| !violation.is_known());
        match (broken, end) {
            (Some(violation), _) => Some(Self::Broken(violation.kind())),
            (None, Some(End::Stuck(_))) => Some(Self::Stuck),
            (None, Some(End::Settled | End::Holds(_)) | None) => None,
        }
    }

    /// Whether a run fails in this way too.
    #[must_use]
    pub fn shows_in(&self, report: &Report) -> bool {
        Self::of(&report.violations, report.end.as_ref()).as_ref() == Some(self)
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(kind) => write!(f, "broken {kind}"),
            Self::Stuck => f.write_str("stuck"),
        }
    }
}
