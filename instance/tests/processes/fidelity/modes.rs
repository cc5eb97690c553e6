//! MR 4.1: what the state of a row and its mode make of a commit.

use super::super::common::{Instance, cluster, free_port, until};
use super::{NO_HEARTBEATS, diverged, in_recovery, is_phantom, write_behind};

const MODES: [&str; 3] = ["ASYNC", "SYNC", "STRICT_SYNC"];

/// Writes one node past a replica that does not take it, and checks what its mode makes of that: an
/// ASYNC one is silent, a SYNC one is reported, and without a STRICT_SYNC one nothing is written.
fn write_past(main: &Instance, mode: &str) {
    let before = main.number("MATCH (n:Past) RETURN count(n)");
    let answer = main.client().run("CREATE (:Past)");
    let after = main.number("MATCH (n:Past) RETURN count(n)");
    assert_eq!(answer.is_ok(), mode == "ASYNC", "{mode}");
    assert_eq!(after - before, i64::from(mode != "STRICT_SYNC"), "{mode}");
    if let Err(error) = answer {
        let text = &error.failure().unwrap().message;
        assert!(text.contains(&format!("{mode} replica")), "{text}");
    }
}

#[test]
fn a_ready_replica_is_waited_for_unless_it_is_async() {
    for mode in MODES {
        let cluster = cluster(&[mode], &[]);
        cluster[0].run("CREATE (:T)");
        if mode != "ASYNC" {
            assert_eq!(cluster[1].count(), 1, "{mode}: it has what was acknowledged");
        }
        until("it follows", || cluster[1].count() == 1 && cluster[0].info("r1").2 == "ready");
        cluster[1].freeze();
        let writing = write_behind(&cluster[0]);
        until("it is shipped", || cluster[0].info("r1").2 == "replicating");
        if mode == "ASYNC" {
            writing.join().unwrap().unwrap();
            cluster[1].thaw();
        } else {
            assert!(!writing.is_finished(), "{mode}");
            cluster[1].thaw();
            writing.join().unwrap().unwrap();
        }
        until("it follows", || cluster[1].count() == 2);
    }
}

#[test]
fn a_ready_replica_that_is_gone_is_missed_by_its_mode() {
    for mode in MODES {
        let mut cluster = cluster(&[mode], &[NO_HEARTBEATS]);
        cluster[1].kill();
        write_past(&cluster[0], mode);
        cluster[0].wait_for("r1", "invalid");
        // From then on nobody waits for a connection.
        write_past(&cluster[0], mode);
        assert_eq!(cluster[0].info("r1").2, "invalid");
    }
}

#[test]
fn a_ready_replica_that_refuses_is_missed_by_its_mode() {
    for mode in MODES {
        let cluster = cluster(&[mode], &[NO_HEARTBEATS]);
        let other = Instance::start(&[]);
        other.register("taken", "ASYNC", &cluster[1]);
        write_past(&cluster[0], mode);
        cluster[0].wait_for("r1", "invalid");
        assert_eq!(cluster[1].count(), 0, "{mode}");
    }
}

#[test]
fn a_replica_in_recovery_is_missed_by_its_mode() {
    for mode in MODES {
        let (main, replica, relay) = in_recovery(mode);
        write_past(&main, mode);
        assert_eq!(main.info("r1").2, "recovery", "{mode}");
        relay.open();
        until("writes go on", || {
            let written = main.client().run("CREATE (:T)").is_ok();
            written && main.info("r1").2 == "ready"
        });
        until("it follows", || replica.count() == main.count());
    }
}

#[test]
fn an_invalid_replica_is_missed_by_its_mode_and_asked_where_it_stands() {
    for mode in MODES {
        let mut cluster = cluster(&[mode], &[NO_HEARTBEATS]);
        cluster[1].kill();
        cluster[0].restart(&[]);
        assert_eq!(cluster[0].info("r1").2, "invalid");
        cluster[1].restart(&[]);
        // Without heartbeats nobody but a commit asks.
        assert_eq!(cluster[0].info("r1").2, "invalid");
        write_past(&cluster[0], mode);
        until("it was asked", || {
            cluster[0].info("r1").2 == "ready" || cluster[0].client().run("CREATE (:T)").is_ok()
        });
        until("it follows", || {
            let written = cluster[0].client().run("CREATE (:T)").is_ok();
            written && cluster[1].count() == cluster[0].count()
        });
    }
}

#[test]
fn a_diverged_replica_is_missed_by_its_mode() {
    for mode in MODES {
        let (main, former) = diverged(mode);
        write_past(&main, mode);
        assert_eq!(main.info("r1").2, "diverged", "{mode}");
        assert_eq!(former.number("MATCH (n:Past) RETURN count(n)"), 0, "{mode}");
        if mode != "ASYNC" {
            let text = main.refused("CREATE (:T)");
            assert!(text.contains("replica has diverged from main"), "{text}");
        }
    }
}

#[test]
fn a_phantom_is_no_part_of_any_commit() {
    for mode in MODES {
        let main = Instance::start(&[]);
        let register = format!("REGISTER REPLICA r1 {mode} TO \"127.0.0.1:{}\"", free_port());
        assert_eq!(main.refused(&register), "Couldn't register replica r1. Error: 5");
        main.run("CREATE (:T)");
        assert!(is_phantom(&main, "r1"), "{mode}");
        assert_eq!(main.count(), 1);
    }
}

#[test]
fn a_restart_makes_a_phantom_a_part_of_commits() {
    for mode in MODES {
        let mut main = Instance::start(&[]);
        let register = format!("REGISTER REPLICA r1 {mode} TO \"127.0.0.1:{}\"", free_port());
        assert_eq!(main.refused(&register), "Couldn't register replica r1. Error: 5");
        main.restart(&[]);
        assert_eq!(main.info("r1").2, "invalid", "{mode}");
        write_past(&main, mode);
    }
}
