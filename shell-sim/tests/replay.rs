//! The shipped incidents, replayed: the predecessor's policy does again what was recorded, an
//! altered record is no longer reproduced, and ours breaks nothing in its place.

use shell_sim::{
    incident::{Actor, EventWord, Incident, Item, PodName, Value},
    mutants,
    replay::{Bounds, ours, replay, reproduce},
};

const RACE: &str = "2025-09-16-reconcile-failover-race";
const EMPTY_IP: &str = "2025-09-18-empty-pod-ip";
const TEST_2: &str = "2025-10-18-prestop-test-2-success";
const TEST_20: &str = "2025-10-18-prestop-test-20-failure";
const ROUTING: &str = "2025-08-29-gateway-routing-race";
const STARTUP: &str = "2025-09-21-show-replication-role-startup-failure";
const RECORDS: &str = "2025-09-21-records-49-687-49";
const TIMEOUT: &str = "2025-09-11-convergence-timeout-sync-0";
const DROPPED: &str = "2025-09-18-dropped-sync-replica";
const SHIPPED: [&str; 4] = [RACE, EMPTY_IP, TEST_2, TEST_20];

fn read(id: &str) -> Incident {
    let path = format!("{}/incidents/{id}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("an incident file");
    Incident::read(&path, &text).unwrap_or_else(|error| panic!("{error}"))
}

/// The record with one item changed.
fn altered(id: &str, order: u32, event: EventWord, change: impl Fn(&mut Item)) -> Incident {
    let mut incident = read(id);
    let item = incident
        .timeline
        .iter_mut()
        .find(|item| item.order == order && item.event == event)
        .unwrap_or_else(|| panic!("{id} has {event} with order {order}"));
    change(item);
    incident
}

fn set(item: &mut Item, key: &str, value: Value) {
    let before = item.data.0.insert(key.to_owned(), value);
    assert!(before.is_some(), "{key} is in the record");
}

fn is_reproduced(incident: &Incident) -> bool {
    reproduce(incident, Bounds::default()).reproduced
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn the_policy_does_again_what_was_recorded() {
    for id in SHIPPED {
        let found = reproduce(&read(id), Bounds::default());
        assert!(found.reproduced, "{id}: {} of {} items", found.best, found.expected);
        let met: usize = found.run.iter().map(|step| step.meets.len()).sum();
        assert_eq!(met, found.expected, "{id}");
    }
}

#[test]
fn one_altered_fact_is_not_reproduced() {
    let changed = [
        altered(RACE, 5, EventWord::Demote, |item| {
            set(item, "decided_with_target_main_index", Value::Number(1));
        }),
        altered(RACE, 5, EventWord::Demote, |item| set(item, "current_role", text("replica"))),
        altered(RACE, 6, EventWord::RegisterReplica, |item| set(item, "sync_mode", text("SYNC"))),
        altered(RACE, 5, EventWord::Demote, |item| item.order = 2),
        altered(EMPTY_IP, 2, EventWord::RoleObserved, |item| set(item, "role", text("replica"))),
        altered(EMPTY_IP, 6, EventWord::RegisterRejectedDiverged, |item| item.order = 0),
        altered(TEST_2, 6, EventWord::FailoverAttemptSucceeded, |item| {
            set(item, "attempt", Value::Number(1));
        }),
        altered(TEST_2, 8, EventWord::PodReady, |item| item.order = 5),
        altered(TEST_20, 1, EventWord::PrestopReplicaSkipped, |item| {
            set(item, "status", text("ready"));
        }),
        altered(TEST_20, 7, EventWord::ReplicaStatusObserved, |item| {
            set(item, "behind", Value::Number(-3657));
        }),
        altered(TEST_20, 6, EventWord::ReplicationRpcReceived, |item| {
            set(item, "from", text("memgraph-ha-2"));
        }),
        altered(ROUTING, 4, EventWord::ClientWriteFailed, |item| {
            set(item, "error", text("connection refused"));
        }),
        altered(STARTUP, 1, EventWord::QueryFailed, |item| {
            set(item, "query", text("SHOW REPLICAS"));
        }),
        altered(RECORDS, 6, EventWord::DataObserved, |item| {
            set(item, "records", Value::Number(688));
        }),
        altered(TIMEOUT, 3, EventWord::TopologyObserved, |item| {
            set(item, "sync", Value::Number(2));
        }),
        altered(DROPPED, 8, EventWord::RegisterRejectedDiverged, |item| {
            item.pod = Some(PodName::ha(1));
        }),
        altered(DROPPED, 6, EventWord::DropReplica, |item| item.event = EventWord::DataObserved),
    ];
    let wrong: Vec<usize> =
        changed.iter().enumerate().filter(|(_, one)| is_reproduced(one)).map(|(i, _)| i).collect();
    assert_eq!(wrong, Vec::<usize>::new(), "these alterations were reproduced all the same");
}

#[test]
fn the_repairs_of_a_later_day_prevent_what_was_recorded() {
    for (id, later) in [
        (RACE, "2025-09-17"),
        (EMPTY_IP, "2025-09-19"),
        (TEST_2, "2025-10-19"),
        (TEST_20, "2025-10-19"),
        (ROUTING, "2025-10-19"),
        (STARTUP, "2025-09-22"),
        (DROPPED, "2025-09-19"),
    ] {
        let mut incident = read(id);
        incident.date = Some(later.to_owned());
        assert!(!is_reproduced(&incident), "{id} on {later}");
    }
}

#[test]
fn a_record_of_nothing_is_not_reproduced() {
    let mut incident = read(TEST_2);
    incident.timeline.retain(|item| item.actor == Actor::Kubernetes);
    assert!(!is_reproduced(&incident));
}

#[test]
fn ours_breaks_nothing_and_settles() {
    for id in SHIPPED {
        let one = replay(&read(id), ha_core::plan);
        assert_eq!(one.ours.violations, Vec::<String>::new(), "{id}");
        assert_eq!(one.ours.stuck, Vec::<String>::new(), "{id}");
        assert!(one.is_settled(), "{id}: {} of {}", one.ours.settled, one.ours.schedules);
        assert!(one.ours.holds.is_empty(), "{id}: {:?}", one.ours.holds);
        assert!(one.ours.longest_ms < 3_000, "{id}: {} ms", one.ours.longest_ms);
    }
}

#[test]
fn a_wrong_decision_in_our_place_is_found() {
    for name in ["promotes-before-it-records", "takes-the-old-main-back", "keeps-the-term"] {
        let mutant = mutants::named(name).expect("a mutant of that name");
        let found = ours(&read(RACE), None, mutant.decide);
        assert_ne!(found.violations, Vec::<String>::new(), "{name}");
    }
    let mutant = mutants::named("promotes-before-it-records").expect("a mutant of that name");
    assert!(!replay(&read(RACE), mutant.decide).is_safe());
}

#[test]
fn the_json_has_the_agreed_shape() {
    let json = replay(&read(EMPTY_IP), ha_core::plan).json();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&json), ["audit", "id", "ours", "predecessor", "unknowns"]);
    assert_eq!(json["id"], EMPTY_IP);
    assert_eq!(json["predecessor"]["reproduced"], true);
    assert_eq!(json["ours"]["settled"], true);
    assert_eq!(json["ours"]["violations"], serde_json::json!([]));
    assert!(json["ours"]["schedules"].as_u64().unwrap() > 0);
    assert!(!json["ours"]["timeline"].as_array().unwrap().is_empty());
    assert_eq!(keys(&json["audit"][0]), ["event", "invariant", "order", "t", "why"]);
    assert_eq!(json["audit"][0]["invariant"], "no-empty-address");
    assert_eq!(json["unknowns"].as_array().unwrap().len(), 5);
}

#[test]
fn the_text_shows_record_policy_and_ours() {
    let text = replay(&read(RACE), ha_core::plan).text();
    for part in [
        "Recorded, with 6 findings",
        "!! serialized-operations",
        "The predecessor's policy in the simulated world: reproduced",
        "demote memgraph-ha-1 current_role=main decided_with_target_main_index=0",
        "Ours in its place: safe",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}
