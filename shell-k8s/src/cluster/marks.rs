//! What a pod shows of its instance: a condition that rolling updates wait for, and a label for
//! selectors and people. Whatever is written names the pod by its uid, so that it never lands on the
//! next pod of the same name.

use super::{ApiError, Cluster, FIELD_MANAGER, pods::uuid_text};
use ha_core::{
    ids::{InstanceId, PodUid},
    marks::{Missing, Part},
};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::api::{Patch, PatchParams};
use serde_json::json;

/// The condition that is true while an instance really replicates. As a readiness gate of the pods
/// it makes a rolling update wait for that.
pub const GATE: &str = "memgraph-ha.io/replicates";
/// The label that says which part an instance plays. The predecessor wrote nothing to pods (PI 3).
pub const PART_LABEL: &str = "memgraph-ha.io/role";

/// What a pod shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which pod.
    pub pod: PodUid,
    /// The condition: true, or the reason why not; `None` while it is not there.
    pub replicates: Option<Result<(), String>>,
    /// The label, as it is.
    pub part: Option<String>,
    /// Since when its node has it, as the kubelet wrote it (RFC 3339).
    pub started: Option<String>,
}

/// What a pod is to show; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Show {
    /// The condition: true, or what is missing.
    pub replicates: Option<Result<(), Missing>>,
    /// The label.
    pub part: Option<Part>,
}

impl Show {
    /// What of this `shown` does not show yet; `None` if it shows all of it.
    #[must_use]
    pub fn beyond(self, shown: &Shown) -> Option<Self> {
        let is_new = |wanted: &Result<(), Missing>| {
            let wanted = wanted.map_err(|missing| reason(missing).to_owned());
            shown.replicates != Some(wanted)
        };
        let replicates = self.replicates.filter(is_new);
        let part = self.part.filter(|part| shown.part != Some(part.to_string()));
        (replicates.is_some() || part.is_some()).then_some(Self { replicates, part })
    }
}

impl Shown {
    /// What this becomes when `show` is written.
    pub fn write(&mut self, show: &Show) {
        if let Some(replicates) = show.replicates {
            self.replicates = Some(replicates.map_err(|missing| reason(missing).to_owned()));
        }
        if let Some(part) = show.part {
            self.part = Some(part.to_string());
        }
    }

    pub(super) fn of(uid: PodUid, pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let gate = conditions.iter().find(|condition| condition.type_ == GATE);
        let labels = pod.metadata.labels.as_ref();
        Self {
            pod: uid,
            replicates: gate.map(|condition| {
                let why = || condition.reason.clone().unwrap_or_default();
                (condition.status == "True").then_some(()).ok_or_else(why)
            }),
            part: labels.and_then(|labels| labels.get(PART_LABEL)).cloned(),
            started: status.and_then(|it| it.start_time.as_ref()).map(|time| time.0.to_string()),
        }
    }
}

/// The reason of a condition, a word as Kubernetes wants it.
const fn reason(missing: Missing) -> &'static str {
    match missing {
        Missing::Pod => "NoPod",
        Missing::Process => "ProcessGone",
        Missing::Answer => "NoAnswer",
        Missing::Reign => "NotTheRecordedMain",
        Missing::Registration => "NotRegistered",
        Missing::Touch => "OutOfTouch",
        Missing::Proof => "NotProven",
    }
}

impl Cluster {
    /// Writes what a pod shows, if it is still that pod. Each part is sent once.
    ///
    /// # Errors
    /// A refusal, among them that another pod has the name by now; or no answer.
    pub async fn show(&self, id: InstanceId, pod: PodUid, show: &Show) -> Result<(), ApiError> {
        let name = self.names.pod(id);
        let object = self.object::<Pod>(&name);
        let (api, uid) = (self.pod_api(), uuid_text(pod));
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
        if let Some(replicates) = show.replicates {
            let (status, reason, message) = match replicates {
                Ok(()) => ("True", "Replicates", String::new()),
                Err(missing) => ("False", reason(missing), missing.to_string()),
            };
            let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let condition = json!({
                "type": GATE, "status": status, "reason": reason, "message": message,
                "lastTransitionTime": now,
            });
            // Strategic: the conditions of others stay.
            let patch = json!({
                "metadata": { "uid": uid.as_str() }, "status": { "conditions": [condition] },
            });
            let patch = Patch::Strategic(&patch);
            self.call("mark", &object, api.patch_status(&name, &params, &patch)).await?;
        }
        if let Some(part) = show.part {
            let labels = json!({ PART_LABEL: part.to_string() });
            let patch = json!({ "metadata": { "uid": uid.as_str(), "labels": labels } });
            self.call("label", &object, api.patch(&name, &params, &Patch::Merge(&patch))).await?;
        }
        Ok(())
    }
}
