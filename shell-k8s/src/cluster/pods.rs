//! The instance pods as the API server last told them. A watch tells of changes at once; a list with
//! each period says how old that knowledge is, since a watch that is silent proves nothing. Both are
//! merged by resource version: whichever is older changes nothing.

use super::{
    ApiError, Cluster, Names, Shown, version,
    watching::{Pause, WATCH_S},
};
use futures::StreamExt;
use gateway::clock::Clock;
use ha_core::{
    ids::{InstanceId, PodUid, ResourceVersion},
    leadership::Millis,
    observation::{Container, PodView},
};
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Preconditions},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};

/// The container of Memgraph.
pub(crate) const CONTAINER: &str = "memgraph";
/// Pods that carry the label of the cluster, at most.
const MOST: u32 = 500;
/// Sentences that are said once are kept up to this number.
const SAID: usize = 64;

/// What is known of the instance pods.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pods {
    /// The pod of each instance, or that there is none; also pods of the set beyond the size of the
    /// cluster. An instance that is not in here is not known.
    pub pods: BTreeMap<InstanceId, Option<PodView>>,
    /// What each pod that exists shows of its instance to people and their tools.
    pub shown: BTreeMap<InstanceId, Shown>,
    /// When the last list that confirmed all this was asked for, on the clock given to
    /// [`Cluster::pods`]. Newer changes may be in here already.
    pub confirmed: Option<Millis>,
    /// Why the last list did not confirm it.
    pub lost: Option<String>,
}

/// A task that watches the instance pods until this is dropped.
#[derive(Debug)]
pub struct PodWatch {
    receiver: watch::Receiver<Pods>,
    task: JoinHandle<()>,
}

impl PodWatch {
    /// A receiver that is told of every change and of every confirmation.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Pods> {
        self.receiver.clone()
    }

    /// What is known now.
    #[must_use]
    pub fn latest(&self) -> Pods {
        self.receiver.borrow().clone()
    }
}

impl Drop for PodWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cluster {
    /// Watches the instance pods, and confirms what is known with each period. Within a tokio
    /// runtime.
    #[must_use]
    pub fn pods(&self, clock: Clock, period: Duration) -> PodWatch {
        let (sender, receiver) = watch::channel(Pods::default());
        let cluster = self.clone();
        let task = tokio::spawn(async move {
            let merged = Mutex::new(Merged::new(cluster.names.clone(), sender));
            tokio::join!(cluster.listen(&merged), cluster.confirm(&merged, &clock, period));
        });
        PodWatch { receiver, task }
    }

    /// Deletes the pod of an instance, if it is still that one. Sent once.
    ///
    /// # Errors
    /// A refusal, among them that another pod has the name by now; or no answer.
    pub async fn delete_pod(&self, id: InstanceId, uid: PodUid) -> Result<(), ApiError> {
        let name = self.names.pod(id);
        let object = self.object::<Pod>(&name);
        // The same number is written with dashes there.
        let uid = uuid_text(uid);
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
            ..DeleteParams::default()
        };
        self.call("delete", &object, self.pod_api().delete(&name, &params)).await.map(|_| ())
    }

    pub(super) fn pod_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), self.names.namespace())
    }

    /// Takes in what the watch tells, for ever.
    async fn listen(&self, merged: &Mutex<Merged>) {
        let config = watcher::Config::default().labels(&self.names.selector()).timeout(WATCH_S);
        let mut events = pin!(watcher(self.pod_api(), config).backoff(Pause::default()));
        let mut is_lost = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    if is_lost {
                        tracing::info!(cluster = %self.names, "the watch of pods goes on");
                    }
                    is_lost = false;
                    lock(merged).event(&event);
                }
                Err(error) => {
                    if !is_lost {
                        let cluster = &self.names;
                        tracing::warn!(%cluster, %error, "the watch of pods broke, trying again");
                    }
                    is_lost = true;
                }
            }
        }
    }

    /// Lists with each period, for ever.
    async fn confirm(&self, merged: &Mutex<Merged>, clock: &Clock, period: Duration) {
        let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (began, newest) = (clock.monotonic(), lock(merged).newest);
            let listed = self.list_pods().await;
            lock(merged).confirm(began, newest, listed);
        }
    }

    async fn list_pods(&self) -> Result<(ResourceVersion, Vec<Pod>), ApiError> {
        let object = format!("Pods {}/{}", self.names.namespace(), self.names.selector());
        let params = ListParams::default().labels(&self.names.selector()).limit(MOST);
        let list = self.call("list", &object, self.pod_api().list(&params)).await?;
        if list.metadata.continue_.as_ref().is_some_and(|token| !token.is_empty()) {
            let why = format!("more than {MOST} pods carry the label of the cluster");
            return Err(ApiError::unreadable("list", &object, why));
        }
        let text = list.metadata.resource_version.unwrap_or_default();
        let version = text.parse().map(ResourceVersion).map_err(|_| {
            let why = format!("resourceVersion is {text:?}, expected a whole number");
            ApiError::unreadable("list", &object, why)
        })?;
        Ok((version, list.items))
    }
}

/// A uid in the form that Kubernetes writes.
pub(super) fn uuid_text(uid: PodUid) -> String {
    let hex = format!("{:032x}", uid.0);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|range| hex.get(range).unwrap_or_default()).join("-")
}

fn lock(merged: &Mutex<Merged>) -> MutexGuard<'_, Merged> {
    merged.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a source says of one instance: its pod, none, or one that cannot be read.
type Said = Result<Option<(PodView, Shown)>, String>;

/// What watch and lists came to.
struct Merged {
    names: Names,
    seen: BTreeMap<InstanceId, (ResourceVersion, Said)>,
    /// The newest version that any source showed.
    newest: ResourceVersion,
    confirmed: Option<Millis>,
    lost: Option<String>,
    complaints: BTreeSet<String>,
    sender: watch::Sender<Pods>,
}

impl Merged {
    const fn new(names: Names, sender: watch::Sender<Pods>) -> Self {
        Self {
            names,
            seen: BTreeMap::new(),
            newest: ResourceVersion(0),
            confirmed: None,
            lost: None,
            complaints: BTreeSet::new(),
            sender,
        }
    }

    /// Says something once.
    fn complain(&mut self, what: String) {
        if self.complaints.len() >= SAID {
            self.complaints.clear();
        }
        if !self.complaints.contains(&what) {
            tracing::warn!(cluster = %self.names, "{what}");
            self.complaints.insert(what);
        }
    }

    fn event(&mut self, event: &Event<Pod>) {
        let (pod, is_there) = match event {
            Event::Apply(pod) | Event::InitApply(pod) => (pod, true),
            Event::Delete(pod) => (pod, false),
            // What is missing after a new start is told by the next list, with its version.
            Event::Init | Event::InitDone => return,
        };
        if let Some((id, version)) = self.ours(pod) {
            let said = if is_there { self.view(id, pod).map(Some) } else { Ok(None) };
            self.saw(id, version, said);
            self.publish();
        }
    }

    /// A list that was asked for at `began`, when `newest` had been shown already.
    fn confirm(
        &mut self,
        began: Millis,
        newest: ResourceVersion,
        listed: Result<(ResourceVersion, Vec<Pod>), ApiError>,
    ) {
        match listed {
            Ok((version, pods)) if version >= newest => {
                let mut found = BTreeMap::new();
                for pod in &pods {
                    if let Some((id, version)) = self.ours(pod) {
                        found.insert(id, (version, self.view(id, pod).map(Some)));
                    }
                }
                let known = self.seen.keys().chain(found.keys()).copied();
                let all: BTreeSet<_> = known.chain(self.names.instances()).collect();
                for id in all {
                    let (version, said) = found.remove(&id).unwrap_or((version, Ok(None)));
                    self.saw(id, version, said);
                }
                self.newest = self.newest.max(version);
                self.confirmed = Some(self.confirmed.map_or(began, |last| last.max(began)));
                self.lost = None;
            }
            Ok((version, _)) => {
                let why = format!(
                    "the API server lists version {}, older than {}, which it showed before",
                    version.0, newest.0
                );
                if self.lost.is_none() {
                    tracing::warn!(cluster = %self.names, why, "pods are not confirmed");
                }
                self.lost = Some(why);
            }
            Err(error) => {
                if self.lost.is_none() {
                    tracing::warn!(cluster = %self.names, %error, "pods are not confirmed");
                }
                self.lost = Some(error.to_string());
            }
        }
        self.publish();
    }

    /// The instance of a pod, if it is one, and the version of the pod.
    fn ours(&mut self, pod: &Pod) -> Option<(InstanceId, ResourceVersion)> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let id = self.names.instance(name)?;
        let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
        let is_owned = owners.iter().any(|owner| {
            owner.kind == "StatefulSet"
                && owner.api_version.starts_with("apps/")
                && owner.name == self.names.set()
                && owner.controller == Some(true)
        });
        if !is_owned {
            let set = self.names.set();
            self.complain(format!("pod {name} is not of StatefulSet {set}: it is left alone"));
            return None;
        }
        match version(&pod.metadata) {
            Ok(version) => Some((id, version)),
            Err(why) => {
                self.complain(format!("pod {name}: {why}"));
                None
            }
        }
    }

    fn saw(&mut self, id: InstanceId, version: ResourceVersion, said: Said) {
        if self.seen.get(&id).is_some_and(|(seen, _)| *seen >= version) {
            return;
        }
        self.newest = self.newest.max(version);
        self.seen.insert(id, (version, said));
    }

    fn view(&mut self, id: InstanceId, pod: &Pod) -> Result<(PodView, Shown), String> {
        let text = pod.metadata.uid.as_deref().unwrap_or_default();
        let uid = text.parse::<PodUid>().map_err(|_| {
            let why = format!("the uid of the pod of {id} is {text:?}, expected a UUID");
            self.complain(why.clone());
            why
        })?;
        let status = pod.status.as_ref();
        let text = status.and_then(|status| status.pod_ip.as_deref()).unwrap_or_default();
        let address = text.parse().ok();
        if address.is_none() && !text.is_empty() {
            self.complain(format!("the address of {id} is {text:?}, expected an IP address"));
        }
        let containers = status.and_then(|status| status.container_statuses.as_deref());
        let container = containers.unwrap_or_default().iter().find(|one| one.name == CONTAINER);
        let state = container.and_then(|container| container.state.as_ref());
        let view = PodView {
            uid,
            address,
            deleting: pod.metadata.deletion_timestamp.is_some(),
            container: state.map_or(Container::Waiting, container_of),
        };
        Ok((view, Shown::of(uid, pod)))
    }

    fn publish(&self) {
        let known = || {
            let said = |(id, (_, said)): (&InstanceId, &(_, Said))| Some((*id, said.clone().ok()?));
            self.seen.iter().filter_map(said)
        };
        let shown = known().filter_map(|(id, said)| Some((id, said?.1)));
        let next = Pods {
            pods: known().map(|(id, said)| (id, said.map(|(view, _)| view))).collect(),
            shown: shown.collect(),
            confirmed: self.confirmed,
            lost: self.lost.clone(),
        };
        self.sender.send_if_modified(|last| {
            let is_new = *last != next;
            *last = next;
            is_new
        });
    }
}

const fn container_of(state: &ContainerState) -> Container {
    if state.terminated.is_some() {
        Container::Terminated
    } else if state.running.is_some() {
        Container::Running
    } else {
        Container::Waiting
    }
}
