//! Where in its memory a process may write: whatever it keeps is there.

use std::ops::Range;

/// The parts of a process, by its number or as `self`.
pub(crate) fn writable(process: &str) -> Vec<Range<u64>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("its memory");
    let writable = |line: &str| {
        let (range, rights) = line.split_once(' ').expect("a range and rights");
        let (from, to) = range.split_once('-').expect("a range");
        let [from, to] = [from, to].map(|it| u64::from_str_radix(it, 16).expect("an address"));
        rights.starts_with("rw").then_some(from..to)
    };
    maps.lines().filter_map(writable).collect()
}
