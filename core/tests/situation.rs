//! The vocabulary of the rules: what each name means, with each fact that it rests on changed once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/conditions.rs"]
mod conditions;

use bases::{base, even, life, main_with, mg, pod, restarted};
use conditions::{answer, make_main, mark, reboot, recorded, restart, silence, tried, with};
use ha_core::{
    desired::{Authority, ResetRequest, SwitchoverRequest},
    ids::{GatewayId, InstanceId, PodUid, RequestId, Term},
    observation::{
        ClusterObservation, Contact, Container, Content, EngineVersion, PodView, PromotionRight,
        PromotionWait, RegisterResult, RoleView, SyncMode, Witness,
    },
    reading::{Age, Reading, Why},
    reason::{Loss, Reason, Unfit, UnsafeEngine},
    record::{Cause, Reset},
    situation::Situation,
};
use std::collections::BTreeSet;

type Change = fn(&mut ClusterObservation);

fn unreached(obs: &mut ClusterObservation, why: Why, since: Age) {
    obs.instances.get_mut(&mg(0)).expect("the main").contact = Contact::Unreached { why, since };
}

fn pod_is(obs: &mut ClusterObservation, found: Option<PodView>) {
    obs.instances.get_mut(&mg(0)).expect("the main").pod = Reading::fresh(found);
}

/// The main answers nobody since this round, and a gateway hears from it.
#[test]
fn a_loss() {
    let obs = with("settled", |obs| {
        unreached(obs, Why::Silent, Age::Fresh);
        obs.route.witness = Witness::Hears;
    });
    let facts: &[(&str, Change, Option<Loss>)] = &[
        ("it may answer yet", |_| {}, None),
        (
            "its socket closed",
            |obs| {
                obs.instances.get_mut(&mg(0)).expect("the main").contact =
                    Contact::Closed { since: Age::Fresh };
            },
            Some(Loss::Closed),
        ),
        ("its pod is gone", |obs| pod_is(obs, None), Some(Loss::PodGone)),
        (
            "its pod is another one",
            |obs| pod_is(obs, Some(PodView { uid: PodUid(0xfa), ..pod(mg(0)) })),
            Some(Loss::PodReplaced),
        ),
        (
            "its container ended",
            |obs| {
                let container = Container::Terminated;
                pod_is(obs, Some(PodView { container, ..pod(mg(0)) }));
            },
            Some(Loss::Terminated),
        ),
        (
            "its pod is gone, and nobody asked it yet",
            |obs| {
                unreached(obs, Why::NeverRead, Age::Fresh);
                pod_is(obs, None);
            },
            None,
        ),
        (
            "patience is over, and a gateway hears from it",
            |obs| unreached(obs, Why::Silent, Age::Expired),
            None,
        ),
        (
            "patience is over, and no gateway hears from it",
            |obs| {
                unreached(obs, Why::Silent, Age::Expired);
                obs.route.witness = Witness::Silent;
            },
            Some(Loss::Silent(Why::Silent)),
        ),
        (
            "it refuses the login, and no gateway hears from it",
            |obs| {
                unreached(obs, Why::Unauthorized, Age::Expired);
                obs.route.witness = Witness::Silent;
            },
            None,
        ),
    ];
    for (what, change, expected) in facts {
        let mut obs = obs.clone();
        change(&mut obs);
        assert_eq!(Situation::of(&obs).loss(mg(0), life(mg(0))), *expected, "{what}");
    }
}

#[test]
fn a_target_that_may_carry_the_move() {
    let facts: &[(&str, &str, Change, Result<(), Unfit>)] = &[
        ("it is as it was", "failover-intent", |_| {}, Ok(())),
        (
            "it does not answer",
            "failover-intent",
            |obs| silence(obs, mg(1), Age::Fresh),
            Err(Unfit::Unreachable),
        ),
        (
            "it restarted while somebody may have forwarded",
            "failover-intent",
            |obs| restart(obs, mg(1)),
            Err(Unfit::Unproven),
        ),
        (
            "it restarted while somebody may have forwarded, with data of its own",
            "failover-intent",
            |obs| {
                restart(obs, mg(1));
                recorded(obs).cause = Cause::Renewal;
            },
            Ok(()),
        ),
        ("it restarted while nobody forwards", "withdrawn", |obs| restart(obs, mg(1)), Ok(())),
        ("it lost power", "withdrawn", |obs| reboot(obs, mg(1)), Err(Unfit::TailAtRisk)),
        (
            "it lost power, and flushes",
            "withdrawn",
            |obs| {
                reboot(obs, mg(1));
                answer(obs, mg(1)).engine.flushes_each_commit = true;
            },
            Ok(()),
        ),
        (
            "it lost power, and holds nothing, which is a loss",
            "withdrawn",
            |obs| {
                reboot(obs, mg(1));
                answer(obs, mg(1)).content = Content::Empty;
            },
            Err(Unfit::TailAtRisk),
        ),
        (
            "it lost power as a first main, and holds nothing, as before",
            "bootstrap-intent",
            |obs| reboot(obs, mg(0)),
            Ok(()),
        ),
        (
            "it lost power as a first main, and holds data",
            "bootstrap-intent",
            |obs| {
                reboot(obs, mg(0));
                answer(obs, mg(0)).content = Content::Data;
            },
            Err(Unfit::TailAtRisk),
        ),
    ];
    for (what, name, change, expected) in facts {
        let obs = with(name, change);
        let s = Situation::of(&obs);
        let found = s.target_fit(s.record.expect("a record"));
        assert_eq!(found.map(|_| ()), *expected, "{what}");
    }
}

#[test]
fn what_is_waited_for_until_nobody_forwards() {
    let wait = PromotionWait::EarlierLease;
    let mut obs = base("withdrawn");
    obs.leadership.promotion = PromotionRight::Waits(wait);
    assert_eq!(Situation::of(&obs).unfenced(), Reason::PromotionWaits(wait));
    // What a gateway can end comes before what only time ends.
    let gateways = BTreeSet::from([GatewayId(0)]);
    obs.route.outstanding.clone_from(&gateways);
    assert_eq!(Situation::of(&obs).unfenced(), Reason::GatewaysOutstanding(gateways.clone()));
    obs.leadership.promotion = PromotionRight::Granted;
    assert_eq!(Situation::of(&obs).unfenced(), Reason::GatewaysOutstanding(gateways));
}

/// Each setting that the promise rests on, the oldest version that is supported among them.
#[test]
fn an_engine_that_is_not_safe() {
    fn runs(obs: &mut ClusterObservation, minor: u16) {
        answer(obs, mg(2)).engine.version = EngineVersion { major: 3, minor };
    }
    let old = EngineVersion { major: 3, minor: 7 };
    let facts: &[(&str, Change, Option<UnsafeEngine>)] = &[
        ("as it is", |_| {}, None),
        ("the oldest version that is supported", |obs| runs(obs, 8), None),
        ("the version before", |obs| runs(obs, 7), Some(UnsafeEngine::Version(old))),
        ("it keeps no log", |obs| answer(obs, mg(2)).engine.wal = false, Some(UnsafeEngine::NoWal)),
        (
            "its storage does not replicate",
            |obs| answer(obs, mg(2)).engine.transactional = false,
            Some(UnsafeEngine::StorageMode),
        ),
        (
            "its data ends with its process",
            |obs| answer(obs, mg(2)).engine.recovers_data = false,
            Some(UnsafeEngine::ForgetsData),
        ),
        (
            "its role ends with its process",
            |obs| answer(obs, mg(2)).engine.restores_state = false,
            Some(UnsafeEngine::ForgetsState),
        ),
        (
            "it checks no replica",
            |obs| answer(obs, mg(2)).engine.check_period_s = 0,
            Some(UnsafeEngine::NoReplicaCheck),
        ),
    ];
    for (what, change, expected) in facts {
        let obs = with("settled", change);
        assert_eq!(Situation::of(&obs).unsafe_engine(mg(2)), *expected, "{what}");
    }
}

/// What this process remembers of a registration counts for the two lives that it was made in.
#[test]
fn a_registration_that_was_tried() {
    let obs = with("registered", |_| {});
    let facts: &[(&str, Change, bool)] = &[
        ("in both lives", |_| {}, true),
        ("the replica restarted since", |obs| restart(obs, mg(2)), false),
        (
            "the main restarted since",
            |obs| {
                restart(obs, mg(1));
                recorded(obs).incarnation = restarted(life(mg(1)));
            },
            false,
        ),
        ("the replica does not answer", |obs| silence(obs, mg(2), Age::Fresh), false),
    ];
    for (what, change, expected) in facts {
        let mut obs = obs.clone();
        change(&mut obs);
        let s = Situation::of(&obs);
        let main = s.proven_main().expect("a main");
        assert_eq!(s.tried(&main, mg(2)).is_some(), *expected, "{what}");
    }
    for (result, expected) in [
        (RegisterResult::Done, false),
        (RegisterResult::Unclear, false),
        (RegisterResult::Unreachable, true),
        (RegisterResult::Branched, true),
    ] {
        let obs = with("registered", |obs| tried(obs, mg(2), result, 1));
        let s = Situation::of(&obs);
        let main = s.proven_main().expect("a main");
        assert_eq!(s.registers_in_vain(&main, mg(2)), expected, "{result:?}");
    }
}

fn chosen(obs: &ClusterObservation) -> Option<InstanceId> {
    let s = Situation::of(obs);
    s.voter_choice(&s.proven_main().expect("a main"))
}

/// mg-1 is promoted, and mg-2 is the only one that answers.
#[test]
fn who_is_to_vote_of_one() {
    let facts: &[(&str, Change, Option<InstanceId>)] = &[
        ("as it is", |_| {}, Some(mg(2))),
        ("only the pair may vote", |obs| obs.desired.authority = Authority::Pair, None),
        ("it is to go", |obs| mark(obs, mg(2)), None),
        ("it branched off", |obs| tried(obs, mg(2), RegisterResult::Branched, 2), None),
        (
            "its data is to be set aside",
            |obs| {
                let volume = life(mg(2)).volume;
                let reset = Reset { volume, term: Term(2), by: None, restores: None };
                recorded(obs).resets.insert(mg(2), reset);
            },
            None,
        ),
        ("it may answer yet", |obs| silence(obs, mg(2), Age::Suspect), None),
        (
            "it may answer yet, and its row does not vote",
            |obs| {
                answer(obs, mg(1)).role = main_with(&[(mg(2), even(SyncMode::Async))]);
                silence(obs, mg(2), Age::Suspect);
            },
            None,
        ),
        (
            "it may answer yet, and its row votes",
            |obs| {
                answer(obs, mg(1)).role = main_with(&[(mg(2), even(SyncMode::StrictSync))]);
                silence(obs, mg(2), Age::Suspect);
            },
            Some(mg(2)),
        ),
        (
            "it is gone, and its row votes",
            |obs| {
                answer(obs, mg(1)).role = main_with(&[(mg(2), even(SyncMode::StrictSync))]);
                silence(obs, mg(2), Age::Expired);
            },
            None,
        ),
    ];
    for (what, change, expected) in facts {
        assert_eq!(chosen(&with("promoted", change)), *expected, "{what}");
    }
}

/// mg-1 is promoted in a planned move, and mg-0 and mg-2 are replicas: mg-0 is of the pair.
#[test]
fn who_is_to_vote_of_two() {
    let obs = with("switchover-withdrawn", |obs| {
        make_main(obs, mg(1));
        answer(obs, mg(0)).role = RoleView::Replica;
    });
    let facts: &[(&str, Change, Option<InstanceId>)] = &[
        ("as it is", |_| {}, Some(mg(0))),
        (
            "mg-0 runs a version without support",
            |obs| answer(obs, mg(0)).engine.version = EngineVersion { major: 3, minor: 7 },
            Some(mg(2)),
        ),
        ("mg-0 is main yet", |obs| make_main(obs, mg(0)), Some(mg(2))),
        (
            "mg-0 was not to be reached",
            |obs| tried(obs, mg(0), RegisterResult::Unreachable, 1),
            Some(mg(2)),
        ),
        (
            "a person wants the data of mg-0 set aside",
            |obs| {
                let (id, volume) = (RequestId(8), life(mg(0)).volume);
                obs.desired.reset = Some(ResetRequest { id, of: mg(0), volume, restores: None });
            },
            Some(mg(2)),
        ),
        (
            "mg-2 has a row that votes, and mg-0 one that does not",
            |obs| {
                let rows = [(mg(0), even(SyncMode::Async)), (mg(2), even(SyncMode::StrictSync))];
                answer(obs, mg(1)).role = main_with(&rows);
            },
            Some(mg(2)),
        ),
        (
            "an operator wants mg-2 as main",
            |obs| {
                let (id, to) = (RequestId(9), Some(mg(2)));
                obs.desired.switchover = Some(SwitchoverRequest { id, to });
            },
            Some(mg(2)),
        ),
    ];
    for (what, change, expected) in facts {
        let mut obs = obs.clone();
        change(&mut obs);
        assert_eq!(chosen(&obs), *expected, "{what}");
    }
}

/// A former main is the only one that answers.
#[test]
fn a_former_main_votes_if_nobody_else_may_come() {
    for (since, expected) in [(Age::Expired, Some(mg(0))), (Age::Suspect, None)] {
        let obs = with("switchover-withdrawn", |obs| {
            make_main(obs, mg(1));
            silence(obs, mg(2), since);
        });
        assert_eq!(chosen(&obs), expected, "mg-2 is silent, {since}");
    }
}
