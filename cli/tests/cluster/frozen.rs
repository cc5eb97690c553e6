//! Processes that stand still, as on a machine that is short of memory or is moved: a gateway while the
//! main moves, and all controllers while somebody writes the record.

use crate::{
    PATIENCE, on_both,
    site::{Server, Site},
    writers::{Gateway, LOG, ledger, nothing_is_lost, until, writers},
};
use ha_core::{ids::Term, record::Stage};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Grants that run out soon.
const SOON: [&str; 3] = ["--lease-ms=1000", "--renew-ms=200", "--grant-ms=600"];
/// Writes that the old main refused, as the gateway saw.
const FORBIDDEN: &str = "memgraph_gateway_forbidden_writes_total{listener=\"write\"}";

on_both!(
    a_gateway_that_stands_still_forwards_nothing_on_waking,
    a_stored_term_ends_a_route_while_every_controller_stands_still,
);

/// Its clients' requests lie in its sockets while it stands; when it goes on, the main is another one.
/// All of its guards at once, as in production: which of them keeps a byte back that comes before any
/// word of a controller, tests of the gateway judge with a clock of their own.
async fn a_gateway_that_stands_still_forwards_nothing_on_waking(server: Server) {
    let site = Site::start(server, &SOON).await;
    site.settled().await;
    let path = site.path("ledger");
    let gateway = Gateway::start(&site, "10s").await;
    let writers = writers(&gateway, &path);
    until(&path, "written", |acked, _| acked > 100).await;
    for _ in 0..3 {
        let before = site.record().await;
        let voter = site.pod(before.voters().next().expect("a voter"));
        gateway.process.signal(Signal::STOP);
        let ordered = site.person(&["switchover", "--to", &voter]).await;
        assert_eq!(ordered.status.code(), Some(0), "{ordered:?}");
        // The promotion waits for the end of the grant, which nobody gives back.
        let moved = |record: &ha_core::record::Record| {
            record.target != before.target && record.stage == Stage::Steady
        };
        site.until("moved", moved).await;
        let (acked, _) = ledger(&path);
        gateway.process.signal(Signal::CONT);
        until(&path, "written to the new main", |now, _| now > acked + 50).await;
        site.settled().await;
    }
    assert!(gateway.metric(FORBIDDEN).await == 0.0, "what passes after a grant is refused");
    writers.signal(Signal::TERM);
    assert_eq!(writers.ended().await, Some(0));
    // What was on its way when it stopped may have been applied.
    let (_, others) = ledger(&path);
    assert!(others.iter().all(|why| why.starts_with("\"in-doubt\"")), "{others:?}");
    nothing_is_lost(&site, &path).await;
}

/// The usual grants last for seconds: without the record this one would be frozen at its end.
async fn a_stored_term_ends_a_route_while_every_controller_stands_still(server: Server) {
    let site = Site::start(server, &[]).await;
    site.settled().await;
    let path = site.path("ledger");
    let gateway = Gateway::start(&site, "10s").await;
    let writers = writers(&gateway, &path);
    until(&path, "written", |acked, _| acked > 20).await;
    for controller in &site.controllers {
        controller.process.as_ref().expect("it runs").signal(Signal::STOP);
    }
    let stored = site.cluster.read_record().await.expect("a record");
    let mut record = stored.record().expect("a record").clone();
    record.term = Term(record.term.0 + 1);
    site.cluster.write_record(stored.version, &record).await;
    let deadline = Instant::now() + PATIENCE;
    let said = loop {
        let log = std::fs::read_to_string(site.path(LOG)).expect("a log");
        if let Some(line) = log.lines().find(|line| line.contains("writes are held")) {
            break line.to_owned();
        }
        assert!(Instant::now() < deadline, "the route never ends: {log}");
        sleep(Duration::from_millis(20)).await;
    };
    assert!(said.contains("Closed"), "by the record, not by its time: {said}");
    let (held, _) = ledger(&path);
    for controller in &site.controllers {
        controller.process.as_ref().expect("it runs").signal(Signal::CONT);
    }
    until(&path, "written again", |now, _| now > held + 20).await;
    writers.signal(Signal::TERM);
    assert_eq!(writers.ended().await, Some(0));
    nothing_is_lost(&site, &path).await;
}
