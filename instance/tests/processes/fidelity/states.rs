//! MR 2.2: how the state of a row changes.

use super::super::common::{Instance, cluster, until};
use super::super::relay::Relay;
use super::{MUCH, NARROW, NO_HEARTBEATS, diverged, in_recovery, write_behind};

/// The status in `system_info`; none without a licence.
fn system(main: &Instance, name: &str) -> Option<String> {
    let rows = main.run("SHOW REPLICAS").rows;
    let row = rows.iter().find(|row| row[0].as_str() == Some(name)).expect("a row");
    let info = row[3].as_map()?;
    Some(info["status"].as_str().unwrap().to_owned())
}

#[test]
fn a_new_row_shows_what_its_check_found() {
    let (mut main, replica) = (Instance::start(&[]), Instance::start(&[]));
    replica.demote();
    main.register("r1", "SYNC", &replica);
    assert_eq!(main.info("r1"), (0, 0, "ready".into()));
    main.run("CREATE (:T)");
    main.restart(&[]);
    assert_eq!(main.info("r1"), (2, 0, "ready".into()), "checked before Bolt opens");
}

#[test]
fn a_replica_that_is_away_at_the_start_is_invalid_at_once() {
    let mut cluster = cluster(&["SYNC", "ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[2].count() == 1);
    cluster[1].kill();
    cluster[0].restart(&[]);
    assert_eq!(cluster[0].info("r1"), (0, -2, "invalid".into()));
    assert_eq!(cluster[0].info("r2"), (2, 0, "ready".into()));
}

#[test]
fn a_replica_that_refuses_stays_invalid() {
    let mut cluster = cluster(&["ASYNC"], &["--licensed"]);
    let other = Instance::start(&["--licensed"]);
    other.register("taken", "ASYNC", &cluster[1]);
    cluster[0].restart(&[]);
    assert_eq!(cluster[0].info("r1").2, "invalid");
    // System recovery is refused as well, so the instance's own state does not get better.
    assert!(system(&cluster[0], "r1").is_none_or(|status| status != "ready"));
    cluster[0].run("CREATE (:T)");
    assert_eq!(cluster[0].info("r1").2, "invalid");
}

#[test]
fn what_branched_off_is_diverged_and_stays_so() {
    let (main, mut former) = diverged("ASYNC");
    main.run("CREATE (:T)");
    assert_eq!(main.info("r1").2, "diverged", "a commit asks for no check");
    // Answered heartbeats ask for none either; three that fail in a row do away with it.
    former.kill();
    main.wait_for("r1", "invalid");
    former.restart(&[]);
    main.wait_for("r1", "diverged");
}

#[test]
fn a_lagging_replica_is_in_recovery_until_it_has_everything() {
    let (main, replica, relay) = in_recovery("ASYNC");
    assert_eq!(replica.count(), 0);
    relay.open();
    main.wait_for("r1", "ready");
    assert_eq!(main.info("r1"), (2, 0, "ready".into()));
    assert_eq!(replica.count(), main.count());
}

#[test]
fn a_commit_during_recovery_leaves_invalid() {
    let (main, replica, relay) = in_recovery("ASYNC");
    main.run("CREATE (:T)");
    assert_eq!(main.info("r1"), (0, -4, "recovery".into()));
    relay.open();
    main.wait_for("r1", "invalid");
    assert_eq!(main.info("r1"), (2, -2, "invalid".into()));
    main.run("CREATE (:T)");
    main.wait_for("r1", "ready");
    assert_eq!(replica.count(), main.count());
}

#[test]
fn a_recovery_that_breaks_leaves_invalid() {
    let (main, replica, relay) = in_recovery("ASYNC");
    relay.cut();
    main.wait_for("r1", "invalid");
    relay.open();
    main.run("CREATE (:T)");
    main.wait_for("r1", "ready");
    assert_eq!(replica.count(), main.count());
}

#[test]
fn a_replica_is_replicating_while_a_transaction_is_under_way() {
    let cluster = cluster(&["SYNC"], &[NO_HEARTBEATS]);
    cluster[1].freeze();
    let writing = write_behind(&cluster[0]);
    until("it is shipped", || cluster[0].info("r1").2 == "replicating");
    assert_eq!(cluster[0].count(), 0, "reads go on, and do not see it");
    cluster[1].thaw();
    writing.join().unwrap().unwrap();
    assert_eq!(cluster[0].info("r1").2, "ready");
}

#[test]
fn a_transaction_that_breaks_off_leaves_invalid() {
    let mut cluster = cluster(&["SYNC"], &[NO_HEARTBEATS]);
    cluster[1].freeze();
    let writing = write_behind(&cluster[0]);
    until("it is shipped", || cluster[0].info("r1").2 == "replicating");
    cluster[1].kill();
    writing.join().unwrap().unwrap_err();
    assert_eq!(cluster[0].info("r1"), (0, -2, "invalid".into()));
}

#[test]
fn a_commit_that_cannot_connect_leaves_invalid() {
    let mut cluster = cluster(&["ASYNC"], &[NO_HEARTBEATS]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[0].info("r1") == (2, 0, "ready".into()));
    cluster[1].kill();
    cluster[0].run("CREATE (:T)");
    cluster[0].wait_for("r1", "invalid");
    assert_eq!(cluster[0].info("r1"), (2, -2, "invalid".into()));
}

#[test]
fn the_next_commit_does_not_wait_for_a_busy_async_replica() {
    let cluster = cluster(&["ASYNC"], &[]);
    cluster[1].freeze();
    cluster[0].run("CREATE (:T)");
    assert_eq!(cluster[0].info("r1"), (0, -2, "replicating".into()));
    cluster[0].run("CREATE (:T)");
    assert_eq!(cluster[0].info("r1"), (0, -4, "invalid".into()));
    cluster[1].thaw();
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 2, "recovery brings what the commit left out");
}

#[test]
fn the_third_failed_heartbeat_makes_a_replica_invalid_and_nothing_sooner() {
    let mut cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[1].kill();
    // Nobody looks before the next heartbeat, a second later at most, and it is not the third.
    assert_eq!(cluster[0].info("r1"), (2, 0, "ready".into()));
    cluster[0].wait_for("r1", "invalid");
    assert_eq!(cluster[0].info("r1"), (2, 0, "invalid".into()), "what was known of it stays");
    cluster[1].restart(&[]);
    cluster[0].wait_for("r1", "ready");
}

#[test]
fn a_ready_replica_is_not_looked_at_again() {
    let mut cluster = cluster(&["ASYNC"], &[NO_HEARTBEATS]);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[0].info("r1") == (2, 0, "ready".into()));
    cluster[1].restart(&["--data-recovery-on-startup=false"]);
    assert_eq!((cluster[1].count(), cluster[0].info("r1").2), (0, "ready".into()));
    // The next commit is refused by it, and that leads to a check and to recovery.
    cluster[0].run("CREATE (:T)");
    cluster[0].wait_for("r1", "invalid");
    cluster[0].run("CREATE (:T)");
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 3);
}

#[test]
fn heartbeats_alone_bring_a_replica_back() {
    let (main, replica) = (Instance::start(&[]), Instance::start(&[]));
    main.run(MUCH);
    replica.demote();
    let relay = Relay::to(&replica);
    relay.narrow(NARROW);
    relay.register(&main, "r1", "STRICT_SYNC");
    relay.cut();
    main.wait_for("r1", "invalid");
    relay.open();
    main.wait_for("r1", "ready");
    assert_eq!(replica.count(), main.count());
}
