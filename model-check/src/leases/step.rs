//! What each step does.

use super::{
    act::{Act, Outside},
    canonical::Older,
    mistake::Mistake,
    part::Shape,
    property::Moments,
    said::Said,
    variant::Variant,
    world::{
        Exchange, LeaseWrite, Mail, NOW, PLACES, Process, RecordWrite, Reign, World, identity,
        place_of,
    },
};
use ha_core::{
    ids::{ControllerId, ResourceVersion},
    leadership::{LeaderClock, LeaseSample, Millis},
    observation::{PromotionRight, PromotionWait},
};

/// A step in work.
pub(super) struct Turn<'a> {
    pub(super) variant: &'a Variant,
    pub(super) world: World<'a>,
    pub(super) seen: Moments,
    pub(super) said: Option<Said>,
}

impl<'a> Turn<'a> {
    pub(super) fn act(&mut self, act: Act) {
        let at = |no: u8| usize::from(no);
        if let Some(kind) = act.outside() {
            self.world.beside.change().spent[kind.index()] += 1;
        }
        match act {
            Act::ReadLease(no) => self.read_lease(at(no)),
            Act::ReadRecord(no) => self.read_record(at(no)),
            Act::Write(no) => self.write(at(no), false),
            Act::Release(no) => self.write(at(no), true),
            Act::Land(no) => {
                let write = self.world.mails[at(no)].change().write.take();
                self.land(at(no), write);
                if !self.variant.late.confirmations {
                    self.confirm(at(no));
                }
            }
            Act::LandUnheard(no) => {
                let write = self.world.mails[at(no)].change().write.take();
                self.land(at(no), write);
                self.world.mails[at(no)].change().confirmed = None;
            }
            Act::LandBefore(no) => {
                let write = self.world.mails[at(no)].change().before.take();
                self.land(at(no), write);
                self.world.mails[at(no)].change().confirmed = None;
            }
            Act::Confirm(no) => self.confirm(at(no)),
            Act::Intend(no) => self.write_record(at(no), false),
            Act::Steady(no) => self.write_record(at(no), true),
            Act::Record(no) => self.record(at(no)),
            Act::Recorded(no) => self.recorded(at(no)),
            Act::Promote(no) => self.promote(at(no)),
            Act::Promoted(term) => self.promoted(term),
            Act::Ask(no, of) => {
                let asked = Exchange { sent: NOW, told: None };
                self.world.asks[at(no)].change().of[at(of)] = Some(asked);
                if !self.variant.late.questions {
                    self.asked(at(no), at(of));
                    self.told(at(no), at(of));
                }
            }
            Act::Asked(no, of) => self.asked(at(no), at(of)),
            Act::Told(no, of) => self.told(at(no), at(of)),
            Act::Learn(no, of, nth) => {
                let id = identity(at(of), nth);
                if let Some(process) = self.world.process_mut(at(no)) {
                    if self.variant.makes(Mistake::HolderGoneByObject) {
                        process.brain.ended(NOW, id);
                    } else {
                        process.brain.unlisted(NOW, id);
                    }
                }
            }
            Act::GatewayAsks(no) => self.gateway_asks_through(at(no)),
            Act::GatewayAsksUnheard(no) => self.gateway_asks_unheard(at(no)),
            Act::GatewayAsked(no) => self.gateway_asked(at(no)),
            Act::GatewayTold => self.gateway_told(),
            Act::Crash(no) => self.crash(at(no)),
            Act::Start(no) => self.start(at(no)),
            Act::Cut(no) => self.world.beside.change().cut |= 1 << no,
            Act::Outage => self.world.beside.change().cut = (1 << PLACES) - 1,
            Act::Tick => self.tick(None),
            Act::SlowTick(no) => self.tick(Some(at(no))),
        }
    }

    fn tick(&mut self, slow: Option<usize>) {
        let world = &mut self.world;
        for place in (0..PLACES).filter(|place| Some(*place) != slow) {
            world.places[place].change().visit(&mut Older);
            world.mails[place].change().visit(&mut Older);
            world.asks[place].change().visit(&mut Older);
        }
        if slow != Some(PLACES) {
            world.gate.change().visit(&mut Older);
        }
    }

    /// What follows for a process if the lease became its own, or is its own no more.
    fn lease_changed(process: &mut Process, before: Option<Millis>) -> bool {
        let after = process.brain.acquired();
        if before.is_some() != after.is_some() {
            process.fresh = false;
            process.open = false;
        }
        before.is_none() && after.is_some()
    }

    fn read_lease(&mut self, no: usize) {
        let timing = self.variant.counted();
        let lease = self.world.lease.get().clone();
        let Some(process) = self.world.process_mut(no) else { return };
        let before = process.brain.acquired();
        let me = process.brain.me();
        let earlier: Vec<_> =
            lease.members.iter().copied().filter(|id| place_of(*id) == no && *id != me).collect();
        process.brain.saw(NOW, lease, &timing);
        // A pod runs one process at a time, and here it is this one.
        earlier.into_iter().for_each(|id| process.brain.ended(NOW, id));
        Self::lease_changed(process, before);
    }

    fn read_record(&mut self, no: usize) {
        let record = self.world.beside.get().record;
        let variant = self.variant;
        let Some(process) = self.world.process_mut(no) else { return };
        process.record = Some(record);
        process.fresh = process.brain.acquired().is_some();
        self.route(no, variant.makes(Mistake::RecordBeforeLease));
    }

    /// The route follows the record: it opens where a leader acts, and closes with the reign.
    fn route(&mut self, no: usize, unread: bool) {
        let variant = self.variant;
        let Some(process) = self.world.process_mut(no) else { return };
        let steady = process.record.is_some_and(|record| record.steady);
        let known = process.fresh || (unread && process.record.is_some());
        process.open = known && steady && (process.open || variant.acts(process));
    }

    fn write(&mut self, no: usize, release: bool) {
        let variant = self.variant;
        let lease = self.world.lease.get().clone();
        let Some(process) = self.world.process_mut(no) else { return };
        let (by, members) = (process.brain.me(), variant.members(process));
        let expected =
            if release { process.brain.renewal() } else { variant.expects(process, &lease) };
        let Some(expected) = expected else { return };
        if release {
            // Whoever gives the lease up has no right from the moment before it says so.
            let before = process.brain.acquired();
            if !variant.makes(Mistake::ReleaseUnheard) {
                process.brain.released();
            }
            Self::lease_changed(process, before);
        } else {
            variant.writes(process, expected, &members);
        }
        let write = LeaseWrite { by, expected, members, sent: NOW, release, heard: !release };
        let mail = self.world.mails[no].change();
        let before = mail.write.replace(write);
        if self.variant.late.writes {
            let before = before.map(|write| LeaseWrite { heard: false, ..write });
            mail.before = before.or(mail.before.take());
        }
    }

    fn land(&mut self, no: usize, write: Option<LeaseWrite>) {
        let Some(write) = write else { return };
        let LeaseWrite { by, expected, members, sent, release, heard } = write;
        let lease = self.world.lease.get();
        if lease.version != expected {
            self.said = Some(Said::Conflict);
            return;
        }
        if !release && lease.holder != Some(by) && !lease.members.contains(&by) {
            self.seen |= Moments::NEWCOMER;
        }
        if !heard && !release {
            self.seen |= Moments::LATE_LEASE;
        }
        let version = ResourceVersion(expected.0 + 1);
        let lease = LeaseSample { version, holder: (!release).then_some(by), members };
        let stored = LeaseSample {
            members: self.variant.stored(by, lease.members.clone()),
            ..lease.clone()
        };
        *self.world.lease.change() = stored;
        self.drop_outdated(version);
        if heard {
            self.world.mails[no].change().confirmed = Some((lease, sent));
        }
    }

    /// Writes that expect an earlier version of the lease will do nothing.
    fn drop_outdated(&mut self, version: ResourceVersion) {
        for place in 0..PLACES {
            let Mail { write, before, .. } = self.world.mails[place].get();
            let outdated = |write: &LeaseWrite| write.expected < version;
            if write.as_ref().is_some_and(outdated) || before.as_ref().is_some_and(outdated) {
                let mail = self.world.mails[place].change();
                mail.write = mail.write.take().filter(|write| write.expected >= version);
                mail.before = mail.before.take().filter(|write| write.expected >= version);
            }
        }
    }

    fn confirm(&mut self, no: usize) {
        let variant = self.variant;
        let Some((lease, sent)) = self.world.mails[no].change().confirmed.take() else { return };
        let Some(process) = self.world.process_mut(no) else { return };
        let before = process.brain.acquired();
        process.brain.renewed(NOW, sent, lease);
        let leads = Self::lease_changed(process, before);
        let waits = process.brain.view(NOW, &variant.counted()).promotion;
        if leads {
            self.said = Some(Said::Leads);
            if waits == PromotionRight::Waits(PromotionWait::OwnPromise) {
                self.seen |= Moments::PROMISED_TAKES_OVER;
            }
        }
        self.route(no, variant.makes(Mistake::RecordBeforeLease));
    }

    fn write_record(&mut self, no: usize, steady: bool) {
        let Some(process) = self.world.process_mut(no) else { return };
        let Some(expected) = process.record else { return };
        let by = process.brain.me();
        // Granting stops before the intent is sent: a write whose reply is lost may have landed.
        process.open = false;
        let term = if steady { expected.term } else { expected.term + 1 };
        if !steady && !expected.steady {
            self.seen |= Moments::INTENT_OVER_INTENT;
        }
        let write = RecordWrite { by, expected, new: Reign { term, steady } };
        self.world.mails[no].change().record = Some(write);
    }

    fn record(&mut self, no: usize) {
        let Some(write) = self.world.mails[no].change().record.take() else { return };
        if self.world.beside.get().record != write.expected {
            self.said = Some(Said::Conflict);
            return;
        }
        self.said = Some(Said::Wrote(write.new));
        self.world.beside.change().record = write.new;
        for place in 0..PLACES {
            if self.world.mails[place].get().record.is_some() {
                self.world.mails[place].change().record = None;
            }
        }
        if self.world.runs(write.by) {
            self.world.mails[no].change().recorded = Some(write.new);
        }
    }

    fn recorded(&mut self, no: usize) {
        let Some(reign) = self.world.mails[no].change().recorded.take() else { return };
        let Some(process) = self.world.process_mut(no) else { return };
        if process.fresh {
            process.record = process.record.max(Some(reign));
            self.route(no, false);
        }
    }

    fn promote(&mut self, no: usize) {
        let Some(process) = self.world.process(no) else { return };
        let Some(record) = process.record else { return };
        if process.brain.me() != identity(0, 1) {
            self.seen |= Moments::PROMOTED_AFTER_TAKEOVER;
        }
        self.world.beside.change().promotions |= 1 << record.term;
    }

    fn promoted(&mut self, term: u8) {
        let beside = self.world.beside.change();
        beside.promotions &= !(1 << term);
        if beside.record > (Reign { term, steady: false }) {
            self.seen |= Moments::LATE_PROMOTION;
        }
        beside.promoted = beside.promoted.max(term);
    }

    fn asked(&mut self, no: usize, of: usize) {
        let variant = self.variant;
        let Some(by) = self.world.process(no).map(|process| process.brain.me()) else { return };
        let Some(process) = self.world.process_mut(of) else { return };
        let from = process.brain.me();
        let word = variant.word(process, by);
        self.said = Some(Said::Word(word));
        if let Some(exchange) = &mut self.world.asks[no].change().of[of] {
            exchange.told = Some((from, word));
        }
    }

    fn told(&mut self, no: usize, of: usize) {
        let variant = self.variant;
        let exchange = self.world.asks[no].change().of[of].take();
        let Some(Exchange { sent, told: Some((from, word)) }) = exchange else { return };
        let Some(process) = self.world.process_mut(no) else { return };
        process.brain.told(sent, from, word, &variant.counted());
        variant.heard(process, from, word);
        let there = |id: &ControllerId| place_of(*id) == of && *id != from;
        let replaced: Vec<_> = process.brain.listed().filter(there).collect();
        replaced.into_iter().for_each(|id| process.brain.replaced(NOW, sent, id));
    }

    fn crash(&mut self, no: usize) {
        self.world.places[no].change().process = None;
        *self.world.asks[no].change() = super::world::Asks::default();
        let mail = self.world.mails[no].change();
        mail.confirmed = None;
        mail.recorded = None;
        mail.question = None;
        if let Some(write) = &mut mail.write {
            write.heard = false;
        }
    }

    fn start(&mut self, no: usize) {
        let (again, started) = self.variant.begins();
        let place = self.world.places[no].change();
        place.starts += u8::from(!again || place.starts == 0);
        let me = identity(no, place.starts);
        place.process = Some(Process::new(LeaderClock::start(me, started)));
    }
}

impl Process {
    pub(super) const fn new(brain: LeaderClock) -> Self {
        Self { brain, record: None, fresh: false, open: false, barred: None, refused: None }
    }
}

impl World<'_> {
    /// How often something came from outside.
    pub(super) fn spent(&self, kind: Outside) -> u8 {
        self.beside.get().spent[kind.index()]
    }
}
