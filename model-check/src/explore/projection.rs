//! How many states are left if one part of them is blanked: what each part costs.

use super::{StateNo, System, at, count, hash::hash, number, parallel::spread, table::Table};

/// States whose places in the table are fetched at once.
const BLOCK: usize = 512;

/// The states without one of their parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// The name of the part.
    pub part: String,
    /// How many states differ without it.
    pub states: u64,
}

/// Counts the states without each of their parts, exactly. Each thread counts one part at a time
/// and keeps no state for that: a number of four bytes for each, and a table.
pub(super) fn project<S: System>(
    system: &S,
    states: &[S::State],
    threads: usize,
) -> Vec<Projection> {
    let parts = system.parts();
    let counts = spread(threads, parts.len(), |part| distinct(system, states, part));
    parts.into_iter().zip(counts).map(|(part, states)| Projection { part, states }).collect()
}

fn distinct<S: System>(system: &S, states: &[S::State], part: usize) -> u64 {
    // The first state of each kind stands for all of it.
    let mut firsts: Vec<StateNo> = Vec::new();
    let mut table = Table::new();
    let mut next = 0;
    for block in states.chunks(BLOCK) {
        let blanked: Vec<_> = block.iter().map(|state| system.without(state, part)).collect();
        let hashes: Vec<u64> = blanked.iter().map(hash).collect();
        table.fetch(hashes.iter().copied());
        for ((state, hash), no) in blanked.iter().zip(hashes).zip(next..) {
            let of_kind = |kind: u32| system.without(&states[at(firsts[at(kind)])], part);
            table.reserve(|kind| super::hash::hash(&of_kind(kind)));
            if let Err(free) = table.find(hash, |kind| of_kind(kind) == *state) {
                table.fill(free, hash);
                firsts.push(no);
            }
        }
        next += number(block.len());
    }
    count(table.len())
}
