//! A main that was promoted and that nobody can vote for: when the move goes back, and when data is set
//! aside instead. Each decision, and what is decided instead with each fact alone.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/conditions.rs"]
mod conditions;

use bases::{base, even, life, main_with, mg};
use conditions::{
    answer, close, each_condition_counts, reboot, recorded, restart, row, silence, view, with,
};
use ha_core::{
    desired::Authority,
    ids::{RequestId, VolumeId},
    observation::{ClusterObservation, Contact, RoleView, RowState, SyncMode},
    reading::Age,
    record::{Before, Cause, Reset},
};

/// mg-1 is promoted; mg-0, the main before, is back as a replica, and branched off from it.
fn old_main_branched(obs: &mut ClusterObservation) {
    let mut diverged = even(SyncMode::Async);
    diverged.state = RowState::Diverged;
    let rows = [(mg(0), diverged), (mg(2), even(SyncMode::Async))];
    answer(obs, mg(1)).role = main_with(&rows);
    let there = base("old-main-returns").instances[&mg(0)].clone();
    obs.instances.insert(mg(0), there);
    answer(obs, mg(0)).role = RoleView::Replica;
    restart(obs, mg(0));
    recorded(obs).former.clear();
}

fn order(obs: &mut ClusterObservation, volume: VolumeId) {
    let term = recorded(obs).term;
    recorded(obs).resets.insert(mg(0), Reset { volume, term, by: None, restores: None });
}

const GOES_BACK: &[&str] =
    &["E60 record intent main=mg-0 term=3 (return) life=restarted back=mg-1"];

/// The third one is gone beyond patience.
fn unvoted() -> ClusterObservation {
    with("promoted", |obs| {
        old_main_branched(obs);
        silence(obs, mg(2), Age::Expired);
    })
}

#[test]
fn a_target_that_nobody_can_vote_for() {
    each_condition_counts(
        &unvoted(),
        GOES_BACK,
        &[
            (
                "the old main may lack something itself",
                |obs| reboot(obs, mg(0)),
                &["A40 record withdrawn main=mg-1 term=2 back=mg-0 resets=mg-0", "V10 no-voter"],
            ),
            (
                "there is no main before",
                |obs| recorded(obs).before = None,
                &["A40 record withdrawn main=mg-1 term=2 resets=mg-0", "V10 no-voter"],
            ),
            (
                "it went back once, so that each branched off from the other",
                |obs| recorded(obs).cause = Cause::Return,
                &["A40 record withdrawn main=mg-1 term=2 back=mg-0 resets=mg-0", "V10 no-voter"],
            ),
            (
                "a person named the target",
                |obs| recorded(obs).cause = Cause::Accepted { request: RequestId(3) },
                &["A40 record withdrawn main=mg-1 term=2 back=mg-0 resets=mg-0", "V10 no-voter"],
            ),
            (
                "the old main's data is to be set aside already",
                |obs| order(obs, life(mg(0)).volume),
                &["A40 restart mg-0 without its data", "V10 no-voter"],
            ),
        ],
    );
}

#[test]
fn who_else_could_vote_for_it() {
    each_condition_counts(
        &unvoted(),
        GOES_BACK,
        &[
            (
                "the third may answer yet",
                |obs| silence(obs, mg(2), Age::Suspect),
                &["A40 mg-0: reset-waits", "V10 no-voter"],
            ),
            (
                "the third is there and follows",
                |obs| view(obs, mg(2)).contact = Contact::Answering,
                &["A20 drop mg-2 on mg-1", "A40 mg-0: reset-waits", "V10 voter-waits"],
            ),
            (
                "the third is there and branched off",
                |obs| {
                    view(obs, mg(2)).contact = Contact::Answering;
                    row(obs, mg(1), mg(2)).state = RowState::Diverged;
                },
                GOES_BACK,
            ),
            (
                "somebody else was main before, and is gone",
                |obs| {
                    let (main, incarnation) = (mg(2), life(mg(2)));
                    recorded(obs).before = Some(Before { main, incarnation });
                },
                &["A40 record withdrawn main=mg-1 term=2 back=mg-2 resets=mg-0", "V10 no-voter"],
            ),
            (
                "the old main follows",
                |obs| row(obs, mg(1), mg(0)).state = RowState::Ready,
                &["A20 drop mg-0 on mg-1", "V10 voter-waits"],
            ),
            (
                "the old main is main again",
                |obs| answer(obs, mg(0)).role = main_with(&[]),
                &["F60 mg-0: old-main-stays", "V10 no-voter"],
            ),
            ("the target fails besides", |obs| close(obs, mg(1)), GOES_BACK),
        ],
    );
}

/// The third one follows the target, and nobody asks it.
#[test]
fn a_target_that_only_the_old_main_may_vote_for() {
    let obs = with("promoted", |obs| {
        old_main_branched(obs);
        obs.desired.authority = Authority::Pair;
    });
    each_condition_counts(
        &obs,
        GOES_BACK,
        &[
            (
                "the third may vote as well",
                |obs| obs.desired.authority = Authority::Any,
                &["A20 drop mg-2 on mg-1", "A40 mg-0: reset-waits", "V10 voter-waits"],
            ),
            (
                "the old main may lack something itself",
                |obs| reboot(obs, mg(0)),
                &["A40 record withdrawn main=mg-1 term=2 back=mg-0 resets=mg-0", "V10 no-voter"],
            ),
            (
                "the same, and the third branched off too",
                |obs| {
                    reboot(obs, mg(0));
                    row(obs, mg(1), mg(2)).state = RowState::Diverged;
                },
                &[
                    "A40 record withdrawn main=mg-1 term=2 back=mg-0 resets=mg-0",
                    "A40 mg-2: reset-waits",
                    "V10 no-voter",
                ],
            ),
        ],
    );
}
