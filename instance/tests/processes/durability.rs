//! What a killed process keeps, and what a node without power does not.

use super::common::{Instance, cluster, until};
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Writes numbers until the connection breaks; gives the last that was acknowledged and whether
/// one more was under way.
fn write_until_broken(
    instance: &Instance,
    from: i64,
    stop: &Arc<AtomicBool>,
) -> thread::JoinHandle<i64> {
    let mut client = instance.client();
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut acknowledged = from;
        while !stop.load(Ordering::SeqCst) {
            let next = acknowledged + 1;
            if client.run(&format!("CREATE (:W {{n: {next}}})")).is_err() {
                break;
            }
            acknowledged = next;
        }
        acknowledged
    })
}

/// How often to kill: a bounded number in tests, more by an environment variable.
fn rounds() -> u64 {
    std::env::var("INSTANCE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(30)
}

#[test]
fn a_killed_main_keeps_every_acknowledged_write() {
    let mut lone = Instance::start(&[]);
    let mut last = 0;
    for round in 0..rounds() {
        if round % 50 == 49 {
            // A fresh directory now and then: each start reads the whole log.
            assert!(last > 0, "round {round}: nothing was written at all");
            (lone, last) = (Instance::start(&[]), 0);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let writer = write_until_broken(&lone, last, &stop);
        thread::sleep(Duration::from_millis(5 + (round * 7) % 40));
        lone.kill();
        let acknowledged = writer.join().unwrap();
        lone.restart(&[]);
        let kept = lone.number("MATCH (n:W) RETURN coalesce(max(n.n), 0)");
        assert!(
            kept == acknowledged || kept == acknowledged + 1,
            "round {round}: {acknowledged} acknowledged, {kept} kept"
        );
        assert_eq!(lone.number("MATCH (n:W) RETURN count(n)"), kept, "round {round}: no gaps");
        last = kept;
    }
    assert!(last > 0, "nothing was written at all");
}

#[test]
fn a_killed_voter_holds_every_acknowledged_write() {
    let mut cluster = cluster(&["STRICT_SYNC"], &[]);
    let mut last = 0;
    for round in 0..rounds().div_ceil(3) {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = write_until_broken(&cluster[0], last, &stop);
        thread::sleep(Duration::from_millis(5 + (round * 11) % 40));
        cluster[1].kill();
        let acknowledged = writer.join().unwrap();
        cluster[1].restart(&[]);
        let kept = cluster[1].number("MATCH (n:W) RETURN coalesce(max(n.n), 0)");
        // The one exception: a decision that was lost with the process (MR 4.3).
        assert!(
            kept + 1 >= acknowledged,
            "round {round}: {acknowledged} acknowledged, {kept} kept"
        );
        until("writes go on", || cluster[0].client().run("CREATE (:Probe)").is_ok());
        assert_eq!(cluster[1].count(), cluster[0].count());
        last = cluster[0].number("MATCH (n:W) RETURN coalesce(max(n.n), 0)");
    }
}

#[test]
fn a_main_that_was_killed_under_load_has_branched_off_exactly_if_it_holds_more() {
    let mut branched_off = 0;
    let rounds = rounds().div_ceil(3);
    for round in 0..rounds {
        let mut cluster = cluster(&["STRICT_SYNC"], &[]);
        let stop = Arc::new(AtomicBool::new(false));
        let writer = write_until_broken(&cluster[0], 0, &stop);
        thread::sleep(Duration::from_millis(5 + (round * 13) % 40));
        cluster[0].kill();
        let acknowledged = writer.join().unwrap();
        cluster[1].promote();
        let kept = cluster[1].count();
        assert!(
            kept == acknowledged || kept == acknowledged + 1,
            "round {round}: {acknowledged} acknowledged, {kept} kept"
        );
        cluster[1].run("CREATE (:First)");
        cluster[0].restart(&[]);
        // Two phases: it may have committed what its voter had only prepared.
        let own = cluster[0].count();
        assert!(own == kept || own == kept + 1, "round {round}: {own} beside {kept}");
        cluster[0].demote();
        let registered =
            cluster[1].client().run(&Instance::register_text("a", "ASYNC", &cluster[0]));
        if own > kept {
            branched_off += 1;
            let text = registered.unwrap_err().to_string();
            assert_eq!(text, "Couldn't register replica a. Error: 3", "round {round}");
        } else {
            registered.unwrap();
            cluster[1].wait_for("a", "ready");
            assert_eq!(cluster[0].count(), kept + 1, "round {round}");
        }
    }
    println!("{branched_off} of {rounds} had branched off");
}

#[test]
fn a_torn_tail_is_dropped_and_no_more() {
    let mut lone = Instance::start(&["--storage-wal-file-flush-every-n-tx=1"]);
    lone.run("CREATE (:T)");
    lone.kill();
    let log = lone.data().join("log.0");
    OpenOptions::new().append(true).open(&log).unwrap().write_all(&[9, 0, 0, 0, 1, 2]).unwrap();
    lone.restart(&[]);
    assert_eq!(lone.count(), 1);
    lone.run("CREATE (:T)");
    lone.restart(&[]);
    assert_eq!(lone.count(), 2);
}

#[test]
fn damage_in_the_middle_is_no_torn_tail() {
    let mut lone = Instance::start(&[]);
    lone.run("CREATE (:T)");
    lone.run("CREATE (:T)");
    lone.kill();
    let log = lone.data().join("log.0");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let text = lone.fails_to_start(&[]);
    assert!(text.contains("the record at byte 8 is damaged"), "{text}");
}

#[test]
fn a_log_without_its_state_is_not_taken_for_nothing() {
    let mut lone = Instance::start(&[]);
    lone.run("CREATE (:T)");
    lone.kill();
    let state = lone.data().join("state.json");
    let kept = lone.data().join("kept");
    std::fs::rename(&state, &kept).unwrap();
    let text = lone.fails_to_start(&[]);
    assert!(text.contains("state.json: ") && text.contains("log.0 holds "), "{text}");
    std::fs::rename(&kept, &state).unwrap();
    lone.restart(&[]);
    assert_eq!(lone.count(), 1);
}

#[test]
fn a_start_that_was_cut_off_before_its_first_state_is_made_again() {
    let mut lone = Instance::start(&[]);
    lone.kill();
    std::fs::remove_file(lone.data().join("state.json")).unwrap();
    lone.restart(&[]);
    assert_eq!(lone.count(), 0);
}

#[test]
fn a_loss_of_power_takes_what_was_not_flushed() {
    let mut lone = Instance::start(&["--storage-wal-file-flush-every-n-tx=4"]);
    for _ in 0..6 {
        lone.run("CREATE (:T)");
    }
    lone.kill();
    lone.restart(&["--simulate-power-loss"]);
    assert_eq!(lone.count(), 4);
    lone.run("CREATE (:T)");
    lone.run("CREATE SNAPSHOT");
    lone.restart(&["--simulate-power-loss"]);
    assert_eq!(lone.count(), 5, "a snapshot flushes");
}

#[test]
fn roles_and_registrations_come_back_as_the_flags_say() {
    let mut cluster = cluster(&["SYNC", "ASYNC"], &["--licensed"]);
    cluster[0].run("CREATE (:T)");
    cluster[0].restart(&[]);
    cluster[0].wait_for("r1", "ready");
    cluster[0].restart(&["--replication-restore-state-on-startup=false"]);
    assert!(cluster[0].run("SHOW REPLICAS").rows.is_empty());
    cluster[0].restart(&[]);
    assert_eq!(cluster[0].run("SHOW REPLICAS").rows.len(), 2);
    cluster[1].restart(&["--data-recovery-on-startup=false"]);
    assert_eq!(cluster[1].role(), "replica");
    // A replica that is `ready` is not checked again: only the next write finds out (MR 2.2).
    assert_eq!(cluster[1].count(), 0);
    let refused = cluster[0].refused("CREATE (:T)");
    assert!(refused.contains("Failed to replicate to SYNC replica 'r1'"), "{refused}");
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 2);
    assert!(cluster[1].data().join(".backup/log.0").exists());
}

#[test]
fn a_replica_whose_port_is_taken_does_not_start() {
    let mut lone = Instance::start(&[]);
    lone.demote();
    lone.kill();
    let port = lone.replication_port;
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let text = lone.fails_to_start(&[]);
    assert!(text.contains(&format!("the replication port {port} cannot be bound")), "{text}");
    drop(taken);
    lone.restart(&[]);
    assert_eq!(lone.role(), "replica");
}

#[test]
fn without_the_log_nothing_ships_and_a_kill_takes_all() {
    let mut lone = Instance::start(&["--storage-wal-enabled=false"]);
    lone.run("CREATE (:T)");
    lone.run("CREATE SNAPSHOT");
    lone.run("CREATE (:T)");
    lone.restart(&[]);
    assert_eq!(lone.count(), 1);
}
