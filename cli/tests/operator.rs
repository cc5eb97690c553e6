//! Commands for people, as processes against an API server in memory: what they say and do while no
//! controller answers, and with one that does.

mod common;

use common::{memgraph_ha, text};
use ha_core::{observation::ClusterObservation, record::Record};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{
        ApiServer, Key,
        resource::{CONFIG_MAPS, STATEFUL_SETS},
    },
    cluster::{Cluster, Config, Names, Written},
};
use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Output},
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(90);
const NAMESPACE: &str = "db";
const SETTLED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/observations/settled.json");

fn record() -> Record {
    let text = std::fs::read_to_string(SETTLED).expect("an observation");
    let seen: ClusterObservation = serde_json::from_str(&text).expect("an observation");
    let stored = seen.record.known().expect("it was read");
    stored.record().expect("a record").clone()
}

/// An API server with a StatefulSet and a record.
async fn server(releases: &[&str]) -> ApiServer {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = ApiServer::start(loopback).await.expect("a free port");
    let set = json!({"metadata": {"name": "memgraph-ha"}, "spec": {"replicas": 3}});
    server.store().create(&STATEFUL_SETS, NAMESPACE, set).expect("a set");
    for release in releases {
        let names = Names::new(NAMESPACE, release, "memgraph-ha", 3).expect("names");
        let cluster = Cluster::connect(Config::new(server.uri()), names).expect("a client");
        assert!(matches!(cluster.write_record(None, &record()).await, Written::Done(_)));
    }
    server
}

/// A command on that cluster.
async fn run(server: &ApiServer, args: &[&str]) -> Output {
    let (at, args) = (server.uri().to_string(), args.join("\u{1f}"));
    let run = move || {
        let mut all: Vec<&str> = args.split('\u{1f}').collect();
        all.extend(["--api-server", &at, "--namespace", NAMESPACE]);
        memgraph_ha(&all)
    };
    spawn_blocking(run).await.expect("it runs")
}

fn orders(server: &ApiServer) -> Value {
    let map = server.store().get(&Key::new(&CONFIG_MAPS, NAMESPACE, "graph-orders"));
    let map = map.expect("orders were written");
    serde_json::from_str(map["data"]["orders"].as_str().expect("text")).expect("JSON")
}

#[tokio::test]
async fn the_objects_speak_while_no_controller_does() {
    let server = server(&["graph"]).await;
    let output = run(&server, &["status"]).await;
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stdout);
    for part in ["cluster     db/graph", "memgraph-ha-0, term", "there is no pod of a controller"] {
        assert!(said.contains(part), "{said}");
    }
    let output = run(&server, &["status", "-o", "json"]).await;
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(said["record"]["record"]["term"].is_number(), "{said}");
    assert_eq!(run(&server, &["history"]).await.status.code(), Some(3));
    assert_eq!(run(&server, &["explain"]).await.status.code(), Some(3));
}

#[tokio::test]
async fn orders_are_given_while_no_controller_answers() {
    let server = server(&["graph"]).await;
    assert_eq!(run(&server, &["pause"]).await.status.code(), Some(0));
    assert_eq!(orders(&server)["paused"], true);
    assert_eq!(run(&server, &["resume"]).await.status.code(), Some(0));
    assert_eq!(orders(&server)["paused"], false);
    let output = run(&server, &["switchover", "--to", "memgraph-ha-1"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(orders(&server)["switchover"]["to"], "mg-1");
    let given = orders(&server);
    let output = run(&server, &["switchover", "--to", "memgraph-ha-7"]).await;
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("expected one of memgraph-ha-0, memgraph-ha-1, memgraph-ha-2"), "{said}");
    assert_eq!(orders(&server), given, "nothing was ordered");
    // Nobody carries it out.
    let output = run(&server, &["switchover", "--wait", "--timeout", "1"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the order stands"), "{}", text(&output.stderr));
}

/// What is known of the loss comes first, and the word must be said.
#[tokio::test]
async fn a_loss_is_accepted_only_by_saying_so() {
    let server = server(&["graph"]).await;
    let output = run(&server, &["failover", "--to", "memgraph-ha-2"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for part in
        ["memgraph-ha-0 is recorded as main", "without bound", "No leader", "Nothing is done"]
    {
        assert!(said.contains(part), "{said}");
    }
    let output = run(&server, &["failover", "--to", "memgraph-ha-2", "--accept-loss"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(orders(&server)["accepts"]["main"], "mg-2");
    let late = ["failover", "--to", "mg-2", "--accept-loss", "--wait", "--timeout", "1"];
    let output = run(&server, &late).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the word stands"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn which_cluster_is_meant_is_never_guessed() {
    let several = server(&["graph", "other"]).await;
    let output = run(&several, &["pause"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("one of graph, other"), "{}", text(&output.stderr));
    assert_eq!(run(&several, &["pause", "--release", "graph"]).await.status.code(), Some(0));
    let none = server(&[]).await;
    assert_eq!(run(&none, &["pause"]).await.status.code(), Some(2));
    let output = run(&several, &["pause", "--release", "graph", "--statefulset", "mg"]).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn an_api_server_that_is_gone_is_said() {
    let at = {
        let server = server(&[]).await;
        server.uri().to_string()
    };
    let run = move || memgraph_ha(&["status", "--api-server", &at, "-n", NAMESPACE]);
    let output = spawn_blocking(run).await.expect("it runs");
    assert_eq!(output.status.code(), Some(3));
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[tokio::test]
async fn a_controller_is_asked_and_stops_when_it_is_told() {
    let server = server(&["graph"]).await;
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = free.local_addr().expect("an address").to_string();
    drop(free);
    let journal = common::folder("operator-journal");
    std::fs::create_dir_all(&journal).expect("a folder");
    let journal = journal.join("journal").to_string_lossy().into_owned();
    let api = server.uri().to_string();
    let controller = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"))
        .args(["controller", "--api-server", &api, "--namespace", NAMESPACE])
        .args(["--release", "graph", "--listen", &listen, "--journal", &journal])
        .spawn()
        .expect("the binary");
    let mut controller = Running(controller);
    let at = ["--controller", &listen];
    let said = until_it_says(&server, &mut controller, &listen, "memgraph-ha-2").await;
    assert!(said.contains("state       not settled"), "{said}");
    let output = run(&server, &[&["status", "-o", "yaml"], &at[..]].concat()).await;
    assert!(text(&output.stdout).contains("passes:"), "{}", text(&output.stdout));
    let output = run(&server, &[&["journal"], &at[..]].concat()).await;
    let first: Value = serde_json::from_str(text(&output.stdout).lines().next().expect("a line"))
        .expect("a line of JSON");
    assert!(first.to_string().contains("start"), "{first}");
    let output = run(&server, &[&["journal", "--lines", "3"], &at[..]].concat()).await;
    assert_eq!(text(&output.stdout).lines().count(), 3);
    assert_eq!(run(&server, &[&["history"], &at[..]].concat()).await.status.code(), Some(0));
    let pid = i32::try_from(controller.0.id()).expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    let status = spawn_blocking(move || controller.0.wait().expect("it ends")).await;
    assert_eq!(status.expect("it ends").code(), Some(0));
}

/// What `status` says once it has those words; it is not at rest then, since nobody runs instances.
async fn until_it_says(
    server: &ApiServer,
    controller: &mut Running,
    listen: &str,
    words: &str,
) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let output = run(server, &["status", "--controller", listen]).await;
        let said = text(&output.stdout);
        if output.status.code() == Some(1) && said.contains(words) {
            return said;
        }
        assert!(controller.0.try_wait().expect("a child").is_none(), "it ended: {said}");
        assert!(Instant::now() < until, "it does not tell: {said}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// The cluster is kept in order without a journal, and whoever looks is told.
#[tokio::test]
async fn a_journal_without_room_is_told_and_stops_nothing() {
    let server = server(&["graph"]).await;
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = free.local_addr().expect("an address").to_string();
    drop(free);
    let api = server.uri().to_string();
    let controller = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"))
        .args(["controller", "--api-server", &api, "--namespace", NAMESPACE])
        .args(["--release", "graph", "--listen", &listen, "--journal", "/dev/full"])
        .spawn()
        .expect("the binary");
    let mut controller = Running(controller);
    let words = "warning     the journal is not written, and decisions go on without it";
    until_it_says(&server, &mut controller, &listen, words).await;
}

#[test]
fn what_would_be_decided_is_told() {
    let plain = memgraph_ha(&["explain", SETTLED]);
    let said = text(&plain.stdout);
    assert!(said.ends_with("settled: nothing to do\n") && !said.contains(" act "), "{said}");
    let crash = memgraph_ha(&["explain", SETTLED, "--if", "crash mg-0", "--format", "json"]);
    assert_eq!(crash.status.code(), Some(0), "{}", text(&crash.stderr));
    assert!(text(&crash.stdout).contains("E10"), "{}", text(&crash.stdout));
    for wrong in ["crash", "burn mg-0", "crash memgraph-9"] {
        let output = memgraph_ha(&["explain", SETTLED, "--if", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn settings_of_a_controller_are_judged_at_once() {
    let output = memgraph_ha(&["controller", "--instances", "0", "--durability", "perhaps"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for part in [
        "instances=\"0\": a number from 1 to 50 is expected",
        "durability=\"perhaps\": one of required, fast is expected",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn shells_are_told_how_to_complete() {
    for shell in ["bash", "zsh", "fish"] {
        let output = memgraph_ha(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("switchover"), "{shell}");
    }
}
