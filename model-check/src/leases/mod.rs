//! Leadership alone: leases, promises and grants in every order of events, over the same
//! [`ha_core::leadership::LeaderClock`] and [`ha_core::grant::GrantHolder`] that production runs.
//! Writes of the lease and of the record, questions and answers are under way for as long as they
//! like, which the model of whole clusters has no room for.

mod act;
mod canonical;
mod enabled;
mod gateway;
mod memo;
mod mistake;
mod part;
mod property;
mod said;
mod shelf;
mod step;
mod trace;
mod variant;
mod world;

pub use act::{Act, Outside};
pub use mistake::Mistake;
pub use property::{Moments, PROPERTY};
pub use said::Said;
pub use trace::{Parted, Told};
pub use variant::{Asking, LARGER, Late, VARIANTS, Variant, drifting, ticks, variant};
pub use world::{PLACES, Reign};

use crate::explore::{Edge, Facts, Rest, System};
use canonical::{Caps, Ranks};
use ha_core::{
    grant::GrantHolder,
    ids::{ControllerId, ResourceVersion},
    leadership::{LeaderClock, LeaseSample, Word},
    observation::PromotionRight,
};
use memo::{Made, Memo};
use part::Part;
use shelf::Shelf;
use std::collections::BTreeSet;
use step::Turn;
use world::{Asks, Beside, GATEWAY, Gate, LeaseWrite, Mail, NOW, Place, Process, World, identity};

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
    memo: Memo,
    initial: Packed,
}

impl Tables {
    /// The versions and questions of a state.
    fn marks(&self, state: &Packed) -> Ranks {
        let mut all = self.leases.kept(state[3 * PLACES]).marks;
        all = all.and(self.gates.kept(state[3 * PLACES + 1]).marks);
        for place in 0..PLACES {
            all = all.and(self.places.kept(state[place]).marks);
            all = all.and(self.mails.kept(state[PLACES + place]).marks);
            all = all.and(self.asks.kept(state[2 * PLACES + place]).marks);
        }
        all
    }
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
        let this = Self { variant, caps, tables, memo: Memo::default(), initial: [0; PARTS] };
        let mut world = this.start();
        this.canonical(&mut world);
        let initial = this.pack(world);
        Self { initial, ..this }
    }

    /// The world in which everything begins, and nothing is forgotten.
    fn start(&self) -> World<'_> {
        let (mut world, variant) = (self.at_rest(), &self.variant);
        for act in variant.before {
            let mut turn = Turn { variant, world, seen: Moments::default(), said: None };
            turn.act(*act);
            world = turn.world;
        }
        world
    }

    fn at_rest(&self) -> World<'_> {
        let variant = &self.variant;
        let id = |no: u8| identity(no.into(), 1);
        let members: BTreeSet<ControllerId> = (0..variant.named).map(id).collect();
        let lease = LeaseSample {
            version: ResourceVersion(1),
            holder: Some(id(0)),
            members: members.clone(),
        };
        // One write that names nobody else, and a later one; neither was answered.
        let write = |members: BTreeSet<ControllerId>, heard| {
            let (by, expected, release) = (id(0), lease.version, false);
            (variant.cut & 1 == 1).then_some(LeaseWrite {
                by,
                expected,
                members,
                sent: NOW,
                release,
                heard,
            })
        };
        let before = write(BTreeSet::from([id(0)]), false);
        let mail = Mail { write: write(members.clone(), true), before, ..Mail::default() };
        let place = |no: usize| {
            if no >= usize::from(variant.running) {
                return Part::new(Place::default());
            }
            Part::new(Place { starts: 1, process: Some(variant.at_rest(no, &lease, &mail)) })
        };
        let beside = Beside {
            record: Reign { term: 1, steady: true },
            promoted: 1,
            promotions: 0,
            cut: variant.cut,
            spent: [0; act::KINDS],
        };
        let holder = GrantHolder::start(GATEWAY, variant.timing.grant_ms);
        World {
            places: std::array::from_fn(place),
            mails: std::array::from_fn(|no| {
                Part::new(if no == 0 { mail.clone() } else { Mail::default() })
            }),
            asks: std::array::from_fn(|_| Part::new(Asks::default())),
            lease: Part::new(lease.clone()),
            gate: Part::new(Gate { holder, answer: None, awaited: false }),
            beside: Part::new(beside),
        }
    }

    fn pack(&self, world: World<'_>) -> Packed {
        let World { places, mails, asks, lease, gate, beside } = world;
        let tables = &self.tables;
        let numbers = places
            .into_iter()
            .map(|part| part.number(&tables.places))
            .chain(mails.into_iter().map(|part| part.number(&tables.mails)))
            .chain(asks.into_iter().map(|part| part.number(&tables.asks)))
            .chain([
                lease.number(&tables.leases),
                gate.number(&tables.gates),
                beside.number(&tables.besides),
            ]);
        let mut packed = [0; PARTS];
        packed.iter_mut().zip(numbers).for_each(|(slot, number)| *slot = number);
        packed
    }

    fn unpack(&self, state: &Packed) -> World<'_> {
        let tables = &self.tables;
        World {
            places: std::array::from_fn(|no| Part::of(&tables.places, state[no])),
            mails: std::array::from_fn(|no| Part::of(&tables.mails, state[PLACES + no])),
            asks: std::array::from_fn(|no| Part::of(&tables.asks, state[2 * PLACES + no])),
            lease: Part::of(&tables.leases, state[3 * PLACES]),
            gate: Part::of(&tables.gates, state[3 * PLACES + 1]),
            beside: Part::of(&tables.besides, state[3 * PLACES + 2]),
        }
    }

    fn canonical(&self, world: &mut World<'_>) {
        world.settle(&self.variant, self.caps);
        world.rank();
    }

    /// Makes a step; the parts that changed are not brought into canonical form.
    fn take<'a>(&'a self, world: &World<'a>, act: Act) -> Turn<'a> {
        let world = world.clone();
        let seen = Moments::default();
        let mut turn = Turn { variant: &self.variant, world, seen, said: None };
        turn.act(act);
        turn
    }

    fn edge(&self, state: &Packed, (act, progress): enabled::Step) -> Edge<Packed> {
        let Made { mut to, seen } = self.make(state, act);
        if !self.tables.marks(&to).are_dense() {
            let mut world = self.unpack(&to);
            world.rank();
            to = self.pack(world);
        }
        let gate = &self.tables.gates.kept(to[3 * PLACES + 1]).value;
        let beside = &self.tables.besides.kept(to[3 * PLACES + 2]).value;
        let broken = u64::from(world::forwards_past_a_promotion(gate, beside));
        Edge { to, class: act.class(), progress, broken, seen: seen.0 }
    }

    /// Whether the variant has steps of this kind.
    fn may_take(&self, (act, progress): &enabled::Step) -> bool {
        !self.variant.timely || *progress || act.outside().is_some()
    }

    /// A step with the parts that changed in canonical form, but for ranks.
    fn make(&self, state: &Packed, act: Act) -> Made {
        if act == Act::Tick {
            return self.tick(state, None);
        }
        if let Act::SlowTick(no) = act {
            return self.tick(state, Some(no.into()));
        }
        if let Some(made) = self.memo.recall(state, act) {
            return made;
        }
        let (made, touched) = self.work_out(state, act);
        self.memo.keep(state, act, touched, made);
        made
    }

    /// A tick makes each part older, whatever the others are.
    fn tick(&self, state: &Packed, slow: Option<usize>) -> Made {
        let tables = &self.tables;
        let by = (&self.variant, self.caps);
        let mut to = *state;
        for place in (0..usize::from(self.variant.places)).filter(|place| Some(*place) != slow) {
            to[place] = tables.places.older(to[place], by);
            to[PLACES + place] = tables.mails.older(to[PLACES + place], by);
            to[2 * PLACES + place] = tables.asks.older(to[2 * PLACES + place], by);
        }
        if slow != Some(PLACES) {
            to[3 * PLACES + 1] = tables.gates.older(to[3 * PLACES + 1], by);
        }
        let mut seen = Moments::default();
        if slow.is_some() {
            let mut world = self.unpack(&to);
            world.beside.change().spent[Outside::Slow.index()] += 1;
            to = self.pack(world);
            seen |= Moments::SLOW;
        }
        Made { to, seen }
    }

    /// The same, and the parts that the step looked at: a set of bits.
    fn work_out(&self, state: &Packed, act: Act) -> (Made, u32) {
        let Turn { mut world, seen, .. } = self.take(&self.unpack(state), act);
        world.settle(&self.variant, self.caps);
        let touched = world.touched();
        (Made { to: self.pack(world), seen }, touched)
    }

    /// Whether somebody leads, may promote, and the record says what reign it is. Without the API
    /// server: whether somebody grants.
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
        let rests =
            if world.spent(Outside::Outage) > 0 { places.any(grants) } else { places.any(leads) };
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

impl Variant {
    /// A process that started long ago; the first one leads.
    fn at_rest(&self, no: usize, lease: &LeaseSample, mail: &Mail) -> Process {
        let (timing, me) = (self.counted(), identity(no, 1));
        let mut process = Process::new(LeaderClock::start(me, 0));
        // Everybody promised and saw another leader, long ago.
        let other = identity(usize::from(no == 0), 1);
        let earlier =
            LeaseSample { version: ResourceVersion(0), holder: Some(other), ..lease.clone() };
        process.brain.saw(0, earlier, &timing);
        process.brain.asked(0, other, &timing);
        if no != 0 {
            process.brain.saw(NOW, lease.clone(), &timing);
            return process;
        }
        process.brain.renewed(NOW, NOW, lease.clone());
        for other in lease.members.iter().filter(|other| **other != me) {
            process.brain.told(NOW, *other, Word::Nothing, &timing);
        }
        process.record = Some(Reign { term: 1, steady: true });
        process.fresh = true;
        process.open = true;
        for write in mail.before.iter().chain(&mail.write) {
            self.writes(&mut process, lease.version, &write.members);
        }
        process
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
        for step in
            enabled::enabled(&world, &self.variant).into_iter().filter(|step| self.may_take(step))
        {
            let edge = self.edge(state, step);
            if edge.to != *state || edge.broken != 0 {
                rested &= !edge.progress;
                edges.push(edge);
            }
        }
        let ticks = enabled::ticks(&world, &self.variant, rested);
        for step in ticks.into_iter().filter(|step| self.may_take(step)) {
            edges.push(self.edge(state, step));
        }
        Facts { rest: self.rest(&world), broken: 0 }
    }

    fn parts(&self) -> Vec<String> {
        let of =
            |what: &str| (0..PLACES).map(|no| format!("{what} of ct-{no}")).collect::<Vec<_>>();
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
