//! What the chart's objects may not be: of the whole cluster, allowed everything, or containers with
//! more rights than they use.

use crate::rendered::{Rendered, pod, texts};
use serde_json::{Value, json};

/// Kinds that the chart makes; each lives in a namespace.
const KINDS: &[&str] = &[
    "ConfigMap",
    "Deployment",
    "NetworkPolicy",
    "Pod",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "StatefulSet",
];

/// Containers that may write beside their volumes: name, reason.
const WRITING: &[(&str, &str)] =
    &[("memgraph", "the vendor's image, which does not say what it writes beside its data")];

/// What is wrong with an object.
fn wrong(object: &Value) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let kind = object["kind"].as_str().unwrap_or_default();
    let mut demand = |holds: bool, what| {
        if !holds {
            wrong.push(what);
        }
    };
    demand(KINDS.contains(&kind), "a kind that is not known to live in a namespace");
    for rule in object["rules"].as_array().into_iter().flatten() {
        for list in ["apiGroups", "resources", "resourceNames", "verbs"] {
            demand(!texts(&rule[list]).contains(&"*"), "a right to everything");
        }
    }
    let Some(pod) = pod(object).map(|pod| &pod["spec"]) else { return wrong };
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        demand(pod[host] != true, "a namespace of the node");
    }
    let own_account = pod["serviceAccountName"].is_string();
    let has_token = pod["automountServiceAccountToken"] != false;
    demand(own_account || !has_token, "the token of the default account");
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        demand(volume.get("hostPath").is_none(), "a folder of the node");
    }
    let containers = ["initContainers", "containers"].map(|list| pod[list].as_array());
    for container in containers.into_iter().flatten().flatten() {
        let own = &container["securityContext"];
        let either = |key: &str| own.get(key).unwrap_or(&pod["securityContext"][key]);
        demand(either("runAsNonRoot") == true, "may be root");
        demand(either("runAsUser").as_u64().is_some_and(|user| user > 0), "names no user but root");
        demand(either("seccompProfile")["type"] == "RuntimeDefault", "every system call");
        demand(own["allowPrivilegeEscalation"] == false, "may gain privileges");
        demand(own["privileged"] != true, "privileged");
        let (dropped, added) = (&own["capabilities"]["drop"], &own["capabilities"]["add"]);
        demand(texts(dropped).contains(&"ALL") && added.is_null(), "capabilities");
        let name = container["name"].as_str().unwrap_or_default();
        let is_listed = WRITING.iter().any(|(listed, _)| *listed == name);
        demand(own["readOnlyRootFilesystem"] == true || is_listed, "writes into its image");
        demand(container["resources"]["limits"]["memory"].is_string(), "memory without a limit");
        let image = container["image"].as_str().and_then(|image| image.rsplit_once(':'));
        let is_named = image.is_some_and(|(_, tag)| !["", "latest"].contains(&tag));
        demand(is_named && !image.is_some_and(|(_, tag)| tag.contains('/')), "any version");
        let mut ports = container["ports"].as_array().into_iter().flatten();
        demand(ports.all(|port| port.get("hostPort").is_none()), "a port of the node");
    }
    wrong
}

#[test]
fn nothing_has_more_rights_than_it_uses() {
    let mut all = Vec::new();
    for rendered in Rendered::all() {
        for object in &rendered.objects {
            for what in wrong(object) {
                let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
                all.push(format!("{}: {kind} {name}: {what}", rendered.name));
            }
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// Each demand, where it does not hold: kind, place, what stands there, what is said.
#[test]
fn what_is_demanded_is_noticed_when_it_does_not_hold() {
    let rendered = Rendered::read("default");
    let pod = "/spec/template/spec";
    let of_pod = |place: &str| format!("{pod}{place}");
    let own = |place: &str| format!("{pod}/containers/0{place}");
    for (kind, place, stands, said) in [
        ("Role", "/kind".to_owned(), json!("ClusterRole"), "a kind that is not known"),
        ("Role", "/rules/0/verbs/0".to_owned(), json!("*"), "a right to everything"),
        ("Role", "/rules/0/resources/0".to_owned(), json!("*"), "a right to everything"),
        ("Deployment", of_pod("/hostNetwork"), json!(true), "a namespace of the node"),
        ("StatefulSet", of_pod("/serviceAccountName"), json!(null), "the token"),
        ("StatefulSet", of_pod("/volumes/0/hostPath"), json!({"path": "/"}), "a folder"),
        ("Deployment", of_pod("/securityContext/runAsNonRoot"), json!(null), "may be root"),
        ("Deployment", own("/securityContext/runAsNonRoot"), json!(false), "may be root"),
        ("Deployment", own("/securityContext/runAsUser"), json!(0), "no user but root"),
        ("StatefulSet", of_pod("/securityContext/seccompProfile"), json!(null), "every system"),
        ("StatefulSet", own("/securityContext/allowPrivilegeEscalation"), json!(null), "may gain"),
        ("StatefulSet", own("/securityContext/privileged"), json!(true), "privileged"),
        ("StatefulSet", own("/securityContext/capabilities/drop/0"), json!("CHOWN"), "capab"),
        ("Deployment", own("/securityContext/capabilities/add"), json!(["CHOWN"]), "capab"),
        ("Deployment", own("/securityContext/readOnlyRootFilesystem"), json!(null), "writes into"),
        ("StatefulSet", of_pod("/initContainers/0/resources/limits"), json!(null), "memory"),
        ("Deployment", own("/resources/limits/memory"), json!(null), "memory without"),
        ("Deployment", own("/image"), json!("graphs:latest"), "any version"),
        ("Deployment", own("/image"), json!("registry:5000/graphs"), "any version"),
        ("Deployment", own("/ports/0/hostPort"), json!(8080), "a port of the node"),
    ] {
        let mut object = rendered.of_kind(kind).next().expect("an object").clone();
        assert_eq!(wrong(&object), [""; 0], "{kind}");
        let (parent, key) = place.rsplit_once('/').expect("a place");
        let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{kind} has no {parent}"));
        if parent.is_array() {
            parent[key.parse::<usize>().expect("an index")] = stands;
        } else {
            parent[key] = stands;
        }
        let found = wrong(&object);
        assert!(found.iter().any(|it| it.contains(said)), "{place}: {found:?}");
    }
}
