//! One controller's place in the world: its way to everything, what befalls it, and what is held
//! against all of them.

use crate::{right::Judged, theatre::Theatre};
use async_trait::async_trait;
use ha_core::{
    action::Action,
    desired::Desired,
    grant::{Clocks, GrantHolder},
    history::Outcome,
    ids::{ControllerId, InstanceId, InstanceRef, PodUid, ResourceVersion, Term},
    leadership::Millis,
    observation::{PodView, StoredRecord},
    record::{Record, Stage},
};
use shell_k8s::{
    cluster::{Note, Show, Shown, Written},
    controller::{Controller, Effects, Heard, Lease, Members, Probing, Unavailable},
    memgraph::{Addresses, Ended, Unmet},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::sleep;

/// What befalls the place of a controller, by the world's time.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Plight {
    pub(crate) frozen_until: Millis,
    pub(crate) cut_until: Millis,
    pub(crate) mute_until: Millis,
    /// How far its wall clock is off.
    pub(crate) jumped: i64,
}

/// What is held against all of them.
#[derive(Default)]
pub(crate) struct Court {
    pub(crate) plights: [Plight; 2],
    /// How far the gateway's wall clock is off.
    pub(crate) gateway_jumped: i64,
    /// How often the holder of the lease changed, and who it is.
    pub(crate) changes: u64,
    pub(crate) holder: Option<ControllerId>,
    /// Under which change each controller took the lease last.
    pub(crate) since: BTreeMap<ControllerId, u64>,
    /// The latest change under which the record was written.
    pub(crate) recorded: u64,
    /// The intents that the record has had, whoever heard of it.
    pub(crate) intents: BTreeSet<Term>,
    /// Who gave the gateway its last grant.
    pub(crate) giver: Option<Controller>,
    pub(crate) judged: Judged,
    pub(crate) broken: Vec<String>,
}

/// One controller's way to the world.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) theatre: Theatre,
    pub(crate) court: Arc<Mutex<Court>>,
    pub(crate) gateway: Arc<Mutex<GrantHolder>>,
    pub(crate) no: usize,
    pub(crate) me: ControllerId,
}

impl Seat {
    fn court(&self) -> MutexGuard<'_, Court> {
        self.court.lock().expect("no test panics with it")
    }

    fn plight(&self) -> Plight {
        self.court().plights[self.no]
    }

    /// A process that stands still takes no step.
    async fn awake(&self) {
        while self.theatre.now() < self.plight().frozen_until {
            sleep(Duration::from_millis(7)).await;
        }
    }

    async fn reaches_api(&self) -> Result<(), Unavailable> {
        self.awake().await;
        if self.theatre.now() < self.plight().cut_until {
            return Err(Unavailable("cut off".to_owned()));
        }
        Ok(())
    }

    /// What was written has its answer only if that is not lost.
    fn heard(&self, written: Written) -> Written {
        if self.theatre.now() < self.plight().mute_until {
            return Written::Unknown("the answer is lost".to_owned());
        }
        written
    }

    fn note_lease(&self, holder: Option<ControllerId>) {
        let mut court = self.court();
        if court.holder != holder {
            court.holder = holder;
            court.changes += 1;
            let changes = court.changes;
            court.since.insert(self.me, changes);
        }
    }

    fn note_record(&self, before: Option<&Record>, record: &Record) {
        let mut court = self.court();
        let since = court.since.get(&self.me).copied().unwrap_or(0);
        if since < court.recorded {
            let why = format!("{} wrote {record:?} after a later leader", self.me);
            court.broken.push(why);
        }
        court.recorded = since;
        if record.stage == Stage::Intent {
            court.intents.insert(record.term);
        }
        let term = before.map_or(Term(0), |before| before.term);
        if record.term != term && (record.term.0 != term.0 + 1 || record.stage != Stage::Intent) {
            court.broken.push(format!("{before:?} became {record:?}"));
        }
    }
}

pub(crate) fn gateway_clock(theatre: &Theatre, court: &Mutex<Court>) -> Clocks {
    let monotonic = theatre.now();
    let jumped = court.lock().expect("no test panics with it").gateway_jumped;
    Clocks { monotonic, wall: monotonic.cast_signed() + jumped }
}

#[async_trait]
impl Effects for Seat {
    async fn record(&self) -> Result<StoredRecord, Unavailable> {
        self.reaches_api().await?;
        Effects::record(&self.theatre).await
    }

    fn pods(&self) -> Option<(Millis, BTreeMap<InstanceId, Option<PodView>>)> {
        let cut = self.theatre.now() < self.plight().cut_until;
        if cut { None } else { Effects::pods(&self.theatre) }
    }

    fn unconfirmed(&self) -> Option<String> {
        None
    }

    async fn replicas(&self) -> Result<Option<u32>, Unavailable> {
        self.reaches_api().await?;
        self.theatre.replicas().await
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
        self.reaches_api().await?;
        self.theatre.desired().await
    }

    async fn lease(&self) -> Result<Option<Lease>, Unavailable> {
        self.reaches_api().await?;
        self.theatre.lease().await
    }

    async fn write_lease(
        &self,
        expected: Option<ResourceVersion>,
        holder: Option<ControllerId>,
        members: &Members,
    ) -> Written {
        if self.reaches_api().await.is_err() {
            return Written::Unknown("cut off".to_owned());
        }
        let written = self.theatre.write_lease(expected, holder, members).await;
        if matches!(written, Written::Done(_)) {
            self.note_lease(holder);
        }
        self.heard(written)
    }

    async fn living_pods(&self) -> Result<BTreeSet<String>, Unavailable> {
        self.reaches_api().await?;
        Ok(["pod-0", "pod-1"].map(str::to_owned).into())
    }

    async fn peers(&self) -> BTreeSet<SocketAddr> {
        self.awake().await;
        self.theatre.peers().await
    }

    async fn ask_peer(&self, at: SocketAddr, by: ControllerId) -> Result<Heard, Unavailable> {
        let other = usize::from(at.port() - 1);
        let asked = Self { no: other, ..self.clone() };
        asked.awake().await;
        let heard = self.theatre.ask_peer(at, by).await?;
        self.awake().await;
        Ok(Heard { pod: format!("pod-{other}"), ..heard })
    }

    async fn tell_peer(&self, at: SocketAddr) -> Result<(), Unavailable> {
        let told = Self { no: usize::from(at.port() - 1), ..self.clone() };
        told.awake().await;
        self.theatre.tell_peer(at).await
    }

    async fn write_record(&self, expected: Option<ResourceVersion>, record: &Record) -> Written {
        if self.reaches_api().await.is_err() {
            return Written::Unknown("cut off".to_owned());
        }
        let before = self.theatre.record();
        let written = Effects::write_record(&self.theatre, expected, record).await;
        if matches!(written, Written::Done(_)) {
            self.note_record(before.as_ref(), record);
        }
        self.heard(written)
    }

    async fn changed(&self) -> Result<(), Unavailable> {
        std::future::pending().await
    }

    fn prober(&self, id: InstanceId) -> Box<dyn Probing> {
        self.theatre.prober(id)
    }

    async fn restart(&self, on: InstanceRef) -> Outcome {
        self.awake().await;
        self.theatre.restart(on).await
    }

    async fn holds(&self, action: &Action, addresses: &Addresses) -> Result<(), Unmet> {
        self.awake().await;
        self.theatre.holds(action, addresses).await
    }

    /// It stands still before its last check, never between that and the command: what a command
    /// that lands late may do is another matter (the simulated world has it).
    async fn command(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: &(dyn Fn() -> bool + Send + Sync),
    ) -> Ended {
        self.awake().await;
        let checked = || {
            let ready = ready();
            if let (true, Action::Promote { term, .. }) = (ready, action) {
                let gateway = self.gateway.lock().expect("no test panics with it");
                let live = gateway.live(gateway_clock(&self.theatre, &self.court));
                if let Some(grant) = live.filter(|grant| grant.term < *term) {
                    let why = format!("{action} while {grant:?} is alive");
                    self.court().broken.push(why);
                }
            }
            ready
        };
        self.theatre.command(action, addresses, &checked).await
    }
}
