//! The API server is gone: with both controllers alive writes go on and nothing moves; when one of
//! them is gone, too, clients are held, then refused with a reason; when both are back everything goes
//! on, and nothing that was acknowledged is lost. `OUTAGE_S=300` makes it five minutes with the times
//! that are usual; else it is ten leases of one second.

use crate::{
    site::{Server, Site},
    writers::{Gateway, ledger, nothing_is_lost, until, writers},
};
use shell_k8s::api_server::{Link, Who};
use std::time::Duration;
use tokio::time::sleep;

/// In so many parts of an outage writes must have gone on.
const PARTS: u32 = 5;

fn is_in_doubt(why: &str) -> bool {
    why.starts_with("\"in-doubt\"")
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
    let gateway = Gateway::start(&site, "2s").await;
    let writers = writers(&gateway, &path);
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
    for line in [
        "memgraph_ha_grants_on_promises 1",
        // Nothing was listed since, and how the set is cannot be known.
        "memgraph_ha_warnings{kind=\"pods-unconfirmed\"} 1",
        "memgraph_ha_warnings{kind=\"set-unread\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "no {line}: {metrics}");
    }

    // Without the other one's promise no write goes on; whoever waits is told why.
    drop(site.controllers[1 - no].process.take());
    until(&path, "refused", |_, others| others.len() > refused_before.len() + 3).await;
    let (held, _) = ledger(&path);
    sleep(Duration::from_secs(3)).await;
    let (still, others) = ledger(&path);
    assert_eq!(still, held, "nothing is acknowledged under no grant");
    let reason = "No controller lets this gateway forward at the moment";
    let mut refused = others.iter().skip(refused_before.len()).filter(|why| !is_in_doubt(why));
    assert!(refused.all(|why| why.contains(reason)), "{others:?}");

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
