//! The edges of progress in compressed rows: for each state, in the order of their numbers, where
//! its edges lead and who moves. Five bytes an edge and four a state.

use super::{StateNo, at, count};

/// Rows that share one long offset.
const BLOCK: usize = 4_096;

/// The edges of progress of each state. A state's row is opened once, in the order of numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Where the first row of each block begins.
    blocks: Vec<usize>,
    /// Where each row begins, from the beginning of its block. A block has at most 2^12 rows of
    /// 2^16 edges, so that this cannot overflow.
    begins: Vec<u32>,
    targets: Vec<StateNo>,
    classes: Vec<u8>,
}

impl Rows {
    /// Begins the row of the next state.
    pub(super) fn open(&mut self) {
        let here = self.targets.len();
        if self.begins.len().is_multiple_of(BLOCK) {
            self.blocks.push(here);
        }
        let block = self.blocks.last().copied().unwrap_or(0);
        self.begins.push((here - block) as u32);
    }

    /// Adds an edge to the row that was opened last.
    pub(super) fn push(&mut self, target: StateNo, class: u8) {
        self.targets.push(target);
        self.classes.push(class);
    }

    /// How many states have a row.
    pub(super) const fn len(&self) -> usize {
        self.begins.len()
    }

    fn begin(&self, row: usize) -> usize {
        match self.begins.get(row) {
            Some(begin) => self.blocks[row / BLOCK] + at(*begin),
            None => self.targets.len(),
        }
    }

    /// Where the edges of a state lead.
    pub(super) fn targets(&self, state: StateNo) -> &[StateNo] {
        let row = at(state);
        &self.targets[self.begin(row)..self.begin(row + 1)]
    }

    /// Who moves, in the order of [`Self::targets`].
    pub(super) fn classes(&self, state: StateNo) -> &[u8] {
        let row = at(state);
        &self.classes[self.begin(row)..self.begin(row + 1)]
    }

    /// The edges of a state: where they lead and who moves.
    pub(super) fn edges(&self, state: StateNo) -> impl Iterator<Item = (StateNo, u8)> {
        let classes = self.classes(state).iter().copied();
        self.targets(state).iter().copied().zip(classes)
    }

    /// The classes that are enabled in a state, a set of bits.
    pub(super) fn enabled(&self, state: StateNo) -> u128 {
        self.classes(state).iter().fold(0, |set, class| set | 1 << class)
    }

    /// Bytes in use.
    pub(super) const fn bytes(&self) -> u64 {
        count(self.targets.len()) * 5 + count(self.begins.len()) * 4 + count(self.blocks.len()) * 8
    }
}
