//! What people and Kubernetes ask for: orders, a word that a loss is accepted, pods that are to go.

use super::List;
use crate::model::{act::Act, configuration::Outside, facts::is_awake, turn::Turn};
use ha_core::{
    desired::Durability,
    ids::InstanceId,
    marks::{Replicates, mark},
    observation::ClusterObservation,
    plan::Leave,
};
use shell_sim::world::{Body, ControllerNo, Process};
use std::collections::BTreeSet;

impl List<'_> {
    /// Orders of operators, and marks on pods.
    pub(super) fn orders(&mut self) {
        let world = self.world;
        let answered = world.api.record().and_then(|record| record.answered);
        let open = world.desired.switchover.is_some_and(|order| Some(order.id) != answered);
        if !open {
            self.outside(Outside::Switchover, Act::Switchover);
        }
        let Some(record) = world.api.record() else { return };
        let plain = |id: &InstanceId| *id != record.target && !record.is_voter(*id);
        for id in world.instances().filter(plain).filter(|_| !open) {
            self.outside(Outside::Order, Act::Order(id));
        }
        for id in record.voters().chain([record.target]) {
            if self.stays(id) {
                self.outside(Outside::Mark, Act::Mark(id));
            }
        }
        if world.desired.accepts.is_none() {
            for id in world.instances() {
                self.outside(Outside::Accept, Act::Accept(id));
            }
        }
        let other = match world.desired.durability {
            Durability::Required => Durability::Fast,
            Durability::Fast => Durability::Required,
        };
        self.outside(Outside::Promise, Act::Promise(other));
        self.next_of_a_roll();
    }

    fn stays(&self, id: InstanceId) -> bool {
        let stays = |body: &Body| body.pod.as_ref().is_some_and(|pod| !pod.deleting);
        self.world.body(id).is_ok_and(stays)
    }

    /// What the leader would know if it looked now: what it says to Kubernetes rests on that.
    fn known(&self) -> Option<ClusterObservation> {
        let leads = |no: &ControllerNo| {
            let leads = |process: &Process| process.leader.renewal().is_some();
            is_awake(self.world, *no) && self.world.controller(*no).is_ok_and(leads)
        };
        let no = self.world.controller_numbers().find(leads)?;
        Turn::new(self.world.clone(), BTreeSet::new(), self.configuration).knows(no)
    }

    /// A StatefulSet replaces its pods one by one, the last ordinal first, each when all others are
    /// said to replicate.
    fn next_of_a_roll(&mut self) {
        if !self.may(Outside::Roll) {
            return;
        }
        let rolled = self.spent.of(&self.configuration.budget, Outside::Roll);
        let instances = self.world.settings.instances;
        let Some(next) = instances.checked_sub(rolled + 1).map(InstanceId) else { return };
        if !self.world.instances().all(|id| self.stays(id)) {
            return;
        }
        let Some(known) = self.known() else { return };
        let ready = |id: InstanceId| mark(&known, id).replicates == Replicates::Yes;
        if self.world.instances().filter(|id| *id != next).all(ready) {
            self.outside(Outside::Roll, Act::Mark(next));
        }
    }

    /// Pods that are to go, and may.
    pub(super) fn leaving(&mut self) {
        let leaves = |body: &Body| body.pod.as_ref().is_some_and(|pod| pod.deleting);
        let marked = self.world.instances().zip(&self.world.bodies);
        let marked: Vec<InstanceId> =
            marked.filter(|(_, body)| leaves(body)).map(|(id, _)| id).collect();
        if marked.is_empty() {
            return;
        }
        let Some(known) = self.known() else { return };
        let plan = (self.configuration.decide)(&known);
        for id in marked {
            if plan.leave.get(&id) == Some(&Leave::MayLeave) {
                self.go(Act::RemovePod(id));
            }
        }
    }
}
