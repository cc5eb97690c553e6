//! Open addressing from hashes to numbers. The values that the numbers stand for are kept by the
//! owner, who compares them; the table holds four bytes a slot.
//!
//! A number in a table of 2^k slots needs k bits. The other bits of a slot hold a tag out of the
//! hash, so that of the values met on the way hardly any but the right one is fetched.

use std::hint::black_box;

/// Slots are searched in order from the hash's place; at most three in four are in use.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// 0 where nothing is; else the tag above the number plus one.
    slots: Vec<u32>,
    /// The number of slots is two to the power of this.
    bits: u32,
    used: usize,
}

/// How many numbers a table can hold.
pub(super) const MOST: u64 = 3 << 30;

const FEWEST_BITS: u32 = 10;

/// A place where nothing is yet, for one number; void once anything else is filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Free(usize);

impl Table {
    pub(super) fn new() -> Self {
        Self { slots: vec![0; 1 << FEWEST_BITS], bits: FEWEST_BITS, used: 0 }
    }

    /// How many numbers it holds: the next one.
    pub(super) const fn len(&self) -> usize {
        self.used
    }

    /// Bytes in use.
    pub(super) const fn bytes(&self) -> u64 {
        super::count(self.slots.len()) * 4
    }

    /// The bits of a slot that hold the number.
    const fn numbers(&self) -> u32 {
        ((1_u64 << self.bits) - 1) as u32
    }

    /// Where the search for a hash begins: the place is the upper end of it, the tag its lower half.
    const fn place(&self, hash: u64) -> usize {
        (hash >> (64 - self.bits)) as usize
    }

    /// Fetches the places where the searches for these hashes begin, all at once: the searches
    /// themselves would wait for the memory one after the other.
    pub(super) fn fetch(&self, hashes: impl Iterator<Item = u64>) {
        black_box(hashes.fold(0, |sum, hash| sum ^ self.slots[self.place(hash)]));
    }

    /// Finds a number by its hash and `same`, which compares the value of a number; or the place
    /// where it belongs.
    pub(super) fn find(&self, hash: u64, mut same: impl FnMut(u32) -> bool) -> Result<u32, Free> {
        let numbers = self.numbers();
        let tag = hash as u32 & !numbers;
        let last = self.slots.len() - 1;
        let mut at = self.place(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Err(Free(at));
            }
            if slot & !numbers == tag {
                let number = (slot & numbers) - 1;
                if same(number) {
                    return Ok(number);
                }
            }
            at = (at + 1) & last;
        }
    }

    /// Makes room for one more number. `hash` gives the hash of a number's value again. To be
    /// called before [`Self::find`] where [`Self::fill`] may follow. A table that holds [`MOST`]
    /// stays as it is.
    pub(super) fn reserve(&mut self, hash: impl Fn(u32) -> u64) {
        let room = self.slots.len() / 4 * 3;
        if self.used < room || self.bits == u32::BITS {
            return;
        }
        self.bits += 1;
        // The old slots go first: everything is known from the values.
        self.slots = Vec::new();
        self.slots = vec![0; 1 << self.bits];
        let all = self.used;
        self.used = 0;
        for number in 0..all {
            let hash = hash(number as u32);
            if let Err(free) = self.find(hash, |_| false) {
                self.fill(free, hash);
            }
        }
    }

    /// Puts the next number where [`Self::find`] said, and returns it.
    pub(super) fn fill(&mut self, free: Free, hash: u64) -> u32 {
        let number = self.used as u32;
        let numbers = self.numbers();
        self.slots[free.0] = (hash as u32 & !numbers) | (number + 1);
        self.used += 1;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn put(table: &mut Table, values: &mut Vec<u64>, value: u64, hash: fn(u64) -> u64) -> u32 {
        table.reserve(|number| hash(values[number as usize]));
        match table.find(hash(value), |number| values[number as usize] == value) {
            Ok(number) => number,
            Err(free) => {
                values.push(value);
                table.fill(free, hash(value))
            }
        }
    }

    /// With a good hash and with the worst ones: numbers are given in order and found again.
    #[test]
    fn numbers_are_found_again() {
        let hashes: [fn(u64) -> u64; 4] =
            [|value| super::super::hash::hash(&value), |value| value, |_| 0, |_| u64::MAX];
        for hash in hashes {
            let (mut table, mut values) = (Table::new(), Vec::new());
            for value in 0..3_000 {
                assert_eq!(u64::from(put(&mut table, &mut values, value * 7, hash)), value);
            }
            for value in 0..3_000 {
                assert_eq!(u64::from(put(&mut table, &mut values, value * 7, hash)), value);
            }
            assert_eq!(table.len(), 3_000);
            assert!(table.find(hash(1), |number| values[number as usize] == 1).is_err());
        }
    }
}
