//! What is written to pods and told in events, as the API server keeps it.

use crate::common::{NAMESPACE, cluster, server, within};
use gateway::clock::Clock;
use ha_core::{
    ids::{InstanceId, PodUid},
    marks::{Missing, Part as Plays},
};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{
        Key, Link, Part, Selector, Store, Who,
        resource::{GROUPED_EVENTS, PODS, STATEFUL_SETS},
    },
    cluster::{About, GATE, Note, PART_LABEL, Show, Weight},
};
use std::time::Duration;

fn pod(store: &Store) -> PodUid {
    let pod = store
        .create(
            &PODS,
            NAMESPACE,
            json!({
                "metadata": {
                    "name": "mg-1",
                    "labels": {"app.kubernetes.io/name": "memgraph"},
                    "ownerReferences": [{
                        "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "mg", "uid": "u",
                        "controller": true,
                    }],
                },
                "spec": {"containers": [{"name": "memgraph"}]},
            }),
        )
        .expect("a pod");
    let conditions = json!([{"type": "ContainersReady", "status": "True"}]);
    let patch = json!({"status": {"podIP": "10.0.0.2", "conditions": conditions}});
    store.patch(&key(), &patch, Part::Status).expect("a status");
    pod["metadata"]["uid"].as_str().expect("a uid").parse().expect("a UUID")
}

fn key() -> Key {
    Key::new(&PODS, NAMESPACE, "mg-1")
}

fn condition(store: &Store, kind: &str) -> Value {
    let pod = store.get(&key()).expect("a pod");
    let conditions = pod["status"]["conditions"].as_array().expect("conditions").clone();
    conditions.into_iter().find(|one| one["type"] == kind).unwrap_or_default()
}

const ONE: InstanceId = InstanceId(1);

#[tokio::test]
async fn a_mark_leaves_what_the_kubelet_wrote() {
    let server = server().await;
    let store = server.store();
    let uid = pod(&store);
    let cluster = cluster(&server, "c");
    let watch = cluster.pods(Clock::system(), Duration::from_millis(10));
    let show = Show { replicates: Some(Ok(())), part: Some(Plays::Replica) };
    cluster.show(ONE, uid, &show).await.unwrap();
    assert_eq!(condition(&store, GATE)["status"], "True");
    assert_eq!(condition(&store, "ContainersReady")["status"], "True");
    let pod = store.get(&key()).unwrap();
    assert_eq!(pod["metadata"]["labels"][PART_LABEL], "replica");
    assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/name"], "memgraph");
    let mut receiver = watch.subscribe();
    let shown = |pods: &shell_k8s::cluster::Pods| {
        pods.shown.get(&ONE).is_some_and(|shown| show.beyond(shown).is_none())
    };
    within("the watch", receiver.wait_for(shown)).await.expect("it goes on");
    let show = Show { replicates: Some(Err(Missing::Proof)), part: None };
    cluster.show(ONE, uid, &show).await.unwrap();
    let gate = condition(&store, GATE);
    assert_eq!((&gate["status"], &gate["reason"]), (&json!("False"), &json!("NotProven")));
    assert_eq!(condition(&store, "ContainersReady")["status"], "True");
}

/// A mark that comes late must not make the next pod of the name ready.
#[tokio::test]
async fn a_mark_never_lands_on_the_next_pod() {
    let server = server().await;
    let store = server.store();
    let uid = pod(&store);
    let cluster = cluster(&server, "c");
    let show = Show { replicates: Some(Ok(())), part: Some(Plays::Main) };
    let error = cluster.show(ONE, PodUid(uid.0 ^ 1), &show).await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(condition(&store, GATE), Value::Null);
    assert_eq!(store.get(&key()).unwrap()["metadata"]["labels"][PART_LABEL], Value::Null);
    server.faults().link(Who::Everyone, Link::Down);
    assert!(!cluster.show(ONE, uid, &show).await.unwrap_err().is_refusal());
}

fn events(store: &Store) -> Vec<Value> {
    let now = store.snapshot();
    let all = Selector::all();
    let listed = now.list(&GROUPED_EVENTS, Some(NAMESPACE), &all);
    listed.map(|(_, event)| Value::clone(event)).collect()
}

#[tokio::test]
async fn events_name_what_they_are_about_and_are_counted() {
    let server = server().await;
    let store = server.store();
    let uid = pod(&store);
    let set = json!({"metadata": {"name": "mg"}, "spec": {}});
    let set = store.create(&STATEFUL_SETS, NAMESPACE, set).expect("a set");
    let cluster = cluster(&server, "c");
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
    let events = events(&store);
    assert_eq!(events.len(), 3, "{events:#?}");
    let of = |action: &str| events.iter().find(|event| event["action"] == action).unwrap();
    assert_eq!(of("E10-2")["series"]["count"], 2);
    assert_eq!(of("E10-2")["regarding"]["uid"], set["metadata"]["uid"]);
    assert_eq!(of("A40")["regarding"]["kind"], "Pod");
    assert_eq!(of("A40")["regarding"]["uid"], store.get(&key()).unwrap()["metadata"]["uid"]);
    assert_eq!(of("A40")["type"], "Warning");
    assert!(of("A40")["note"].as_str().unwrap().len() <= 1_024);
}
