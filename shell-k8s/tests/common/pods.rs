//! Pods of tests, and what a watch of them knows.

use super::within;
use ha_core::{ids::InstanceId, observation::PodView};
use serde_json::{Value, json};
use shell_k8s::cluster::{PodWatch, Pods};

pub(crate) const ZERO: InstanceId = InstanceId(0);

pub(crate) async fn until(watch: &PodWatch, what: &str, is_so: impl Fn(&Pods) -> bool) -> Pods {
    let mut receiver = watch.subscribe();
    within(what, receiver.wait_for(is_so)).await.expect("the watch goes on").clone()
}

/// A pod that a node has, so that a deletion marks it until that node lets it go.
pub(crate) fn body(name: &str, set: &str, app: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": app},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": set, "uid": "u",
                "controller": true,
            }],
        },
        "spec": {"nodeName": "node-0", "containers": [{"name": "memgraph", "image": "none"}]},
    })
}

pub(crate) fn view(pods: &Pods) -> Option<PodView> {
    pods.pods.get(&ZERO).copied().flatten()
}
