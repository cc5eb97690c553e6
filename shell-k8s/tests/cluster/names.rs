//! Names, and what is none.

use crate::common::names;
use ha_core::ids::InstanceId;
use shell_k8s::cluster::Names;

#[test]
fn names_are_those_that_users_know() {
    let names = Names::new("db", "graph", "memgraph-ha", 3).unwrap();
    assert_eq!(names.record(), "graph-state");
    assert_eq!(names.orders(), "graph-orders");
    assert_eq!(names.lease(), "graph-controller");
    assert_eq!(names.pod(InstanceId(1)), "memgraph-ha-1");
    assert_eq!(names.replica(InstanceId(1)), "memgraph_ha_1");
    assert_eq!(names.host(InstanceId(0)), "memgraph-ha-0.memgraph-ha.db.svc.cluster.local");
    assert_eq!(names.selector(), "app.kubernetes.io/name=memgraph");
    let other = names.with_app("graphs").unwrap();
    assert_eq!(other.selector(), "app.kubernetes.io/name=graphs");
}

#[test]
fn ordinals_are_read_strictly() {
    let names = names();
    for (pod, expected) in [
        ("mg-0", Some(0)),
        ("mg-2", Some(2)),
        ("mg-3", Some(3)),
        ("mg-255", Some(255)),
        ("mg-00", None),
        ("mg-01", None),
        ("mg-+1", None),
        ("mg-", None),
        ("mg", None),
        ("mg-1x", None),
        ("mg--1", None),
        ("mg-256", None),
        ("other-1", None),
        ("mgx-1", None),
        ("mg-1-1", None),
    ] {
        assert_eq!(names.instance(pod), expected.map(InstanceId), "{pod}");
    }
    assert!(names.has(InstanceId(2)) && !names.has(InstanceId(3)));
}

#[test]
fn long_names_are_cut_and_never_fall_together() {
    let long = |length: usize| Names::new("db", &"r".repeat(length), "mg", 3);
    let names = long(57).unwrap();
    assert_eq!(names.record().len(), 63);
    let names = long(60).unwrap();
    assert_eq!(names.record(), format!("{}-st", "r".repeat(60)));
    assert_eq!(names.orders(), format!("{}-or", "r".repeat(60)));
    let twins = long(62).unwrap_err().to_string();
    assert!(twins.ends_with("would be the name of two ConfigMaps"), "{twins}");
}

#[test]
fn names_that_cannot_be_are_refused() {
    let long = "s".repeat(53);
    for (namespace, release, set, instances, expected) in [
        ("", "graph", "mg", 3, "namespace \"\""),
        ("db", "Graph", "mg", 3, "release \"Graph\""),
        ("db", "-graph", "mg", 3, "release \"-graph\""),
        ("db", "graph", "mg-", 3, "StatefulSet \"mg-\""),
        ("db", "graph", "m.g", 3, "StatefulSet \"m.g\""),
        ("db", "graph", long.as_str(), 3, "StatefulSet \"sss"),
        ("db", "graph", "mg", 0, "0 instances"),
    ] {
        let error = Names::new(namespace, release, set, instances).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(names().with_app("a b").is_err());
}
