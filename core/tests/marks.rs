//! What may be said of an instance, moment by moment, and when nothing may be said.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;

use bases::{BASES, base, bolt, even, life, main_with, mg, record, restarted};
use ha_core::{
    marks::{Mark, Missing, Part, Replicates, mark},
    observation::{ClusterObservation, Contact, Route, RowState, SyncMode},
    reading::{Age, Reading, Why},
};

type Change = fn(&mut ClusterObservation);

const fn no(missing: Missing) -> Replicates {
    Replicates::No(missing)
}

fn row_of_third(obs: &mut ClusterObservation, state: RowState, behind: i64) {
    let mut row = even(SyncMode::Async);
    (row.state, row.behind) = (state, behind);
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), row)];
    bolt(obs, mg(0)).expect("an answer").role = main_with(&rows);
}

fn unreached(obs: &mut ClusterObservation, since: Age) {
    let view = obs.instances.get_mut(&mg(2)).expect("an instance");
    view.contact = Contact::Unreached { why: Why::Silent, since };
}

/// One change to a cluster at rest, and what may be said of mg-2 then.
#[test]
fn a_replica_replicates_while_it_is_proven_and_in_touch() {
    let table: [(&str, Change, Replicates); 15] = [
        ("nothing", |_| {}, Replicates::Yes),
        ("under load", |o| row_of_third(o, RowState::Ready, -40), Replicates::Yes),
        ("in a commit", |o| row_of_third(o, RowState::Replicating, -1), Replicates::Yes),
        ("catching up", |o| row_of_third(o, RowState::Recovery, -900), no(Missing::Touch)),
        ("out of touch", |o| row_of_third(o, RowState::Invalid, 0), no(Missing::Touch)),
        ("branched off", |o| row_of_third(o, RowState::Diverged, 3), no(Missing::Touch)),
        ("a phantom", |o| row_of_third(o, RowState::Phantom, 0), no(Missing::Registration)),
        (
            "a new word",
            |o| row_of_third(o, RowState::Unrecognized("odd".to_owned()), 0),
            Replicates::Unknown,
        ),
        (
            "no row",
            |o| {
                let rows = [(mg(1), even(SyncMode::StrictSync))];
                bolt(o, mg(0)).expect("an answer").role = main_with(&rows);
            },
            no(Missing::Registration),
        ),
        (
            "another life",
            |o| bolt(o, mg(2)).expect("an answer").incarnation = restarted(life(mg(2))),
            no(Missing::Proof),
        ),
        ("silent for a moment", |o| unreached(o, Age::Suspect), Replicates::Unknown),
        (
            "not looked at yet",
            |o| {
                let view = o.instances.get_mut(&mg(2)).expect("an instance");
                view.contact = Contact::Unreached { why: Why::NeverRead, since: Age::Expired };
            },
            Replicates::Unknown,
        ),
        ("silent for good", |o| unreached(o, Age::Expired), no(Missing::Answer)),
        (
            "closed",
            |o| {
                let view = o.instances.get_mut(&mg(2)).expect("an instance");
                view.contact = Contact::Closed { since: Age::Fresh };
            },
            no(Missing::Process),
        ),
        (
            "no pod",
            |o| o.instances.get_mut(&mg(2)).expect("an instance").pod = Reading::fresh(None),
            no(Missing::Pod),
        ),
    ];
    for (what, change, expected) in table {
        let mut obs = base("settled");
        change(&mut obs);
        assert_eq!(mark(&obs, mg(2)).replicates, expected, "{what}");
    }
}

/// An outage of the API server, a new leader, a move: what was said before stands.
#[test]
fn what_passes_changes_nothing_that_was_said() {
    let table: [(&str, Change); 4] = [
        ("a record that nobody reads again", |o| {
            if let Reading::Known { age, .. } = &mut o.record {
                *age = Age::Expired;
            }
        }),
        ("a record read before the lease", |o| {
            o.record = Reading::Unknown { why: Why::BeforeLease, since: Age::Fresh };
        }),
        ("a move", |o| record(o).expect("a record").stage = ha_core::record::Stage::Intent),
        ("a main that is away", |o| {
            let view = o.instances.get_mut(&mg(0)).expect("an instance");
            view.contact = Contact::Unreached { why: Why::Silent, since: Age::Fresh };
        }),
    ];
    for (what, change) in table {
        let mut obs = base("settled");
        change(&mut obs);
        for id in [mg(1), mg(2)] {
            assert_eq!(mark(&obs, id).replicates, Replicates::Unknown, "{what}: {id}");
        }
    }
}

#[test]
fn the_main_replicates_while_it_is_routed_to() {
    let mut obs = base("settled");
    assert_eq!(mark(&obs, mg(0)), Mark { replicates: Replicates::Yes, part: Some(Part::Main) });
    // A leader that is new has not opened the route yet.
    let open = obs.route.handed_out;
    obs.route.handed_out = Route::Closed;
    assert_eq!(mark(&obs, mg(0)).replicates, Replicates::Unknown);
    obs.route.handed_out = open;
    // It restarted: nobody may write to it before it is proven.
    bolt(&mut obs, mg(0)).expect("an answer").incarnation = restarted(life(mg(0)));
    assert_eq!(mark(&obs, mg(0)), Mark { replicates: no(Missing::Reign), part: Some(Part::Stray) });
}

#[test]
fn an_old_main_that_returns_is_a_stray() {
    let obs = base("old-main-returns");
    let strays = |id: &ha_core::ids::InstanceId| mark(&obs, *id).part == Some(Part::Stray);
    let found: Vec<_> = obs.instances.keys().copied().filter(strays).collect();
    assert_eq!(found, [mg(0)]);
    assert_eq!(mark(&obs, mg(0)).replicates, no(Missing::Reign));
}

/// Whoever is settled says yes of everybody; nobody ever says yes of two mains.
#[test]
fn marks_agree_with_the_plan() {
    for (name, build) in BASES {
        let obs = build();
        let marks: Vec<_> = obs.instances.keys().map(|id| mark(&obs, *id)).collect();
        let mains = marks.iter().filter(|mark| mark.part == Some(Part::Main)).count();
        assert!(mains <= 1, "{name}");
        if ha_core::plan(&obs).settled {
            assert!(marks.iter().all(|mark| mark.replicates == Replicates::Yes), "{name}");
        }
    }
}
