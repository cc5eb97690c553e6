//! What holds for a client after a change, however it went, and the steps before it.

use super::{requests::Told, rig::Rig};
use gateway::session::Ending;
use proptest::prelude::*;

/// What must hold after a change, however it went.
pub fn judge(rig: &mut Rig, what: &str) -> Result<(), TestCaseError> {
    rig.finish_left();
    let committed: Vec<u32> =
        (0..2).flat_map(|instance| rig.database(instance).committed.clone()).collect();
    for (write, told) in &rig.told {
        let is_there = committed.contains(write);
        match told {
            Told::Acked => prop_assert!(is_there, "{what}: write {write} acked and not there"),
            Told::Retry => {
                prop_assert!(!is_there, "{what}: write {write} is there, and to be tried again");
            }
            Told::Failed => prop_assert!(false, "{what}: write {write} failed for good"),
        }
    }
    let mut once = committed.clone();
    once.sort_unstable();
    once.dedup();
    prop_assert_eq!(once.len(), committed.len(), "{}: a write is there twice", what);
    match rig.ending {
        None => prop_assert_eq!(rig.summaries, rig.asked, "{}: answers", what),
        // Nothing is owed to one that says goodbye.
        Some(Ending::Goodbye | Ending::ServerClosed) => {
            prop_assert!(rig.is_said() && rig.summaries == rig.asked, "{what}: goodbye too early");
        }
        // One that could not log in has asked for nothing else.
        Some(Ending::HoldTime) => {
            prop_assert!(rig.told.is_empty() && committed.is_empty(), "{what}")
        }
        // Allowed only where a commit or an answer was under way.
        Some(Ending::InDoubt | Ending::WithinAnswer) => {
            prop_assert!(rig.summaries < rig.asked, "{what}: closed though all was answered");
        }
        Some(other) => prop_assert!(false, "{what}: ended with {other}"),
    }
    Ok(())
}

/// Steps of the three parties, in a fixed order, in pieces.
fn step(rig: &mut Rig, turn: usize, most: usize) -> bool {
    match turn % 3 {
        0 => rig.client_step(most),
        1 => rig.serve_step(most),
        _ => rig.server_step(most),
    }
}

/// So many steps, or until nothing moves. How many there were.
pub fn steps(rig: &mut Rig, turn: &mut usize, count: usize, most: usize) -> usize {
    let (mut done, mut idle) = (0, 0);
    while done < count && idle < 3 {
        let moved = step(rig, *turn, most);
        done += usize::from(moved);
        idle = if moved { 0 } else { idle + 1 };
        *turn += 1;
    }
    done
}
