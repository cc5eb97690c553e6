//! What a controller writes for others than itself: what pods show of their instances, and events.

mod http_support;

use ha_core::ids::InstanceId;
use http_support::{Lease, Served, StandIn};
use shell_k8s::cluster::{Note, Shown, Weight};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{sleep, timeout};

/// A bound against hanging for ever.
const PATIENCE: Duration = Duration::from_secs(30);

fn settled(lease: Lease) -> StandIn {
    StandIn::from("settled.json", lease)
}

/// Waits until pods show this.
async fn until(world: &StandIn, what: &str, is_so: impl Fn(&BTreeMap<InstanceId, Shown>) -> bool) {
    let seen = async {
        while !is_so(&world.shown().0) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, seen).await.is_ok(), "never {what}: {:?}", world.shown());
}

async fn told(world: &StandIn, reason: &str) -> Note {
    let told = async {
        loop {
            if let Some(note) = world.notes().into_iter().find(|note| note.reason == reason) {
                return note;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let found = timeout(PATIENCE, told).await;
    found.unwrap_or_else(|_| panic!("never told {reason}: {:?}", world.notes()))
}

fn all_replicate(shown: &BTreeMap<InstanceId, Shown>) -> bool {
    shown.values().all(|shown| shown.replicates == Some(Ok(())))
}

fn shows(shown: &BTreeMap<InstanceId, Shown>, id: u8, reason: &str) -> bool {
    shown[&InstanceId(id)].replicates == Some(Err(reason.to_owned()))
}

#[tokio::test]
async fn pods_show_who_replicates() {
    let world = settled(Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    until(&world, "all of them", all_replicate).await;
    let parts = world.shown().0.into_values().map(|shown| shown.part.expect("a part"));
    assert_eq!(parts.collect::<Vec<_>>(), ["main", "replica", "replica"]);
    world.refuse(2);
    until(&world, "one that is gone", |shown| shows(shown, 2, "ProcessGone")).await;
    let (shown, _) = world.shown();
    assert_eq!(shown[&InstanceId(1)].replicates, Some(Ok(())), "it is told apart");
}

/// What is written is what is not shown yet: a cluster at rest costs the API server nothing.
#[tokio::test]
async fn nothing_is_written_twice() {
    let world = settled(Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    until(&world, "all of them", all_replicate).await;
    let (_, before) = world.shown();
    let passes = served.settled().await["passes"].as_u64().expect("a number");
    served.until("more passes", |now| now["passes"].as_u64() > Some(passes + 10)).await;
    assert_eq!(world.shown().1, before);
}

/// What somebody else wrote, a leader before or a person, does not stand.
#[tokio::test]
async fn a_stale_mark_is_put_right() {
    let world = settled(Lease::Free);
    world.refuse(2);
    world.show(2, |shown| shown.replicates = Some(Ok(())));
    let _served = Served::running(&world).await;
    // It never answered this controller, which cannot tell a process that is gone from none.
    until(&world, "put right", |shown| shows(shown, 2, "NoAnswer")).await;
}

#[tokio::test]
async fn whoever_does_not_lead_writes_nothing() {
    let world = settled(Lease::Others);
    let served = Served::running(&world).await;
    served.until("some passes", |now| now["passes"].as_u64() > Some(10)).await;
    assert_eq!(world.shown().1, 0);
    assert_eq!(world.notes(), []);
}

/// Neither marks nor events that nobody takes keep a pass waiting; marks are written when they can be.
#[tokio::test]
async fn no_pass_waits_for_marks() {
    let world = settled(Lease::Free);
    world.mute(true);
    let served = Served::running(&world).await;
    let passes = served.settled().await["passes"].as_u64().expect("a number");
    served.until("more passes", |now| now["passes"].as_u64() > Some(passes + 5)).await;
    assert_eq!(world.shown().1, 0);
    world.mute(false);
    until(&world, "all of them", all_replicate).await;
}

#[tokio::test]
async fn a_failover_is_told_with_its_rule() {
    let world = settled(Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    world.refuse(0);
    let begun = told(&world, "Failover").await;
    assert_eq!(begun.weight, Weight::Warning);
    assert!(begun.text.contains("from mg-0 to mg-1 (E10"), "{}", begun.text);
    let open = |notes: &[Note]| notes.iter().filter(|note| note.reason == "RouteOpened").count();
    let opened = async {
        // Once by this leader at its start, once after the move.
        while open(&world.notes()) < 2 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, opened).await.expect("the move ends");
    let failovers = world.notes().into_iter().filter(|note| note.reason == "Failover").count();
    assert_eq!(failovers, 1);
}

/// What is measured where it happens is shown beside what statuses tell.
#[tokio::test]
async fn metrics_tell_looks_waits_votes_and_marks() {
    let world = settled(Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    world.refuse(2);
    until(&world, "one that is gone", |shown| shows(shown, 2, "ProcessGone")).await;
    let text = served.get("/metrics").await.body;
    for line in [
        "memgraph_ha_votes{instance=\"mg-1\"} 1",
        "memgraph_ha_votes{instance=\"mg-2\"} 0",
        "memgraph_ha_replicates{instance=\"mg-0\"} 1",
        "memgraph_ha_replicates{instance=\"mg-2\"} 0",
        "memgraph_ha_resets_ordered 0",
        "memgraph_ha_record_conflicts_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line}: {text}");
    }
    for part in [
        "memgraph_ha_look_duration_seconds_count{instance=\"mg-0\",found=\"answer\"}",
        "memgraph_ha_look_duration_seconds_count{instance=\"mg-2\",found=\"refused\"}",
        "memgraph_ha_read_duration_seconds_count{object=\"record\",found=\"answer\"}",
        "memgraph_ha_wake_wait_seconds_count",
    ] {
        assert!(text.contains(part), "no {part}: {text}");
    }
}

/// A watch that has ended is not silence: the process ends, and another begins anew.
#[tokio::test]
async fn whoever_hears_of_no_change_any_more_ends() {
    let world = settled(Lease::Free);
    let mut served = Served::running(&world).await;
    served.settled().await;
    world.deafen();
    assert!(!served.ended().await, "nobody told it to");
}
