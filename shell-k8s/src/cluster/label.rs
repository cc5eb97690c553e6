//! The label by which people and Services find the controller that leads. It follows the lease and
//! decides nothing: whoever needs the leader for certain asks every controller.

use super::{ApiError, Cluster, FIELD_MANAGER};
use crate::controller::Status;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// How long a label that could not be set is left alone.
const AGAIN: Duration = Duration::from_secs(1);
/// Pods that carry the label, at most.
const MOST: u32 = 50;

/// The label of the leader's pod: its key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderLabel {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Cluster {
    /// Keeps the label on the pod of this controller while it leads, and takes it from every other
    /// pod then; for ever. It is off until the first pass has ended.
    pub async fn follow_leader(
        &self,
        pod: &str,
        label: &LeaderLabel,
        mut status: watch::Receiver<Arc<Status>>,
    ) {
        let mut told = None;
        loop {
            let leads = status.borrow_and_update().leads;
            if told == Some(leads) {
                if status.changed().await.is_err() {
                    return;
                }
                continue;
            }
            match self.label(pod, label, leads).await {
                Ok(()) => told = Some(leads),
                Err(error) => {
                    tracing::warn!(%error, leads, "the label of the leader is not set");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Sets or takes away the label of one controller.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn label(&self, pod: &str, label: &LeaderLabel, leads: bool) -> Result<(), ApiError> {
        if leads {
            let selector = format!("{}={}", label.key, label.value);
            let params = ListParams::default().labels(&selector).limit(MOST);
            let object = format!("Pods {}/{selector}", self.names.namespace());
            for other in self.call("list", &object, self.pod_api().list(&params)).await?.items {
                let name = other.name_any();
                if name != pod {
                    self.set(&name, &label.key, Value::Null).await?;
                }
            }
        }
        let value = if leads { label.value.clone().into() } else { Value::Null };
        self.set(pod, &label.key, value).await
    }

    async fn set(&self, pod: &str, key: &str, value: Value) -> Result<(), ApiError> {
        let object = self.object::<Pod>(pod);
        let patch = Patch::Merge(json!({"metadata": {"labels": {key: value}}}));
        let params = PatchParams::apply(FIELD_MANAGER);
        match self.call("label", &object, self.pod_api().patch(pod, &params, &patch)).await {
            // A pod that is gone carries nothing.
            Err(error) if error.is_gone() => Ok(()),
            done => done.map(|_| ()),
        }
    }
}
