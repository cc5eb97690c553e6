//! The network policies as a network would carry them out: who reaches which port.

use crate::rendered::{Part, Rendered};
use serde_json::Value;
use std::{collections::BTreeMap, net::Ipv4Addr};

type Labels = BTreeMap<String, String>;

/// Somebody who connects.
#[derive(Debug, Clone)]
enum Source {
    /// A pod, with the labels of its namespace.
    Pod { is_here: bool, namespace: Labels, labels: Labels },
    /// No pod: the API server, or whoever is outside.
    Address(Ipv4Addr),
}

fn labels(value: &Value) -> Labels {
    let all = value.as_object().into_iter().flatten();
    all.map(|(key, value)| (key.clone(), value.as_str().expect("a text").to_owned())).collect()
}

/// A pod of a release.
fn part(rendered: &Rendered, part: Part) -> Source {
    let pod = rendered.pod(part).expect("a pod");
    let labels = labels(&pod["metadata"]["labels"]);
    Source::Pod { is_here: true, namespace: Labels::new(), labels }
}

/// Some other pod.
fn stranger(is_here: bool, namespace: &[(&str, &str)], labels: &[(&str, &str)]) -> Source {
    let owned = |all: &[(&str, &str)]| {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    Source::Pod { is_here, namespace: owned(namespace), labels: owned(labels) }
}

/// A pod of another namespace with the labels of this one.
fn namesake(of: Source) -> Source {
    match of {
        Source::Pod { namespace, labels, .. } => Source::Pod { is_here: false, namespace, labels },
        Source::Address(_) => of,
    }
}

fn selects(selector: &Value, of: &Labels) -> bool {
    let known = selector.as_object().expect("a selector").keys().all(|key| key == "matchLabels");
    assert!(known, "not understood here: {selector}");
    labels(&selector["matchLabels"]).iter().all(|(key, value)| of.get(key) == Some(value))
}

fn is_within(block: &Value, address: Ipv4Addr) -> bool {
    let (network, bits) =
        block["cidr"].as_str().and_then(|it| it.split_once('/')).expect("a block");
    let network: Ipv4Addr = network.parse().expect("an address");
    let shift = 32 - bits.parse::<u32>().expect("a number of bits");
    let part = |address: Ipv4Addr| address.to_bits().checked_shr(shift).unwrap_or(0);
    part(network) == part(address)
}

fn is_peer(peer: &Value, from: &Source) -> bool {
    match from {
        Source::Address(address) => {
            peer.get("ipBlock").is_some_and(|block| is_within(block, *address))
        }
        Source::Pod { is_here, namespace, labels } => {
            let of_pod = peer.get("podSelector").map(|selector| selects(selector, labels));
            let of_namespace = peer.get("namespaceSelector").map(|it| selects(it, namespace));
            (of_pod.is_some() || of_namespace.is_some())
                && of_pod.unwrap_or(true)
                && of_namespace.unwrap_or(*is_here)
        }
    }
}

/// Whether a port of a rule is this one of the pod.
fn is_port(port: &Value, pod: &Value, number: u64) -> bool {
    let containers = pod["spec"]["containers"].as_array().expect("containers");
    let ports = containers.iter().filter_map(|it| it["ports"].as_array()).flatten();
    let named = |name: &str| {
        ports.clone().any(|it| it["name"] == name && it["containerPort"].as_u64() == Some(number))
    };
    assert_eq!(port["protocol"], "TCP");
    port["port"].as_str().map_or_else(|| port["port"].as_u64() == Some(number), named)
}

/// Whether a connection from there to a port of this part is let through.
fn reaches(rendered: &Rendered, from: &Source, to: Part, number: u64) -> bool {
    let pod = rendered.pod(to).expect("a pod");
    let of = labels(&pod["metadata"]["labels"]);
    let policies = rendered.of_kind("NetworkPolicy").map(|policy| &policy["spec"]);
    let mut policies = policies.filter(|policy| selects(&policy["podSelector"], &of)).peekable();
    // A rule that names nobody lets everybody through.
    let any = |list: &Value, judge: &dyn Fn(&Value) -> bool| {
        list.is_null() || list.as_array().expect("a list").iter().any(judge)
    };
    policies.peek().is_none()
        || policies.filter_map(|policy| policy["ingress"].as_array()).flatten().any(|rule| {
            any(&rule["ports"], &|port| is_port(port, pod, number))
                && any(&rule["from"], &|peer| is_peer(peer, from))
        })
}

/// Everybody who may try: the parts of a release, and others.
fn everybody(rendered: &Rendered) -> Vec<(&'static str, Source)> {
    // What is not rendered for these values has its labels all the same.
    let own =
        |it| if rendered.pod(it).is_some() { rendered.clone() } else { Rendered::read("default") };
    vec![
        ("instance", part(rendered, Part::Instance)),
        ("controller", part(rendered, Part::Controller)),
        ("gateway", part(rendered, Part::Gateway)),
        ("test", part(&own(Part::Test), Part::Test)),
        ("backup", stranger(true, &[], &[("app", "backup")])),
        ("stranger", stranger(true, &[], &[("app", "web")])),
        ("team", stranger(false, &[("team", "graphs")], &[("app", "web")])),
        ("monitoring", stranger(false, &[("name", "monitoring")], &[])),
        ("elsewhere", stranger(false, &[("team", "other")], &[("app", "backup")])),
        ("namesake", namesake(part(rendered, Part::Gateway))),
        ("address", Source::Address(Ipv4Addr::new(10, 0, 0, 1))),
    ]
}

/// Who reaches a port of a part, by name.
fn who(rendered: &Rendered, to: Part, port: u64) -> Vec<&'static str> {
    let all = everybody(rendered).into_iter();
    all.filter(|(_, from)| reaches(rendered, from, to, port)).map(|(name, _)| name).collect()
}

const ALL: &[&str] = &[
    "instance",
    "controller",
    "gateway",
    "test",
    "backup",
    "stranger",
    "team",
    "monitoring",
    "elsewhere",
    "namesake",
    "address",
];

#[test]
fn as_installed_instances_are_reached_by_those_who_must() {
    let rendered = Rendered::read("default");
    let reached = |to, port| who(&rendered, to, port);
    assert_eq!(reached(Part::Instance, 7687), ["controller", "gateway"]);
    assert_eq!(reached(Part::Instance, 10_000), ["instance"]);
    assert_eq!(reached(Part::Instance, 7444), [""; 0]);
    // Commands of people come from the API server's address.
    assert_eq!(reached(Part::Controller, 8080), ALL);
    assert_eq!(reached(Part::Controller, 8081), ["controller", "gateway"]);
    assert_eq!(reached(Part::Gateway, 7687), ALL);
    assert_eq!(reached(Part::Gateway, 7688), ALL);
    assert_eq!(reached(Part::Gateway, 8080), ALL[..ALL.len() - 1]);
}

#[test]
fn peers_that_are_named_narrow_each_port() {
    let rendered = Rendered::read("everything");
    let reached = |to, port| who(&rendered, to, port);
    assert_eq!(reached(Part::Instance, 7687), ["controller", "gateway", "backup"]);
    assert_eq!(reached(Part::Instance, 10_000), ["instance"]);
    let asking = ["instance", "controller", "gateway", "monitoring"];
    assert_eq!(reached(Part::Controller, 8080), asking);
    assert_eq!(reached(Part::Controller, 8081), ["controller", "gateway"]);
    assert_eq!(reached(Part::Gateway, 7687), ["test", "team"]);
    assert_eq!(reached(Part::Gateway, 7688), ["test", "team"]);
    assert_eq!(reached(Part::Gateway, 8080), ["monitoring"]);
}

/// Both releases are in one namespace.
#[test]
fn one_release_does_not_reach_instances_of_another() {
    let (one, other) = (Rendered::read("default"), Rendered::read("second-release"));
    for (from, to) in [(&one, &other), (&other, &one)] {
        for source in [Part::Instance, Part::Controller, Part::Gateway, Part::Test] {
            for port in [7687, 10_000] {
                let comes = reaches(to, &part(from, source), Part::Instance, port);
                assert!(!comes, "{source:?} of {} reaches {port} of {}", from.name, to.name);
            }
        }
    }
}

#[test]
fn without_policies_everybody_reaches_everything() {
    let rendered = Rendered::read("least");
    assert_eq!(who(&rendered, Part::Instance, 10_000), ALL);
}

/// The tests above judge nothing if peers are read wrong.
#[test]
fn peers_are_read_right() {
    let peer = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let here = stranger(true, &[("a", "1")], &[("b", "2")]);
    let there = stranger(false, &[("a", "1")], &[("b", "2")]);
    let at = Source::Address(Ipv4Addr::new(10, 1, 2, 3));
    for (text, expected) in [
        (r#"{"podSelector": {}}"#, [true, false, false]),
        (r#"{"namespaceSelector": {}}"#, [true, true, false]),
        (r#"{"podSelector": {"matchLabels": {"b": "3"}}}"#, [false, false, false]),
        (
            r#"{"namespaceSelector": {}, "podSelector": {"matchLabels": {"b": "2"}}}"#,
            [true, true, false],
        ),
        (r#"{"namespaceSelector": {"matchLabels": {"a": "2"}}}"#, [false, false, false]),
        (r#"{"ipBlock": {"cidr": "10.1.0.0/16"}}"#, [false, false, true]),
        (r#"{"ipBlock": {"cidr": "0.0.0.0/0"}}"#, [false, false, true]),
        (r#"{"ipBlock": {"cidr": "10.1.2.4/32"}}"#, [false, false, false]),
    ] {
        let found = [&here, &there, &at].map(|from| is_peer(&peer(text), from));
        assert_eq!(found, expected, "{text}");
    }
}
