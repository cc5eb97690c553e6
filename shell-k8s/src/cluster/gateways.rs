//! The label by which Services choose pods of gateways. Kubernetes sends clients to a node that is gone
//! until it has given the node up, which takes it most of a minute; the leader hears within seconds
//! that a gateway asks no more, and takes the label away. Nothing else rests on it.

use super::{ApiError, Cluster, FIELD_MANAGER};
use crate::controller::Controller;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep};

/// The label, `true` from the start.
pub const SERVICE_LABEL: &str = "memgraph-ha.io/in-service";
/// How often it is looked who asks.
const LOOK: Duration = Duration::from_millis(500);
/// How old a list of the pods may be: who starts and who is ready changes by itself.
const LIST_AGE: Duration = Duration::from_secs(10);
/// How long a leader has led before it may say that somebody does not ask it, in milliseconds: whoever
/// lives has found it by then.
const LEADS_MS: u64 = 2_000;
/// How long the API server is left alone after it did not take something.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// Pods of gateways, at most.
const MOST: u32 = 200;

/// What a pod of a gateway shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GatewayPod {
    name: String,
    uid: String,
    /// Whether Kubernetes would send clients there.
    is_ready: bool,
    /// The label; `None` where there is none.
    in_service: Option<bool>,
}

/// Whose label is to change, and to what. A pod is taken out only if it was to be asking, and another
/// pod of this list does ask: if nobody is heard, it may well be this process that hears nothing.
/// Whoever asks is put back.
fn due<'a>(pods: &'a [GatewayPod], askers: &BTreeSet<String>) -> Vec<(&'a GatewayPod, bool)> {
    let asks = |pod: &GatewayPod| askers.contains(&pod.name);
    let is_heard = pods.iter().any(asks);
    let due = |pod: &'a GatewayPod| match (asks(pod), pod.in_service) {
        (true, Some(false) | None) => Some((pod, true)),
        (false, Some(true)) if is_heard && pod.is_ready => Some((pod, false)),
        (true, Some(true)) | (false, _) => None,
    };
    pods.iter().filter_map(due).collect()
}

impl Cluster {
    /// Keeps the label of each pod that `selector` selects in step with who asks `controller`, while
    /// that leads; for ever.
    pub async fn follow_gateways(&self, selector: &str, controller: Controller) {
        let mut last: Option<(Instant, BTreeSet<String>)> = None;
        let mut is_in_trouble = false;
        loop {
            sleep(LOOK).await;
            if controller.leads_for().is_none_or(|ms| ms < LEADS_MS) {
                last = None;
                continue;
            }
            let askers = controller.askers();
            let is_known = |(at, known): &(Instant, BTreeSet<String>)| {
                at.elapsed() < LIST_AGE && *known == askers
            };
            if last.as_ref().is_some_and(is_known) {
                continue;
            }
            match self.serve_askers(selector, &askers).await {
                Ok(()) => {
                    last = Some((Instant::now(), askers));
                    is_in_trouble = false;
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_in_trouble, true) {
                        tracing::warn!(%error, "which gateways are sent clients is not set");
                    }
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Sets the labels once.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn serve_askers(
        &self,
        selector: &str,
        askers: &BTreeSet<String>,
    ) -> Result<(), ApiError> {
        let pods = self.gateways(selector).await?;
        for (pod, in_service) in due(&pods, askers) {
            if in_service {
                tracing::info!(
                    pod = pod.name,
                    "this gateway asks: its Services send clients there"
                );
            } else {
                tracing::warn!(
                    pod = pod.name,
                    "this gateway asks no more, and others do: its Services send no clients there"
                );
            }
            self.serve(pod, in_service).await?;
        }
        Ok(())
    }

    async fn gateways(&self, selector: &str) -> Result<Vec<GatewayPod>, ApiError> {
        let params = ListParams::default().labels(selector).limit(MOST);
        let object = format!("Pods {}/{selector}", self.names.namespace());
        let listed = self.call("list", &object, self.pod_api().list(&params)).await?;
        Ok(listed.items.iter().filter_map(gateway_pod).collect())
    }

    async fn serve(&self, pod: &GatewayPod, in_service: bool) -> Result<(), ApiError> {
        let object = self.object::<Pod>(&pod.name);
        let labels = json!({ SERVICE_LABEL: in_service.to_string() });
        let patch = Patch::Merge(json!({"metadata": {"uid": pod.uid, "labels": labels}}));
        let params = PatchParams::apply(FIELD_MANAGER);
        match self.call("label", &object, self.pod_api().patch(&pod.name, &params, &patch)).await {
            // A pod that is gone is sent nobody.
            Err(error) if error.is_gone() => Ok(()),
            done => done.map(|_| ()),
        }
    }
}

/// A pod that is not about to go: that one Kubernetes has taken out by itself.
fn gateway_pod(pod: &Pod) -> Option<GatewayPod> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
    let is_ready = |one: &k8s_openapi::api::core::v1::PodCondition| {
        one.type_ == "Ready" && one.status == "True"
    };
    let labels = pod.metadata.labels.as_ref();
    let label = labels.and_then(|labels| labels.get(SERVICE_LABEL));
    Some(GatewayPod {
        name: pod.metadata.name.clone()?,
        uid: pod.metadata.uid.clone()?,
        is_ready: conditions.unwrap_or_default().iter().any(is_ready),
        in_service: label.map(|label| label == "true"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, is_ready: bool, in_service: Option<bool>) -> GatewayPod {
        GatewayPod { name: name.to_owned(), uid: format!("uid of {name}"), is_ready, in_service }
    }

    fn changes(pods: &[GatewayPod], askers: &[&str]) -> Vec<(String, bool)> {
        let askers = askers.iter().map(|name| (*name).to_owned()).collect();
        due(pods, &askers).into_iter().map(|(pod, to)| (pod.name.clone(), to)).collect()
    }

    fn to(name: &str, in_service: bool) -> Vec<(String, bool)> {
        vec![(name.to_owned(), in_service)]
    }

    #[test]
    fn who_asks_no_more_is_taken_out_while_others_ask() {
        let pods = [pod("a", true, Some(true)), pod("b", true, Some(true))];
        assert_eq!(changes(&pods, &["a", "b"]), []);
        assert_eq!(changes(&pods, &["a"]), to("b", false));
        // Another that asks is proof that this process hears; one of another cluster is none.
        assert_eq!(changes(&pods, &[]), []);
        assert_eq!(changes(&pods, &["of-another-cluster"]), []);
    }

    #[test]
    fn who_asks_again_is_put_back_and_what_is_known_is_not_written() {
        let pods = [pod("a", true, Some(true)), pod("b", true, Some(false))];
        assert_eq!(changes(&pods, &["a"]), []);
        assert_eq!(changes(&pods, &["a", "b"]), to("b", true));
        assert_eq!(changes(&pods, &["b"]), [to("a", false), to("b", true)].concat());
    }

    #[test]
    fn who_is_not_ready_or_was_never_in_service_is_let_be() {
        let pods = [
            pod("a", true, Some(true)),
            pod("starts", false, Some(true)),
            pod("of-an-earlier-version", true, None),
        ];
        assert_eq!(changes(&pods, &["a"]), []);
        let asks = changes(&pods, &["a", "of-an-earlier-version"]);
        assert_eq!(asks, to("of-an-earlier-version", true));
    }
}
