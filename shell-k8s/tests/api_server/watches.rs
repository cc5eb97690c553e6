//! Watches: where they begin, what they tell, how they end.

use crate::common::{NAMESPACE, config_map, reason, refused, server, server_with, within, words};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    api::{WatchEvent, WatchParams},
    runtime::watcher::{self, Event, watcher},
};
use serde_json::json;
use shell_k8s::api_server::{
    ApiServer, Deletion, Key, Limits, Reason, Store, Who, resource::CONFIG_MAPS,
};
use std::{pin::pin, time::Duration};

fn maps(server: &ApiServer, client: &str) -> Api<ConfigMap> {
    Api::namespaced(server.client_of(client).expect("a client"), NAMESPACE)
}

fn key(name: &str) -> Key {
    Key::new(&CONFIG_MAPS, NAMESPACE, name)
}

fn create(store: &Store, name: &str, app: &str) -> u64 {
    let body = json!({"metadata": {"name": name, "labels": {"app": app}}});
    let object = store.create(&CONFIG_MAPS, NAMESPACE, body).expect("an object");
    object["metadata"]["resourceVersion"].as_str().expect("a version").parse().expect("a number")
}

#[tokio::test]
async fn a_watch_begins_after_the_version_it_names() {
    let server = server().await;
    let store = server.store();
    let first = create(&store, "a", "mg");
    create(&store, "b", "mg");
    let maps = maps(&server, "c");
    let params = WatchParams::default().fields("metadata.name=b");
    let mut events = pin!(maps.watch(&params, &first.to_string()).await.unwrap());
    assert_eq!(words(&mut events, 1).await, ["added b"]);
    let all = WatchParams::default();
    let mut events = pin!(maps.watch(&all, &(first + 1).to_string()).await.unwrap());
    create(&store, "c", "mg");
    assert_eq!(words(&mut events, 1).await, ["added c"]);
}

#[tokio::test]
async fn a_version_that_is_not_kept_is_told_and_the_watch_ends() {
    let server = server_with(Limits { history: 2, ..Limits::default() }).await;
    let store = server.store();
    let first = create(&store, "a", "mg");
    let mut behind = store.changes_after(None);
    for name in ["b", "c", "d"] {
        create(&store, name, "mg");
    }
    assert_eq!(reason(behind.ready()), Reason::Expired, "a subscriber that fell behind");
    let maps = maps(&server, "c");
    let watch = async |version: u64| {
        maps.watch(&WatchParams::default(), &version.to_string()).await.unwrap().boxed()
    };
    let mut events = watch(first).await;
    assert_eq!(words(&mut events, 1).await, ["error 410 Expired"]);
    assert!(within("the end", events.try_next()).await.unwrap().is_none());
    let mut events = watch(first + 1).await;
    assert_eq!(words(&mut events, 2).await, ["added c", "added d"]);
    server.faults().forget_history();
    let mut events = watch(first + 1).await;
    assert_eq!(words(&mut events, 1).await, ["error 410 Expired"]);
}

#[tokio::test]
async fn bookmarks_follow_versions_and_a_watch_with_a_time_ends() {
    let bookmark_every = Duration::from_millis(5);
    let server = server_with(Limits { bookmark_every, ..Limits::default() }).await;
    let store = server.store();
    let maps = maps(&server, "c");
    let params = WatchParams::default().labels("app=mg").timeout(1);
    let mut events = pin!(maps.watch(&params, "1").await.unwrap());
    let newest = create(&store, "unseen", "x");
    let mut last = 0;
    while let Some(event) = within("a watch", events.try_next()).await.unwrap() {
        let WatchEvent::Bookmark(mark) = event else { panic!("{event:?}") };
        let version: u64 = mark.metadata.resource_version.parse().unwrap();
        assert!(version >= last, "{version} after {last}");
        last = version;
    }
    assert_eq!(last, newest);
}

#[tokio::test]
async fn a_cut_ends_the_watches_of_one_client() {
    let server = server().await;
    let store = server.store();
    let params = WatchParams::default();
    let (cut, spared) = (maps(&server, "cut"), maps(&server, "spared"));
    let mut one = pin!(cut.watch(&params, "0").await.unwrap());
    let mut other = pin!(spared.watch(&params, "0").await.unwrap());
    server.faults().cut_watches(Who::client("cut"));
    let end = within("the end", one.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    let version = create(&store, "a", "mg");
    assert_eq!(words(&mut other, 1).await, ["added a"]);
    let mut again = pin!(cut.watch(&params, &(version - 1).to_string()).await.unwrap());
    assert_eq!(words(&mut again, 1).await, ["added a"]);
}

#[tokio::test]
async fn there_are_only_so_many_watches() {
    let server = server_with(Limits { watches: 1, ..Limits::default() }).await;
    let maps = maps(&server, "c");
    let first = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let second = maps.watch(&WatchParams::default(), "0").await.map(|_| ());
    assert_eq!(refused(second), (429, "TooManyRequests".to_owned()));
    drop(first);
    // The server notices that the first one left when it next looks at its connection.
    within("a free place", async {
        while maps.watch(&WatchParams::default(), "0").await.is_err() {
            create(&server.store(), "a", "mg");
            server.store().delete(&key("a"), &Deletion::now()).unwrap();
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_real_watcher_lists_again_after_its_version_was_forgotten() {
    let server = server().await;
    let store = server.store();
    create(&store, "a", "mg");
    let mut events = watcher(maps(&server, "c"), watcher::Config::default()).boxed();
    let mut names = std::collections::BTreeSet::new();
    let mut starts = 0;
    let mut is_broken = false;
    within("the watcher", async {
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => {
                    starts += 1;
                    names.clear();
                }
                Ok(Event::InitApply(map) | Event::Apply(map)) => {
                    names.insert(map.name_any());
                }
                Ok(Event::Delete(map)) => {
                    names.remove(&map.name_any());
                }
                Ok(Event::InitDone) if !is_broken => {
                    is_broken = true;
                    server.faults().cut_watches(Who::Everyone);
                    store.delete(&key("a"), &Deletion::now()).unwrap();
                    store.create(&CONFIG_MAPS, NAMESPACE, config_map("b", &[])).unwrap();
                    server.faults().forget_history();
                }
                Ok(Event::InitDone) => return,
                Err(_) => {}
            }
        }
    })
    .await;
    assert_eq!(starts, 2);
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["b"]);
}
