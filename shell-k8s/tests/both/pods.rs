//! The instance pods: what is told of them, and what is left alone.

use crate::{
    common::pods::{ZERO, body, until, view},
    home::{Home, on_both},
};
use gateway::clock::Clock;
use ha_core::{
    ids::PodUid,
    observation::{Container, PodView},
};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{Part, resource::PODS},
    cluster::{PodWatch, Pods},
};
use std::time::Duration;

fn watch(home: &Home) -> PodWatch {
    home.cluster("c").pods(Clock::system(), Duration::from_millis(50))
}

async fn create(home: &Home, name: &str) -> PodUid {
    let pod = home.create(&PODS, body(name, "mg", "memgraph")).await;
    pod["metadata"]["uid"].as_str().expect("a uid").parse().expect("a UUID")
}

async fn status(home: &Home, name: &str, address: Option<&str>, state: Value) {
    let patch = json!({"status": {
        "podIP": address,
        "podIPs": address.map(|ip| json!([{"ip": ip}])),
        "containerStatuses": [
            {"name": "sidecar", "ready": true, "restartCount": 0, "image": "", "imageID": "",
             "state": {"running": {}}},
            {"name": "memgraph", "ready": true, "restartCount": 0, "image": "", "imageID": "",
             "state": state},
        ],
    }});
    home.patch(&PODS, name, &patch, Part::Status).await;
}

on_both!(
    a_pod_is_followed_from_its_creation_to_its_end,
    pods_that_are_not_ours_are_left_alone,
    only_the_pod_that_is_meant_is_deleted,
);

async fn a_pod_is_followed_from_its_creation_to_its_end(home: &Home) {
    let watch = watch(home);
    assert_eq!(watch.latest(), Pods::default(), "nothing is known before anything was read");
    let none = until(&watch, "the first list", |pods| pods.confirmed.is_some()).await;
    assert_eq!(none.pods.len(), 3);
    assert!(none.pods.values().all(Option::is_none));

    let uid = create(home, "mg-0").await;
    let born = PodView { uid, address: None, deleting: false, container: Container::Waiting };
    until(&watch, "the pod", |pods| view(pods) == Some(born)).await;
    status(home, "mg-0", Some("10.0.0.7"), json!({"running": {}})).await;
    let address = Some([10, 0, 0, 7].into());
    let runs = PodView { address, container: Container::Running, ..born };
    until(&watch, "its container", |pods| view(pods) == Some(runs)).await;
    status(home, "mg-0", Some("10.0.0.7"), json!({"terminated": {"exitCode": 1}})).await;
    let ended = PodView { container: Container::Terminated, ..runs };
    until(&watch, "its end", |pods| view(pods) == Some(ended)).await;
    status(home, "mg-0", None, json!({"waiting": {"reason": "CrashLoopBackOff"}})).await;
    until(&watch, "its wait", |pods| view(pods) == Some(born)).await;
    home.mark(&PODS, "mg-0").await;
    let going = PodView { deleting: true, ..born };
    until(&watch, "its mark", |pods| view(pods) == Some(going)).await;
    home.delete(&PODS, "mg-0").await;
    until(&watch, "its removal", |pods| pods.pods.get(&ZERO) == Some(&None)).await;
    let next = create(home, "mg-0").await;
    assert_ne!(next, uid);
    until(&watch, "the next one", |pods| view(pods).is_some_and(|pod| pod.uid == next)).await;
}

async fn pods_that_are_not_ours_are_left_alone(home: &Home) {
    for (name, set, app) in [
        ("mg-0", "other", "memgraph"),
        ("mg-1", "mg", "something-else"),
        ("mg-02", "mg", "memgraph"),
        ("client", "mg", "memgraph"),
    ] {
        home.create(&PODS, body(name, set, app)).await;
    }
    let mut orphan = body("mg-2", "mg", "memgraph");
    orphan["metadata"]["ownerReferences"] = json!([]);
    home.create(&PODS, orphan).await;
    let watch = watch(home);
    let pods = until(&watch, "the first list", |pods| pods.confirmed.is_some()).await;
    assert_eq!(pods.pods.len(), 3);
    assert!(pods.pods.values().all(Option::is_none), "{pods:?}");
}

/// Whoever has its name by now is another one, with data that nobody judged.
async fn only_the_pod_that_is_meant_is_deleted(home: &Home) {
    let uid = create(home, "mg-0").await;
    let cluster = home.cluster("c");
    let refused = cluster.delete_pod(ZERO, PodUid(uid.0 ^ 1)).await.unwrap_err();
    assert!(refused.is_refusal(), "{refused}");
    let pod = home.get(&PODS, "mg-0").await.expect("it is there");
    assert!(pod["metadata"].get("deletionTimestamp").is_none(), "{pod}");
    cluster.delete_pod(ZERO, uid).await.expect("its own uid");
    let pod = home.get(&PODS, "mg-0").await;
    assert!(pod.is_none_or(|pod| pod["metadata"].get("deletionTimestamp").is_some()));
}
