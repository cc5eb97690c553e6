//! Watches: where they begin, and what they tell.

use crate::{
    common::{within, words},
    home::{Home, on_both},
};
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    api::{WatchEvent, WatchParams},
};
use serde_json::json;
use shell_k8s::api_server::{Part, resource::CONFIG_MAPS};
use std::pin::pin;

fn maps(home: &Home) -> Api<ConfigMap> {
    Api::namespaced(home.client(), home.namespace())
}

async fn create(home: &Home, name: &str, app: &str) -> u64 {
    let body = json!({"metadata": {"name": name, "labels": {"app": app}}});
    let object = home.create(&CONFIG_MAPS, body).await;
    object["metadata"]["resourceVersion"].as_str().expect("a version").parse().expect("a number")
}

async fn relabel(home: &Home, name: &str, app: &str) {
    let patch = json!({"metadata": {"labels": {"app": app}}});
    home.patch(&CONFIG_MAPS, name, &patch, Part::Main).await;
}

on_both!(
    a_watch_tells_the_start_and_then_every_change_of_what_it_selects,
    what_is_gone_carries_the_version_of_its_going,
);

async fn a_watch_tells_the_start_and_then_every_change_of_what_it_selects(home: &Home) {
    create(home, "a", "mg").await;
    create(home, "other", "x").await;
    let params = WatchParams::default().labels("app=mg").disable_bookmarks();
    let mut events = pin!(maps(home).watch(&params, "0").await.unwrap());
    assert_eq!(words(&mut events, 1).await, ["added a"]);
    create(home, "b", "mg").await;
    create(home, "unseen", "x").await;
    relabel(home, "other", "mg").await;
    home.patch(&CONFIG_MAPS, "a", &json!({"data": {"k": "v"}}), Part::Main).await;
    relabel(home, "b", "x").await;
    relabel(home, "b", "y").await;
    home.delete(&CONFIG_MAPS, "unseen").await;
    home.delete(&CONFIG_MAPS, "a").await;
    let told = ["added b", "added other", "modified a", "deleted b", "deleted a"];
    assert_eq!(words(&mut events, told.len()).await, told);
}

async fn what_is_gone_carries_the_version_of_its_going(home: &Home) {
    let born = create(home, "a", "mg").await;
    let maps = maps(home);
    let params = WatchParams::default().disable_bookmarks();
    let mut events = pin!(maps.watch(&params, &born.to_string()).await.unwrap());
    home.delete(&CONFIG_MAPS, "a").await;
    let event = within("a watch", events.try_next()).await.unwrap().unwrap();
    let WatchEvent::Deleted(map) = event else { panic!("{event:?}") };
    let gone: u64 = map.resource_version().unwrap().parse().unwrap();
    assert!(gone > born, "{born}, {gone}");
}
