//! One transition, made of the world's own events. Messages that nobody need wait for travel at
//! once; what breaks and what comes about on the way is noted.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what keeps a message back may be anything else"
)]

use super::{
    act::Act,
    configuration::Configuration,
    facts::{failures, is_at_once, is_awake, is_frozen, is_idle, looks, reaches},
    moment::Moments,
    property::Properties,
};
use crate::canonical::Grain;
use ha_core::{
    ids::{GatewayId, InstanceId},
    observation::ClusterObservation,
    plan::Plan,
};
use shell_sim::{
    driver::is_a_look,
    memgraph::ReplicaName,
    oracle,
    topology::Judge,
    world::{ControllerNo, Cut, Decide, Event, Happening, Kind, MessageId, Obstacle, Place, World},
};
use std::collections::BTreeSet;

/// How many messages may travel at once after one event.
const AT_ONCE: usize = 500;

/// A transition under way.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) world: World,
    decide: Decide,
    pub(super) grain: Grain,
    judge: Judge,
    out: Vec<Happening>,
    /// The events so far, in order.
    pub(super) events: Vec<Event>,
    /// What broke.
    pub(super) broken: Properties,
    /// What came about.
    pub(super) seen: Moments,
    /// The plan that was made, if one was.
    pub(super) plan: Option<Plan>,
    /// An event that the world refused: a mistake of the model.
    pub(super) refused: Option<String>,
}

impl Turn {
    pub(super) fn new(
        world: World,
        strays: BTreeSet<InstanceId>,
        configuration: &Configuration,
    ) -> Self {
        let Configuration { decide, grain, .. } = *configuration;
        let judge = Judge::at(&world, strays);
        Self {
            world,
            decide,
            grain,
            judge,
            out: Vec::new(),
            events: Vec::new(),
            broken: Properties::default(),
            seen: Moments::default(),
            plan: None,
            refused: None,
        }
    }

    /// Replicas whose obedience is an exception.
    pub(super) const fn strays(&self) -> &BTreeSet<InstanceId> {
        self.judge.strays()
    }

    /// Whether it is a look that asks for no step. It might as well not have been made: what it
    /// began to count is counted from the look before time passes.
    pub(super) fn leads_to_nothing(&self) -> bool {
        self.grain.looks_are_whole && self.plan.as_ref().is_some_and(|plan| plan.steps.is_empty())
    }

    fn step(&mut self, event: Event) {
        if matches!(event, Event::Effect(_)) {
            self.judge.before(&self.world);
        }
        self.events.push(event);
        let mut out = std::mem::take(&mut self.out);
        if let Err(why) = self.world.step_into(&event, self.decide, &mut out) {
            self.refused.get_or_insert_with(|| format!("{event}: {why}"));
        }
        if !is_a_look(&event) {
            for broken in self.judge.after(&self.world, &out) {
                self.broken.rule(&broken);
            }
            for broken in oracle::violations(&self.world) {
                self.note(&broken);
            }
        }
        for happening in out.drain(..) {
            self.seen.notice(&self.world, &happening);
            if let Happening::Planned { plan, .. } = happening {
                self.broken.vetoed(&plan);
                self.plan = Some(*plan);
            } else if let Happening::Rejected(..) = happening {
                self.broken.world_rejected();
            }
        }
        self.out = out;
    }

    /// Notes a broken promise, or a loss that the promise excepts.
    pub(super) fn note(&mut self, broken: &oracle::Violation) {
        if broken.is_known() {
            self.seen.known_loss(&self.world, broken);
        } else {
            self.broken.note(broken);
        }
    }

    /// Lets travel what travels at once, and fail what can only fail.
    fn settle(&mut self) {
        for _ in 0..AT_ONCE {
            let next = self.world.network.messages.iter().find_map(|(id, body)| {
                match self.world.obstacle(id, body) {
                    None if is_at_once(&self.world, &self.grain, id) => Some(Event::Deliver(*id)),
                    Some(Obstacle::Gone | Obstacle::Cut(Cut::Refuse)) => Some(Event::Fail(*id)),
                    _ => None,
                }
            });
            match next {
                Some(event) => self.step(event),
                None => return,
            }
        }
        self.refused.get_or_insert_with(|| "messages without end".into());
    }

    /// Makes these events, and lets travel what they send.
    pub(super) fn all(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.step(event);
        }
        self.settle();
    }

    /// Does what the name says.
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Tick => self.tick(),
            Act::Look(no) => self.look(no, None),
            Act::Glance(no, id) => self.look(no, Some(id)),
            Act::LoseTick(place) => self.lose_tick(place),
            Act::Effect(no) => self.all([Event::Effect(no)]),
            Act::Campaign(no) => self.all([Event::Advance(1), Event::Renew(no)]),
            Act::StartController(no) => self.all([Event::StartController(no)]),
            Act::Thaw(place) => self.all([Event::Thaw(place)]),
            Act::Poll(id) => self.poll(id),
            Act::Deliver(id) => self.all([Event::Deliver(id)]),
            Act::Expire(id) => self.expire(id),
            Act::Start(id) => self.all([Event::Start(id)]),
            Act::PowerOn(id) => self.all([Event::PowerOn(id)]),
            Act::CreatePod(id) => self.all([Event::CreatePod(id, true)]),
            Act::Beat(id, name) => self.beat(id, name),
            Act::Heal(one, other) => self.all([Event::Heal(one, other), Event::Heal(other, one)]),
            Act::ApiUp => self.all([Event::ApiUp]),
            Act::Retry(client, write) => {
                self.all([Event::Write(client, GatewayId(0), Some(write))]);
            }
            Act::Write(client) => self.all([Event::Write(client, GatewayId(0), None)]),
            Act::Crash(id) => self.all([Event::Crash(id)]),
            Act::Power(id, keep) => self.all([Event::PowerLoss(id, keep)]),
            Act::Both((one, kept), (other, left)) => {
                self.all([Event::PowerLoss(one, kept), Event::PowerLoss(other, left)]);
            }
            Act::RemovePod(id) => self.all([Event::RemovePod(id)]),
            Act::Mark(id) => self.all([Event::MarkDeleted(id)]),
            Act::LoseVolume(id) => self.lose_volume(id),
            Act::LoseNode(id) => self.lose_node(id),
            Act::CrashController(no) => {
                self.leader_lost(no);
                self.all([Event::CrashController(no)]);
            }
            Act::Freeze(place) => {
                if let Place::Controller(no) = place {
                    self.last_look(no);
                }
                self.all([Event::Freeze(place)]);
            }
            Act::FreezeTogether(no, id) => {
                self.last_look(no);
                let places = [Place::Controller(no), Place::Instance(id)];
                self.all(places.map(Event::Freeze));
            }
            Act::GiveUp(no) => self.all([Event::GiveUp(no)]),
            Act::Cut(one, other) => {
                let cut = Cut::Silent;
                self.all([Event::Cut(one, other, cut), Event::Cut(other, one, cut)]);
            }
            Act::ApiDown => self.all([Event::ApiDown]),
            Act::Lose(id) => self.all([Event::Fail(id)]),
            Act::DeliverUnanswered(id) => self.deliver_unanswered(id),
            Act::Switchover => self.all([Event::Switchover(None)]),
            Act::Order(to) => self.all([Event::Switchover(Some(to))]),
            Act::Accept(id) => self.all([Event::AcceptLoss(id)]),
            Act::Promise(durability) => {
                self.all([Event::Act(shell_sim::world::Act::Durability(durability))]);
            }
            Act::Release(no) => self.all([Event::Release(no)]),
            Act::ReleaseUnheard(no) => self.release_unheard(no),
        }
        self.seen.after(&self.world);
    }

    /// A whole tick. Where it is the end of everything, it comes in two halves, so that a grant that
    /// is asked for in time never ends meanwhile; where grants are told apart, nobody has to ask.
    fn tick(&mut self) {
        for no in self.world.controller_numbers() {
            if looks(&self.world, no) && is_awake(&self.world, no) {
                self.sample(no, None);
            }
        }
        self.beat_all();
        if self.grain.instances_at_once {
            self.step(Event::Advance(self.grain.tick));
            self.renew();
            return;
        }
        for _ in 0..2 {
            self.step(Event::Advance(self.grain.tick / 2));
            self.renew();
            self.ask();
        }
    }

    fn lose_tick(&mut self, place: Place) {
        const STILL: i32 = -1_000_000;
        self.step(Event::Drift(place, STILL));
        self.tick();
        self.step(Event::Drift(place, 0));
    }

    /// Leases are renewed and watched by whoever can, and promises are asked for.
    fn renew(&mut self) {
        if self.world.settings.promises {
            for no in self.world.controller_numbers() {
                if is_awake(&self.world, no) {
                    self.all([Event::AskPeers(no)]);
                    self.lose_all(Kind::Peer, Place::Controller(no));
                }
            }
        }
        for no in self.world.controller_numbers() {
            if !is_awake(&self.world, no) {
                continue;
            }
            if self.world.api_reads(no) {
                self.step(Event::ReadLease(no, 0));
            }
            let renews =
                self.world.controller(no).is_ok_and(|process| process.leader.renewal().is_some());
            if renews {
                self.all([Event::Renew(no)]);
                self.lose_all(Kind::Lease, Place::Controller(no));
            }
        }
    }

    /// Grants are asked for by whoever can.
    fn ask(&mut self) {
        for index in 0..self.world.settings.gateways {
            if self.world.gateway(index.into()).is_ok_and(|gateway| !gateway.frozen) {
                self.poll(index.into());
            }
        }
    }

    /// What is still under way of this kind from here is given up.
    fn lose_all(&mut self, kind: Kind, from: Place) {
        let left = |id: &&MessageId| id.kind == kind && !id.answer && id.from == from;
        let lost: Vec<MessageId> =
            self.world.network.messages.keys().filter(left).copied().collect();
        self.all(lost.into_iter().map(Event::Fail));
    }

    /// One look, and the decision on it.
    fn look(&mut self, no: ControllerNo, but: Option<InstanceId>) {
        self.sample(no, but);
        self.all([Event::Decide(no)]);
        let Some(plan) = self.plan.as_ref().filter(|_| but.is_none()) else { return };
        let broken = if plan.settled {
            oracle::final_violations(&self.world, true)
        } else if plan.recipes().next().is_some() {
            oracle::gone(&self.world)
        } else {
            Vec::new()
        };
        for broken in broken {
            self.note(&broken);
        }
    }

    /// What a controller knows after a look.
    pub(super) fn knows(&mut self, no: ControllerNo) -> Option<ClusterObservation> {
        self.sample(no, None);
        self.world.observation(no).ok()
    }

    /// One look, whole or but for one instance.
    fn sample(&mut self, no: ControllerNo, but: Option<InstanceId>) {
        if self.world.api_reads(no) {
            self.step(Event::ReadPods(no));
            self.step(Event::ReadRecord(no, 0));
            self.step(Event::ReadLease(no, 0));
        }
        for id in self.world.instances().filter(|id| Some(*id) != but) {
            self.step(Event::Probe(no, id));
        }
    }

    fn poll(&mut self, id: GatewayId) {
        self.all([Event::Advance(1), Event::Ask(id)]);
        self.lose_all(Kind::Question, Place::Gateway(id));
    }

    /// A sender gives up what cannot arrive; what lies in the sockets of a process that stands
    /// still stays there.
    fn expire(&mut self, id: MessageId) {
        let frozen = self
            .world
            .network
            .messages
            .get(&id)
            .is_some_and(|body| self.world.obstacle(&id, body) == Some(Obstacle::Frozen));
        self.all([if frozen { Event::Overdue(id) } else { Event::Fail(id) }]);
    }

    /// A controller is about to stand still, with what it knows now.
    fn last_look(&mut self, no: ControllerNo) {
        self.leader_lost(no);
        self.sample(no, None);
    }

    /// Heartbeats until one arrives, or until they are given up: the third failure counts.
    fn beat(&mut self, id: InstanceId, name: ReplicaName) {
        let beat = Place::Instance(id);
        for _ in 0..3 {
            let due = self.world.body(id).is_ok_and(|body| body.beats().any(|due| due == name));
            if !due {
                return;
            }
            self.all([Event::Beat(id, name)]);
            self.lose_all(Kind::Beat, beat);
            if failures(&self.world, id, name).is_none_or(|failures| failures == 0) {
                return;
            }
        }
    }

    /// A controller is lost; worth a word if it was in the middle of something.
    fn leader_lost(&mut self, no: ControllerNo) {
        if self.world.controller(no).is_ok() && !is_idle(&self.world, no) {
            self.seen.leader_lost(&self.world);
        }
    }

    /// Every heartbeat that arrives does so before time passes, and what it leads to.
    fn beat_all(&mut self) {
        for id in self.world.instances() {
            let due: Vec<ReplicaName> =
                self.world.body(id).map(|body| body.beats().collect()).unwrap_or_default();
            for name in due {
                if is_frozen(&self.world, id) || !reaches(&self.world, id, name) {
                    continue;
                }
                self.all([Event::Beat(id, name)]);
                let recovery = |message: &&MessageId| {
                    message.kind == Kind::Recover && message.from == Place::Instance(id)
                };
                let sent: Vec<MessageId> =
                    self.world.network.messages.keys().filter(recovery).copied().collect();
                for message in sent {
                    let body = self.world.network.messages.get(&message);
                    if body.is_some_and(|body| self.world.obstacle(&message, body).is_none()) {
                        self.all([Event::Deliver(message)]);
                    }
                }
            }
        }
    }

    fn lose_volume(&mut self, id: InstanceId) {
        if self.world.body(id).is_ok_and(shell_sim::world::Body::runs) {
            self.all([Event::Crash(id)]);
        }
        self.all([Event::Wipe(id)]);
    }

    fn release_unheard(&mut self, no: ControllerNo) {
        self.step(Event::Release(no));
        let from = Place::Controller(no);
        let mut sent = self.world.network.messages.keys();
        let write = sent.rfind(|id| id.kind == Kind::Lease && !id.answer && id.from == from);
        if let Some(write) = write.copied() {
            self.deliver_unanswered(write);
        }
    }

    /// What has neither pod nor power is gone for good; nobody reads its log again.
    fn lose_node(&mut self, id: InstanceId) {
        let kept = self.world.body(id).map_or(0, |body| body.instance.volume.log.len());
        self.all([Event::PowerLoss(id, kept), Event::RemovePod(id)]);
    }

    fn deliver_unanswered(&mut self, id: MessageId) {
        self.step(Event::Deliver(id));
        let answers = |other: &&MessageId| {
            other.kind == id.kind && other.answer && other.to == id.from && other.from == id.to
        };
        let answer = self.world.network.messages.keys().rfind(answers).copied();
        if let Some(answer) = answer {
            self.step(Event::Fail(answer));
        }
        self.settle();
    }
}
