//! What guards say of writes that order data to be set aside: each is allowed as a rule asks for it,
//! and each fact that it rests on is taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/vetoes.rs"]
mod vetoes;

use bases::{base, even, life, main_with, mg, restarted};
use ha_core::{
    desired::{Authority, ResetRequest},
    guard::GuardId::{ResetsAreEarned, StagesAreEarned},
    ids::{InstanceId, RequestId, Term, VolumeId},
    observation::{ClusterObservation, Contact, RegisterResult, Registration, SyncMode},
    reading::{Age, Why},
    record::{Before, Member, Reset, Stage},
    rules::RuleId::{A35, A40},
};
use vetoes::{Asked, asked_by, each_fact_counts};

/// Two refusals of the main tell that the history of `id` branched off.
fn branched(obs: &mut ClusterObservation, id: InstanceId) {
    let made = Registration {
        term: Term(1),
        main: life(mg(0)),
        replica: life(id),
        result: RegisterResult::Branched,
        attempts: 2,
        branched: 2,
    };
    obs.memory.registered.insert(id, made);
}

fn registration(it: &mut Asked) -> &mut Registration {
    it.obs.memory.registered.get_mut(&mg(2)).expect("a registration of the base")
}

#[test]
fn data_that_branched_off() {
    let mut obs = base("settled");
    branched(&mut obs, mg(2));
    each_fact_counts(
        &asked_by(A40, obs),
        &[
            ("the main restarted", |it| it.restart(mg(0)), &[ResetsAreEarned]),
            ("the main is a replica", |it| it.make_replica(mg(0)), &[ResetsAreEarned]),
            ("it was refused once", |it| registration(it).branched = 1, &[ResetsAreEarned]),
            (
                "another life of the main refused it",
                |it| registration(it).main = restarted(life(mg(0))),
                &[ResetsAreEarned],
            ),
            ("another life of it was refused", |it| it.restart(mg(2)), &[ResetsAreEarned]),
            (
                "it is proven",
                |it| {
                    let member = it.record().members[&mg(2)];
                    it.next().members.insert(mg(2), member);
                },
                &[ResetsAreEarned],
            ),
            (
                "the voter branched off, and is ordered as well",
                |it| {
                    branched(&mut it.obs, mg(1));
                    let volume = life(mg(1)).volume;
                    let reset = Reset { volume, term: Term(1), by: None, restores: None };
                    it.next().resets.insert(mg(1), reset);
                    it.next().members.insert(mg(1), Member { votes: true, proof: None });
                },
                &[ResetsAreEarned],
            ),
        ],
    );
}

/// Before anybody votes, under a main that has the only history: mg-1 is gone beyond patience.
#[test]
fn data_that_branched_off_from_the_only_history() {
    let mut obs = base("settled");
    branched(&mut obs, mg(2));
    obs.route.handed_out = ha_core::observation::Route::Closed;
    obs.route.outstanding.clear();
    let record = bases::record(&mut obs).expect("a record");
    record.stage = Stage::Withdrawn;
    record.members.clear();
    record.before = Some(Before { main: mg(1), incarnation: life(mg(1)) });
    let view = obs.instances.get_mut(&mg(1)).expect("an instance");
    view.contact = Contact::Unreached { why: Why::Silent, since: Age::Expired };
    each_fact_counts(
        &asked_by(A40, obs),
        &[
            (
                "the same write gives up the way back",
                |it| it.next().before = None,
                &[StagesAreEarned],
            ),
            (
                "another one may answer yet",
                |it| {
                    it.view(mg(1)).contact =
                        Contact::Unreached { why: Why::Silent, since: Age::Suspect };
                },
                &[ResetsAreEarned],
            ),
        ],
    );
}

/// The same where only two may vote: mg-2 follows, and is not asked.
#[test]
fn data_that_branched_off_where_a_third_may_not_vote() {
    let mut obs = base("settled");
    branched(&mut obs, mg(1));
    let rows = [(mg(2), even(SyncMode::Async))];
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    obs.desired.authority = Authority::Pair;
    obs.route.handed_out = ha_core::observation::Route::Closed;
    obs.route.outstanding.clear();
    let record = bases::record(&mut obs).expect("a record");
    record.stage = Stage::Withdrawn;
    record.members.clear();
    each_fact_counts(
        &asked_by(A40, obs),
        &[
            (
                "the third may vote",
                |it| it.obs.desired.authority = Authority::Any,
                &[ResetsAreEarned],
            ),
            (
                "the one that may vote follows",
                |it| it.obs.memory.registered.clear(),
                &[ResetsAreEarned],
            ),
            (
                "the one that may vote follows, and the third is to begin anew",
                |it| {
                    it.obs.memory.registered.clear();
                    branched(&mut it.obs, mg(2));
                    let reset = it.next().resets.remove(&mg(1)).expect("the order of the base");
                    let volume = life(mg(2)).volume;
                    it.next().resets.insert(mg(2), Reset { volume, ..reset });
                },
                &[ResetsAreEarned],
            ),
            (
                "the third is to begin anew as well",
                |it| {
                    branched(&mut it.obs, mg(2));
                    let volume = life(mg(2)).volume;
                    let reset = Reset { volume, term: Term(1), by: None, restores: None };
                    it.next().resets.insert(mg(2), reset);
                },
                &[ResetsAreEarned],
            ),
        ],
    );
}

#[test]
fn data_that_a_person_does_not_want() {
    let mut obs = base("settled");
    let (id, of, volume) = (RequestId(8), mg(2), life(mg(2)).volume);
    obs.desired.reset = Some(ResetRequest { id, of, volume, restores: None });
    each_fact_counts(
        &asked_by(A35, obs),
        &[
            ("nobody asked", |it| it.obs.desired.reset = None, &[ResetsAreEarned]),
            (
                "the word was carried out before",
                |it| it.record().ordered = Some(RequestId(8)),
                &[ResetsAreEarned],
            ),
            (
                "other data is meant",
                |it| {
                    let meant = it.obs.desired.reset.expect("a word of the base");
                    let volume = VolumeId(0xee);
                    it.obs.desired.reset = Some(ResetRequest { volume, ..meant });
                },
                &[ResetsAreEarned],
            ),
            ("it is a main", |it| it.make_main(mg(2)), &[ResetsAreEarned]),
            (
                "it answers with other data",
                |it| it.answer(mg(2)).incarnation.volume = VolumeId(0xee),
                &[ResetsAreEarned],
            ),
            (
                "the voter is a main",
                |it| it.answer(mg(1)).role = main_with(&[]),
                &[ResetsAreEarned],
            ),
            ("the voter restarted", |it| it.restart(mg(1)), &[ResetsAreEarned]),
            (
                "the voter is not proven",
                |it| {
                    let member = Member { votes: true, proof: None };
                    it.record().members.insert(mg(1), member);
                    it.next().members.insert(mg(1), member);
                },
                &[ResetsAreEarned],
            ),
        ],
    );
}
