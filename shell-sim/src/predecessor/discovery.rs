//! The look at a cluster of which no target is stored. Whatever goes wrong in it ends the program.

use super::{Emitted, Predecessor, Turn};
use crate::{incident::EventWord, memgraph::RoleName};
use ha_core::ids::InstanceId;

/// The question that discovery asks of both pods of the pair.
const QUERY: &str = "SHOW REPLICATION ROLE";

impl Predecessor {
    pub(super) fn step_discovery(&mut self, turn: &mut Turn<'_>) {
        self.discovers = false;
        let mut mains = Vec::new();
        for id in [InstanceId(0), InstanceId(1)] {
            if !self.ready.contains(&id) {
                return;
            }
            if self.odd == Some(id) {
                if !self.era.bears_odd_answers {
                    let error = format!("no results returned from {QUERY}");
                    ended_by(turn, id, &error);
                }
                return;
            }
            match self.read_role(turn, id) {
                Some(RoleName::Main) => mains.push(id),
                Some(RoleName::Replica) => {}
                None => return ended_by(turn, id, "no answer"),
            }
        }
        if let [main] = mains.as_slice() {
            self.target = *main;
        }
    }
}

fn ended_by(turn: &mut Turn<'_>, id: InstanceId, error: &str) {
    turn.show(
        Emitted::new(EventWord::QueryFailed, Some(id)).text("query", QUERY).text("error", error),
    );
    turn.show(
        Emitted::new(EventWord::ControllerStartupFailed, None)
            .text("stage", "discover cluster state"),
    );
}
