//! What people do with a cluster: commands as processes, and what they end with.

use crate::{
    client::Events,
    common::text,
    on_both,
    site::{PASSWORD, Server, Site, ask},
    writers::{Gateway, ledger, nothing_is_lost, until, writers},
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use tokio::{task::spawn_blocking, time::sleep};

on_both!(a_person_sees_and_moves_a_cluster, a_stop_hands_over_and_moves_nothing);

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"))
}

#[track_caller]
fn ends(output: &Output, code: i32, words: &[&str]) {
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in words {
        assert!(said.contains(part), "{part:?} is not said: {said}");
    }
}

async fn a_person_sees_and_moves_a_cluster(server: Server) {
    let site = Site::start(server, &[]).await;
    site.settled().await;
    let before = site.record().await;
    let (main, voter) = (site.pod(before.target), site.pod(before.voters().next().unwrap()));

    // At rest: 0, in every form.
    ends(
        &site.person(&["status"]).await,
        0,
        &["state       settled", &main, "STRICT_SYNC", "main"],
    );
    let output = site.person(&["status", "-o", "json"]).await;
    assert_eq!((output.status.code(), &json(&output)["plan"]["settled"]), (Some(0), &true.into()));
    ends(&site.person(&["status", "-o", "yaml"]).await, 0, &["leads: true", "settled: true"]);
    watched(&site).await;
    plugin(&site).await;

    // What would be, of what is.
    let crash = format!("crash {main}");
    ends(
        &site.person(&["explain", "--if", &crash]).await,
        0,
        &["E10 failover             act", "record intent"],
    );
    ends(&site.person(&["explain"]).await, 0, &["settled: nothing to do"]);

    // A move, with progress for whoever waits; then one that cannot be.
    let output = site.person(&["switchover", "--to", &voter, "--wait"]).await;
    ends(&output, 0, &["asked for: the main moves to", "begun", &format!("done: {voter} is main")]);
    assert!(text(&output.stderr).contains("begun"), "progress is no result");
    site.settled().await;
    let after = site.record().await;
    assert_eq!(site.pod(after.target), voter);

    // It is in the history once, and so is the beginning, with cause, facts and durations.
    let output = site.person(&["history", "-o", "json"]).await;
    let moves = json(&output);
    let of = |term: u32| {
        let found = moves.as_array().unwrap().iter().filter(|it| it["term"] == term);
        let found: Vec<_> = found.collect();
        assert_eq!(found.len(), 1, "{moves:#}");
        found[0].clone()
    };
    let (first, last) = (of(1), of(after.term.0));
    assert_eq!(first["cause"], "bootstrap");
    assert!(last["cause"]["switchover"].is_object(), "{last}");
    for made in [&first, &last] {
        let parts = ["withdrawn_ms", "attached_ms", "steady_ms", "open_ms"];
        assert!(parts.iter().all(|part| made[part].is_number()), "{made}");
        assert!(made["rule"] != "" && made["why"] != "" && made["read"] == false, "{made}");
    }
    ends(&site.person(&["history"]).await, 0, &["CAUSE", "switchover", &main, &voter, "ms"]);

    // Paused it observes and changes nothing; that is told, and is no rest.
    ends(&site.person(&["pause"]).await, 0, &[]);
    site.until_status("paused", |said| said.contains("paused")).await;
    ends(&site.person(&["resume"]).await, 0, &[]);
    site.settled().await;
    let third =
        site.cluster.names().instances().find(|id| *id != after.target && !after.is_voter(*id));
    let third = site.pod(third.unwrap());
    ends(&site.person(&["failover", "--to", &third]).await, 1, &["Nothing is done"]);
    ends(&site.person(&["switchover", "--to", "nobody"]).await, 2, &["expected one of"]);
    assert_eq!(site.record().await.term, site.settled_term().await);

    let output = site.person(&["journal", "--lines", "2"]).await;
    ends(&output, 0, &[]);
    logs(&site);
}

impl Site {
    async fn settled_term(&self) -> ha_core::ids::Term {
        self.settled().await;
        self.record().await.term
    }
}

/// A watch looks again and again until it is told to stop.
async fn watched(site: &Site) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_memgraph-ha"));
    let mut command = site.command(program, &["status", "--watch"]);
    let looks = spawn_blocking(move || {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary");
        let lines = BufReader::new(child.stdout.take().expect("an output")).lines();
        let looks = lines.map_while(Result::ok).filter(|line| line.starts_with("state ")).take(3);
        let looks: Vec<_> = looks.collect();
        child.kill().expect("it goes on");
        child.wait().expect("it ends");
        looks
    });
    assert_eq!(looks.await.unwrap(), ["state       settled"; 3]);
}

/// Under the name that kubectl looks for it is kubectl's own command; where there is a kubectl, by it.
async fn plugin(site: &Site) {
    let folder = site.path("bin");
    std::fs::create_dir(&folder).unwrap();
    let named = folder.join("kubectl-memgraph_ha");
    symlink(env!("CARGO_BIN_EXE_memgraph-ha"), &named).unwrap();
    let mut direct = site.command(&named, &["status"]);
    let output = spawn_blocking(move || direct.output().expect("the binary")).await.unwrap();
    ends(&output, 0, &["state       settled"]);
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", folder.display());
    let flags = site.flags();
    let by_kubectl = spawn_blocking(move || {
        let mut command = Command::new("kubectl");
        command.args(["memgraph-ha", "status"]).args(flags).env("PATH", path).output()
    });
    match by_kubectl.await.unwrap() {
        Ok(output) => ends(&output, 0, &["state       settled"]),
        Err(error) => {
            assert!(matches!(site.server, Server::Memory(_)), "kubectl is expected here: {error}");
        }
    }
}

/// Each line of the logs is JSON; the steps are in the span of their pass; nothing secret is in them.
fn logs(site: &Site) {
    let mut steps = 0;
    for (no, one) in site.controllers.iter().enumerate() {
        let log = std::fs::read_to_string(&one.log).unwrap();
        assert!(!log.contains(PASSWORD), "the password is logged");
        for line in log.lines() {
            let said: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            if said["message"] == "done" {
                assert!(
                    said["span"]["name"] == "pass" && said["span"]["number"].is_number(),
                    "{line}"
                );
                assert!(said["rule"].is_string() && said["took_ms"].is_number(), "{line}");
                steps += 1;
            }
        }
        let journal = site.path(&format!("journal-{no}"));
        assert!(!std::fs::read_to_string(journal).unwrap().contains(PASSWORD));
    }
    assert!(steps > 10, "{steps} steps are logged");
}

/// SIGTERM gives the lease up: the other controller leads at once, the main stays, no write fails, and
/// what the first one did is still in the history.
async fn a_stop_hands_over_and_moves_nothing(server: Server) {
    let mut site = Site::start(server, &[]).await;
    let no = site.settled().await;
    ends(&site.person(&["switchover", "--wait"]).await, 0, &["done"]);
    assert_eq!(site.settled().await, no);
    let before = site.record().await;
    let knows = |told: &Value| {
        let moves = told["moves"].as_array().unwrap();
        moves.last().is_some_and(|it| it["term"] == before.term.0)
    };
    site.until_told(1 - no, "the move of the other one", knows).await;
    let path = site.path("ledger");
    let gateway = Gateway::start(&site, "5s").await;
    let writers = writers(&gateway, &path);
    until(&path, "written", |acked, _| acked > 100).await;
    let (_, troubles) = ledger(&path);
    // A listener and a question that waits do not hold the stop up.
    let _listens = Events::listen(site.controllers[no].at).await;
    let stopped = site.controllers[no].process.take().unwrap();
    stopped.signal(rustix::process::Signal::TERM);
    assert_eq!(stopped.ended().await, Some(0));
    assert_eq!(site.settled().await, 1 - no);
    let after = site.record().await;
    assert_eq!((after.target, after.term), (before.target, before.term));
    let (written, _) = ledger(&path);
    until(&path, "written on", |acked, _| acked > written + 100).await;
    assert_eq!(ledger(&path).1, troubles, "no write fails");
    writers.signal(rustix::process::Signal::TERM);
    assert_eq!(writers.ended().await, Some(0));
    nothing_is_lost(&site, &path).await;
    let moves = json(&site.person(&["history", "-o", "json"]).await);
    let of_it = moves.as_array().unwrap().iter().filter(|it| it["term"] == before.term.0);
    let made: Vec<_> = of_it.collect();
    assert_eq!(made.len(), 1, "{moves:#}");
    assert_eq!(made[0]["to"], before.target.to_string());
    assert_eq!(made[0]["read"], true, "by whom it was made does not answer");

    // Both are replaced, one after the other, as by an upgrade: nobody is left who saw it.
    site.run(no, &[]);
    remembered(&site, no, before.term).await;
    let last = site.controllers[1 - no].process.take().unwrap();
    last.signal(rustix::process::Signal::TERM);
    assert_eq!(last.ended().await, Some(0));
    site.run(1 - no, &[]);
    remembered(&site, 1 - no, before.term).await;
    assert_eq!(site.settled().await, no);
    let moves = json(&site.person(&["history", "-o", "json"]).await);
    let terms: Vec<_> = moves.as_array().unwrap().iter().map(|it| it["term"].clone()).collect();
    let all: Vec<_> = (1..=before.term.0).map(Value::from).collect();
    assert_eq!(terms, all, "{moves:#}");
    assert!(moves.as_array().unwrap().iter().all(|it| it["to"].is_string()), "{moves:#}");
}

/// Waits until a controller lists the move of that term.
async fn remembered(site: &Site, no: usize, term: ha_core::ids::Term) {
    let at = site.controllers[no].at;
    let deadline = Instant::now() + crate::PATIENCE;
    loop {
        if tokio::net::TcpStream::connect(at).await.is_ok() {
            let status = ask(at, "GET", "/v1/status", "", "").await.json();
            if status["moves"].as_array().unwrap().iter().any(|it| it["term"] == term.0) {
                return;
            }
        }
        assert!(Instant::now() < deadline, "controller {no} never hears of {term}");
        sleep(Duration::from_millis(50)).await;
    }
}
