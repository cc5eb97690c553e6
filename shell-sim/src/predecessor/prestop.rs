//! The wait of a preStop hook, and the verdict on the cluster that ends it. Both look at the replica
//! list that the last pass cached, never at an instance.

use super::{Emitted, Predecessor, Seen, Turn};
use crate::{incident::EventWord, memgraph::ReplicaState};
use ha_core::ids::InstanceId;

/// A hook that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Prestop {
    of: InstanceId,
}

impl Predecessor {
    /// The first step closes the write gateway, every later one looks at the verdict.
    pub(super) fn step_prestop(&mut self, turn: &mut Turn<'_>) {
        let Some(Prestop { of }) = self.prestop else {
            if let Some(of) = self.prestop_of.take() {
                self.terminating.insert(of);
                turn.show(Emitted::new(EventWord::PrestopCalled, Some(of)));
                self.close_gateway(turn);
                if self.era.waits_in_prestop {
                    self.prestop = Some(Prestop { of });
                } else {
                    turn.show(Emitted::new(EventWord::PrestopCompleted, Some(of)));
                }
            }
            return;
        };
        for seen in self.rows.iter().filter(|seen| self.is_passed_over(seen)) {
            turn.show(
                Emitted::new(EventWord::PrestopReplicaSkipped, Some(seen.replica))
                    .text("status", seen.status())
                    .number("behind", seen.data.map_or(0, |(_, behind)| behind)),
            );
        }
        if self.cluster_is_healthy() {
            turn.show(
                Emitted::new(EventWord::PrestopCompleted, Some(of))
                    .with("replicas", self.rows_value()),
            );
            self.prestop = None;
        } else {
            turn.show(Emitted::new(EventWord::PrestopWaiting, Some(of)));
        }
    }

    /// The health predicate: replicas that cannot heal are set aside, every other one must be
    /// ready, and early versions let one pass that is `invalid` with `behind` 0.
    pub(super) fn cluster_is_healthy(&self) -> bool {
        self.rows
            .iter()
            .filter(|seen| !is_unhealable(seen))
            .all(|seen| seen.is_ready() || self.is_passed_over(seen))
    }

    fn is_passed_over(&self, seen: &Seen) -> bool {
        !self.era.waits_for_invalid && seen.data == Some((ReplicaState::MaybeBehind, 0))
    }
}

fn is_unhealable(seen: &Seen) -> bool {
    seen.data.is_none_or(|(state, _)| state == ReplicaState::Diverged)
}
