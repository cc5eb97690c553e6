//! The real loop over the simulated world, on paused time: every effect of the trait is done to a
//! `World`, whose own controllers stand still, and whose oracle and invariants judge what comes of it.

use async_trait::async_trait;
use gateway::{
    clock::Clock,
    controllers::wire::{Ask, VERSION},
};
use ha_core::{
    action::{Action, Precondition},
    desired::{Desired, SwitchoverRequest},
    grant::{Clocks, Question},
    history::Outcome,
    ids::{ControllerId, InstanceId, InstanceRef, PodUid, RequestId, ResourceVersion},
    leadership::{LeaseSample, Millis},
    observation::{PodView, RecordContent, StoredRecord, SyncMode},
    reading::Why,
    record::{Record, Stage},
};
use shell_k8s::{
    cluster::{Names, Note, Show, Shown, Written},
    controller::{Controller, Effects, Heard, Lease, Members, Probing, Settings, Unavailable},
    memgraph::{Addresses, Endpoints, Look},
};
use shell_sim::{
    driver::{Fair, Pattern},
    memgraph::{self, Answer, Endpoint, RegisterError, ReplicaName, ServerError, Statement},
    world::{ControllerNo, Event, Kind, Payload, Place, Settings as WorldSettings},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long anything may take, in the world's time.
const LIMIT: Duration = Duration::from_secs(120);
/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(4);

struct Scene {
    fair: Fair,
    desired: Desired,
    version: u64,
    leases: Vec<Lease>,
    /// Whether nobody reaches the API server.
    api_down: bool,
    /// Those who answer each other.
    controllers: Vec<Controller>,
    /// Whoever writes this stage next hears nothing of it any more.
    dies_at: Option<Stage>,
}

/// A world with its API server, shared by controllers.
#[derive(Clone)]
struct Theatre {
    stage: Arc<Mutex<Scene>>,
    begun: Instant,
}

impl Theatre {
    fn new() -> Self {
        let settings = WorldSettings { gateways: 1, ..WorldSettings::default() };
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
            desired: Desired::default(),
            version: 0,
            leases: Vec::new(),
            api_down: false,
            controllers: Vec::new(),
            dies_at: None,
        };
        Self { stage: Arc::new(Mutex::new(stage)), begun: Instant::now() }
    }

    fn stage(&self) -> MutexGuard<'_, Scene> {
        self.stage.lock().expect("no test panics with it")
    }

    /// The world's time follows tokio's.
    async fn keep_time(self) {
        loop {
            sleep(Duration::from_millis(1)).await;
            let now = self.now();
            let mut stage = self.stage();
            let behind = now.saturating_sub(stage.fair.world.now);
            stage.fair.run_for(behind);
        }
    }

    fn now(&self) -> Millis {
        u64::try_from(self.begun.elapsed().as_millis()).expect("a short test")
    }

    fn clock(&self) -> Clock {
        let theatre = self.clone();
        Clock::given(move || Clocks { monotonic: theatre.now(), wall: 0 })
    }

    fn record(&self) -> Option<Record> {
        self.stage().fair.world.api.record().cloned()
    }

    fn event(&self, event: &Event) {
        self.stage().fair.apply(event).expect("it can happen now");
    }

    fn available(&self, what: &str) -> Result<(), Unavailable> {
        if self.stage().api_down { Err(Unavailable(format!("{what}: down"))) } else { Ok(()) }
    }

    /// Waits until the record says so.
    async fn until(&self, what: &str, says: impl Fn(&Record) -> bool) -> Record {
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
    fn assert_sound(&self) {
        let stage = self.stage();
        assert_eq!(stage.fair.violations, []);
    }
}

struct Looking(Theatre, InstanceId);

#[async_trait]
impl Probing for Looking {
    async fn look(&mut self, _pod: PodView) -> Result<Look, Why> {
        let is_silent = {
            let stage = self.0.stage();
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
        Ok(Look { view, volume })
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

    fn shown(&self) -> BTreeMap<InstanceId, Shown> {
        BTreeMap::new()
    }

    async fn show(&self, _: InstanceId, _: PodUid, _: &Show) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn publish(&self, _: &Note) -> Result<(), Unavailable> {
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
        let mut stage = self.stage();
        if stage.leases.last().map(|lease| lease.sample.version) != expected {
            return Written::Refused;
        }
        stage.version += 1;
        let version = ResourceVersion(stage.version);
        let named = members.keys().copied().collect();
        let sample = LeaseSample { version, holder, members: named };
        stage.leases.push(Lease { sample, pods: members.clone() });
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

    async fn write_record(&self, expected: Option<ResourceVersion>, record: &Record) -> Written {
        if self.available("the record").is_err() {
            return Written::Unknown("down".to_owned());
        }
        let (version, dies) = {
            let mut stage = self.stage();
            if stage.fair.world.api.records.last().map(|(version, _)| *version) != expected {
                return Written::Refused;
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

    async fn holds(&self, action: &Action, _addresses: &Addresses) -> bool {
        let stage = self.stage();
        let world = &stage.fair.world;
        action.preconditions().iter().all(|need| match need {
            Precondition::Lives(at) => {
                world.body(at.id).is_ok_and(|body| body.incarnation() == Some(at.incarnation))
            }
            Precondition::IsMain(id) => {
                world.body(*id).is_ok_and(|body| body.instance.as_main().is_some())
            }
            Precondition::IsReplica(id) => {
                world.body(*id).is_ok_and(|body| body.instance.as_replica().is_some())
            }
            Precondition::LeaseHeld
            | Precondition::RecordVersion(_)
            | Precondition::RecordTerm(_)
            | Precondition::NobodyForwards => true,
        })
    }

    async fn command(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: &(dyn Fn() -> bool + Send + Sync),
    ) -> Outcome {
        let on = action.addressee().expect("a command").id;
        if !self.holds(action, addresses).await || !ready() {
            return Outcome::NotSent;
        }
        let sent = {
            let mut out = Vec::new();
            self.stage().fair.world.operate(on, statement(action), &mut out)
        };
        let Ok(session) = sent else { return Outcome::NotSent };
        let until = Instant::now() + ANSWER;
        while Instant::now() < until {
            sleep(Duration::from_millis(1)).await;
            if let Some(answer) = self.stage().fair.world.answer_by_hand(session) {
                return outcome(&answer);
            }
        }
        Outcome::Unknown
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

fn controller(theatre: &Theatre, number: u8) -> Controller {
    let names = Names::new("test", "test", "memgraph-ha", 3).expect("names");
    let me = ControllerId(u128::from(number) + 1);
    let effects = Arc::new(theatre.clone());
    let endpoints = Endpoints::pods(names);
    Controller::new(
        Settings::default(),
        effects,
        (me, String::new()),
        number,
        theatre.clock(),
        endpoints,
    )
}

fn run(controller: &Controller) -> tokio::task::JoinHandle<bool> {
    let controller = controller.clone();
    tokio::spawn(async move { controller.run(std::future::pending()).await })
}

/// A world in which a controller has made a cluster.
async fn bootstrapped() -> (Theatre, Controller, tokio::task::JoinHandle<bool>) {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let controller = controller(&theatre, 0);
    let running = run(&controller);
    theatre.until("bootstrap", |record| record.stage == Stage::Steady).await;
    settled(&controller).await;
    (theatre, controller, running)
}

async fn settled(controller: &Controller) {
    let mut status = controller.status();
    let found = status.wait_for(|status| status.leads && status.plan.settled);
    let found = tokio::time::timeout(LIMIT, found).await;
    found
        .unwrap_or_else(|_| panic!("not settled: {}", controller.status().borrow().plan))
        .expect("it runs");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_comes_to_be() {
    let (theatre, _, _) = bootstrapped().await;
    let record = theatre.record().expect("a record");
    assert_eq!((record.target, record.term.0), (InstanceId(0), 1));
    assert_eq!(record.voters().collect::<Vec<_>>(), [InstanceId(1)]);
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn the_voter_takes_over_from_a_main_that_dies() {
    let (theatre, controller, _) = bootstrapped().await;
    theatre.event(&Event::Crash(InstanceId(0)));
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    theatre.until("failover", moved).await;
    settled(&controller).await;
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_main_that_says_nothing_is_lost_too() {
    let (theatre, controller, _) = bootstrapped().await;
    theatre.event(&Event::Freeze(Place::Instance(InstanceId(0))));
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    theatre.until("failover", moved).await;
    theatre.event(&Event::Thaw(Place::Instance(InstanceId(0))));
    settled(&controller).await;
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_order_moves_the_main_once() {
    let (theatre, controller, _) = bootstrapped().await;
    let order = SwitchoverRequest { id: RequestId(7), to: Some(InstanceId(1)) };
    theatre.stage().desired.switchover = Some(order);
    let moved = |record: &Record| record.target == InstanceId(1) && record.stage == Stage::Steady;
    let record = theatre.until("switchover", moved).await;
    assert_eq!(record.answered, Some(RequestId(7)));
    settled(&controller).await;
    let term = theatre.record().expect("a record").term;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(theatre.record().expect("a record").term, term);
    theatre.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn another_controller_goes_on_where_the_first_one_died() {
    for stage in [Stage::Intent, Stage::Withdrawn, Stage::Attached] {
        let (theatre, _, running) = bootstrapped().await;
        theatre.stage().dies_at = Some(stage);
        theatre.event(&Event::Crash(InstanceId(0)));
        theatre.until("a move", |record| record.term.0 == 2 && record.stage == stage).await;
        running.abort();
        let second = controller(&theatre, 1);
        let _running = run(&second);
        let steady = |record: &Record| record.term.0 >= 2 && record.stage == Stage::Steady;
        theatre.until("the second one finishes", steady).await;
        settled(&second).await;
        theatre.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_api_server_nothing_moves() {
    let (theatre, controller, _) = bootstrapped().await;
    let before = theatre.record();
    let at_first = controller.status().borrow().steps.len();
    theatre.stage().api_down = true;
    sleep(Duration::from_secs(10)).await;
    theatre.event(&Event::Crash(InstanceId(0)));
    sleep(Duration::from_secs(290)).await;
    assert_eq!(theatre.record(), before);
    {
        let stage = theatre.stage();
        let body = stage.fair.world.body(InstanceId(1)).expect("an instance");
        assert!(body.instance.as_replica().is_some(), "it was promoted without a record");
    }
    let steps: Vec<_> = controller.status().borrow().steps.iter().cloned().collect();
    let done = steps.iter().skip(at_first).filter(|step| step.outcome == Outcome::Done);
    for step in done {
        assert_eq!(step.action, "route writes to nobody", "{step:?}");
    }
    theatre.stage().api_down = false;
    settled(&controller).await;
    theatre.assert_sound();
}

/// Whether a gateway that asks is granted to forward to this instance.
async fn grants(controller: &Controller, number: u64, main: InstanceId) -> bool {
    let question = Question {
        gateway: 7.into(),
        number,
        holds: None,
        open_transactions: false,
        last_byte_ms: None,
    };
    let ask = Ask { version: VERSION, question, accepted: None, seen: None, wait_ms: 0 };
    let reply = controller.ask(ask).await;
    reply.is_ok_and(|reply| {
        reply.main().is_some_and(|at| at.id == main) && reply.answer.lasts_ms > 0
    })
}

#[tokio::test(start_paused = true)]
async fn two_controllers_let_writes_go_on_without_an_api_server() {
    let theatre = Theatre::new();
    tokio::spawn(theatre.clone().keep_time());
    let both = [controller(&theatre, 0), controller(&theatre, 1)];
    theatre.stage().controllers = both.to_vec();
    let leads = run(&both[0]);
    theatre.until("bootstrap", |record| record.stage == Stage::Steady).await;
    let _follows = run(&both[1]);
    settled(&both[0]).await;
    sleep(Duration::from_secs(15)).await;
    let before = theatre.record();

    theatre.stage().api_down = true;
    for number in 1..=300 {
        sleep(Duration::from_secs(1)).await;
        assert!(grants(&both[0], number, InstanceId(0)).await, "not after {number} s");
        assert!(!grants(&both[1], number, InstanceId(0)).await, "it does not lead");
    }
    assert!(both[0].grants_on_promises());
    assert_eq!(theatre.record(), before);
    theatre.stage().api_down = false;
    settled(&both[0]).await;
    assert!(!both[0].grants_on_promises());
    assert_eq!(theatre.record(), before, "nothing moved");

    // Without the other one there is no promise, and no grant outlives the lease for long.
    theatre.stage().api_down = true;
    theatre.stage().controllers.truncate(1);
    sleep(Duration::from_secs(11)).await;
    assert!(!grants(&both[0], 1_000, InstanceId(0)).await);
    theatre.stage().api_down = false;
    settled(&both[0]).await;
    theatre.assert_sound();
    leads.abort();
}
