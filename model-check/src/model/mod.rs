//! A cluster as a transition system: the world of `shell-sim`, its canonical form, its packed
//! states, and the transitions between them. It decides nothing: the decision is an argument.

mod act;
mod configuration;
mod enabled;
mod facts;
mod moment;
mod named;
mod property;
mod trace;
mod turn;

pub use act::Act;
pub use configuration::{
    Budget, COARSE, Configuration, LEASES, Outside, Spent, TICK, world, world_of_leases,
};
pub use moment::{Moment, Moments};
pub use named::{Bounds, configurations};
pub use property::{Properties, names as property_names};
pub use trace::{Made, Parted, Trace};

use crate::{
    canonical::canonical,
    explore::{Edge, Facts, Rest, System},
    pack::{BESIDE, Packed, Tables, part_names},
};
use facts::is_idle;
use ha_core::{ids::InstanceId, observation::Route};
use shell_sim::{
    memgraph::RecoveryPath,
    schedule::{Directive, Schedule, run},
    world::{Body, ControllerNo, Event, World},
};
use std::collections::BTreeSet;
use turn::Turn;

/// The model of one configuration.
#[derive(Debug)]
pub struct Model {
    /// What it is the model of.
    pub configuration: Configuration,
    tables: Tables,
    initial: Packed,
    /// How the world came to be from which everything begins.
    begun: Schedule,
    /// That world, and the events that lead from it to the initial state.
    start: (World, Vec<Event>),
}

/// What a transition came to.
#[derive(Debug)]
pub struct Outcome {
    /// The state.
    pub to: Packed,
    /// The world's events that it is made of.
    pub events: Vec<Event>,
    /// What broke.
    pub broken: Properties,
    /// What came about.
    pub seen: Moments,
    /// Whether a plan was made, and how it looks.
    pub plan: Option<ha_core::plan::Plan>,
    /// What the world refused: a mistake of the model.
    pub refused: Option<String>,
}

/// A world that cannot be explored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} does not begin: {found}")]
pub struct NoStart {
    /// Of which configuration.
    pub name: &'static str,
    /// What did not go as it should.
    pub found: String,
}

impl Model {
    /// The model of a configuration, from a cluster at rest.
    ///
    /// # Errors
    /// The cluster does not come to rest.
    pub fn new(configuration: Configuration) -> Result<Self, NoStart> {
        Self::after(configuration, &Schedule::default())
    }

    /// The model of a configuration, from what a schedule made of a cluster at rest; it may leave
    /// things under way, and must not begin with a world of its own.
    ///
    /// # Errors
    /// The cluster does not come to rest, or the schedule does not go as it says.
    ///
    /// # Panics
    /// If the budget allows more than a state can count.
    pub fn after(mut configuration: Configuration, before: &Schedule) -> Result<Self, NoStart> {
        let budget = configuration.budget.clone();
        assert!(
            budget.is_countable(),
            "{}: a budget has at most 14 kinds, each at most 3 times: two bits count each",
            configuration.name
        );
        let never = |kinds: &[Outside]| kinds.iter().all(|kind| budget.of(*kind) == 0);
        configuration.grain.api_answers &= never(&[Outside::Api, Outside::Alone]);
        configuration.grain.looks_are_whole &= never(&[Outside::Glance]);
        // A snapshot carries the whole log, so nothing of it may be forgotten.
        let slices = configuration.settings.config.recovery == RecoveryPath::Wals;
        // Nor may it be where an old reading of how far somebody is behind can be believed, be it
        // that of an instance that stood still meanwhile.
        let timely = configuration.grain.looks_are_whole
            && !configuration.grain.instances_at_once
            && never(&[Outside::Together]);
        // Nor where data is set aside, for what begins anew lacks all of it, nor where each start does.
        let volumes_last = never(&[Outside::Volume])
            && !configuration.settings.sets_aside
            && configuration.settings.config.recover_data;
        configuration.grain.volumes_last &= volumes_last && slices && timely;
        let world = Directive::World(Box::new(configuration.settings.clone()));
        let mut directives = vec![world, Directive::Bootstrap];
        directives.extend(before.lines.iter().map(|(_, directive)| directive.clone()));
        let begun = Schedule::of(directives);
        let report = run(&begun, configuration.decide);
        if let Some(failure) = report.failures.first() {
            return Err(NoStart { name: configuration.name, found: failure.to_string() });
        }
        let start = report.fair.world;
        let mut turn = Turn::new(start.clone(), BTreeSet::new(), &configuration);
        turn.prelude();
        if let Some(found) = turn.refused {
            return Err(NoStart { name: configuration.name, found });
        }
        let events = std::mem::take(&mut turn.events);
        let mut world = turn.world;
        canonical(&mut world, &configuration.grain);
        let tables = Tables::new(&world);
        let initial = tables.pack(world, 0);
        Ok(Self { configuration, tables, initial, begun, start: (start, events) })
    }

    /// The tables of its states.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The world of a state.
    #[must_use]
    pub fn world(&self, state: &Packed) -> World {
        self.tables.unpack(state)
    }

    fn beside(&self, state: &Packed) -> (Spent, BTreeSet<InstanceId>) {
        let beside = state[BESIDE];
        let strays = (0..4).filter(|n| beside >> (28 + n) & 1 == 1).map(InstanceId).collect();
        (Spent(beside & 0x0FFF_FFFF), strays)
    }

    /// Every transition of a state.
    #[must_use]
    pub fn acts(&self, state: &Packed) -> Vec<(Act, Option<Outside>)> {
        let world = self.tables.unpack(state);
        enabled::enabled(&world, self.beside(state).0, &self.configuration)
    }

    /// Makes one transition.
    #[must_use]
    pub fn take(&self, state: &Packed, act: Act, from: Option<Outside>) -> Outcome {
        self.take_in(&self.tables.unpack(state), state, act, from)
    }

    fn take_in(&self, old: &World, state: &Packed, act: Act, from: Option<Outside>) -> Outcome {
        let (spent, strays) = self.beside(state);
        let mut turn = Turn::new(old.clone(), strays, &self.configuration);
        turn.act(act);
        if turn.leads_to_nothing() {
            let Turn { broken, seen, plan, refused, .. } = turn;
            return Outcome { to: *state, events: Vec::new(), broken, seen, plan, refused };
        }
        let spent = from.map_or(spent, |kind| spent.and(&self.configuration.budget, kind));
        let strays = turn.strays().iter().fold(0, |bits, id| bits | 1 << (28 + (id.0 & 3)));
        let beside = spent.0 | strays;
        let Turn { mut world, events, broken, seen, plan, refused, .. } = turn;
        canonical(&mut world, &self.configuration.grain);
        let to = self.tables.pack_after(world, (old, state), beside);
        Outcome { to, events, broken, seen, plan, refused }
    }
}

impl System for Model {
    type State = Packed;

    fn initial(&self) -> Packed {
        self.initial
    }

    fn expand(&self, state: &Packed, edges: &mut Vec<Edge<Packed>>) -> Facts {
        let world = self.tables.unpack(state);
        let acts = enabled::enabled(&world, self.beside(state).0, &self.configuration);
        let mut rest = Rest::Moving;
        let mut refused = false;
        for (act, from) in acts {
            let outcome = self.take_in(&world, state, act, from);
            refused |= outcome.refused.is_some();
            // What a leader calls at rest is so if it saw everything.
            if let (Some(plan), Act::Look(_)) = (&outcome.plan, act) {
                rest = rest_of(plan, &world);
            }
            edges.push(Edge {
                to: outcome.to,
                class: act.class(),
                progress: from.is_none(),
                broken: outcome.broken.0,
                seen: outcome.seen.0,
            });
        }
        Facts { rest, broken: u64::from(refused) << 62 }
    }

    fn parts(&self) -> Vec<String> {
        part_names()
    }

    fn without(&self, state: &Packed, part: usize) -> Packed {
        let mut state = *state;
        if let Some(slot) = state.get_mut(part) {
            *slot = 0;
        }
        state
    }
}

/// Whether a leader has nothing to do, and why.
fn rest_of(plan: &ha_core::plan::Plan, world: &World) -> Rest {
    if plan.settled {
        Rest::Settled
    } else if plan.steps.is_empty() && serves_without(world) {
        Rest::Degraded
    } else if plan.steps.is_empty() && plan.recipes().next().is_some() {
        Rest::Held
    } else {
        Rest::Moving
    }
}

/// Whether an instance is gone for good, and writes are routed to one that runs and does not wait
/// for the vote of the one that is gone.
fn serves_without(world: &World) -> bool {
    let gone = |id: InstanceId| world.body(id).is_ok_and(enabled::is_gone);
    let runs = |route: Route| match route {
        Route::Open { main, .. } => world.body(main.id).is_ok_and(Body::runs),
        Route::Draining { .. } | Route::Closed => false,
    };
    let routes = |no| world.controller(no).is_ok_and(|process| runs(process.history.route()));
    world.instances().any(gone)
        && world.controller_numbers().any(routes)
        && world.api.record().is_some_and(|record| !record.voters().any(gone))
}

impl Turn {
    /// From a cluster as a schedule left it to one in which the standby controllers have just
    /// started, and nothing is under way but what the schedule left so.
    fn prelude(&mut self) {
        let leads = |world: &World, no: &ControllerNo| {
            world.controller(*no).is_ok_and(|process| process.leader.renewal().is_some())
        };
        let numbers: Vec<ControllerNo> = self.world.controller_numbers().collect();
        for no in &numbers {
            if !leads(&self.world, no) {
                self.all([Event::CrashController(*no), Event::StartController(*no)]);
            }
        }
        for _ in 0..3 * self.grain.lease_ticks {
            self.act(Act::Tick);
            let leader = numbers.iter().find(|no| leads(&self.world, no)).copied();
            if let Some(no) = leader.filter(|no| is_idle(&self.world, *no)) {
                self.act(Act::Look(no));
            }
        }
        self.plan = None;
    }
}
