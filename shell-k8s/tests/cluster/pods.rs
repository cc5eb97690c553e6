//! The instance pods: what is told of them, what is left alone, and what is said when nothing
//! confirms them.

use crate::common::{
    NAMESPACE, cluster,
    pods::{ZERO, body, until, view},
    server, within,
};
use gateway::clock::Clock;
use ha_core::ids::{InstanceId, PodUid};
use shell_k8s::{
    api_server::{ApiServer, Deletion, Key, Link, Part, Store, Who, resource::PODS},
    cluster::{PodWatch, Pods},
};
use std::time::Duration;

/// Short, so that tests need not wait; nothing rests on its length.
const PERIOD: Duration = Duration::from_millis(10);
/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3_600);

fn watch(server: &ApiServer, period: Duration) -> PodWatch {
    cluster(server, "c").pods(Clock::system(), period)
}

fn key(name: &str) -> Key {
    Key::new(&PODS, NAMESPACE, name)
}

/// Creates a pod; its uid.
fn create(store: &Store, name: &str) -> PodUid {
    let pod = store.create(&PODS, NAMESPACE, body(name, "mg", "memgraph")).expect("a pod");
    pod["metadata"]["uid"].as_str().expect("a uid").parse().expect("a UUID")
}

/// A real API server takes none of that kind.
#[tokio::test]
async fn what_is_no_address_is_none() {
    let server = server().await;
    let store = server.store();
    create(&store, "mg-0");
    let patch = serde_json::json!({"status": {"podIP": "not an address"}});
    store.patch(&key("mg-0"), &patch, Part::Status).unwrap();
    let watch = watch(&server, PERIOD);
    let seen = until(&watch, "the pod", |pods| view(pods).is_some()).await;
    assert_eq!(view(&seen).unwrap().address, None);
}

#[tokio::test]
async fn the_watch_alone_tells_of_changes() {
    let server = server().await;
    let store = server.store();
    let watch = watch(&server, NEVER);
    let first = until(&watch, "the first list", |pods| pods.confirmed.is_some()).await;
    let uid = create(&store, "mg-0");
    let seen = until(&watch, "the pod", |pods| view(pods).is_some()).await;
    assert_eq!(view(&seen).unwrap().uid, uid);
    assert_eq!(seen.confirmed, first.confirmed, "a change confirms nothing");
    server.faults().cut_watches(Who::Everyone);
    store.delete(&key("mg-0"), &Deletion::now()).unwrap();
    until(&watch, "the removal", |pods| pods.pods.get(&ZERO) == Some(&None)).await;
}

#[tokio::test]
async fn a_forgotten_history_hides_no_removal() {
    let server = server().await;
    let store = server.store();
    create(&store, "mg-0");
    let watch = watch(&server, PERIOD);
    until(&watch, "the pod", |pods| view(pods).is_some()).await;
    server.faults().cut_watches(Who::Everyone);
    store.delete(&key("mg-0"), &Deletion::now()).unwrap();
    server.faults().forget_history();
    until(&watch, "the removal", |pods| pods.pods.get(&ZERO) == Some(&None)).await;
    let next = create(&store, "mg-0");
    until(&watch, "the next one", |pods| view(pods).is_some_and(|pod| pod.uid == next)).await;
}

#[tokio::test]
async fn a_pod_beyond_the_size_is_followed_to_its_end() {
    let server = server().await;
    let store = server.store();
    let uid = create(&store, "mg-4");
    let watch = watch(&server, PERIOD);
    let four = InstanceId(4);
    let seen = until(&watch, "the first list", |pods| pods.confirmed.is_some()).await;
    assert_eq!(seen.pods.len(), 4, "{seen:?}");
    assert_eq!(seen.pods[&four].map(|pod| pod.uid), Some(uid));
    store.delete(&key("mg-4"), &Deletion::default()).unwrap();
    let marked = |pods: &Pods| pods.pods[&four].is_some_and(|pod| pod.deleting);
    until(&watch, "its mark", marked).await;
    server.faults().cut_watches(Who::Everyone);
    store.delete(&key("mg-4"), &Deletion::now()).unwrap();
    server.faults().forget_history();
    until(&watch, "its removal", |pods| pods.pods.get(&four) == Some(&None)).await;
}

#[tokio::test]
async fn an_outage_is_told_and_the_age_of_what_is_known_with_it() {
    let server = server().await;
    create(&server.store(), "mg-0");
    let watch = watch(&server, PERIOD);
    let listed = |pods: &Pods| view(pods).is_some() && pods.confirmed.is_some();
    let before = until(&watch, "the pod", listed).await;
    server.faults().link(Who::Everyone, Link::Down);
    let lost = until(&watch, "the loss", |pods| pods.lost.is_some()).await;
    assert_eq!(lost.pods, before.pods, "what was known stays known");
    let later = until(&watch, "the loss", |pods| pods.lost.is_some()).await;
    assert_eq!(later.confirmed, lost.confirmed);
    server.faults().link(Who::Everyone, Link::Up);
    until(&watch, "the return", |pods| pods.lost.is_none() && pods.confirmed > lost.confirmed)
        .await;
}

#[tokio::test]
async fn a_stale_list_neither_changes_nor_confirms_anything() {
    let server = server().await;
    let store = server.store();
    let watch = watch(&server, PERIOD);
    until(&watch, "the first list", |pods| pods.confirmed.is_some()).await;
    server.faults().freeze_reads(Who::Everyone);
    let uid = create(&store, "mg-0");
    let stale = until(&watch, "the stale list", |pods| pods.lost.is_some()).await;
    assert_eq!(view(&stale).unwrap().uid, uid, "the watch told of it, the list takes nothing back");
    assert!(stale.lost.as_ref().unwrap().contains("older than"), "{stale:?}");
    server.faults().thaw_reads(Who::Everyone);
    until(&watch, "the return", |pods| pods.lost.is_none() && pods.confirmed > stale.confirmed)
        .await;
}

#[tokio::test]
async fn a_list_that_was_under_way_takes_nothing_back_that_the_watch_told() {
    let server = server().await;
    let store = server.store();
    let watch = watch(&server, PERIOD);
    until(&watch, "the first list", |pods| pods.confirmed.is_some()).await;
    // What a delayed request reads is settled when it arrives. Once the first of them was answered,
    // another one is under way for most of the time.
    server.faults().freeze_reads(Who::Everyone);
    server.faults().delay(Who::Everyone, Duration::from_millis(200));
    let before = watch.latest().confirmed;
    for _ in 0..2 {
        let last = watch.latest().confirmed;
        until(&watch, "a delayed list", |pods| pods.confirmed > last).await;
    }
    tokio::time::sleep(PERIOD * 5).await;
    assert!(watch.latest().confirmed > before);
    let mut receiver = watch.subscribe();
    let uid = create(&store, "mg-0");
    let mut told = false;
    within("a list that began later", async {
        loop {
            receiver.changed().await.unwrap();
            let pods = receiver.borrow_and_update().clone();
            let seen = view(&pods).map(|pod| pod.uid);
            assert!(!told || seen == Some(uid), "{pods:?}");
            told = seen == Some(uid);
            if pods.lost.is_some() {
                return;
            }
        }
    })
    .await;
    assert!(told);
}

#[tokio::test]
async fn a_watch_that_is_dropped_asks_no_more() {
    let server = server().await;
    let watch = watch(&server, PERIOD);
    until(&watch, "the first list", |pods| pods.confirmed.is_some()).await;
    let mut receiver = watch.subscribe();
    drop(watch);
    within("the end", async { while receiver.changed().await.is_ok() {} }).await;
}
