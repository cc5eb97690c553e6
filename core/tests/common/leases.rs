//! Three processes that hold a lease, give grants and ask each other for promises, over clocks that
//! drift and messages that are late, lost and out of order. The lease object is written by
//! compare-and-set.

use ha_core::{
    grant::{Answer, Clocks, GrantHolder, Question},
    ids::{
        BootId, ControllerId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid,
        ResourceVersion, StartId, Term, VolumeId,
    },
    leadership::{LeaderClock, LeaseSample, Millis, Timing, Word},
    observation::{LeaseView, PromotionRight, Route},
};
use std::collections::BTreeSet;

/// Short durations and a coarse drift, so that every margin is met often.
pub(crate) const TIMING: Timing =
    Timing { lease_ms: 40, renew_ms: 10, grant_ms: 30, promise_ms: 40, drift_ppm: 200_000 };

const GATEWAY: GatewayId = GatewayId(0);

const MAIN: InstanceRef = InstanceRef {
    id: InstanceId(0),
    incarnation: Incarnation {
        pod: PodUid(1),
        start: StartId(1),
        boot: BootId(1),
        volume: VolumeId(1),
    },
};

/// What a controller may get wrong, to show that the simulation would see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// A grant is not clipped to what is left of the lease.
    GrantUnclipped,
    /// Clocks are taken for exact.
    DriftIgnored,
    /// Grants are not noted.
    GrantForgotten,
    /// The gateway takes answers to questions before its latest.
    AnyAnswerTaken,
    /// A promise is not noted by whoever gave it.
    PromiseForgotten,
    /// A promise counts from when it was heard.
    PromiseCountedLate,
    /// The lease does not say whom its holder asks, so that everybody may take it over.
    MembersUnwritten,
    /// Whose object is missing is taken to have ended.
    GoneByObject,
    /// A leader that knows nobody takes no answer for every answer.
    NobodyToAsk,
}

/// A monotonic clock that runs at its own rate.
#[derive(Debug, Clone, Copy)]
struct Clock {
    offset: Millis,
    per_million: u64,
}

impl Clock {
    fn read(self, now_us: u64) -> Millis {
        self.offset + now_us * self.per_million / 1_000_000_000
    }

    fn pair(self, now_us: u64) -> Clocks {
        let monotonic = self.read(now_us);
        Clocks { monotonic, wall: i64::try_from(monotonic).unwrap_or(i64::MAX) }
    }
}

#[derive(Debug)]
struct Controller {
    clock: Clock,
    brain: LeaderClock,
    frozen_until: u64,
    /// Until then it neither reads nor writes the lease.
    cut_until: u64,
}

/// Something on its way. A process is meant by its identity: a later one does not take it.
#[derive(Debug, Clone)]
enum Message {
    Write { by: ControllerId, write: Write },
    Confirmed { to: ControllerId, lease: LeaseSample, sent: Millis },
    Read { to: ControllerId, lease: Option<LeaseSample> },
    PeerAsked { to: ControllerId, by: ControllerId, sent: Millis },
    PeerTold { to: ControllerId, from: ControllerId, sent: Millis, word: Word },
    Asked { to: usize, question: Question, process: u64 },
    Answered { answer: Answer, process: u64 },
}

/// A write of the lease.
#[derive(Debug, Clone)]
struct Write {
    expected: Option<ResourceVersion>,
    members: BTreeSet<ControllerId>,
    sent: Millis,
    release: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    mistake: Mistake,
    now_us: u64,
    lease: Option<LeaseSample>,
    controllers: Vec<Controller>,
    started: u128,
    gateway: GrantHolder,
    gateway_clock: Clock,
    gateway_process: u64,
    flying: Vec<Message>,
    /// How often a promotion was possible after another process had granted.
    pub(crate) takeovers: u32,
    /// How often a grant was answered after the lease had run out.
    pub(crate) on_promises: u32,
    last_grant_by: Option<ControllerId>,
}

pub(crate) type Rates = [u64; 4];

impl World {
    pub(crate) fn start(mistake: Mistake, rates: Rates) -> Self {
        let clock =
            |index: usize| Clock { offset: 1_000 * (index as u64 + 1), per_million: rates[index] };
        let controllers = [0, 1, 2]
            .map(|index| Controller {
                clock: clock(index),
                brain: LeaderClock::start(ControllerId(index as u128), clock(index).read(0)),
                frozen_until: 0,
                cut_until: 0,
            })
            .into();
        Self {
            mistake,
            now_us: 0,
            lease: None,
            controllers,
            started: 3,
            gateway: GrantHolder::start(GATEWAY, TIMING.grant_ms),
            gateway_clock: clock(3),
            gateway_process: 0,
            flying: Vec::new(),
            takeovers: 0,
            on_promises: 0,
            last_grant_by: None,
        }
    }

    fn timing(&self) -> Timing {
        let drift_ppm = if self.mistake == Mistake::DriftIgnored { 0 } else { TIMING.drift_ppm };
        Timing { drift_ppm, ..TIMING }
    }

    /// One event of the schedule.
    pub(crate) fn step(&mut self, kind: u8, which: usize, choice: usize) -> Result<(), String> {
        let index = which % 3;
        match kind {
            0..=11 => return self.wait(choice as u64 * 500),
            12 => self.freeze(index, choice as u64 * 4_000),
            13 => self.cut(index, choice as u64 * 16_000),
            14..=22 => self.read_lease(index),
            23..=32 => self.write_lease(index, false),
            33 => self.write_lease(index, choice.is_multiple_of(4)),
            34..=42 => self.ask(index),
            43 => self.lose(choice),
            44 if choice.is_multiple_of(4) => self.restart(index),
            44 => self.restart_gateway(choice),
            45..=55 => self.deliver(choice),
            80..=85 => self.ask_peer(index, choice % 3),
            86 | 87 => self.learn(index, choice % 3),
            88..=129 => self.round(choice)?,
            _ => (0..self.flying.len()).for_each(|_| self.deliver(0)),
        }
        self.check()
    }

    /// What everybody does in one period, most of which arrives.
    fn round(&mut self, choice: usize) -> Result<(), String> {
        for index in 0..3 {
            self.read_lease(index);
            self.ask_peer(index, (index + 1) % 3);
            self.ask_peer(index, (index + 2) % 3);
        }
        (0..self.flying.len()).for_each(|_| self.deliver(0));
        (0..3).for_each(|index| self.write_lease(index, false));
        (0..self.flying.len() + 3).for_each(|_| self.deliver(0));
        self.ask(choice % 3);
        (0..self.flying.len() + 1).for_each(|_| self.deliver(0));
        self.wait(choice as u64 * 300)
    }

    /// A frozen process takes no step; what was sent to it waits.
    fn freeze(&mut self, index: usize, span_us: u64) {
        self.controllers[index].frozen_until = self.now_us + span_us;
    }

    fn is_frozen(&self, index: usize) -> bool {
        self.now_us < self.controllers[index].frozen_until
    }

    /// Time passes, and nothing else happens.
    fn wait(&mut self, span_us: u64) -> Result<(), String> {
        let end = self.now_us + span_us;
        while self.now_us < end {
            self.now_us = end.min(self.now_us + 250);
            self.check()?;
        }
        Ok(())
    }

    /// It does not reach the API server.
    fn cut(&mut self, index: usize, span_us: u64) {
        self.controllers[index].cut_until = self.now_us + span_us;
    }

    fn reaches_api(&self, index: usize) -> bool {
        !self.is_frozen(index) && self.now_us >= self.controllers[index].cut_until
    }

    fn read_lease(&mut self, index: usize) {
        if self.reaches_api(index) {
            let to = self.controllers[index].brain.me();
            self.flying.push(Message::Read { to, lease: self.lease.clone() });
        }
    }

    fn write_lease(&mut self, index: usize, release: bool) {
        if !self.reaches_api(index) {
            return;
        }
        let (timing, now_us) = (self.timing(), self.now_us);
        let controller = &mut self.controllers[index];
        let now = controller.clock.read(now_us);
        if controller.brain.renewal().is_none() {
            // Whoever does not hold it reads it in the same turn, as the real loop does.
            match &self.lease {
                Some(lease) => controller.brain.saw(now, lease.clone(), &timing),
                None => controller.brain.saw_none(now),
            }
        }
        let renewal = controller.brain.renewal().map(Some);
        let campaign = if release { None } else { controller.brain.campaign(now, &timing) };
        let Some(expected) = renewal.or(campaign) else { return };
        let by = controller.brain.me();
        let members = controller.brain.members(now, &timing);
        if release {
            // Whoever gives the lease back gives up its right before it says so.
            controller.brain.released();
        } else {
            controller.brain.writes(expected, members.clone());
        }
        let write = Write { expected, members, sent: now, release };
        self.flying.push(Message::Write { by, write });
    }

    fn ask_peer(&mut self, index: usize, whom: usize) {
        if index != whom && !self.is_frozen(index) {
            let (by, to) = (self.controllers[index].brain.me(), self.controllers[whom].brain.me());
            let sent = self.controllers[index].clock.read(self.now_us);
            self.flying.push(Message::PeerAsked { to, by, sent });
        }
    }

    /// Somebody hears that an earlier process ended.
    fn learn(&mut self, index: usize, which: usize) {
        let runs: BTreeSet<ControllerId> =
            self.controllers.iter().map(|controller| controller.brain.me()).collect();
        let listed = self.lease.iter().flat_map(|lease| lease.members.iter().copied());
        let by_object = self.mistake == Mistake::GoneByObject;
        let ended: Vec<_> = listed.filter(|id| by_object || !runs.contains(id)).collect();
        let Some(id) = ended.get(which.min(ended.len().saturating_sub(1))) else { return };
        let now_us = self.now_us;
        let controller = &mut self.controllers[index];
        let now = controller.clock.read(now_us);
        if *id != controller.brain.me() {
            if by_object {
                controller.brain.unlisted(now, *id);
            } else {
                controller.brain.ended(now, *id);
            }
        }
    }

    /// A question of another controller arrives.
    fn answer_peer(&mut self, to: ControllerId, by: ControllerId, sent: Millis) {
        let (timing, now_us, mistake) = (self.timing(), self.now_us, self.mistake);
        let Some(controller) = self.process(to) else { return };
        let now = controller.clock.read(now_us);
        let before = controller.brain.clone();
        let word = controller.brain.asked(now, by, &timing);
        if word == Word::Promises && mistake == Mistake::PromiseForgotten {
            controller.brain = before;
        }
        self.flying.push(Message::PeerTold { to: by, from: to, sent, word });
    }

    fn ask(&mut self, to: usize) {
        let question = self.gateway.ask(self.gateway_clock.pair(self.now_us), false, None);
        self.flying.push(Message::Asked { to, question, process: self.gateway_process });
    }

    fn lose(&mut self, choice: usize) {
        if !self.flying.is_empty() {
            self.flying.remove(choice % self.flying.len());
        }
    }

    fn restart(&mut self, index: usize) {
        let now_us = self.now_us;
        let controller = &mut self.controllers[index];
        let me = ControllerId(self.started);
        self.started += 1;
        controller.brain = LeaderClock::start(me, controller.clock.read(now_us));
    }

    /// A gateway process that ended holds no grant; sometimes it is the old one that goes on.
    fn restart_gateway(&mut self, choice: usize) {
        if choice.is_multiple_of(2) {
            self.gateway = GrantHolder::start(GATEWAY, TIMING.grant_ms);
            self.gateway_process += 1;
        } else {
            self.gateway.void(self.gateway_clock.pair(self.now_us));
        }
    }

    fn deliver(&mut self, choice: usize) {
        if self.flying.is_empty() {
            return;
        }
        // Mostly in order: the oldest half of what is on its way.
        let among = self.flying.len().div_ceil(2);
        let message = self.flying.remove(choice % among);
        let now_us = self.now_us;
        match message {
            Message::Write { by, write } => self.land(by, write),
            Message::Confirmed { to, .. }
            | Message::Read { to, .. }
            | Message::PeerAsked { to, .. }
            | Message::PeerTold { to, .. }
                if self.is_away(to) =>
            {
                self.flying.push(message);
            }
            Message::PeerAsked { to, by, sent } => self.answer_peer(to, by, sent),
            Message::PeerTold { to, from, sent, word } => {
                let late = self.mistake == Mistake::PromiseCountedLate;
                let timing = self.timing();
                if let Some(controller) = self.process(to) {
                    let now = controller.clock.read(now_us);
                    controller.brain.told(if late { now } else { sent }, from, word, &timing);
                }
            }
            Message::Asked { to, .. } if self.is_frozen(to) => self.flying.push(message),
            Message::Confirmed { to, lease, sent } => {
                if let Some(controller) = self.process(to) {
                    controller.brain.renewed(controller.clock.read(now_us), sent, lease);
                }
            }
            Message::Read { to, lease } => {
                let timing = self.timing();
                if let Some(controller) = self.process(to) {
                    let now = controller.clock.read(now_us);
                    match lease {
                        Some(lease) => controller.brain.saw(now, lease, &timing),
                        None => controller.brain.saw_none(now),
                    }
                }
            }
            Message::Asked { to, question, process } => self.answer(to, &question, process),
            Message::Answered { answer, process } => self.take(answer, process),
        }
    }

    /// Whether the process of that identity runs and is frozen.
    fn is_away(&self, id: ControllerId) -> bool {
        let index = self.controllers.iter().position(|controller| controller.brain.me() == id);
        index.is_some_and(|index| self.is_frozen(index))
    }

    fn process(&mut self, id: ControllerId) -> Option<&mut Controller> {
        self.controllers.iter_mut().find(|controller| controller.brain.me() == id)
    }

    /// A write reaches the lease object: compare-and-set.
    fn land(&mut self, by: ControllerId, write: Write) {
        let Write { expected, members, sent, release } = write;
        if self.lease.as_ref().map(|lease| lease.version) != expected {
            return;
        }
        let version = ResourceVersion(expected.map_or(1, |version| version.0 + 1));
        let holder = (!release).then_some(by);
        let lease = LeaseSample { version, holder, members };
        let alone = self.mistake == Mistake::MembersUnwritten;
        let members = if alone { BTreeSet::from([by]) } else { lease.members.clone() };
        self.lease = Some(LeaseSample { members, ..lease.clone() });
        if !release {
            self.flying.push(Message::Confirmed { to: by, lease, sent });
        }
    }

    fn answer(&mut self, to: usize, question: &Question, process: u64) {
        let (timing, now_us, mistake) = (self.timing(), self.now_us, self.mistake);
        let controller = &mut self.controllers[to];
        let now = controller.clock.read(now_us);
        if question.holds.is_none() {
            controller.brain.holds_nothing(question.gateway, question.number);
        }
        let held = controller.brain.view(now, &timing).lease == LeaseView::Held;
        let lasts = match mistake {
            Mistake::GrantUnclipped => held.then_some(timing.grant_ms),
            Mistake::NobodyToAsk
                if controller.brain.acquired().is_some()
                    && controller.brain.members(now, &timing).len() == 1 =>
            {
                Some(timing.grant_ms)
            }
            Mistake::None
            | Mistake::DriftIgnored
            | Mistake::GrantForgotten
            | Mistake::AnyAnswerTaken
            | Mistake::PromiseForgotten
            | Mistake::PromiseCountedLate
            | Mistake::MembersUnwritten
            | Mistake::GoneByObject
            | Mistake::NobodyToAsk => controller.brain.grant(now, &timing),
        };
        let Some(lasts_ms) = lasts else { return };
        if mistake != Mistake::GrantForgotten {
            controller.brain.granted(question.gateway, question.number, now, &timing);
        }
        self.last_grant_by = Some(controller.brain.me());
        self.on_promises += u32::from(controller.brain.right(now, &timing) == 0);
        let route = Route::Open { term: Term(1), main: MAIN };
        let answer = Answer { number: question.number, term: Term(1), route, lasts_ms };
        self.flying.push(Message::Answered { answer, process });
    }

    fn take(&mut self, answer: Answer, process: u64) {
        if process != self.gateway_process {
            return;
        }
        let mut answer = answer;
        if self.mistake == Mistake::AnyAnswerTaken {
            answer.number =
                self.gateway.ask(self.gateway_clock.pair(self.now_us), false, None).number;
        }
        // A refused answer changes nothing, which is what is relied on here.
        let _ = self.gateway.answered(&answer);
    }

    fn check(&mut self) -> Result<(), String> {
        let timing = self.timing();
        let live = self.gateway.live(self.gateway_clock.pair(self.now_us));
        for controller in &self.controllers {
            let now = controller.clock.read(self.now_us);
            let granted = controller.brain.view(now, &timing).promotion == PromotionRight::Granted;
            if !granted || !controller.brain.outstanding(now).is_empty() {
                continue;
            }
            if live.is_some() {
                return Err(format!("a grant is alive while promotion is open: {self:?}"));
            }
            if self.last_grant_by.is_some_and(|by| by != controller.brain.me()) {
                self.takeovers += 1;
                self.last_grant_by = None;
            }
        }
        Ok(())
    }
}
