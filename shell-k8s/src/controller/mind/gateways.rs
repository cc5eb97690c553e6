//! What gateways say, and what they are answered.

use super::Mind;
use gateway::controllers::{
    AskError,
    wire::{Ask, Replica, Reply, VERSION},
};
use ha_core::{
    ids::InstanceId,
    observation::{Route, StoredRecord},
};
use std::hash::BuildHasher;

/// Gateways whose last word is kept, beside those that may forward.
const GATEWAYS: usize = 256;

impl Mind {
    /// How many gateways may forward, and whether a transaction may be open through one of them.
    #[must_use]
    fn forwarding(&self) -> (usize, bool) {
        let outstanding = self.leader.outstanding(self.now());
        (outstanding.len(), self.reports.open_transactions(self.history.route(), &outstanding))
    }

    /// A gateway asks. True if what it says may let a decision go on.
    pub fn hear(&mut self, ask: &Ask) -> bool {
        let before = self.forwarding();
        let now = self.now();
        if self.reports.len() >= GATEWAYS {
            // Each process of a gateway has an id of its own, and nobody says when one has ended.
            self.reports.keep(&self.leader.outstanding(now));
        }
        self.reports.hear(&ask.question, ask.accepted, now);
        if ask.question.holds.is_none() {
            self.leader.holds_nothing(ask.question.gateway, ask.question.number);
        }
        let after = self.forwarding();
        after.0 < before.0 || (before.1 && !after.1)
    }

    /// What a gateway's question is answered now; it was heard when it arrived.
    ///
    /// # Errors
    /// This process may not answer: it does not lead, or has not read the record since it does.
    pub fn answer(&mut self, ask: &Ask) -> Result<Reply, AskError> {
        let now = self.now();
        let read_as_leader = self.record_read >= self.leader.acquired();
        let stored = self.history.record().filter(|_| read_as_leader);
        let record = stored.and_then(StoredRecord::record);
        let route = self.history.route();
        let time = (now, &self.timing);
        let answer = self.reports.answer(&ask.question, &mut self.leader, record, route, time);
        let answer = answer.ok_or_else(|| AskError::Failed {
            controller: self.me().to_string(),
            why: "it does not lead".to_owned(),
        })?;
        let main_address = match answer.route {
            Route::Closed => None,
            Route::Open { main, .. } | Route::Draining { main, .. } => {
                self.pod(main.id).and_then(|pod| pod.address).map(|ip| self.names.bolt(main.id, ip))
            }
        };
        let replicas = if main_address.is_some() { self.replicas() } else { Vec::new() };
        // Changes with whatever a gateway has to act on.
        let content = (&answer.route, answer.term, main_address, &replicas);
        let tag = format!("{:016x}", TAGS.hash_one(format!("{content:?}")));
        Ok(Reply { version: VERSION, answer, main_address, replicas, tag })
    }

    /// Where reads may go while writes may go to the main: its proven replicas, in the lives that were
    /// proven.
    fn replicas(&self) -> Vec<Replica> {
        let Some(record) = self.record() else { return Vec::new() };
        let replica = |(id, member): (&InstanceId, &ha_core::record::Member)| {
            let proof = member.proof?;
            let address = self.names.bolt(*id, self.pod(*id)?.address?);
            let lives = self.history.last_life(*id) == Some(proof.replica);
            let instance = ha_core::ids::InstanceRef { id: *id, incarnation: proof.replica };
            (lives && *id != record.target).then_some(Replica {
                instance,
                address,
                votes: member.votes,
            })
        };
        record.members.iter().filter_map(replica).collect()
    }
}

/// The same tags in every process: a gateway may ask any of them.
const TAGS: std::hash::BuildHasherDefault<std::hash::DefaultHasher> =
    std::hash::BuildHasherDefault::new();
