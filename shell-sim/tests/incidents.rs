//! The shipped incidents: they read, their audits name what their records show, a changed record
//! changes the verdict, and no bytes make the reader or the audit panic.

use proptest::prelude::*;
use shell_sim::{
    audit::audit,
    incident::{Data, EventWord, Evidence, Incident, Item, Kind, PodName, Role, Status},
};

const RACE: (&str, &str) = (
    "2025-09-16-reconcile-failover-race.yaml",
    include_str!("../incidents/2025-09-16-reconcile-failover-race.yaml"),
);
const EMPTY_IP: (&str, &str) =
    ("2025-09-18-empty-pod-ip.yaml", include_str!("../incidents/2025-09-18-empty-pod-ip.yaml"));
const TEST_2: (&str, &str) = (
    "2025-10-18-prestop-test-2-success.yaml",
    include_str!("../incidents/2025-10-18-prestop-test-2-success.yaml"),
);
const TEST_20: (&str, &str) = (
    "2025-10-18-prestop-test-20-failure.yaml",
    include_str!("../incidents/2025-10-18-prestop-test-20-failure.yaml"),
);
const SHIPPED: [(&str, &str); 4] = [RACE, EMPTY_IP, TEST_2, TEST_20];

fn read((name, text): (&str, &str)) -> Incident {
    Incident::read(name, text).unwrap_or_else(|error| panic!("{error}"))
}

fn verdict(incident: &Incident) -> Vec<(u32, &'static str)> {
    audit(incident).iter().map(|one| (one.order, one.invariant.as_str())).collect()
}

/// The item with an order; of several, the first.
fn at(incident: &mut Incident, order: u32) -> &mut Item {
    let found = incident.timeline.iter_mut().find(|item| item.order == order);
    found.unwrap_or_else(|| panic!("no item has order {order}"))
}

fn without(mut incident: Incident, event: EventWord) -> Incident {
    let before = incident.timeline.len();
    incident.timeline.retain(|item| item.event != event);
    assert!(incident.timeline.len() < before, "{event} is in the record");
    incident
}

/// Every incident file of the folder, by name, with its text.
fn folder() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/incidents");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("a readable folder");
        let text = std::fs::read_to_string(entry.path()).expect("a readable folder");
        (entry.file_name().into_string().expect("a readable folder"), text)
    };
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a readable folder").map(read).collect();
    files.sort();
    files
}

#[test]
fn every_file_in_the_folder_reads() {
    let files = folder();
    assert_eq!(files.len(), 28);
    for (name, text) in &files {
        let incident = read((name, text));
        assert_eq!(&format!("{}.yaml", incident.id), name);
        assert_eq!(Incident::read_bytes(&incident.id, text.as_bytes()), Ok(incident));
    }
    assert!(SHIPPED.iter().all(|(name, _)| files.iter().any(|(file, _)| file == name)));
}

#[test]
fn what_went_well_breaks_nothing() {
    let files = folder();
    let went_well: Vec<Incident> = files
        .iter()
        .map(|(name, text)| read((name, text)))
        .filter(|incident| incident.kind == Kind::Success)
        .collect();
    assert_eq!(went_well.len(), 3);
    for incident in &went_well {
        assert_eq!(verdict(incident), [], "{}", incident.id);
    }
}

#[test]
fn what_is_recorded_is_kept_apart_from_what_is_told() {
    let counts = SHIPPED.map(|file| {
        let incident = read(file);
        (incident.timeline.len(), incident.recorded().count())
    });
    assert_eq!(counts, [(7, 5), (7, 5), (8, 8), (10, 8)]);
    let race = read(RACE);
    assert!(race.recorded().all(|item| item.evidence == Evidence::Log && item.t.is_some()));
    assert_eq!(read(TEST_2).kind, Kind::NearMiss);
}

#[test]
fn stamps_become_differences_within_the_file() {
    let times: Vec<_> = read(TEST_20).timeline.iter().map(|item| item.at).collect();
    let expected = [
        Some(0),
        Some(0),
        Some(1),
        Some(1_640),
        Some(1_640),
        Some(2_658),
        None,
        None,
        Some(4_239),
        Some(6_374),
    ];
    assert_eq!(times, expected);
}

#[test]
fn common_data_is_typed_and_the_rest_stays_raw() {
    let mut race = read(RACE);
    assert_eq!(at(&mut race, 1).facts.target_read, Some(0));
    assert_eq!(at(&mut race, 4).facts.target, Some(1));
    assert_eq!(at(&mut race, 4).data.text("store"), Some("ConfigMap"));
    assert_eq!(at(&mut race, 5).facts.decided_with, Some(0));
    assert_eq!(at(&mut race, 5).facts.current_role, Some(Role::Main));
    assert_eq!(at(&mut race, 6).facts.registered_on, None, "null is not stated");
    assert_eq!(at(&mut race, 7).data.number("sync_count"), Some(0));
    let mut failed = read(TEST_20);
    assert_eq!(at(&mut failed, 6).facts.from, [PodName::ha(0)]);
    assert_eq!(at(&mut failed, 7).facts.status, Some(Status::Diverged));
}

#[test]
fn the_pass_that_undid_a_failover() {
    let expected = [
        (5, "single-main"),
        (5, "serialized-operations"),
        (5, "no-stale-decision"),
        (6, "exactly-one-sync-replica"),
        (6, "no-stale-decision"),
        (7, "exactly-one-sync-replica"),
    ];
    assert_eq!(verdict(&read(RACE)), expected);
    let findings = audit(&read(RACE));
    let stale = &findings[2];
    assert_eq!(stale.t.as_deref(), Some("11:45:24.337"));
    assert_eq!(stale.event, EventWord::Demote);
    assert_eq!(stale.why, "decided with target 0 while 1 is stored");
}

#[test]
fn the_pod_without_an_address() {
    let expected = [
        (2, "no-empty-address"),
        (3, "no-empty-address"),
        (4, "no-stale-decision"),
        (4, "no-empty-address"),
        (5, "no-stale-decision"),
        (5, "no-empty-address"),
        (7, "converges-after-rolling-restart"),
    ];
    assert_eq!(verdict(&read(EMPTY_IP)), expected);
}

#[test]
fn the_hook_that_let_go_and_the_luck_that_held() {
    assert_eq!(verdict(&read(TEST_2)), [(1, "prestop-waits-for-ready")]);
}

#[test]
fn the_hook_that_let_go_and_the_luck_that_did_not_hold() {
    let expected = [
        (1, "prestop-waits-for-ready"),
        (1, "prestop-waits-for-ready"),
        (2, "prestop-waits-for-ready"),
        (5, "single-main"),
        (6, "cardinal-rule/one-main-per-replica"),
        (6, "dual-main-guard"),
    ];
    assert_eq!(verdict(&read(TEST_20)), expected);
}

#[test]
fn a_demotion_before_the_target_is_stored_rests_on_nothing_stale() {
    let mut race = read(RACE);
    let order = |item: &Item| (item.order, item.t.clone(), item.at);
    let (stored, demoted) = (order(at(&mut race, 4)), order(at(&mut race, 5)));
    race.timeline.swap(3, 4);
    for (place, (order, t, time)) in [(3, stored), (4, demoted)] {
        let item = &mut race.timeline[place];
        (item.order, item.t, item.at) = (order, t, time);
    }
    let expected = [
        (6, "exactly-one-sync-replica"),
        (6, "serialized-operations"),
        (6, "no-stale-decision"),
        (7, "exactly-one-sync-replica"),
    ];
    assert_eq!(verdict(&race), expected, "what follows the store is stale still");
}

#[test]
fn without_a_stored_target_the_pass_contradicts_nothing() {
    let expected = [(6, "exactly-one-sync-replica"), (7, "exactly-one-sync-replica")];
    let race = without(read(RACE), EventWord::TargetMainUpdated);
    assert_eq!(verdict(&race), expected);
}

#[test]
fn a_pass_that_looks_again_keeps_to_the_new_target() {
    let mut race = read(RACE);
    for order in [5, 6] {
        at(&mut race, order).pod = Some(PodName::ha(0));
    }
    at(&mut race, 5).facts.decided_with = Some(1);
    at(&mut race, 6).facts.replica_name = Some("memgraph_ha_0".to_owned());
    at(&mut race, 6).facts.sync_mode = Some(shell_sim::incident::SyncMode::StrictSync);
    at(&mut race, 7).data = Data::default();
    assert_eq!(verdict(&race), []);
}

#[test]
fn a_hook_may_let_go_of_what_waiting_cannot_mend() {
    for status in ["ready", "diverged"] {
        let text = TEST_2.1.replace("status: invalid", &format!("status: {status}"));
        let incident = read((TEST_2.0, &text));
        let early = verdict(&incident).iter().any(|(_, name)| *name == "prestop-waits-for-ready");
        assert!(!early, "{status}");
    }
}

#[test]
fn a_recreated_main_that_was_read_and_chosen_is_no_stranger() {
    let mut failed = without(read(TEST_20), EventWord::FailoverTriggered);
    let started = at(&mut failed, 5);
    assert_eq!(started.event, EventWord::InstanceStartedAsMain);
    started.event = EventWord::Promote;
    let late = verdict(&failed).into_iter().filter(|(order, _)| *order > 2);
    assert_eq!(late.collect::<Vec<_>>(), []);
}

#[test]
fn a_role_read_at_the_pods_own_address_is_a_role() {
    let mut empty = without(read(EMPTY_IP), EventWord::PodIpMissing);
    for item in &mut empty.timeline {
        if item.facts.bolt_address.is_some() {
            item.facts.bolt_address = Some("10.244.1.2:7687".to_owned());
        }
    }
    assert_eq!(verdict(&empty), []);
}

#[test]
fn what_did_not_happen_breaks_nothing() {
    for file in SHIPPED {
        let mut incident = read(file);
        incident.timeline.iter_mut().for_each(|item| item.facts.hypothetical = true);
        assert_eq!(verdict(&incident), []);
        assert_eq!(incident.recorded().count(), 0);
    }
}

#[test]
fn the_verdict_fields_leave_no_trace() {
    for (name, text) in &folder() {
        let (name, text) = (name.as_str(), text.as_str());
        let mut kept = String::new();
        let mut in_verdict = false;
        for line in text.lines() {
            if !line.starts_with(' ') {
                in_verdict = ["original_outcome:", "invariant_violated:", "what_a_correct"]
                    .iter()
                    .any(|field| line.starts_with(field));
            }
            if !in_verdict {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        assert!(kept.len() < text.len());
        assert_eq!(read((name, &kept)), read((name, text)));
        let lies =
            format!("{kept}invariant_violated: {{nothing: [at, all]}}\noriginal_outcome: 3\n");
        assert_eq!(read((name, &lies)), read((name, text)));
    }
}

/// One change to a real file.
#[derive(Debug, Clone)]
enum Change {
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    SwapLines(prop::sample::Index, prop::sample::Index),
    RepeatLine(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (any::<prop::sample::Index>(), 1..40usize).prop_map(|(at, many)| Change::Cut(at, many)),
        any::<(prop::sample::Index, prop::sample::Index)>()
            .prop_map(|(one, other)| Change::SwapLines(one, other)),
        any::<prop::sample::Index>().prop_map(Change::RepeatLine),
    ]
}

fn apply(bytes: Vec<u8>, change: &Change) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let mut bytes = bytes;
    match change {
        Change::Byte(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
            return bytes;
        }
        Change::Cut(at, many) => {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + many).min(bytes.len() - 1).max(at);
            bytes.drain(at..end);
            return bytes;
        }
        Change::SwapLines(one, other) => {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
        }
        Change::RepeatLine(at) => {
            let at = at.index(lines.len());
            lines.insert(at, lines[at].clone());
        }
    }
    lines.join(&b'\n')
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Incident::read_bytes("x.yaml", &bytes).is_err());
    }

    #[test]
    fn no_changed_file_makes_reader_or_audit_panic(
        which in 0..SHIPPED.len(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let (name, text) = SHIPPED[which];
        let bytes = changes.iter().fold(text.as_bytes().to_vec(), apply);
        match Incident::read_bytes(name, &bytes) {
            Ok(incident) => {
                prop_assert!(audit(&incident).is_sorted_by_key(|finding| finding.order));
            }
            Err(error) => prop_assert!(error.to_string().starts_with(name)),
        }
    }

    #[test]
    fn the_audit_stands_any_order_of_any_items(
        picks in prop::collection::vec((0..SHIPPED.len(), any::<prop::sample::Index>(), 0..2u32), 0..30),
    ) {
        let mut mixed = read(RACE);
        mixed.timeline.clear();
        let mut order = 1;
        for (which, index, step) in picks {
            let source = read(SHIPPED[which]);
            let mut item = index.get(&source.timeline).clone();
            order += step;
            item.order = order;
            mixed.timeline.push(item);
        }
        let findings = audit(&mixed);
        prop_assert!(findings.iter().all(|finding| finding.order <= order));
        prop_assert!(findings.is_sorted_by_key(|finding| finding.order));
    }
}
