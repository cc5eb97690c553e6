//! A controller over a stand-in for its world, and a client that speaks HTTP to it over real sockets.
//! The stand-in answers from one observation that commands change at once: enough to see what HTTP
//! says, and nothing to judge a decision by.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "each test file has its own copy")]

mod client;
mod served;

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub use client::{Answer, Events, question, raw};
#[allow(unused_imports, reason = "each test file uses a part of it")]
pub use served::{Served, metric, metric_becomes};

use async_trait::async_trait;
use gateway::clock::Clock;
use ha_core::{
    action::Action,
    desired::Desired,
    history::Outcome,
    ids::{ControllerId, InstanceId, InstanceRef, PodUid, ResourceVersion},
    leadership::{LeaseSample, Millis},
    observation::{
        BoltView, ClusterObservation, InstanceView, PodView, RecordContent, RoleView, Row,
        RowState, StoredRecord, VolumeView,
    },
    reading::{Age, Reading, Why},
    record::Record,
};
use shell_k8s::{
    cluster::{Note, Show, Shown, Written},
    controller::{Effects, Heard, Lease as Known, Members, Probing, Unavailable},
    memgraph::{Addresses, Ended, Look, Unmet},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// No wait of a test lasts longer; none of them is meant to last at all.
const PATIENCE: Duration = Duration::from_secs(30);

pub const ME: ControllerId = ControllerId(0xa);
pub const OTHER: ControllerId = ControllerId(0xb0b);

/// Somebody who leads already, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    Free,
    Others,
}

type Which = fn(&Action) -> bool;

struct World {
    seen: ClusterObservation,
    versions: u64,
    refuses: BTreeSet<InstanceId>,
    /// Who refuses the password of now, and takes the one before.
    by_former_password: BTreeSet<InstanceId>,
    lease: Lease,
    /// How often it was read.
    lease_reads: usize,
    /// Commands of this kind are answered so, and change nothing.
    fails: Option<(Which, Outcome)>,
    /// What was written to pods.
    shown: BTreeMap<InstanceId, Shown>,
    /// How often something was.
    shows: usize,
    /// What people were told.
    notes: Vec<Note>,
    /// Whether neither is taken.
    is_mute: bool,
    /// Whether nobody tells of changes any more.
    is_deaf: bool,
    /// How many pods the StatefulSet asks for, where there is one and it can be read.
    replicas: Result<Option<u32>, &'static str>,
    /// Why pods are not confirmed.
    unconfirmed: Option<String>,
    /// Why orders cannot be read.
    no_orders: Option<&'static str>,
    /// So many writes of the record find another version.
    conflicts: u32,
    /// Whether commands never end, and how many are such.
    hangs: bool,
    hung: u32,
}

/// A stand-in for API server and instances.
#[derive(Clone)]
pub struct StandIn(Arc<Mutex<World>>);

impl StandIn {
    /// As in an observation of the simulator's.
    pub fn from(file: &str, lease: Lease) -> Self {
        let path = format!("{}/../shell-sim/observations/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("an observation");
        let seen: ClusterObservation = serde_json::from_str(&text).expect("an observation");
        let shown = |(id, view): (&InstanceId, &InstanceView)| {
            let pod = view.pod.known().copied().flatten()?.uid;
            Some((*id, Shown { pod, replicates: None, part: None, started: None }))
        };
        let shown = seen.instances.iter().filter_map(shown).collect();
        Self(Arc::new(Mutex::new(World {
            seen,
            versions: 100,
            refuses: BTreeSet::new(),
            by_former_password: BTreeSet::new(),
            lease,
            lease_reads: 0,
            fails: None,
            shown,
            shows: 0,
            notes: Vec::new(),
            is_mute: false,
            is_deaf: false,
            replicas: Ok(Some(3)),
            unconfirmed: None,
            no_orders: None,
            conflicts: 0,
            hangs: false,
            hung: 0,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("nobody panics under it")
    }

    pub fn change(&self, change: impl FnOnce(&mut ClusterObservation)) {
        change(&mut self.world().seen);
    }

    /// Has so many instances take the password of before alone.
    pub fn keep_former_password(&self, ids: &[u8]) {
        self.world().by_former_password = ids.iter().copied().map(InstanceId).collect();
    }

    /// Changes what an instance answers from now on.
    pub fn change_answer(&self, id: u8, change: impl FnOnce(&mut BoltView)) {
        let mut world = self.world();
        let view = world.seen.instances.get_mut(&InstanceId(id)).expect("an instance");
        match &mut view.bolt {
            Reading::Known { value, .. } => change(value),
            Reading::Unknown { .. } => panic!("mg-{id} answers nothing"),
        }
    }

    /// From now on that instance does not answer, and this is why.
    pub fn spoil(&self, id: u8, why: Why) {
        let mut world = self.world();
        let view = world.seen.instances.get_mut(&InstanceId(id)).expect("an instance");
        view.bolt = Reading::Unknown { why, since: Age::Fresh };
    }

    /// From now on the address of that instance refuses.
    pub fn refuse(&self, id: u8) {
        self.world().refuses.insert(InstanceId(id));
    }

    /// What pods show, and how often something was written to one.
    pub fn shown(&self) -> (BTreeMap<InstanceId, Shown>, usize) {
        let world = self.world();
        (world.shown.clone(), world.shows)
    }

    /// Changes what a pod shows behind the controller's back.
    pub fn show(&self, id: u8, change: impl FnOnce(&mut Shown)) {
        change(self.world().shown.get_mut(&InstanceId(id)).expect("a pod"));
    }

    /// Waits until the lease was read so often.
    pub async fn lease_read(&self, times: usize) {
        let read = async {
            while self.world().lease_reads < times {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, read).await.expect("the lease is read");
    }

    pub fn notes(&self) -> Vec<Note> {
        self.world().notes.clone()
    }

    /// Whether neither marks nor events are taken.
    pub fn mute(&self, is_mute: bool) {
        self.world().is_mute = is_mute;
    }

    /// From now on nobody tells of changes.
    pub fn deafen(&self) {
        self.world().is_deaf = true;
    }

    /// What the StatefulSet asks for from now on.
    pub fn set(&self, replicas: Result<Option<u32>, &'static str>) {
        self.world().replicas = replicas;
    }

    /// Why pods are not confirmed from now on.
    pub fn unconfirm(&self, why: Option<&str>) {
        self.world().unconfirmed = why.map(ToOwned::to_owned);
    }

    /// Why orders cannot be read from now on.
    pub fn hide_orders(&self, why: Option<&'static str>) {
        self.world().no_orders = why;
    }

    /// So many writes of the record find another version from now on.
    pub fn conflict(&self, times: u32) {
        self.world().conflicts = times;
    }

    /// Whether commands are never answered.
    pub fn hang(&self, hangs: bool) {
        self.world().hangs = hangs;
    }

    /// Waits until a command is not answered.
    pub async fn hung(&self) {
        let hung = async {
            while self.world().hung == 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, hung).await.expect("a command");
    }

    pub fn fail(&self, which: Which, outcome: Outcome) {
        self.world().fails = Some((which, outcome));
    }
}

impl World {
    fn role(&mut self, id: InstanceId) -> &mut RoleView {
        match &mut self.seen.instances.get_mut(&id).expect("an instance").bolt {
            Reading::Known { value, .. } => &mut value.role,
            Reading::Unknown { .. } => panic!("{id} has no role"),
        }
    }

    fn command(&mut self, action: &Action) -> Outcome {
        if let Some((which, outcome)) = self.fails
            && which(action)
        {
            return outcome;
        }
        let row = |mode| Row {
            mode,
            state: RowState::Ready,
            behind: 0,
            since: Age::Fresh,
            still: Age::Fresh,
        };
        match action {
            Action::Promote { on: InstanceRef { id, .. }, .. } => {
                *self.role(*id) =
                    RoleView::Main { rows: BTreeMap::new(), strangers: BTreeSet::new() };
            }
            Action::Demote { on, .. } => *self.role(on.id) = RoleView::Replica,
            Action::Register { on, replica, mode, .. } => {
                if let RoleView::Main { rows, .. } = self.role(on.id) {
                    rows.insert(replica.id, row(*mode));
                }
            }
            Action::Drop { on, replica, .. } => {
                if let RoleView::Main { rows, .. } = self.role(on.id) {
                    rows.remove(replica);
                }
            }
            Action::SetAside { .. }
            | Action::Commit { .. }
            | Action::WriteRecord { .. }
            | Action::SetRoute(_) => {}
        }
        Outcome::Done
    }
}

struct Looking(StandIn, InstanceId);

#[async_trait]
impl Probing for Looking {
    async fn look(&mut self, _pod: PodView) -> Result<Look, Why> {
        let world = self.0.world();
        if world.refuses.contains(&self.1) {
            return Err(Why::Refused);
        }
        match &world.seen.instances[&self.1].bolt {
            Reading::Known { value, .. } => {
                let is_by_former_password = world.by_former_password.contains(&self.1);
                Ok(Look { view: value.clone(), volume: VolumeView::Used, is_by_former_password })
            }
            Reading::Unknown { why, .. } => Err(why.clone()),
        }
    }

    async fn closed(&mut self) {
        loop {
            sleep(Duration::from_millis(5)).await;
            if self.0.world().refuses.contains(&self.1) {
                return;
            }
        }
    }
}

#[async_trait]
impl Effects for StandIn {
    async fn record(&self) -> Result<StoredRecord, Unavailable> {
        let record = self.world().seen.record.known().cloned();
        record.ok_or_else(|| Unavailable("the stand-in has no record".to_owned()))
    }

    fn pods(&self) -> Option<(Millis, BTreeMap<InstanceId, Option<PodView>>)> {
        let world = self.world();
        let pod =
            |(id, view): (&InstanceId, &InstanceView)| (*id, view.pod.known().copied().flatten());
        Some((Clock::system().monotonic(), world.seen.instances.iter().map(pod).collect()))
    }

    fn unconfirmed(&self) -> Option<String> {
        self.world().unconfirmed.clone()
    }

    async fn replicas(&self) -> Result<Option<u32>, Unavailable> {
        self.world().replicas.map_err(|why| Unavailable(why.to_owned()))
    }

    fn shown(&self) -> BTreeMap<InstanceId, Shown> {
        self.world().shown.clone()
    }

    async fn show(&self, id: InstanceId, pod: PodUid, show: &Show) -> Result<(), Unavailable> {
        let mut world = self.world();
        if world.is_mute {
            return Err(Unavailable("mute".to_owned()));
        }
        let shown = world.shown.get_mut(&id).filter(|shown| shown.pod == pod);
        shown.ok_or_else(|| Unavailable("another pod".to_owned()))?.write(show);
        world.shows += 1;
        Ok(())
    }

    async fn publish(&self, note: &Note) -> Result<(), Unavailable> {
        let mut world = self.world();
        if world.is_mute {
            return Err(Unavailable("mute".to_owned()));
        }
        world.notes.push(note.clone());
        Ok(())
    }

    async fn desired(&self) -> Result<Desired, Unavailable> {
        let world = self.world();
        world
            .no_orders
            .map_or_else(|| Ok(world.seen.desired.clone()), |why| Err(Unavailable(why.to_owned())))
    }

    async fn lease(&self) -> Result<Option<Known>, Unavailable> {
        let mut world = self.world();
        world.lease_reads += 1;
        world.versions += 1;
        let version = ResourceVersion(world.versions);
        Ok(match world.lease {
            Lease::Free => None,
            Lease::Others => {
                let (holder, members) = (Some(OTHER), BTreeSet::from([OTHER]));
                let pods = Members::from([(OTHER, "other-pod".to_owned())]);
                Some(Known { sample: LeaseSample { version, holder, members }, pods })
            }
        })
    }

    async fn write_lease(
        &self,
        _expected: Option<ResourceVersion>,
        _holder: Option<ControllerId>,
        _members: &Members,
    ) -> Written {
        let mut world = self.world();
        world.versions += 1;
        Written::Done(ResourceVersion(world.versions))
    }

    async fn living_pods(&self) -> Result<BTreeSet<String>, Unavailable> {
        Ok(BTreeSet::new())
    }

    async fn peers(&self) -> BTreeSet<SocketAddr> {
        BTreeSet::new()
    }

    async fn ask_peer(&self, at: SocketAddr, _: ControllerId) -> Result<Heard, Unavailable> {
        Err(Unavailable(format!("nobody is at {at}")))
    }

    async fn tell_peer(&self, at: SocketAddr) -> Result<(), Unavailable> {
        Err(Unavailable(format!("nobody is at {at}")))
    }

    async fn write_record(&self, _expected: Option<ResourceVersion>, record: &Record) -> Written {
        let mut world = self.world();
        if let Some(left) = world.conflicts.checked_sub(1) {
            world.conflicts = left;
            return Written::Overtaken;
        }
        world.versions += 1;
        let version = ResourceVersion(world.versions);
        let content = RecordContent::Record(Box::new(record.clone()));
        world.seen.record = Reading::fresh(StoredRecord { version: Some(version), content });
        Written::Done(version)
    }

    async fn changed(&self) -> Result<(), Unavailable> {
        while !self.world().is_deaf {
            sleep(Duration::from_millis(5)).await;
        }
        Err(Unavailable("nobody tells".to_owned()))
    }

    fn prober(&self, id: InstanceId) -> Box<dyn Probing> {
        Box::new(Looking(self.clone(), id))
    }

    async fn restart(&self, _on: InstanceRef) -> Outcome {
        Outcome::Done
    }

    async fn holds(&self, _action: &Action, _addresses: &Addresses) -> Result<(), Unmet> {
        Ok(())
    }

    async fn command(
        &self,
        action: &Action,
        _addresses: &Addresses,
        ready: &(dyn Fn() -> bool + Send + Sync),
    ) -> Ended {
        sleep(Duration::from_millis(12)).await;
        while self.world().hangs {
            self.world().hung += 1;
            sleep(Duration::from_millis(5)).await;
        }
        if ready() { self.world().command(action).into() } else { Unmet::NotReady.into() }
    }
}
