//! Objects: what is given to them, what is refused, pages of lists.

use crate::common::{NAMESPACE, config_map, reason, refused, server, server_with, typed, within};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::json;
use shell_k8s::api_server::{Deletion, Key, Limits, Reason, resource::CONFIG_MAPS};

fn post() -> PostParams {
    PostParams::default()
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
