//! Whether a pod may go: the voter's waits as long as somebody can take its vote, now or soon.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;

use bases::{base, even, life, main_with, mg, record};
use ha_core::{
    ids::InstanceId,
    observation::{ClusterObservation, PodView, Row, RowState, SyncMode},
    plan,
    plan::Leave,
    reading::{Age, Reading},
    record::{Record, Reset},
};

/// mg-0 is main, mg-1 votes and is marked for deletion, and the row of mg-2 is this one.
fn leaving(third: Option<Row>) -> ClusterObservation {
    let mut obs = base("settled");
    let voter = [(mg(1), even(SyncMode::StrictSync))];
    let rows: Vec<_> = voter.into_iter().chain(third.map(|row| (mg(2), row))).collect();
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    mark(&mut obs, 1);
    obs
}

fn mark(obs: &mut ClusterObservation, ordinal: u8) {
    let view = obs.instances.get_mut(&mg(ordinal)).expect("an instance");
    let pod = view.pod.known().copied().flatten().expect("a pod");
    view.pod = Reading::fresh(Some(PodView { deleting: true, ..pod }));
}

fn row(state: RowState, since: Age) -> Row {
    Row { state, since, behind: -4, still: Age::Expired, ..even(SyncMode::Async) }
}

fn said(obs: &ClusterObservation) -> Leave {
    plan(obs).leave[&mg(1)]
}

#[test]
fn a_voter_waits_for_whoever_takes_its_vote_now_or_soon() {
    for third in [
        Some(even(SyncMode::Async)),
        // Under load it is so again and again.
        Some(row(RowState::Invalid, Age::Fresh)),
        Some(row(RowState::Invalid, Age::Suspect)),
        Some(row(RowState::Replicating, Age::Fresh)),
        Some(row(RowState::Recovery, Age::Expired)),
        // It is registered next.
        None,
    ] {
        let obs = leaving(third.clone());
        assert_eq!(said(&obs), Leave::VoteMoves, "{third:?}");
    }
    let mut unproven = leaving(Some(row(RowState::Recovery, Age::Fresh)));
    record(&mut unproven).expect("a record").members.get_mut(&mg(2)).expect("a member").proof =
        None;
    assert_eq!(said(&unproven), Leave::VoteMoves);
}

#[test]
fn a_voter_stays_while_it_is_to_take_over_or_to_prove_the_main() {
    for name in ["failover-begins", "main-restarted"] {
        let mut obs = base(name);
        mark(&mut obs, 1);
        assert_eq!(said(&obs), Leave::VoteMoves, "{name}");
    }
    // Unproven, it can do nothing for a main that is lost.
    let mut obs = base("failover-begins");
    mark(&mut obs, 1);
    record(&mut obs).expect("a record").members.get_mut(&mg(1)).expect("a member").proof = None;
    assert_eq!(said(&obs), Leave::MayLeave);
}

#[test]
fn it_waits_for_nobody_who_does_not_come() {
    for third in [row(RowState::Invalid, Age::Expired), row(RowState::Diverged, Age::Fresh)] {
        assert_eq!(said(&leaving(Some(third.clone()))), Leave::MayLeave, "{third:?}");
    }
    let mut both = leaving(Some(even(SyncMode::Async)));
    mark(&mut both, 2);
    assert_eq!(said(&both), Leave::MayLeave);
}

/// It holds nothing that counts, and its data is set aside only once it has left.
#[test]
fn nobody_waits_for_data_that_is_to_be_set_aside() {
    let before = |record: &Record| record.before.map(|before| before.main);
    let voter = |record: &Record| record.voters().next();
    let target = |record: &Record| Some(record.target);
    type Of = fn(&Record) -> Option<InstanceId>;
    let cases: [(&str, Of, bool); 3] = [
        ("switchover-withdrawn", before, true),
        ("attached", voter, true),
        // A target's is never set aside, whatever a record says.
        ("switchover-withdrawn", target, false),
    ];
    for (name, of, may_leave) in cases {
        let mut obs = base(name);
        let written = record(&mut obs).expect("a record").clone();
        let id = of(&written).expect("somebody");
        assert_ne!(plan(&obs).leave[&id], Leave::MayLeave, "{name} {id}");
        let reset = Reset { volume: life(id).volume, term: written.term, by: None, restores: None };
        record(&mut obs).expect("a record").resets.insert(id, reset);
        assert_eq!(plan(&obs).leave[&id] == Leave::MayLeave, may_leave, "{name} {id}");
    }
}
