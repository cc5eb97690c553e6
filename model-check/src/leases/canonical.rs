//! The canonical form: two states in which the same can still happen have the same one. Moments are
//! kept up to the longest bound that anything compares them with, versions and questions by rank,
//! and what cannot matter any more is forgotten.

#![allow(clippy::wildcard_enum_match_arm, reason = "most moments stand in no part of this world")]

use super::{
    part::Shape,
    variant::Variant,
    world::{NOW, TICK, World},
};
use ha_core::{
    ids::{ControllerId, GatewayId, ResourceVersion, Term},
    leadership::Millis,
    visit::{Moment, Object, Visitor},
};

/// Ticks up to which moments are told apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    quiet: Millis,
    lease_wait: Millis,
    promise_wait: Millis,
    lease: Millis,
    longest: Millis,
    gone: Millis,
    grant: Millis,
    /// Whether each question to a controller arrives before the next is asked, so that every
    /// question is later than every grant noted.
    unnumbered: bool,
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
            gone: ticks(timing.stretched(timing.promise_ms.max(timing.grant_ms))),
            grant: ticks(timing.grant_ms),
            unnumbered: !variant.late.questions,
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

/// Sets of versions and of questions; 0 counts for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Ranks {
    versions: u128,
    questions: u128,
}

/// How many of a set are not above a member of it.
const fn rank(set: u128, member: u64) -> u64 {
    if member == 0 { 0 } else { (set & (u128::MAX >> (127 - member))).count_ones() as u64 }
}

impl Ranks {
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            versions: self.versions | other.versions,
            questions: self.questions | other.questions,
        }
    }

    /// Whether they are 1, 2, 3 and so on.
    pub(super) const fn are_dense(self) -> bool {
        const fn dense(set: u128) -> bool {
            (set | 1) & (set | 1).wrapping_add(1) == 0
        }
        dense(self.versions) && dense(self.questions)
    }

    /// Whether one of these has another rank among those: whether it is above their lowest gap.
    pub(super) const fn is_moved_among(self, all: Self) -> bool {
        const fn moved(own: u128, all: u128) -> bool {
            own >> (all | 1).trailing_ones() != 0
        }
        moved(self.versions, all.versions) || moved(self.questions, all.questions)
    }

    pub(super) const fn ranking(self) -> Ranking {
        Ranking(self)
    }
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

pub(super) use nothing_else;

/// What must be known of a part before it is changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Survey {
    pub(super) marks: Ranks,
    /// How many versions were met, and which of them is that of the last renewal: nothing compares
    /// it.
    met: usize,
    held: Option<usize>,
    first: Millis,
    last: Millis,
}

impl Visitor for Survey {
    nothing_else!();
    fn version(&mut self, _: Object, version: &mut ResourceVersion) {
        self.marks.versions |= (1 << version.0) & !1;
        self.met += 1;
    }
    fn question(&mut self, _: GatewayId, number: &mut u64) {
        self.marks.questions |= (1 << *number) & !1;
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

pub(super) fn survey(value: &mut impl Shape) -> Survey {
    let mut survey = Survey::default();
    value.visit(&mut survey);
    survey
}

/// Caps moments.
struct Capping {
    caps: Caps,
    survey: Survey,
    met: usize,
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
        if self.caps.unnumbered {
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
            Moment::Promised => caps.promise_wait,
            Moment::PeerGone => caps.gone,
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

pub(super) fn cap(value: &mut impl Shape, caps: Caps) {
    let survey = survey(value);
    value.visit(&mut Capping { caps, survey, met: 0 });
}

/// Versions and questions by rank.
pub(super) struct Ranking(Ranks);

impl Visitor for Ranking {
    nothing_else!();
    fn version(&mut self, _: Object, version: &mut ResourceVersion) {
        version.0 = rank(self.0.versions, version.0);
    }
    fn question(&mut self, _: GatewayId, number: &mut u64) {
        *number = rank(self.0.questions, *number);
    }
    fn moment(&mut self, _: Moment, _: &mut Millis) {}
    fn wall(&mut self, _: Moment, _: &mut i64) {}
}

/// All moments of a machine become a tick older.
pub(super) struct Older;

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

impl World<'_> {
    /// Brings the parts that changed into their canonical form, each for itself.
    pub(super) fn settle(&mut self, variant: &Variant, caps: Caps) {
        if variant.late.questions {
            self.await_answers();
        }
        self.places.iter_mut().for_each(|part| part.settle(variant, caps));
        self.mails.iter_mut().for_each(|part| part.settle(variant, caps));
        self.asks.iter_mut().for_each(|part| part.settle(variant, caps));
        self.gate.settle(variant, caps);
    }

    /// Gives versions and questions their ranks.
    pub(super) fn rank(&mut self) {
        let mut all = self.lease.marks().and(self.gate.marks());
        self.places.iter_mut().for_each(|part| all = all.and(part.marks()));
        self.mails.iter_mut().for_each(|part| all = all.and(part.marks()));
        self.asks.iter_mut().for_each(|part| all = all.and(part.marks()));
        if !all.are_dense() {
            self.places.iter_mut().for_each(|part| part.rank(all));
            self.mails.iter_mut().for_each(|part| part.rank(all));
            self.asks.iter_mut().for_each(|part| part.rank(all));
            self.lease.rank(all);
            self.gate.rank(all);
        }
    }

    /// Notes whether the gateway's latest question can still be answered.
    fn await_answers(&mut self) {
        let gate = self.gate.get();
        if !gate.awaited {
            return;
        }
        // No question that the gateway knows of is later than its latest.
        let known = survey(&mut gate.clone()).marks.questions;
        let is_latest = |number: u64| known >> number == 1;
        let asked = gate.answer.is_some_and(|answer| is_latest(answer.number))
            || (0..self.mails.len()).any(|no| {
                let question = self.mails[no].get().question;
                question.is_some_and(|question| is_latest(question.number))
            });
        if !asked {
            self.gate.change().awaited = false;
        }
    }
}
