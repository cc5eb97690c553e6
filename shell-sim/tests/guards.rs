//! Guards alone: a planner that knows nothing is let loose on the cluster, in turn with ours, and
//! nothing breaks, because of what does not get past the guards. Ours needs none of them meanwhile.

#[path = "guards/schemes.rs"]
mod schemes;
#[path = "guards/wild.rs"]
mod wild;

use ha_core::{
    action::ActionKind,
    guard::{GUARDS, Guard, GuardId},
    observation::ClusterObservation,
    plan::{Plan, Veto},
    reason::Reason,
    rules::{Judge, Phase, Rule, RuleId, Verdict},
    situation::Situation,
};
use shell_sim::{
    driver::{Chance, Limits, Walk},
    memgraph::Config,
    oracle::Violation,
    world::Settings,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};
use wild::Wild;

/// How often the planner that knows nothing has its turn in one walk, at most.
const TURNS: u32 = 120;

/// What happened in the walks so far.
struct Turns {
    chance: Chance,
    left: u32,
    off: Option<GuardId>,
    passed: BTreeMap<ActionKind, u32>,
    vetoed: BTreeMap<GuardId, u32>,
    vetoes_of_ours: BTreeSet<String>,
}

thread_local! {
    static TURNS_OF: RefCell<Turns> = const { RefCell::new(Turns {
        chance: Chance::new(0),
        left: 0,
        off: None,
        passed: BTreeMap::new(),
        vetoed: BTreeMap::new(),
        vetoes_of_ours: BTreeSet::new(),
    }) };
}

fn drawn(s: &Situation<'_>) -> Verdict {
    let actions =
        TURNS_OF.with_borrow_mut(|turns| Wild { obs: s.obs, chance: &mut turns.chance }.actions());
    if actions.is_empty() { Verdict::Pass } else { Verdict::Act(actions, Reason::RecordInDoubt) }
}

/// What `judge` asks for, as far as it gets past the guards that are left. That the others refused
/// something of it is no news.
fn behind_guards(
    observation: &ClusterObservation,
    judge: fn(&Situation<'_>) -> Verdict,
    off: Option<GuardId>,
) -> (Plan, Vec<Veto>) {
    let rule = Rule { phase: Phase::Trust, judge: Judge::Once(judge), ..*RuleId::T60.rule() };
    let guards: Vec<Guard> = GUARDS.iter().filter(|guard| Some(guard.id) != off).copied().collect();
    let mut plan = ha_core::plan_with(observation, &[rule], &guards);
    let vetoes = std::mem::take(&mut plan.vetoes);
    (plan, vetoes)
}

/// Ours, or in two of three turns whatever chance draws, behind the guards that are left.
fn in_turn(observation: &ClusterObservation) -> Plan {
    let ours = ha_core::plan(observation);
    let (wild, off) = TURNS_OF.with_borrow_mut(|turns| {
        turns.vetoes_of_ours.extend(
            ours.vetoes
                .iter()
                .map(|v| format!("{v} {:?} {:?}", observation.record, observation.route)),
        );
        let wild = turns.left > 0 && !turns.chance.once_in(3);
        turns.left = turns.left.saturating_sub(u32::from(wild));
        (wild, turns.off)
    });
    if !wild {
        return ours;
    }
    let (plan, vetoes) = behind_guards(observation, drawn, off);
    TURNS_OF.with_borrow_mut(|turns| {
        for step in &plan.steps {
            *turns.passed.entry(step.action.kind()).or_default() += 1;
        }
        for veto in &vetoes {
            *turns.vetoed.entry(veto.guard).or_default() += 1;
        }
    });
    plan
}

fn worlds(rechecks: bool) -> Vec<Settings> {
    let of = |flush_every| Settings {
        rechecks,
        config: Config { flush_every, ..Settings::default().config },
        ..Settings::default()
    };
    vec![of(1), of(100_000)]
}

/// Walks without these guards: what broke, and in which seed.
fn walked(
    off: Option<GuardId>,
    rechecks: bool,
    seeds: std::ops::Range<u64>,
) -> Vec<(u64, Violation, String)> {
    let mut broken = Vec::new();
    for settings in worlds(rechecks) {
        TURNS_OF.with_borrow_mut(|turns| turns.left = 0);
        let limits = Limits { choices: 100, faults: 3, ..Limits::default() };
        let walk = Walk::new(&settings, limits, in_turn).expect("a cluster");
        for seed in seeds.clone() {
            TURNS_OF.with_borrow_mut(|turns| {
                (turns.chance, turns.left, turns.off) = (Chance::new(!seed), TURNS, off);
            });
            let report = walk.run(seed);
            let found = report.violations.iter().filter(|found| !found.is_known());
            broken.extend(found.map(|it| (seed, it.clone(), report.schedule.to_string())));
        }
    }
    broken
}

/// What whoever runs this asks for.
#[allow(clippy::disallowed_methods, reason = "how far to look is up to whoever runs it")]
fn asked(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn guards_alone_keep_the_promise() {
    let seeds = asked("SEEDS").and_then(|text| text.parse().ok()).unwrap_or(400);
    let broken = walked(None, true, 0..seeds);
    TURNS_OF.with_borrow(|turns| {
        println!("passed: {:#?}\nvetoed: {:#?}", turns.passed, turns.vetoed);
        assert_eq!(turns.vetoes_of_ours, BTreeSet::new(), "ours needed a guard");
        for kind in ActionKind::ALL {
            println!("{}: {}", kind.name(), turns.passed.get(kind).copied().unwrap_or(0));
        }
    });
    let told: Vec<String> =
        broken.iter().map(|(seed, what, _)| format!("seed {seed}: {what}")).collect();
    assert!(told.is_empty(), "{} of {}: {:#?}", told.len(), seeds * 2, &told[..told.len().min(40)]);
}

/// With one guard less something breaks, by name. `GUARD=terms-rise cargo test -p shell-sim
/// --test guards -- --ignored --nocapture` looks for such walks anew.
#[test]
#[ignore = "it takes minutes, and tells which walks show what"]
fn walks_in_which_a_guard_is_missed() {
    let only = asked("GUARD");
    for rechecks in [true, false] {
        let chosen = |guard: &&Guard| only.as_ref().is_none_or(|name| name == guard.id.name());
        for guard in GUARDS.iter().filter(chosen) {
            let mut parts = (0..20).map(|part| part * 100..(part + 1) * 100);
            let found =
                parts.find_map(|seeds| walked(Some(guard.id), rechecks, seeds).into_iter().next());
            match found {
                Some((seed, what, _)) => {
                    println!("{} {rechecks} seed {seed}: {what}", guard.id.name())
                }
                None => println!("{} {rechecks}: nothing", guard.id.name()),
            }
        }
    }
}

/// Guards without which something breaks: whether commands are checked once more before they are
/// sent, the walk, and what breaks in it. Nothing broke in 2000 walks without one of the others
/// alone: `schemes` wants what each of these forbids.
#[rustfmt::skip]
const MISSED: &[(GuardId, bool, u64, &str)] = &[
    (GuardId::CandidateIsProven, true, 50, "promote-only-caught-up"),
    (GuardId::StagesAreEarned, true, 7, "refused-by demote-spares-the-main"),
    (GuardId::PastIsKept, true, 137, "promote-only-caught-up"),
    (GuardId::PromoteIsFenced, true, 0, "intent-precedes-promotion"),
    (GuardId::TargetAloneRegisters, true, 1, "dual-main-guard"),
    (GuardId::VoterIsKept, true, 0, "never-drop-sync"),
    (GuardId::CommitIsRecorded, true, 40, "promote-only-caught-up"),
    (GuardId::ResetsAreEarned, true, 770, "refused-by resets-are-earned"),
    (GuardId::ResetIsRecorded, true, 1223, "promote-only-caught-up"),
    (GuardId::LivesAreRead, false, 11, "no-empty-address"),
    (GuardId::RecordIsCurrent, false, 6, "dual-main-guard"),
];

#[test]
fn a_guard_is_missed_where_it_is_off() {
    let mut wrong = Vec::new();
    for (guard, rechecks, seed, kind) in MISSED {
        let found = walked(Some(*guard), *rechecks, *seed..seed + 1);
        let kinds: BTreeSet<String> = found.iter().map(|(_, what, _)| what.kind()).collect();
        if !kinds.contains(*kind) {
            wrong.push(format!("{}: seed {seed} breaks {kinds:?}", guard.name()));
        }
        if !walked(None, *rechecks, *seed..seed + 1).is_empty() {
            wrong.push(format!("{}: seed {seed} breaks with it, too", guard.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
