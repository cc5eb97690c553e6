//! What a state of leadership is: processes with the clocks that production runs, one lease, one
//! record, one gateway, and what is under way between them.

use super::{
    mistake::Mistake,
    part::{Part, Shape},
    variant::Variant,
};
use ha_core::{
    grant::{Answer, Clocks, GrantHolder, Question},
    ids::{
        BootId, ControllerId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid,
        ResourceVersion, StartId, VolumeId,
    },
    leadership::{LeaderClock, LeaseSample, Millis, Word},
    visit::{Moment, Object, Visitor, renamed},
};
use std::collections::BTreeSet;

/// How many controllers a state has room for.
pub const PLACES: usize = 3;

/// What every clock shows in every state: moments are kept by how long ago they are.
pub(super) const NOW: Millis = 1_000_000;

/// The length of a tick in milliseconds.
pub(super) const TICK: Millis = 1_000;

pub(super) const GATEWAY: GatewayId = GatewayId(0);

/// The main of every term. That it is another one in each is what terms stand for here.
pub(super) const MAIN: InstanceRef = InstanceRef {
    id: InstanceId(0),
    incarnation: Incarnation {
        pod: PodUid(1),
        start: StartId(1),
        boot: BootId(1),
        volume: VolumeId(1),
    },
};

/// The clocks of the gateway.
pub(super) const CLOCKS: Clocks = Clocks { monotonic: NOW, wall: NOW.cast_signed() };

/// What the record says. Each write of it makes it greater, so that this is its version too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reign {
    /// The term.
    pub term: u8,
    /// Whether its main was promoted and may be written to; before that it is an intent.
    pub steady: bool,
}

/// A controller process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) brain: LeaderClock,
    /// The record as last read or written.
    pub(super) record: Option<Reign>,
    /// Whether it was read since the lease was acquired.
    pub(super) fresh: bool,
    /// Whether the route of the record's term is handed out.
    pub(super) open: bool,
    /// What only a mistake keeps: when a promise not to campaign was given.
    pub(super) barred: Option<Millis>,
    /// What only a mistake keeps: who ever stood against the lease.
    pub(super) refused: Option<ControllerId>,
}

/// Where a controller runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Place {
    /// How many processes were started here.
    pub(super) starts: u8,
    pub(super) process: Option<Process>,
}

/// A write of the lease under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LeaseWrite {
    pub(super) by: ControllerId,
    pub(super) expected: ResourceVersion,
    pub(super) members: BTreeSet<ControllerId>,
    pub(super) sent: Millis,
    pub(super) release: bool,
    /// Whether its sender waits for a confirmation.
    pub(super) heard: bool,
}

/// A write of the record under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RecordWrite {
    pub(super) by: ControllerId,
    pub(super) expected: Reign,
    pub(super) new: Reign,
}

/// What is under way from and to one controller, but for other controllers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Mail {
    pub(super) write: Option<LeaseWrite>,
    /// The one before it, which its sender waits for no more.
    pub(super) before: Option<LeaseWrite>,
    /// To the process that runs.
    pub(super) confirmed: Option<(LeaseSample, Millis)>,
    pub(super) record: Option<RecordWrite>,
    /// That this was written, to the process that runs.
    pub(super) recorded: Option<Reign>,
    pub(super) question: Option<Question>,
}

/// A question to another controller, or what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Exchange {
    pub(super) sent: Millis,
    pub(super) told: Option<(ControllerId, Word)>,
}

/// What the process that runs at a place asked the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Asks {
    pub(super) of: [Option<Exchange>; PLACES],
}

/// The gateway.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Gate {
    pub(super) holder: GrantHolder,
    pub(super) answer: Option<Answer>,
    /// Whether its latest question, or the answer to it, is under way.
    pub(super) awaited: bool,
}

/// The rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Beside {
    pub(super) record: Reign,
    /// The highest term in which an instance was promoted.
    pub(super) promoted: u8,
    /// Promotions under way: a set of terms.
    pub(super) promotions: u8,
    /// Who will never reach the API server again: a set of places.
    pub(super) cut: u8,
    /// What was spent, by [`super::Outside`].
    pub(super) spent: [u8; super::act::KINDS],
}

/// A state in work.
#[derive(Debug, Clone)]
pub(super) struct World<'a> {
    pub(super) places: [Part<'a, Place>; PLACES],
    pub(super) mails: [Part<'a, Mail>; PLACES],
    pub(super) asks: [Part<'a, Asks>; PLACES],
    pub(super) lease: Part<'a, LeaseSample>,
    pub(super) gate: Part<'a, Gate>,
    pub(super) beside: Part<'a, Beside>,
}

/// The identity of a process: where it runs, and which one it is there.
pub(super) fn identity(place: usize, starts: u8) -> ControllerId {
    ControllerId(place as u128 * 16 + u128::from(starts))
}

/// Where the process of an identity runs or ran.
pub(super) const fn place_of(id: ControllerId) -> usize {
    (id.0 / 16) as usize
}

impl World<'_> {
    /// The process that runs at a place.
    pub(super) fn process(&self, place: usize) -> Option<&Process> {
        self.places[place].get().process.as_ref()
    }

    pub(super) fn process_mut(&mut self, place: usize) -> Option<&mut Process> {
        self.places[place].change().process.as_mut()
    }

    /// The process with that identity, if it runs.
    pub(super) fn runs(&self, id: ControllerId) -> bool {
        self.process(place_of(id)).is_some_and(|process| process.brain.me() == id)
    }

    /// Whether a place reaches the API server.
    pub(super) fn reaches(&self, place: usize) -> bool {
        self.beside.get().cut >> place & 1 == 0
    }
}

/// Whether an instance was promoted in a later term than the gateway may forward in.
pub(super) fn forwards_past_a_promotion(gate: &Gate, beside: &Beside) -> bool {
    let live = gate.holder.live(CLOCKS);
    live.is_some_and(|grant| grant.term.0 < beside.promoted.into())
}

impl Shape for Place {
    fn visit(&mut self, by: &mut impl Visitor) {
        if let Some(process) = &mut self.process {
            process.brain.visit(by);
            if let Some(at) = &mut process.barred {
                by.moment(Moment::Promised, at);
            }
        }
    }

    fn settle(&mut self, variant: &Variant) {
        let timing = variant.counted();
        let Some(process) = &mut self.process else { return };
        process.brain.forget_ended(NOW, &timing);
        process.brain.forget_spent(NOW, &timing);
        if !process.fresh && !variant.makes(Mistake::RecordBeforeLease) {
            process.record = None;
        }
        let promise = timing.stretched(timing.promise_ms);
        process.barred = process.barred.filter(|at| NOW < at.saturating_add(promise));
    }
}

impl Shape for Mail {
    fn visit(&mut self, by: &mut impl Visitor) {
        for write in [&mut self.write, &mut self.before].into_iter().flatten() {
            by.version(Object::Lease, &mut write.expected);
            write.members = renamed(std::mem::take(&mut write.members), by);
            by.moment(Moment::Sent, &mut write.sent);
        }
        if let Some((lease, sent)) = &mut self.confirmed {
            lease.visit(by);
            by.moment(Moment::Sent, sent);
        }
        if let Some(question) = &mut self.question {
            question.visit(by);
        }
    }

    /// When a write was sent matters to whoever hears that it arrived; and of two that make the
    /// lease the same, the earlier one is like none.
    fn settle(&mut self, _: &Variant) {
        for write in [&mut self.write, &mut self.before].into_iter().flatten() {
            if !write.heard {
                write.sent = NOW;
            }
        }
        if let (Some(write), Some(before)) = (&self.write, &self.before)
            && (&write.members, write.release) == (&before.members, before.release)
            && write.by == before.by
        {
            self.before = None;
        }
    }
}

impl Shape for Asks {
    fn visit(&mut self, by: &mut impl Visitor) {
        for exchange in self.of.iter_mut().flatten() {
            by.moment(Moment::PeerAsked, &mut exchange.sent);
            if let Some((_, Word::StandsAgainst(version))) = &mut exchange.told {
                by.version(Object::Lease, version);
            }
        }
    }
}

impl Shape for LeaseSample {
    fn visit(&mut self, by: &mut impl Visitor) {
        Self::visit(self, by);
    }
}

impl Shape for Gate {
    fn visit(&mut self, by: &mut impl Visitor) {
        self.holder.visit(by);
        if let Some(answer) = &mut self.answer {
            answer.visit(GATEWAY, by);
        }
    }

    fn settle(&mut self, _: &Variant) {
        self.holder.forget_ended(CLOCKS, self.awaited);
    }
}

impl Shape for Beside {
    fn visit(&mut self, _: &mut impl Visitor) {}
}
