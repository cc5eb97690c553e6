//! Rules about the main: who may act, who is main without a record, who is to be main, and who else
//! could accept writes. Each decision, and what is decided instead with each fact alone.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/conditions.rs"]
mod conditions;

use bases::{at, base, life, mg, restarted};
use conditions::{
    answer, close, each_condition_counts, first, make_main, mark, reboot, recorded, restart, row,
    with, withdraw,
};
use ha_core::{
    ids::Term,
    observation::{ClusterObservation, LeaseView, RoleView, Route, RowState},
    plan,
    reading::Age,
    reason::Reason,
    record::Stage,
    rules::{Judge, RuleId::F30, Verdict},
    situation::Situation,
};

#[test]
fn on_promises_the_route_goes_on() {
    let obs = with("reopening", |obs| obs.leadership.lease = LeaseView::Promised);
    each_condition_counts(
        &obs,
        &["T10 route writes to mg-1 term=2"],
        &[
            ("an operator paused it", |obs| obs.desired.paused = true, &["T10 paused"]),
            (
                "it is open",
                |obs| obs.route.handed_out = Route::Open { term: Term(2), main: at(mg(1)) },
                &["T10 lease-unrenewed"],
            ),
            (
                "it is open to the main before",
                |obs| obs.route.handed_out = Route::Open { term: Term(1), main: at(mg(0)) },
                &["T10 route writes to nobody"],
            ),
        ],
    );
}

#[test]
fn without_the_lease_the_route_closes() {
    each_condition_counts(
        &base("standby"),
        &["T10 not-leader"],
        &[(
            "it is open",
            |obs| obs.route.handed_out = Route::Open { term: Term(1), main: at(mg(0)) },
            &["T10 route writes to nobody"],
        )],
    );
}

#[test]
fn a_cluster_that_others_built() {
    const REFUSED: &[&str] = &["B40 bootstrap-refused"];
    each_condition_counts(
        &base("unrecorded"),
        &["B30 record intent main=mg-0 term=1 (adoption)"],
        &[
            ("nobody follows the main", |obs| make_main(obs, mg(0)), REFUSED),
            (
                "those who follow it were registered under other names",
                |obs| {
                    let strangers = ["by-hand".to_owned()].into();
                    answer(obs, mg(0)).role = RoleView::Main { rows: [].into(), strangers };
                },
                &["B30 record intent main=mg-0 term=1 (adoption)"],
            ),
            ("there is another main", |obs| make_main(obs, mg(2)), REFUSED),
            ("a replica has more", |obs| row(obs, mg(0), mg(2)).behind = 3, REFUSED),
            ("the main is to go", |obs| mark(obs, mg(0)), REFUSED),
            ("the main keeps no log", |obs| answer(obs, mg(0)).engine.wal = false, REFUSED),
        ],
    );
}

#[test]
fn a_main_that_is_lost() {
    each_condition_counts(
        &base("failover-begins"),
        &["E10 route writes to nobody", "E10 record intent main=mg-1 term=2 (failover) back=mg-0"],
        &[(
            "the voter restarted",
            |obs| restart(obs, mg(1)),
            &["F10 route writes to nobody", "E15 no-candidate"],
        )],
    );
}

/// It came back without what its voter has.
#[test]
fn a_tail_that_is_lost() {
    const GIVES_WAY: &[&str] = &["E20 record intent main=mg-1 term=2 (failover)"];
    each_condition_counts(
        &base("tail-lost"),
        GIVES_WAY,
        &[
            (
                "the voter restarted as well",
                |obs| restart(obs, mg(1)),
                &["E20 record intent main=mg-1 term=2 (failover) life=restarted"],
            ),
            ("the voter lost power as well", |obs| reboot(obs, mg(1)), &["E35 both-lost-power"]),
        ],
    );
    for (state, ahead) in [(RowState::Ready, 3), (RowState::Diverged, 0)] {
        let obs = with("tail-lost", |obs| row(obs, mg(0), mg(1)).state = state);
        let found = plan(&obs).steps.last().map(|step| step.reason.clone());
        assert_eq!(found, Some(Reason::TailLost { main: mg(0), candidate: mg(1), ahead }));
    }
}

/// It lost power, and its voter, restarted, obeys nobody that could confirm it.
#[test]
fn a_main_and_a_voter_that_find_no_touch() {
    let obs = with("power-lost", |obs| {
        restart(obs, mg(1));
        let row = row(obs, mg(0), mg(1));
        (row.state, row.since) = (RowState::Invalid, Age::Expired);
    });
    each_condition_counts(
        &obs,
        &["E35 both-lost-power"],
        &[
            (
                "not for long yet",
                |obs| row(obs, mg(0), mg(1)).since = Age::Suspect,
                &["E35 main-unproven"],
            ),
            (
                "a word that is not known, for long",
                |obs| row(obs, mg(0), mg(1)).state = RowState::Unrecognized("new".into()),
                &["E35 main-unproven"],
            ),
            (
                "the voter is a main",
                |obs| make_main(obs, mg(1)),
                &[
                    "F50 record steady main=mg-0 term=1 voter=mg-1 unproven=mg-1",
                    "E35 main-unproven",
                ],
            ),
            (
                "the voter is proven",
                |obs| answer(obs, mg(1)).incarnation = life(mg(1)),
                &["E20 record intent main=mg-1 term=2 (failover)"],
            ),
            (
                "the voter is proven, and it is not for long yet",
                |obs| {
                    answer(obs, mg(1)).incarnation = life(mg(1));
                    row(obs, mg(0), mg(1)).since = Age::Suspect;
                },
                &["E35 main-unproven"],
            ),
        ],
    );
}

#[test]
fn a_main_that_restarted_and_is_complete() {
    each_condition_counts(
        &base("main-confirmed"),
        &["E40 record steady main=mg-0 term=1 voter=mg-1 life=restarted"],
        &[("another one has more", |obs| row(obs, mg(0), mg(2)).behind = 3, &["E35 older-copy"])],
    );
    let alone = with("fast-alone", |obs| {
        withdraw(obs);
        restart(obs, mg(0));
    });
    each_condition_counts(
        &alone,
        &["E40 record steady main=mg-0 term=1 life=restarted", "X15 unprotected"],
        &[("it lost power", |obs| reboot(obs, mg(0)), &["E35 main-unproven", "X15 unprotected"])],
    );
}

#[test]
fn a_target_that_is_gone() {
    let gone = |name| with(name, |obs| close(obs, mg(1)));
    each_condition_counts(
        &gone("switchover-withdrawn"),
        &["E60 record intent main=mg-0 term=3 (return) back=mg-1"],
        &[
            (
                "before it was recorded that nobody forwards",
                |obs| recorded(obs).stage = Stage::Intent,
                &["E60 record intent main=mg-0 term=3 (return)"],
            ),
            (
                "it is back, and lost power",
                |obs| {
                    obs.instances.insert(mg(1), base("settled").instances[&mg(1)].clone());
                    reboot(obs, mg(1));
                },
                &["E60 record intent main=mg-0 term=3 (return)"],
            ),
            (
                "the main before lost power",
                |obs| reboot(obs, mg(0)),
                &["F60 demote mg-0 term=2", "E70 target-waits"],
            ),
        ],
    );
    each_condition_counts(
        &gone("attached"),
        &["E10 record intent main=mg-2 term=3 (failover) back=mg-1"],
        &[("the voter restarted", |obs| restart(obs, mg(2)), &["E70 target-waits"])],
    );
}

#[test]
fn a_route_that_is_not_justified() {
    each_condition_counts(
        &base("settled"),
        &[],
        &[
            (
                "it is of another life of the main",
                |obs| {
                    let mut main = first(mg(0));
                    main.incarnation = restarted(main.incarnation);
                    obs.route.handed_out = Route::Open { term: Term(1), main };
                },
                &["F10 route writes to nobody"],
            ),
            (
                "it is of another term",
                |obs| obs.route.handed_out = Route::Open { term: Term(0), main: at(mg(0)) },
                &["F10 route writes to nobody"],
            ),
        ],
    );
}

/// What F30 says of a target that is main, whatever else is decided.
#[test]
fn a_target_steps_down_with_data_of_its_own() {
    let steps_down = |obs: &ClusterObservation| match F30.rule().judge {
        Judge::Once(judge) => matches!(judge(&Situation::of(obs)), Verdict::Act(..)),
        Judge::Each(_) => panic!("it is judged once"),
    };
    assert!(steps_down(&base("bootstrap-intent")));
    // Nobody ordered a candidate to be main already: what it wrote is nobody's.
    assert!(!steps_down(&with("failover-intent", |obs| make_main(obs, mg(1)))));
}

#[test]
fn a_voter_that_misses_something() {
    const UNPROVEN: &[&str] =
        &["F45 record steady main=mg-0 term=1 voter=mg-1 unproven=mg-1", "X10 mg-1: replica-waits"];
    each_condition_counts(
        &base("settled"),
        &[],
        &[
            (
                "it lags in quiet times",
                |obs| {
                    row(obs, mg(0), mg(1)).behind = -2;
                    row(obs, mg(0), mg(1)).still = Age::Suspect;
                },
                UNPROVEN,
            ),
            (
                "it lags in passing",
                |obs| row(obs, mg(0), mg(1)).behind = -2,
                &["X10 mg-1: replica-waits"],
            ),
            ("it is even in quiet times", |obs| row(obs, mg(0), mg(1)).still = Age::Suspect, &[]),
            ("it has more than its main", |obs| row(obs, mg(0), mg(1)).behind = 3, UNPROVEN),
            ("it is being told", |obs| row(obs, mg(0), mg(1)).state = RowState::Recovery, UNPROVEN),
        ],
    );
}
