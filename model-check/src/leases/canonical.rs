//! The canonical form: two states in which the same can still happen have the same one. Moments are
//! kept up to the longest bound that anything compares them with, versions and questions by rank,
//! and what cannot matter any more is forgotten.

use super::{
    shelf::Shelf,
    variant::Variant,
    world::{Kept, LeaseWrite, Mail, NOW, PLACES, Part, Shape, TICK, World},
};
use ha_core::{
    ids::{ControllerId, GatewayId, ResourceVersion, Term},
    leadership::Millis,
    visit::{Moment, Object, Visitor},
};
use std::sync::OnceLock;

/// Ticks up to which moments are told apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    quiet: Millis,
    lease_wait: Millis,
    promise_wait: Millis,
    lease: Millis,
    longest: Millis,
    grant: Millis,
}

impl Caps {
    pub(super) fn new(variant: &Variant) -> Self {
        let timing = variant.counted();
        let ticks = |span: Millis| span.div_ceil(TICK);
        let longest = timing.lease_ms.max(timing.promise_ms);
        Self {
            quiet: ticks(timing.stretched(longest)),
            lease_wait: ticks(timing.stretched(timing.lease_ms)),
            promise_wait: ticks(timing.stretched(timing.promise_ms)),
            lease: ticks(timing.lease_ms),
            longest: ticks(longest),
            grant: ticks(timing.grant_ms),
        }
    }

    /// When the lease was first and last read, as far as it matters: whether it had run out when it
    /// was read last, when it runs out, and whether there was a gap.
    fn watched(self, first: Millis, last: Millis) -> (Millis, Millis) {
        let (first, last) = (age(first), age(last));
        let over = first >= last + self.lease_wait;
        if last < self.lease {
            return (first.min(last + self.lease_wait), last);
        }
        let first = if over { self.lease + self.lease_wait } else { first.min(self.lease_wait) };
        (first.max(self.lease), self.lease)
    }
}

const fn age(at: Millis) -> Millis {
    NOW.saturating_sub(at) / TICK
}

const fn at(age: Millis) -> Millis {
    NOW - age * TICK
}

/// What must be known of a part before it is changed.
#[derive(Debug, Clone, Copy, Default)]
struct Survey {
    versions: u128,
    questions: u128,
    /// How many versions were met, and which of them is that of the last renewal: nothing compares
    /// it.
    met: usize,
    held: Option<usize>,
    first: Millis,
    last: Millis,
}

macro_rules! nothing_else {
    () => {
        fn pod(&mut self, _: &mut ha_core::ids::PodUid) {}
        fn start(&mut self, _: &mut ha_core::ids::StartId) {}
        fn boot(&mut self, _: &mut ha_core::ids::BootId) {}
        fn volume(&mut self, _: &mut ha_core::ids::VolumeId) {}
        fn database(&mut self, _: &mut ha_core::ids::DatabaseUuid) {}
        fn controller(&mut self, _: &mut ControllerId) {}
        fn address(&mut self, _: &mut std::net::IpAddr) {}
        fn request(&mut self, _: &mut ha_core::ids::RequestId) {}
        fn term(&mut self, _: &mut Term) {}
    };
}

impl Visitor for Survey {
    nothing_else!();
    fn version(&mut self, _: Object, version: &mut ResourceVersion) {
        self.versions |= 1 << version.0;
        self.met += 1;
    }
    fn question(&mut self, _: GatewayId, number: &mut u64) {
        self.questions |= 1 << *number;
    }
    fn moment(&mut self, what: Moment, at: &mut Millis) {
        match what {
            Moment::LeaseSeen => self.first = *at,
            Moment::LeaseRead => self.last = *at,
            Moment::Renewed => self.held = self.met.checked_sub(1),
            _ => {}
        }
    }
    fn wall(&mut self, _: Moment, _: &mut i64) {}
}

/// Caps moments.
struct Capping {
    caps: Caps,
    survey: Survey,
    met: usize,
    /// Whether each question arrives before the next is asked, so that every question is later than
    /// every grant noted.
    unnumbered: bool,
}

impl Visitor for Capping {
    nothing_else!();
    fn version(&mut self, _: Object, version: &mut ResourceVersion) {
        if self.survey.held == Some(self.met) {
            *version = ResourceVersion(0);
        }
        self.met += 1;
    }
    fn question(&mut self, _: GatewayId, number: &mut u64) {
        if self.unnumbered {
            *number = 0;
        }
    }
    fn moment(&mut self, what: Moment, moment: &mut Millis) {
        let caps = self.caps;
        let most = match what {
            Moment::Started => caps.quiet,
            Moment::LeaseSeen => {
                *moment = at(caps.watched(self.survey.first, self.survey.last).0);
                return;
            }
            Moment::LeaseRead => {
                *moment = at(caps.watched(self.survey.first, self.survey.last).1);
                return;
            }
            Moment::LeaseOfOthers => caps.lease_wait,
            Moment::Renewed | Moment::Sent => caps.lease,
            Moment::Acquired => 0,
            Moment::Promised | Moment::PeerGone => caps.promise_wait,
            Moment::PeerAsked => caps.longest,
            Moment::Asked => caps.grant,
            _ => return,
        };
        *moment = at(age(*moment).min(most));
    }
    fn wall(&mut self, what: Moment, moment: &mut i64) {
        let mut monotonic = moment.cast_unsigned();
        self.moment(what, &mut monotonic);
        *moment = monotonic.cast_signed();
    }
}

/// Versions and questions by rank.
struct Ranking {
    versions: u128,
    questions: u128,
}

/// How many of a set are not above a member of it.
const fn rank(set: u128, member: u64) -> u64 {
    (set & (u128::MAX >> (127 - member))).count_ones() as u64
}

impl Visitor for Ranking {
    nothing_else!();
    fn version(&mut self, _: Object, version: &mut ResourceVersion) {
        version.0 = if version.0 == 0 { 0 } else { rank(self.versions, version.0) };
    }
    fn question(&mut self, _: GatewayId, number: &mut u64) {
        *number = if *number == 0 { 0 } else { rank(self.questions, *number) };
    }
    fn moment(&mut self, _: Moment, _: &mut Millis) {}
    fn wall(&mut self, _: Moment, _: &mut i64) {}
}

/// All moments of a machine become a tick older.
struct Older;

impl Visitor for Older {
    nothing_else!();
    fn version(&mut self, _: Object, _: &mut ResourceVersion) {}
    fn question(&mut self, _: GatewayId, _: &mut u64) {}
    fn moment(&mut self, _: Moment, at: &mut Millis) {
        *at = at.saturating_sub(TICK);
    }
    fn wall(&mut self, _: Moment, at: &mut i64) {
        *at = at.saturating_sub_unsigned(TICK);
    }
}

/// A part as it is a tick later on its clock. What becomes of one that is kept is worked out once.
pub(super) fn older<'a, T: Shape>(
    part: &mut Part<'a, T>,
    shelf: &'a Shelf<T>,
    (variant, caps): (&Variant, Caps),
) {
    match part {
        Part::Changed(value) => value.visit(&mut Older),
        Part::Kept(_, kept) => {
            let number = *kept.older.get_or_init(|| {
                let mut value = kept.value.clone();
                value.visit(&mut Older);
                value.settle(variant);
                let mut later = Part::Changed(Box::new(value));
                cap(&mut later, caps, false);
                shelf.number(later.take())
            });
            *part = Part::Kept(number, shelf.kept(number));
        }
    }
}

fn cap<T: Shape>(part: &mut Part<'_, T>, caps: Caps, unnumbered: bool) {
    if let Part::Changed(value) = part {
        let mut survey = Survey::default();
        value.visit(&mut survey);
        value.visit(&mut Capping { caps, survey, met: 0, unnumbered });
    }
}

/// The versions and questions in a part.
fn marks<T: Shape>(part: &mut Part<'_, T>) -> (u128, u128) {
    match part {
        Part::Kept(_, kept) => (kept.versions, kept.questions),
        Part::Changed(value) => {
            let mut survey = Survey::default();
            value.visit(&mut survey);
            (survey.versions & !1, survey.questions & !1)
        }
    }
}

fn rerank<T: Shape>(part: &mut Part<'_, T>, (versions, questions): (u128, u128)) {
    let (own, asked) = marks(part);
    // The ranks below the lowest gap stay as they are.
    let gap = |set: u128| (set | 1).trailing_ones();
    if own >> gap(versions) != 0 || asked >> gap(questions) != 0 {
        part.change().visit(&mut Ranking { versions, questions });
    }
}

impl World<'_> {
    /// Brings the parts that changed into their canonical form, and the others where they follow.
    pub(super) fn canonical(&mut self, variant: &Variant, caps: Caps) {
        self.forget(variant);
        let unnumbered = !variant.late.questions;
        self.places.iter_mut().for_each(|part| cap(part, caps, unnumbered));
        self.mails.iter_mut().for_each(|part| cap(part, caps, false));
        self.asks.iter_mut().for_each(|part| cap(part, caps, false));
        cap(&mut self.gate, caps, false);
        let mut marked = (0, 0);
        let mut add = |(versions, questions): (u128, u128)| {
            marked.0 |= versions;
            marked.1 |= questions;
        };
        self.places.iter_mut().for_each(|part| add(marks(part)));
        self.mails.iter_mut().for_each(|part| add(marks(part)));
        self.asks.iter_mut().for_each(|part| add(marks(part)));
        add(marks(&mut self.lease));
        add(marks(&mut self.gate));
        let whole = |set: u128| (set | 1).wrapping_add(1).is_power_of_two();
        if whole(marked.0) && whole(marked.1) {
            return;
        }
        self.places.iter_mut().for_each(|part| rerank(part, marked));
        self.mails.iter_mut().for_each(|part| rerank(part, marked));
        self.asks.iter_mut().for_each(|part| rerank(part, marked));
        rerank(&mut self.lease, marked);
        rerank(&mut self.gate, marked);
    }

    fn forget(&mut self, variant: &Variant) {
        let version = self.lease.get().version;
        for no in 0..PLACES {
            let stale = |mail: &Mail| {
                let mut writes = [&mail.write, &mail.before].into_iter().flatten();
                writes.any(|write| write.expected != version)
            };
            if stale(self.mails[no].get()) {
                let mail = self.mails[no].change();
                mail.write = mail.write.take().filter(|write| write.expected == version);
                mail.before = mail.before.take().filter(|write| write.expected == version);
            }
            self.forget_senders(no);
            let record = self.beside.get().record;
            let outdated = |mail: &Mail| {
                mail.record.is_some_and(|write| write.expected < record)
            };
            if outdated(self.mails[no].get()) {
                self.mails[no].change().record = None;
            }
            if let Part::Changed(place) = &mut self.places[no] {
                place.settle(variant);
            }
        }
        self.forget_questions();
        if let Part::Changed(gate) = &mut self.gate {
            gate.settle(variant);
        }
    }

    /// When a write was sent matters to the process alone that hears of it; and of two that make the
    /// lease the same, the earlier one is like none.
    fn forget_senders(&mut self, no: usize) {
        let Mail { write, before, .. } = self.mails[no].get();
        let ended = |write: &LeaseWrite| !self.runs(write.by) && write.sent != NOW;
        let ended = write.as_ref().is_some_and(ended);
        let unheard = before.as_ref().is_some_and(|write| write.sent != NOW);
        let same = write.as_ref().zip(before.as_ref()).is_some_and(|(write, before)| {
            (write.by, &write.members, write.release)
                == (before.by, &before.members, before.release)
        });
        if ended || unheard || same {
            let mail = self.mails[no].change();
            if let Some(write) = &mut mail.write
                && ended
            {
                write.sent = NOW;
            }
            if let Some(write) = &mut mail.before {
                write.sent = NOW;
            }
            mail.before = mail.before.take().filter(|_| !same);
        }
    }

    /// Notes whether the gateway's latest question can still be answered.
    fn forget_questions(&mut self) {
        let gate = self.gate.get();
        if !gate.awaited || gate.answer.is_some() {
            return;
        }
        let mut latest = Survey::default();
        let mut holder = gate.holder.clone();
        holder.visit(&mut latest);
        let asked = |part: &Part<'_, Mail>| {
            part.get().question.is_some_and(|question| latest.questions >> question.number & 1 == 1)
        };
        if !self.mails.iter().any(asked) {
            self.gate.change().awaited = false;
        }
    }
}

impl<T: Shape> Kept<T> {
    pub(super) fn new(mut value: T) -> Self {
        let mut survey = Survey::default();
        value.visit(&mut survey);
        Self { value, versions: survey.versions & !1, questions: survey.questions & !1, older: OnceLock::new() }
    }
}
