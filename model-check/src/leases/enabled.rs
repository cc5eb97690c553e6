//! Which steps a state has, and which of them go on by themselves.
//!
//! Every message arrives at any later moment or never; a clock ticks whenever it likes. What may be
//! relied on is less: a tick comes by itself only once all that is due was done, and a question or
//! a renewal is due once in a tick.

use super::{
    act::{Act, Outside},
    canonical::nothing_else,
    mistake::Mistake,
    variant::{Asking, Variant},
    world::{NOW, PLACES, Process, World, place_of},
};
use ha_core::{
    ids::{ControllerId, GatewayId, ResourceVersion, Term},
    leadership::Timing,
    observation::PromotionRight,
    visit::{Moment, Object, Visitor},
};

/// A step, and whether it goes on by itself.
pub(super) type Step = (Act, bool);

/// The steps of a state, but the ticks.
pub(super) fn enabled(world: &World<'_>, variant: &Variant) -> Vec<Step> {
    let mut steps = Vec::with_capacity(24);
    for no in 0..variant.places {
        let at = usize::from(no);
        let mail = world.mails[at].get();
        let mut can = |possible: bool, act: Act| {
            if possible {
                steps.push((act, true));
            }
        };
        can(mail.write.is_some(), Act::Land(no));
        if mail.before.is_some() {
            steps.push((Act::LandBefore(no), false));
        }
        let heard = mail.write.as_ref().is_some_and(|write| write.heard);
        if heard && !variant.late.confirmations {
            steps.push((Act::LandUnheard(no), false));
        }
        let mut can = |possible: bool, act: Act| {
            if possible {
                steps.push((act, true));
            }
        };
        can(mail.record.is_some(), Act::Record(no));
        let Some(process) = world.process(at) else {
            can(
                world.spent(Outside::Crash) > 0 || world.places[at].get().starts == 0,
                Act::Start(no),
            );
            continue;
        };
        can(mail.confirmed.is_some(), Act::Confirm(no));
        can(mail.recorded.is_some(), Act::Recorded(no));
        if world.reaches(at) {
            of_the_api(world, variant, (no, process), &mut steps);
        }
        of_peers(world, variant, (no, process), &mut steps);
        let may = |kind: Outside| world.spent(kind) < variant.most(kind);
        if may(Outside::Crash) && world.spent(Outside::Outage) == 0 {
            steps.push((Act::Crash(no), false));
        }
        if may(Outside::Cut) && process.brain.renewal().is_some() {
            steps.push((Act::Cut(no), false));
        }
        if variant.gateway {
            steps.push((Act::GatewayAsks(no), false));
        }
        if variant.gateway && !variant.late.questions {
            steps.push((Act::GatewayAsksUnheard(no), false));
        }
        if mail.question.is_some() {
            steps.push((Act::GatewayAsked(no), false));
        }
    }
    let promotions = world.beside.get().promotions;
    let terms = (0..8).filter(|term| promotions >> term & 1 == 1);
    steps.extend(terms.map(|term| (Act::Promoted(term), true)));
    if world.gate.get().answer.is_some() {
        steps.push((Act::GatewayTold, false));
    }
    steps
}

fn of_the_api(
    world: &World<'_>,
    variant: &Variant,
    (no, process): (u8, &Process),
    steps: &mut Vec<Step>,
) {
    let at = usize::from(no);
    let (mail, beside) = (world.mails[at].get(), world.beside.get());
    steps.push((Act::ReadLease(no), true));
    if process.brain.acquired().is_some() || variant.makes(Mistake::RecordBeforeLease) {
        steps.push((Act::ReadRecord(no), true));
    }
    let lease = world.lease.get();
    if variant.expects(process, lease).is_some_and(|version| version == lease.version) {
        steps.push((Act::Write(no), is_due(world, variant, at, process)));
    }
    let may = |kind: Outside| world.spent(kind) < variant.most(kind);
    if may(Outside::Release)
        && process.brain.acquired().is_some()
        && process.brain.renewal() == Some(lease.version)
    {
        steps.push((Act::Release(no), false));
    }
    let known = process.fresh || variant.makes(Mistake::RecordBeforeLease);
    if let (true, true, Some(record)) = (variant.acts(process), known, process.record)
        && record == beside.record
    {
        if may(Outside::Failover) {
            steps.push((Act::Intend(no), false));
        }
        let due = mail.record.is_none() && mail.recorded.is_none();
        if !record.steady && beside.promoted >= record.term {
            steps.push((Act::Steady(no), due));
        } else if !record.steady && may_promote(variant, process) {
            steps.push((Act::Promote(no), true));
        }
    }
    for id in process.brain.listed() {
        if id != process.brain.me() && variant.lists_as_ended(world, id) {
            let nth = (id.0 % 16) as u8;
            steps.push((Act::Learn(no, place_of(id) as u8, nth), !world.runs(id)));
        }
    }
}

/// Whether nothing stands between a leader and the promotion of the recorded intent.
fn may_promote(variant: &Variant, process: &Process) -> bool {
    variant.leadership(process).promotion == PromotionRight::Granted
        && process.brain.outstanding(NOW).is_empty()
        && !process.open
}

/// Whether a write of the lease is due: none is under way, and the last one is a tick old or named
/// others.
fn is_due(world: &World<'_>, variant: &Variant, at: usize, process: &Process) -> bool {
    let mail = world.mails[at].get();
    let me = process.brain.me();
    let waits = mail.write.as_ref().is_some_and(|write| write.by == me) || mail.confirmed.is_some();
    let timing = variant.counted();
    let renewed = process.brain.right(NOW, &timing) == timing.lease_ms;
    let named = process.brain.listed().eq(variant.members(process));
    !(waits || renewed && named)
}

fn of_peers(
    world: &World<'_>,
    variant: &Variant,
    (no, process): (u8, &Process),
    steps: &mut Vec<Step>,
) {
    let at = usize::from(no);
    let timing = variant.counted();
    let asks = match variant.asking {
        Asking::Nobody => false,
        Asking::Needing => {
            let me = process.brain.me();
            process.brain.renewal().is_some()
                || (process.brain.listed().next().is_some()
                    && process.brain.listed().all(|id| id != me))
        }
        Asking::Everybody => true,
    };
    let now = process.brain.members(NOW, &Timing { lease_ms: 0, ..timing });
    for of in (0..variant.places).filter(|of| *of != no) {
        let other = world.process(usize::from(of));
        let exchange = world.asks[at].get().of[usize::from(of)];
        if let (true, Some(other)) = (asks, other) {
            let due = exchange.is_none() && !now.contains(&other.brain.me());
            steps.push((Act::Ask(no, of), due));
        }
        match exchange {
            Some(exchange) if exchange.told.is_some() => steps.push((Act::Told(no, of), true)),
            Some(_) if other.is_some() => steps.push((Act::Asked(no, of), true)),
            _ => {}
        }
    }
}

/// What a process knows that it does not say.
#[derive(Default)]
struct Knows {
    started: u64,
    version: Option<u64>,
}

impl Visitor for Knows {
    nothing_else!();
    fn version(&mut self, _: Object, version: &mut ResourceVersion) {
        self.version.get_or_insert(version.0);
    }
    fn question(&mut self, _: GatewayId, _: &mut u64) {}
    fn moment(&mut self, what: Moment, at: &mut u64) {
        if what == Moment::Started {
            self.started = *at;
        }
    }
    fn wall(&mut self, _: Moment, _: &mut i64) {}
}

/// Whether an outage finds everything as well as it can be: no failover is under way, everybody runs for longer than anything
/// lasts, has read the lease that was written in this tick, and is named by it.
fn is_well(world: &World<'_>, variant: &Variant) -> bool {
    let timing = variant.counted();
    let lease = world.lease.get();
    let quiet = timing.stretched(timing.lease_ms.max(timing.promise_ms));
    let beside = world.beside.get();
    let steady = beside.record.steady && beside.promotions == 0 && lease.holder.is_some();
    steady
        && (0..variant.places).all(|no| {
            let Some(process) = world.process(no.into()) else { return false };
            let mut knows = Knows::default();
            process.brain.clone().visit(&mut knows);
            let me = process.brain.me();
            let mail = world.mails[usize::from(no)].get();
            let renewed = process.brain.right(NOW, &timing) == timing.lease_ms
                && process.open
                && mail.record.is_none()
                && mail.recorded.is_none();
            NOW >= knows.started + quiet
                && knows.version == Some(lease.version.0)
                && lease.members.contains(&me)
                && (lease.holder != Some(me) || renewed)
        })
}

/// The ticks of a state: one for all, and those that a clock does not count. `rested` says that
/// nothing else goes on by itself.
pub(super) fn ticks(world: &World<'_>, variant: &Variant, rested: bool) -> Vec<Step> {
    let mut steps = vec![(Act::Tick, rested)];
    if world.spent(Outside::Slow) < variant.most(Outside::Slow) {
        let clocks = (0..variant.places).chain([PLACES as u8]);
        steps.extend(clocks.map(|no| (Act::SlowTick(no), false)));
    }
    if world.spent(Outside::Outage) < variant.most(Outside::Outage) && is_well(world, variant) {
        steps.push((Act::Outage, false));
    }
    steps
}
