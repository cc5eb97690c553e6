//! A fast hash for packed states: one folded multiplication a word, and another at the end so that
//! all bits are good. It resists nobody who wants collisions, and nobody here does: states are
//! compared anyway, so that a poor hash would cost time and nothing else.

use std::hash::{Hash, Hasher};

const FIRST: u64 = 0x243f_6a88_85a3_08d3;
const EACH: u64 = 0x9e37_79b9_7f4a_7c15;
const LAST: u64 = 0xd1b5_4a32_d192_ed03;

/// The hash of a value; the same in each run.
pub(super) fn hash<T: Hash>(value: &T) -> u64 {
    let mut hasher = Folding::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The hasher; also for maps, with `BuildHasherDefault`.
pub(crate) struct Folding(u64);

impl Default for Folding {
    fn default() -> Self {
        Self(FIRST)
    }
}

/// Both halves of a product, folded into one.
const fn fold(one: u64, other: u64) -> u64 {
    let product = one as u128 * other as u128;
    (product as u64) ^ ((product >> 64) as u64)
}

impl Folding {
    const fn word(&mut self, word: u64) {
        // The rotation keeps a word from cancelling the one before it.
        self.0 = fold(self.0.rotate_left(23) ^ word, EACH);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            for (to, from) in last.iter_mut().zip(rest) {
                *to = *from;
            }
            self.word(u64::from_le_bytes(last));
        }
    }
    fn write_u8(&mut self, value: u8) {
        self.word(value.into());
    }
    fn write_u16(&mut self, value: u16) {
        self.word(value.into());
    }
    fn write_u32(&mut self, value: u32) {
        self.word(value.into());
    }
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }
    fn finish(&self) -> u64 {
        fold(self.0 ^ LAST, EACH)
    }
}

#[cfg(test)]
mod tests {
    use super::hash;
    use std::collections::BTreeSet;

    /// Neighbouring states differ in few bits; both ends of their hashes must not show it, for one
    /// end is the place in the table and the other the tag.
    #[test]
    fn neighbours_are_spread() {
        let mut high = BTreeSet::new();
        let mut low = BTreeSet::new();
        let mut whole = BTreeSet::new();
        for n in 0..4_096_u32 {
            let mut state = [0_u32; 12];
            state[(n % 12) as usize] = n;
            let hash = hash(&state);
            high.insert(hash >> 52);
            low.insert(hash & 0xfff);
            whole.insert(hash);
        }
        // The initial state is met once for n = 0; all others differ.
        assert_eq!(whole.len(), 4_096);
        // 4 096 balls in as many boxes leave 63 % of them in use.
        assert!(high.len() > 2_450, "{} places", high.len());
        assert!(low.len() > 2_450, "{} tags", low.len());
    }

    #[test]
    fn every_byte_counts() {
        let mut found = BTreeSet::new();
        for at in 0..13 {
            for value in 1..=255_u8 {
                let mut bytes = [0_u8; 13];
                bytes[at] = value;
                assert!(found.insert(hash(&bytes)));
            }
        }
        assert_ne!(hash(&(1_u8, 2_u16, 3_u32)), hash(&(1_u8, 3_u16, 2_u32)));
        assert_ne!(hash(&(1_u64, 2_usize)), hash(&(2_u64, 1_usize)));
    }
}
