//! The API server is gone: with both controllers alive writes go on and nothing moves; when one of
//! them is gone, too, clients are held, then refused with a reason; when both are back everything goes
//! on, and nothing that was acknowledged is lost. `OUTAGE_S=300` makes it five minutes with the times
//! that are usual; else it is ten leases of one second.

use crate::{
    PATIENCE,
    site::{HERE, Process, Server, Site, ports},
};
use serde_json::Value;
use shell_k8s::api_server::{Link, Who};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_memgraph-ha");
/// In so many parts of an outage writes must have gone on.
const PARTS: u32 = 5;

/// The ends of the writes so far: how many were acknowledged, and why others failed.
fn ledger(path: &Path) -> (usize, Vec<String>) {
    // Nobody has written anything yet.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    let (acked, others): (Vec<_>, Vec<_>) = lines.partition(|line| line["end"] == "acked");
    let why = |line: &Value| format!("{}: {}", line["end"], line["why"]);
    (acked.len(), others.iter().map(why).collect())
}

/// Waits until the ledger says so.
async fn until(path: &Path, what: &str, says: impl Fn(usize, &[String]) -> bool) {
    let until = Instant::now() + PATIENCE;
    loop {
        let (acked, others) = ledger(path);
        if says(acked, &others) {
            return;
        }
        assert!(Instant::now() < until, "never {what}: {acked} acknowledged, {others:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A gateway, and clients that write through it.
fn clients(site: &Site, ledger: &Path) -> [Process; 2] {
    let first = ports(3);
    let at = |more: u16| format!("{HERE}:{}", first + more);
    let pages: Vec<_> = site.controllers.iter().map(|one| one.at.to_string()).collect();
    let gateway = Command::new(PROGRAM)
        .arg("gateway")
        .arg(format!("--bind-address={}", at(0)))
        .arg(format!("--read-bind-address={}", at(1)))
        .arg(format!("--admin-bind-address={}", at(2)))
        .arg(format!("--controllers={}", pages.join(",")))
        .arg("--hold-limit=2s")
        .stderr(Stdio::null())
        .spawn();
    let writers = Command::new(PROGRAM)
        .args(["workload", "run"])
        .arg(format!("--write={}", at(0)))
        .arg(format!("--ledger={}", ledger.display()))
        .spawn();
    [gateway, writers].map(|child| Process(child.expect("the binary")))
}

#[tokio::test]
async fn an_outage_of_the_api_server_stops_nothing_while_both_controllers_live() {
    let given: Option<u64> = std::env::var("OUTAGE_S").ok().map(|s| s.parse().expect("seconds"));
    let soon = ["--lease-ms=1000", "--renew-ms=200", "--grant-ms=600"];
    let flags: &[&str] = if given.is_some() { &[] } else { &soon };
    let outage = Duration::from_secs(given.unwrap_or(10));
    let mut site = Site::start(Server::in_memory().await, flags).await;
    let no = site.settled().await;
    let before = site.record().await;
    let path = site.path("ledger");
    let [_gateway, writers] = clients(&site, &path);
    until(&path, "written", |acked, _| acked > 100).await;
    // The lease names the other one, which has promised, once it was renewed since.
    sleep(Duration::from_secs(if given.is_some() { 10 } else { 2 })).await;
    let refused_before = ledger(&path).1;

    let Server::Memory(server) = &site.server else { unreachable!("it is in memory") };
    let faults = server.faults();
    faults.link(Who::Everyone, Link::Down);
    let (from, _) = ledger(&path);
    let mut acked = from;
    for part in 0..PARTS {
        sleep(outage / PARTS).await;
        let (now, others) = ledger(&path);
        assert!(now > acked, "writes stand still in part {part}");
        assert_eq!(others, refused_before, "in part {part}");
        acked = now;
    }
    println!("{} writes in {} s without an API server", acked - from, outage.as_secs());
    let status = site.get(no, "/v1/status").await.json();
    let waits = status["waits"].as_array().unwrap();
    assert!(waits.iter().any(|wait| wait["rule"] == "T10"), "it says so: {waits:?}");
    let metrics = site.get(no, "/metrics").await.body;
    assert!(metrics.contains("memgraph_ha_grants_on_promises 1"), "{metrics}");

    // Without the other one's promise no write goes on; whoever waits is told why.
    drop(site.controllers[1 - no].process.take());
    until(&path, "refused", |_, others| others.len() > refused_before.len() + 3).await;
    let (held, _) = ledger(&path);
    sleep(Duration::from_secs(3)).await;
    let (still, others) = ledger(&path);
    assert_eq!(still, held, "nothing is acknowledged under no grant");
    let reason = "The main is another instance now, or none can be reached";
    assert!(others.iter().any(|why| why.contains(reason)), "{others:?}");

    faults.link(Who::Everyone, Link::Up);
    site.run(1 - no, flags);
    until(&path, "written again", |acked, _| acked > still + 100).await;
    site.settled().await;
    let after = site.record().await;
    assert_eq!((after.target, after.term), (before.target, before.term), "nothing moved");
    writers.signal(rustix::process::Signal::TERM);
    assert_eq!(writers.ended().await, Some(0));
    nothing_is_lost(&site, &path).await;
}

async fn nothing_is_lost(site: &Site, ledger: &Path) {
    let mut check = Command::new(PROGRAM);
    check.args(["workload", "check", "--ledger"]).arg(ledger);
    for id in site.cluster.names().instances() {
        check.arg(format!("--instance={}", site.endpoints.bolt(id, HERE)));
    }
    let checked = spawn_blocking(move || check.output().expect("the binary")).await.unwrap();
    let verdict = String::from_utf8_lossy(&checked.stdout).into_owned();
    println!("{}", verdict.trim());
    assert_eq!(checked.status.code(), Some(0), "{verdict}");
}
