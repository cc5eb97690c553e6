//! Which transitions a world has, in a fixed order, and who makes each of them.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a message of another kind is not lost on purpose"
)]

mod people;

use super::{
    act::Act,
    configuration::{Configuration, Outside, Spent},
    facts::{failures, is_at_once, is_awake, is_frozen, reaches, routes},
};
use ha_core::ids::{GatewayId, InstanceId};
use shell_sim::{
    memgraph::{ReplicaName, ReplicaState, SystemState},
    world::{
        Awaited, Body, ClientId, ControllerNo, Cut, Fate, Kind, MessageBody, MessageId, Obstacle,
        Place, Process, World, WriteId,
    },
};
use std::ops::RangeInclusive;

/// A transition, and what of the budget it takes.
pub(super) type Enabled = (Act, Option<Outside>);

/// Every transition.
pub(super) fn enabled(world: &World, spent: Spent, configuration: &Configuration) -> Vec<Enabled> {
    let mut acts = Vec::with_capacity(24);
    let mut list = List { world, spent, configuration, acts: &mut acts };
    list.controllers();
    list.messages();
    list.instances();
    list.gateways_and_clients();
    list.remedies();
    list.time();
    list.leaving();
    list.faults();
    acts
}

struct List<'a> {
    world: &'a World,
    spent: Spent,
    configuration: &'a Configuration,
    acts: &'a mut Vec<Enabled>,
}

impl List<'_> {
    fn go(&mut self, act: Act) {
        self.acts.push((act, None));
    }

    fn may(&self, kind: Outside) -> bool {
        self.spent.allows(&self.configuration.budget, kind)
    }

    fn outside(&mut self, kind: Outside, act: Act) {
        if self.may(kind) {
            self.acts.push((act, Some(kind)));
        }
    }

    /// Time passes at any moment; as long as something is under way that somebody waits for, that
    /// makes it slow, which is not for free.
    fn time(&mut self) {
        let world = self.world;
        let prompt = |(id, body): (&MessageId, &MessageBody)| {
            world.obstacle(id, body).is_none() && is_awaited(world, id, body)
        };
        if world.network.messages.iter().any(prompt) {
            self.outside(Outside::Slow, Act::Tick);
        } else {
            self.go(Act::Tick);
        }
        let controllers = world.controller_numbers().map(Place::Controller);
        let gateways = (0..world.settings.gateways).map(|no| Place::Gateway(no.into()));
        for place in controllers.chain(gateways) {
            self.outside(Outside::Clock, Act::LoseTick(place));
        }
    }

    fn controllers(&mut self) {
        let world = self.world;
        for no in world.controller_numbers() {
            let Ok(process) = world.controller(no) else {
                self.go(Act::StartController(no));
                continue;
            };
            if !is_awake(world, no) {
                continue;
            }
            let leads = process.leader.renewal().is_some();
            if hopeless(world, process) {
                self.go(Act::GiveUp(no));
            } else if process.waiting.is_none() {
                if !process.queue.is_empty() {
                    self.go(Act::Effect(no));
                } else if leads || routes(world, no) {
                    self.go(Act::Look(no));
                    for id in world.instances() {
                        self.outside(Outside::Glance, Act::Glance(no, id));
                    }
                }
            }
            let now = world.controller_time(no);
            let ripe = process.leader.campaign(now, &world.settings.timing).is_some();
            if !leads && ripe && world.api_reads(no) {
                self.go(Act::Campaign(no));
            }
        }
    }

    fn messages(&mut self) {
        let world = self.world;
        for (id, body) in &world.network.messages {
            match world.obstacle(id, body) {
                None if is_at_once(world, &self.configuration.grain, id) => {}
                None => self.go(Act::Deliver(*id)),
                Some(Obstacle::Cut(Cut::Silent) | Obstacle::Dark | Obstacle::Down) => {
                    self.go(Act::Expire(*id));
                }
                Some(Obstacle::Frozen) => {
                    if matches!(body, MessageBody::Rpc { awaited: true, .. }) {
                        self.go(Act::Expire(*id));
                    }
                }
                Some(Obstacle::Cut(Cut::Refuse) | Obstacle::Gone | Obstacle::Behind) => {}
            }
        }
    }

    fn instances(&mut self) {
        let world = self.world;
        for (id, body) in world.instances().zip(&world.bodies) {
            if is_gone(body) {
                // What is waited for in vain must not be needed.
            } else if body.pod.is_none() {
                self.go(Act::CreatePod(id));
            } else if !body.powered {
                self.go(Act::PowerOn(id));
            } else if !body.runs() {
                self.go(Act::Start(id));
            } else if !body.frozen {
                for name in body.beats() {
                    if self.beats_matter(id, name) {
                        self.go(Act::Beat(id, name));
                    }
                }
            }
        }
    }

    /// Whether a heartbeat can change anything.
    fn beats_matter(&self, id: InstanceId, name: ReplicaName) -> bool {
        let world = self.world;
        let failed = failures(world, id, name).unwrap_or(0);
        if !reaches(world, id, name) {
            return failed < 3;
        }
        let live = world.body(id).ok().and_then(|body| body.instance.as_main()).and_then(|main| {
            let client = main.clients.iter().find(|client| client.registration.name == name)?;
            client.live.as_ref()
        });
        failed > 0
            || live.is_some_and(|live| {
                live.system != SystemState::Ready || live.state == ReplicaState::MaybeBehind
            })
    }

    fn gateways_and_clients(&mut self) {
        let world = self.world;
        for (id, gateway) in (0..).map(GatewayId).zip(&world.gateways) {
            if !gateway.frozen {
                self.go(Act::Poll(id));
            }
        }
        let gateway = world.gateways.first();
        let grant = gateway.filter(|gateway| !gateway.frozen).map(|g| g.live(world.now));
        let Some(grant) = grant else { return };
        for (id, client) in (0..).map(ClientId).zip(&world.clients) {
            if client.doing.is_some() || client.transaction.is_some() {
                continue;
            }
            let held: Option<WriteId> = client
                .writes
                .iter()
                .find(|(_, fate)| **fate == Fate::Held)
                .map(|(write, _)| *write);
            match held {
                Some(write) => {
                    if grant.is_some_and(|grant| !grant.draining) {
                        self.go(Act::Retry(id, write));
                    }
                }
                None => self.outside(Outside::Write, Act::Write(id)),
            }
        }
    }

    fn remedies(&mut self) {
        let world = self.world;
        for link in world.network.cuts.keys() {
            if link.from < link.to {
                self.go(Act::Heal(link.from, link.to));
            }
        }
        if !world.api.up {
            self.go(Act::ApiUp);
        }
        for (no, controller) in (0..).map(ControllerNo).zip(&world.controllers) {
            if controller.frozen {
                self.go(Act::Thaw(Place::Controller(no)));
            }
        }
        for (id, gateway) in (0..).map(GatewayId).zip(&world.gateways) {
            if gateway.frozen {
                self.go(Act::Thaw(Place::Gateway(id)));
            }
        }
        for (id, body) in world.instances().zip(&world.bodies) {
            if body.runs() && body.frozen {
                self.go(Act::Thaw(Place::Instance(id)));
            }
        }
    }

    fn faults(&mut self) {
        let world = self.world;
        let record = world.api.record();
        for (id, body) in world.instances().zip(&world.bodies) {
            if body.runs() {
                self.outside(Outside::Crash, Act::Crash(id));
                if record.is_some_and(|record| record.target == id) {
                    self.outside(Outside::Main, Act::Crash(id));
                }
                if record.is_some_and(|record| record.is_voter(id)) {
                    self.outside(Outside::Voter, Act::Crash(id));
                }
            }
            if body.powered && body.pod.is_some() {
                for kept in kept_without_power(body) {
                    self.outside(Outside::Power, Act::Power(id, kept));
                }
                self.outside(Outside::Pod, Act::RemovePod(id));
                self.outside(Outside::Volume, Act::LoseVolume(id));
                self.outside(Outside::Node, Act::LoseNode(id));
            }
        }
        self.nodes_at_once();
        self.faults_of_controllers();
        for (id, gateway) in (0..).map(GatewayId).zip(&world.gateways) {
            if !gateway.frozen {
                self.outside(Outside::Gateway, Act::Freeze(Place::Gateway(id)));
            }
        }
        self.faults_between();
        self.orders();
    }

    /// What nobody can make good: whoever has all of it loses power together.
    fn nodes_at_once(&mut self) {
        let Some(record) = self.world.api.record().filter(|_| self.may(Outside::Both)) else {
            return;
        };
        let kept = |id: InstanceId| {
            let body = self.world.body(id).ok().filter(|body| body.powered && body.pod.is_some());
            body.into_iter().flat_map(kept_without_power)
        };
        let pairs = record.voters().flat_map(|voter| {
            kept(record.target).flat_map(move |main| {
                kept(voter).map(move |other| Act::Both((record.target, main), (voter, other)))
            })
        });
        for act in pairs {
            self.outside(Outside::Both, act);
        }
    }

    fn faults_of_controllers(&mut self) {
        let world = self.world;
        for no in world.controller_numbers() {
            let Ok(process) = world.controller(no) else { continue };
            if !is_awake(world, no) {
                continue;
            }
            let place = Place::Controller(no);
            if process.waiting.is_some() && !hopeless(world, process) {
                self.outside(Outside::Late, Act::GiveUp(no));
            }
            if process.leader.renewal().is_none() {
                continue;
            }
            self.outside(Outside::Controller, Act::CrashController(no));
            self.outside(Outside::Freeze, Act::Freeze(place));
            let target = world.api.record().map(|record| record.target);
            let heard = waits_for(world, process).filter(|id| Some(*id) == target);
            if let Some(id) = heard.filter(|id| !is_frozen(world, *id)) {
                self.outside(Outside::Together, Act::FreezeTogether(no, id));
            }
            self.outside(Outside::Release, Act::Release(no));
            if world.api_reads(no) {
                self.outside(Outside::Unheard, Act::ReleaseUnheard(no));
            }
            for id in world.instances() {
                if world.network.cut_either_way(place, Place::Instance(id)).is_none() {
                    self.outside(Outside::Cut, Act::Cut(Place::Instance(id), place));
                }
            }
            if world.network.cut_either_way(place, Place::Api).is_none() {
                self.outside(Outside::Alone, Act::Cut(place, Place::Api));
            }
        }
    }

    fn faults_between(&mut self) {
        let world = self.world;
        if self.may(Outside::Part) {
            for one in world.instances() {
                for other in world.instances().filter(|other| one < *other) {
                    let (one, other) = (Place::Instance(one), Place::Instance(other));
                    if world.network.cut_either_way(one, other).is_none() {
                        self.outside(Outside::Part, Act::Cut(one, other));
                    }
                }
            }
        }
        if world.api.up {
            self.outside(Outside::Api, Act::ApiDown);
        }
        for (id, body) in &world.network.messages {
            if id.answer || world.obstacle(id, body).is_some() {
                continue;
            }
            match id.kind {
                Kind::Finalize => self.outside(Outside::Decision, Act::Lose(*id)),
                Kind::Promote
                | Kind::Demote
                | Kind::Register
                | Kind::Drop
                | Kind::Mark
                | Kind::SetAside
                | Kind::Record => {
                    self.outside(Outside::Answer, Act::DeliverUnanswered(*id));
                }
                _ => {}
            }
        }
    }
}

/// How many entries of its log may stay where an instance loses power: of what is not flushed all,
/// or all but one or two.
fn kept_without_power(body: &Body) -> RangeInclusive<usize> {
    let (least, all) = (body.instance.volume.flushed, body.instance.volume.log.len());
    least.max(all.saturating_sub(2))..=all
}

/// Whether an instance never comes back: it has neither pod nor power.
pub(super) const fn is_gone(body: &Body) -> bool {
    body.pod.is_none() && !body.powered
}

/// The instance that a controller waits for.
fn waits_for(world: &World, process: &Process) -> Option<InstanceId> {
    match process.waiting.as_ref()?.on {
        Awaited::Connection(session) => {
            world.network.connections.get(&session).map(|connection| connection.to)
        }
        Awaited::Record(_) => None,
    }
}

/// Whether a controller waits for the answer of an instance that ended unheard, or that does not
/// take a step.
fn hopeless(world: &World, process: &Process) -> bool {
    process.waiting.as_ref().is_some_and(|waiting| match waiting.on {
        Awaited::Connection(session) => {
            let connection = world.network.connections.get(&session);
            let may_be_answered = |(id, body): (&MessageId, &MessageBody)| {
                body.session() == Some(session) && (id.answer || !is_still(world, id.to))
            };
            connection.is_none_or(|it| it.ended || is_still(world, Place::Instance(it.to)))
                && !world.network.messages.iter().any(may_be_answered)
        }
        Awaited::Record(_) => false,
    })
}

/// Whether an instance stands still.
fn is_still(world: &World, place: Place) -> bool {
    matches!(place, Place::Instance(id) if is_frozen(world, id))
}

/// Whether somebody who takes steps waits for a message, or for what comes of it.
fn is_awaited(world: &World, id: &MessageId, body: &MessageBody) -> bool {
    match body {
        MessageBody::Rpc { awaited, .. } => *awaited,
        MessageBody::Command { session, .. } => {
            let open = world.network.connections.get(session).is_some_and(|c| !c.closed);
            let Place::Controller(no) = id.from else { return open };
            open && is_awake(world, no)
        }
        MessageBody::RecordWrite { by, ticket, .. } | MessageBody::SetAside { by, ticket, .. } => {
            let Place::Controller(no) = id.from else { return true };
            is_awake(world, no)
                && world.controller(no).is_ok_and(|process| {
                    process.me() == *by
                        && process
                            .waiting
                            .as_ref()
                            .is_some_and(|waiting| waiting.on == Awaited::Record(*ticket))
                })
        }
        MessageBody::Request { session, .. } => {
            world.network.connections.get(session).is_some_and(|c| !c.closed)
        }
        MessageBody::RpcAnswer { .. }
        | MessageBody::Answer { .. }
        | MessageBody::Close { .. }
        | MessageBody::RecordAnswer { .. }
        | MessageBody::LeaseWrite { .. }
        | MessageBody::LeaseAnswer { .. }
        | MessageBody::PeerQuestion { .. }
        | MessageBody::PeerAnswer { .. }
        | MessageBody::Question(_)
        | MessageBody::GrantAnswer(_) => true,
    }
}
