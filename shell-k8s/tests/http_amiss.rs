//! What is amiss is seen: in the status and in metrics, by the kubelet, in the journal of before.

mod http_support;

use ha_core::{
    action::Action,
    history::Outcome,
    ids::InstanceId,
    observation::{InstanceView, RecordContent},
    reading::Reading,
    record::Reset,
};
use http_support::{Lease, Served, StandIn, metric, metric_becomes};
use serde_json::Value;
use shell_k8s::http::JournalFiles;
use std::{
    io,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::sleep;

fn settled() -> StandIn {
    StandIn::from("settled.json", Lease::Free)
}

fn warning<'v>(status: &'v Value, kind: &str) -> Option<&'v str> {
    let all = status["warnings"].as_array().expect("a list");
    all.iter().find(|it| it["kind"] == kind)?["words"].as_str()
}

/// Waits until it warns of that, and returns the words; in the metric it stands as well.
async fn warned(served: &Served, kind: &str) -> String {
    served.until(kind, |now| warning(now, kind).is_some()).await;
    metric_becomes(served, &format!("memgraph_ha_warnings{{kind=\"{kind}\"}}"), 1.0).await;
    let shown = served.json("/v1/status").await;
    warning(&shown, kind).expect("it lasts").to_owned()
}

async fn gone(served: &Served, kind: &str) {
    served.until("no warning", |now| warning(now, kind).is_none()).await;
    metric_becomes(served, &format!("memgraph_ha_warnings{{kind=\"{kind}\"}}"), 0.0).await;
}

#[tokio::test]
async fn a_set_of_another_size_is_shown() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    metric_becomes(&served, "memgraph_ha_set_replicas", 3.0).await;
    metric_becomes(&served, "memgraph_ha_instances", 3.0).await;
    assert_eq!(served.json("/v1/status").await["warnings"], serde_json::json!([]));
    for (replicas, part) in [
        (5, "StatefulSet memgraph-ha asks for 5 pods, this controller keeps 3"),
        (2, "those from ordinal 2 on have no pod"),
        (0, "those from ordinal 0 on have no pod"),
    ] {
        world.set(Ok(Some(replicas)));
        metric_becomes(&served, "memgraph_ha_set_replicas", f64::from(replicas)).await;
        served.until("told", |now| now["set_replicas"] == replicas).await;
        let words = warned(&served, "set-size").await;
        assert!(words.contains(part) && words.contains("--instances"), "{words}");
    }
    world.set(Ok(None));
    let words = warned(&served, "set-missing").await;
    assert!(words.contains("there is no StatefulSet memgraph-ha"), "{words}");
    gone(&served, "set-size").await;
    world.set(Err("forbidden by the stand-in"));
    let words = warned(&served, "set-unread").await;
    assert!(words.ends_with("forbidden by the stand-in"), "{words}");
    let text = served.get("/metrics").await.body;
    assert_eq!(metric(&text, "memgraph_ha_set_replicas"), None, "it is not known any more");
    world.set(Ok(Some(3)));
    gone(&served, "set-unread").await;
    assert!(served.settled().await["warnings"].as_array().is_some_and(Vec::is_empty));
}

/// A pod beyond the size is no member and gets no route, whatever the StatefulSet asks for.
#[tokio::test]
async fn a_pod_beyond_the_size_is_shown() {
    let world = settled();
    world.change(|seen| {
        let third: InstanceView = seen.instances[&InstanceId(2)].clone();
        seen.instances.insert(InstanceId(3), third);
    });
    let served = Served::running(&world).await;
    let words = warned(&served, "pods-beyond").await;
    assert!(words.starts_with("memgraph-ha-3 beyond the 3 instances"), "{words}");
    world.change(|seen| {
        let pod = &mut seen.instances.get_mut(&InstanceId(3)).expect("it").pod;
        *pod = Reading::fresh(None);
    });
    gone(&served, "pods-beyond").await;
}

/// It is not the same as a pause that somebody asked for.
#[tokio::test]
async fn orders_that_cannot_be_read_are_shown_with_the_reason() {
    let world = settled();
    world.hide_orders(Some("key orders: \"yes\""));
    let served = Served::running(&world).await;
    let words = warned(&served, "orders-unread").await;
    assert!(words.ends_with("key orders: \"yes\""), "{words}");
    world.hide_orders(None);
    gone(&served, "orders-unread").await;
    served.settled().await;
}

#[tokio::test]
async fn pods_that_are_not_confirmed_are_shown_with_the_reason() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    world.unconfirm(Some("the API server lists version 7"));
    let words = warned(&served, "pods-unconfirmed").await;
    assert!(words.ends_with("the API server lists version 7"), "{words}");
    world.unconfirm(None);
    gone(&served, "pods-unconfirmed").await;
}

/// Instances are restarted one by one, and each goes by the Secret of the time when it starts.
#[tokio::test]
async fn a_password_that_is_no_more_is_shown_as_long_as_somebody_goes_by_it() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    world.keep_former_password(&[0, 2]);
    served
        .until("told", |now| {
            warning(now, "former-password")
                .is_some_and(|it| it.starts_with("memgraph-ha-0, memgraph-ha-2 "))
        })
        .await;
    world.keep_former_password(&[0]);
    served
        .until("told", |now| {
            warning(now, "former-password")
                .is_some_and(|it| it.starts_with("memgraph-ha-0 refused"))
        })
        .await;
    warned(&served, "former-password").await;
    world.keep_former_password(&[]);
    gone(&served, "former-password").await;
}

/// The cluster is kept in order without a journal; when it is written again it begins with what is
/// known, so that nothing is decided again on half of it.
#[tokio::test]
async fn a_journal_that_is_not_written_is_shown_and_begins_anew() {
    let world = settled();
    let served = Served::running(&world).await;
    let is_full = Arc::new(AtomicBool::new(false));
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (full, written) = (Arc::clone(&is_full), Arc::clone(&lines));
    served.controller.keep_journal(Box::new(move |line| {
        if full.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let line = serde_json::to_value(line).expect("JSON");
        let kind = ["start", "sample", "decided"].into_iter().find(|it| !line[*it].is_null());
        written.lock().expect("no test panics with it").push(kind.expect("a kind"));
        Ok(false)
    }));
    served.settled().await;
    let text = served.get("/metrics").await.body;
    assert_eq!(metric(&text, "memgraph_ha_journal_errors_total"), Some(0.0));
    is_full.store(true, Ordering::Relaxed);
    let words = warned(&served, "journal-unwritten").await;
    assert!(words.contains("decisions go on without it: no storage space"), "{words}");
    let text = served.get("/metrics").await.body;
    assert!(metric(&text, "memgraph_ha_journal_errors_total") > Some(0.0), "{text}");
    // Nothing waits for it.
    world.refuse(0);
    served.until("a failover", |now| now["moves"][0]["open_ms"].is_number()).await;
    let before = lines.lock().expect("no test panics with it").len();
    is_full.store(false, Ordering::Relaxed);
    gone(&served, "journal-unwritten").await;
    let lines = lines.lock().expect("no test panics with it").clone();
    assert_eq!((lines[0], lines[before]), ("start", "start"), "{lines:?}");
    assert_eq!(lines.iter().filter(|kind| **kind == "start").count(), 2);
}

/// A loop that stands still is told by the one path that the kubelet asks.
#[tokio::test]
async fn a_loop_that_stands_still_is_not_alive() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    // A step of the failover has no end, and the pass with it.
    world.hang(true);
    world.refuse(0);
    world.hung().await;
    // The pass before it is seen by then.
    sleep(Duration::from_millis(50)).await;
    assert_eq!(served.get("/livez").await.status, 200);
    let pass = async |ahead| {
        tokio::time::pause();
        tokio::time::advance(ahead).await;
        tokio::time::resume();
    };
    pass(Duration::from_secs(100)).await;
    assert_eq!(served.get("/livez").await.status, 200, "long is not for ever");
    pass(Duration::from_secs(25)).await;
    let answer = served.get("/livez").await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.starts_with("no pass has ended for 12"), "{}", answer.body);
    // It goes on by itself where it can.
    world.hang(false);
    served.until("an end", |now| now["moves"][0]["open_ms"].is_number()).await;
    assert_eq!(served.get("/livez").await.body, "OK\n");
}

#[tokio::test]
async fn a_record_that_another_wrote_is_counted() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    world.conflict(2);
    world.refuse(0);
    served.until("a failover", |now| now["moves"][0]["open_ms"].is_number()).await;
    metric_becomes(&served, "memgraph_ha_record_conflicts_total", 2.0).await;
    let text = served.get("/metrics").await.body;
    let refused = "memgraph_ha_steps_total{action=\"record\",outcome=\"refused\"}";
    assert_eq!(metric(&text, refused), Some(2.0), "{text}");
}

#[tokio::test]
async fn data_that_is_ordered_to_be_set_aside_is_counted() {
    let world = settled();
    world.change(|seen| {
        let volume =
            seen.instances[&InstanceId(2)].answer().expect("it answers").incarnation.volume;
        let Reading::Known { value: stored, .. } = &mut seen.record else { panic!("a record") };
        let RecordContent::Record(record) = &mut stored.content else { panic!("a record") };
        let reset = Reset { volume, term: record.term, by: None, restores: None };
        record.resets.insert(InstanceId(2), reset);
    });
    // Its pod does not go, so that the order stands.
    world.fail(|action| matches!(action, Action::SetAside { .. }), Outcome::Refused);
    let served = Served::running(&world).await;
    metric_becomes(&served, "memgraph_ha_resets_ordered", 1.0).await;
}

/// When a pass failed last is said in seconds since 1970, and stays when passes succeed again.
#[tokio::test]
async fn the_last_error_has_its_moment() {
    let name = "memgraph_controller_last_error_timestamp{type=\"reconciliation\"}";
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    world.fail(|action| matches!(action, Action::Promote { .. }), Outcome::Refused);
    let before = since_1970();
    world.refuse(0);
    metric_becomes(&served, "memgraph_ha_steps_total{action=\"promote\",outcome=\"refused\"}", 1.0)
        .await;
    let text = served.get("/metrics").await.body;
    let at = metric(&text, name).expect("an error");
    assert!(before - 1.0 <= at && at <= since_1970() + 1.0, "{at}, from {before} on");
    world.fail(|_| false, Outcome::Done);
    served.until("a failover", |now| now["moves"][0]["open_ms"].is_number()).await;
    let text = served.get("/metrics").await.body;
    let last = metric(&text, name).expect("an error");
    assert!(at <= last && last <= since_1970() + 1.0, "{at} became {last}");
}

/// What is counted is in the table for people, by the name that is asked for.
#[tokio::test]
async fn every_metric_is_in_the_table() {
    let table = include_str!("../../design/operating.md");
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    world.conflict(1);
    world.refuse(0);
    served.until("a failover", |now| now["moves"][0]["open_ms"].is_number()).await;
    let metric = "memgraph_ha_move_duration_seconds_count{cause=\"failover\"}";
    metric_becomes(&served, metric, 1.0).await;
    let text = served.get("/metrics").await.body;
    let mut count = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a kind");
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert!(table.contains(&format!("`{name}`")), "{name} is not in the table");
        count += 1;
    }
    assert!(count > 35, "{count} metrics: {text}");
}

fn since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64()
}

/// Whoever asks for the journal gets what was before the file that is written now as well.
#[tokio::test]
async fn the_journal_is_read_over_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    for (age, lines) in [(2, "a1\na2\n"), (1, "b1\n"), (0, "c1\nc2\n")] {
        std::fs::write(JournalFiles::older(&path, age), lines).expect("a file");
    }
    let served = Served::journal(&settled(), path.clone()).await;
    for (query, found) in [
        ("", "a1\na2\nb1\nc1\nc2\n"),
        ("?lines=1", "c2\n"),
        ("?lines=3", "b1\nc1\nc2\n"),
        ("?lines=4", "a2\nb1\nc1\nc2\n"),
        ("?lines=400", "a1\na2\nb1\nc1\nc2\n"),
        ("?lines=0", ""),
    ] {
        let answer = served.get(&format!("/v1/journal{query}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, found), "{query}");
    }
    for wrong in ["?lines=-1", "?lines=x", "?files=2"] {
        assert_eq!(served.get(&format!("/v1/journal{wrong}")).await.status, 400, "{wrong}");
    }
    for age in 0..3 {
        std::fs::remove_file(JournalFiles::older(&path, age)).expect("a file");
    }
    let answer = served.get("/v1/journal").await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("there is no file"), "{}", answer.body);
    assert_eq!(Served::idle(&settled()).await.get("/v1/journal").await.status, 404);
}
