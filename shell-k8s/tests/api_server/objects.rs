//! Objects, versions, preconditions, deletions, lists.

use crate::common::{NAMESPACE, config_map, reason, refused, server, server_with, typed, within};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    coordination::v1::Lease,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::json;
use shell_k8s::api_server::{
    Deletion, Key, Limits, Part, Reason,
    resource::{CONFIG_MAPS, PODS, STATEFUL_SETS},
};

fn post() -> PostParams {
    PostParams::default()
}

fn merge() -> PatchParams {
    PatchParams::default()
}

#[tokio::test]
async fn a_new_object_gets_what_only_the_server_gives() {
    let server = server().await;
    let pods: Api<Pod> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    let body = json!({
        "metadata": {"name": "mg-0", "labels": {"app": "memgraph"}, "uid": "mine"},
        "spec": {"containers": []},
        "status": {"phase": "Running"},
    });
    let first = pods.create(&post(), &typed(body.clone())).await.unwrap();
    let uid = first.uid().unwrap();
    assert_eq!(uid.len(), 36, "{uid}");
    assert_eq!(uid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(first.creation_timestamp().is_some());
    assert_eq!(first.metadata.generation, Some(1));
    assert_eq!(first.namespace().as_deref(), Some(NAMESPACE));
    assert_eq!(first.status.unwrap().phase.as_deref(), Some("Pending"), "status is not created");

    let version = |object: &Pod| object.resource_version().unwrap().parse::<u64>().unwrap();
    let mut second = body;
    second["metadata"]["name"] = json!("mg-1");
    let second = pods.create(&post(), &typed(second)).await.unwrap();
    assert_ne!(second.uid().unwrap(), uid);
    let listed = pods.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.metadata.resource_version, second.resource_version());
    assert_eq!(version(&listed.items[1]), version(&second));
}

#[tokio::test]
async fn names_and_bodies_that_are_refused() {
    let server = server().await;
    let client = server.client().unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    maps.create(&post(), &typed(config_map("taken", &[]))).await.unwrap();
    let long = "x".repeat(254);
    let cases = [
        ("taken", (409, "AlreadyExists")),
        ("", (422, "Invalid")),
        ("Upper", (422, "Invalid")),
        ("-dash", (422, "Invalid")),
        ("dash-", (422, "Invalid")),
        ("under_score", (422, "Invalid")),
        ("two..dots", (422, "Invalid")),
        (long.as_str(), (422, "Invalid")),
    ];
    for (name, (code, reason)) in cases {
        let result = maps.create(&post(), &typed(config_map(name, &[]))).await;
        assert_eq!(refused(result), (code, reason.to_owned()), "{name:?}");
    }
    let store = server.store();
    let bodies = [
        (json!([]), Reason::BadRequest),
        (json!({"kind": "Pod", "metadata": {"name": "a"}}), Reason::BadRequest),
        (json!({"metadata": {"name": "a", "namespace": "other"}}), Reason::BadRequest),
        (json!({"metadata": {"name": "a", "resourceVersion": "7"}}), Reason::BadRequest),
        (json!({"metadata": {"name": "a", "labels": {"x": 1}}}), Reason::BadRequest),
        (json!({"metadata": {"name": "a"}, "data": {"n": 1}}), Reason::BadRequest),
        (json!({"metadata": {"name": "a", "finalizers": ["f"]}}), Reason::Invalid),
    ];
    for (body, expected) in bodies {
        let result = store.create(&CONFIG_MAPS, NAMESPACE, body.clone());
        assert_eq!(reason(result), expected, "{body}");
    }
    let generated = json!({"metadata": {"generateName": "event-"}});
    let name = store.create(&CONFIG_MAPS, NAMESPACE, generated).unwrap();
    let name = name["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("event-") && name.len() == 11, "{name}");
}

#[tokio::test]
async fn a_write_of_an_older_version_is_refused() {
    let server = server().await;
    let maps: Api<ConfigMap> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    let old = maps.create(&post(), &typed(config_map("m", &[("a", "1")]))).await.unwrap();
    let mut next = old.clone();
    next.data.as_mut().unwrap().insert("a".to_owned(), "2".to_owned());
    let now = maps.replace("m", &post(), &next).await.unwrap();
    assert_ne!(now.resource_version(), old.resource_version());
    assert_eq!(refused(maps.replace("m", &post(), &next).await), (409, "Conflict".to_owned()));
    let stale =
        json!({"metadata": {"resourceVersion": old.resource_version()}, "data": {"b": "1"}});
    let result = maps.patch("m", &merge(), &Patch::Merge(&stale)).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()));
    let other = json!({"metadata": {"uid": "another"}, "data": {"b": "1"}});
    let result = maps.patch("m", &merge(), &Patch::Merge(&other)).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()));
    assert_eq!(maps.get("m").await.unwrap().data, now.data, "no refused write left a trace");

    // A write that names no version wins, and one that changes nothing makes no version.
    let patch = json!({"data": {"b": "1"}});
    let patched = maps.patch("m", &merge(), &Patch::Merge(&patch)).await.unwrap();
    let again = maps.patch("m", &merge(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!(again.resource_version(), patched.resource_version());
    assert_eq!(patched.data.unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_not_there_is_replaced_only_where_the_kind_allows_it() {
    let server = server().await;
    let client = server.client().unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let result = maps.replace("m", &post(), &typed(config_map("m", &[]))).await;
    assert_eq!(refused(result), (404, "NotFound".to_owned()));

    let leases: Api<Lease> = Api::namespaced(client, NAMESPACE);
    let body: Lease = typed(json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}));
    let lease = leases.replace("l", &post(), &body).await.unwrap();
    let result = leases.replace("l", &post(), &body).await;
    assert_eq!(refused(result), (422, "Invalid".to_owned()), "an update names a version");
    leases.delete("l", &DeleteParams::default()).await.unwrap();
    let result = leases.replace("l", &post(), &lease).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()), "it had a uid");
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart() {
    let server = server().await;
    let sets: Api<StatefulSet> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    let body = json!({
        "metadata": {"name": "mg"},
        "spec": {"replicas": 3, "serviceName": "mg", "selector": {}, "template": {}},
    });
    sets.create(&post(), &typed(body)).await.unwrap();
    let both = json!({"spec": {"replicas": 2}, "status": {"replicas": 2, "readyReplicas": 1}});
    let set = sets.patch("mg", &merge(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!(set.spec.as_ref().unwrap().replicas, Some(2));
    assert!(set.status.is_none() && set.metadata.generation == Some(2));
    let both = json!({"spec": {"replicas": 9}, "status": {"replicas": 2, "readyReplicas": 1}});
    let set = sets.patch_status("mg", &merge(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!(set.spec.as_ref().unwrap().replicas, Some(2));
    assert_eq!(set.status.unwrap().ready_replicas, Some(1));
    assert_eq!(set.metadata.generation, Some(2), "a status is no new generation");

    let stale = json!({"metadata": {"resourceVersion": "2"}, "status": {"replicas": 0}});
    let result = sets.patch_status("mg", &merge(), &Patch::Merge(&stale)).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()));
    let key = Key::new(&STATEFUL_SETS, NAMESPACE, "mg");
    let patch = json!({"status": {"replicas": 7}});
    let direct = server.store().patch(&key, &patch, Part::Status).unwrap();
    assert_eq!(direct["status"]["replicas"], 7, "a supervisor writes it as well");
}

#[tokio::test]
async fn a_pod_with_grace_is_marked_and_stays_until_it_is_removed() {
    let server = server().await;
    let pods: Api<Pod> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    let body = json!({
        "metadata": {"name": "mg-0"},
        "spec": {"containers": [], "terminationGracePeriodSeconds": 600},
    });
    let pod = pods.create(&post(), &typed(body)).await.unwrap();

    let only = |uid: Option<String>, resource_version: Option<String>| DeleteParams {
        preconditions: Some(Preconditions { uid, resource_version }),
        ..DeleteParams::default()
    };
    let wrong = Some("00000000-0000-4000-8000-000000000000".to_owned());
    let result = pods.delete("mg-0", &only(wrong, None)).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()));
    let result = pods.delete("mg-0", &only(None, Some("1".to_owned()))).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()));

    let marked = pods.delete("mg-0", &only(pod.uid(), None)).await.unwrap().left().unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some());
    assert_eq!(marked.metadata.deletion_grace_period_seconds, Some(600));
    assert_eq!(marked.metadata.generation, Some(2));
    let again = pods.delete("mg-0", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(again.resource_version(), marked.resource_version(), "marked already");
    let sooner = pods.delete("mg-0", &DeleteParams::default().grace_period(5)).await.unwrap();
    assert_eq!(sooner.left().unwrap().metadata.deletion_grace_period_seconds, Some(5));

    let unmark = json!({"metadata": {"deletionTimestamp": null, "uid": null}});
    let kept = pods.patch("mg-0", &merge(), &Patch::Merge(&unmark)).await.unwrap();
    assert!(kept.metadata.deletion_timestamp.is_some(), "nobody takes the mark away");
    assert_eq!(kept.uid(), pod.uid());

    let key = Key::new(&PODS, NAMESPACE, "mg-0");
    server.store().delete(&key, &Deletion::now()).unwrap();
    assert_eq!(refused(pods.get("mg-0").await), (404, "NotFound".to_owned()));
    let maps: Api<ConfigMap> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    maps.create(&post(), &typed(config_map("m", &[]))).await.unwrap();
    let gone = maps.delete("m", &DeleteParams::default().grace_period(60)).await.unwrap();
    assert!(gone.right().is_some_and(|status| status.is_success()), "others go at once");
}

#[tokio::test]
async fn selectors_select() {
    let server = server().await;
    let store = server.store();
    for (name, labels) in [
        ("a", json!({"app": "mg", "tier": "main"})),
        ("b", json!({"app": "mg", "tier": ""})),
        ("c", json!({"app": "other", "k8s.io/x": "y"})),
        ("d", json!({})),
    ] {
        let body = json!({"metadata": {"name": name, "labels": labels}});
        store.create(&CONFIG_MAPS, NAMESPACE, body).unwrap();
    }
    let elsewhere = json!({"metadata": {"name": "e", "labels": {"app": "mg"}}});
    store.create(&CONFIG_MAPS, "elsewhere", elsewhere).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    let listed = async |params: &ListParams| -> kube::Result<String> {
        Ok(maps.list(params).await?.items.iter().map(ResourceExt::name_any).collect())
    };
    for (selector, expected) in [
        ("", "abcd"),
        ("app=mg", "ab"),
        ("app==mg", "ab"),
        ("app!=mg", "cd"),
        ("app", "abc"),
        ("!app", "d"),
        ("app in (mg,other)", "abc"),
        ("app in (other)", "c"),
        ("app notin (mg)", "cd"),
        ("app=mg,tier=main", "a"),
        ("app=mg,tier=", "b"),
        ("app in (mg, other) , tier notin (main)", "bc"),
        ("k8s.io/x=y", "c"),
        ("nothing=here", ""),
    ] {
        let params = ListParams::default().labels(selector);
        assert_eq!(listed(&params).await.unwrap(), expected, "labels {selector:?}");
    }
    for (selector, expected) in
        [("metadata.name=b", "b"), ("metadata.name!=b", "acd"), ("metadata.namespace=db", "abcd")]
    {
        let params = ListParams::default().fields(selector);
        assert_eq!(listed(&params).await.unwrap(), expected, "fields {selector:?}");
    }
    for selector in ["app in mg", "app in (mg", "app in ((mg))", "a b", "=x", "app in (a) b", "a$"]
    {
        let result = maps.list(&ListParams::default().labels(selector)).await;
        assert_eq!(refused(result), (400, "BadRequest".to_owned()), "labels {selector:?}");
    }
    let result = maps.list(&ListParams::default().fields("spec.nodeName=x")).await;
    assert_eq!(refused(result), (400, "BadRequest".to_owned()));
    let everywhere: Api<ConfigMap> = Api::all(server.client().unwrap());
    let found = everywhere.list(&ListParams::default().labels("app=mg")).await.unwrap();
    assert_eq!(found.items.len(), 3);
}

#[tokio::test]
async fn pages_of_a_list_are_of_one_version() {
    let server = server().await;
    let store = server.store();
    for name in ["a", "b", "c", "d", "e"] {
        store.create(&CONFIG_MAPS, NAMESPACE, config_map(name, &[])).unwrap();
    }
    let maps: Api<ConfigMap> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    let first = maps.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    let token = first.metadata.continue_.clone().unwrap();
    store.delete(&Key::new(&CONFIG_MAPS, NAMESPACE, "c"), &Deletion::now()).unwrap();
    store.create(&CONFIG_MAPS, NAMESPACE, config_map("bb", &[])).unwrap();
    let second = ListParams::default().limit(9).continue_token(&token);
    let second = maps.list(&second).await.unwrap();
    let names: Vec<_> = second.items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["c", "d", "e"]);
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);
    store.forget_history();
    let result = maps.list(&ListParams::default().continue_token(&token)).await;
    assert_eq!(refused(result), (410, "Expired".to_owned()));
}

#[tokio::test]
async fn requests_that_no_path_takes() {
    let limits = Limits { body_bytes: 1_000, objects: 1, ..Limits::default() };
    let server = server_with(limits).await;
    let client = server.client().unwrap();
    let maps = "/api/v1/namespaces/db/configmaps";
    let one = format!("{maps}/m");
    let json = "application/json";
    let long = config_map("m", &[("k", &"x".repeat(1_000))]).to_string();
    let cases = [
        ("GET", "/nowhere", "", json, (404, "NotFound")),
        ("GET", "/api/v2/namespaces/db/configmaps", "", json, (404, "NotFound")),
        ("GET", "/apis/apps/v1/namespaces/db/pods", "", json, (404, "NotFound")),
        ("GET", &format!("{one}/status"), "", json, (404, "NotFound")),
        ("GET", &one, "", json, (404, "NotFound")),
        ("POST", &one, "{}", json, (405, "MethodNotAllowed")),
        ("DELETE", maps, "", json, (405, "MethodNotAllowed")),
        ("POST", maps, "{", json, (400, "BadRequest")),
        ("POST", maps, "{}", "application/yaml", (415, "UnsupportedMediaType")),
        ("PATCH", &one, "{}", "application/apply-patch+yaml", (415, "UnsupportedMediaType")),
        ("POST", &format!("{maps}?dryRun=All"), "{}", json, (400, "BadRequest")),
        ("POST", maps, &long, json, (413, "RequestEntityTooLarge")),
        ("GET", &format!("{maps}?resourceVersion=x"), "", json, (400, "BadRequest")),
        ("GET", &format!("{maps}?resourceVersion=99"), "", json, (504, "Timeout")),
        ("GET", &format!("{maps}?limit=x"), "", json, (400, "BadRequest")),
        ("GET", &format!("{maps}?continue=x"), "", json, (400, "BadRequest")),
        ("GET", &format!("{maps}?watch=true&sendInitialEvents=true"), "", json, (422, "Invalid")),
        ("GET", &format!("{maps}?watch=true&resourceVersion=99"), "", json, (504, "Timeout")),
        ("GET", &format!("{maps}?watch=true&timeoutSeconds=x"), "", json, (400, "BadRequest")),
    ];
    for (method, path, body, kind, (code, reason)) in cases {
        let request = hyper::Request::builder().method(method).uri(path);
        let request = request.header("content-type", kind).body(body.as_bytes().to_vec()).unwrap();
        let result = within(path, client.request_text(request)).await;
        assert_eq!(refused(result), (code, reason.to_owned()), "{method} {path}");
    }
    let store = server.store();
    store.create(&CONFIG_MAPS, NAMESPACE, config_map("a", &[])).unwrap();
    let one_more = store.create(&CONFIG_MAPS, NAMESPACE, config_map("b", &[]));
    assert_eq!(reason(one_more), Reason::Forbidden);
}

#[tokio::test]
async fn a_json_patch_is_carried_out_whole_or_not_at_all() {
    let server = server().await;
    let maps: Api<ConfigMap> = Api::namespaced(server.client().unwrap(), NAMESPACE);
    maps.create(&post(), &typed(config_map("m", &[("a", "1")]))).await.unwrap();
    let patch = |value: &str| {
        let steps = json!([
            {"op": "add", "path": "/data/b", "value": "2"},
            {"op": "test", "path": "/data/a", "value": value},
        ]);
        Patch::<ConfigMap>::Json(serde_json::from_value(steps).unwrap())
    };
    assert_eq!(refused(maps.patch("m", &merge(), &patch("9")).await).0, 422);
    assert_eq!(maps.get("m").await.unwrap().data.unwrap().len(), 1);
    maps.patch("m", &merge(), &patch("1")).await.unwrap();
    assert_eq!(maps.get("m").await.unwrap().data.unwrap().len(), 2);
}
