//! The lease of the controllers: the holder and its version are what decides; durations, times and
//! counters in it are for people. Never are times compared here (design/leadership.md).

use super::{ApiError, Cluster, RELEASE_LABEL, Written, version, written};
use crate::controller::{Lease as Known, Members};
use ha_core::{
    ids::{ControllerId, ResourceVersion},
    leadership::{LeaseSample, Millis},
};
use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::Pod,
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::api::ListParams;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::PoisonError};

/// Where the lease says who may take it over: controllers with their pods, as JSON.
const MEMBERS: &str = "memgraph-ha.io/members";

impl Cluster {
    /// Reads the lease; `None` if there is no such object.
    ///
    /// # Errors
    /// No answer, a refusal, or a holder that is no controller of ours.
    pub async fn read_lease(&self) -> Result<Option<Known>, ApiError> {
        let name = self.names.lease();
        let Some(lease) = self.read(&self.leases(), &name).await? else { return Ok(None) };
        let known = known(&lease)
            .map_err(|why| ApiError::unreadable("read", &self.object::<Lease>(&name), why))?;
        self.keep(lease);
        Ok(Some(known))
    }

    /// The pods of this release that have not ended, by their uids.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn living_pods(&self) -> Result<BTreeSet<String>, ApiError> {
        let labels = format!("{RELEASE_LABEL}={}", self.names.release());
        let params = ListParams::default().labels(&labels);
        let object = self.object::<Pod>(&labels);
        let pods = self.call("list", &object, self.pod_api().list(&params)).await?;
        let ended = |pod: &Pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            matches!(phase, Some("Succeeded" | "Failed"))
        };
        let living = pods.items.into_iter().filter(|pod| !ended(pod));
        Ok(living.filter_map(|pod| pod.metadata.uid).collect())
    }

    /// Writes the lease in place of the version expected, or where there was none: renews, takes
    /// over, or releases (`None`). Sent once.
    pub async fn write_lease(
        &self,
        expected: Option<ResourceVersion>,
        holder: Option<ControllerId>,
        members: &Members,
        lease_ms: Millis,
    ) -> Written {
        let name = self.names.lease();
        let before = match expected {
            None => None,
            Some(version) => match self.spec_of(version).await {
                Ok(Some(spec)) => Some(spec),
                Ok(None) => return Written::Overtaken,
                Err(error) => return Written::Unknown(format!("not sent: {error}")),
            },
        };
        let spec = match serde_json::to_value(next(before.as_ref(), holder, lease_ms)) {
            Ok(spec) => spec,
            Err(error) => {
                return Written::Refused(format!("it cannot be written as text: {error}"));
            }
        };
        let members: Value =
            members.iter().map(|(id, pod)| (id.to_string(), pod.as_str())).collect();
        let annotations: Value = json!({MEMBERS: members.to_string()});
        let metadata: Value = json!({"labels": self.names.labels(), "annotations": annotations});
        let object = json!({"metadata": metadata, "spec": spec});
        let result = self.write(&self.leases(), &name, expected, object).await;
        let written = written(result.as_ref().map(|lease| &lease.metadata));
        if let Ok(lease) = result {
            self.keep(lease);
        }
        written
    }

    fn keep(&self, lease: Lease) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
    }

    /// The lease in the version that is to be replaced; `None` if another one is there.
    async fn spec_of(&self, expected: ResourceVersion) -> Result<Option<LeaseSpec>, ApiError> {
        let is_expected = |lease: &Lease| version(&lease.metadata) == Ok(expected);
        let kept = self.lease.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lease = match kept.filter(is_expected) {
            Some(lease) => Some(lease),
            None => self.read(&self.leases(), &self.names.lease()).await?.filter(is_expected),
        };
        Ok(lease.map(|lease| lease.spec.unwrap_or_default()))
    }
}

fn known(lease: &Lease) -> Result<Known, String> {
    let version = version(&lease.metadata)?;
    let identity = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
    let holder = match identity.unwrap_or_default() {
        "" => None,
        text => Some(holder(text).ok_or_else(|| {
            format!(
                "spec.holderIdentity is {text:?}, expected a controller's identifier in \
                 hexadecimal: another program holds this lease"
            )
        })?),
    };
    let pods = members(lease)?;
    let sample = LeaseSample { version, holder, members: pods.keys().copied().collect() };
    Ok(Known { sample, pods })
}

/// Whom the lease names. One that names nobody is as an earlier program wrote it, whose holder
/// asked nobody.
fn members(lease: &Lease) -> Result<Members, String> {
    let annotations = lease.metadata.annotations.as_ref();
    let Some(text) = annotations.and_then(|all| all.get(MEMBERS)) else {
        return Ok(Members::new());
    };
    serde_json::from_str(text).map_err(|error| {
        format!(
            "annotation {MEMBERS} is {text:?}, expected a map of controllers to their pods: {error}"
        )
    })
}

/// A controller by its identifier, spelled as we spell it.
fn holder(text: &str) -> Option<ControllerId> {
    text.parse::<ControllerId>().ok().filter(|id| id.to_string() == text)
}

/// The lease after `before` for a holder.
fn next(before: Option<&LeaseSpec>, holder: Option<ControllerId>, lease_ms: Millis) -> LeaseSpec {
    let now = MicroTime(Timestamp::now());
    let identity = holder.map(|holder| holder.to_string()).unwrap_or_default();
    let was = before.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
    let is_same = before.is_some() && was == identity;
    let transitions = before.map_or(0, |spec| {
        let count = spec.lease_transitions.unwrap_or(0);
        if is_same || holder.is_none() { count } else { count.saturating_add(1) }
    });
    let acquired = before.filter(|_| is_same).and_then(|spec| spec.acquire_time.clone());
    LeaseSpec {
        holder_identity: Some(identity),
        // The API refuses less than a second.
        lease_duration_seconds: Some(
            i32::try_from(lease_ms.div_ceil(1_000)).map_or(i32::MAX, |seconds| seconds.max(1)),
        ),
        acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
        renew_time: Some(now),
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    }
}
