//! Orders of people that are carried out to their end, on instances that are down.

use crate::{
    PATIENCE,
    common::text,
    site::{Server, Site},
};
use ha_core::{ids::InstanceId, record::Record};
use rustix::process::Signal;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Ends a process for as long as its container is held down.
fn keep_down(site: &Site, id: InstanceId) {
    site.kubelet.hold_down(id, true);
    assert!(site.kubelet.signal(id, Signal::KILL));
}

async fn person(site: &Site, args: &[&str]) -> (Option<i32>, String) {
    let output = site.person(args).await;
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

/// Waits until the stored record says so, in whatever stage.
async fn recorded(site: &Site, what: &str, says: impl Fn(&Record) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !says(&site.record().await) {
        assert!(Instant::now() < deadline, "never {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_moves_while_it_is_paused_whatever_dies() {
    let site = Site::start(Server::in_memory().await, &[]).await;
    site.settled().await;
    let before = site.record().await;
    assert_eq!(person(&site, &["pause"]).await.0, Some(0));
    for no in 0..site.controllers.len() {
        let is_paused = |told: &Value| told["observation"]["desired"]["paused"] == true;
        site.until_told(no, "paused", is_paused).await;
    }
    keep_down(&site, before.target);
    // An unpaused controller has recorded a failover within a tenth of this.
    sleep(Duration::from_secs(4)).await;
    let during = site.record().await;
    assert_eq!(
        (during.target, during.term, during.stage),
        (before.target, before.term, before.stage)
    );
    assert_eq!(person(&site, &["resume"]).await.0, Some(0));
    site.until("moved", |record| record.target != before.target).await;
    site.kubelet.hold_down(before.target, false);
    site.settled().await;
}

#[tokio::test]
async fn a_person_goes_on_with_who_is_left() {
    let site = Site::start(Server::in_memory().await, &[]).await;
    site.settled().await;
    let before = site.record().await;
    let voter = before.voters().next().expect("a voter");
    let mut all = site.cluster.names().instances();
    let left = all.find(|id| *id != before.target && *id != voter).expect("a third one");
    let pod = site.pod(left);
    for id in [before.target, voter] {
        keep_down(&site, id);
    }
    // Nobody is proven to have everything: it says so, and does nothing.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (code, said) = person(&site, &["failover", "--to", &pod]).await;
        assert_eq!(code, Some(1), "{said}");
        if said.contains("--accept-loss") {
            break;
        }
        assert!(Instant::now() < deadline, "it never says what would take the loss: {said}");
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(site.record().await.target, before.target);
    let accept = ["failover", "--to", &pod, "--accept-loss", "--wait"];
    let (accepted, ()) = tokio::join!(person(&site, &accept), async {
        recorded(&site, "ordered", |record| record.target == left).await;
        for id in [before.target, voter] {
            site.kubelet.hold_down(id, false);
        }
    });
    assert_eq!(accepted.0, Some(0), "{}", accepted.1);
    site.settled().await;
    // The vote may have moved on to the preferred pair since; the order was carried out once.
    let (_, history) = person(&site, &["history", "-o", "json"]).await;
    assert_eq!(history.matches("\"accept").count(), 1, "{history}");
}
