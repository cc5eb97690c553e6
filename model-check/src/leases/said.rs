//! What a step came to, for stories.

use super::world::Reign;
use ha_core::leadership::{Millis, Word};
use std::fmt;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A grant of this term was answered, for so many milliseconds.
    Granted(u8, Millis),
    /// That there is no route was answered.
    Closed,
    /// No answer.
    NotLeading,
    /// The word of another controller.
    Word(Word),
    /// It leads from now on.
    Leads,
    /// The object had changed.
    Conflict,
    /// It was written: the term, and whether it is steady.
    Wrote(Reign),
    /// The gateway refused the answer.
    Refused,
    /// The gateway may forward for so long.
    Live(u8),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted(term, ms) => write!(f, "a grant of term {term} for {ms} ms"),
            Self::Closed => f.write_str("no route"),
            Self::NotLeading => f.write_str("it does not lead"),
            Self::Word(Word::Promises) => f.write_str("promises to promote nobody"),
            Self::Word(Word::StandsAgainst(_)) => f.write_str("stands against this lease"),
            Self::Word(Word::Nothing) => f.write_str("promises nothing"),
            Self::Leads => f.write_str("it leads"),
            Self::Conflict => f.write_str("too late, it had changed"),
            Self::Wrote(Reign { term, steady: true }) => write!(f, "term {term} is steady"),
            Self::Wrote(Reign { term, steady: false }) => write!(f, "term {term} is intended"),
            Self::Refused => f.write_str("it is not taken"),
            Self::Live(term) => write!(f, "it may forward in term {term}"),
        }
    }
}
