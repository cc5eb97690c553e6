//! What one controller process knows: its clocks, what it saw, what gateways said. Every method is
//! short and none waits, so that a lock around it is never held for long. All judgement is the
//! core's; this only brings the parts together.

mod gateways;

use super::{
    Heard, Lease, Members,
    journal::{Journal, Sink},
};
use crate::{
    cluster::Written,
    memgraph::{Addresses, Endpoints, Look},
};
use gateway::clock::Clock;
use gateways::Asked;
use ha_core::{
    action::{Action, Precondition},
    desired::Desired,
    history::{History, Outcome, Patience, Sample},
    ids::{ControllerId, InstanceId, ResourceVersion},
    journal::{Decided, Line, What},
    leadership::{LeaderClock, LeaseSample, Millis, Timing, Word},
    observation::{
        ClusterObservation, Contact, PodView, PromotionRight, RecordContent, Route, StoredRecord,
    },
    plan::Plan,
    reading::Why,
    record::Record,
    reports::Reports,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What one controller process knows.
pub struct Mind {
    clock: Clock,
    timing: Timing,
    patience: Patience,
    names: Endpoints,
    leader: LeaderClock,
    history: History,
    reports: Reports,
    /// Pods of gateways that named them.
    asked: BTreeMap<String, Asked>,
    record_read: Option<Millis>,
    /// The acquisition of the lease under which it decided last.
    decided_in: Option<Millis>,
    /// The one under which a decision was carried out last that says where writes go.
    routed_in: Option<Millis>,
    pods: BTreeMap<InstanceId, Option<PodView>>,
    /// Whoever refused the password of now at the last look, and took one of before.
    by_former_password: BTreeSet<InstanceId>,
    desired: Desired,
    /// Why what operators ask for could not be read last.
    orders_unread: Option<String>,
    number: u8,
    /// The uid of this pod; empty where there is none.
    pod: String,
    /// Where the members of the lease run, or ran, as last read.
    members: Members,
    /// Where the others said that they run.
    others: Members,
    journal: Option<Journal>,
}

impl Mind {
    /// A process that starts now.
    pub fn start(
        me: ControllerId,
        (number, pod): (u8, String),
        clock: Clock,
        (timing, patience): (Timing, Patience),
        names: Endpoints,
        desired: Desired,
    ) -> Self {
        let now = clock.monotonic();
        Self {
            clock,
            timing,
            patience,
            names,
            leader: LeaderClock::start(me, now),
            history: History::start(now),
            reports: Reports::default(),
            asked: BTreeMap::new(),
            record_read: None,
            decided_in: None,
            routed_in: None,
            pods: BTreeMap::new(),
            by_former_password: BTreeSet::new(),
            // Until it is read what operators ask for, nothing is done.
            desired: Desired { paused: true, ..desired },
            orders_unread: None,
            number,
            pod,
            members: Members::new(),
            others: Members::new(),
            journal: None,
        }
    }

    /// Keeps a journal from now on: it begins with what is known already.
    pub fn keep_journal(&mut self, sink: Sink) {
        self.journal = Some(Journal::new(sink));
        self.begin_journal();
    }

    /// The journal, where one is kept.
    pub(super) const fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// What is known already, as the line that a journal begins with.
    fn beginning(&self) -> Line {
        let history = Box::new(self.history.clone());
        let what = What::Start { history, patience: self.patience };
        Line::new(self.clock.monotonic(), self.number, what)
    }

    fn begin_journal(&mut self) {
        let line = self.beginning();
        if let Some(journal) = &mut self.journal {
            // A file that is full with this line alone takes the next one, too.
            let _is_full = journal.write(&line);
        }
    }

    /// Writes a line; true if the next one begins a file.
    fn note(&mut self, line: &Line) -> bool {
        let anew = self.journal.as_ref().filter(|journal| journal.begins_anew(line.at));
        let first = anew.map(|_| self.beginning());
        self.journal.as_mut().is_some_and(|journal| journal.note(first, line))
    }

    /// Now, on the clock that everything here counts by.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.monotonic()
    }

    /// This controller.
    #[must_use]
    pub const fn me(&self) -> ControllerId {
        self.leader.me()
    }

    /// How instances are called.
    #[must_use]
    pub const fn names(&self) -> &Endpoints {
        &self.names
    }

    /// Takes one sample in whose reading began at `began`.
    pub fn take(&mut self, began: Millis, sample: Sample) {
        let is_full = self.journal.is_some() && {
            let what = What::Sample { began, look: Box::new(sample.clone()) };
            let line = Line::new(self.clock.monotonic(), self.number, what);
            self.note(&line)
        };
        self.history.take(began, sample);
        if is_full {
            self.begin_journal();
        }
    }

    /// A pod was read.
    pub fn saw_pod(&mut self, began: Millis, id: InstanceId, pod: Option<PodView>) {
        self.pods.insert(id, pod);
        self.take(began, Sample::Pod { id, pod });
    }

    /// The pod of an instance as last read.
    #[must_use]
    pub fn pod(&self, id: InstanceId) -> Option<PodView> {
        self.pods.get(&id).copied().flatten()
    }

    /// How many instances the cluster is to have.
    #[must_use]
    pub const fn size(&self) -> u8 {
        self.desired.instances
    }

    /// Instances beyond the size whose pods are there.
    #[must_use]
    pub fn beyond(&self) -> BTreeSet<InstanceId> {
        let there = self.pods.iter().filter(|(id, pod)| id.0 >= self.size() && pod.is_some());
        there.map(|(id, _)| *id).collect()
    }

    /// Whoever refuses the password of now, and takes one of before.
    #[must_use]
    pub const fn by_former_password(&self) -> &BTreeSet<InstanceId> {
        &self.by_former_password
    }

    /// Who is to be looked at: also whoever is beyond the size and still there.
    #[must_use]
    pub fn concerned(&self) -> BTreeSet<InstanceId> {
        self.history.concerned(self.desired.instances)
    }

    /// Where instances are, as last read.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        let address =
            |(id, pod): (&InstanceId, &Option<PodView>)| Some((*id, pod.as_ref()?.address?));
        self.pods.iter().filter_map(address).collect()
    }

    /// An instance was looked at.
    pub fn looked(&mut self, began: Millis, id: InstanceId, found: Result<Look, Why>) {
        self.by_former_password.remove(&id);
        match found {
            Ok(Look { view, volume, is_by_former_password }) => {
                if is_by_former_password {
                    self.by_former_password.insert(id);
                }
                self.take(began, Sample::Volume { id, volume });
                self.take(began, Sample::Bolt { id, answer: Ok(view) });
            }
            Err(why) => self.take(began, Sample::Bolt { id, answer: Err(why) }),
        }
    }

    /// The record was read, or is as good as read.
    pub fn saw_record(&mut self, began: Millis, stored: StoredRecord) {
        self.record_read = self.record_read.max(Some(began));
        self.take(began, Sample::Record(stored));
    }

    /// What operators ask for was read.
    pub fn saw_desired(&mut self, desired: Desired) {
        self.desired = desired;
        self.orders_unread = None;
    }

    /// What operators ask for could not be read.
    pub fn missed_desired(&mut self, why: String) {
        self.orders_unread = Some(why);
    }

    /// Why what operators ask for could not be read last.
    pub fn orders_unread(&self) -> Option<&str> {
        self.orders_unread.as_deref()
    }

    /// How the latest attempts to reach an instance ended.
    #[must_use]
    pub fn contact(&self, id: InstanceId) -> Option<Contact> {
        self.history.contact(id, self.now(), &self.patience)
    }

    /// How long the patience with somebody who is silent lasts yet; none where it is over, or nobody is.
    #[must_use]
    pub fn patience_left(&self) -> Option<Duration> {
        let now = self.now();
        let ends = self.history.patience_ends(now, &self.patience)?;
        Some(Duration::from_millis(ends.saturating_sub(now)))
    }

    /// Whether the lease was this process's own when it was last read or written.
    #[must_use]
    pub fn holds_lease(&self) -> bool {
        self.leader.renewal().is_some()
    }

    /// The lease was read.
    pub fn saw_lease(&mut self, lease: Option<Lease>) {
        let now = self.now();
        let Some(Lease { sample, pods }) = lease else { return self.leader.saw_none(now) };
        self.leader.saw(now, sample, &self.timing);
        self.members = pods;
        // A pod runs one process at a time, and here it is this one.
        for id in self.elsewhere(self.me(), &self.pod) {
            self.leader.ended(now, id);
        }
    }

    /// Members of the lease in the pod of a process, but that process.
    fn elsewhere(&self, process: ControllerId, pod: &str) -> Vec<ControllerId> {
        let there = |(id, at): &(&ControllerId, &String)| **id != process && *at == pod;
        let members = self.members.iter().filter(there).map(|(id, _)| *id);
        if pod.is_empty() { Vec::new() } else { members.collect() }
    }

    /// What a write of the lease should expect and name, if one may be tried now. It counts as
    /// sent.
    #[must_use]
    pub fn lease_to_write(&mut self) -> Option<(Option<ResourceVersion>, Members)> {
        let now = self.now();
        let expected = match self.leader.renewal() {
            Some(version) => Some(version),
            None => self.leader.campaign(now, &self.timing)?,
        };
        let ids = self.leader.members(now, &self.timing);
        self.leader.writes(expected, ids.clone());
        let pod = |id: ControllerId| {
            let other = self.others.get(&id).cloned().unwrap_or_default();
            if id == self.me() { self.pod.clone() } else { other }
        };
        Some((expected, ids.into_iter().map(|id| (id, pod(id))).collect()))
    }

    /// A write of the lease that was sent at `sent` and names these has ended. True if this process
    /// leads from now on and did not before.
    pub fn wrote_lease(&mut self, sent: Millis, members: Members, written: &Written) -> bool {
        let before = self.leader.acquired();
        if let Written::Done(version) = written {
            let (version, holder) = (*version, Some(self.me()));
            let named = members.keys().copied().collect();
            self.leader.renewed(self.now(), sent, LeaseSample { version, holder, members: named });
            self.members = members;
        }
        before.is_none() && self.leader.acquired().is_some()
    }

    /// What a write that gives the lease up should expect and name, if it is held. From now on
    /// nothing is granted and nothing is done.
    #[must_use]
    pub fn release(&mut self) -> Option<(ResourceVersion, Members)> {
        let held = self.leader.acquired().and(self.leader.renewal());
        self.leader.released();
        held.map(|version| (version, self.members.clone()))
    }

    /// Whether the lease ran out and this process may not take it over as it is.
    #[must_use]
    pub fn is_kept_out(&self) -> bool {
        self.leader.is_kept_out(self.now(), &self.timing)
    }

    /// Which pods have not ended; the list was asked for after the lease was read.
    pub fn saw_living_pods(&mut self, living: &BTreeSet<String>) {
        let now = self.now();
        for (id, pod) in &self.members {
            if !pod.is_empty() && !living.contains(pod) {
                self.leader.unlisted(now, *id);
            }
        }
    }

    /// Another controller asks for a promise.
    pub fn promise(&mut self, by: ControllerId) -> Word {
        let now = self.now();
        self.leader.asked(now, by, &self.timing)
    }

    /// Another controller answered the question that was sent at `sent`.
    pub fn told(&mut self, sent: Millis, heard: &Heard) {
        let Heard { from, pod, word } = heard;
        if *from == self.me() {
            return;
        }
        self.leader.told(sent, *from, *word, &self.timing);
        self.others.insert(*from, pod.clone());
        self.others.retain(|id, _| self.leader.has_heard(*id));
        let now = self.now();
        for id in self.elsewhere(*from, pod) {
            self.leader.replaced(now, sent, id);
        }
    }

    /// Whether it grants on promises alone: its lease ran out and could not be renewed.
    #[must_use]
    pub fn is_promised(&self) -> bool {
        let now = self.now();
        self.leader.right(now, &self.timing) == 0
            && self.leader.promised_right(now, &self.timing) > 0
    }

    /// Whether it leads by its own clock.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.leader.right(self.now(), &self.timing) > 0
    }

    /// Whether lease, grants of other leaders and promises let it promote.
    #[must_use]
    pub fn may_promote(&self) -> bool {
        self.leader.view(self.now(), &self.timing).promotion == PromotionRight::Granted
    }

    /// The record as last read.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.history.record()?.record()
    }

    /// The observation of this moment.
    #[must_use]
    pub fn observe(&self) -> ClusterObservation {
        let now = self.now();
        self.decided(Plan::default()).observe(now, &self.history, &self.patience)
    }

    /// Decides.
    pub fn decide(&mut self) -> (ClusterObservation, Plan) {
        let now = self.now();
        let (route, outstanding) = (self.history.route(), self.leader.outstanding(now));
        self.take(now, self.reports.sample(now, route, &outstanding));
        let mut decided = self.decided(Plan::default());
        let observation = decided.observe(now, &self.history, &self.patience);
        let plan = ha_core::plan(&observation);
        self.decided_in = self.leader.acquired();
        if self.journal.is_some() {
            decided.plan = plan.clone();
            let line = Line::new(now, self.number, What::Decided(Box::new(decided)));
            if self.note(&line) {
                self.begin_journal();
            }
        }
        (observation, plan)
    }

    /// The part of the last decision that says where writes go was carried out.
    pub const fn decided_route(&mut self) {
        self.routed_in = self.decided_in;
    }

    fn decided(&self, plan: Plan) -> Decided {
        let now = self.now();
        Decided {
            desired: self.desired.clone(),
            leadership: self.leader.view(now, &self.timing),
            acquired: self.leader.acquired(),
            outstanding: self.leader.outstanding(now),
            plan,
        }
    }

    /// Whether everything that an action needs of this process alone holds now. What it needs of
    /// instances is read elsewhere.
    #[must_use]
    pub fn may(&self, action: &Action) -> bool {
        let now = self.now();
        action.preconditions().iter().all(|need| match need {
            Precondition::LeaseHeld => self.leader.right(now, &self.timing) > 0,
            Precondition::RecordTerm(term) => {
                self.record().is_some_and(|record| record.term == *term)
            }
            Precondition::NobodyForwards => {
                self.history.route() == Route::Closed
                    && self.leader.outstanding(now).is_empty()
                    && self.may_promote()
            }
            // The API server compares it itself.
            Precondition::RecordVersion(_)
            | Precondition::Lives(_)
            | Precondition::IsMain(_)
            | Precondition::IsReplica(_) => true,
        })
    }

    /// A write of the record that was sent at `sent` is stored with this version.
    pub fn wrote_record(&mut self, sent: Millis, record: &Record, version: ResourceVersion) {
        let content = RecordContent::Record(Box::new(record.clone()));
        self.saw_record(sent, StoredRecord { version: Some(version), content });
    }

    /// An effect has ended.
    pub fn ended(&mut self, at: Millis, action: &Action, outcome: Outcome) {
        if matches!(action, Action::SetRoute(Route::Draining { .. })) {
            self.reports.drain_begins();
        }
        self.take(at, Sample::Outcome { action: action.clone(), outcome });
    }

    /// The route that is handed out.
    #[must_use]
    pub const fn route(&self) -> Route {
        self.history.route()
    }
}
