//! Which slice of a main's log a lagging replica gets, and how a replica takes it (MR 3.5). When
//! recovery runs is decided by the client.

use super::Output;
use super::replica::ReplicaTurn;
use super::types::{Payload, RecoveryPath};
use super::volume::{Checkpoint, Entry};

/// The slice for a replica that stands at `after`, and the tick it follows (none: from nothing).
/// None if the files at hand do not lead further.
pub(super) fn slice<P: Clone>(
    log: &[Entry<P>],
    after: u64,
    path: RecoveryPath,
) -> Option<(Option<u64>, Vec<Entry<P>>)> {
    if log.last().is_none_or(|entry| entry.tick <= after) {
        return None;
    }
    match path {
        RecoveryPath::Snapshot => Some((None, log.to_vec())),
        RecoveryPath::Wals => {
            let known = log.iter().rposition(|entry| entry.tick <= after);
            let start = known.map_or(0, |position| position + 1);
            log.get(start..).map(|entries| (Some(after), entries.to_vec()))
        }
    }
}

impl<P: Payload> ReplicaTurn<'_, P> {
    /// Takes a slice whole, or not at all; gives the tick reached. A transaction that waits for
    /// its decision is dropped (MR 4.3). A slice that starts beyond the own tick is refused.
    pub(super) fn recover(&mut self, after: Option<u64>, entries: Vec<Entry<P>>) -> Option<u64> {
        let reached = self.timeline.ldt;
        if after.is_some_and(|tick| tick > reached) {
            return None;
        }
        self.discard_prepared();
        if after.is_some() {
            for entry in entries.into_iter().skip_while(|entry| entry.tick <= reached) {
                self.apply(entry);
            }
        } else {
            self.take_over(entries);
        }
        Some(self.timeline.ldt)
    }

    /// A received snapshot stands in the place of all that was, and survives a loss of power.
    fn take_over(&mut self, entries: Vec<Entry<P>>) {
        let volume = &mut *self.volume;
        volume.checkpoint = None;
        volume.log = entries;
        volume.flushed = volume.log.len();
        let (epoch, history) = volume.lineage();
        self.timeline.epoch = epoch.unwrap_or(self.timeline.epoch);
        self.timeline.history = history;
        self.timeline.ldt = volume.ldt();
        volume.checkpoint = Some(Checkpoint {
            epoch: self.timeline.epoch,
            history: self.timeline.history.clone(),
            entries: volume.log.len(),
        });
        self.out.push(Output::Replaced);
    }
}
