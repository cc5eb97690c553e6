//! What guards say of intents: each is allowed as a rule asks for it, and each fact that it rests on is
//! taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/vetoes.rs"]
mod vetoes;

use bases::{at, base, even, life, main_with, mg, rebooted, restarted};
use ha_core::{
    action::Action,
    guard::GuardId::{
        CandidateIsProven, IntentIsFenced, PastIsKept, RecordIsCurrent, StagesAreEarned, TermsRise,
    },
    ids::{ResourceVersion, Term},
    observation::{
        Contact, Content, EngineVersion, RecordContent, Route, RowState, StoredRecord, SyncMode,
        VolumeView,
    },
    reading::{Age, Reading},
    record::{Before, Cause, Member, Reset, Stage},
    rules::RuleId::{B20, B30, E10, E25, E60},
};
use vetoes::{Asked, asked_by, each_fact_counts};

/// The record object, in the version that the write expects.
fn store(it: &mut Asked, content: RecordContent) {
    let version = Some(ResourceVersion(7));
    it.obs.record = Reading::fresh(StoredRecord { version, content });
    if let Action::WriteRecord { expected, .. } = &mut it.action {
        *expected = version;
    }
}

fn routed(it: &mut Asked) {
    it.obs.route.handed_out = Route::Open { term: Term(1), main: at(mg(0)) };
}

#[test]
fn the_first_intent_of_an_empty_cluster() {
    each_fact_counts(
        &asked_by(B20, base("bootstrap")),
        &[
            (
                "somebody else wrote one",
                |it| {
                    let (version, content) = (Some(ResourceVersion(8)), RecordContent::Absent);
                    it.obs.record = Reading::fresh(StoredRecord { version, content });
                },
                &[RecordIsCurrent],
            ),
            (
                "there is one of a newer program",
                |it| store(it, RecordContent::Newer { schema: 2 }),
                &[RecordIsCurrent],
            ),
            (
                "there is one that is not understood",
                |it| store(it, RecordContent::Unreadable { why: "a key".into() }),
                &[RecordIsCurrent],
            ),
            ("its term is not the first", |it| it.next().term = Term(2), &[TermsRise]),
            (
                "it is no intent",
                |it| it.next().stage = Stage::Withdrawn,
                &[TermsRise, StagesAreEarned],
            ),
            ("writes are routed", routed, &[IntentIsFenced]),
            ("it names a life that is over", |it| it.restart(mg(0)), &[CandidateIsProven]),
            ("an instance does not answer", |it| it.silence(mg(2)), &[CandidateIsProven]),
            (
                "an instance holds data",
                |it| it.answer(mg(2)).content = Content::Data,
                &[CandidateIsProven],
            ),
            (
                "an instance has a registration",
                |it| it.answer(mg(2)).role = main_with(&[(mg(1), even(SyncMode::Async))]),
                &[CandidateIsProven],
            ),
            (
                "an instance served from its volume before",
                |it| it.view(mg(2)).volume = Reading::fresh(VolumeView::Used),
                &[CandidateIsProven],
            ),
            (
                "there was a main to take over from",
                |it| it.next().cause = Cause::Failover,
                &[CandidateIsProven],
            ),
        ],
    );
}

#[test]
fn the_first_intent_of_a_cluster_that_others_built() {
    each_fact_counts(
        &asked_by(B30, base("unrecorded")),
        &[
            ("there is another main", |it| it.make_main(mg(2)), &[CandidateIsProven]),
            ("an instance does not answer", |it| it.silence(mg(2)), &[CandidateIsProven]),
            ("it is a replica", |it| it.make_replica(mg(0)), &[CandidateIsProven]),
            (
                "a row shows another history",
                |it| it.row(mg(0), mg(2)).state = RowState::Diverged,
                &[CandidateIsProven],
            ),
            (
                "a row shows more than it has",
                |it| it.row(mg(0), mg(2)).behind = 3,
                &[CandidateIsProven],
            ),
        ],
    );
}

#[test]
fn an_intent_that_names_the_voter() {
    each_fact_counts(
        &asked_by(E10, base("failover-begins")),
        &[
            ("its term stays", |it| it.next().term = Term(1), &[TermsRise]),
            ("its term leaves one out", |it| it.next().term = Term(3), &[TermsRise]),
            ("writes are routed", routed, &[IntentIsFenced]),
            ("it names a life that is over", |it| it.restart(mg(1)), &[CandidateIsProven]),
            ("the voter restarted", |it| it.restart_target(mg(1)), &[]),
            ("the voter lost power", |it| it.reboot_target(mg(1)), &[CandidateIsProven]),
            (
                "the voter lost power, and flushes",
                |it| {
                    it.reboot_target(mg(1));
                    it.answer(mg(1)).engine.flushes_each_commit = true;
                },
                &[],
            ),
            ("the voter is a main", |it| it.make_main(mg(1)), &[CandidateIsProven]),
            (
                "the voter's version keeps what it prepared",
                |it| it.answer(mg(1)).engine.version = EngineVersion { major: 3, minor: 7 },
                &[CandidateIsProven],
            ),
            (
                "the voter is not proven",
                |it| {
                    it.record().members.insert(mg(1), Member { votes: true, proof: None });
                },
                &[CandidateIsProven],
            ),
            (
                "a former main that is a replica is left out",
                |it| {
                    it.record().former.insert(mg(2));
                },
                &[PastIsKept],
            ),
            (
                "the main before is no former main",
                |it| {
                    it.next().former.remove(&mg(0));
                },
                &[PastIsKept],
            ),
            (
                "the way back is a life that nothing proves",
                |it| {
                    let incarnation = restarted(life(mg(0)));
                    it.next().before = Some(Before { main: mg(0), incarnation });
                },
                &[PastIsKept],
            ),
            (
                "somebody votes already",
                |it| {
                    it.next().members.insert(mg(2), Member { votes: true, proof: None });
                },
                &[PastIsKept],
            ),
        ],
    );
}

/// The main lost power, and its voter finds it complete.
#[test]
fn an_intent_that_names_the_main_again() {
    each_fact_counts(
        &asked_by(E25, base("power-lost")),
        &[
            (
                "the voter is out of touch",
                |it| it.row(mg(0), mg(1)).state = RowState::Invalid,
                &[CandidateIsProven],
            ),
            ("the voter has more", |it| it.row(mg(0), mg(1)).behind = 3, &[CandidateIsProven]),
            ("the voter lost power too", |it| it.reboot(mg(1)), &[CandidateIsProven]),
            (
                "the voter is out of touch, and the main flushes",
                |it| {
                    it.row(mg(0), mg(1)).state = RowState::Invalid;
                    it.answer(mg(0)).engine.flushes_each_commit = true;
                },
                &[],
            ),
            (
                "the way back restarted",
                |it| {
                    it.restart(mg(1));
                    let incarnation = restarted(life(mg(1)));
                    it.next().before = Some(Before { main: mg(1), incarnation });
                },
                &[],
            ),
            (
                "the way back is a life that was not read",
                |it| {
                    let incarnation = restarted(life(mg(1)));
                    it.next().before = Some(Before { main: mg(1), incarnation });
                },
                &[PastIsKept],
            ),
            (
                "the way back lost power",
                |it| {
                    it.reboot(mg(1));
                    let incarnation = rebooted(life(mg(1)));
                    it.next().before = Some(Before { main: mg(1), incarnation });
                },
                &[CandidateIsProven, PastIsKept],
            ),
        ],
    );
}

/// The target is gone before it was promoted, and the main before it is there.
#[test]
fn an_intent_that_goes_back() {
    let mut obs = base("switchover-intent");
    let view = obs.instances.get_mut(&mg(1)).expect("the target");
    view.contact = Contact::Closed { since: Age::Fresh };
    each_fact_counts(
        &asked_by(E60, obs),
        &[
            ("the main before restarted", |it| it.restart_target(mg(0)), &[]),
            ("the main before lost power", |it| it.reboot_target(mg(0)), &[CandidateIsProven]),
            (
                "the data of the main before is to be set aside",
                |it| {
                    let volume = life(mg(0)).volume;
                    let reset = Reset { volume, term: Term(2), by: None, restores: None };
                    it.record().resets.insert(mg(0), reset);
                    it.next().resets.insert(mg(0), reset);
                },
                &[CandidateIsProven],
            ),
        ],
    );
}
