//! Clients that write through a gateway and keep a ledger of what they were told.

use crate::{
    PATIENCE,
    site::{HERE, Process, Site, ports},
};
use serde_json::Value;
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

/// The ends of the writes so far: how many were acknowledged, and why others failed.
pub(crate) fn ledger(path: &Path) -> (usize, Vec<String>) {
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
pub(crate) async fn until(path: &Path, what: &str, says: impl Fn(usize, &[String]) -> bool) {
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

/// A gateway that lets clients wait so long for a route, and clients that write through it.
pub(crate) fn clients(site: &Site, ledger: &Path, hold: &str) -> [Process; 2] {
    let first = ports(3);
    let at = |more: u16| format!("{HERE}:{}", first + more);
    let pages: Vec<_> = site.controllers.iter().map(|one| one.at.to_string()).collect();
    let gateway = Command::new(PROGRAM)
        .arg("gateway")
        .arg(format!("--bind-address={}", at(0)))
        .arg(format!("--read-bind-address={}", at(1)))
        .arg(format!("--admin-bind-address={}", at(2)))
        .arg(format!("--controllers={}", pages.join(",")))
        .arg(format!("--hold-limit={hold}"))
        .stderr(Stdio::null())
        .spawn();
    let writers = Command::new(PROGRAM)
        .args(["workload", "run"])
        .arg(format!("--write={}", at(0)))
        .arg(format!("--ledger={}", ledger.display()))
        .spawn();
    [gateway, writers].map(|child| Process(child.expect("the binary")))
}

pub(crate) async fn nothing_is_lost(site: &Site, ledger: &Path) {
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
