//! Objects as the API server keeps them: versions, preconditions, deletions, lists, patches.

use crate::{
    common::{config_map, refused, typed},
    home::{Home, on_both},
};
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
use shell_k8s::api_server::resource::{CONFIG_MAPS, PODS};

fn post() -> PostParams {
    PostParams::default()
}

fn merge() -> PatchParams {
    PatchParams::default()
}

on_both!(
    a_write_of_an_older_version_is_refused,
    what_is_not_there_is_replaced_only_where_the_kind_allows_it,
    status_and_the_rest_are_written_apart,
    a_pod_with_grace_is_marked_and_stays_until_it_is_removed,
    selectors_select,
    a_json_patch_is_carried_out_whole_or_not_at_all,
);

async fn a_write_of_an_older_version_is_refused(home: &Home) {
    let maps: Api<ConfigMap> = Api::namespaced(home.client(), home.namespace());
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
    assert_eq!(refused(result), (422, "Invalid".to_owned()), "a uid is not changed by a patch");
    let mut another = now.clone();
    another.metadata.uid = Some("another".to_owned());
    let result = maps.replace("m", &post(), &another).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()), "another object is not replaced");
    assert_eq!(maps.get("m").await.unwrap().data, now.data, "no refused write left a trace");

    // A write that names no version wins, and one that changes nothing makes no version.
    let patch = json!({"data": {"b": "1"}});
    let patched = maps.patch("m", &merge(), &Patch::Merge(&patch)).await.unwrap();
    let again = maps.patch("m", &merge(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!(again.resource_version(), patched.resource_version());
    assert_eq!(patched.data.unwrap().len(), 2);
}

async fn what_is_not_there_is_replaced_only_where_the_kind_allows_it(home: &Home) {
    let client = home.client();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), home.namespace());
    let result = maps.replace("m", &post(), &typed(config_map("m", &[]))).await;
    assert_eq!(refused(result), (404, "NotFound".to_owned()));

    let leases: Api<Lease> = Api::namespaced(client, home.namespace());
    let body: Lease = typed(json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}));
    let lease = leases.replace("l", &post(), &body).await.unwrap();
    let result = leases.replace("l", &post(), &body).await;
    assert_eq!(refused(result), (422, "Invalid".to_owned()), "an update names a version");
    leases.delete("l", &DeleteParams::default()).await.unwrap();
    let result = leases.replace("l", &post(), &lease).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()), "it had a uid");
}

async fn status_and_the_rest_are_written_apart(home: &Home) {
    let sets: Api<StatefulSet> = Api::namespaced(home.client(), home.namespace());
    let body = json!({
        "metadata": {"name": "mg"},
        "spec": {
            "replicas": 3,
            "serviceName": "mg",
            "selector": {"matchLabels": {"app": "mg"}},
            "template": {
                "metadata": {"labels": {"app": "mg"}},
                "spec": {"containers": [{"name": "memgraph", "image": "none"}]},
            },
        },
    });
    sets.create(&post(), &typed(body)).await.unwrap();
    let both = json!({"spec": {"replicas": 2}, "status": {"replicas": 2, "readyReplicas": 1}});
    let set = sets.patch("mg", &merge(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!(set.spec.as_ref().unwrap().replicas, Some(2));
    assert_eq!(set.status.map_or(0, |status| status.replicas), 0, "it was not asked for");
    assert_eq!(set.metadata.generation, Some(2));
    let both = json!({"spec": {"replicas": 9}, "status": {"replicas": 2, "readyReplicas": 1}});
    let set = sets.patch_status("mg", &merge(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!(set.spec.as_ref().unwrap().replicas, Some(2));
    assert_eq!(set.status.unwrap().ready_replicas, Some(1));
    assert_eq!(set.metadata.generation, Some(2), "a status is no new generation");

    let stale = json!({"metadata": {"resourceVersion": "2"}, "status": {"replicas": 0}});
    let result = sets.patch_status("mg", &merge(), &Patch::Merge(&stale)).await;
    assert_eq!(refused(result), (409, "Conflict".to_owned()));
}

async fn a_pod_with_grace_is_marked_and_stays_until_it_is_removed(home: &Home) {
    let pods: Api<Pod> = Api::namespaced(home.client(), home.namespace());
    let body = json!({
        "metadata": {"name": "mg-0"},
        "spec": {
            "containers": [{"name": "memgraph", "image": "none"}],
            "nodeName": "node-0",
            "terminationGracePeriodSeconds": 600,
        },
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

    home.delete(&PODS, "mg-0").await;
    assert_eq!(refused(pods.get("mg-0").await), (404, "NotFound".to_owned()));
    let maps: Api<ConfigMap> = Api::namespaced(home.client(), home.namespace());
    maps.create(&post(), &typed(config_map("m", &[]))).await.unwrap();
    let gone = maps.delete("m", &DeleteParams::default().grace_period(60)).await.unwrap();
    assert!(gone.right().is_some_and(|status| status.is_success()), "others go at once");
}

async fn selectors_select(home: &Home) {
    for (name, labels) in [
        ("a", json!({"app": "mg", "tier": "main"})),
        ("b", json!({"app": "mg", "tier": ""})),
        ("c", json!({"app": "other", "k8s.io/x": "y"})),
        ("d", json!({})),
    ] {
        let body = json!({"metadata": {"name": name, "labels": labels}});
        home.create(&CONFIG_MAPS, body).await;
    }
    let elsewhere = json!({"metadata": {"name": "e", "labels": {"app": "mg"}}});
    let other = home.elsewhere().await;
    home.create_in(&CONFIG_MAPS, &other, elsewhere).await;
    let maps: Api<ConfigMap> = Api::namespaced(home.client(), home.namespace());
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
    let here = format!("metadata.namespace={}", home.namespace());
    for (selector, expected) in
        [("metadata.name=b", "b"), ("metadata.name!=b", "acd"), (here.as_str(), "abcd")]
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
    let everywhere: Api<ConfigMap> = Api::all(home.client());
    let found = everywhere.list(&ListParams::default().labels("app=mg")).await.unwrap();
    let of = [home.namespace().to_owned(), other];
    let ours = found.items.iter().filter(|map| map.namespace().is_some_and(|it| of.contains(&it)));
    assert_eq!(ours.count(), 3);
}

async fn a_json_patch_is_carried_out_whole_or_not_at_all(home: &Home) {
    let maps: Api<ConfigMap> = Api::namespaced(home.client(), home.namespace());
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
