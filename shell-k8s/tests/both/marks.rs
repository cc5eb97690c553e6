//! What is written to pods and told in events, as the API server keeps it.

use crate::{
    common::{pods::body, within},
    home::{Home, on_both},
};
use gateway::clock::Clock;
use ha_core::{
    ids::{InstanceId, PodUid},
    marks::{Missing, Part as Plays},
};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{
        Part,
        resource::{GROUPED_EVENTS, PODS, STATEFUL_SETS},
    },
    cluster::{About, GATE, Note, PART_LABEL, Show, Weight},
};
use std::time::Duration;

const ONE: InstanceId = InstanceId(1);
const NAME: &str = "mg-1";

async fn pod(home: &Home) -> PodUid {
    let pod = home.create(&PODS, body(NAME, "mg", "memgraph")).await;
    let conditions = json!([{"type": "ContainersReady", "status": "True"}]);
    let ips = json!([{"ip": "10.0.0.2"}]);
    let patch = json!({"status": {"podIP": "10.0.0.2", "podIPs": ips, "conditions": conditions}});
    home.patch(&PODS, NAME, &patch, Part::Status).await;
    pod["metadata"]["uid"].as_str().expect("a uid").parse().expect("a UUID")
}

fn set() -> Value {
    json!({
        "metadata": {"name": "mg"},
        "spec": {
            "serviceName": "mg",
            "selector": {"matchLabels": {"app": "mg"}},
            "template": {
                "metadata": {"labels": {"app": "mg"}},
                "spec": {"containers": [{"name": "memgraph", "image": "none"}]},
            },
        },
    })
}

async fn condition(home: &Home, kind: &str) -> Value {
    let pod = home.get(&PODS, NAME).await.expect("a pod");
    let conditions = pod["status"]["conditions"].as_array().expect("conditions").clone();
    conditions.into_iter().find(|one| one["type"] == kind).unwrap_or_default()
}

on_both!(
    a_mark_leaves_what_the_kubelet_wrote,
    a_mark_never_lands_on_the_next_pod,
    events_name_what_they_are_about_and_are_counted,
);

async fn a_mark_leaves_what_the_kubelet_wrote(home: &Home) {
    let uid = pod(home).await;
    let cluster = home.cluster("c");
    let watch = cluster.pods(Clock::system(), Duration::from_millis(10));
    let show = Show { replicates: Some(Ok(())), part: Some(Plays::Replica) };
    cluster.show(ONE, uid, &show).await.unwrap();
    assert_eq!(condition(home, GATE).await["status"], "True");
    assert_eq!(condition(home, "ContainersReady").await["status"], "True");
    let pod = home.get(&PODS, NAME).await.unwrap();
    assert_eq!(pod["metadata"]["labels"][PART_LABEL], "replica");
    assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/name"], "memgraph");
    let mut receiver = watch.subscribe();
    let shown = |pods: &shell_k8s::cluster::Pods| {
        pods.shown.get(&ONE).is_some_and(|shown| show.beyond(shown).is_none())
    };
    within("the watch", receiver.wait_for(shown)).await.expect("it goes on");
    let show = Show { replicates: Some(Err(Missing::Proof)), part: None };
    cluster.show(ONE, uid, &show).await.unwrap();
    let gate = condition(home, GATE).await;
    assert_eq!((&gate["status"], &gate["reason"]), (&json!("False"), &json!("NotProven")));
    assert_eq!(condition(home, "ContainersReady").await["status"], "True");
}

/// A mark that comes late must not make the next pod of the name ready.
async fn a_mark_never_lands_on_the_next_pod(home: &Home) {
    let uid = pod(home).await;
    let cluster = home.cluster("c");
    let show = Show { replicates: Some(Ok(())), part: Some(Plays::Main) };
    let error = cluster.show(ONE, PodUid(uid.0 ^ 1), &show).await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(condition(home, GATE).await, Value::Null);
    assert_eq!(home.get(&PODS, NAME).await.unwrap()["metadata"]["labels"][PART_LABEL], Value::Null);
}

async fn events_name_what_they_are_about_and_are_counted(home: &Home) {
    let uid = pod(home).await;
    let set = home.create(&STATEFUL_SETS, set()).await;
    let cluster = home.cluster("c");
    let recorder = cluster.recorder("a1".to_owned());
    let note = |about, action: &str| Note {
        about,
        weight: Weight::Warning,
        reason: "Failover",
        action: action.to_owned(),
        text: "é".repeat(1_000),
    };
    for action in ["E10-2", "E10-2", "E10-3"] {
        cluster.publish(&recorder, &note(About::Set, action)).await.unwrap();
    }
    cluster.publish(&recorder, &note(About::Pod(ONE, uid), "A40")).await.unwrap();
    let events = home.list(&GROUPED_EVENTS).await;
    assert_eq!(events.len(), 3, "{events:#?}");
    let of = |action: &str| events.iter().find(|event| event["action"] == action).unwrap();
    assert_eq!(of("E10-2")["series"]["count"], 2);
    assert_eq!(of("E10-2")["regarding"]["uid"], set["metadata"]["uid"]);
    assert_eq!(of("A40")["regarding"]["kind"], "Pod");
    assert_eq!(
        of("A40")["regarding"]["uid"],
        home.get(&PODS, NAME).await.unwrap()["metadata"]["uid"]
    );
    assert_eq!(of("A40")["type"], "Warning");
    assert!(of("A40")["note"].as_str().unwrap().len() <= 1_024);
}
