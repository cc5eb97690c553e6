//! Which messages are meant: a kind and two ends, each of which may be left open.

use crate::world::{BadName, Kind, MessageId, Place, parse_kind};
use std::{fmt, str::FromStr};

/// A pattern over messages, such as `finalize mg-0 *`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// The kind, and whether it is an answer; any if open.
    pub kind: Option<(Kind, bool)>,
    /// The sender; any if open.
    pub from: Option<Place>,
    /// The receiver; any if open.
    pub to: Option<Place>,
}

impl Pattern {
    /// Whether a message is meant.
    #[must_use]
    pub fn matches(&self, id: &MessageId) -> bool {
        self.kind.is_none_or(|kind| kind == (id.kind, id.answer))
            && self.from.is_none_or(|from| from == id.from)
            && self.to.is_none_or(|to| to == id.to)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some((kind, answer)) => {
                write!(f, "{}{}", kind.word(), if answer { "-answer" } else { "" })?;
            }
            None => f.write_str("*")?,
        }
        for end in [self.from, self.to] {
            match end {
                Some(place) => write!(f, " {place}")?,
                None => f.write_str(" *")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Pattern {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [kind, from, to] = words.as_slice() else {
            let expected = "a pattern such as \"finalize mg-0 mg-1\" or \"promote ct-0 *\"";
            return Err(BadName { found: text.into(), expected });
        };
        let end = |word: &str| if word == "*" { Ok(None) } else { word.parse().map(Some) };
        let kind = if *kind == "*" { None } else { Some(parse_kind(kind)?) };
        Ok(Self { kind, from: end(from)?, to: end(to)? })
    }
}
