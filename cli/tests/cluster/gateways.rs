//! Services send clients to gateways that ask the leader, by a label of their pods.

use crate::{
    PATIENCE, on_both,
    site::{Server, Site},
    writers::Gateway,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use rustix::process::Signal;
use serde_json::json;
use shell_k8s::cluster::SERVICE_LABEL;
use std::time::Duration;
use tokio::time::{Instant, sleep};

on_both!(a_gateway_that_asks_no_more_is_sent_no_clients);

/// The pods of two gateways that have started well, as Kubernetes shows them.
struct Pods {
    api: Api<Pod>,
    names: [String; 2],
}

impl Pods {
    async fn start(site: &Site, (key, value): (&str, &str)) -> Self {
        let client = Client::try_from(site.server.config("test").await).expect("a client");
        let api = Api::namespaced(client, site.cluster.names().namespace());
        let names = [0, 1].map(|no| format!("{value}-{no}"));
        for name in &names {
            let pod = json!({
                "metadata": {"name": name, "labels": {key: value, SERVICE_LABEL: "true"}},
                "spec": {"containers": [{"name": "gateway", "image": "gateway"}]},
            });
            let pod = serde_json::from_value(pod).expect("a pod");
            api.create(&PostParams::default(), &pod).await.expect("a pod");
            let status = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
            let patch = Patch::Merge(&status);
            api.patch_status(name, &PatchParams::default(), &patch).await.expect("a status");
        }
        Self { api, names }
    }

    /// Waits until their labels are these.
    async fn until(&self, expected: [&str; 2]) {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut labels = Vec::new();
            for name in &self.names {
                let pod = self.api.get(name).await.expect("it is there");
                labels.push(pod.labels().get(SERVICE_LABEL).cloned().unwrap_or_default());
            }
            if labels == expected {
                return;
            }
            assert!(Instant::now() < until, "never {expected:?}: {labels:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Also by a leader that never heard of it, since it has begun to lead after that.
async fn a_gateway_that_asks_no_more_is_sent_no_clients(server: Server) {
    let (key, value) = ("role", format!("gateway-{}", std::process::id()));
    let selector = format!("--gateways={key}={value}");
    let flags = ["--lease-ms=1000", "--renew-ms=200", "--grant-ms=600", &selector];
    let mut site = Site::start(server, &flags).await;
    let leader = site.settled().await;
    let pods = Pods::start(&site, (key, &value)).await;
    let stands = Gateway::in_pod(&site, &pods.names[0]).await;
    let _asks = Gateway::in_pod(&site, &pods.names[1]).await;
    stands.process.signal(Signal::STOP);
    pods.until(["false", "true"]).await;
    stands.process.signal(Signal::CONT);
    pods.until(["true", "true"]).await;
    stands.process.signal(Signal::STOP);
    site.controllers[leader].process = None;
    pods.until(["false", "true"]).await;
    stands.process.signal(Signal::CONT);
    pods.until(["true", "true"]).await;
}
