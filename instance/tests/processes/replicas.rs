//! Several instances: roles, modes, failover by hand.

use super::common::{Instance, branched, cluster, until};

#[test]
fn a_strict_sync_replica_has_what_was_acknowledged() {
    let cluster = cluster(&["STRICT_SYNC", "ASYNC"], &[]);
    for number in 0..20 {
        cluster[0].run(&format!("CREATE (:T {{n: {number}}})"));
        assert_eq!(cluster[1].count(), number + 1, "the voter applied it before the answer");
    }
    until("the async replica follows", || cluster[2].count() == 20);
}

#[test]
fn without_its_voter_a_main_commits_nothing() {
    let mut cluster = cluster(&["STRICT_SYNC", "ASYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[1].kill();
    let text = cluster[0].refused("CREATE (:T)");
    assert!(
        text.starts_with("Replication Exception: Failed to replicate to STRICT_SYNC"),
        "{text}"
    );
    assert_eq!(cluster[0].count(), 1);
    cluster[1].restart(&[]);
    until("writes go on", || cluster[0].client().run("CREATE (:T)").is_ok());
    assert_eq!((cluster[0].count(), cluster[1].count()), (2, 2));
}

#[test]
fn a_sync_replica_that_is_gone_is_told_and_the_write_stays() {
    let mut cluster = cluster(&["SYNC"], &["--engine-version=3.8"]);
    cluster[1].kill();
    let text = cluster[0].refused("CREATE (:T)");
    assert!(text.contains("At least one SYNC replica has not confirmed"), "{text}");
    assert_eq!(cluster[0].count(), 1);
    cluster[1].restart(&[]);
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 1);
}

#[test]
fn with_head_the_same_is_a_notification() {
    let mut cluster = cluster(&["SYNC"], &["--engine-version=head"]);
    cluster[1].kill();
    let outcome = cluster[0].run("CREATE (:T)");
    let shown = format!("{:?}", outcome.summary["notifications"]);
    assert!(shown.contains("SyncReplicationFailure"), "{shown}");
    cluster[1].kill();
    let mut client = cluster[0].client();
    client.begin().unwrap();
    client.run("CREATE (:T)").unwrap();
    let summary = client.commit().unwrap();
    assert!(summary.contains_key("notifications"), "{summary:?}");
    assert_eq!(cluster[0].count(), 2);
}

#[test]
fn the_voter_is_promoted_and_the_old_main_returns_as_replica() {
    let mut cluster = cluster(&["STRICT_SYNC", "ASYNC"], &[]);
    cluster[0].run("UNWIND range(1, 10) AS i CREATE (:T {i: i})");
    cluster[0].kill();
    cluster[1].promote();
    assert_eq!(cluster[1].role(), "main");
    cluster[1].register("c", "STRICT_SYNC", &cluster[2]);
    cluster[1].wait_for("c", "ready");
    cluster[1].run("CREATE (:T)");

    cluster[0].restart(&[]);
    assert_eq!(cluster[0].role(), "main");
    let text = cluster[0].refused("CREATE (:T)");
    assert!(text.contains("STRICT_SYNC"), "the survivors obey another main: {text}");
    cluster[0].demote();
    cluster[1].register("a", "ASYNC", &cluster[0]);
    cluster[1].wait_for("a", "ready");
    assert_eq!(cluster.iter().map(Instance::count).collect::<Vec<_>>(), [11, 11, 11]);
}

#[test]
fn an_old_main_with_a_tail_of_its_own_has_diverged() {
    let (main, former) = branched(&[]);
    let register = Instance::register_text("a", "ASYNC", &former);
    assert_eq!(main.refused(&register), "Couldn't register replica a. Error: 3");
    // The failed registration stays behind as a phantom until it is dropped.
    assert_eq!(main.refused(&register), "Couldn't register replica a. Error: 1");
    main.run("DROP REPLICA a");
}

#[test]
fn a_role_command_that_cannot_work_changes_nothing() {
    let cluster = cluster(&["ASYNC"], &[]);
    let own = "Couldn't set replication role to main!";
    assert_eq!(cluster[0].refused("SET REPLICATION ROLE TO MAIN"), own);
    let taken =
        format!("SET REPLICATION ROLE TO REPLICA WITH PORT {}", cluster[1].replication_port);
    assert_eq!(cluster[0].refused(&taken), "Couldn't set role to replica!");
    assert_eq!(cluster[0].role(), "main");
    let on_replica = "Show replicas query should only be run on the main instance.";
    assert_eq!(cluster[1].refused("SHOW REPLICAS"), on_replica);
    let write = cluster[1].refused("CREATE (:T)");
    assert!(write.starts_with("Write queries are forbidden on the replica instance."), "{write}");
}

#[test]
fn a_transaction_that_outlives_its_main_is_refused_at_commit() {
    let lone = Instance::start(&[]);
    let mut client = lone.client();
    client.begin().unwrap();
    client.run("CREATE (:T)").unwrap();
    lone.demote();
    let error = client.commit().unwrap_err();
    let text = "Cannot commit because instance is not main anymore.";
    assert_eq!(error.failure().unwrap().message, text);
    assert_eq!(lone.count(), 0);
}

#[test]
fn a_large_recovery_goes_through_in_pieces() {
    let lone = Instance::start(&[]);
    for batch in 0..4 {
        lone.run(&format!(
            "UNWIND range(1, 2000) AS i CREATE (:T {{i: i, batch: {batch}, text: \
             'a text that is long enough to make the recovery larger than one frame on the wire'}})"
        ));
    }
    let replica = Instance::start(&[]);
    replica.demote();
    lone.register("r1", "ASYNC", &replica);
    lone.wait_for("r1", "ready");
    assert_eq!(replica.count(), 8000);
    let sum = "MATCH (n:T) RETURN sum(id(n) * n.i)";
    assert_eq!(lone.number(sum), replica.number(sum));
}

#[test]
fn indexes_replicate() {
    let cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE INDEX ON :T(x)");
    assert_eq!(cluster[1].run("SHOW INDEX INFO").rows.len(), 1);
    cluster[0].run("DROP INDEX ON :T(x)");
    assert_eq!(cluster[1].run("SHOW INDEX INFO").rows.len(), 0);
}
