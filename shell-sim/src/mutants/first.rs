//! Mutants of the decision.

use super::Mutant;

/// The mutants of this file.
pub(super) const MUTANTS: &[Mutant] = &[];
