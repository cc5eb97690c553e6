//! The table of rules, judged row by row: which rows apply together, which one needs a guard, and
//! which one acts because something is not known. What is allowed of that is listed by name, and
//! a list that names something that does not occur any more is wrong too.

mod common;

use common::{
    bases::{BASES, base},
    judged::{CASES, Judged, judged, observations},
};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceId,
    observation::{ClusterObservation, Route},
    plan,
    plan::Said,
    reading::{Age, Reading, Why},
    rules::{Phase, RuleId, Verdict},
};
use std::{collections::BTreeSet, mem};

/// Two rules of one phase that may apply to one subject at once: the first one speaks, and why
/// that is right.
const ORDERED: &[(RuleId, RuleId, &str)] = &[
    (RuleId::T10, RuleId::T20, "without the lease the record does not matter"),
    (RuleId::T10, RuleId::T50, "without the lease a pause does not matter"),
    (RuleId::T20, RuleId::T50, "an unread record is the deeper reason to wait"),
    (RuleId::E10, RuleId::E60, "a recorded voter is better than the way back"),
    (RuleId::E20, RuleId::E60, "a recorded voter is better than the way back"),
    (RuleId::E20, RuleId::E70, "a recorded voter ends the wait for the target"),
    (RuleId::E45, RuleId::E50, "whoever becomes main votes before, and whoever votes is there"),
    (RuleId::E45, RuleId::E48, "whoever votes is there before another promise is made"),
    (RuleId::E46, RuleId::E50, "a move needs a voter"),
    (RuleId::E47, RuleId::E50, "a move needs a voter"),
    (RuleId::E48, RuleId::E50, "a move keeps the promise of its reign, which is settled first"),
    (RuleId::F10, RuleId::F20, "the route is closed before its withdrawal is waited for"),
    (RuleId::F10, RuleId::F45, "the route is closed first, the record follows"),
    (RuleId::F10, RuleId::F50, "the route is closed first, the record follows"),
    (RuleId::F45, RuleId::F50, "each ends a proof; the next pass does the other"),
    (RuleId::A20, RuleId::A40, "a wrong row is cleared before its replica is judged"),
    (RuleId::A20, RuleId::A50, "a wrong row is cleared whether its replica answers or not"),
    (RuleId::V40, RuleId::V50, "what is known is recorded before more is asked"),
    (RuleId::V40, RuleId::V60, "a proof is recorded before what it ends"),
    (RuleId::V50, RuleId::V60, "a commit proves somebody; an order that is over can wait"),
];

/// A rule that is refused by a guard in some spoiled observation, and in which.
const REFUSED: &[(RuleId, GuardId, &str)] = &[];

/// A reading, and the rules that may act with risk when it is missing and not when it is there.
const GAPS: &[(&str, &[RuleId], &str)] = &[
    ("answer", &[RuleId::A20], "a phantom's row is cleared at once where no try is remembered"),
    ("pod", &[RuleId::A20], "a phantom's row is cleared at once where no try is remembered"),
];

/// The pairs of rules in the phases that a pass reached, which both apply to one subject.
fn overlaps(obs: &ClusterObservation) -> BTreeSet<(RuleId, RuleId)> {
    let plan = plan(obs);
    let applying: Vec<_> = judged(obs)
        .into_iter()
        .filter(|(_, verdict)| *verdict != Verdict::Pass)
        .map(|(key, _)| key)
        .collect();
    let mut pairs = BTreeSet::new();
    for (first, subject) in &applying {
        for (second, other) in &applying {
            let same = first.rule().phase == second.rule().phase
                && first.rule().phase != Phase::Report
                && subject == other;
            let reached = plan.said(first.rule()) != Said::NotReached;
            if first < second && same && reached {
                pairs.insert((*first, *second));
            }
        }
    }
    pairs
}

#[test]
fn one_rule_of_a_phase_applies_to_a_subject() {
    let mut met = BTreeSet::new();
    for (name, obs) in observations(CASES) {
        for pair in overlaps(&obs) {
            let listed = ORDERED.iter().any(|(first, second, _)| (*first, *second) == pair);
            assert!(listed, "{} and {} both apply: {name}\n{}", pair.0, pair.1, plan(&obs));
            met.insert(pair);
        }
    }
    for (first, second, _) in ORDERED {
        assert!(met.contains(&(*first, *second)), "{first} and {second} never meet: strike them");
    }
}

#[test]
fn rules_need_no_guard() {
    let mut met = BTreeSet::new();
    for (name, obs) in observations(CASES) {
        for veto in plan(&obs).vetoes {
            let pair = (veto.step.rule, veto.guard);
            let listed = REFUSED.iter().any(|(rule, guard, _)| (*rule, *guard) == pair);
            assert!(listed, "{veto}: {name}");
            met.insert(pair);
        }
    }
    for (rule, guard, _) in REFUSED {
        let found = met.contains(&(*rule, *guard));
        assert!(found, "{rule} is never refused by {}: strike it", guard.name());
    }
}

/// Whether a gap in knowledge should not be what causes this.
fn is_risky(action: &Action) -> bool {
    match action {
        Action::WriteRecord { .. }
        | Action::SetRoute(Route::Open { .. })
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::SetAside { .. }
        | Action::Register { .. }
        | Action::Drop { .. } => true,
        Action::SetRoute(Route::Closed | Route::Draining { .. }) | Action::Commit { .. } => false,
    }
}

fn forget<T>(reading: &mut Reading<T>) {
    *reading = Reading::Unknown { why: Why::Silent, since: Age::Fresh };
}

/// The observation with one reading that is not known any more; every choice of one.
fn less_known(obs: &ClusterObservation) -> Vec<(&'static str, InstanceId, ClusterObservation)> {
    let mut all = Vec::new();
    for id in obs.instances.keys() {
        let mut without = |name, change: fn(&mut ha_core::observation::InstanceView)| {
            let mut less = obs.clone();
            less.instances.entry(*id).and_modify(change);
            if less != *obs {
                all.push((name, *id, less));
            }
        };
        without("pod", |view| forget(&mut view.pod));
        without("answer", |view| forget(&mut view.bolt));
        without("volume", |view| forget(&mut view.volume));
    }
    all
}

/// The risky kinds of effect that a verdict asks for.
fn risks(verdict: Option<&Verdict>) -> Vec<mem::Discriminant<Action>> {
    match verdict {
        Some(Verdict::Act(actions, _)) => {
            actions.iter().filter(|action| is_risky(action)).map(mem::discriminant).collect()
        }
        Some(Verdict::Pass | Verdict::Hold(_) | Verdict::Stop(_)) | None => vec![],
    }
}

/// The rules that act with risk in `less` and do nothing of that kind in `more`.
fn emboldened(more: &Judged, less: &Judged) -> BTreeSet<RuleId> {
    less.iter()
        .filter(|(key, verdict)| {
            let before = risks(more.get(key));
            risks(Some(verdict)).iter().any(|kind| !before.contains(kind))
        })
        .map(|((rule, _), _)| *rule)
        .collect()
}

#[test]
fn a_gap_makes_no_rule_act() {
    let mut met: BTreeSet<usize> = BTreeSet::new();
    for (name, obs) in observations(CASES) {
        let known = judged(&obs);
        for (what, id, less) in less_known(&obs) {
            for rule in emboldened(&known, &judged(&less)) {
                let listed =
                    GAPS.iter().position(|(gap, rules, _)| *gap == what && rules.contains(&rule));
                let Some(listed) = listed else {
                    panic!("{rule} acts without the {what} of {id}: {name}\n{}", plan(&less));
                };
                met.insert(listed);
            }
        }
    }
    for (index, (what, rules, _)) in GAPS.iter().enumerate() {
        assert!(met.contains(&index), "no gap in the {what} moves {rules:?}: strike it");
    }
}

/// A controller that does not lead, that has not read the record, or that was paused asks for
/// nothing but a closed route.
#[test]
fn nothing_is_done_without_the_right() {
    for (name, build) in BASES {
        let spoils: [fn(&mut ClusterObservation); 3] = [
            |obs| obs.leadership.lease = ha_core::observation::LeaseView::Unknown,
            |obs| forget(&mut obs.record),
            |obs| obs.desired.paused = true,
        ];
        for (index, spoil) in spoils.iter().enumerate() {
            let mut obs = build();
            spoil(&mut obs);
            for action in plan(&obs).actions() {
                assert_eq!(action, Action::SetRoute(Route::Closed), "{name}, {index}");
            }
        }
    }
}

/// In well-known moments the rules act that are there for them.
#[test]
fn known_moments_find_their_rule() {
    let moments = [
        ("failover-begins", RuleId::E10),
        ("drained", RuleId::E50),
        ("switchover-asked", RuleId::E50),
        ("bootstrap", RuleId::B20),
        ("bootstrap-intent", RuleId::F30),
        ("failover-intent", RuleId::F40),
        ("switchover-withdrawn", RuleId::F60),
        ("withdrawn", RuleId::P10),
        ("promoted", RuleId::A30),
        ("registered", RuleId::V10),
        ("attached", RuleId::V20),
        ("committed", RuleId::V30),
        ("reopening", RuleId::R10),
        ("old-main-returns", RuleId::F60),
        ("main-restarted", RuleId::F10),
        ("main-confirmed", RuleId::E40),
        ("tail-lost", RuleId::E20),
        ("power-lost", RuleId::E25),
        ("voter-restarted", RuleId::V50),
        ("phantom-row", RuleId::A20),
        ("main-made-replica", RuleId::E25),
        ("foreign-main", RuleId::F50),
    ];
    for (name, rule) in moments {
        let plan = plan(&base(name));
        let acts = plan.steps.iter().any(|step| step.rule == rule);
        assert!(acts, "{name}: {rule} does nothing\n{plan}");
    }
}

#[test]
fn every_phase_has_a_name_and_a_question_of_its_own() {
    let mut questions = BTreeSet::new();
    for phase in Phase::ALL {
        let name = serde_json::to_string(phase).expect("a name");
        assert_eq!(name, format!("{:?}", phase.name()), "its name in files");
        assert!(phase.question().ends_with('?'), "{name} asks {:?}", phase.question());
        questions.insert(phase.question());
    }
    assert_eq!(questions.len(), Phase::ALL.len(), "a question is asked twice");
}
