//! The simulated world as the effects of real controllers, on paused time: what they do is done to a
//! `World`, whose own controllers stand still, and whose oracle and invariants judge what comes of it.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "each test file has its own copy")]

use async_trait::async_trait;
use gateway::clock::Clock;
use ha_core::{
    action::{Action, Precondition},
    desired::Desired,
    grant::Clocks,
    history::Outcome,
    ids::{ControllerId, InstanceId, InstanceRef, PodUid, ResourceVersion},
    leadership::{LeaseSample, Millis},
    observation::{PodView, RecordContent, StoredRecord, SyncMode},
    plan::Step,
    reading::Why,
    record::{Record, Stage},
};
use shell_k8s::{
    cluster::{Note, Show, Shown, Written},
    controller::{Controller, Effects, Heard, Lease, Members, Probing, Unavailable},
    memgraph::{Addresses, Ended, Look, Unmet},
};
use shell_sim::{
    driver::{Fair, Pattern},
    memgraph::{self, Answer, Endpoint, RegisterError, ReplicaName, ServerError, Statement},
    world::{Body, ControllerNo, Event, Kind, Payload, Place, Settings as WorldSettings},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long anything may take, in the world's time.
pub const LIMIT: Duration = Duration::from_secs(120);
/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(4);

pub struct Scene {
    pub fair: Fair,
    pub desired: Desired,
    pub version: u64,
    pub leases: Vec<Lease>,
    /// Whether nobody reaches the API server.
    pub api_down: bool,
    /// Whether writes of the lease that name a holder land and are never answered.
    pub lease_unanswered: bool,
    /// Those who answer each other.
    pub controllers: Vec<Controller>,
    /// How many pods the StatefulSet asks for.
    pub replicas: u32,
    /// How often each instance was looked at.
    pub looks: BTreeMap<InstanceId, u32>,
    /// Whoever writes this stage next hears nothing of it any more.
    pub dies_at: Option<Stage>,
    /// The steps that a journal was told of.
    pub decided: Vec<Step>,
    /// The commands that were sent, and whether a journal had been told of each.
    pub sent: Vec<(Action, bool)>,
}

/// A world with its API server, shared by controllers.
#[derive(Clone)]
pub struct Theatre {
    stage: Arc<Mutex<Scene>>,
    begun: Instant,
}

impl Theatre {
    pub fn new() -> Self {
        Self::of(Desired::default().instances)
    }

    /// One with so many instances.
    pub fn of(instances: u8) -> Self {
        let settings = WorldSettings { instances, gateways: 1, ..WorldSettings::default() };
        let mut fair = Fair::new(&settings, ha_core::plan);
        for no in 0..settings.controllers {
            fair.stop(Place::Controller(ControllerNo(no)));
        }
        fair.stop(Place::Gateway(0.into()));
        // Answers to statements are taken by hand.
        let kind = Some((Kind::Request, true));
        fair.withhold(Pattern { kind, from: None, to: Some(Place::Api) });
        let stage = Scene {
            fair,
            desired: Desired { instances, ..Desired::default() },
            version: 0,
            leases: Vec::new(),
            api_down: false,
            lease_unanswered: false,
            controllers: Vec::new(),
            replicas: instances.into(),
            looks: BTreeMap::new(),
            dies_at: None,
            decided: Vec::new(),
            sent: Vec::new(),
        };
        Self { stage: Arc::new(Mutex::new(stage)), begun: Instant::now() }
    }

    pub fn stage(&self) -> MutexGuard<'_, Scene> {
        self.stage.lock().expect("no test panics with it")
    }

    /// The world's time follows tokio's.
    pub async fn keep_time(self) {
        loop {
            sleep(Duration::from_millis(1)).await;
            let now = self.now();
            let mut stage = self.stage();
            let behind = now.saturating_sub(stage.fair.world.now);
            stage.fair.run_for(behind);
        }
    }

    pub fn now(&self) -> Millis {
        u64::try_from(self.begun.elapsed().as_millis()).expect("a short test")
    }

    pub fn clock(&self) -> Clock {
        let theatre = self.clone();
        Clock::given(move || Clocks { monotonic: theatre.now(), wall: 0 })
    }

    pub fn record(&self) -> Option<Record> {
        self.stage().fair.world.api.record().cloned()
    }

    pub fn event(&self, event: &Event) {
        self.stage().fair.apply(event).expect("it can happen now");
    }

    fn available(&self, what: &str) -> Result<(), Unavailable> {
        if self.stage().api_down { Err(Unavailable(format!("{what}: down"))) } else { Ok(()) }
    }

    /// Waits until the record says so.
    pub async fn until(&self, what: &str, says: impl Fn(&Record) -> bool) -> Record {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(record) = self.record().filter(|record| says(record)) {
                return record;
            }
            assert!(Instant::now() < until, "{what}: {:?}", self.record());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Nothing that was found broken on the way.
    pub fn assert_sound(&self) {
        let stage = self.stage();
        assert_eq!(stage.fair.violations, []);
    }
}

struct Looking(Theatre, InstanceId);

#[async_trait]
impl Probing for Looking {
    async fn look(&mut self, _pod: PodView) -> Result<Look, Why> {
        let is_silent = {
            let mut stage = self.0.stage();
            *stage.looks.entry(self.1).or_default() += 1;
            let body = stage.fair.world.body(self.1).expect("an instance");
            body.frozen || !body.powered
        };
        if is_silent {
            sleep(Duration::from_secs(1)).await;
            return Err(Why::Silent);
        }
        let stage = self.0.stage();
        let world = &stage.fair.world;
        let body = world.body(self.1).expect("an instance");
        let open = body.instance.is_bolt_open();
        let volume = body.volume;
        let view = world.bolt_view(self.1).filter(|_| open).ok_or(Why::Refused)?;
        Ok(Look { view, volume, is_by_former_password: false })
    }

    async fn closed(&mut self) {
        let life = |theatre: &Theatre| {
            let stage = theatre.stage();
            stage.fair.world.body(self.1).expect("an instance").incarnation()
        };
        let before = life(&self.0);
        while before.is_some() && life(&self.0) == before {
            sleep(Duration::from_millis(1)).await;
        }
        if before.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Effects for Theatre {
    async fn record(&self) -> Result<StoredRecord, Unavailable> {
        self.available("the record")?;
        let stage = self.stage();
        Ok(match stage.fair.world.api.records.last() {
            Some((version, record)) => StoredRecord {
                version: Some(*version),
                content: RecordContent::Record(Box::new(record.clone())),
            },
            None => StoredRecord { version: None, content: RecordContent::Absent },
        })
    }

    fn pods(&self) -> Option<(Millis, BTreeMap<InstanceId, Option<PodView>>)> {
        let stage = self.stage();
        let world = &stage.fair.world;
        let pod = |id| (id, world.body(id).expect("an instance").pod_view());
        (!stage.api_down).then(|| (self.now(), world.instances().map(pod).collect()))
    }

    fn unconfirmed(&self) -> Option<String> {
        self.available("the pods").err().map(|error| error.to_string())
    }

    async fn replicas(&self) -> Result<Option<u32>, Unavailable> {
        self.available("the set")?;
        Ok(Some(self.stage().replicas))
    }

    fn shown(&self) -> BTreeMap<InstanceId, Shown> {
        BTreeMap::new()
    }

    async fn show(&self, _: InstanceId, _: PodUid, _: &Show) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn publish(&self, _note: &Note) -> Result<(), Unavailable> {
        self.available("events")?;
        Ok(())
    }

    async fn desired(&self) -> Result<Desired, Unavailable> {
        self.available("the orders")?;
        Ok(self.stage().desired.clone())
    }

    async fn lease(&self) -> Result<Option<Lease>, Unavailable> {
        self.available("the lease")?;
        Ok(self.stage().leases.last().cloned())
    }

    async fn write_lease(
        &self,
        expected: Option<ResourceVersion>,
        holder: Option<ControllerId>,
        members: &Members,
    ) -> Written {
        if self.available("the lease").is_err() {
            return Written::Unknown("down".to_owned());
        }
        let (version, is_answered) = {
            let mut stage = self.stage();
            if stage.leases.last().map(|lease| lease.sample.version) != expected {
                return Written::Overtaken;
            }
            stage.version += 1;
            let version = ResourceVersion(stage.version);
            let named = members.keys().copied().collect();
            let sample = LeaseSample { version, holder, members: named };
            stage.leases.push(Lease { sample, pods: members.clone() });
            (version, holder.is_none() || !stage.lease_unanswered)
        };
        if !is_answered {
            std::future::pending::<()>().await;
        }
        Written::Done(version)
    }

    async fn living_pods(&self) -> Result<BTreeSet<String>, Unavailable> {
        self.available("the pods")?;
        Ok(BTreeSet::new())
    }

    async fn peers(&self) -> BTreeSet<SocketAddr> {
        let all = self.stage().controllers.len();
        let port = |no: usize| u16::try_from(no + 1).expect("a few");
        (0..all).map(|no| SocketAddr::from(([127, 0, 0, 1], port(no)))).collect()
    }

    async fn ask_peer(&self, at: SocketAddr, by: ControllerId) -> Result<Heard, Unavailable> {
        let asked = self.stage().controllers[usize::from(at.port() - 1)].clone();
        let (from, word) = asked.promise(by);
        Ok(Heard { from, pod: String::new(), word })
    }

    async fn tell_peer(&self, at: SocketAddr) -> Result<(), Unavailable> {
        let told = self.stage().controllers[usize::from(at.port() - 1)].clone();
        told.lease_is_free();
        Ok(())
    }

    async fn write_record(&self, expected: Option<ResourceVersion>, record: &Record) -> Written {
        if self.available("the record").is_err() {
            return Written::Unknown("down".to_owned());
        }
        let (version, dies) = {
            let mut stage = self.stage();
            if stage.fair.world.api.records.last().map(|(version, _)| *version) != expected {
                return Written::Overtaken;
            }
            stage.version += 1;
            let version = ResourceVersion(stage.version);
            stage.fair.world.api.records.push((version, record.clone()));
            (version, stage.dies_at.take_if(|at| *at == record.stage).is_some())
        };
        if dies {
            std::future::pending::<()>().await;
        }
        Written::Done(version)
    }

    async fn changed(&self) -> Result<(), Unavailable> {
        std::future::pending().await
    }

    fn prober(&self, id: InstanceId) -> Box<dyn Probing> {
        Box::new(Looking(self.clone(), id))
    }

    async fn restart(&self, on: InstanceRef) -> Outcome {
        let mut stage = self.stage();
        let pod = stage.fair.world.body(on.id).expect("an instance").pod_view();
        if pod.is_none_or(|pod| pod.uid != on.incarnation.pod) {
            return Outcome::Refused;
        }
        match stage.fair.apply(&Event::Crash(on.id)) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Refused,
        }
    }

    async fn holds(&self, action: &Action, _addresses: &Addresses) -> Result<(), Unmet> {
        let stage = self.stage();
        let world = &stage.fair.world;
        for need in action.preconditions() {
            match need {
                Precondition::Lives(at) => {
                    let lives = world.body(at.id).ok().and_then(Body::incarnation);
                    let incarnation = lives.ok_or(Unmet::NoAddress(at.id))?;
                    if incarnation != at.incarnation {
                        let here = InstanceRef { id: at.id, incarnation };
                        return Err(Unmet::AnotherLife { meant: at.into(), here: here.into() });
                    }
                }
                Precondition::IsMain(id) => {
                    if !world.body(id).is_ok_and(|body| body.instance.as_main().is_some()) {
                        return Err(Unmet::NotMain(id));
                    }
                }
                Precondition::IsReplica(id) => {
                    if !world.body(id).is_ok_and(|body| body.instance.as_replica().is_some()) {
                        return Err(Unmet::NotReplica(id));
                    }
                }
                Precondition::LeaseHeld
                | Precondition::RecordVersion(_)
                | Precondition::RecordTerm(_)
                | Precondition::NobodyForwards => {}
            }
        }
        Ok(())
    }

    async fn command(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: &(dyn Fn() -> bool + Send + Sync),
    ) -> Ended {
        let on = action.addressee().expect("a command").id;
        if let Err(unmet) = self.holds(action, addresses).await {
            return unmet.into();
        }
        if !ready() {
            return Unmet::NotReady.into();
        }
        let sent = {
            let mut out = Vec::new();
            let mut stage = self.stage();
            let known = stage.decided.iter().any(|step| step.action == *action);
            stage.sent.push((action.clone(), known));
            stage.fair.world.operate(on, statement(action), &mut out)
        };
        let Ok(session) = sent else { return Outcome::NotSent.into() };
        let until = Instant::now() + ANSWER;
        while Instant::now() < until {
            sleep(Duration::from_millis(1)).await;
            if let Some(answer) = self.stage().fair.world.answer_by_hand(session) {
                return outcome(&answer).into();
            }
        }
        Outcome::Unknown.into()
    }
}

fn statement(action: &Action) -> Statement<Payload> {
    let name = |id: InstanceId| ReplicaName(id.0.into());
    match action {
        Action::Promote { .. } => Statement::SetRoleMain,
        Action::Demote { .. } => Statement::SetRoleReplica { port: 10_000 },
        Action::Register { replica, mode, .. } => {
            let mode = match mode {
                SyncMode::StrictSync => memgraph::SyncMode::StrictSync,
                SyncMode::Sync => memgraph::SyncMode::Sync,
                SyncMode::Async => memgraph::SyncMode::Async,
            };
            let endpoint = Endpoint(replica.id.0.into());
            Statement::Register { name: name(replica.id), mode, endpoint }
        }
        Action::Drop { replica, .. } => Statement::Drop { name: name(*replica) },
        Action::Commit { .. } => Statement::Write(Payload::Mark),
        Action::WriteRecord { .. } | Action::SetRoute(_) | Action::SetAside { .. } => {
            panic!("{action} is no command")
        }
    }
}

fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Done(_) | Answer::Committed { .. } => Outcome::Done,
        Answer::Failed(ServerError::Register { error: RegisterError::Diverged, .. }) => {
            Outcome::Branched
        }
        Answer::Failed(ServerError::Register { error: RegisterError::NotAccepted, .. }) => {
            Outcome::Unreachable
        }
        Answer::Role(_)
        | Answer::Replicas(_)
        | Answer::Version(_)
        | Answer::Config(_)
        | Answer::StorageInfo { .. }
        | Answer::Read { .. }
        | Answer::Failed(_) => Outcome::Refused,
    }
}
