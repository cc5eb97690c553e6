//! A law: whoever lists and then watches comes to what is stored, in whatever order writes, cut
//! watches and forgotten histories come.

use crate::common::{NAMESPACE, server_with, within};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
};
use proptest::prelude::*;
use serde_json::json;
use shell_k8s::api_server::{
    Deletion, Key, Limits, Part, Selector, Store, Who, resource::CONFIG_MAPS,
};
use std::collections::BTreeMap;

const LABELS: &str = "seen=yes";

#[derive(Debug, Clone)]
enum Step {
    Create(u8, bool),
    Label(u8, bool),
    Write(u8, u8),
    Delete(u8),
    Cut,
    Forget,
    /// The observer reads what there is so far.
    Observe,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0_u8..4;
    prop_oneof![
        3 => (name.clone(), any::<bool>()).prop_map(|(name, seen)| Step::Create(name, seen)),
        3 => (name.clone(), any::<bool>()).prop_map(|(name, seen)| Step::Label(name, seen)),
        3 => (name.clone(), 0_u8..3).prop_map(|(name, value)| Step::Write(name, value)),
        2 => name.prop_map(Step::Delete),
        1 => Just(Step::Cut),
        1 => Just(Step::Forget),
        2 => Just(Step::Observe),
    ]
}

fn labels(seen: bool) -> serde_json::Value {
    json!({"seen": if seen { "yes" } else { "no" }})
}

/// Names and versions of what an observer believes to be there.
type Known = BTreeMap<String, String>;

type Events = BoxStream<'static, kube::Result<WatchEvent<ConfigMap>>>;

struct Observer {
    maps: Api<ConfigMap>,
    known: Known,
    version: Option<String>,
    /// The watch that goes on between observations, so that it can be cut.
    events: Option<Events>,
}

impl Observer {
    async fn list(&mut self) {
        let list = self.maps.list(&ListParams::default().labels(LABELS)).await.expect("a list");
        let pair = |map: ConfigMap| (map.name_any(), map.resource_version().unwrap_or_default());
        self.known = list.items.into_iter().map(pair).collect();
        self.version = list.metadata.resource_version;
        self.events = None;
    }

    /// Lists if it must, watches from there, until the object `last` has this version.
    async fn catch_up(&mut self, last: &str, newest: &str) {
        while self.known.get(last).is_none_or(|version| version != newest) {
            let Some(version) = &self.version else {
                self.list().await;
                continue;
            };
            let Some(events) = &mut self.events else {
                let params = WatchParams::default().labels(LABELS);
                let watch = self.maps.watch(&params, version).await.expect("a watch");
                self.events = Some(watch.boxed());
                continue;
            };
            match events.try_next().await {
                Ok(Some(event)) => self.take(event),
                Ok(None) | Err(_) => self.events = None,
            }
        }
    }

    fn take(&mut self, event: WatchEvent<ConfigMap>) {
        let (map, is_there) = match event {
            WatchEvent::Added(map) | WatchEvent::Modified(map) => (map, true),
            WatchEvent::Deleted(map) => (map, false),
            WatchEvent::Bookmark(mark) => {
                self.version = Some(mark.metadata.resource_version);
                return;
            }
            WatchEvent::Error(status) => {
                assert_eq!(status.code, 410, "{status:?}");
                self.version = None;
                return;
            }
        };
        let (name, version) = (map.name_any(), map.resource_version().unwrap_or_default());
        self.version = Some(version.clone());
        if is_there {
            self.known.insert(name, version);
        } else {
            assert!(self.known.remove(&name).is_some(), "{name} was never told of");
        }
    }
}

/// Writes a mark that every observer sees; its version.
fn mark(store: &Store) -> String {
    let key = Key::new(&CONFIG_MAPS, NAMESPACE, "mark");
    let count = store.snapshot().version.to_string();
    let patch = json!({"data": {"count": count}});
    let object = store.patch(&key, &patch, Part::Main).expect("the mark");
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}

async fn run(steps: Vec<Step>) {
    let server = server_with(Limits { history: 8, ..Limits::default() }).await;
    let store = server.store();
    let body = json!({"metadata": {"name": "mark", "labels": labels(true)}});
    store.create(&CONFIG_MAPS, NAMESPACE, body).expect("the mark");
    let maps = Api::namespaced(server.client().expect("a client"), NAMESPACE);
    let mut observer = Observer { maps, known: Known::new(), version: None, events: None };
    let key = |name: u8| Key::new(&CONFIG_MAPS, NAMESPACE, &format!("m-{name}"));
    for step in steps.into_iter().chain([Step::Observe]) {
        // Writes of what is there already, or is not there, are refused; that is part of the law.
        let _ = match step {
            Step::Create(name, seen) => {
                let name = key(name).name;
                let body = json!({"metadata": {"name": name, "labels": labels(seen)}});
                store.create(&CONFIG_MAPS, NAMESPACE, body).map(|_| ())
            }
            Step::Label(name, seen) => {
                let patch = json!({"metadata": {"labels": labels(seen)}});
                store.patch(&key(name), &patch, Part::Main).map(|_| ())
            }
            Step::Write(name, value) => {
                let patch = json!({"data": {"k": value.to_string()}});
                store.patch(&key(name), &patch, Part::Main).map(|_| ())
            }
            Step::Delete(name) => store.delete(&key(name), &Deletion::now()).map(|_| ()),
            Step::Cut => {
                server.faults().cut_watches(Who::Everyone);
                Ok(())
            }
            Step::Forget => {
                server.faults().forget_history();
                Ok(())
            }
            Step::Observe => {
                let newest = mark(&store);
                within("the observer", observer.catch_up("mark", &newest)).await;
                Ok(())
            }
        };
    }
    let now = store.snapshot();
    let selector = Selector::read(LABELS, "").expect("a selector");
    let stored: Known = now
        .list(&CONFIG_MAPS, Some(NAMESPACE), &selector)
        .map(|(key, object)| {
            let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            (key.name.clone(), version.to_owned())
        })
        .collect();
    assert_eq!(observer.known, stored);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn lists_and_watches_come_to_what_is_stored(steps in prop::collection::vec(step(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
