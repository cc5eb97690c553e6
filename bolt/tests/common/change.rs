//! Changes of bytes at random, as they break what reads Bolt.

use proptest::{collection::vec, prelude::*, sample::Index};

/// A change of bytes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Double(Index, usize),
    Splice(Index, Index, Index),
}

/// Any of them.
pub(crate) fn change() -> impl Strategy<Value = Change> {
    // Markers of lengths, structures and their neighbours break more than other bytes do.
    let byte = || prop_oneof![any::<u8>(), 0xC8..=0xDF_u8, Just(0xB1), Just(0), Just(0xFF)];
    let at = any::<Index>;
    prop_oneof![
        (at(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), vec(byte(), 1..6)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), 1..9_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        (at(), 1..60_usize).prop_map(|(at, count)| Change::Double(at, count)),
        (at(), at(), at()).prop_map(|(at, seed, from)| Change::Splice(at, seed, from)),
    ]
}

/// Makes it; spliced is what one of the seeds has.
pub(crate) fn changed(bytes: &mut Vec<u8>, change: &Change, seeds: &[Vec<u8>]) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Set(at, byte) => bytes[at.index(length)] = *byte,
        Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Change::Insert(at, new) => {
            let at = at.index(length);
            bytes.splice(at..at, new.iter().copied());
        }
        Change::Remove(at, count) => {
            let at = at.index(length);
            bytes.drain(at..length.min(at + count));
        }
        Change::Double(at, count) => {
            let at = at.index(length);
            let again = bytes[at..length.min(at + count)].to_vec();
            bytes.splice(at..at, again);
        }
        Change::Splice(at, seed, from) => {
            let other = &seeds[seed.index(seeds.len())];
            bytes.truncate(at.index(length));
            bytes.extend(&other[from.index(other.len())..]);
        }
    }
}
