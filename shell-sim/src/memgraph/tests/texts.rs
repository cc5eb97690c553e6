//! MR 1.2, 4.2, 4.3: exact texts.

use crate::memgraph::*;

fn failure(number: u16, mode: SyncMode, reason: Reason) -> Failure {
    Failure { name: ReplicaName(number), mode, reason }
}

fn named(error: &ServerError) -> String {
    error.text(&|name| ["a", "b", "c"][usize::from(name.0)].into())
}

#[test]
fn mr_4_2_sync_failure_by_version() {
    let failures = vec![failure(0, SyncMode::Sync, Reason::NotInSync)];
    let error = |version| ServerError::SyncFailed { version, failures: failures.clone() };
    assert_eq!(
        named(&error(Version::V3_8)),
        "Replication Exception: At least one SYNC replica has not confirmed committing last \
         transaction. Check the status of the replicas using 'SHOW REPLICAS' query."
    );
    let text = "Replication Exception: Failed to replicate to SYNC replica 'a': replica is not \
                reachable or not in sync with the main. Replica will be recovered automatically. \
                Transaction is still committed on the main instance and other alive replicas. \
                Check the status of the replicas using 'SHOW REPLICAS' query.";
    assert_eq!(named(&error(Version::V3_10)), text);
    assert_eq!(named(&error(Version::V3_12)), text);
    let notice = Notice::SyncReplicationFailure(failures.clone());
    let title = notice.title(&|_| "a".into());
    assert_eq!(format!("Replication Exception: {title}"), text);
    assert_eq!((notice.severity(), notice.code()), ("WARNING", "SyncReplicationFailure"));
}

#[test]
fn mr_4_2_several_replicas() {
    let failures = vec![
        failure(0, SyncMode::Sync, Reason::NotInSync),
        failure(1, SyncMode::Sync, Reason::NotInSync),
        failure(2, SyncMode::Sync, Reason::Timeout),
    ];
    let text = named(&ServerError::SyncFailed { version: Version::V3_10, failures });
    assert!(
        text.starts_with(
            "Replication Exception: Failed to replicate to SYNC replicas 'a' and 'b': replicas \
             are not reachable or not in sync with the main. Failed to replicate to SYNC replica \
             'c': RPC timeout while replicating. Replicas will be recovered automatically. \
             Transaction is still committed on the main instance and other alive replicas."
        ),
        "{text}"
    );
    assert!(text.contains("Main reached an RPC timeout while replicating to [c]."), "{text}");
}

#[test]
fn mr_4_2_reasons() {
    let words = [
        (Reason::NotInSync, "replica is not reachable or not in sync with the main"),
        (Reason::RpcError, "RPC communication error"),
        (Reason::Diverged, "replica has diverged from main"),
        (Reason::Timeout, "RPC timeout while replicating"),
        (Reason::LockBusy, "failed to obtain RPC lock (another transaction is in progress)"),
    ];
    for (reason, words) in words {
        let failures = vec![failure(0, SyncMode::Sync, reason)];
        let text = named(&ServerError::SyncFailed { version: Version::V3_12, failures });
        assert!(text.contains(&format!("replica 'a': {words}.")), "{text}");
    }
}

#[test]
fn mr_4_3_strict_failure_by_version() {
    let failures = vec![failure(1, SyncMode::StrictSync, Reason::Diverged)];
    let error = |version| ServerError::StrictSyncFailed { version, failures: failures.clone() };
    assert_eq!(
        named(&error(Version::V3_8)),
        "Replication Exception: At least one STRICT_SYNC replica has not confirmed committing \
         last transaction. Transaction will be aborted on all instances. Check the status of the \
         replicas using 'SHOW REPLICAS' query."
    );
    for version in [Version::V3_10, Version::V3_12, Version::Head] {
        assert_eq!(
            named(&error(version)),
            "Replication Exception: Failed to replicate to STRICT_SYNC replica 'b': replica has \
             diverged from main. Replica will be recovered automatically. Transaction was \
             aborted on all instances. Check the status of the replicas using 'SHOW REPLICAS' \
             query."
        );
    }
}

#[test]
fn mr_1_2_notifications() {
    let name_of = |_| "x".to_string();
    let cases = [
        (Notice::SetReplica(RoleName::Replica), "SetReplica", "Replica role set to REPLICA."),
        (Notice::SetReplica(RoleName::Main), "SetReplica", "Replica role set to MAIN."),
        (Notice::RegisterReplica(ReplicaName(0)), "RegisterReplica", "Replica x is registered."),
        (Notice::DropReplica(ReplicaName(0)), "DropReplica", "Replica x is dropped."),
    ];
    for (notice, code, title) in cases {
        assert_eq!(
            (notice.severity(), notice.code(), notice.title(&name_of)),
            ("INFO", code, title.into())
        );
    }
    assert_eq!(Notice::ReplicaPort.code(), "ReplicaPortWarning");
}

#[test]
fn mr_8_limits() {
    let check: Rpc<u8> = Rpc::Heartbeat { main_uuid: MainUuid(1), storage_uuid: StorageUuid(2) };
    assert_eq!(check.timeout_seconds(), 10);
    assert_eq!(Rpc::<u8>::FrequentHeartbeat.timeout_seconds(), 5);
    assert_eq!(CONNECT_SECONDS, 5);
}
