//! Rules about replicas: who is registered, who is proven, whose data is set aside, and what is told
//! of them. Each decision, and what is decided instead with each fact alone.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/conditions.rs"]
mod conditions;

use bases::{base, even, life, main_with, mg, record};
use conditions::{
    answer, each_condition_counts, make_main, recorded, restart, row, silence, tried, with,
    withdraw,
};
use ha_core::{
    desired::Durability,
    ids::{GatewayId, InstanceId, RequestId, Term, VolumeId},
    observation::{ClusterObservation, RegisterResult, Route, RowState, SyncMode},
    reading::Age,
    record::{Before, Member, Reset, Stage},
};

fn lag(obs: &mut ClusterObservation, main: InstanceId, id: InstanceId, still: Age) {
    let row = row(obs, main, id);
    (row.behind, row.still) = (-2, still);
}

fn stick(obs: &mut ClusterObservation, id: InstanceId) {
    let row = row(obs, mg(0), id);
    (row.state, row.since) = (RowState::Invalid, Age::Expired);
}

/// Before the reign has a commit.
#[test]
fn a_voter_that_is_registered() {
    const AGAIN: &[&str] = &["A20 drop mg-2 on mg-1", "V10 voter-waits"];
    const WAITS: &[&str] = &["V10 voter-waits"];
    each_condition_counts(
        &base("registered"),
        &["V10 record attached main=mg-1 term=2 voter=mg-2"],
        &[
            ("by somebody else", |obs| obs.memory.registered.clear(), AGAIN),
            ("it lags in quiet times", |obs| lag(obs, mg(1), mg(2), Age::Suspect), AGAIN),
            ("it lags in passing", |obs| lag(obs, mg(1), mg(2), Age::Fresh), WAITS),
            (
                "it is even in quiet times",
                |obs| row(obs, mg(1), mg(2)).still = Age::Suspect,
                &["V10 record attached main=mg-1 term=2 voter=mg-2"],
            ),
            (
                "it takes a transaction, in quiet times",
                |obs| {
                    lag(obs, mg(1), mg(2), Age::Suspect);
                    row(obs, mg(1), mg(2)).state = RowState::Replicating;
                },
                WAITS,
            ),
        ],
    );
}

#[test]
fn a_replica_that_stays_invalid() {
    let obs = with("settled", |obs| stick(obs, mg(2)));
    each_condition_counts(
        &obs,
        &["A20 drop mg-2 on mg-0", "X10 mg-2: replica-waits"],
        &[
            (
                "it was registered once",
                |obs| tried(obs, mg(2), RegisterResult::Done, 1),
                &["A20 drop mg-2 on mg-0", "X10 mg-2: replica-waits"],
            ),
            (
                "it was registered twice",
                |obs| tried(obs, mg(2), RegisterResult::Done, 2),
                &["A45 mg-2: stays-invalid", "X10 mg-2: replica-waits"],
            ),
            (
                "it was registered twice, and is ready for long",
                |obs| {
                    tried(obs, mg(2), RegisterResult::Done, 2);
                    row(obs, mg(0), mg(2)).state = RowState::Ready;
                },
                &[],
            ),
            (
                "not for long yet",
                |obs| {
                    tried(obs, mg(2), RegisterResult::Done, 2);
                    row(obs, mg(0), mg(2)).since = Age::Suspect;
                },
                &["X10 mg-2: replica-waits"],
            ),
        ],
    );
}

#[test]
fn a_row_with_nothing_behind_it() {
    each_condition_counts(
        &base("phantom-row"),
        &["A20 drop mg-2 on mg-0"],
        &[
            (
                "it was not to be reached just now",
                |obs| tried(obs, mg(2), RegisterResult::Unreachable, 1),
                &["A20 mg-2: retry-later"],
            ),
            (
                "it was not to be reached a while ago",
                |obs| {
                    tried(obs, mg(2), RegisterResult::Unreachable, 1);
                    row(obs, mg(0), mg(2)).since = Age::Suspect;
                },
                &["A20 drop mg-2 on mg-0"],
            ),
            (
                "its registration ended well",
                |obs| tried(obs, mg(2), RegisterResult::Done, 1),
                &["A20 drop mg-2 on mg-0"],
            ),
        ],
    );
}

/// Its row goes only while nobody forwards.
#[test]
fn a_voter_that_stays_invalid() {
    let obs = with("settled", |obs| stick(obs, mg(1)));
    each_condition_counts(
        &obs,
        &["A20 route writes to nobody", "X10 mg-1: replica-waits"],
        &[
            (
                "a gateway may forward yet",
                |obs| {
                    obs.route.handed_out = Route::Closed;
                    obs.route.outstanding.insert(GatewayId(0));
                },
                &["A20 mg-1: gateways-outstanding", "R20 voter-waits", "X10 mg-1: replica-waits"],
            ),
            (
                "nobody forwards",
                withdraw,
                &["A20 drop mg-1 on mg-0", "R20 voter-waits", "X10 mg-1: replica-waits"],
            ),
        ],
    );
}

#[test]
fn a_first_commit() {
    const COMMITS: &[&str] = &["V20 commit on mg-1 proves=mg-2"];
    const WAITS: &[&str] = &["V20 voter-waits"];
    each_condition_counts(
        &base("attached"),
        COMMITS,
        &[
            (
                "the voter is being told",
                |obs| row(obs, mg(1), mg(2)).state = RowState::Recovery,
                WAITS,
            ),
            (
                "the voter is a main",
                |obs| make_main(obs, mg(2)),
                &["F60 demote mg-2 term=2", "V20 voter-waits"],
            ),
            (
                "somebody who does not vote is being told",
                |obs| {
                    let mut told = even(SyncMode::Async);
                    told.state = RowState::Recovery;
                    let rows = [(mg(0), told), (mg(2), even(SyncMode::StrictSync))];
                    answer(obs, mg(1)).role = main_with(&rows);
                },
                COMMITS,
            ),
        ],
    );
}

#[test]
fn a_reign_becomes_steady() {
    const STEADY: &[&str] = &["V30 record steady main=mg-1 term=2 voter=mg-2"];
    each_condition_counts(
        &base("committed"),
        STEADY,
        &[
            (
                "the voter lags in quiet times",
                |obs| lag(obs, mg(1), mg(2), Age::Suspect),
                &["V20 commit on mg-1 proves=mg-2"],
            ),
            (
                "the voter lags in passing",
                |obs| lag(obs, mg(1), mg(2), Age::Fresh),
                &["V30 voter-waits"],
            ),
            (
                "the voter is even in quiet times",
                |obs| row(obs, mg(1), mg(2)).still = Age::Suspect,
                STEADY,
            ),
            (
                "a way back is recorded that is none any more",
                |obs| {
                    recorded(obs).before = Some(Before { main: mg(0), incarnation: life(mg(0)) });
                },
                STEADY,
            ),
            (
                "the voter has more, in quiet times",
                |obs| {
                    row(obs, mg(1), mg(2)).behind = 3;
                    row(obs, mg(1), mg(2)).still = Age::Suspect;
                },
                &["V30 voter-waits"],
            ),
        ],
    );
}

#[test]
fn a_replica_that_is_not_proven() {
    const COMMITS: &[&str] = &["V50 commit on mg-0 proves=mg-1,mg-2", "X10 mg-2: replica-waits"];
    const WAITS: &[&str] = &["X10 mg-2: replica-waits"];
    /// A commit was made while the present life of mg-2 was there, and mg-2 did not take it.
    fn committed(obs: &mut ClusterObservation, still: Age) {
        obs.memory.commit = base("drained").memory.commit;
        let now = answer(obs, mg(2)).incarnation;
        let made = obs.memory.commit.as_mut().expect("a commit of the base");
        made.replicas.insert(mg(2), now);
        lag(obs, mg(0), mg(2), still);
    }
    let obs = with("settled", |obs| restart(obs, mg(2)));
    each_condition_counts(
        &obs,
        COMMITS,
        &[
            ("it is about to take a commit", |obs| committed(obs, Age::Fresh), WAITS),
            ("it does not take a commit", |obs| committed(obs, Age::Suspect), COMMITS),
            (
                "its data is to be set aside",
                |obs| ordered(obs, life(mg(2)).volume),
                &["A40 restart mg-2 without its data", "X10 mg-2: replica-waits"],
            ),
            (
                "it is in the middle of a transaction",
                |obs| row(obs, mg(0), mg(2)).state = RowState::Replicating,
                WAITS,
            ),
            (
                "it stays in the middle of a transaction",
                |obs| {
                    row(obs, mg(0), mg(2)).state = RowState::Replicating;
                    row(obs, mg(0), mg(2)).since = Age::Suspect;
                },
                COMMITS,
            ),
        ],
    );
    // Whoever does not vote keeps no commit waiting.
    each_condition_counts(
        &base("voter-restarted"),
        &["V50 commit on mg-0 proves=mg-1,mg-2", "X10 mg-1: replica-waits"],
        &[(
            "the other one is being told",
            |obs| row(obs, mg(0), mg(2)).state = RowState::Recovery,
            &[
                "V50 commit on mg-0 proves=mg-1,mg-2",
                "X10 mg-1: replica-waits",
                "X10 mg-2: replica-waits",
            ],
        )],
    );
}

#[test]
fn a_replica_that_is_told_of() {
    let obs = with("settled", |obs| row(obs, mg(0), mg(2)).state = RowState::Replicating);
    each_condition_counts(
        &obs,
        &["X10 mg-2: replica-waits"],
        &[
            ("it is even and proven", |obs| row(obs, mg(0), mg(2)).state = RowState::Ready, &[]),
            (
                "its reign is not steady",
                |obs| {
                    recorded(obs).stage = Stage::Attached;
                    withdraw(obs);
                },
                &["V20 commit on mg-0 proves=mg-1,mg-2"],
            ),
            (
                "it is a main",
                |obs| {
                    make_main(obs, mg(2));
                    recorded(obs).former.insert(mg(2));
                },
                &["F60 demote mg-2 term=1"],
            ),
        ],
    );
}

/// An order of the program itself to set the data of mg-2 aside.
fn ordered(obs: &mut ClusterObservation, volume: VolumeId) {
    let it = record(obs).expect("a record");
    it.resets.insert(mg(2), Reset { volume, term: Term(1), by: None, restores: None });
    it.members.remove(&mg(2));
}

fn by_a_person(obs: &mut ClusterObservation) {
    let it = record(obs).expect("a record");
    it.resets.values_mut().for_each(|reset| reset.by = Some(RequestId(8)));
}

/// Operators do not want data set aside by itself.
#[test]
fn data_that_only_a_person_sets_aside() {
    let obs = with("settled", |obs| {
        obs.desired.sets_aside = false;
        row(obs, mg(0), mg(2)).state = RowState::Diverged;
        ordered(obs, life(mg(2)).volume);
    });
    each_condition_counts(
        &obs,
        &["A40 mg-2: reset-unwanted"],
        &[
            ("a person ordered it", by_a_person, &["A40 restart mg-2 without its data"]),
            (
                "a person ordered it of the data before, and this branched off as well",
                |obs| {
                    recorded(obs).resets.clear();
                    ordered(obs, VolumeId(0xee));
                    by_a_person(obs);
                    tried(obs, mg(2), RegisterResult::Branched, 2);
                },
                &["A40 mg-2: reset-unwanted"],
            ),
        ],
    );
}

/// mg-2 began anew and is proven.
#[test]
fn an_order_that_is_over() {
    let obs = with("settled", |obs| {
        let member = recorded(obs).members[&mg(2)];
        ordered(obs, VolumeId(0xee));
        recorded(obs).members.insert(mg(2), member);
    });
    each_condition_counts(
        &obs,
        &["V60 record steady main=mg-0 term=1 voter=mg-1"],
        &[
            (
                "it is not proven",
                |obs| {
                    recorded(obs).members.remove(&mg(2));
                },
                &["V50 commit on mg-0 proves=mg-1,mg-2", "X10 mg-2: replica-waits"],
            ),
            (
                "another one's order is not over",
                |obs| {
                    let volume = VolumeId(0xef);
                    let reset = Reset { volume, term: Term(1), by: None, restores: None };
                    recorded(obs).resets.insert(mg(3), reset);
                },
                &["V60 record steady main=mg-0 term=1 voter=mg-1 resets=mg-3"],
            ),
        ],
    );
}

/// In `fast`, mg-2 was asked twice and does not take part.
#[test]
fn a_reign_that_begins_without_a_vote() {
    const ALONE: &[&str] = &["V10 record attached main=mg-1 term=2"];
    let fast = |obs: &mut ClusterObservation| {
        obs.desired.durability = Durability::Fast;
        recorded(obs).durability = Durability::Fast;
    };
    let obs = with("promoted", |obs| {
        fast(obs);
        tried(obs, mg(2), RegisterResult::Unreachable, 2);
    });
    const WAITS: &[&str] = &["A30 register mg-2 SYNC on mg-1", "V10 voter-waits"];
    each_condition_counts(
        &obs,
        ALONE,
        &[
            ("it was asked once", |obs| tried(obs, mg(2), RegisterResult::Unreachable, 1), WAITS),
            (
                "it may have taken the registration",
                |obs| tried(obs, mg(2), RegisterResult::Unclear, 2),
                WAITS,
            ),
            (
                "commits wait for votes",
                |obs| recorded(obs).durability = Durability::Required,
                &["A30 register mg-2 STRICT_SYNC on mg-1", "V10 voter-waits"],
            ),
            (
                "it is gone, as is the main before",
                |obs| {
                    silence(obs, mg(0), Age::Expired);
                    silence(obs, mg(2), Age::Expired);
                },
                ALONE,
            ),
            (
                "the main before may answer yet",
                |obs| {
                    silence(obs, mg(0), Age::Suspect);
                    silence(obs, mg(2), Age::Expired);
                },
                &["V10 no-voter"],
            ),
            (
                "a vote was recorded before its time",
                |obs| {
                    recorded(obs).members.insert(mg(2), Member { votes: true, proof: None });
                },
                ALONE,
            ),
        ],
    );
}
