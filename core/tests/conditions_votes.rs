//! Rules about votes and planned moves: who votes, when the vote moves, and when the main does. Each
//! decision, and what is decided instead with each fact alone.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/conditions.rs"]
mod conditions;

use bases::{base, life, mg};
use conditions::{each_condition_counts, mark, recorded, restart, row, tried, with, withdraw};
use ha_core::{
    desired::{ResetRequest, SwitchoverRequest},
    ids::{InstanceId, RequestId, VolumeId},
    observation::{ClusterObservation, Drain, RegisterResult, Route, RowState, SyncMode},
    reading::Age,
};

fn order(obs: &mut ClusterObservation, to: InstanceId) {
    obs.desired.switchover = Some(SwitchoverRequest { id: RequestId(9), to: Some(to) });
}

#[test]
fn a_vote_that_an_operator_orders() {
    each_condition_counts(
        &with("settled", |obs| order(obs, mg(2))),
        &["E45 hold new transactions, let open ones on mg-0 finish"],
        &[
            ("it was answered", |obs| recorded(obs).answered = Some(RequestId(9)), &[]),
            (
                "the main is there already",
                |obs| order(obs, mg(0)),
                &["E50 record steady main=mg-0 term=1 voter=mg-1"],
            ),
            (
                "whoever is wanted votes already",
                |obs| order(obs, mg(1)),
                &["E50 hold new transactions, let open ones on mg-0 finish"],
            ),
            (
                "whoever is wanted is not proven",
                |obs| restart(obs, mg(2)),
                &[
                    "V50 commit on mg-0 proves=mg-1,mg-2",
                    "E50 move-waits",
                    "X10 mg-2: replica-waits",
                ],
            ),
        ],
    );
}

/// mg-2 votes, and mg-1, of the pair, is proven.
#[test]
fn a_vote_that_returns() {
    let obs = with("settled", |obs| {
        recorded(obs).members.values_mut().for_each(|member| member.votes = !member.votes);
        row(obs, mg(0), mg(1)).mode = SyncMode::Async;
        row(obs, mg(0), mg(2)).mode = SyncMode::StrictSync;
    });
    each_condition_counts(
        &obs,
        &["E45 hold new transactions, let open ones on mg-0 finish"],
        &[
            ("nobody wants that", |obs| obs.desired.vote_returns = false, &[]),
            (
                "mg-1 is not proven",
                |obs| restart(obs, mg(1)),
                &["V50 commit on mg-0 proves=mg-1,mg-2", "X10 mg-1: replica-waits"],
            ),
        ],
    );
    each_condition_counts(&base("settled"), &[], &[]);
}

/// The voter was registered twice and stays invalid.
#[test]
fn a_vote_that_is_stuck() {
    const MOVES: &[&str] = &[
        "E45 route writes to nobody",
        "E45 record intent main=mg-0 term=2 (renewal)",
        "X10 mg-1: replica-waits",
    ];
    const WAITS: &[&str] = &["X10 mg-1: replica-waits"];
    let obs = with("settled", |obs| {
        let voter = row(obs, mg(0), mg(1));
        (voter.state, voter.since) = (RowState::Invalid, Age::Expired);
        tried(obs, mg(1), RegisterResult::Done, 2);
    });
    each_condition_counts(
        &obs,
        MOVES,
        &[
            ("not for long yet", |obs| row(obs, mg(0), mg(1)).since = Age::Suspect, WAITS),
            (
                "it was not to be reached either time",
                |obs| {
                    row(obs, mg(0), mg(1)).since = Age::Suspect;
                    tried(obs, mg(1), RegisterResult::Unreachable, 2);
                },
                MOVES,
            ),
            (
                "it was registered once",
                |obs| tried(obs, mg(1), RegisterResult::Done, 1),
                &["A20 route writes to nobody", "X10 mg-1: replica-waits"],
            ),
            (
                "its row says a word that is not known, for long",
                |obs| row(obs, mg(0), mg(1)).state = RowState::Unrecognized("new".into()),
                WAITS,
            ),
        ],
    );
}

/// The voter is to go, and no transaction is open.
#[test]
fn a_vote_that_leaves() {
    let obs = with("drained", |obs| {
        obs.desired.switchover = None;
        mark(obs, mg(1));
    });
    each_condition_counts(
        &obs,
        &["E45 route writes to nobody", "E45 record intent main=mg-0 term=2 (renewal) back=mg-1"],
        &[(
            "it lags in passing",
            |obs| row(obs, mg(0), mg(1)).behind = -2,
            &[
                "E45 route writes to nobody",
                "E45 record intent main=mg-0 term=2 (renewal)",
                "X10 mg-1: replica-waits",
            ],
        )],
    );
}

#[test]
fn a_voter_whose_data_a_person_does_not_want() {
    fn word(obs: &mut ClusterObservation, volume: VolumeId) {
        let id = RequestId(8);
        obs.desired.reset = Some(ResetRequest { id, of: mg(1), volume, restores: None });
    }
    each_condition_counts(
        &with("settled", |obs| word(obs, life(mg(1)).volume)),
        &["E45 hold new transactions, let open ones on mg-0 finish"],
        &[(
            "other data is meant",
            |obs| word(obs, VolumeId(0xee)),
            &["A35 record steady main=mg-0 term=1 voter=mg-1"],
        )],
    );
}

/// In `fast`, the main goes on alone, and mg-2 keeps up.
#[test]
fn a_vote_that_comes_back() {
    const ALONE: &[&str] = &["X15 unprotected"];
    each_condition_counts(
        &base("fast-vote-back"),
        &["E47 hold new transactions, let open ones on mg-0 finish", "X15 unprotected"],
        &[
            (
                "mg-2 lags in passing",
                |obs| row(obs, mg(0), mg(2)).behind = -2,
                &[
                    "E47 hold new transactions, let open ones on mg-0 finish",
                    "X10 mg-2: replica-waits",
                    "X15 unprotected",
                ],
            ),
            (
                "mg-2 lags in quiet times",
                |obs| {
                    row(obs, mg(0), mg(2)).behind = -2;
                    row(obs, mg(0), mg(2)).still = Age::Suspect;
                },
                &["X10 mg-2: replica-waits", "X15 unprotected"],
            ),
            (
                "mg-2 is even in quiet times",
                |obs| row(obs, mg(0), mg(2)).still = Age::Suspect,
                &["E47 hold new transactions, let open ones on mg-0 finish", "X15 unprotected"],
            ),
            ("mg-2 is to go", |obs| mark(obs, mg(2)), ALONE),
            (
                "mg-2 is not proven",
                |obs| restart(obs, mg(2)),
                &["V50 commit on mg-0 proves=mg-2", "X10 mg-2: replica-waits", "X15 unprotected"],
            ),
            (
                "mg-2 is being told",
                |obs| row(obs, mg(0), mg(2)).state = RowState::Recovery,
                &["X10 mg-2: replica-waits", "X15 unprotected"],
            ),
        ],
    );
}

/// An operator wants the main elsewhere; mg-1 votes, and mg-2 is to be up to date as well.
#[test]
fn a_planned_move() {
    const DRAINS: &str = "E50 hold new transactions, let open ones on mg-0 finish";
    const BEGINS: &[&str] = &[DRAINS];
    const WAITS: &[&str] = &["E50 move-waits", "X10 mg-2: replica-waits"];
    fn is(obs: &mut ClusterObservation, id: InstanceId, state: RowState, since: Age) {
        let row = row(obs, mg(0), id);
        (row.state, row.since) = (state, since);
    }
    each_condition_counts(
        &base("switchover-asked"),
        BEGINS,
        &[
            ("the voter is named", |obs| order(obs, mg(1)), BEGINS),
            ("mg-2 is being told", |obs| is(obs, mg(2), RowState::Recovery, Age::Fresh), WAITS),
            (
                "mg-2 is being told, and is to go",
                |obs| {
                    is(obs, mg(2), RowState::Recovery, Age::Fresh);
                    mark(obs, mg(2));
                },
                &[DRAINS, "X10 mg-2: replica-waits"],
            ),
            (
                "mg-2 is out of touch for long",
                |obs| is(obs, mg(2), RowState::Invalid, Age::Expired),
                &[DRAINS, "X10 mg-2: replica-waits"],
            ),
            ("mg-2 branched off", |obs| is(obs, mg(2), RowState::Diverged, Age::Fresh), BEGINS),
            (
                "the candidate takes a transaction",
                |obs| is(obs, mg(1), RowState::Replicating, Age::Fresh),
                &[DRAINS, "X10 mg-1: replica-waits"],
            ),
            (
                "the candidate is out of touch for long",
                |obs| is(obs, mg(1), RowState::Invalid, Age::Expired),
                &["A20 route writes to nobody", "E50 move-waits", "X10 mg-1: replica-waits"],
            ),
        ],
    );
}

/// No transaction is open, and the candidate was proven since.
#[test]
fn a_planned_move_names_its_target() {
    const NAMES: &str = "E50 record intent main=mg-1 term=2 (switchover) back=mg-0";
    each_condition_counts(
        &base("drained"),
        &["E50 route writes to nobody", NAMES],
        &[
            ("the route is closed already", withdraw, &[NAMES]),
            ("a transaction is open", |obs| obs.route.drain = Drain::Waiting, &["E50 draining"]),
            (
                "a gateway may forward yet, and the route is closed",
                |obs| obs.route.handed_out = Route::Closed,
                &["E50 gateways-outstanding"],
            ),
            (
                "mg-2 is left behind",
                |obs| row(obs, mg(0), mg(2)).state = RowState::Recovery,
                &["E50 route writes to nobody", NAMES, "X10 mg-2: replica-waits"],
            ),
            (
                "the candidate is left behind",
                |obs| row(obs, mg(0), mg(1)).state = RowState::Recovery,
                &[
                    "F45 record steady main=mg-0 term=1 voter=mg-1 unproven=mg-1",
                    "E50 move-waits",
                    "X10 mg-1: replica-waits",
                ],
            ),
        ],
    );
}
