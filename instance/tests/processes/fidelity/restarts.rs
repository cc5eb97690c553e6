//! MR 5.3: what comes back with a process.

use super::super::common::{Instance, cluster, until};
use super::{diverged, listed};

const FORGETS_STATE: &str = "--replication-restore-state-on-startup=false";
const FORGETS_DATA: &str = "--data-recovery-on-startup=false";

#[test]
fn an_empty_directory_makes_a_main_without_replicas() {
    for flags in [&[][..], &[FORGETS_STATE]] {
        let fresh = Instance::start(flags);
        assert_eq!((fresh.role().as_str(), fresh.count()), ("main", 0));
        assert!(listed(&fresh).is_empty());
        let replica = Instance::start(&[]);
        replica.demote();
        fresh.register("r1", "SYNC", &replica);
        assert_eq!(fresh.info("r1"), (0, 0, "ready".into()));
    }
}

#[test]
fn a_main_comes_back_with_its_registrations_at_work() {
    let mut cluster = cluster(&["STRICT_SYNC", "ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    for signal in ["KILL", "TERM"] {
        if signal == "TERM" {
            assert!(cluster[0].terminate());
        }
        cluster[0].restart(&[]);
        assert_eq!((cluster[0].role().as_str(), listed(&cluster[0])), ("main", names()));
        assert_eq!(cluster[0].info("r1").2, "ready", "it obeys the same main");
        let before = cluster[1].count();
        cluster[0].run("CREATE (:T)");
        assert_eq!(cluster[1].count(), before + 1);
    }
}

fn names() -> Vec<String> {
    vec!["r1".into(), "r2".into()]
}

#[test]
fn a_diverged_registration_stays_listed() {
    let (mut main, _former) = diverged("ASYNC");
    main.restart(&[]);
    assert_eq!(listed(&main), ["r1"]);
    assert_eq!(main.info("r1").2, "diverged");
}

#[test]
fn a_main_that_forgets_its_state_has_no_replicas_and_they_refuse_it() {
    let mut cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[0].restart(&[FORGETS_STATE]);
    assert_eq!((cluster[0].role().as_str(), cluster[0].count()), ("main", 1));
    assert!(listed(&cluster[0]).is_empty());
    cluster[0].run("CREATE (:T)");
    assert_eq!(cluster[1].count(), 1);
    cluster[0].register("r1", "SYNC", &cluster[1]);
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 2);
    // What was saved before is left alone: it is there again, and the replica obeys another UUID.
    cluster[0].restart(&[]);
    assert_eq!(listed(&cluster[0]), ["r1"]);
    assert_eq!(cluster[0].info("r1").2, "invalid");
}

#[test]
fn a_replica_comes_back_without_any_command() {
    let mut cluster = cluster(&["ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[1].count() == 1);
    for signal in ["KILL", "TERM"] {
        if signal == "TERM" {
            assert!(cluster[1].terminate());
        } else {
            cluster[1].kill();
        }
        cluster[0].run("CREATE (:T)");
        cluster[1].restart(&[]);
        assert_eq!(cluster[1].role(), "replica");
        cluster[0].wait_for("r1", "ready");
        assert_eq!(cluster[1].count(), cluster[0].count());
    }
}

#[test]
fn a_replica_that_forgets_its_state_is_a_writable_main_with_the_data() {
    let mut cluster = cluster(&["ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[1].count() == 1);
    cluster[1].restart(&[FORGETS_STATE]);
    assert_eq!((cluster[1].role().as_str(), cluster[1].count()), ("main", 1));
    cluster[1].run("CREATE (:Stray)");
    cluster[0].wait_for("r1", "invalid");
    assert_eq!((cluster[0].role().as_str(), cluster[0].count()), ("main", 1));
}

#[test]
fn a_replica_without_its_data_is_filled_again() {
    let mut cluster = cluster(&["ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[1].count() == 1);
    cluster[1].kill();
    cluster[0].wait_for("r1", "invalid");
    cluster[1].restart(&[FORGETS_DATA]);
    assert_eq!(cluster[1].role(), "replica");
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 1);
    assert!(cluster[1].data().join(".backup").is_dir());
}

#[test]
fn a_main_without_its_data_is_empty_and_keeps_its_role() {
    let mut cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[0].restart(&[FORGETS_DATA]);
    assert_eq!((cluster[0].role().as_str(), cluster[0].count()), ("main", 0));
    assert_eq!(listed(&cluster[0]), ["r1"]);
    // Its history is empty as well: the replica is in an epoch that it never was in (MR 3.3, rule 5).
    // Where the identity of the database went with the data the replica is foreign (MR 11).
    let status = cluster[0].info("r1").2;
    assert!(status == "diverged" || status == "invalid", "{status}");
    assert_eq!(cluster[1].count(), 1);
}
