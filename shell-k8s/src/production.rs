//! The effects of production: an API server by kube, instances by Bolt.

use crate::{
    cluster::{ApiError, Cluster, Note, PodWatch, Pods, Show, Shown, Written},
    controller::{Effects, Heard, Lease, Members, Probing, Unavailable},
    memgraph::{Access, Addresses, Commander, Ended, Endpoints, Look, Prober, Unmet},
    peers::Peers,
};
use async_trait::async_trait;
use gateway::clock::Clock;
use ha_core::{
    action::Action,
    desired::Desired,
    history::Outcome,
    ids::{ControllerId, InstanceId, InstanceRef, PodUid, ResourceVersion},
    leadership::Millis,
    observation::{PodView, StoredRecord},
    reading::Why,
    record::Record,
};
use kube::runtime::events::Recorder;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};
use tokio::sync::{Mutex, watch};

/// The time limits towards instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of a look.
    pub look: Duration,
    /// Of the checks before a command.
    pub checks: Duration,
    /// Of a command: what takes longer has no known end.
    pub command: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            checks: Duration::from_secs(1),
            command: Duration::from_secs(4),
        }
    }
}

/// Where changes of pods come from, and what somebody was woken for last.
#[derive(Debug)]
struct Changes {
    pods: watch::Receiver<Pods>,
    told: BTreeMap<InstanceId, Option<PodView>>,
}

/// The effects of production.
pub struct Production {
    cluster: Cluster,
    peers: Peers,
    lease_ms: Millis,
    desired: Desired,
    pods: PodWatch,
    changes: Mutex<Changes>,
    access: Access,
    endpoints: Endpoints,
    limits: Limits,
    commander: Commander,
    recorder: Recorder,
}

impl std::fmt::Debug for Production {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Production").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl Production {
    /// Begins to watch the pods; events name `reporter`. Within a tokio runtime.
    #[must_use]
    pub fn start(
        (cluster, peers): (Cluster, Peers),
        reporter: String,
        (desired, lease_ms): (Desired, Millis),
        (access, endpoints, limits): (Access, Endpoints, Limits),
        clock: Clock,
        period: Duration,
    ) -> Self {
        let pods = cluster.pods(clock, period);
        let changes = Mutex::new(Changes { pods: pods.subscribe(), told: BTreeMap::new() });
        let commander =
            Commander::new(access.clone(), endpoints.clone(), limits.checks, limits.command);
        let recorder = cluster.recorder(reporter);
        Self {
            cluster,
            peers,
            lease_ms,
            desired,
            pods,
            changes,
            access,
            endpoints,
            limits,
            commander,
            recorder,
        }
    }
}

impl From<ApiError> for Unavailable {
    fn from(error: ApiError) -> Self {
        Self(error.to_string())
    }
}

#[async_trait]
impl Effects for Production {
    async fn record(&self) -> Result<StoredRecord, Unavailable> {
        Ok(self.cluster.read_record().await?)
    }

    fn pods(&self) -> Option<(Millis, BTreeMap<InstanceId, Option<PodView>>)> {
        let latest = self.pods.latest();
        Some((latest.confirmed?, latest.pods))
    }

    fn unconfirmed(&self) -> Option<String> {
        self.pods.latest().lost
    }

    async fn replicas(&self) -> Result<Option<u32>, Unavailable> {
        Ok(self.cluster.read_replicas().await?)
    }

    fn shown(&self) -> BTreeMap<InstanceId, Shown> {
        self.pods.latest().shown
    }

    async fn show(&self, id: InstanceId, pod: PodUid, show: &Show) -> Result<(), Unavailable> {
        Ok(self.cluster.show(id, pod, show).await?)
    }

    async fn publish(&self, note: &Note) -> Result<(), Unavailable> {
        Ok(self.cluster.publish(&self.recorder, note).await?)
    }

    async fn desired(&self) -> Result<Desired, Unavailable> {
        let mut desired = self.desired.clone();
        self.cluster.orders().await?.apply(&mut desired);
        Ok(desired)
    }

    async fn lease(&self) -> Result<Option<Lease>, Unavailable> {
        Ok(self.cluster.read_lease().await?)
    }

    async fn write_lease(
        &self,
        expected: Option<ResourceVersion>,
        holder: Option<ControllerId>,
        members: &Members,
    ) -> Written {
        self.cluster.write_lease(expected, holder, members, self.lease_ms).await
    }

    async fn living_pods(&self) -> Result<BTreeSet<String>, Unavailable> {
        Ok(self.cluster.living_pods().await?)
    }

    async fn peers(&self) -> BTreeSet<SocketAddr> {
        self.peers.addresses().await
    }

    async fn ask_peer(&self, at: SocketAddr, by: ControllerId) -> Result<Heard, Unavailable> {
        self.peers.ask(at, by).await
    }

    async fn tell_peer(&self, at: SocketAddr) -> Result<(), Unavailable> {
        self.peers.tell_free(at).await
    }

    async fn write_record(&self, expected: Option<ResourceVersion>, record: &Record) -> Written {
        self.cluster.write_record(expected, record).await
    }

    async fn changed(&self) -> Result<(), Unavailable> {
        let mut changes = self.changes.lock().await;
        let Changes { pods, told } = &mut *changes;
        // Confirmations change nothing.
        let Ok(now) = pods.wait_for(|now| now.pods != *told).await.map(|now| now.pods.clone())
        else {
            return Err(Unavailable("the watch of the pods has ended".to_owned()));
        };
        *told = now;
        Ok(())
    }

    fn prober(&self, id: InstanceId) -> Box<dyn Probing> {
        let endpoints = self.endpoints.clone();
        let prober = Prober::new(self.access.clone(), endpoints.clone(), self.limits.look);
        Box::new(InstanceProber { id, endpoints, prober })
    }

    async fn restart(&self, on: InstanceRef) -> Outcome {
        let Err(error) = self.cluster.delete_pod(on.id, on.incarnation.pod).await else {
            return Outcome::Done;
        };
        tracing::warn!(instance = %on.id, %error, "its pod is not deleted");
        if error.is_refusal() { Outcome::Refused } else { Outcome::Unknown }
    }

    async fn holds(&self, action: &Action, addresses: &Addresses) -> Result<(), Unmet> {
        self.commander.holds(action, addresses).await
    }

    async fn command(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: &(dyn Fn() -> bool + Send + Sync),
    ) -> Ended {
        self.commander.send(action, addresses, ready).await
    }
}

struct InstanceProber {
    id: InstanceId,
    endpoints: Endpoints,
    prober: Prober,
}

#[async_trait]
impl Probing for InstanceProber {
    async fn look(&mut self, pod: PodView) -> Result<Look, Why> {
        let address = pod.address.ok_or(Why::NoAddress)?;
        self.prober.look(self.endpoints.bolt(self.id, address)).await
    }

    async fn closed(&mut self) {
        self.prober.closed().await;
    }
}
