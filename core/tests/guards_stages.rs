//! What guards say of writes that record how far a reign has come: each is allowed as a rule asks for
//! it, and each fact that it rests on is taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/vetoes.rs"]
mod vetoes;

use bases::{base, even, life, main_with, mg, rebooted, restarted};
use ha_core::{
    desired::Durability,
    guard::GuardId::{PastIsKept, ResetsAreEarned, StagesAreEarned, TermsRise},
    ids::{InstanceId, Term},
    observation::{Content, RegisterResult, Registration, RowState, SyncMode},
    record::{Before, Member, Proof, Reset},
    rules::RuleId::{E40, F40, P20, V10, V30},
};
use vetoes::{Asked, asked_by, each_fact_counts};

#[test]
fn that_nobody_forwards() {
    each_fact_counts(
        &asked_by(F40, base("failover-intent")),
        &[
            ("its term rises", |it| it.next().term = Term(3), &[TermsRise]),
            (
                "it names another target",
                |it| {
                    it.next().target = mg(2);
                    it.next().incarnation = life(mg(2));
                },
                &[TermsRise, StagesAreEarned],
            ),
            ("a gateway may forward yet", Asked::hold_a_grant, &[StagesAreEarned]),
            ("an earlier leader's grant may live", Asked::wait_for_grants, &[StagesAreEarned]),
            ("it names a life that is over", |it| it.restart(mg(1)), &[StagesAreEarned]),
            ("the target is a main", |it| it.make_main(mg(1)), &[StagesAreEarned]),
            (
                "the target restarted, and may lack what it prepared",
                |it| it.restart_target(mg(1)),
                &[StagesAreEarned],
            ),
            (
                "its commits wait for fewer votes",
                |it| it.next().durability = Durability::Fast,
                &[StagesAreEarned],
            ),
            (
                "the way back is another one",
                |it| it.next().before = Some(Before { main: mg(2), incarnation: life(mg(2)) }),
                &[PastIsKept],
            ),
            (
                "a former main is left out that was not read",
                |it| {
                    it.next().former.remove(&mg(0));
                },
                &[PastIsKept],
            ),
        ],
    );
    let mut first = base("bootstrap-intent");
    bases::bolt(&mut first, mg(0)).expect("an answer").role =
        ha_core::observation::RoleView::Replica;
    each_fact_counts(
        &asked_by(F40, first),
        &[
            ("a first main lost power, and holds nothing", |it| it.reboot_target(mg(0)), &[]),
            (
                "a first main lost power, and holds data",
                |it| {
                    it.reboot_target(mg(0));
                    it.answer(mg(0)).content = Content::Data;
                },
                &[StagesAreEarned],
            ),
        ],
    );
}

/// Nobody forwards, so that the target can have lost nothing that counts.
#[test]
fn that_the_target_restarted() {
    let mut obs = base("withdrawn");
    bases::bolt(&mut obs, mg(1)).expect("an answer").incarnation = restarted(life(mg(1)));
    each_fact_counts(
        &asked_by(P20, obs),
        &[
            ("it lost power", |it| it.reboot_target(mg(1)), &[StagesAreEarned]),
            ("it is a main", |it| it.make_main(mg(1)), &[StagesAreEarned]),
            (
                "it lost power, and the same write orders a reset",
                |it| {
                    it.reboot_target(mg(1));
                    let volume = life(mg(2)).volume;
                    let reset = Reset { volume, term: Term(2), by: None, restores: None };
                    it.next().resets.insert(mg(2), reset);
                },
                &[StagesAreEarned, ResetsAreEarned],
            ),
        ],
    );
}

fn registration(it: &mut Asked, id: InstanceId) -> &mut Registration {
    it.obs.memory.registered.get_mut(&id).expect("a registration of the base")
}

#[test]
fn that_the_voter_is_registered() {
    each_fact_counts(
        &asked_by(V10, base("registered")),
        &[
            (
                "it names another target",
                |it| {
                    it.next().target = mg(2);
                    it.next().incarnation = life(mg(2));
                },
                &[TermsRise, StagesAreEarned],
            ),
            ("nobody votes", |it| it.next().members.clear(), &[StagesAreEarned]),
            (
                "two vote",
                |it| {
                    it.as_in("main-made-replica", mg(0));
                    let rows = [mg(0), mg(2)].map(|id| (id, even(SyncMode::StrictSync)));
                    it.answer(mg(1)).role = main_with(&rows);
                    let made = *registration(it, mg(2));
                    let made = Registration { replica: life(mg(0)), ..made };
                    it.obs.memory.registered.insert(mg(0), made);
                    let proof = Some(Proof { main: life(mg(1)), replica: life(mg(0)) });
                    it.next().members.insert(mg(0), Member { votes: true, proof });
                },
                &[StagesAreEarned],
            ),
            ("the main restarted", |it| it.restart(mg(1)), &[StagesAreEarned]),
            ("the voter is a main", |it| it.make_main(mg(2)), &[StagesAreEarned]),
            (
                "the voter is being told",
                |it| it.row(mg(1), mg(2)).state = RowState::Recovery,
                &[StagesAreEarned],
            ),
            ("the voter lags", |it| it.row(mg(1), mg(2)).behind = -2, &[StagesAreEarned]),
            (
                "its registration failed",
                |it| registration(it, mg(2)).result = RegisterResult::Unclear,
                &[StagesAreEarned],
            ),
            (
                "it was registered in another life of the main",
                |it| registration(it, mg(2)).main = restarted(life(mg(1))),
                &[StagesAreEarned],
            ),
            (
                "it was registered in another term",
                |it| registration(it, mg(2)).term = Term(1),
                &[StagesAreEarned],
            ),
            ("the voter restarted since", |it| it.restart(mg(2)), &[StagesAreEarned]),
        ],
    );
}

fn unacknowledged(it: &mut Asked) {
    it.obs.memory.commit.as_mut().expect("a commit of the base").acknowledged = false;
}

fn committed_in_another_term(it: &mut Asked) {
    it.obs.memory.commit.as_mut().expect("a commit of the base").term = Term(1);
}

fn committed_in_another_life(it: &mut Asked) {
    let main = rebooted(life(mg(1)));
    it.obs.memory.commit.as_mut().expect("a commit of the base").main = main;
}

#[test]
fn that_the_first_commit_is_there() {
    each_fact_counts(
        &asked_by(V30, base("committed")),
        &[
            ("the vote was not recorded", |it| it.record().members.clear(), &[StagesAreEarned]),
            (
                "nobody votes, and commits wait for votes",
                |it| {
                    it.record().members.clear();
                    it.next().members.clear();
                },
                &[StagesAreEarned],
            ),
            ("the main restarted", |it| it.restart(mg(1)), &[StagesAreEarned]),
            ("the voter is left behind", |it| it.row(mg(1), mg(2)).behind = -2, &[StagesAreEarned]),
            ("the commit was not acknowledged", unacknowledged, &[StagesAreEarned]),
            ("the commit was another term's", committed_in_another_term, &[StagesAreEarned]),
            ("the commit was another life's", committed_in_another_life, &[StagesAreEarned]),
            ("the voter restarted since", |it| it.restart(mg(2)), &[StagesAreEarned]),
        ],
    );
}

/// In `fast`, where nobody came who could vote.
#[test]
fn that_the_first_commit_is_there_without_a_vote() {
    let mut obs = base("committed");
    let record = bases::record(&mut obs).expect("a record");
    record.members.clear();
    record.durability = Durability::Fast;
    obs.desired.durability = Durability::Fast;
    each_fact_counts(
        &asked_by(V30, obs),
        &[
            (
                "commits wait for votes",
                |it| {
                    it.record().durability = Durability::Required;
                    it.next().durability = Durability::Required;
                },
                &[StagesAreEarned],
            ),
            ("the main restarted", |it| it.restart(mg(1)), &[StagesAreEarned]),
            ("the commit was not acknowledged", unacknowledged, &[StagesAreEarned]),
            ("the commit was another term's", committed_in_another_term, &[StagesAreEarned]),
            ("the commit was another life's", committed_in_another_life, &[StagesAreEarned]),
        ],
    );
}

#[test]
fn that_the_main_restarted_in_its_reign() {
    each_fact_counts(
        &asked_by(E40, base("main-confirmed")),
        &[
            ("it lost power", |it| it.reboot_target(mg(0)), &[StagesAreEarned]),
            (
                "the voter is out of touch",
                |it| it.row(mg(0), mg(1)).state = RowState::Invalid,
                &[StagesAreEarned],
            ),
            (
                "the voter's row is a phantom",
                |it| it.row(mg(0), mg(1)).state = RowState::Phantom,
                &[StagesAreEarned],
            ),
            (
                "the voter diverged",
                |it| it.row(mg(0), mg(1)).state = RowState::Diverged,
                &[StagesAreEarned],
            ),
            ("the voter has more", |it| it.row(mg(0), mg(1)).behind = 3, &[StagesAreEarned]),
            ("another one has more", |it| it.row(mg(0), mg(2)).behind = 3, &[StagesAreEarned]),
            (
                "the same write proves who restarted",
                |it| {
                    let proof = Some(Proof { main: life(mg(0)), replica: restarted(life(mg(2))) });
                    it.next().members.insert(mg(2), Member { votes: false, proof });
                },
                &[StagesAreEarned],
            ),
            (
                "the same write takes the vote",
                |it| {
                    it.next().members.insert(mg(1), Member { votes: false, proof: None });
                },
                &[StagesAreEarned],
            ),
        ],
    );
}
