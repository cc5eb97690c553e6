//! Finds `has_more` in the SUCCESS of a PULL or DISCARD. Memgraph sends the keys in order, so that it
//! stands near the front; a summary of which the front does not tell is taken as unknown.

use crate::packstream::{Limits, Reader};
use alloc::vec::Vec;

/// Whether records are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// None are: it says so, or does not say that some are.
    None,
    /// Some are.
    Some,
    /// The front of the summary does not tell.
    Unknown,
}

/// The bytes of a summary that are looked at.
const FRONT: usize = 1 << 10;

/// Keeps the front of a summary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SummaryReader {
    front: Vec<u8>,
}

impl SummaryReader {
    pub(super) const fn new() -> Self {
        Self { front: Vec::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = FRONT - self.front.len();
        self.front.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub(super) fn finish(self) -> More {
        self.told().unwrap_or(More::Unknown)
    }

    fn told(&self) -> Option<More> {
        let limits = Limits { bytes: FRONT, values: FRONT, depth: 32 };
        let mut reader = Reader::new(&self.front, limits).ok()?;
        let entries = reader.entries().ok()?;
        for _ in 0..entries {
            let key = reader.text("a key").ok()?;
            let value = reader.value().ok()?;
            if key == "has_more" {
                return value.as_bool().map(|more| if more { More::Some } else { More::None });
            }
        }
        // All entries were there, and none of them was it.
        reader.finish().is_ok().then_some(More::None)
    }
}
