//! A kubelet and a StatefulSet controller for instances as processes of this machine: what a cluster
//! without Kubernetes needs beside an API server. It keeps a pod for each ordinal, a process for each
//! pod, and a folder for each volume; it restarts what ends, and lets go what is marked for deletion.
//! It knows nothing of roles.

mod pod;
mod process;

pub use process::Program;

use crate::{
    cluster::{APP_LABEL, Cluster, Names},
    memgraph::Endpoints,
};
use ha_core::ids::InstanceId;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{StatefulSet, StatefulSetSpec},
        core::v1::{Pod, PodSpec, PodTemplateSpec},
        events::v1::Event,
    },
};
use kube::{
    Api, Client, Resource,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;

/// Asked before an instance is told to stop: ends when its pod may go.
pub type MayLeave = Arc<dyn Fn(String) -> futures::future::BoxFuture<'static, ()> + Send + Sync>;

/// What is run.
#[derive(Clone)]
pub struct Settings {
    /// How an instance is started.
    pub program: Program,
    /// Where volumes are folders.
    pub folder: PathBuf,
    /// The names of the cluster.
    pub names: Names,
    /// Its ports.
    pub endpoints: Endpoints,
    /// How long a process that ended stays down before it is started again.
    pub restart_after: Duration,
    /// How long a pod that is to go may stay.
    pub grace: Duration,
    /// How long a name has no pod.
    pub recreate_after: Duration,
    /// The preStop hook.
    pub may_leave: MayLeave,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("names", &self.names).finish_non_exhaustive()
    }
}

/// It could not be started.
#[derive(Debug, thiserror::Error)]
pub enum KubeletError {
    /// The API server.
    #[error("the StatefulSet cannot be written: {0}")]
    Api(#[from] kube::Error),
    /// The kernel or a volume.
    #[error(transparent)]
    Entry(#[from] crate::entrypoint::EntryError),
}

/// What is known of the processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Running {
    /// The process, while one runs.
    pid: Option<u32>,
    /// Whether a process that ends is left as it is.
    held_down: bool,
}

struct Shared {
    settings: Settings,
    client: Client,
    /// Where orders to set data aside stand.
    record: Cluster,
    kernel: String,
    set_uid: String,
    running: Mutex<BTreeMap<InstanceId, Running>>,
}

/// Runs until it is dropped; the processes end with it.
pub struct Kubelet {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl std::fmt::Debug for Kubelet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubelet").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl Kubelet {
    /// Makes the StatefulSet and starts a pod for each ordinal.
    ///
    /// # Errors
    /// What could not be had.
    pub async fn start(client: Client, settings: Settings) -> Result<Self, KubeletError> {
        let kernel = crate::entrypoint::kernel_boot()?;
        let sets: Api<StatefulSet> = Api::namespaced(client.clone(), settings.names.namespace());
        let made = sets.create(&PostParams::default(), &stateful_set(&settings)).await?;
        let set_uid = made.metadata.uid.unwrap_or_default();
        let record = Cluster::new(client.clone(), settings.names.clone());
        let running = Mutex::default();
        let shared = Arc::new(Shared { settings, client, record, kernel, set_uid, running });
        let mut tasks = JoinSet::new();
        for id in shared.settings.names.instances() {
            tasks.spawn(pod::keep(Arc::clone(&shared), id));
        }
        Ok(Self { shared, _tasks: tasks })
    }

    /// The process of an instance, while one runs.
    #[must_use]
    pub fn pid(&self, id: InstanceId) -> Option<u32> {
        self.shared.running().get(&id).and_then(|running| running.pid)
    }

    /// Sends a signal to the process of an instance; false if none runs.
    pub fn signal(&self, id: InstanceId, signal: rustix::process::Signal) -> bool {
        let pid = self.pid(id).and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        pid.is_some_and(|pid| rustix::process::kill_process(pid, signal).is_ok())
    }

    /// Whether a process that ends is left as it is, until this is taken back.
    pub fn hold_down(&self, id: InstanceId, held_down: bool) {
        self.shared.running().entry(id).or_default().held_down = held_down;
    }

    /// Where the fault switches of an instance are.
    #[must_use]
    pub fn admin_socket(&self, id: InstanceId) -> PathBuf {
        self.shared.admin_socket(id)
    }

    /// Has the StatefulSet ask for so many pods, as `kubectl scale` does. None is started or ended for it.
    ///
    /// # Errors
    /// The API server does not take it.
    pub async fn scale(&self, replicas: u32) -> Result<(), KubeletError> {
        let sets: Api<StatefulSet> = self.shared.objects();
        let patch = Patch::Merge(serde_json::json!({"spec": {"replicas": replicas}}));
        sets.patch(self.shared.settings.names.set(), &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// The events of the namespace.
    #[must_use]
    pub fn events(&self) -> Api<Event> {
        self.shared.objects()
    }

    /// The pods.
    #[must_use]
    pub fn pods(&self) -> Api<Pod> {
        self.shared.pods()
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pods(&self) -> Api<Pod> {
        self.objects()
    }

    fn objects<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), self.settings.names.namespace())
    }

    fn folder(&self, id: InstanceId) -> PathBuf {
        self.settings.folder.join(self.settings.names.pod(id))
    }

    fn admin_socket(&self, id: InstanceId) -> PathBuf {
        self.settings.folder.join(format!("{}.sock", id.0))
    }
}

fn labels(settings: &Settings) -> BTreeMap<String, String> {
    BTreeMap::from([(APP_LABEL.to_owned(), settings.names.app().to_owned())])
}

fn stateful_set(settings: &Settings) -> StatefulSet {
    let metadata = ObjectMeta {
        name: Some(settings.names.set().to_owned()),
        labels: Some(labels(settings)),
        ..ObjectMeta::default()
    };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(settings)), ..ObjectMeta::default() }),
        spec: Some(PodSpec { containers: vec![pod::container()], ..PodSpec::default() }),
    };
    let spec = StatefulSetSpec {
        replicas: Some(settings.names.count().into()),
        service_name: Some(settings.names.set().to_owned()),
        pod_management_policy: Some("Parallel".to_owned()),
        selector: k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector {
            match_labels: Some(labels(settings)),
            ..Default::default()
        },
        template,
        ..StatefulSetSpec::default()
    };
    StatefulSet { metadata, spec: Some(spec), status: None }
}
