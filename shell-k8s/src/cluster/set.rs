//! The StatefulSet of the instances, as far as it concerns a controller: how many pods it asks for.

use super::{ApiError, Cluster};
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Api;

/// What Kubernetes takes where no number is given.
const UNSAID: i32 = 1;

/// How many pods a StatefulSet asks for.
///
/// # Errors
/// It is no number of pods.
pub(crate) fn replicas(set: StatefulSet) -> Result<u32, String> {
    let replicas = set.spec.and_then(|spec| spec.replicas).unwrap_or(UNSAID);
    u32::try_from(replicas).map_err(|_| format!("spec.replicas is {replicas}, expected 0 or more"))
}

impl Cluster {
    /// How many pods the StatefulSet asks for; nothing if there is no such object.
    ///
    /// # Errors
    /// No answer, a refusal, or a number that is none of pods.
    pub async fn read_replicas(&self) -> Result<Option<u32>, ApiError> {
        let Some(set) = self.read(&self.sets(), self.names.set()).await? else { return Ok(None) };
        replicas(set).map(Some).map_err(|why| {
            ApiError::unreadable("read", &self.object::<StatefulSet>(self.names.set()), why)
        })
    }

    pub(super) fn sets(&self) -> Api<StatefulSet> {
        Api::namespaced(self.client.clone(), self.names.namespace())
    }
}
