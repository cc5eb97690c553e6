//! Leadership alone: leases, promises and grants in every order of events, over the same
//! [`ha_core::leadership::LeaderClock`] and [`ha_core::grant::GrantHolder`] that production runs.
//! Writes of the lease and of the record, questions and answers are under way for as long as they
//! like, which the model of whole clusters has no room for.

mod act;
mod canonical;
mod enabled;
mod mistake;
mod property;
mod shelf;
mod step;
mod trace;
mod variant;
mod world;

pub use act::{Act, Outside};
pub use mistake::Mistake;
pub use property::{Moments, PROPERTY};
pub use step::Said;
pub use trace::{Made, Parted};
pub use variant::{Asking, Late, Variant, drifting, ticks, variants};
pub use world::{PLACES, Reign};

use crate::{
    explore::{Edge, Facts, Rest, System},
};
use canonical::Caps;
use ha_core::{
    grant::GrantHolder,
    ids::{ControllerId, ResourceVersion},
    leadership::{LeaderClock, LeaseSample, Word},
    observation::PromotionRight,
};
use shelf::Shelf;
use step::Turn;
use world::{
    Asks, Beside, GATEWAY, Gate, Mail, NOW, Part, Place, Process, Shape, World, identity,
};

/// How many numbers a state is.
pub const PARTS: usize = 3 * PLACES + 3;

/// A packed state.
pub type Packed = [u32; PARTS];

#[derive(Debug)]
struct Tables {
    places: Shelf<Place>,
    mails: Shelf<Mail>,
    asks: Shelf<Asks>,
    leases: Shelf<LeaseSample>,
    gates: Shelf<Gate>,
    besides: Shelf<Beside>,
}

/// The model of one variant.
#[derive(Debug)]
pub struct Leases {
    /// What it is the model of.
    pub variant: Variant,
    caps: Caps,
    tables: Tables,
    initial: Packed,
}

fn number<T: Shape>(shelf: &Shelf<T>, part: Part<'_, T>) -> u32 {
    match part {
        Part::Kept(number, _) => number,
        Part::Changed(value) => shelf.number(*value),
    }
}

fn part<T: Shape>(shelf: &Shelf<T>, number: u32) -> Part<'_, T> {
    Part::Kept(number, shelf.kept(number))
}

fn changed<'a, T>(value: T) -> Part<'a, T> {
    Part::Changed(Box::new(value))
}

impl Leases {
    /// The model of a variant: the first controller leads, and everybody started long ago.
    #[must_use]
    pub fn new(variant: Variant) -> Self {
        let tables = Tables {
            places: Shelf::default(),
            mails: Shelf::default(),
            asks: Shelf::default(),
            leases: Shelf::default(),
            gates: Shelf::default(),
            besides: Shelf::default(),
        };
        let caps = Caps::new(&variant);
        let this = Self { variant, caps, tables, initial: [0; PARTS] };
        let mut world = this.start();
        world.canonical(&this.variant, this.caps);
        let initial = this.pack(world);
        Self { initial, ..this }
    }

    fn start(&self) -> World<'_> {
        let variant = &self.variant;
        let timing = variant.counted();
        let id = |no: u8| identity(no.into(), 1);
        let members: std::collections::BTreeSet<ControllerId> = (0..variant.named).map(id).collect();
        let lease =
            LeaseSample { version: ResourceVersion(1), holder: Some(id(0)), members: members.clone() };
        let place = |no: usize| {
            if no >= usize::from(variant.running) {
                return changed(Place::default());
            }
            let mut process = Process::new(LeaderClock::start(identity(no, 1), 0));
            // Everybody promised and saw another leader, long ago.
            let holder = Some(id(u8::from(no == 0)));
            process.brain.saw(0, LeaseSample { version: ResourceVersion(0), holder, ..lease.clone() }, &timing);
            process.brain.asked(0, id(u8::from(no == 0)), &timing);
            if no == 0 {
                process.brain.renewed(NOW, NOW, lease.clone());
                for other in members.iter().filter(|other| **other != id(0)) {
                    process.brain.told(NOW, *other, Word::Nothing, &timing);
                }
                process.record = Some(Reign { term: 1, steady: true });
                process.fresh = true;
                process.open = true;
            } else {
                process.brain.saw(NOW, lease.clone(), &timing);
            }
            changed(Place { starts: 1, process: Some(process) })
        };
        let beside = Beside {
            record: Reign { term: 1, steady: true },
            promoted: 1,
            promotions: 0,
            cut: 0,
            spent: [0; act::KINDS],
        };
        let holder = GrantHolder::start(GATEWAY, variant.timing.grant_ms);
        World {
            places: std::array::from_fn(place),
            mails: std::array::from_fn(|_| changed(Mail::default())),
            asks: std::array::from_fn(|_| changed(Asks::default())),
            lease: changed(lease.clone()),
            gate: changed(Gate { holder, answer: None, awaited: false }),
            beside: changed(beside),
        }
    }

    fn pack(&self, world: World<'_>) -> Packed {
        let World { places, mails, asks, lease, gate, beside } = world;
        let tables = &self.tables;
        let numbers = places
            .into_iter()
            .map(|part| number(&tables.places, part))
            .chain(mails.into_iter().map(|part| number(&tables.mails, part)))
            .chain(asks.into_iter().map(|part| number(&tables.asks, part)))
            .chain([
                number(&tables.leases, lease),
                number(&tables.gates, gate),
                number(&tables.besides, beside),
            ]);
        let mut packed = [0; PARTS];
        packed.iter_mut().zip(numbers).for_each(|(slot, number)| *slot = number);
        packed
    }

    fn unpack(&self, state: &Packed) -> World<'_> {
        let tables = &self.tables;
        World {
            places: std::array::from_fn(|no| part(&tables.places, state[no])),
            mails: std::array::from_fn(|no| part(&tables.mails, state[PLACES + no])),
            asks: std::array::from_fn(|no| part(&tables.asks, state[2 * PLACES + no])),
            lease: part(&tables.leases, state[3 * PLACES]),
            gate: part(&tables.gates, state[3 * PLACES + 1]),
            beside: part(&tables.besides, state[3 * PLACES + 2]),
        }
    }

    fn take<'a>(&'a self, world: &World<'a>, act: Act) -> Turn<'a> {
        let world = world.clone();
        let mut turn = Turn { model: self, variant: &self.variant, world, seen: Moments::default(), said: None };
        turn.act(act);
        turn
    }

    fn edge<'a>(&'a self, world: &World<'a>, (act, progress): enabled::Step) -> Edge<Packed> {
        let Turn { mut world, seen, .. } = self.take(world, act);
        world.canonical(&self.variant, self.caps);
        let broken = u64::from(world.forwards_past_a_promotion());
        Edge { to: self.pack(world), class: act.class(), progress, broken, seen: seen.0 }
    }

    /// Whether somebody leads, may promote, and the record says what reign it is; the lease names
    /// nobody who has ended. Without the API server: whether somebody grants.
    fn rest(&self, world: &World<'_>) -> Rest {
        let record = world.beside.get().record;
        let leads = |no: u8| {
            let Some(process) = world.process(no.into()) else { return false };
            let reigns = process.fresh && process.record == Some(record) && record.steady;
            let may = self.variant.leadership(process).promotion == PromotionRight::Granted;
            reigns && may && process.open
        };
        let grants = |no: u8| {
            let process = world.process(no.into());
            process.is_some_and(|process| process.open && self.variant.length(process).is_some())
        };
        let mut places = 0..self.variant.places;
        let rests = if world.spent(Outside::Outage) > 0 {
            places.any(grants)
        } else {
            places.any(leads)
        };
        if rests { Rest::Settled } else { Rest::Moving }
    }

    /// How many different parts of each kind there are.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, u32); 6] {
        [
            ("processes", self.tables.places.len()),
            ("mails", self.tables.mails.len()),
            ("asks", self.tables.asks.len()),
            ("leases", self.tables.leases.len()),
            ("gates", self.tables.gates.len()),
            ("besides", self.tables.besides.len()),
        ]
    }
}

impl System for Leases {
    type State = Packed;

    fn initial(&self) -> Packed {
        self.initial
    }

    fn expand(&self, state: &Packed, edges: &mut Vec<Edge<Packed>>) -> Facts {
        let world = self.unpack(state);
        let mut rested = true;
        for step in enabled::enabled(&world, &self.variant) {
            let edge = self.edge(&world, step);
            if edge.to != *state || edge.broken != 0 {
                rested &= !edge.progress;
                edges.push(edge);
            }
        }
        for step in enabled::ticks(&world, &self.variant, rested) {
            edges.push(self.edge(&world, step));
        }
        Facts { rest: self.rest(&world), broken: 0 }
    }

    fn parts(&self) -> Vec<String> {
        let of = |what: &str| (0..PLACES).map(|no| format!("{what} of ct-{no}")).collect::<Vec<_>>();
        let mut names = of("process");
        names.extend(of("writes"));
        names.extend(of("questions"));
        names.extend(["lease", "gateway", "record, promotions, budgets"].map(String::from));
        names
    }

    fn without(&self, state: &Packed, part: usize) -> Packed {
        let mut state = *state;
        if let Some(slot) = state.get_mut(part) {
            *slot = 0;
        }
        state
    }
}
impl Leases {
    /// Debug.
    pub fn dump(&self, state: &Packed, part: usize) -> String {
        let w = self.unpack(state);
        if part < 3 { format!("{:?}", w.places[part].get()) } else { format!("{:?}", w.mails[part-3].get()) }
    }
}
