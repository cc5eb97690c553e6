//! What a person does with a cluster, with the rights of that person: found by a kubeconfig as kubectl
//! takes it, asked through the API server's proxy, ordered by the objects that controllers read. So
//! orders work while no controller answers, and nobody needs a way into the pods' network.

use crate::cluster::{Cluster, MADE_BY, Names, RELEASE_LABEL, replicas};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api, Client, Config,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use std::{collections::BTreeSet, path::PathBuf, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// How long a question to the API server or to a controller may take.
const LIMIT: Duration = Duration::from_secs(5);
/// The port of a controller (PI 2).
const PORT: u16 = 8_080;
/// The application that the pods of controllers name. Their label `app` (N11) is the leader's alone.
const CONTROLLERS: &str = "app.kubernetes.io/name=memgraph-ha-controller";
/// Pods and records that are looked through.
const MOST: u32 = 200;

/// Where the cluster is, as kubectl is told; what is not said is taken from the kubeconfig.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The file; else `$KUBECONFIG`, `~/.kube/config`, or the pod that this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it.
    pub context: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The URL of an API server that takes plain HTTP, in place of all this.
    pub api_server: Option<String>,
    /// The release, if there are several in the namespace.
    pub release: Option<String>,
    /// The StatefulSet of the instances.
    pub set: String,
    /// Controllers that are asked directly, as `host:port`, in place of the pods.
    pub controllers: Vec<String>,
    /// The selector of controller pods; empty for those of the release.
    pub selector: String,
}

/// Why nothing can be said or done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// There is no way to an API server.
    #[error("no API server: {0}")]
    NoServer(String),
    /// It is not known which cluster is meant.
    #[error("{0}")]
    Which(String),
    /// A question was not answered.
    #[error("{asked}: {why}")]
    Unanswered {
        /// Who was asked for what.
        asked: String,
        /// What came of it.
        why: String,
    },
}

/// A controller that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// Through the API server, by the name of its pod.
    Pod(String),
    /// Directly.
    Host(String),
}

/// One cluster and its controllers, for a person.
pub struct Operator {
    client: Client,
    cluster: Cluster,
    controllers: Vec<Way>,
    /// Why controllers could not be looked for.
    unseen: Option<String>,
}

impl std::fmt::Debug for Operator {
    /// Without the client, which holds credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// What one controller answered.
#[derive(Debug)]
pub struct Answer {
    /// Its pod or address.
    pub from: String,
    /// The body, or why there is none.
    pub body: Result<String, OperatorError>,
}

impl Place {
    /// The way to the API server.
    ///
    /// # Errors
    /// There is none, or what describes it cannot be read.
    pub async fn config(&self) -> Result<Config, OperatorError> {
        let no = |why: &dyn std::fmt::Display| OperatorError::NoServer(why.to_string());
        if let Some(url) = &self.api_server {
            let uri = url.parse().map_err(|error| no(&format!("{url:?} is no URL: {error}")))?;
            return Ok(Config::new(uri));
        }
        let options = KubeConfigOptions { context: self.context.clone(), ..Default::default() };
        if let Some(path) = &self.kubeconfig {
            let at = |error: &dyn std::fmt::Display| no(&format!("{}: {error}", path.display()));
            let file = Kubeconfig::read_from(path).map_err(|error| at(&error))?;
            return Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(|error| at(&error));
        }
        if self.context.is_some() {
            return Config::from_kubeconfig(&options).await.map_err(|error| no(&error));
        }
        Config::infer().await.map_err(|error| no(&error))
    }
}

impl Operator {
    /// Finds the cluster.
    ///
    /// # Errors
    /// There is no API server, or it is not clear which cluster is meant.
    pub async fn find(place: &Place) -> Result<Self, OperatorError> {
        let mut config = place.config().await?;
        // What is sent goes out once: whoever gave an order sees what became of it.
        config.default_retry = false;
        let namespace = place.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client =
            Client::try_from(config).map_err(|error| OperatorError::NoServer(error.to_string()))?;
        let release = match &place.release {
            Some(release) => release.clone(),
            None => release(&client, &namespace).await?,
        };
        let instances = instances(&client, &namespace, &place.set).await?;
        let names = Names::new(&namespace, &release, &place.set, instances)
            .map_err(|error| OperatorError::Which(error.to_string()))?;
        let (controllers, unseen) = match controllers(&client, &names, place).await {
            Ok(found) => (found, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let cluster = Cluster::new(client.clone(), names);
        Ok(Self { client, cluster, controllers, unseen })
    }

    /// Its objects.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Why there is nobody to ask, if so.
    #[must_use]
    pub fn nobody(&self) -> Option<String> {
        if let Some(why) = &self.unseen {
            return Some(why.clone());
        }
        self.controllers.is_empty().then(|| "there is no pod of a controller".to_owned())
    }

    /// What each controller answers to a GET of that path.
    pub async fn ask(&self, path: &str) -> Vec<Answer> {
        self.ask_within(path, LIMIT).await
    }

    /// The same where an answer may take longer than usual.
    pub async fn ask_within(&self, path: &str, limit: Duration) -> Vec<Answer> {
        let asked = self.controllers.iter().map(async |way| {
            let (from, what) = match way {
                Way::Pod(pod) => (pod.clone(), self.through_server(pod, path, limit).await),
                Way::Host(host) => (host.clone(), directly(host, path, limit).await),
            };
            let asked = format!("{from}: GET {path}");
            Answer { from, body: what.map_err(|why| OperatorError::Unanswered { asked, why }) }
        });
        futures::future::join_all(asked).await
    }

    async fn through_server(
        &self,
        pod: &str,
        path: &str,
        limit: Duration,
    ) -> Result<String, String> {
        let namespace = self.cluster.names().namespace();
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{PORT}/proxy{path}");
        let request = Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
        let asked = timeout(limit, self.client.request_text(request)).await;
        asked.map_err(|_| late(limit))?.map_err(|error| error.to_string())
    }
}

fn late(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}

async fn directly(host: &str, path: &str, limit: Duration) -> Result<String, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let asked = async {
        let stream = TcpStream::connect(host).await.map_err(|error| text(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| text(&error))?;
        let running = tokio::spawn(connection);
        let request = Request::get(path)
            .header("host", host)
            .body(Full::<Bytes>::default())
            .map_err(|error| text(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| text(&error))?;
        let code = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| text(&error))?;
        running.abort();
        let body = String::from_utf8(body.to_bytes().into()).map_err(|error| text(&error))?;
        if code.is_success() { Ok(body) } else { Err(format!("{code}: {}", body.trim())) }
    };
    timeout(limit, asked).await.map_err(|_| late(limit))?
}

/// The release whose record is in the namespace.
async fn release(client: &Client, namespace: &str) -> Result<String, OperatorError> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let asked = || format!("list ConfigMaps of namespace {namespace}");
    let ours = format!("{}={}", MADE_BY.0, MADE_BY.1);
    let listed = timeout(LIMIT, maps.list(&ListParams::default().labels(&ours).limit(MOST))).await;
    let listed = listed
        .map_err(|_| OperatorError::Unanswered { asked: asked(), why: late(LIMIT) })?
        .map_err(|error| OperatorError::Unanswered { asked: asked(), why: error.to_string() })?;
    let label = |map: &ConfigMap| map.metadata.labels.as_ref()?.get(RELEASE_LABEL).cloned();
    let releases: BTreeSet<String> = listed.items.iter().filter_map(label).collect();
    let known: Vec<&str> = releases.iter().map(String::as_str).collect();
    match known.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(OperatorError::Which(format!(
            "there is no record of a cluster in namespace {namespace}; expected --namespace of one, \
             or --release of one that has none yet"
        ))),
        several => Err(OperatorError::Which(format!(
            "there are several clusters in namespace {namespace}; expected --release with one of {}",
            several.join(", ")
        ))),
    }
}

async fn instances(client: &Client, namespace: &str, set: &str) -> Result<u8, OperatorError> {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let asked = format!("read StatefulSet {namespace}/{set}");
    let fail = |why: String| OperatorError::Unanswered { asked: asked.clone(), why };
    let read = timeout(LIMIT, sets.get_opt(set)).await.map_err(|_| fail(late(LIMIT)))?;
    let read = read.map_err(|error| fail(error.to_string()))?;
    let Some(read) = read else {
        let why = format!("there is no StatefulSet {namespace}/{set}; expected --statefulset");
        return Err(OperatorError::Which(why));
    };
    let replicas = replicas(read).map_err(fail)?;
    u8::try_from(replicas).map_err(|_| fail(format!("it asks for {replicas} pods")))
}

/// All controllers of the release: also those that do not lead have something to say.
async fn controllers(
    client: &Client,
    names: &Names,
    place: &Place,
) -> Result<Vec<Way>, OperatorError> {
    if !place.controllers.is_empty() {
        return Ok(place.controllers.iter().cloned().map(Way::Host).collect());
    }
    let namespace = names.namespace();
    let selector = match place.selector.as_str() {
        "" => format!("{CONTROLLERS},{RELEASE_LABEL}={}", names.release()),
        given => given.to_owned(),
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let asked = format!("list pods {selector} of namespace {namespace}");
    let fail = |why: String| OperatorError::Unanswered { asked: asked.clone(), why };
    let list = ListParams::default().labels(&selector).limit(MOST);
    let listed = timeout(LIMIT, pods.list(&list)).await.map_err(|_| fail(late(LIMIT)))?;
    let listed = listed.map_err(|error| fail(error.to_string()))?;
    let names = listed.items.into_iter().filter_map(|pod| pod.metadata.name);
    Ok(names.map(Way::Pod).collect())
}
