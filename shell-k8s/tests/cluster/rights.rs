//! The rights that the chart gives, compared with the requests that are made: none is missing, and
//! none is there that nobody needs.

use crate::common::{NAMESPACE, names, server, within};
use gateway::{clock::Clock, controllers::StoredTarget};
use ha_core::{
    ids::{ControllerId, InstanceId, PodUid},
    marks::Part,
};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{ApiServer, resource::PODS},
    cluster::{About, Cluster, LeaderLabel, Note, Show, StoredTerms, Weight, Written},
    controller::Members,
};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

/// What `helm template` made, and what is called there as in our test.
struct Release {
    rendered: &'static str,
    name: &'static str,
    set: &'static str,
    controller: &'static str,
    gateway: &'static str,
}

/// The chart's defaults, and a second release in a namespace; `charts/check` keeps both.
const RELEASES: [Release; 2] = [
    Release {
        rendered: include_str!("../../../charts/tests/snapshots/default.yaml"),
        name: "memgraph-ha",
        set: "memgraph-ha",
        controller: "memgraph-controller",
        gateway: "memgraph-gateway",
    },
    Release {
        rendered: include_str!("../../../charts/tests/snapshots/second-release.yaml"),
        name: "graphs",
        set: "graphs",
        controller: "graphs-controller",
        gateway: "graphs-gateway",
    },
];

/// A request as a rule of a Role names it: verb, group, resource, name.
type Right = (String, String, String, Option<String>);

#[derive(Debug, Default)]
struct Seen(Mutex<BTreeSet<Right>>);

impl Seen {
    fn note(&self, right: Right) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(right);
    }

    fn all(&self) -> BTreeSet<Right> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The right that a request needs.
fn right(method: &str, target: &str) -> Right {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parts =
        path.trim_matches('/').split('/').skip_while(|part| *part != "api" && *part != "apis");
    let group = match parts.next() {
        Some("api") => "",
        Some(_) => parts.next().expect("a group"),
        None => panic!("{target} is no path of the API"),
    };
    let rest: Vec<_> = parts.skip(1).collect();
    let ["namespaces", namespace, resource, named @ ..] = rest.as_slice() else {
        panic!("{target} is not within a namespace");
    };
    assert_eq!(*namespace, NAMESPACE, "{target}");
    // Who lists or watches one object by its name needs the right to that one.
    let selected = query
        .split('&')
        .find_map(|part| part.strip_prefix("fieldSelector=metadata.name")?.strip_prefix("%3D"));
    let one = !named.is_empty();
    let name = named.first().copied().or(selected).map(ToOwned::to_owned);
    let resource = named.get(1).map_or((*resource).to_owned(), |part| format!("{resource}/{part}"));
    let verb = match method {
        "GET" if one => "get",
        "GET" if query.contains("watch=") => "watch",
        "GET" => "list",
        "POST" => "create",
        "PATCH" => "patch",
        "PUT" => "update",
        "DELETE" => "delete",
        other => panic!("{other:?}"),
    };
    (verb.to_owned(), group.to_owned(), resource, name)
}

/// Passes everything on to the server, and notes the first line of each request.
async fn recorder(server: &ApiServer, seen: Arc<Seen>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (at, to) = (listener.local_addr().expect("an address"), server.address());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let upstream = TcpStream::connect(to).await.expect("the server");
            let (seen, (mut from, mut back)) = (Arc::clone(&seen), client.into_split());
            let (mut answers, mut out) = upstream.into_split();
            tokio::spawn(async move { copy(&mut answers, &mut back).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(read) = from.read(&mut buffer).await {
                    let text = String::from_utf8_lossy(&buffer[..read]);
                    for line in text.lines().filter(|line| line.ends_with(" HTTP/1.1")) {
                        let mut words = line.split(' ');
                        let (method, target) = (words.next(), words.next());
                        seen.note(right(method.expect("a method"), target.expect("a target")));
                    }
                    if read == 0 || out.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    at
}

/// Everything that a controller does at the API server.
async fn everything(cluster: &Cluster, server: &ApiServer) {
    let record = crate::common::record::record(1);
    for _ in 0..2 {
        let stored = cluster.read_record().await.expect("a record");
        let written = cluster.write_record(stored.version, &record).await;
        assert!(matches!(written, Written::Done(_)), "{written:?}");
        let lease = cluster.read_lease().await.expect("a lease");
        let version = lease.map(|lease| lease.sample.version);
        let written =
            cluster.write_lease(version, Some(ControllerId(1)), &Members::new(), 5_000).await;
        assert!(matches!(written, Written::Done(_)), "{written:?}");
        cluster.living_pods().await.expect("pods");
        cluster.set_paused(true).await.expect("orders");
    }
    let pod =
        |name: &str| json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c"}]}});
    let made = server.store().create(&PODS, NAMESPACE, pod("mg-0")).expect("a pod");
    let uid: PodUid = made["metadata"]["uid"].as_str().expect("a uid").parse().expect("a UUID");
    server.store().create(&PODS, NAMESPACE, pod("c-0")).expect("a pod");
    let label = LeaderLabel { key: "app".to_owned(), value: "controller".to_owned() };
    cluster.label("c-0", &label, true).await.expect("a label");
    let gateway = json!({
        "metadata": {"name": "gw-0", "labels": {"app": "gateway"}},
        "spec": {"containers": [{"name": "c"}]},
    });
    server.store().create(&PODS, NAMESPACE, gateway).expect("a pod");
    let askers = BTreeSet::from(["gw-0".to_owned()]);
    cluster.serve_askers("app=gateway", &askers).await.expect("a label");
    let show = Show { replicates: Some(Ok(())), part: Some(Part::Main) };
    cluster.show(InstanceId(0), uid, &show).await.expect("a mark");
    let recorder = cluster.recorder("c-0".to_owned());
    for about in [About::Set, About::Pod(InstanceId(0), uid)] {
        let (weight, reason) = (Weight::Normal, "RouteOpened");
        let (action, text) = ("R10".to_owned(), "as it should be".to_owned());
        let note = Note { about, weight, reason, action, text };
        // Told once more it is counted, which is a change of the event.
        for _ in 0..2 {
            cluster.publish(&recorder, &note).await.expect("an event");
        }
    }
    let watch = cluster.pods(Clock::system(), Duration::from_millis(10));
    let mut told = watch.subscribe();
    within("a list", told.wait_for(|pods| pods.confirmed.is_some())).await.expect("a watch");
    cluster.read_replicas().await.expect("an answer");
    cluster.delete_pod(InstanceId(0), uid).await.expect("a deletion");
}

impl Release {
    /// The rules of a Role, with the names of our test in place of the chart's.
    fn rules(&self, role: &str) -> Vec<Value> {
        let roles = self.rendered.split("\n---\n").filter(|text| text.contains("\nkind: Role\n"));
        let mut roles = roles.map(|text| serde_saphyr::from_str::<Value>(text).expect("YAML"));
        let role = roles.find(|it| it["metadata"]["name"] == role).expect("the role is rendered");
        let mut rules = role["rules"].as_array().expect("rules").clone();
        for name in
            rules.iter_mut().filter_map(|rule| rule["resourceNames"].as_array_mut()).flatten()
        {
            *name = self.ours(name.as_str().expect("a name")).into();
        }
        rules
    }

    fn ours(&self, name: &str) -> String {
        if name == self.set {
            return names().set().to_owned();
        }
        let rest = name.strip_prefix(self.name).expect("the release names its objects");
        format!("graph{rest}")
    }
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

fn allows(rule: &Value, (verb, group, resource, name): &Right) -> bool {
    let names = texts(&rule["resourceNames"]);
    texts(&rule["verbs"]).contains(verb)
        && texts(&rule["apiGroups"]).contains(group)
        && texts(&rule["resources"]).contains(resource)
        && (names.is_empty() || name.as_ref().is_some_and(|name| names.contains(name)))
}

/// Every right that is used is granted, and every one that is granted is used.
fn fit(rules: &[Value], used: &BTreeSet<Right>) {
    for right in used {
        assert!(rules.iter().any(|rule| allows(rule, right)), "not granted: {right:?}");
    }
    for rule in rules {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    let is_used =
                        used.iter().any(|(v, g, r, _)| (v, g, r) == (&verb, &group, &resource));
                    let right = (verb.as_str(), group.as_str(), resource.as_str());
                    assert!(is_used, "nobody needs {right:?}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controller_has_the_rights_that_it_uses() {
    let (server, seen) = (server().await, Arc::new(Seen::default()));
    let at = recorder(&server, Arc::clone(&seen)).await;
    let config = kube::Config::new(format!("http://{at}/").parse().expect("a uri"));
    let cluster = Cluster::connect(config, names()).expect("a client");
    everything(&cluster, &server).await;
    let used = seen.all();
    for release in &RELEASES {
        fit(&release.rules(release.controller), &used);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_may_read_the_record_and_nothing_else() {
    let (server, seen) = (server().await, Arc::new(Seen::default()));
    let at = recorder(&server, Arc::clone(&seen)).await;
    let config = kube::Config::new(format!("http://{at}/").parse().expect("a uri"));
    let cluster = Cluster::connect(config, names()).expect("a client");
    cluster.read_record().await.expect("an answer");
    for release in &RELEASES {
        let rules = release.rules(release.set);
        assert_eq!(rules.len(), 1);
        assert_eq!(texts(&rules[0]["verbs"]), ["get"]);
        fit(&rules, &seen.all());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_may_watch_the_record_and_nothing_else() {
    let (server, seen) = (server().await, Arc::new(Seen::default()));
    let at = recorder(&server, Arc::clone(&seen)).await;
    let config =
        || kube::Config::new(format!("http://{}/", server.address()).parse().expect("a uri"));
    let cluster = Cluster::connect(config(), names()).expect("a client");
    let mut watched = config();
    watched.cluster_url = format!("http://{at}/").parse().expect("a uri");
    let (namespace, name) = (names().namespace().to_owned(), names().record());
    let mut terms = StoredTerms::connect(watched, &namespace, &name).expect("a client");
    // The first may be told by the list; what comes after it is told by the watch.
    let mut version = None;
    for term in 1..=2 {
        let written = cluster.write_record(version, &crate::common::record::record(term)).await;
        let Written::Done(written) = written else { panic!("{written:?}") };
        version = Some(written);
        assert_eq!(within("a term", terms.changed()).await.map(|term| term.0), Some(term));
    }
    for release in &RELEASES {
        let rules = release.rules(release.gateway);
        assert_eq!(rules.len(), 1);
        fit(&rules, &seen.all());
    }
}
