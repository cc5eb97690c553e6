//! One step's dealings with the world: queries, commands, and what arrives meanwhile. It decides
//! nothing; where a pod without an address is answered from is a fact of the predecessor's machine.

use super::emitted::{Emitted, Seen, pod_of};
use crate::{
    incident::EventWord,
    memgraph::{Answer, RoleName, Statement},
    world::{Event, Happening, Obstacle, Payload, Place, World},
};
use ha_core::ids::InstanceId;

/// How many messages may pass before a step counts as done.
const MESSAGES: usize = 400;

/// One step at work.
pub struct Turn<'w> {
    /// The world.
    pub world: &'w mut World,
    /// What it has shown so far.
    pub shown: Vec<Emitted>,
}

impl<'w> Turn<'w> {
    /// A step that has done nothing yet.
    pub const fn new(world: &'w mut World) -> Self {
        Self { world, shown: Vec::new() }
    }

    /// Shows something.
    pub fn show(&mut self, emitted: Emitted) {
        self.shown.push(emitted);
    }

    fn notice(&mut self, happenings: Vec<Happening>) {
        for happening in happenings {
            if let Happening::RpcReceived { from: Place::Instance(from), to, .. } = happening {
                self.show(
                    Emitted::new(EventWord::ReplicationRpcReceived, Some(to))
                        .text("from", &pod_of(from).to_string()),
                );
            }
        }
    }

    /// Lets every message arrive that can, and fail that cannot.
    pub fn settle(&mut self) {
        for _ in 0..MESSAGES {
            if !self.deliver_one() {
                return;
            }
        }
    }

    /// Lets one message arrive, or fail; false if there is none that can.
    pub fn deliver_one(&mut self) -> bool {
        let next = self.world.network.messages.iter().find_map(|(id, message)| {
            match self.world.obstacle(id, message) {
                _ if id.to == Place::Api => None,
                None => Some(Event::Deliver(*id)),
                Some(Obstacle::Frozen | Obstacle::Behind) => None,
                Some(Obstacle::Cut(_) | Obstacle::Gone | Obstacle::Dark | Obstacle::Down) => {
                    Some(Event::Fail(*id))
                }
            }
        });
        if let Some(event) = &next {
            self.event(event);
        }
        next.is_some()
    }

    /// One event of the world; one that cannot happen now is left out.
    pub fn event(&mut self, event: &Event) {
        if let Ok(happenings) = self.world.step(event, ha_core::plan) {
            self.notice(happenings);
        }
    }

    /// Runs a statement and waits for its answer; none if nobody answers.
    pub fn run(&mut self, on: InstanceId, statement: Statement<Payload>) -> Option<Answer> {
        let mut out = Vec::new();
        let session = self.world.operate(on, statement, &mut out).ok()?;
        self.notice(out);
        self.settle();
        self.world.answer_by_hand(session)
    }

    /// The role of an instance.
    pub fn role(&mut self, on: InstanceId) -> Option<RoleName> {
        match self.run(on, Statement::ShowRole)? {
            Answer::Role(role) => Some(role),
            Answer::Done(_)
            | Answer::Replicas(_)
            | Answer::Version(_)
            | Answer::Config(_)
            | Answer::StorageInfo { .. }
            | Answer::Read { .. }
            | Answer::Committed { .. }
            | Answer::Failed(_) => None,
        }
    }

    /// The replicas of a main.
    pub fn replicas(&mut self, on: InstanceId) -> Option<Vec<Seen>> {
        match self.run(on, Statement::ShowReplicas)? {
            Answer::Replicas(rows) => Some(rows.iter().map(Seen::of).collect()),
            Answer::Done(_)
            | Answer::Role(_)
            | Answer::Version(_)
            | Answer::Config(_)
            | Answer::StorageInfo { .. }
            | Answer::Read { .. }
            | Answer::Committed { .. }
            | Answer::Failed(_) => None,
        }
    }

    /// Runs a command; whether it was done.
    pub fn command(&mut self, on: InstanceId, statement: Statement<Payload>) -> bool {
        matches!(self.run(on, statement), Some(Answer::Done(_)))
    }
}
