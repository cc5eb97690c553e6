//! MR 4.2 to 4.4: what a writer is told, and what is in doubt.

use super::super::common::{Instance, cluster, until};
use super::{CLIENT_ERROR, MUCH, failure, for_each_version, notices, numbers, write_behind};
use instance::console::ClientError;

const NOT_REACHED: &str = "replica is not reachable or not in sync with the main";
const CHECK: &str = "Check the status of the replicas using 'SHOW REPLICAS' query.";

/// What a writer is told of replicas of a mode that did not take part, from 3.8 on.
fn told(version: &str, mode: &str, who: &str, reason: &str) -> String {
    let sync = mode == "SYNC";
    if numbers(version) < (3, 10) {
        let aborted = if sync { "" } else { " Transaction will be aborted on all instances." };
        return format!(
            "Replication Exception: At least one {mode} replica has not confirmed committing last \
             transaction.{aborted} {CHECK}"
        );
    }
    let end = if sync {
        "Transaction is still committed on the main instance and other alive replicas."
    } else {
        "Transaction was aborted on all instances."
    };
    let first = if sync && numbers(version) > (3, 12) { "" } else { "Replication Exception: " };
    let recovered = if who.starts_with("replicas") { "Replicas" } else { "Replica" };
    format!(
        "{first}Failed to replicate to {mode} {who}: {reason}. {recovered} will be recovered \
         automatically. {end} {CHECK}"
    )
}

/// Commits one node in a transaction of its own, or as an explicit one; what it was told.
fn write(main: &Instance, explicit: bool) -> Result<bolt::Map, ClientError> {
    let mut client = main.client();
    if !explicit {
        return client.run("CREATE (:T)").map(|outcome| outcome.summary);
    }
    client.begin().unwrap();
    client.run("CREATE (:T)").unwrap();
    client.commit()
}

#[test]
fn a_write_without_its_sync_replica_is_committed_and_told_as_each_version_does() {
    for_each_version(|flag, version| {
        for explicit in [false, true] {
            let mut cluster = cluster(&["SYNC"], &[flag]);
            cluster[1].kill();
            let answer = write(&cluster[0], explicit);
            let text = told(version, "SYNC", "replica 'r1'", NOT_REACHED);
            if numbers(version) > (3, 12) {
                let notices = notices(&answer.unwrap());
                assert_eq!(notices[0]["severity"].as_str(), Some("WARNING"));
                assert_eq!(notices[0]["code"].as_str(), Some("SyncReplicationFailure"));
                assert_eq!(notices[0]["title"].as_str(), Some(text.as_str()));
            } else {
                let error = answer.unwrap_err();
                let failure = error.failure().unwrap();
                assert_eq!((failure.code.as_str(), &failure.message), (CLIENT_ERROR, &text));
            }
            assert_eq!(cluster[0].count(), 1, "{version}");
        }
    });
}

#[test]
fn a_write_without_its_strict_sync_replica_is_aborted_and_told_as_each_version_does() {
    for_each_version(|flag, version| {
        for explicit in [false, true] {
            let mut cluster = cluster(&["STRICT_SYNC"], &[flag]);
            cluster[1].kill();
            let error = write(&cluster[0], explicit).unwrap_err();
            let text = told(version, "STRICT_SYNC", "replica 'r1'", NOT_REACHED);
            let failure = error.failure().unwrap();
            assert_eq!((failure.code.as_str(), &failure.message), (CLIENT_ERROR, &text));
            assert_eq!(cluster[0].count(), 0, "{version}");
        }
    });
}

#[test]
fn several_replicas_that_failed_are_named_together() {
    for mode in ["SYNC", "STRICT_SYNC"] {
        let mut cluster = cluster(&[mode, mode], &[]);
        let version = cluster[0].run("SHOW VERSION").rows[0][0].as_str().unwrap().to_owned();
        cluster[1].kill();
        cluster[2].kill();
        let who = "replicas 'r1' and 'r2'";
        let reason = "replicas are not reachable or not in sync with the main";
        assert_eq!(cluster[0].refused("CREATE (:T)"), told(&version, mode, who, reason));
    }
}

#[test]
fn a_replica_that_says_no_is_a_communication_error() {
    for mode in ["SYNC", "STRICT_SYNC"] {
        let cluster = cluster(&[mode], &[]);
        let version = cluster[0].run("SHOW VERSION").rows[0][0].as_str().unwrap().to_owned();
        let other = Instance::start(&[]);
        other.register("taken", "ASYNC", &cluster[1]);
        let text = told(&version, mode, "replica 'r1'", "RPC communication error");
        assert_eq!(cluster[0].refused("CREATE (:T)"), text);
    }
}

#[test]
fn votes_come_first_and_async_replicas_last() {
    let cluster = cluster(&["STRICT_SYNC", "ASYNC"], &[]);
    cluster[1].freeze();
    let writing = write_behind(&cluster[0]);
    until("the vote is waited for", || cluster[0].info("r1").2 == "replicating");
    // Without the vote there is no decision, and without it nothing is shipped.
    assert_eq!((cluster[0].count(), cluster[2].count()), (0, 0));
    cluster[1].thaw();
    writing.join().unwrap().unwrap();
    assert_eq!((cluster[0].count(), cluster[1].count()), (1, 1));
    until("the async replica follows", || cluster[2].count() == 1);
}

/// A main that died while it waited for the second vote; the first voter is prepared.
fn prepared_without_decision() -> Vec<Instance> {
    let mut cluster = cluster(&["STRICT_SYNC", "STRICT_SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[2].freeze();
    let writing = write_behind(&cluster[0]);
    until("the second vote is waited for", || {
        let states = ["r1", "r2"].map(|name| cluster[0].info(name).2);
        states == ["ready", "replicating"]
    });
    cluster[0].kill();
    writing.join().unwrap().unwrap_err();
    cluster[2].kill();
    cluster[2].restart(&[]);
    cluster
}

#[test]
fn what_was_prepared_is_not_seen_and_a_promotion_drops_it() {
    let cluster = prepared_without_decision();
    assert_eq!(cluster[1].count(), 1);
    cluster[1].promote();
    cluster[1].run("CREATE (:After)");
    assert_eq!(cluster[1].count(), 2);
    cluster[1].register("c", "ASYNC", &cluster[2]);
    cluster[1].wait_for("c", "ready");
    assert_eq!(cluster[2].count(), 2);
}

#[test]
fn what_was_prepared_is_dropped_by_the_next_transaction() {
    let mut cluster = prepared_without_decision();
    cluster[0].restart(&[]);
    ["r1", "r2"].iter().for_each(|name| cluster[0].wait_for(name, "ready"));
    assert_eq!(cluster[0].count(), 1, "it was never committed");
    cluster[0].run("CREATE (:After)");
    assert_eq!(cluster.iter().map(Instance::count).collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn what_was_prepared_is_dropped_by_a_recovery() {
    let mut cluster = prepared_without_decision();
    cluster[0].restart(&[]);
    for name in ["r1", "r2"] {
        cluster[0].run(&format!("DROP REPLICA {name}"));
    }
    cluster[0].run("CREATE (:After)");
    cluster[0].register("r1", "ASYNC", &cluster[1]);
    cluster[0].wait_for("r1", "ready");
    assert_eq!(cluster[1].count(), 2);
    assert_eq!(cluster[1].number("MATCH (n:After) RETURN count(n)"), 1);
}

#[test]
fn a_voter_comes_back_while_writes_are_tried() {
    let mut cluster = cluster(&["STRICT_SYNC"], &[]);
    cluster[1].kill();
    cluster[0].run("DROP REPLICA r1");
    cluster[0].run(MUCH);
    cluster[1].restart(&[]);
    cluster[0].register("r1", "STRICT_SYNC", &cluster[1]);
    let mut refused = 0;
    until("writes go on", || {
        let done = cluster[0].client().run("CREATE (:T)").is_ok();
        refused += i32::from(!done);
        done
    });
    assert_eq!(cluster[0].count(), 5001, "{refused} were refused, and left nothing behind");
    assert_eq!(cluster[1].count(), 5001);
}

#[test]
fn a_replica_refuses_writes_at_run_and_the_connection_goes_on() {
    let cluster = cluster(&["SYNC"], &[]);
    let mut client = cluster[1].client();
    let error = client.run("CREATE (:T)").unwrap_err();
    let refused = error.failure().unwrap();
    let text = "Write queries are forbidden on the replica instance. Replica instances accept only \
                read queries, while the main instance accepts read and write queries. Please retry \
                your query on the main instance.";
    assert_eq!((refused.code.as_str(), refused.message.as_str()), (CLIENT_ERROR, text));
    assert_eq!(client.run("MATCH (n) RETURN count(n)").unwrap().rows.len(), 1);
    client.begin().unwrap();
    client.run("MATCH (n) RETURN count(n)").unwrap();
    client.commit().unwrap();
}

#[test]
fn a_main_that_became_replica_commits_no_open_transaction() {
    let main = Instance::start(&[]);
    let (mut writer, mut reader) = (main.client(), main.client());
    for client in [&mut writer, &mut reader] {
        client.begin().unwrap();
        client.run("MATCH (n) RETURN count(n)").unwrap();
    }
    writer.run("CREATE (:T)").unwrap();
    main.demote();
    let error = writer.commit().unwrap_err();
    let refused = error.failure().unwrap();
    let text = "Cannot commit because instance is not main anymore.";
    assert_eq!((refused.code.as_str(), refused.message.as_str()), (CLIENT_ERROR, text));
    reader.commit().unwrap();
    assert_eq!(main.count(), 0);
}

#[test]
fn users_are_not_managed_on_a_replica() {
    let replica = Instance::start(&[]);
    replica.demote();
    for query in ["CREATE USER u IDENTIFIED BY 'p'", "DROP USER u"] {
        let refused = failure(&replica, query);
        assert_eq!(refused.code, CLIENT_ERROR);
        assert!(refused.message.starts_with("Query forbidden on the replica!"), "{refused:?}");
    }
}
