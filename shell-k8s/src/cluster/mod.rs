//! What a controller reads and writes in Kubernetes: the record, the lease, the instance pods, and
//! what operators ask for. Each call goes out once and has a deadline; what its end means is said in
//! a value, and who calls decides.
//!
//! Writes are compare-and-set by resource version: a merge patch that names the version, hence keeps
//! what is not ours in the object, or a creation where nothing was. A patch is chosen over a
//! replacement because it needs no copy of the object that was read.

mod error;
mod gateways;
mod label;
mod lease;
mod marks;
mod names;
mod notes;
mod orders;
mod pods;
mod record;
mod set;
mod stored;
mod watching;

pub use error::ApiError;
pub use gateways::SERVICE_LABEL;
pub use label::LeaderLabel;
pub use marks::{GATE, PART_LABEL, Show, Shown};
pub(crate) use names::MADE_BY;
pub use names::{APP_LABEL, BadNames, Names, RELEASE_LABEL};
pub use notes::{About, Note, Weight};
pub use orders::Orders;
pub(crate) use pods::CONTAINER;
pub use pods::{PodWatch, Pods};
pub(crate) use set::replicas;
pub use stored::StoredTerms;

pub use kube::Config;

use ha_core::ids::ResourceVersion;
use k8s_openapi::{
    api::{coordination::v1::Lease, core::v1::ConfigMap},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

/// The deadline of a call: shorter than a lease, so that a leader has a second try.
const DEADLINE: Duration = Duration::from_secs(2);
/// Who wrote a field, as the API server keeps it.
const FIELD_MANAGER: &str = "memgraph-ha";

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It took effect and made this version.
    Done(ResourceVersion),
    /// It did not and will not take effect: another version is there than was expected.
    Overtaken,
    /// It did not and will not take effect; why the server, or this process, refused it.
    Refused(String),
    /// It may have taken effect, or may yet; why this is not known.
    Unknown(String),
}

/// One cluster in Kubernetes. Clones are cheap and share connections.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    names: Names,
    deadline: Duration,
    /// The lease as last read or written: its counters go on from there.
    lease: Arc<Mutex<Option<Lease>>>,
}

impl fmt::Debug for Cluster {
    /// Without the client, which holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Cluster {
    /// The cluster behind a configuration, with a client that carries each call out once: kube's
    /// own sends a write again after 429, 503 or 504, up to fifteen times.
    ///
    /// # Errors
    /// The client cannot be built.
    pub fn connect(mut config: Config, names: Names) -> kube::Result<Self> {
        config.default_retry = false;
        Ok(Self::new(Client::try_from(config)?, names))
    }

    /// The cluster behind a client, which must not send anything again by itself
    /// ([`Config::default_retry`] off), as that of [`Cluster::connect`].
    #[must_use]
    pub fn new(client: Client, names: Names) -> Self {
        Self { client, names, deadline: DEADLINE, lease: Arc::default() }
    }

    /// The same with another deadline of each call.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Its names.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), self.names.namespace())
    }

    fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), self.names.namespace())
    }

    /// A call with its deadline.
    async fn call<T>(
        &self,
        what: &'static str,
        object: &str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.deadline, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(ApiError::new(what, object, &error)),
            Err(_) => {
                let (object, deadline) = (object.to_owned(), self.deadline);
                Err(ApiError::Silent { what, object, deadline })
            }
        }
    }

    /// An object, or that there is none.
    async fn read<K>(&self, api: &Api<K>, name: &str) -> Result<Option<K>, ApiError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + fmt::Debug,
    {
        self.call("read", &self.object::<K>(name), api.get_opt(name)).await
    }

    /// Compare-and-set of one object: `object` is a merge patch with metadata, and enough to create
    /// it where none is expected.
    async fn write<K>(
        &self,
        api: &Api<K>,
        name: &str,
        expected: Option<ResourceVersion>,
        mut object: Value,
    ) -> Result<K, ApiError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + fmt::Debug,
    {
        let title = self.object::<K>(name);
        match expected {
            Some(version) => {
                object["metadata"]["resourceVersion"] = version.0.to_string().into();
                let params = PatchParams::apply(FIELD_MANAGER);
                let patch = Patch::Merge(&object);
                self.call("write", &title, api.patch(name, &params, &patch)).await
            }
            None => {
                object["metadata"]["name"] = name.into();
                let object = serde_json::from_value(object).map_err(|error| {
                    ApiError::unreadable("create", &title, format!("not written: {error}"))
                })?;
                let field_manager = Some(FIELD_MANAGER.to_owned());
                let params = PostParams { field_manager, ..PostParams::default() };
                self.call("create", &title, api.create(&params, &object)).await
            }
        }
    }

    fn object<K: Resource<DynamicType = ()>>(&self, name: &str) -> String {
        format!("{} {}/{name}", K::kind(&()), self.names.namespace())
    }
}

/// The version of an object, as a number that orders the versions of one object.
fn version(meta: &ObjectMeta) -> Result<ResourceVersion, String> {
    let text = meta.resource_version.as_deref().unwrap_or_default();
    let wrong = |_| format!("metadata.resourceVersion is {text:?}, expected a whole number");
    text.parse().map(ResourceVersion).map_err(wrong)
}

/// The end of a write as a value.
fn written(result: Result<&ObjectMeta, &ApiError>) -> Written {
    match result {
        Ok(meta) => version(meta).map_or_else(
            |why| Written::Unknown(format!("it was written, but {why}")),
            Written::Done,
        ),
        Err(error) if error.is_conflict() || error.is_gone() => Written::Overtaken,
        Err(error) if error.is_refusal() => Written::Refused(error.to_string()),
        Err(error) => Written::Unknown(error.to_string()),
    }
}
