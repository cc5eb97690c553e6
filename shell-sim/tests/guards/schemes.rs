//! Guards that a planner which knows nothing never misses, because others stand behind them: for
//! each of these a planner that wants what it alone forbids, and has its way wherever it may.

use super::behind_guards;
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::{InstanceId, InstanceRef},
    observation::{ClusterObservation, LeaseView, RoleView, Route},
    plan::Plan,
    reason::Reason,
    record::{Before, Cause, Record, Stage},
    rules::Verdict,
    situation::Situation,
};
use shell_sim::{
    driver::{Chance, Counters, Fair, Limits, Walk},
    oracle::Violation,
    world::{ClientId, ControllerNo, Event, Settings},
};
use std::{cell::RefCell, collections::BTreeSet};

/// What a planner wants in a situation; nothing most of the time.
type Wants = fn(&ClusterObservation) -> Vec<Action>;

/// Wants, and which guard is missing.
struct Scheming {
    wants: Wants,
    off: Option<GuardId>,
    chance: Chance,
}

const NOTHING: Wants = |_| Vec::new();

thread_local! {
    static SCHEMING: RefCell<Scheming> =
        const { RefCell::new(Scheming { wants: NOTHING, off: None, chance: Chance::new(0) }) };
}

fn begin(wants: Wants, off: Option<GuardId>, seed: u64) {
    SCHEMING.set(Scheming { wants, off, chance: Chance::new(!seed) });
}

fn wanted(s: &Situation<'_>) -> Verdict {
    let wants = SCHEMING.with_borrow(|it| it.wants);
    Verdict::Act(wants(s.obs), Reason::RecordInDoubt)
}

/// What is wanted, about every second time that the guards let something of it pass; else ours.
fn scheming(observation: &ClusterObservation) -> Plan {
    let ours = ha_core::plan(observation);
    let (wants, off, turn) =
        SCHEMING.with_borrow_mut(|it| (it.wants, it.off, it.chance.once_in(2)));
    if !turn || wants(observation).is_empty() {
        return ours;
    }
    let (plan, _) = behind_guards(observation, wanted, off);
    if plan.steps.is_empty() { ours } else { plan }
}

fn steady(obs: &ClusterObservation) -> Option<&Record> {
    obs.record.known()?.record().filter(|record| record.stage == Stage::Steady)
}

fn life(obs: &ClusterObservation, id: InstanceId) -> Option<InstanceRef> {
    let view = obs.instances.get(&id)?.bolt.known()?;
    Some(InstanceRef { id, incarnation: view.incarnation })
}

/// The voter made main, in this term.
fn move_to_the_voter(obs: &ClusterObservation, rises: bool) -> Option<Action> {
    let record = steady(obs)?;
    let voter = life(obs, record.voters().next()?)?;
    let mut new = record.clone();
    new.term = if rises { record.term.next() } else { record.term };
    (new.stage, new.cause) = (Stage::Intent, Cause::Failover);
    new.before = Some(Before { main: record.target, incarnation: record.incarnation });
    new.former.insert(record.target);
    new.former.remove(&voter.id);
    (new.target, new.incarnation) = (voter.id, voter.incarnation);
    new.members.clear();
    let expected = obs.record.known()?.version;
    Some(Action::WriteRecord { expected, record: Box::new(new), reads_target: false })
}

/// Another main in the same term.
fn reigns_twice_in_a_term(obs: &ClusterObservation) -> Vec<Action> {
    let moved = move_to_the_voter(obs, false);
    moved.map_or_else(Vec::new, |moved| vec![Action::SetRoute(Route::Closed), moved])
}

/// Another main although clients write to this one.
fn moves_under_an_open_route(obs: &ClusterObservation) -> Vec<Action> {
    let open = matches!(obs.route.handed_out, Route::Open { .. });
    move_to_the_voter(obs, true).filter(|_| open).into_iter().collect()
}

/// Another main, by a controller that does not lead.
fn moves_without_the_lease(obs: &ClusterObservation) -> Vec<Action> {
    let follows = matches!(obs.leadership.lease, LeaseView::Other(_));
    move_to_the_voter(obs, true).filter(|_| follows).into_iter().collect()
}

/// The main a replica.
fn demotes_the_main(obs: &ClusterObservation) -> Vec<Action> {
    let main = steady(obs).and_then(|record| Some((life(obs, record.target)?, record.term)));
    main.map(|(on, term)| Action::Demote { on, term }).into_iter().collect()
}

/// Writes to a main whose voter was sent away.
fn opens_without_a_voter(obs: &ClusterObservation) -> Vec<Action> {
    let away = || {
        let record = steady(obs)?;
        let (voter, on, term) = (record.voters().next()?, life(obs, record.target)?, record.term);
        let RoleView::Main { rows, .. } = &obs.instances.get(&on.id)?.bolt.known()?.role else {
            return None;
        };
        Some(match (obs.route.handed_out, rows.contains_key(&voter)) {
            (Route::Closed, true) => Action::Drop { on, replica: voter, term },
            (Route::Closed, false) => Action::SetRoute(Route::Open { term, main: on }),
            (Route::Open { .. } | Route::Draining { .. }, true) => Action::SetRoute(Route::Closed),
            (Route::Open { .. } | Route::Draining { .. }, false) => return None,
        })
    };
    away().into_iter().collect()
}

/// Who does not lead after the beginning.
const FOLLOWS: ControllerNo = ControllerNo(1);

/// How often a client writes in a minute.
const WRITES: u64 = 120;

/// What comes of a minute in which nothing fails and a client writes so often.
fn quiet_minute(wants: Wants, rechecks: bool, off: Option<GuardId>) -> Counters {
    begin(NOTHING, None, 0);
    let mut fair = Fair::new(&Settings { rechecks, ..Settings::default() }, scheming);
    fair.settle(120_000);
    fair.counters = Counters::default();
    begin(wants, off, 1);
    for _ in 0..WRITES {
        // Who still has a write under way begins no other.
        let _refused = fair.apply(&Event::Write(ClientId(0), 0.into(), None));
        fair.run_for(60_000 / WRITES);
        // Nor does a follower decide by itself what it does next.
        for event in [Event::Decide(FOLLOWS), Event::Effect(FOLLOWS)] {
            let _refused = fair.apply(&event);
        }
    }
    assert_eq!(fair.violations, [], "{off:?}");
    fair.counters
}

/// Whether the main stayed and every write was acknowledged.
fn is_undisturbed(counters: &Counters) -> bool {
    let reigns = counters.failovers + counters.switchovers + counters.other_reigns;
    let unmet = counters.failed + counters.in_doubt + counters.held;
    reigns == 0 && unmet == 0 && counters.acked == WRITES
}

/// Guards that keep a cluster undisturbed, and whether commands are checked once more before they
/// are sent. Without one of them nothing is lost, by all the others.
const UNDISTURBED: &[(GuardId, bool, Wants)] = &[
    (GuardId::LeaderActs, false, moves_without_the_lease),
    (GuardId::IntentIsFenced, true, moves_under_an_open_route),
    (GuardId::DemoteSparesTheMain, true, demotes_the_main),
];

#[test]
fn nobody_moves_a_main_in_a_quiet_minute() {
    for (guard, rechecks, wants) in UNDISTURBED {
        let with = quiet_minute(*wants, *rechecks, None);
        assert!(is_undisturbed(&with), "{}:\n{with}", guard.name());
        let without = quiet_minute(*wants, *rechecks, Some(*guard));
        assert!(!is_undisturbed(&without), "without {}:\n{without}", guard.name());
    }
}

/// What breaks in this walk.
fn walked(wants: Wants, off: Option<GuardId>, seed: u64) -> BTreeSet<String> {
    begin(NOTHING, None, 0);
    let limits = Limits { choices: 100, ..Limits::default() };
    let walk = Walk::new(&Settings::default(), limits, scheming).expect("a cluster");
    begin(wants, off, seed);
    let report = walk.run(seed);
    let found = report.violations.iter().filter(|found| !found.is_known());
    found.map(Violation::kind).collect()
}

/// Guards without which something breaks: the walk, and what breaks in it.
const BROKEN: &[(GuardId, Wants, u64, &str)] = &[
    (GuardId::TermsRise, reigns_twice_in_a_term, 1, "term-never-falls"),
    (GuardId::RouteIsProven, opens_without_a_voter, 1268, "acked-gone"),
];

#[test]
fn what_one_guard_alone_forbids_breaks_something() {
    for (guard, wants, seed, kind) in BROKEN {
        let name = guard.name();
        for seed in (0..100).chain([*seed]) {
            assert_eq!(walked(*wants, None, seed), BTreeSet::new(), "{name}: seed {seed}");
        }
        let found = walked(*wants, Some(*guard), *seed);
        assert!(found.contains(*kind), "without {name}, seed {seed}: {found:?}");
    }
}

/// `cargo test -p shell-sim --test guards -- --ignored --nocapture scheme` looks for such walks.
#[test]
#[ignore = "it takes a minute, and tells which walks show what"]
fn walks_in_which_a_scheme_breaks_something() {
    for (guard, wants, ..) in BROKEN {
        let found = (0..4_000).map(|seed| (seed, walked(*wants, Some(*guard), seed)));
        let first: Vec<_> = found.filter(|(_, kinds)| !kinds.is_empty()).take(5).collect();
        println!("{}: {first:?}", guard.name());
    }
}
