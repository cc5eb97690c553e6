//! The first and therefore shortest evidence for each bit of a set.

use super::StateNo;

/// Where something came about: in a state, or in one of its transitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Witness {
    /// The state.
    pub state: StateNo,
    /// The transition out of it; `None` if the state itself is meant.
    pub edge: Option<u16>,
    /// How many steps lead there, the transition included.
    pub length: u32,
}

/// One witness for each of 64 bits.
#[derive(Debug, Clone)]
pub(super) struct Witnesses {
    bits: u64,
    first: [Option<Witness>; 64],
}

impl Witnesses {
    pub(super) const fn new() -> Self {
        Self { bits: 0, first: [None; 64] }
    }

    /// The bits that have a witness.
    pub(super) const fn bits(&self) -> u64 {
        self.bits
    }

    /// The witness of a bit, 0..=63.
    pub(super) fn of(&self, bit: u8) -> Option<Witness> {
        self.first.get(usize::from(bit)).copied().flatten()
    }

    /// Notes a witness for each of `bits`. One that is noted stays unless the new one is shorter:
    /// a state is judged one step later than the transitions of its level that lead on.
    pub(super) fn note(&mut self, bits: u64, witness: Witness) {
        let mut left = bits;
        while left != 0 {
            let bit = left.trailing_zeros() as usize;
            left &= left - 1;
            if self.first[bit].is_none_or(|known| witness.length < known.length) {
                self.first[bit] = Some(witness);
            }
        }
        self.bits |= bits;
    }
}
