//! The journal as one controller keeps it: where its lines go, and what is known of those that did not
//! get there. A journal that cannot be written stops nothing: what it is for is to explain, and a
//! cluster without a failover has no use for the explanation.

use ha_core::{journal::Line, leadership::Millis};
use std::io;

/// Takes the lines of a journal. True if the next line begins another file, which then begins with
/// what is known; an error if the line was not written.
pub type Sink = Box<dyn FnMut(&Line) -> io::Result<bool> + Send>;

/// How soon writing is tried again after an error.
const AGAIN_MS: Millis = 1_000;

/// Where lines go.
pub(super) struct Journal {
    sink: Sink,
    lost: u64,
    /// Since when lines are missing at the end, and why.
    gap: Option<(Millis, String)>,
}

impl Journal {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, lost: 0, gap: None }
    }

    /// Lines that were not written so far.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Why the last line was not written.
    pub(super) fn gap(&self) -> Option<&str> {
        self.gap.as_ref().map(|(_, why)| why.as_str())
    }

    /// Whether lines are missing and it is time to try again: what follows can be decided again only
    /// after what is known.
    pub(super) fn begins_anew(&self, at: Millis) -> bool {
        self.gap.is_some() && !self.is_early(at)
    }

    fn is_early(&self, at: Millis) -> bool {
        self.gap.as_ref().is_some_and(|(since, _)| at < since.saturating_add(AGAIN_MS))
    }

    /// Writes a line; true if the next one begins a file.
    pub(super) fn write(&mut self, line: &Line) -> bool {
        match (self.sink)(line) {
            Ok(is_full) => {
                self.gap = None;
                is_full
            }
            Err(error) => {
                self.lost += 1;
                self.gap = Some((line.at, error.to_string()));
                false
            }
        }
    }

    /// Writes a line after `first`, which says what is known where it begins anew; true if the next one
    /// begins a file. While it is too early to try again, the line is left out.
    pub(super) fn note(&mut self, first: Option<Line>, line: &Line) -> bool {
        if self.is_early(line.at) {
            self.lost += 1;
            return false;
        }
        if let Some(first) = first {
            let _is_full = self.write(&first);
        }
        if self.gap.is_some() {
            return false;
        }
        self.write(line)
    }
}
