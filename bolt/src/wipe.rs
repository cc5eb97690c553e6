//! Bytes that may be a login: no copy is left in memory that is given back.

use alloc::vec::Vec;
use zeroize::Zeroize;

/// Appends bytes; where that needs another place, the old one is wiped.
pub fn grow(to: &mut Vec<u8>, bytes: &[u8]) {
    if to.capacity() - to.len() < bytes.len() {
        let room = to.len().saturating_add(bytes.len()).max(2 * to.capacity());
        let mut larger = Vec::with_capacity(room);
        larger.extend_from_slice(to);
        to.zeroize();
        *to = larger;
    }
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn bytes_are_appended_whether_there_is_room_or_not() {
        let mut bytes = Vec::new();
        let mut plain = vec![];
        for count in [0, 1, 7, 8, 9, 100, 1_000] {
            grow(&mut bytes, &vec![7; count]);
            plain.extend(vec![7; count]);
            assert_eq!(bytes, plain);
        }
        // Not each appending is a copy of everything.
        let (room, count) = (bytes.capacity(), bytes.len());
        grow(&mut bytes, &[1]);
        assert!(bytes.capacity() == room || room >= count);
    }
}
