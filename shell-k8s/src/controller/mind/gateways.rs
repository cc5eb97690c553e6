//! What gateways say, and what they are answered.

use super::Mind;
use gateway::controllers::{
    AskError,
    wire::{Ask, Replica, Reply, VERSION},
};
use ha_core::{
    ids::{ControllerId, InstanceId},
    leadership::Millis,
    observation::{Route, StoredRecord},
};
use std::{collections::BTreeSet, hash::BuildHasher};

/// Gateways whose last word is kept, beside those that may forward.
const GATEWAYS: usize = 256;
/// The longest name of a pod.
const NAME: usize = 253;
/// How much later than it said a gateway may ask again: its questions may have to find another
/// controller, and a process that gets no time for so long is of no use to clients either.
const LATE_MS: Millis = 3_000;

/// When a gateway asked last, and by when it is to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    at: Millis,
    again_by: Millis,
}

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
        let is_taken = self.reports.hear(&ask.question, ask.accepted, now);
        if is_taken && ask.question.holds.is_none() {
            self.leader.holds_nothing(ask.question.gateway, ask.question.number);
        }
        self.note_pod(ask, now);
        let after = self.forwarding();
        after.0 < before.0 || (before.1 && !after.1)
    }

    fn note_pod(&mut self, ask: &Ask, at: Millis) {
        let Some(pod) = ask.pod.as_deref().filter(|pod| pod.len() <= NAME) else { return };
        if self.asked.len() >= GATEWAYS && !self.asked.contains_key(pod) {
            let oldest = self.asked.iter().min_by_key(|(_, asked)| asked.at);
            if let Some(oldest) = oldest.map(|(pod, _)| pod.clone()) {
                self.asked.remove(&oldest);
            }
        }
        let again_by = at.saturating_add(ask.wait_ms).saturating_add(LATE_MS);
        self.asked.insert(pod.to_owned(), Asked { at, again_by });
    }

    /// The pods whose gateways ask this process, whether or not it leads.
    #[must_use]
    pub fn askers(&self) -> BTreeSet<String> {
        let now = self.now();
        let asks = self.asked.iter().filter(|(_, asked)| now < asked.again_by);
        asks.map(|(pod, _)| pod.clone()).collect()
    }

    /// For how long this process has led, by its own clock; nothing if it does not.
    #[must_use]
    pub fn leads_for(&self) -> Option<Millis> {
        let since = self.leader.acquired().filter(|_| self.leads())?;
        Some(self.now().saturating_sub(since))
    }

    /// What a gateway's question is answered now; it was heard when it arrived.
    ///
    /// # Errors
    /// This process may not answer: it does not lead, has not read the record since it does, or has
    /// not decided where writes go; or a later question of the same gateway was heard.
    pub fn answer(&mut self, ask: &Ask) -> Result<Reply, AskError> {
        let now = self.now();
        let refused = |why: &str, me: ControllerId| AskError::Failed {
            controller: me.to_string(),
            why: why.to_owned(),
        };
        if self.reports.is_overtaken(&ask.question) {
            return Err(refused("a later question came first", self.me()));
        }
        if self.is_undecided(now) {
            return Err(refused("it leads, and has not decided yet", self.me()));
        }
        let read_as_leader = self.record_read >= self.leader.acquired();
        let stored = self.history.record().filter(|_| read_as_leader);
        let record = stored.and_then(StoredRecord::record);
        let route = self.history.route();
        let time = (now, &self.timing);
        let answer = self.reports.answer(&ask.question, &mut self.leader, record, route, time);
        let answer = answer.ok_or_else(|| refused("it does not lead", self.me()))?;
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

    /// It leads and has not decided where writes go. Its route is closed then, but by nobody's decision:
    /// told to a gateway it would cut what the grants of the leader before keep open. Those have ended
    /// after some time, and whoever asks is told what there is.
    fn is_undecided(&self, now: Millis) -> bool {
        let Some(since) = self.leader.acquired() else { return false };
        let ends = since.saturating_add(self.timing.stretched(self.timing.grant_ms));
        self.history.route() == Route::Closed && self.routed_in != Some(since) && now < ends
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
