//! MR 3.4: whom a replica obeys.

use super::super::common::{Instance, branched, cluster, until};
use super::{failure, listed};

/// A first main and its replica, which a second main registers as well.
fn taken(mode: &str) -> (Instance, Instance, Instance) {
    let mut cluster = cluster(&[mode], &[]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[1].count() == 1);
    let replica = cluster.swap_remove(1);
    let first = cluster.swap_remove(0);
    let second = Instance::start(&[]);
    second.register("taken", "ASYNC", &replica);
    (first, replica, second)
}

#[test]
fn the_later_register_wins_at_once_and_through_restarts() {
    let (mut first, mut replica, mut second) = taken("SYNC");
    let text = first.refused("CREATE (:T)");
    assert!(text.contains("SYNC"), "{text}");
    assert_eq!(first.info("r1").2, "invalid");
    for _ in 0..2 {
        first.restart(&[]);
        assert_eq!(first.info("r1").2, "invalid");
        replica.restart(&[]);
        second.restart(&[]);
    }
    // The way back is a REGISTER.
    first.run("DROP REPLICA r1");
    first.register("r1", "SYNC", &replica);
    first.wait_for("r1", "ready");
    first.run("CREATE (:T)");
    assert_eq!(replica.count(), first.count());
}

#[test]
fn a_register_that_ends_in_error_3_has_taken_the_replica_all_the_same() {
    let (main, former) = branched(&[]);
    // The former main's own new reign: a third instance follows it.
    former.promote();
    let follower = Instance::start(&[]);
    follower.demote();
    former.register("f", "SYNC", &follower);
    former.wait_for("f", "ready");
    former.run("CREATE (:T)");
    let error = failure(&main, &Instance::register_text("f", "ASYNC", &follower)).message;
    assert_eq!(error, "Couldn't register replica f. Error: 3");
    let text = former.refused("CREATE (:T)");
    assert!(text.contains("SYNC replica"), "{text}");
    assert_eq!(former.info("f").2, "invalid");
}

#[test]
fn an_unfenced_replica_obeys_its_returned_main() {
    let mut cluster = cluster(&["SYNC", "ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("the second replica has it", || cluster[2].count() == 1);
    cluster[0].kill();
    cluster[1].promote();
    // The second replica is registered by nobody else before the old main is back.
    cluster[0].restart(&[]);
    assert_eq!(cluster[0].info("r2").2, "ready", "before anybody could reach it over Bolt");
    cluster[0].client().run("CREATE (:Stale)").unwrap_err();
    until("the stale write flows", || cluster[2].number("MATCH (n:Stale) RETURN count(n)") == 1);
}

#[test]
fn a_replica_that_was_registered_anew_refuses_its_old_main() {
    let mut cluster = cluster(&["SYNC", "ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[0].kill();
    cluster[1].promote();
    cluster[1].register("c", "SYNC", &cluster[2]);
    cluster[1].wait_for("c", "ready");
    cluster[0].restart(&[]);
    assert_eq!(cluster[0].info("r2").2, "invalid");
    cluster[0].client().run("CREATE (:Stale)").unwrap_err();
    cluster[1].run("CREATE (:T)");
    assert_eq!((cluster[1].count(), cluster[2].count()), (2, 2));
}

#[test]
fn a_main_whose_replica_is_main_now_stays_alone() {
    for (mode, written) in [("SYNC", 1), ("STRICT_SYNC", 0)] {
        let mut cluster = cluster(&[mode], &[]);
        cluster[0].kill();
        cluster[1].promote();
        cluster[0].restart(&[]);
        assert_eq!(cluster[0].info("r1").2, "invalid");
        for round in 1..=2 {
            let text = cluster[0].refused("CREATE (:T)");
            assert!(text.contains(mode), "{text}");
            assert_eq!(cluster[0].count(), round * written, "{mode}");
        }
        assert_eq!(cluster[1].count(), 0, "{mode}");
    }
}

#[test]
fn demoted_and_promoted_again_it_is_another_main() {
    let cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[0].demote();
    cluster[0].promote();
    assert!(listed(&cluster[0]).is_empty());
    cluster[0].run("CREATE (:T)");
    assert_eq!((cluster[0].count(), cluster[1].count()), (2, 1));
    cluster[0].register("r1", "SYNC", &cluster[1]);
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 2);
}

#[test]
fn a_demotion_makes_a_replica_obey_nobody() {
    let cluster = cluster(&["ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[1].count() == 1);
    cluster[1].promote();
    cluster[1].demote();
    cluster[0].run("CREATE (:T)");
    cluster[0].wait_for("r1", "invalid");
    // It listens, and answers heartbeats: nothing but a REGISTER brings it back.
    cluster[0].run("CREATE (:T)");
    assert_eq!((cluster[0].info("r1").2.as_str(), cluster[1].count()), ("invalid", 1));
    cluster[0].run("DROP REPLICA r1");
    cluster[0].register("r1", "ASYNC", &cluster[1]);
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 3);
}

#[test]
fn a_main_keeps_its_uuid_through_restarts_once_it_has_registered() {
    let mut cluster = cluster(&["SYNC"], &[]);
    cluster[0].restart(&[]);
    assert_eq!(cluster[0].info("r1").2, "ready", "the replica still obeys it");
    cluster[1].restart(&[]);
    cluster[0].run("CREATE (:T)");
    assert_eq!(cluster[1].count(), 1);
}
