//! Clients that write through a gateway and keep a ledger of what they were told.

use crate::{
    PATIENCE,
    site::{HERE, Process, Server, Site, ask, ports},
};
use serde_json::Value;
use std::{
    net::SocketAddr,
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

/// The log of a gateway, in the folder of its site.
pub(crate) const LOG: &str = "gateway.log";

/// A gateway, and where it answers.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    write: SocketAddr,
    admin: SocketAddr,
}

impl Gateway {
    /// One that lets clients wait so long for a route, and watches the record as well.
    pub(crate) async fn start(site: &Site, hold: &str) -> Self {
        Self::telling(site, hold, "info").await
    }

    /// One whose log has this level.
    pub(crate) async fn telling(site: &Site, hold: &str, level: &str) -> Self {
        Self::begin(site, (hold, level), LOG, &[]).await
    }

    /// One that says in which pod it is.
    pub(crate) async fn in_pod(site: &Site, pod: &str) -> Self {
        Self::begin(site, ("5s", "info"), &format!("{pod}.log"), &[("POD_NAME", pod)]).await
    }

    async fn begin(
        site: &Site,
        (hold, level): (&str, &str),
        log: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let first = ports(3);
        let at = |more: u16| SocketAddr::new(HERE, first + more);
        let pages: Vec<_> = site.controllers.iter().map(|one| one.at.to_string()).collect();
        let names = site.cluster.names();
        let mut command = Command::new(PROGRAM);
        command
            .arg("gateway")
            .arg(format!("--bind-address={}", at(0)))
            .arg(format!("--read-bind-address={}", at(1)))
            .arg(format!("--admin-bind-address={}", at(2)))
            .arg(format!("--controllers={}", pages.join(",")))
            .arg(format!("--record-configmap={}/{}", names.namespace(), names.record()))
            .arg(format!("--hold-limit={hold}"))
            .env("LOG_LEVEL", level)
            .envs(environment.iter().copied())
            .stderr(Stdio::from(std::fs::File::create(site.path(log)).expect("a file")));
        match &site.server {
            Server::Memory(server) => {
                command.arg(format!("--api-server={}", server.uri_of("gateway")));
            }
            Server::Real(path) => {
                command.env("KUBECONFIG", path);
            }
        }
        let process = Process(command.spawn().expect("the binary"));
        let deadline = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(at(0)).await.is_err() {
            assert!(Instant::now() < deadline, "the gateway does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        Self { process, write: at(0), admin: at(2) }
    }

    /// Where clients write.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.write
    }

    /// The value of one of its metrics.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let body = ask(self.admin, "GET", "/metrics", "", "").await.body;
        let value = body.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("{name} in\n{body}"))
    }
}

/// Clients that write through it.
pub(crate) fn writers(gateway: &Gateway, ledger: &Path) -> Process {
    let child = Command::new(PROGRAM)
        .args(["workload", "run"])
        .arg(format!("--write={}", gateway.write))
        .arg(format!("--ledger={}", ledger.display()))
        .spawn();
    Process(child.expect("the binary"))
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
