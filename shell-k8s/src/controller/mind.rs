//! What one controller process knows: its clocks, what it saw, what gateways said. Every method is
//! short and none waits, so that a lock around it is never held for long. All judgement is the
//! core's; this only brings the parts together.

use super::{Heard, Lease, Members};
use crate::{
    cluster::Written,
    memgraph::{Addresses, Endpoints, Look},
};
use gateway::{
    clock::Clock,
    controllers::{
        AskError,
        wire::{Ask, Replica, Reply, VERSION},
    },
};
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
    hash::BuildHasher,
    time::Duration,
};

/// Gateways whose last word is kept, beside those that may forward.
const GATEWAYS: usize = 256;

/// Takes the lines of a journal. True if the next line begins another file, which then begins with
/// what is known.
pub type Sink = Box<dyn FnMut(&Line) -> bool + Send>;

/// What one controller process knows.
pub struct Mind {
    clock: Clock,
    timing: Timing,
    patience: Patience,
    names: Endpoints,
    leader: LeaderClock,
    history: History,
    reports: Reports,
    record_read: Option<Millis>,
    pods: BTreeMap<InstanceId, Option<PodView>>,
    desired: Desired,
    number: u8,
    /// The uid of this pod; empty where there is none.
    pod: String,
    /// Where the members of the lease run, or ran, as last read.
    members: Members,
    /// Where the others said that they run.
    others: Members,
    sink: Option<Sink>,
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
            record_read: None,
            pods: BTreeMap::new(),
            // Until it is read what operators ask for, nothing is done.
            desired: Desired { paused: true, ..desired },
            number,
            pod,
            members: Members::new(),
            others: Members::new(),
            sink: None,
        }
    }

    /// Keeps a journal from now on: it begins with what is known already.
    pub fn keep_journal(&mut self, sink: Sink) {
        self.sink = Some(sink);
        self.begin_journal();
    }

    fn begin_journal(&mut self) {
        let history = Box::new(self.history.clone());
        let what = What::Start { history, patience: self.patience };
        let line = Line::new(self.clock.monotonic(), self.number, what);
        if let Some(sink) = &mut self.sink {
            // A file that is full with this line alone takes the next one, too.
            let _is_full = sink(&line);
        }
    }

    fn note(&mut self, line: &Line) -> bool {
        self.sink.as_mut().is_some_and(|sink| sink(line))
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
        let is_full = self.sink.is_some() && {
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
        match found {
            Ok(Look { view, volume }) => {
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
        if self.sink.is_some() {
            decided.plan = plan.clone();
            let line = Line::new(now, self.number, What::Decided(Box::new(decided)));
            if self.note(&line) {
                self.begin_journal();
            }
        }
        (observation, plan)
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
                    && self.leader.view(now, &self.timing).promotion == PromotionRight::Granted
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
        if ask.question.holds.is_none() && !self.reports.is_overtaken(&ask.question) {
            self.leader.holds_nothing(ask.question.gateway, ask.question.number);
        }
        let after = self.forwarding();
        after.0 < before.0 || (before.1 && !after.1)
    }

    /// What a gateway's question is answered now; it was heard when it arrived.
    ///
    /// # Errors
    /// This process may not answer: it does not lead, or has not read the record since it does; or a
    /// later question of the same gateway was heard.
    pub fn answer(&mut self, ask: &Ask) -> Result<Reply, AskError> {
        let now = self.now();
        let read_as_leader = self.record_read >= self.leader.acquired();
        let stored = self.history.record().filter(|_| read_as_leader);
        let record = stored.and_then(StoredRecord::record);
        let route = self.history.route();
        let time = (now, &self.timing);
        let is_overtaken = self.reports.is_overtaken(&ask.question);
        let answer = self.reports.answer(&ask.question, &mut self.leader, record, route, time);
        let answer = answer.ok_or_else(|| AskError::Failed {
            controller: self.me().to_string(),
            why: if is_overtaken { "a later question came first" } else { "it does not lead" }
                .to_owned(),
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
