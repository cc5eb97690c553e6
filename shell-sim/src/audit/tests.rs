//! Each rule on the smallest record that breaks it, beside the nearest one that does not.

use super::*;
use crate::incident::UnknownWord;
use std::{collections::BTreeSet, fmt::Write as _};

/// The invariants that no timeline of this vocabulary can show broken.
const WITHOUT_CHECK: [InvariantName; 2] =
    [InvariantName::BootstrapRefusesAmbiguity, InvariantName::HealthyMeansAllReplicasReady];

/// An incident of lines `order [t] actor event pod {data}`; pods are ordinals or `-`.
fn incident(topology: &[&str], lines: &str) -> Incident {
    let mut text = String::from(
        "id: small\ntitle: t\nkind: incident\ndate: undated\nclock: {}\nsource: []\n\
         config: {prestop: true}\nunknowns: []\n",
    );
    text.push_str("topology_before:");
    if topology.is_empty() {
        text.push_str(" []");
    }
    text.push('\n');
    for (ordinal, before) in topology.iter().enumerate() {
        writeln!(text, "  - {{pod: memgraph-ha-{ordinal}, {before}}}").unwrap();
    }
    text.push_str("timeline:\n");
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (words, data) = line.split_once('{').map_or((line, "}"), |(words, data)| (words, data));
        let words: Vec<&str> = words.split_whitespace().collect();
        let &[order, t, actor, event, pod] = words.as_slice() else {
            panic!("order, t, actor, event and pod in {line:?}")
        };
        let t = if t == "-" { "null".to_owned() } else { format!("\"{t}\"") };
        let pod = if pod == "-" { "null".to_owned() } else { format!("memgraph-ha-{pod}") };
        writeln!(
            text,
            "  - {{t: {t}, order: {order}, actor: {actor}, pod: {pod}, event: {event}, \
             data: {{{data}, quote: null, evidence: log}}"
        )
        .unwrap();
    }
    Incident::read("small.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[track_caller]
fn check(topology: &[&str], lines: &str, expected: &[(u32, &str)]) {
    let findings = audit(&incident(topology, lines));
    let found: Vec<(u32, &str)> =
        findings.iter().map(|finding| (finding.order, finding.invariant.as_str())).collect();
    assert_eq!(found, expected, "{lines}\n{findings:#?}");
}

const TRIO: &[&str] = &[
    "role: main",
    "role: replica, sync_mode: STRICT_SYNC, status: ready",
    "role: replica, sync_mode: async, status: ready",
];

#[test]
fn every_invariant_has_one_check_or_a_reason_for_none() {
    let checked: BTreeSet<InvariantName> = CHECKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(checked.len(), CHECKS.len(), "each once");
    let all: BTreeSet<InvariantName> = InvariantName::ALL.iter().copied().collect();
    let without: BTreeSet<InvariantName> = WITHOUT_CHECK.into_iter().collect();
    assert_eq!(&checked | &without, all);
    assert!(checked.is_disjoint(&without));
}

#[test]
fn names_are_written_and_read_alike() {
    for name in InvariantName::ALL {
        assert_eq!(name.to_string().parse(), Ok(*name));
        let json = serde_json::to_string(name).unwrap();
        assert_eq!(serde_json::from_str::<InvariantName>(&json).unwrap(), *name);
    }
    let wrong: UnknownWord = "single_main".parse::<InvariantName>().unwrap_err();
    assert_eq!(wrong.found, "single_main");
    assert!(wrong.to_string().contains("single-main, cardinal-rule/one-main-per-replica"));
}

#[test]
fn a_planned_and_clean_failover_breaks_nothing() {
    check(
        TRIO,
        "1 10:00:00.000 kubernetes pod_deletion_requested 0 {role_of_pod: main}
         2 10:00:00.010 controller prestop_called 0
         3 10:00:00.020 gateway gateway_upstream_cleared -
         4 10:00:00.030 controller failover_triggered 0
         5 10:00:00.100 controller promote 1
         6 10:00:00.200 controller target_main_updated - {target_main_index: 1}
         7 10:00:00.300 controller register_replica 2 {registered_on: memgraph-ha-1, sync_mode: ASYNC}
         8 10:00:00.400 memgraph replica_status_observed 2 {status: ready}
         9 10:00:00.500 controller prestop_completed 0
         10 10:00:01.000 kubernetes pod_deleted 0
         11 10:00:02.000 kubernetes pod_created 0
         12 - controller role_observed 0 {role: main}
         12 - gateway gateway_connection_established 1
         13 - controller demote 0 {current_role: main, decided_with_target_main_index: 1}
         14 - controller register_replica 0 {registered_on: memgraph-ha-1, sync_mode: STRICT_SYNC}
         15 - memgraph replica_status_observed 0 {status: ready, sync_mode: strict_sync}
         16 - client client_write_acked 1",
        &[],
    );
}

#[test]
fn two_mains_are_harmless_only_if_nothing_met_them() {
    let dual = "1 - memgraph dual_main_observed - {mains: [memgraph-ha-0, memgraph-ha-1]}";
    check(TRIO, &format!("{dual}\n2 - controller dual_main_resolved -"), &[]);
    check(
        TRIO,
        &format!("{dual}\n2 - client client_write_acked 0\n3 - controller dual_main_resolved -"),
        &[(1, "single-main")],
    );
    check(
        TRIO,
        &format!("{dual}\n2 - controller register_replica 2 {{registered_on: memgraph-ha-1}}"),
        &[(1, "single-main"), (2, "cardinal-rule/one-main-per-replica"), (2, "dual-main-guard")],
    );
}

#[test]
fn the_stored_target_stays_main() {
    let stored = "1 - controller target_main_updated - {target_main_index: 1}";
    check(
        TRIO,
        &format!("{stored}\n2 - controller demote 1"),
        &[(2, "single-main"), (2, "no-stale-decision")],
    );
    check(TRIO, &format!("{stored}\n2 - controller demote 0"), &[]);
}

#[test]
fn registrations_wait_for_what_is_not_known() {
    let register = "2 - controller register_replica 2 {registered_on: memgraph-ha-0}";
    for doubt in ["kubernetes pod_ip_missing", "controller query_failed", "kubernetes pod_created"]
    {
        check(TRIO, &format!("1 - {doubt} 1\n{register}"), &[(2, "dual-main-guard")]);
    }
    check(TRIO, &format!("1 - kubernetes pod_created 2\n{register}"), &[]);
    check(
        TRIO,
        &format!("1 - kubernetes pod_ip_missing 2\n{register}"),
        &[(2, "no-empty-address")],
    );
    check(
        TRIO,
        "1 - controller target_main_updated - {target_main_index: 0}
         2 - controller role_observed 1 {role: main}
         3 - controller registration_allowed 2",
        &[(3, "dual-main-guard")],
    );
}

#[test]
fn a_main_is_demoted_before_it_is_registered() {
    let seen = "1 - memgraph instance_started_as_main 2";
    let register = "controller register_replica 2 {registered_on: memgraph-ha-0}";
    check(TRIO, &format!("{seen}\n2 - {register}"), &[(2, "demote-before-register")]);
    check(TRIO, &format!("{seen}\n2 - controller demote 2\n3 - {register}"), &[]);
}

#[test]
fn a_leaving_pod_is_not_registered() {
    let register = "controller register_replica 2 {registered_on: memgraph-ha-0}";
    let leaving = "1 - kubernetes pod_deletion_requested 2";
    check(
        TRIO,
        &format!("{leaving}\n2 - {register}"),
        &[(2, "no-registration-of-terminating-pod")],
    );
    check(TRIO, &format!("{leaving}\n2 - kubernetes pod_created 2\n3 - {register}"), &[]);
}

#[test]
fn only_the_sync_replica_is_kept_at_any_price() {
    check(TRIO, "1 - controller drop_replica 1", &[(1, "never-drop-sync")]);
    check(TRIO, "1 - controller drop_replica 2", &[]);
    check(TRIO, "1 - controller drop_replica 1 {hypothetical: true}", &[]);
    check(TRIO, "1 - operator drop_replica 1", &[]);
}

#[test]
fn an_acknowledged_write_needs_the_sync_replica() {
    check(TRIO, "1 - client client_write_acked 0", &[]);
    check(
        TRIO,
        "1 - memgraph replica_status_observed 1 {status: invalid}
         2 - client client_write_acked 0",
        &[(2, "no-unreplicated-ack")],
    );
    check(
        TRIO,
        "1 - kubernetes pod_deleted 0\n2 - controller promote 1\n3 - client client_write_acked 1",
        &[(3, "no-unreplicated-ack")],
    );
}

#[test]
fn the_pair_shares_main_and_vote() {
    check(
        TRIO,
        "1 - controller promote 2",
        &[(1, "two-pod-authority"), (1, "promote-only-ready-sync-replica")],
    );
    check(
        TRIO,
        "1 - controller register_replica 2 {sync_mode: SYNC}",
        &[(1, "exactly-one-sync-replica"), (1, "two-pod-authority")],
    );
    check(TRIO, "1 - memgraph replicas_listed 0 {sync_count: 1}", &[]);
    check(
        TRIO,
        "1 - memgraph replicas_listed 0 {sync_count: 2}",
        &[(1, "exactly-one-sync-replica")],
    );
    check(
        TRIO,
        "1 - controller target_main_updated - {target_main_index: 2}",
        &[(1, "two-pod-authority")],
    );
}

#[test]
fn a_replica_that_is_not_ready_is_not_promoted() {
    for (status, expected) in [
        ("ready", &[][..]),
        ("recovery", &[(3, "promote-only-ready-sync-replica")]),
        ("diverged", &[(3, "promote-only-ready-sync-replica")]),
    ] {
        let lines = format!(
            "1 - controller failover_check 1 {{status: {status}}}
             2 - kubernetes pod_force_killed 0
             3 - controller promote 1"
        );
        check(TRIO, &lines, expected);
    }
}

#[test]
fn a_ready_main_stays() {
    check(
        TRIO,
        "1 - kubernetes pod_ready 0\n2 - controller failover_triggered 0",
        &[(2, "no-needless-failover")],
    );
    for reason in ["kubernetes pod_not_ready", "kubernetes pod_deleted"] {
        check(
            TRIO,
            &format!(
                "1 - kubernetes pod_ready 0\n2 - {reason} 0\n3 - controller failover_triggered 0"
            ),
            &[],
        );
    }
}

#[test]
fn a_pass_that_fails_over_by_itself_is_serial() {
    let begin = "1 - controller reconcile_started - {target_main_index_read: 0}
         2 - controller promote 1
         3 - controller target_main_updated - {target_main_index: 1}";
    let demote = "controller demote 0 {decided_with_target_main_index:";
    check(TRIO, &format!("{begin}\n4 - {demote} 1}}"), &[]);
    check(
        TRIO,
        &format!("{begin}\n4 - {demote} 0}}"),
        &[(4, "serialized-operations"), (4, "no-stale-decision")],
    );
    check(
        TRIO,
        &format!("{begin}\n4 - controller reconcile_aborted -\n5 - {demote} 0}}"),
        &[(5, "no-stale-decision")],
    );
}

#[test]
fn the_target_has_one_writer_and_one_key() {
    check(
        &[],
        "1 - controller target_main_updated - {via_consolidated_method: false}
         2 - controller target_main_persist_skipped -",
        &[(1, "single-writer-of-target"), (2, "single-writer-of-target")],
    );
    for (key, expected) in [("masterIndex", &[][..]), ("MasterIndex", &[(2, "state-key-exact")])] {
        let lines = format!(
            "1 - controller target_main_updated - {{key_written: masterIndex}}
             2 - controller configmap_event_ignored - {{key_read: {key}}}"
        );
        check(&[], &lines, expected);
    }
}

#[test]
fn clients_are_cut_off_during_a_failover() {
    let begin = "1 - controller failover_triggered -";
    let connect = "gateway gateway_connection_established -";
    check(&[], &format!("{begin}\n2 - {connect}"), &[(2, "gateway-fencing")]);
    check(&[], &format!("{begin}\n2 - controller failover_completed -\n3 - {connect}"), &[]);
    let write = "client client_write_recorded -";
    check(&[], &format!("{begin}\n2 - {write}"), &[(2, "gateway-fencing")]);
    check(&[], &format!("{begin}\n2 - gateway gateway_upstream_cleared -\n3 - {write}"), &[]);
}

#[test]
fn writes_go_to_the_target() {
    let stored = "1 - controller target_main_updated - {target_main_index: 0}";
    check(TRIO, &format!("{stored}\n2 - client client_write_acked 0"), &[]);
    check(
        TRIO,
        &format!("{stored}\n2 - client client_write_recorded 1"),
        &[(2, "gateway-routes-only-to-target-main")],
    );
    check(
        &[],
        "1 - client client_write_failed - {error: Write queries are forbidden on the replica!}
         2 - client client_write_failed - {error: connection refused}",
        &[(1, "gateway-routes-only-to-target-main")],
    );
}

#[test]
fn the_hook_of_a_main_waits_and_ends() {
    let with =
        |status: &str| format!("1 - memgraph replica_status_observed 1 {{status: {status}}}");
    for (status, expected) in [
        ("ready", &[][..]),
        ("invalid", &[(2, "prestop-waits-for-ready")]),
        ("replicating", &[(2, "prestop-waits-for-ready")]),
    ] {
        check(TRIO, &format!("{}\n2 - controller prestop_completed 0", with(status)), expected);
    }
    check(
        TRIO,
        &format!("{}\n2 - controller prestop_completed 0", with("diverged")),
        &[(1, "cardinal-rule/one-main-per-replica")],
    );
    check(TRIO, &format!("{}\n2 - controller prestop_completed 2", with("invalid")), &[]);
    check(
        TRIO,
        &format!("{}\n2 - kubernetes pod_deleted 0", with("invalid")),
        &[(2, "prestop-waits-for-ready")],
    );
    let waits = "1 - controller prestop_waiting 0";
    check(TRIO, &format!("{waits}\n2 - operator test_failed -"), &[(1, "prestop-terminates")]);
    check(
        TRIO,
        &format!("{waits}\n2 - controller prestop_completed 0\n3 - operator test_failed -"),
        &[],
    );
}

#[test]
fn a_hook_that_nobody_heard() {
    let begins = "1 - kubernetes prestop_started_in_pod 0";
    let fails = "kubernetes prestop_failed 0";
    check(TRIO, &format!("{begins}\n2 - {fails}"), &[(2, "prestop-reaches-controller")]);
    check(TRIO, &format!("{begins}\n2 - controller prestop_called 0\n3 - {fails}"), &[]);
    check(TRIO, &format!("1 - {fails}"), &[]);
}

#[test]
fn an_odd_answer_is_survived() {
    check(TRIO, "1 - controller query_failed 0", &[]);
    check(TRIO, "1 - controller controller_startup_failed -", &[]);
    check(
        TRIO,
        "1 - controller query_failed 0\n1 - controller controller_startup_failed -",
        &[(1, "parse-never-crashes")],
    );
}

#[test]
fn a_failover_has_a_second_if_it_has_a_successor() {
    let lost = "1 10:00:00.000 kubernetes pod_deleted 0 {role_of_pod: main}";
    let late = "3 10:00:01.001 controller promote 1";
    let idle = "2 - operator observation -";
    check(TRIO, &format!("{lost}\n{idle}\n{late}"), &[(3, "failover-under-1s")]);
    check(TRIO, &format!("{lost}\n{idle}\n{}", late.replace("01.001", "01.000")), &[]);
    let blocked = "2 - controller failover_blocked -";
    check(TRIO, &format!("{lost}\n{blocked}\n{late}"), &[]);
}

#[test]
fn urgent_events_and_passes_have_bounds() {
    let pass = "1 10:00:00 controller reconcile_started -";
    check(
        TRIO,
        &format!("{pass}\n2 - controller event_queued 0 {{wait_ms: 1001}}"),
        &[(2, "urgent-before-routine")],
    );
    check(TRIO, &format!("{pass}\n2 - controller event_queued 0 {{wait_ms: 1000}}"), &[]);
    check(TRIO, &format!("{pass}\n2 - controller event_queued 2 {{wait_ms: 4000}}"), &[]);
    check(
        TRIO,
        &format!("{pass}\n2 10:00:05.001 controller reconcile_aborted -"),
        &[(2, "reconcile-bounded")],
    );
    check(TRIO, &format!("{pass}\n2 10:00:05 controller reconcile_aborted -"), &[]);
}

#[test]
fn a_sync_replica_comes_back_in_time() {
    let promoted = "1 10:00:00 controller promote 1
         2 10:00:01 memgraph replicas_listed 1 {count: 0}";
    let register = "controller register_replica 0 {sync_mode: SYNC, registered_on: memgraph-ha-1}";
    check(TRIO, &format!("{promoted}\n3 10:00:06 {register}"), &[]);
    check(TRIO, &format!("{promoted}\n3 10:00:06.001 {register}"), &[(2, "sync-replica-restored")]);
    check(
        TRIO,
        "1 - memgraph replica_status_observed 1 {status: invalid}\n2 - operator test_failed -",
        &[(2, "sync-replica-restored")],
    );
}

#[test]
fn a_rollout_ends_and_diverged_replicas_return() {
    check(&[], "1 - operator test_failed -", &[]);
    check(
        &[],
        "1 - operator rolling_restart_requested -\n2 - operator test_failed -",
        &[(2, "converges-after-rolling-restart")],
    );
    let diverged = "1 - memgraph register_rejected_diverged 2 {registered_on: memgraph-ha-0}";
    check(TRIO, diverged, &[(1, "diverged-recovers")]);
    check(
        TRIO,
        &format!("{diverged}\n2 - memgraph replica_status_observed 2 {{status: ready}}"),
        &[],
    );
}

#[test]
fn the_order_within_equal_numbers_decides_nothing() {
    let write = "1 - client client_write_recorded -";
    let trigger = "1 - controller failover_triggered -";
    check(&[], &format!("{write}\n{trigger}"), &[]);
    check(&[], &format!("{trigger}\n{write}"), &[]);
}
