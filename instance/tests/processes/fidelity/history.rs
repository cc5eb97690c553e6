//! MR 3.3: epochs, and which histories are taken back.

use super::super::common::{Instance, branched, cluster, until};
use super::failure;

fn register_error(main: &Instance, name: &str, replica: &Instance) -> String {
    failure(main, &Instance::register_text(name, "ASYNC", replica)).message
}

fn takes_back(main: &Instance, name: &str, replica: &Instance) {
    main.register(name, "ASYNC", replica);
    main.wait_for(name, "ready");
    assert_eq!(replica.count(), main.count());
}

/// The main is killed, its replica commits in its place, and the old main becomes its replica.
fn replica_takes_over_and_takes_back(cluster: &mut [Instance]) {
    cluster[0].kill();
    cluster[1].promote();
    cluster[1].run("CREATE (:T)");
    cluster[0].restart(&[]);
    cluster[0].demote();
    takes_back(&cluster[1], "a", &cluster[0]);
}

#[test]
fn a_fresh_instance_stands_at_tick_0_and_fits_any_main() {
    let (main, fresh) = (Instance::start(&[]), Instance::start(&[]));
    fresh.demote();
    main.run("CREATE (:T)");
    takes_back(&main, "r1", &fresh);
}

#[test]
fn a_promotion_ends_the_epoch_at_the_last_tick() {
    let mut cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    replica_takes_over_and_takes_back(&mut cluster);
}

#[test]
fn promotions_without_commits_leave_the_history_as_it_was() {
    let cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    for _ in 0..3 {
        cluster[1].promote();
        cluster[1].demote();
    }
    cluster[0].run("DROP REPLICA r1");
    takes_back(&cluster[0], "r1", &cluster[1]);
    cluster[0].run("CREATE (:T)");
    until("it follows as before", || cluster[1].count() == 1 + 1);
}

#[test]
fn a_restart_with_data_goes_on_in_the_same_epoch() {
    let mut cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[0].restart(&[]);
    assert_eq!(cluster[0].info("r1"), (2, 0, "ready".into()));
    cluster[0].run("CREATE (:T)");
    cluster[1].restart(&[]);
    cluster[0].wait_for("r1", "ready");
    replica_takes_over_and_takes_back(&mut cluster);
}

#[test]
fn a_promoted_main_without_a_commit_falls_back_to_the_epoch_before() {
    let mut cluster = cluster(&["ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[1].count() == 1);
    cluster[1].kill();
    cluster[0].run("CREATE (:Tail)");
    cluster[0].demote();
    cluster[1].restart(&[]);
    cluster[1].promote();
    // The new epoch was in memory alone: after the restart both are in the old one, in which nothing
    // is compared, so what would have been Error 3 is taken, and is ahead.
    cluster[1].restart(&[]);
    assert_eq!(cluster[1].role(), "main");
    cluster[1].register("a", "ASYNC", &cluster[0]);
    let (_, behind, status) = cluster[1].info("a");
    assert!(behind > 0 && status == "ready", "{behind} {status}");
}

#[test]
fn a_replica_enters_the_epoch_of_the_commit_that_it_takes() {
    let cluster = cluster(&["SYNC", "SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[0].demote();
    cluster[1].promote();
    cluster[1].register("c", "SYNC", &cluster[2]);
    cluster[1].run("CREATE (:T)");
    // The third has the second's epoch now, and as main takes back the second and the first.
    cluster[1].demote();
    cluster[2].promote();
    takes_back(&cluster[2], "b", &cluster[1]);
    takes_back(&cluster[2], "a", &cluster[0]);
}

#[test]
fn a_demotion_changes_no_epoch() {
    let cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[0].demote();
    cluster[1].promote();
    takes_back(&cluster[1], "a", &cluster[0]);
}

#[test]
fn in_the_same_epoch_a_replica_that_is_ahead_goes_unnoticed() {
    let flush = "--storage-wal-file-flush-every-n-tx=2";
    let mut cluster = cluster(&["SYNC"], &[flush]);
    for _ in 0..3 {
        cluster[0].run("CREATE (:T)");
    }
    cluster[0].kill();
    cluster[0].restart(&["--simulate-power-loss"]);
    assert_eq!((cluster[0].count(), cluster[1].count()), (2, 3));
    let (_, behind, status) = cluster[0].info("r1");
    assert!(behind > 0 && status == "ready", "{behind} {status}");
}

#[test]
fn an_emptied_replica_is_always_welcome() {
    let (main, former) = branched(&[]);
    let error = register_error(&main, "a", &former);
    assert_eq!(error, "Couldn't register replica a. Error: 3");
    main.run("DROP REPLICA a");
    drop(former);
    let wiped = Instance::start(&[]);
    wiped.demote();
    takes_back(&main, "a", &wiped);
}

#[test]
fn an_epoch_that_the_main_never_was_in_is_diverged() {
    // The first commits alone, the second is promoted and commits, the first again: its epoch is none
    // of those of a main that was fed by the second.
    let cluster = cluster(&["SYNC", "SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[1].promote();
    cluster[1].run("CREATE (:T)");
    cluster[2].promote();
    cluster[2].run("CREATE (:T)");
    cluster[1].demote();
    let error = register_error(&cluster[2], "b", &cluster[1]);
    assert_eq!(error, "Couldn't register replica b. Error: 3");
}

#[test]
fn one_transaction_behind_the_fork_is_diverged() {
    let (main, former) = branched(&[]);
    let error = register_error(&main, "a", &former);
    assert_eq!(error, "Couldn't register replica a. Error: 3");
}

#[test]
fn a_third_replica_that_got_more_than_the_promoted_one_is_diverged() {
    let mut cluster = cluster(&["ASYNC", "ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("both follow", || cluster[1].count() == 1 && cluster[2].count() == 1);
    cluster[1].kill();
    cluster[0].run("CREATE (:T)");
    until("the third follows", || cluster[2].count() == 2);
    cluster[0].kill();
    cluster[1].restart(&[]);
    cluster[1].promote();
    let error = register_error(&cluster[1], "c", &cluster[2]);
    assert_eq!(error, "Couldn't register replica c. Error: 3");
}

#[test]
fn foreign_data_is_invalid_and_never_diverged() {
    let (main, foreign) = (Instance::start(&[]), Instance::start(&[]));
    main.run("CREATE (:T)");
    foreign.run("CREATE (:T)");
    foreign.demote();
    main.register("r1", "STRICT_SYNC", &foreign);
    assert_eq!(main.info("r1").2, "invalid");
    let text = main.refused("CREATE (:T)");
    assert!(text.contains("STRICT_SYNC"), "{text}");
    assert_eq!(main.info("r1").2, "invalid");
    // A wiped main finds its replicas foreign in the same way.
    let wiped = Instance::start(&[]);
    main.run("DROP REPLICA r1");
    main.demote();
    wiped.register("r1", "SYNC", &main);
    assert_eq!(wiped.info("r1").2, "invalid");
}
