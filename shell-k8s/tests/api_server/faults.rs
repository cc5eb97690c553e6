//! Faults: each befalls whom it is for, as long as it was said, and nobody else.

use crate::common::{NAMESPACE, config_map, refused, server, typed, within};
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{ListParams, PostParams, WatchEvent, WatchParams},
};
use shell_k8s::api_server::{ApiServer, Deletion, Key, Link, Refusal, Who, resource::CONFIG_MAPS};
use std::{pin::pin, time::Duration};

fn maps(server: &ApiServer, client: &str) -> Api<ConfigMap> {
    Api::namespaced(server.client_of(client).expect("a client"), NAMESPACE)
}

async fn create(maps: &Api<ConfigMap>, name: &str) -> kube::Result<ConfigMap> {
    let body = typed(config_map(name, &[]));
    within("a creation", maps.create(&PostParams::default(), &body)).await
}

fn is_there(server: &ApiServer, name: &str) -> bool {
    server.store().get(&Key::new(&CONFIG_MAPS, NAMESPACE, name)).is_ok()
}

fn is_broken<T: std::fmt::Debug>(result: kube::Result<T>) -> bool {
    match result {
        Err(kube::Error::Api(status)) => panic!("an answer: {status:?}"),
        Err(_) => true,
        Ok(answer) => panic!("an answer: {answer:?}"),
    }
}

#[tokio::test]
async fn calls_are_refused_for_one_client_and_so_many_times() {
    let server = server().await;
    let (one, other) = (maps(&server, "one"), maps(&server, "other"));
    let how = Refusal::TooManyRequests { retry_after_s: 7 };
    server.faults().refuse(Who::client("one"), 2, how);
    let Err(kube::Error::Api(status)) = create(&one, "a").await else { panic!("carried out") };
    assert_eq!((status.code, status.details.as_ref().unwrap().retry_after_seconds), (429, 7));
    create(&other, "b").await.unwrap();
    assert_eq!(refused(one.list(&ListParams::default()).await).0, 429);
    create(&one, "c").await.unwrap();
    assert!(!is_there(&server, "a"));
    for (how, code) in [(Refusal::InternalError, 500), (Refusal::ServiceUnavailable, 503)] {
        server.faults().refuse(Who::Everyone, 1, how);
        assert_eq!(refused(create(&other, "d").await).0, code);
    }
    create(&other, "d").await.unwrap();
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_was_carried_out() {
    let server = server().await;
    let one = maps(&server, "one");
    server.faults().lose_answers(Who::client("one"), 1);
    one.list(&ListParams::default()).await.expect("reads are not writes");
    assert!(is_broken(create(&one, "a").await));
    assert!(is_there(&server, "a"));
    create(&one, "b").await.unwrap();
}

#[tokio::test]
async fn a_late_write_lands_though_its_client_has_gone() {
    let server = server().await;
    let mut changes = server.store().changes_after(None);
    let one = maps(&server, "one");
    server.faults().delay_writes(Who::client("one"), 1, Duration::from_secs(2));
    let body = typed(config_map("late", &[]));
    let params = PostParams::default();
    let given_up = tokio::time::timeout(Duration::from_millis(20), one.create(&params, &body));
    assert!(given_up.await.is_err());
    create(&one, "early").await.unwrap();
    let mut landed = Vec::new();
    while landed.len() < 2 {
        let next = within("the late write", changes.next()).await.unwrap();
        landed.extend(next.into_iter().map(|change| change.key.name));
    }
    assert_eq!(landed, ["early", "late"]);
}

#[tokio::test]
async fn silence_swallows_requests_and_holds_watches_back() {
    let server = server().await;
    let (one, other) = (maps(&server, "one"), maps(&server, "other"));
    let mut events = pin!(one.watch(&WatchParams::default(), "0").await.unwrap());
    server.faults().link(Who::client("one"), Link::Silent);
    let soon = Duration::from_millis(50);
    let body = typed(config_map("lost", &[]));
    let params = PostParams::default();
    let mut lost = pin!(one.create(&params, &body));
    assert!(tokio::time::timeout(soon, &mut lost).await.is_err());
    create(&other, "a").await.unwrap();
    assert!(tokio::time::timeout(soon, events.try_next()).await.is_err());
    server.faults().link(Who::client("one"), Link::Up);
    assert!(is_broken(within("the lost request", lost).await));
    assert!(!is_there(&server, "lost"));
    let told = within("the watch", events.try_next()).await.unwrap();
    assert!(matches!(told, Some(WatchEvent::Added(_))), "{told:?}");
    create(&one, "b").await.unwrap();
}

#[tokio::test]
async fn a_client_that_is_cut_off_leaves_the_others_alone() {
    let server = server().await;
    let (one, other) = (maps(&server, "one"), maps(&server, "other"));
    let mut ended = pin!(one.watch(&WatchParams::default(), "0").await.unwrap());
    let mut events = pin!(other.watch(&WatchParams::default(), "0").await.unwrap());
    server.faults().link(Who::client("one"), Link::Down);
    assert!(is_broken(create(&one, "a").await));
    let end = within("the end", ended.try_next()).await;
    assert!(!matches!(end, Ok(Some(_))), "{end:?}");
    create(&other, "b").await.unwrap();
    assert!(within("the watch", events.try_next()).await.unwrap().is_some());
    assert!(!is_there(&server, "a"));
    server.faults().clear();
    create(&one, "a").await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_down_refuses_connections_until_it_is_back() {
    let server = server().await;
    let one = maps(&server, "one");
    create(&one, "a").await.unwrap();
    server.faults().link(Who::Everyone, Link::Down);
    within("the end of listening", async {
        while tokio::net::TcpStream::connect(server.address()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(is_broken(create(&one, "b").await));
    server.faults().link(Who::Everyone, Link::Up);
    within("the return", async {
        while one.list(&ListParams::default()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(is_there(&server, "a") && !is_there(&server, "b"), "objects outlive the outage");
    let address = server.address();
    drop(server);
    within("the end of the server", async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn stale_reads_are_of_one_moment_and_writes_are_of_now() {
    let server = server().await;
    let (one, other) = (maps(&server, "one"), maps(&server, "other"));
    let first = create(&one, "a").await.unwrap();
    create(&one, "b").await.unwrap();
    let names = async |maps: &Api<ConfigMap>| {
        let list = maps.list(&ListParams::default()).await.unwrap();
        let names = list.items.into_iter().filter_map(|map| map.metadata.name);
        (names.collect::<String>(), list.metadata.resource_version)
    };
    let version = first.metadata.resource_version.clone().unwrap();
    let then = version.parse().unwrap();
    server.faults().freeze_reads_at(Who::client("one"), then).unwrap();
    assert_eq!(names(&one).await, ("a".to_owned(), Some(version)));
    assert_eq!(refused(one.get("b").await).0, 404);
    assert_eq!(refused(create(&one, "b").await).0, 409, "writes see what is there");
    assert_eq!(names(&other).await.0, "ab");
    server.faults().freeze_reads(Who::client("one"));
    server.store().delete(&Key::new(&CONFIG_MAPS, NAMESPACE, "a"), &Deletion::now()).unwrap();
    assert_eq!(names(&one).await.0, "ab");
    server.faults().thaw_reads(Who::client("one"));
    assert_eq!(names(&one).await.0, "b");
    server.faults().forget_history();
    assert!(server.faults().freeze_reads_at(Who::client("one"), then).is_err());
}

#[tokio::test]
async fn a_delay_changes_nothing_but_the_wait() {
    let server = server().await;
    let one = maps(&server, "one");
    server.faults().delay(Who::Everyone, Duration::from_millis(5));
    create(&one, "a").await.unwrap();
    assert!(is_there(&server, "a"));
}
