//! What guards say of commands and routes: each action is allowed as it stands, and each fact that it
//! rests on is taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/vetoes.rs"]
mod vetoes;

use bases::{at, even, life, main_with, mg, restarted};
use ha_core::{
    action::Action,
    guard::{
        GUARDS,
        GuardId::{
            CommitIsRecorded, DemoteSparesTheMain, LeaderActs, LivesAreRead, PromoteIsFenced,
            RecordIsCurrent, ResetIsRecorded, RouteIsProven, TargetAloneRegisters, VoterIsKept,
        },
    },
    ids::{ControllerId, InstanceId, InstanceRef, Term},
    observation::{Contact, Drain, LeaseView, Route, RowState, SyncMode},
    reading::{Age, Reading, Why},
    record::{Reset, Stage},
};
use std::collections::BTreeSet;
use vetoes::{Asked, asked, each_fact_counts};

/// The life after a restart of the process.
fn again(id: InstanceId) -> InstanceRef {
    InstanceRef { id, incarnation: restarted(life(id)) }
}

fn withdraw(it: &mut Asked) {
    it.obs.route.handed_out = Route::Closed;
    it.obs.route.outstanding.clear();
}

fn unread(it: &mut Asked) {
    it.obs.record = Reading::Unknown { why: Why::BeforeLease, since: Age::Fresh };
}

#[test]
fn every_guard_has_one_name() {
    let names: BTreeSet<_> = GUARDS.iter().map(|guard| guard.id.name()).collect();
    assert_eq!(names.len(), GUARDS.len(), "a name stands twice");
    for guard in GUARDS {
        assert!(!guard.sentence.is_empty(), "{:?} has no sentence", guard.id);
        let written = serde_json::to_string(&guard.id).expect("a name");
        assert_eq!(written, format!("{:?}", guard.id.name()), "its name in files");
    }
}

#[test]
fn a_promotion() {
    let promote = |id| Action::Promote { on: at(id), term: Term(2) };
    each_fact_counts(
        &asked("withdrawn", promote(mg(1))),
        &[
            (
                "another one leads",
                |it| it.obs.leadership.lease = LeaseView::Other(ControllerId(2)),
                &[LeaderActs],
            ),
            (
                "the lease rests on promises",
                |it| it.obs.leadership.lease = LeaseView::Promised,
                &[LeaderActs],
            ),
            (
                "the record was not read since the lease was taken",
                unread,
                &[LeaderActs, RecordIsCurrent, PromoteIsFenced],
            ),
            (
                "it is of the reign before",
                |it| it.action = Action::Promote { on: at(mg(1)), term: Term(1) },
                &[RecordIsCurrent],
            ),
            (
                "the target does not answer",
                |it| it.silence(mg(1)),
                &[LivesAreRead, PromoteIsFenced],
            ),
            ("the target restarted", |it| it.restart(mg(1)), &[LivesAreRead]),
            ("the target has no address", |it| it.take_address(mg(1)), &[LivesAreRead]),
            ("the target is main already", |it| it.make_main(mg(1)), &[PromoteIsFenced]),
            (
                "writes are routed",
                |it| it.obs.route.handed_out = Route::Open { term: Term(1), main: at(mg(0)) },
                &[PromoteIsFenced],
            ),
            ("a gateway may forward yet", Asked::hold_a_grant, &[PromoteIsFenced]),
            ("an earlier leader's grant may live", Asked::wait_for_grants, &[PromoteIsFenced]),
            (
                "it is not recorded that nobody forwards",
                |it| it.record().stage = Stage::Intent,
                &[PromoteIsFenced],
            ),
            (
                "another one is recorded",
                |it| it.action = Action::Promote { on: at(mg(2)), term: Term(2) },
                &[PromoteIsFenced],
            ),
            (
                "the record says another life of it",
                |it| {
                    it.restart(mg(1));
                    it.action = Action::Promote { on: again(mg(1)), term: Term(2) };
                },
                &[PromoteIsFenced],
            ),
        ],
    );
}

/// The target of an intent becomes a replica before it is promoted.
#[test]
fn a_demotion_of_the_target() {
    let demote = |on| Action::Demote { on, term: Term(1) };
    each_fact_counts(
        &asked("bootstrap-intent", demote(at(mg(0)))),
        &[
            ("a gateway may forward yet", Asked::hold_a_grant, &[DemoteSparesTheMain]),
            ("an earlier leader's grant may live", Asked::wait_for_grants, &[DemoteSparesTheMain]),
            (
                "it is another one, before its time",
                |it| it.action = Action::Demote { on: at(mg(1)), term: Term(1) },
                &[DemoteSparesTheMain],
            ),
            ("its reign is steady", |it| it.record().stage = Stage::Steady, &[DemoteSparesTheMain]),
        ],
    );
    // One that restarted as main after it was promoted.
    let mut restarted = asked("promoted", Action::Demote { on: again(mg(1)), term: Term(2) });
    restarted.restart(mg(1));
    each_fact_counts(
        &restarted,
        &[(
            "it is in the life that was promoted",
            |it| {
                it.answer(mg(1)).incarnation = life(mg(1));
                it.action = Action::Demote { on: at(mg(1)), term: Term(2) };
            },
            &[DemoteSparesTheMain],
        )],
    );
}

#[test]
fn a_demotion_of_an_old_main() {
    each_fact_counts(
        &asked("switchover-withdrawn", Action::Demote { on: at(mg(0)), term: Term(2) }),
        &[
            ("a gateway may forward to it yet", Asked::hold_a_grant, &[DemoteSparesTheMain]),
            (
                "writes are routed to it",
                |it| it.obs.route.handed_out = Route::Open { term: Term(1), main: at(mg(0)) },
                &[DemoteSparesTheMain],
            ),
        ],
    );
    // Where the voter was made a main nothing can be committed, so that no way back is needed.
    let mut attached = asked("attached", Action::Demote { on: at(mg(0)), term: Term(2) });
    attached.as_in("settled", mg(0));
    attached.make_main(mg(2));
    each_fact_counts(
        &attached,
        &[("the reign can get its commit", |it| it.make_replica(mg(2)), &[DemoteSparesTheMain])],
    );
    each_fact_counts(
        &asked("old-main-returns", Action::Demote { on: again(mg(0)), term: Term(2) }),
        &[(
            "it is the main that reigns",
            |it| it.action = Action::Demote { on: at(mg(1)), term: Term(2) },
            &[DemoteSparesTheMain],
        )],
    );
}

fn register(on: InstanceRef, replica: InstanceId, mode: SyncMode) -> Action {
    Action::Register { on, replica: at(replica), mode, term: Term(2) }
}

#[test]
fn a_registration_before_anybody_votes() {
    each_fact_counts(
        &asked("promoted", register(at(mg(1)), mg(2), SyncMode::StrictSync)),
        &[
            (
                "the record only names the main",
                |it| it.record().stage = Stage::Intent,
                &[TargetAloneRegisters],
            ),
            (
                "another main is recorded",
                |it| {
                    it.record().target = mg(0);
                    it.record().incarnation = life(mg(0));
                },
                &[TargetAloneRegisters],
            ),
            (
                "the record says another life of the main",
                |it| {
                    it.restart(mg(1));
                    it.action = register(again(mg(1)), mg(2), SyncMode::StrictSync);
                },
                &[TargetAloneRegisters],
            ),
            ("the main is a replica", |it| it.make_replica(mg(1)), &[TargetAloneRegisters]),
            ("the main has no address", |it| it.take_address(mg(1)), &[LivesAreRead]),
            ("the replica is a main", |it| it.make_main(mg(2)), &[TargetAloneRegisters]),
            (
                "the replica does not answer",
                |it| it.silence(mg(2)),
                &[LivesAreRead, TargetAloneRegisters],
            ),
            ("the replica restarted", |it| it.restart(mg(2)), &[LivesAreRead]),
            ("the replica has no address", |it| it.take_address(mg(2)), &[LivesAreRead]),
            (
                "a gateway may forward yet, and it is to vote",
                Asked::hold_a_grant,
                &[TargetAloneRegisters],
            ),
            (
                "a gateway may forward yet, and it is not to vote",
                |it| {
                    it.hold_a_grant();
                    it.action = register(at(mg(1)), mg(2), SyncMode::Async);
                },
                &[],
            ),
        ],
    );
}

#[test]
fn a_registration_of_the_voter() {
    let mut voter = asked("attached", register(at(mg(1)), mg(2), SyncMode::StrictSync));
    voter.make_main(mg(1));
    each_fact_counts(
        &voter,
        &[
            (
                "it would not vote",
                |it| it.action = register(at(mg(1)), mg(2), SyncMode::Async),
                &[TargetAloneRegisters],
            ),
            (
                "another one would vote",
                |it| {
                    it.as_in("main-made-replica", mg(0));
                    it.action = register(at(mg(1)), mg(0), SyncMode::StrictSync);
                },
                &[TargetAloneRegisters],
            ),
            ("a gateway may forward yet", Asked::hold_a_grant, &[TargetAloneRegisters]),
            ("an earlier leader's grant may live", Asked::wait_for_grants, &[TargetAloneRegisters]),
        ],
    );
}

#[test]
fn a_drop_of_the_voter() {
    let drop = |on| Action::Drop { on, replica: mg(1), term: Term(1) };
    let mut voter = asked("settled", drop(at(mg(0))));
    withdraw(&mut voter);
    each_fact_counts(
        &voter,
        &[
            (
                "writes are routed",
                |it| it.obs.route.handed_out = Route::Open { term: Term(1), main: at(mg(0)) },
                &[VoterIsKept],
            ),
            ("a gateway may forward yet", Asked::hold_a_grant, &[VoterIsKept]),
            ("an earlier leader's grant may live", Asked::wait_for_grants, &[VoterIsKept]),
            (
                "the record says another life of the main",
                |it| {
                    it.restart(mg(0));
                    it.action = Action::Drop { on: again(mg(0)), replica: mg(1), term: Term(1) };
                },
                &[VoterIsKept],
            ),
            (
                "it is the row of another main",
                |it| {
                    it.answer(mg(2)).role = main_with(&[(mg(1), even(SyncMode::Async))]);
                    it.action = Action::Drop { on: at(mg(2)), replica: mg(1), term: Term(1) };
                },
                &[VoterIsKept],
            ),
        ],
    );
}

fn commit(on: InstanceRef, proves: InstanceId, term: u32, drained: bool) -> Action {
    Action::Commit { on, term: Term(term), proves: vec![at(proves)], drained }
}

#[test]
fn a_commit_of_ours() {
    each_fact_counts(
        &asked("attached", commit(at(mg(1)), mg(2), 2, true)),
        &[
            (
                "its stage is not recorded",
                |it| it.record().stage = Stage::Withdrawn,
                &[CommitIsRecorded],
            ),
            (
                "another main is recorded",
                |it| {
                    it.record().target = mg(0);
                    it.record().incarnation = life(mg(0));
                },
                &[CommitIsRecorded],
            ),
            (
                "the record says another life of the main",
                |it| {
                    it.restart(mg(1));
                    it.action = commit(again(mg(1)), mg(2), 2, true);
                },
                &[CommitIsRecorded],
            ),
            ("the main is a replica", |it| it.make_replica(mg(1)), &[CommitIsRecorded]),
            ("nobody's vote is recorded", |it| it.record().members.clear(), &[CommitIsRecorded]),
            ("a gateway may forward yet", Asked::hold_a_grant, &[CommitIsRecorded]),
            (
                "a gateway may forward yet, and it does not say otherwise",
                |it| {
                    it.hold_a_grant();
                    it.action = commit(at(mg(1)), mg(2), 2, false);
                },
                &[],
            ),
        ],
    );
    each_fact_counts(
        &asked("drained", commit(at(mg(0)), mg(1), 1, true)),
        &[
            (
                "transactions are open",
                |it| it.obs.route.drain = Drain::Waiting,
                &[CommitIsRecorded],
            ),
            (
                "writes are routed again",
                |it| it.obs.route.handed_out = Route::Open { term: Term(1), main: at(mg(0)) },
                &[CommitIsRecorded],
            ),
        ],
    );
}

#[test]
fn a_route_that_opens() {
    let open = |main| Action::SetRoute(Route::Open { term: Term(2), main });
    each_fact_counts(
        &asked("reopening", open(at(mg(1)))),
        &[
            (
                "the lease rests on promises",
                |it| it.obs.leadership.lease = LeaseView::Promised,
                &[],
            ),
            ("nobody leads", |it| it.obs.leadership.lease = LeaseView::Free, &[LeaderActs]),
            (
                "the record was not read since the lease was taken",
                unread,
                &[LeaderActs, RecordIsCurrent, RouteIsProven],
            ),
            (
                "it is of the reign before",
                |it| it.action = Action::SetRoute(Route::Open { term: Term(1), main: at(mg(1)) }),
                &[RecordIsCurrent],
            ),
            ("the reign has no commit", |it| it.record().stage = Stage::Attached, &[RouteIsProven]),
            (
                "another main is recorded",
                |it| {
                    it.record().target = mg(0);
                    it.record().incarnation = life(mg(0));
                },
                &[RouteIsProven],
            ),
            (
                "the record says another life of the main",
                |it| {
                    it.restart(mg(1));
                    let incarnation = restarted(life(mg(1)));
                    let main = InstanceRef { id: mg(1), incarnation };
                    it.action = Action::SetRoute(Route::Open { term: Term(2), main });
                },
                &[RouteIsProven],
            ),
            ("the main restarted", |it| it.restart(mg(1)), &[RouteIsProven]),
            ("the main does not answer", |it| it.silence(mg(1)), &[RouteIsProven]),
            (
                "the voter's row has nothing behind it",
                |it| it.row(mg(1), mg(2)).state = RowState::Phantom,
                &[RouteIsProven],
            ),
            (
                "commits do not wait for the voter",
                |it| it.row(mg(1), mg(2)).mode = SyncMode::Async,
                &[RouteIsProven],
            ),
            ("the voter restarted", |it| it.restart(mg(2)), &[RouteIsProven]),
            ("the voter is a main", |it| it.make_main(mg(2)), &[RouteIsProven]),
        ],
    );
}

#[test]
fn a_route_that_closes_or_narrows() {
    each_fact_counts(
        &asked("settled", Action::SetRoute(Route::Closed)),
        &[
            ("nobody leads", |it| it.obs.leadership.lease = LeaseView::Free, &[]),
            ("the record was not read", unread, &[]),
        ],
    );
    let draining = Action::SetRoute(Route::Draining { term: Term(2), main: at(mg(1)) });
    each_fact_counts(
        &asked("reopening", draining),
        &[
            (
                "nothing is handed out, and the voter restarted",
                |it| it.restart(mg(2)),
                &[RouteIsProven],
            ),
            (
                "it is handed out, and the voter restarted",
                |it| {
                    it.obs.route.handed_out = Route::Open { term: Term(2), main: at(mg(1)) };
                    it.restart(mg(2));
                },
                &[],
            ),
        ],
    );
}

#[test]
fn data_that_is_set_aside() {
    let mut ordered = asked("settled", Action::SetAside { on: at(mg(2)), term: Term(1) });
    let reset = Reset { volume: life(mg(2)).volume, term: Term(1), by: None, restores: None };
    ordered.record().resets.insert(mg(2), reset);
    ordered.record().members.remove(&mg(2));
    each_fact_counts(
        &ordered,
        &[
            ("it is not recorded", |it| it.record().resets.clear(), &[ResetIsRecorded]),
            ("the main restarted", |it| it.restart(mg(0)), &[ResetIsRecorded]),
            ("the main is a replica", |it| it.make_replica(mg(0)), &[ResetIsRecorded]),
            ("it restarted", |it| it.restart(mg(2)), &[ResetIsRecorded]),
            ("it is a main", |it| it.make_main(mg(2)), &[ResetIsRecorded]),
            (
                "it votes",
                |it| {
                    let voter = it.record().members[&mg(1)];
                    it.record().members.insert(mg(2), voter);
                },
                &[ResetIsRecorded],
            ),
            (
                "the reign is not steady, and another one may come",
                |it| {
                    it.record().stage = Stage::Withdrawn;
                    it.view(mg(1)).contact =
                        Contact::Unreached { why: Why::Silent, since: Age::Suspect };
                },
                &[ResetIsRecorded],
            ),
        ],
    );
}
