//! What one query may use. A client cannot make the process run out of memory or of patience.

use super::error::QueryError;
use std::cell::Cell;

/// Bounds of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows that exist at one time.
    pub rows: usize,
    /// Expressions evaluated and candidates looked at.
    pub steps: u64,
    /// Estimated bytes of the values that were built.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 1_000_000, steps: 200_000_000, bytes: 256 << 20 }
    }
}

/// What a query has used so far.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    steps: Cell<u64>,
    bytes: Cell<u64>,
}

/// What one value in a row or list takes.
pub(super) const VALUE_BYTES: usize = 32;

impl Budget {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { limits, steps: Cell::new(0), bytes: Cell::new(0) }
    }

    /// One more expression or candidate.
    pub(super) fn step(&self) -> Result<(), QueryError> {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps > self.limits.steps {
            return Err(QueryError::TooMuch { what: "steps", limit: self.limits.steps });
        }
        Ok(())
    }

    /// So many more bytes.
    pub(super) fn build(&self, bytes: usize) -> Result<(), QueryError> {
        let bytes = self.bytes.get().saturating_add(bytes as u64);
        self.bytes.set(bytes);
        if bytes > self.limits.bytes {
            return Err(QueryError::TooMuch { what: "bytes of values", limit: self.limits.bytes });
        }
        Ok(())
    }

    /// One more row, where there are so many, with so many values.
    pub(super) fn row(&self, rows: usize, values: usize) -> Result<(), QueryError> {
        if rows >= self.limits.rows {
            return Err(QueryError::TooMuch { what: "rows", limit: self.limits.rows as u64 });
        }
        self.build((values + 1) * VALUE_BYTES)
    }
}
