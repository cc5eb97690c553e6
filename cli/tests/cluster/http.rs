//! Every path of a controller, where its answers come from objects of an API server.

use crate::{
    PATIENCE,
    client::{Events, question},
    on_both,
    site::{PASSWORD, Server, Site, USER, ask},
};
use ha_core::record::{Cause, Stage};
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use tokio::time::{Instant, sleep, timeout};

on_both!(every_path_answers_from_what_is_stored, a_main_is_let_go_when_it_has_moved);

/// What the predecessor's dashboards draw of a controller (PI 7).
const PREDECESSORS: [&str; 15] = [
    "memgraph_controller_reconciliations_total",
    "memgraph_controller_reconciliations_successful_total",
    "memgraph_controller_reconciliations_failed_total",
    "memgraph_controller_reconciliation_duration_seconds_bucket",
    "memgraph_controller_last_reconciliation_timestamp",
    "memgraph_cluster_state",
    "memgraph_cluster_sync_replica_healthy",
    "memgraph_cluster_pods_total",
    "memgraph_cluster_pods_healthy",
    "memgraph_cluster_main_changes_total",
    "memgraph_controller_is_leader",
    "memgraph_controller_leadership_changes_total",
    "memgraph_controller_elections_total",
    "memgraph_controller_errors_total",
    "memgraph_controller_last_error_timestamp",
];

/// Whether a metric of that name has a value, with or without labels.
fn has(text: &str, name: &str) -> bool {
    let is = |rest: &str| rest.starts_with(' ') || rest.starts_with('{');
    text.lines().any(|line| line.strip_prefix(name).is_some_and(is))
}

async fn json(at: SocketAddr, path: &str) -> Value {
    let answer = ask(at, "GET", path, "", "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// As `curl --user` shows them.
fn basic(password: &str) -> String {
    use std::fmt::Write as _;
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in format!("{USER}:{password}").as_bytes().chunks(3) {
        let bits = part.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - part.len()));
        for no in 0..4 {
            let sign = SIGNS[usize::try_from(bits >> (18 - 6 * no) & 63).unwrap()];
            let sign = if no <= part.len() { char::from(sign) } else { '=' };
            let _ = write!(text, "{sign}");
        }
    }
    format!("authorization: Basic {text}\r\n")
}

async fn every_path_answers_from_what_is_stored(server: Server) {
    let site = Site::start(server, &[]).await;
    let no = site.settled().await;
    let (leader, follower) = (site.controllers[no].at, site.controllers[1 - no].at);
    let record = site.record().await;
    let (main, voter) = (site.pod(record.target), record.voters().next().unwrap());

    probes(leader, follower).await;
    leadership(&site, leader, follower).await;
    predecessors_status(leader, &main, &site.pod(voter)).await;

    // Ours: the status with the record that is stored, and the same over the stream when it changes.
    let status = json(leader, "/v1/status").await;
    let stored = &status["observation"]["record"]["known"]["value"]["content"]["record"];
    assert_eq!(stored["term"], record.term.0, "{stored}");
    assert_eq!(status["pods"][voter.to_string()], site.pod(voter));
    let mut events = Events::listen(leader).await;
    assert_eq!(events.next().await.unwrap()["observation"]["desired"]["paused"], false);
    for paused in [true, false] {
        site.cluster.set_paused(paused).await.unwrap();
        let told = async {
            while events.next().await.unwrap()["observation"]["desired"]["paused"] != paused {}
        };
        assert!(timeout(PATIENCE, told).await.is_ok(), "no event says paused: {paused}");
    }

    let explained = ask(leader, "GET", "/v1/explain", "", "").await;
    assert!(explained.body.ends_with("settled: nothing to do\n"), "{}", explained.body);
    let parts = json(leader, "/v1/explain?format=json").await;
    assert_eq!(parts["plan"]["settled"], true);

    let lines = ask(leader, "GET", "/v1/journal?lines=3", "", "").await;
    assert_eq!(lines.body.lines().count(), 3);
    let whole = ask(leader, "GET", "/v1/journal", "", "").await;
    assert!(whole.body.lines().next().unwrap().contains("\"start\""), "it begins with all known");

    let granted = ask(leader, "POST", "/v1/grant", "", &question(1, None, 0)).await;
    let reply = gateway::controllers::wire::Reply::read(granted.body.as_bytes()).unwrap();
    let at = site.endpoints.bolt(record.target, crate::site::HERE);
    assert!(reply.main_address == Some(at) && reply.answer.lasts_ms > 0, "{}", granted.body);
    assert_eq!(ask(follower, "POST", "/v1/grant", "", &question(1, None, 0)).await.status, 503);

    let holder = site.cluster.read_lease().await.unwrap().unwrap().sample.holder.unwrap();
    let body = serde_json::json!({"version": 1, "by": holder}).to_string();
    let word = ask(follower, "POST", "/v1/promise", "", &body).await.json();
    assert_eq!(
        (&word["word"], &word["pod"]),
        (&"promises".into(), &format!("controller-{}", 1 - no).into())
    );

    leaving(&site, leader, follower, &main).await;

    let page = ask(leader, "GET", "/", "", "").await;
    assert!(page.status == 200 && page.head.contains("text/html"), "{}", page.head);
    assert_eq!(ask(leader, "GET", "/api/v1/admin/reset-connections", "", "").await.status, 404);
    assert_eq!(ask(leader, "POST", "/v1/status", "", "").await.status, 405);
}

async fn probes(leader: SocketAddr, follower: SocketAddr) {
    for at in [leader, follower] {
        for path in ["/livez", "/readyz"] {
            let answer = ask(at, "GET", path, "", "").await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "OK\n"), "{path}");
        }
    }
    assert_eq!(json(follower, "/health").await["status"], "ok");
    let text = ask(leader, "GET", "/metrics", "", "").await.body;
    // Counters with a label begin with the first that is counted: a controller that campaigns over
    // an API server that is slow at first has had errors, another one has not.
    let lacks: Vec<_> = PREDECESSORS
        .into_iter()
        .filter(|name| !has(&text, name) && !name.contains("error"))
        .collect();
    assert_eq!(lacks, [""; 0], "{text}");
    let others = ask(follower, "GET", "/metrics", "", "").await.body;
    assert!(text.contains("memgraph_controller_is_leader 1"));
    assert!(others.contains("memgraph_controller_is_leader 0"));
}

async fn leadership(site: &Site, leader: SocketAddr, follower: SocketAddr) {
    let holder = site.cluster.read_lease().await.unwrap().unwrap().sample.holder.unwrap();
    let own = json(leader, "/api/v1/leadership").await;
    // It reads the lease once a second, and tells what its last pass saw.
    let until = Instant::now() + PATIENCE;
    let others = loop {
        let others = json(follower, "/api/v1/leadership").await;
        if others["current_leader"] != "" || Instant::now() > until {
            break others;
        }
        sleep(Duration::from_millis(50)).await;
    };
    for (seen, leads) in [(&own, true), (&others, false)] {
        assert_eq!(seen["current_leader"], holder.to_string());
        assert_eq!((&seen["i_am_leader"], &seen["leader_match"]), (&leads.into(), &true.into()));
        assert_eq!(seen["lease_name"], site.cluster.names().lease());
        assert_eq!(seen["namespace"], site.cluster.names().namespace());
        assert!(seen["timestamp"].is_string());
    }
    assert_eq!(own["my_identity"], holder.to_string());
    assert_ne!(others["my_identity"], holder.to_string());
}

async fn predecessors_status(leader: SocketAddr, main: &str, voter: &str) {
    let status = json(leader, "/api/v1/status").await;
    let cluster = &status["cluster_state"];
    assert_eq!(
        (&cluster["current_main"], &cluster["current_sync_replica"]),
        (&main.into(), &voter.into())
    );
    let counts =
        ["total_pods", "healthy_pods", "unhealthy_pods"].map(|name| cluster[name].as_u64());
    assert_eq!(counts, [Some(3), Some(3), Some(0)]);
    assert_eq!(cluster["sync_replica_healthy"], true);
    let passes = &cluster["reconciliation_metrics"];
    let known = [
        "total_reconciliations",
        "successful_reconciliations",
        "failed_reconciliations",
        "average_reconciliation_time",
        "last_reconciliation_time",
        "last_reconciliation_reason",
    ];
    assert!(known.iter().all(|name| !passes[name].is_null()), "{passes}");
    let rows = cluster["replica_registrations"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let strict = rows.iter().filter(|row| row["sync_mode"] == "strict_sync");
    assert_eq!(strict.map(|row| &row["pod_name"]).collect::<Vec<_>>(), [voter]);
    assert!(rows.iter().all(|row| row["is_healthy"] == true && row["address"] != ""), "{rows:?}");
    for pod in status["pods"].as_array().unwrap() {
        let role = if pod["name"] == main { "main" } else { "replica" };
        assert_eq!((&pod["memgraph_role"], &pod["state"]), (&role.into(), &"running".into()));
        assert_eq!((&pod["ip_address"], &pod["healthy"]), (&"127.0.0.1".into(), &true.into()));
        assert!(pod["inconsistency"].is_null(), "{pod}");
        let started = pod["timestamp"].as_str().unwrap();
        assert!(started.starts_with("20") && started.ends_with('Z'), "{pod}");
        assert_eq!(pod["replicas_registered"].is_array(), role == "main");
    }
}

async fn leaving(site: &Site, leader: SocketAddr, follower: SocketAddr, main: &str) {
    let stays = json(leader, &format!("/v1/may-leave/{main}")).await;
    assert_eq!(stays["leave"], "main-moves", "{stays}");
    assert_eq!(ask(follower, "GET", &format!("/v1/may-leave/{main}"), "", "").await.status, 503);
    assert_eq!(ask(leader, "GET", "/v1/may-leave/nobody-0", "", "").await.status, 404);
    let record = site.record().await;
    let mut all = site.cluster.names().instances();
    let third = all.find(|id| *id != record.target && !record.is_voter(*id)).unwrap();
    let hook = format!("/prestop-hook/{}", site.pod(third));
    for header in [String::new(), basic("guess")] {
        assert_eq!(ask(leader, "POST", &hook, &header, "").await.status, 401);
    }
    assert_eq!(ask(leader, "POST", &hook, &basic(PASSWORD), "").await.status, 200);
    assert_eq!(ask(follower, "POST", &hook, &basic(PASSWORD), "").await.status, 503);
}

/// The hook of a main whose pod was marked waits for the move, which is then in record and history.
async fn a_main_is_let_go_when_it_has_moved(server: Server) {
    let site = Site::start(server, &["--prestop-timeout-s=60"]).await;
    let no = site.settled().await;
    let before = site.record().await;
    let main = site.pod(before.target);
    let pods = site.kubelet.pods();
    let marked = pods.delete(&main, &Default::default()).await;
    assert!(marked.is_ok(), "{marked:?}");
    let at = site.controllers[no].at;
    let hook = ask(at, "POST", &format!("/prestop-hook/{main}"), &basic(PASSWORD), "").await;
    assert_eq!(hook.status, 200, "{}", hook.body);
    let after = site.until("another main", |record| record.target != before.target).await;
    assert!(matches!(after.cause, Cause::Switchover { .. }) && after.stage == Stage::Steady);
    let is_told = |told: &Value| {
        let last = told["moves"].as_array().unwrap().last().cloned().unwrap_or_default();
        let is_whole = last["term"] == after.term.0 && !last["open_ms"].is_null();
        assert!(!is_whole || last["rule"] != "", "{last}");
        is_whole
    };
    site.until_told(no, "the whole move", is_told).await;
    let back = site.settled().await;
    assert_eq!(back, no, "nobody else led meanwhile");
}
