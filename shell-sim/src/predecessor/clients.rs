//! What a client meets at the gateways: a closed door, or whatever stands behind it.

use super::{Emitted, Predecessor, Turn};
use crate::{
    incident::EventWord,
    memgraph::{Answer, Statement},
    world::{Payload, World, WriteId},
};
use ha_core::ids::InstanceId;

/// The first write of a client; earlier numbers belong to the time before a record.
const FIRST_WRITE: u16 = 200;

/// Which controller's gateway a client comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// The leader's.
    Leader,
    /// That of a controller that does not lead.
    Follower,
}

impl Predecessor {
    /// The doors that clients can come to in this version.
    #[must_use]
    pub const fn doors(&self) -> &'static [Door] {
        if self.era.only_leader_serves { &[Door::Leader] } else { &[Door::Leader, Door::Follower] }
    }

    /// Where a door leads.
    #[must_use]
    pub const fn behind(&self, door: Door) -> Option<InstanceId> {
        match door {
            Door::Leader => self.write_upstream,
            Door::Follower => self.follower_upstream,
        }
    }

    /// A client connects and writes.
    pub fn client_write(&mut self, world: &mut World, door: Door) -> Vec<Emitted> {
        let mut turn = Turn::new(world);
        let Some(on) = self.behind(door) else {
            turn.show(
                Emitted::new(EventWord::GatewayConnectionRejected, None)
                    .text("reason", "upstream address not set"),
            );
            return turn.shown;
        };
        let address = address_of(turn.world, on);
        self.writes += 1;
        let write = Payload::Write(WriteId(FIRST_WRITE + self.writes));
        let answer = turn.run(on, Statement::Write(write));
        if answer.is_some() {
            turn.show(
                Emitted::new(EventWord::GatewayConnectionEstablished, Some(on))
                    .text("upstream", &address),
            );
        }
        turn.show(match answer {
            Some(Answer::Committed { .. }) => Emitted::new(EventWord::ClientWriteAcked, Some(on)),
            Some(Answer::Failed(error)) => Emitted::new(EventWord::ClientWriteFailed, Some(on))
                .text("error", &error.to_string()),
            Some(
                Answer::Done(_)
                | Answer::Role(_)
                | Answer::Replicas(_)
                | Answer::Version(_)
                | Answer::Config(_)
                | Answer::StorageInfo { .. }
                | Answer::Read { .. },
            )
            | None => Emitted::new(EventWord::ClientWriteFailed, Some(on))
                .text("error", "connection lost"),
        });
        turn.shown
    }

    /// Closes the write gateway, if it is open.
    pub(super) fn close_gateway(&mut self, turn: &mut Turn<'_>) {
        let Some(old) = self.write_upstream.take() else { return };
        let address = address_of(turn.world, old);
        turn.show(
            Emitted::new(EventWord::GatewayUpstreamCleared, None)
                .text("name", "main-gw")
                .text("old_upstream", &address)
                .text("new_upstream", ""),
        );
    }
}

fn address_of(world: &World, id: InstanceId) -> String {
    let pod = world.body(id).ok().and_then(|body| body.pod.as_ref());
    let address = pod.and_then(|pod| pod.address);
    address.map_or_else(String::new, |address| format!("{address}:7687"))
}
