//! The fold of samples into "since when": the only memory between two rounds. Losing it may delay
//! a decision and never endangers one. It compares stamps that the shell gives; it has no clock.

mod sample;
mod visit;

pub use sample::{Outcome, Patience, Sample};
pub use visit::Certain;

use crate::{
    action::Action,
    desired::Desired,
    ids::{Incarnation, InstanceId, InstanceRef},
    leadership::Millis,
    observation::{
        BoltView, ClusterObservation, Contact, Drain, InstanceView, Leadership, Memory, OwnCommit,
        PodView, RegisterResult, Registration, RoleView, Route, RouteView, RowState, StoredRecord,
        VolumeView, Witness,
    },
    reading::{Age, Reading, Why},
};
use alloc::collections::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Seen<T> {
    value: T,
    at: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
struct InstanceHistory {
    pod: Option<Seen<Option<PodView>>>,
    bolt: Option<Seen<BoltView>>,
    volume: Option<Seen<VolumeView>>,
    /// Since when it has not been reached, and why.
    unreached: Option<Seen<Why>>,
    /// Whether anything ever answered at its present address.
    answered: bool,
    /// Since when each of its rows has been in its state, and as far behind as it is.
    rows: BTreeMap<InstanceId, (Seen<RowState>, Seen<i64>)>,
}

/// Everything one controller process remembers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct History {
    instances: BTreeMap<InstanceId, InstanceHistory>,
    record: Option<Seen<StoredRecord>>,
    route: Seen<Route>,
    open_transactions: bool,
    last_byte: Option<Millis>,
    memory: Memory,
    /// When the last write of the record was sent that was confirmed, if none was left without an
    /// answer since.
    confirmed: Option<Millis>,
}

impl History {
    /// The memory of a process that starts now.
    #[must_use]
    pub fn start(now: Millis) -> Self {
        Self {
            instances: BTreeMap::new(),
            record: None,
            route: Seen { value: Route::Closed, at: now },
            open_transactions: false,
            last_byte: None,
            memory: Memory::default(),
            confirmed: None,
        }
    }

    /// Takes one sample whose reading began at `began`; of a write of the record, when it was sent.
    pub fn take(&mut self, began: Millis, sample: Sample) {
        match sample {
            Sample::Pod { id, pod } => self.take_pod(id, began, pod),
            Sample::Bolt { id, answer } => match answer {
                Ok(view) => self.take_answer(id, began, view),
                Err(why) => self.take_silence(id, began, why),
            },
            Sample::Volume { id, volume } => {
                self.instances.entry(id).or_default().volume =
                    Some(Seen { value: volume, at: began });
            }
            Sample::Record(stored) => {
                // That there is none has no version. Where it was read too early, the next write
                // finds that there is one.
                let newer = self.record.as_ref().is_none_or(|seen| {
                    seen.value.version <= stored.version
                        || (stored.version.is_none() && seen.at < began)
                });
                if newer {
                    self.record = Some(Seen { value: stored, at: began });
                }
            }
            Sample::Gateways { open_transactions, last_byte_ms } => {
                self.open_transactions = open_transactions;
                self.last_byte = last_byte_ms.map(|age| began.saturating_sub(age));
            }
            Sample::Outcome { action, outcome } => self.take_outcome(began, &action, outcome),
        }
    }

    /// The route this process hands out, which only [`Action::SetRoute`] changes.
    #[must_use]
    pub const fn route(&self) -> Route {
        self.route.value
    }

    /// The record as last read, for checks just before an effect.
    #[must_use]
    pub fn record(&self) -> Option<&StoredRecord> {
        self.record.as_ref().map(|seen| &seen.value)
    }

    fn take_pod(&mut self, id: InstanceId, at: Millis, pod: Option<PodView>) {
        let entry = self.instances.entry(id).or_default();
        let address = |seen: &Option<Seen<Option<PodView>>>| {
            seen.as_ref().and_then(|seen| seen.value).map(|pod| (pod.uid, pod.address))
        };
        let before = address(&entry.pod);
        entry.pod = Some(Seen { value: pod, at });
        if before != address(&entry.pod) {
            entry.answered = false;
        }
    }

    fn take_answer(&mut self, id: InstanceId, at: Millis, view: BoltView) {
        let entry = self.instances.entry(id).or_default();
        let same_life =
            entry.bolt.as_ref().is_some_and(|seen| seen.value.incarnation == view.incarnation);
        if !same_life {
            entry.rows.clear();
        }
        let was_replica =
            entry.bolt.as_ref().is_some_and(|seen| seen.value.role == RoleView::Replica);
        if was_replica && view.role != RoleView::Replica {
            // Another main appeared: what was proven on a main before is to be proven again.
            self.memory.forget_other_mains(view.incarnation);
        }
        match &view.role {
            RoleView::Main { rows, .. } => {
                entry.rows.retain(|id, _| rows.contains_key(id));
                for (replica, row) in rows {
                    let fresh =
                        || (Seen { value: row.state.clone(), at }, Seen { value: row.behind, at });
                    let (state, behind) = entry.rows.entry(*replica).or_insert_with(fresh);
                    if state.value != row.state {
                        *state = Seen { value: row.state.clone(), at };
                    }
                    if behind.value != row.behind {
                        *behind = Seen { value: row.behind, at };
                    }
                }
            }
            RoleView::Replica => entry.rows.clear(),
        }
        entry.bolt = Some(Seen { value: view, at });
        entry.unreached = None;
        entry.answered = true;
    }

    fn take_silence(&mut self, id: InstanceId, at: Millis, why: Why) {
        let entry = self.instances.entry(id).or_default();
        let since = entry.unreached.as_ref().map_or(at, |seen| seen.at);
        // How long a row has been as it is counts while somebody looks.
        entry.rows.clear();
        entry.unreached = Some(Seen { value: why, at: since });
    }

    fn take_outcome(&mut self, at: Millis, action: &Action, outcome: Outcome) {
        match action {
            Action::SetRoute(route) => {
                if outcome == Outcome::Done {
                    self.set_route(at, *route);
                }
            }
            Action::Register { on, replica, term, .. } => {
                self.remember_registration(*on, *replica, *term, outcome);
            }
            Action::Commit { on, term, proves, drained } => {
                if outcome == Outcome::NotSent {
                    return;
                }
                self.memory.commit = Some(OwnCommit {
                    term: *term,
                    main: on.incarnation,
                    replicas: proves.iter().map(|r| (r.id, r.incarnation)).collect(),
                    drained: *drained,
                    acknowledged: outcome == Outcome::Done,
                });
                if let Some(entry) = self.instances.get_mut(&on.id) {
                    entry.streams_opened(at);
                }
            }
            Action::WriteRecord { .. } => match outcome {
                Outcome::Done => self.confirmed = Some(at),
                Outcome::Unknown => self.confirmed = None,
                Outcome::NotSent | Outcome::Refused | Outcome::Branched | Outcome::Unreachable => {}
            },
            Action::Promote { .. }
            | Action::Demote { .. }
            | Action::Drop { .. }
            | Action::SetAside { .. } => {}
        }
    }

    fn set_route(&mut self, at: Millis, route: Route) {
        let drains = |route: &Route| matches!(route, Route::Draining { .. });
        if drains(&route) && !drains(&self.route.value) {
            // Nothing that gateways said before counts as an answer to this.
            self.open_transactions = true;
        }
        if let (Route::Open { .. }, Some(commit)) = (&route, &mut self.memory.commit) {
            commit.drained = false;
        }
        if self.route.value != route {
            self.route = Seen { value: route, at };
        }
    }

    fn remember_registration(
        &mut self,
        on: InstanceRef,
        replica: InstanceRef,
        term: crate::ids::Term,
        outcome: Outcome,
    ) {
        let result = match outcome {
            // A lock was held, or the row was there: nothing was tried.
            Outcome::NotSent | Outcome::Refused => return,
            Outcome::Done => RegisterResult::Done,
            Outcome::Branched => RegisterResult::Branched,
            Outcome::Unreachable => RegisterResult::Unreachable,
            Outcome::Unknown => RegisterResult::Unclear,
        };
        let lives = (on.incarnation, replica.incarnation, term);
        let earlier = self
            .memory
            .registered
            .get(&replica.id)
            .filter(|r| (r.main, r.replica, r.term) == lives)
            .map_or((0, 0), |r| (r.attempts, r.branched));
        let branched = u8::from(result == RegisterResult::Branched);
        self.memory.registered.insert(
            replica.id,
            Registration {
                term,
                main: on.incarnation,
                replica: replica.incarnation,
                result,
                attempts: (earlier.0 + 1).min(Registration::COUNTED),
                branched: (earlier.1 + branched).min(Registration::COUNTED),
            },
        );
    }

    /// Who is to be looked at in a cluster of that size: everybody within it, and whoever beyond it
    /// still has a pod, a row on the main, or a part in the record.
    #[must_use]
    pub fn concerned(&self, size: u8) -> BTreeSet<InstanceId> {
        let mut ids: BTreeSet<_> = (0..size).map(InstanceId).collect();
        let has_pod =
            |entry: &InstanceHistory| entry.pod.as_ref().is_some_and(|seen| seen.value.is_some());
        let pods = self.instances.iter().filter(|(_, entry)| has_pod(entry));
        ids.extend(pods.map(|(id, _)| *id));
        if let Some(record) = self.record().and_then(StoredRecord::record) {
            ids.insert(record.target);
            ids.extend(record.voters());
            if let Some(main) = self.instances.get(&record.target) {
                ids.extend(main.rows.keys());
            }
        }
        ids
    }

    /// The observation of this moment.
    #[must_use]
    pub fn observe(
        &self,
        now: Millis,
        patience: &Patience,
        desired: &Desired,
        leadership: Leadership,
        acquired: Option<Millis>,
        outstanding: BTreeSet<crate::ids::GatewayId>,
    ) -> ClusterObservation {
        let mut instances = BTreeMap::new();
        for id in self.concerned(desired.instances) {
            let view = self
                .instances
                .get(&id)
                .map_or_else(InstanceView::unseen, |entry| entry.observe(now, patience));
            instances.insert(id, view);
        }
        ClusterObservation {
            desired: desired.clone(),
            leadership,
            record: self.observe_record(now, patience, acquired),
            instances,
            route: self.observe_route(now, patience, outstanding),
            memory: Memory {
                writes_may_land: self
                    .confirmed
                    .is_none_or(|sent| acquired.is_some_and(|acquired| sent < acquired)),
                ..self.memory.clone()
            },
        }
    }

    fn observe_record(
        &self,
        now: Millis,
        patience: &Patience,
        acquired: Option<Millis>,
    ) -> Reading<StoredRecord> {
        match &self.record {
            None => Reading::never(),
            Some(seen) if acquired.is_some_and(|acquired| seen.at < acquired) => {
                Reading::Unknown { why: Why::BeforeLease, since: patience.reading(now, seen.at) }
            }
            Some(seen) => {
                Reading::Known { value: seen.value.clone(), age: patience.reading(now, seen.at) }
            }
        }
    }

    fn observe_route(
        &self,
        now: Millis,
        patience: &Patience,
        outstanding: BTreeSet<crate::ids::GatewayId>,
    ) -> RouteView {
        let drain = match self.route.value {
            Route::Closed | Route::Open { .. } => Drain::Idle,
            Route::Draining { .. } if !self.open_transactions => Drain::Drained,
            Route::Draining { .. } if now.saturating_sub(self.route.at) >= patience.drain_ms => {
                Drain::Overdue
            }
            Route::Draining { .. } => Drain::Waiting,
        };
        let heard = self.last_byte.is_some_and(|at| now.saturating_sub(at) <= patience.witness_ms);
        let limit_passed = self
            .main_unreached_since()
            .is_some_and(|since| now.saturating_sub(since) >= patience.witness_limit_ms);
        let witness = if heard && !limit_passed { Witness::Hears } else { Witness::Silent };
        RouteView { handed_out: self.route.value, outstanding, drain, witness }
    }

    fn main_unreached_since(&self) -> Option<Millis> {
        match self.route.value {
            Route::Closed => None,
            Route::Open { main, .. } | Route::Draining { main, .. } => self
                .instances
                .get(&main.id)
                .and_then(|entry| entry.unreached.as_ref())
                .map(|seen| seen.at),
        }
    }

    /// How the latest attempts to reach an instance ended; none if nobody ever tried.
    #[must_use]
    pub fn contact(&self, id: InstanceId, now: Millis, patience: &Patience) -> Option<Contact> {
        self.instances.get(&id).map(|entry| entry.contact(now, patience))
    }

    /// When the patience with somebody who is silent ends next, if it does without another reading.
    #[must_use]
    pub fn patience_ends(&self, now: Millis, patience: &Patience) -> Option<Millis> {
        let silent = self.instances.values().filter_map(|entry| entry.unreached.as_ref());
        let ends = silent.map(|seen| seen.at.saturating_add(patience.silence_ms));
        ends.filter(|end| *end > now).min()
    }

    /// The life that last answered as `id`, however long ago.
    #[must_use]
    pub fn last_life(&self, id: InstanceId) -> Option<Incarnation> {
        self.instances
            .get(&id)
            .and_then(|entry| entry.bolt.as_ref())
            .map(|seen| seen.value.incarnation)
    }
}

impl Memory {
    fn forget_other_mains(&mut self, main: Incarnation) {
        self.registered.retain(|_, registration| registration.main == main);
        if self.commit.as_ref().is_some_and(|commit| commit.main != main) {
            self.commit = None;
        }
    }
}

impl InstanceHistory {
    /// A commit opened a stream to every replica: one that was in the middle of a transaction
    /// before is so no longer, or is in the middle of this one.
    fn streams_opened(&mut self, at: Millis) {
        for (state, behind) in self.rows.values_mut() {
            if state.value == RowState::Replicating {
                state.at = at;
                behind.at = at;
            }
        }
    }

    fn observe(&self, now: Millis, patience: &Patience) -> InstanceView {
        let pod = self.pod.as_ref().map_or_else(Reading::never, |seen| Reading::Known {
            value: seen.value,
            age: patience.reading(now, seen.at),
        });
        let volume = self.volume.as_ref().map_or_else(Reading::never, |seen| Reading::Known {
            value: seen.value,
            age: patience.reading(now, seen.at),
        });
        let contact = self.contact(now, patience);
        InstanceView { pod, bolt: self.observe_bolt(now, patience), contact, volume }
    }

    fn contact(&self, now: Millis, patience: &Patience) -> Contact {
        match &self.unreached {
            None if self.bolt.is_some() => Contact::Answering,
            None => Contact::Unreached { why: Why::NeverRead, since: Age::Fresh },
            Some(seen) => {
                let since = patience.silence(now, seen.at);
                match seen.value {
                    Why::Refused if self.answered => Contact::Closed { since },
                    Why::Refused
                    | Why::NeverRead
                    | Why::NoAddress
                    | Why::Silent
                    | Why::Unrecognized(_)
                    | Why::Unauthorized
                    | Why::BeforeLease => Contact::Unreached { why: seen.value.clone(), since },
                }
            }
        }
    }

    fn observe_bolt(&self, now: Millis, patience: &Patience) -> Reading<BoltView> {
        let Some(seen) = &self.bolt else {
            return Reading::never();
        };
        let mut value = seen.value.clone();
        if let RoleView::Main { rows, .. } = &mut value.role {
            for (id, row) in rows {
                let seen = self.rows.get(id);
                let age = |at: Millis| patience.row(now, at);
                row.since = seen.map_or(Age::Fresh, |(state, _)| age(state.at));
                row.still = seen.map_or(Age::Fresh, |(_, behind)| age(behind.at));
            }
        }
        let age = patience.reading(now, seen.at);
        // An answer before the latest failure is no answer of this round.
        let age = if self.unreached.is_some() { age.max(Age::Suspect) } else { age };
        Reading::Known { value, age }
    }
}
