//! Everything that a controller reads and does, as one trait: production speaks to an API server and
//! to instances, a test to a simulated world. Nothing here decides, and nothing is retried within.

use crate::{
    cluster::{Note, Show, Shown, Written},
    memgraph::{Addresses, Ended, Look, Unmet},
};
use async_trait::async_trait;
use ha_core::{
    action::Action,
    desired::Desired,
    history::Outcome,
    ids::{ControllerId, InstanceId, InstanceRef, PodUid, ResourceVersion},
    leadership::{LeaseSample, Millis, Word},
    observation::{PodView, StoredRecord},
    reading::Why,
    record::Record,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

/// Controllers with the uids of their pods.
pub type Members = BTreeMap<ControllerId, String>;

/// The lease as read, and the pods of whom it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What counts.
    pub sample: LeaseSample,
    /// Where its members run, or ran.
    pub pods: Members,
}

/// What another controller said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who it is.
    pub from: ControllerId,
    /// The uid of its pod.
    pub pod: String,
    /// Its word.
    pub word: Word,
}

/// Why the API server could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Looks at one instance.
#[async_trait]
pub trait Probing: Send {
    /// One look, bounded in time.
    async fn look(&mut self, pod: PodView) -> Result<Look, Why>;

    /// Waits until the instance of the last look is gone, as far as its connection tells; for ever
    /// if there is no connection.
    async fn closed(&mut self);
}

/// What a controller reads and does.
#[async_trait]
pub trait Effects: Send + Sync + 'static {
    /// The record.
    async fn record(&self) -> Result<StoredRecord, Unavailable>;

    /// Each instance's pod, or that there is none, and since when this is certain on the clock of
    /// the controller; nothing while nobody has told.
    fn pods(&self) -> Option<(Millis, BTreeMap<InstanceId, Option<PodView>>)>;

    /// Why the last list of the pods did not confirm what [`Effects::pods`] says; nothing if it did.
    fn unconfirmed(&self) -> Option<String>;

    /// How many pods the StatefulSet asks for; nothing if there is no such object.
    async fn replicas(&self) -> Result<Option<u32>, Unavailable>;

    /// What the pods show of their instances, as last seen; nothing of a pod that is not known.
    fn shown(&self) -> BTreeMap<InstanceId, Shown>;

    /// Writes what a pod shows, if it is still that pod.
    async fn show(&self, id: InstanceId, pod: PodUid, show: &Show) -> Result<(), Unavailable>;

    /// Tells people of something.
    async fn publish(&self, note: &Note) -> Result<(), Unavailable>;

    /// What operators ask for.
    async fn desired(&self) -> Result<Desired, Unavailable>;

    /// The lease; `None` if there is no such object.
    async fn lease(&self) -> Result<Option<Lease>, Unavailable>;

    /// Writes the lease, if its version is still `expected`; without a holder it is released.
    async fn write_lease(
        &self,
        expected: Option<ResourceVersion>,
        holder: Option<ControllerId>,
        members: &Members,
    ) -> Written;

    /// Pods that have not ended, by their uids: where members of the lease may still run.
    async fn living_pods(&self) -> Result<BTreeSet<String>, Unavailable>;

    /// Where the other controllers are, and perhaps this one.
    async fn peers(&self) -> BTreeSet<SocketAddr>;

    /// Asks the controller at an address for a promise.
    async fn ask_peer(&self, at: SocketAddr, by: ControllerId) -> Result<Heard, Unavailable>;

    /// Tells the controller at an address that the lease was given up.
    async fn tell_peer(&self, at: SocketAddr) -> Result<(), Unavailable>;

    /// Writes the record, if its version is still `expected`.
    async fn write_record(&self, expected: Option<ResourceVersion>, record: &Record) -> Written;

    /// Waits until something of the API server's may have changed that is worth a look.
    ///
    /// # Errors
    /// Nobody will tell of changes any more: this process is of no use.
    async fn changed(&self) -> Result<(), Unavailable>;

    /// Somebody who looks at that instance.
    fn prober(&self, id: InstanceId) -> Box<dyn Probing>;

    /// Ends the pod of an instance, if it is still the one of that life.
    async fn restart(&self, on: InstanceRef) -> Outcome;

    /// Whether everything that an action which is no command needs of instances holds now.
    async fn holds(&self, action: &Action, addresses: &Addresses) -> Result<(), Unmet>;

    /// Sends a command to the life that it names, after everything it needs of instances was read
    /// again, and `ready` said yes last.
    async fn command(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: &(dyn Fn() -> bool + Send + Sync),
    ) -> Ended;
}
