use super::*;
use crate::memgraph::{ReplicaState, SyncMode};

fn seen(replica: u8, state: ReplicaState) -> Seen {
    Seen { replica: InstanceId(replica), mode: SyncMode::Async, data: Some((state, 0)) }
}

fn with_rows(date: &str, rows: Vec<Seen>) -> Predecessor {
    let mut policy = Predecessor::new(Era::on(Some(date)), 3, InstanceId(0));
    policy.rows = rows;
    policy
}

#[test]
fn an_invalid_replica_lets_pre_stop_pass_until_the_repair() {
    let rows = vec![seen(1, ReplicaState::MaybeBehind), seen(2, ReplicaState::MaybeBehind)];
    assert!(with_rows("2025-10-18", rows.clone()).cluster_is_healthy());
    assert!(!with_rows("2025-10-19", rows).cluster_is_healthy());
}

#[test]
fn what_cannot_heal_is_never_waited_for() {
    let rows = vec![seen(1, ReplicaState::Diverged), seen(2, ReplicaState::Ready)];
    assert!(with_rows("2025-10-19", rows).cluster_is_healthy());
}

#[test]
fn from_the_lock_on_a_pass_and_a_failover_take_turns() {
    for (date, together) in [("2025-09-16", true), ("2025-09-17", false)] {
        let settings = crate::world::Settings { controllers: 0, ..Default::default() };
        let mut world = World::new(&settings);
        let mut policy = with_rows(date, Vec::new());
        policy.passes_left = 1;
        policy.queue.push(Trigger::PodEvent(InstanceId(0)));
        policy.step(&mut world, Thread::Pass);
        assert_eq!(policy.enabled(&world).contains(&Thread::Failover), together, "{date}");
    }
}

#[test]
fn the_deletion_of_the_target_starts_a_failover_in_early_versions_only() {
    for (date, shown) in [("2025-10-18", 1), ("2025-10-19", 0)] {
        let mut policy = with_rows(date, Vec::new());
        assert_eq!(policy.pod_deleted(InstanceId(2)).len(), 0);
        assert_eq!(policy.pod_deleted(InstanceId(0)).len(), shown, "{date}");
    }
}
