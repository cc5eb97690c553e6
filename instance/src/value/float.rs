//! A float that has equality, order and a hash: it compares its bits in the total order of IEEE
//! 754, so that a change which holds one is equal to its own copy, also when it holds no number.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A number with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Float(u64);

impl Float {
    /// From a number.
    #[must_use]
    pub const fn new(number: f64) -> Self {
        Self(number.to_bits())
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().total_cmp(&other.get())
    }
}
