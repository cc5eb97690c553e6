//! Walks every identity and every moment in a world, in a fixed order, and forgets what makes no
//! difference any more. With both a model tells states apart by what can still happen in them.

use super::{
    Clock, Controller, MessageBody, MessageId, Place, Process, World,
    controller::{Awaited, Waiting},
    gateway::Gateway,
    kubernetes::Body,
    names::ControllerNo,
    network::Network,
};
use crate::memgraph::{Renumber, RpcId, Session};
use ha_core::{
    history::Certain,
    ids::{GatewayId, Incarnation},
    leadership::{Millis, Timing, Word},
    observation::{Container, Route},
    record::Aside,
    visit::{Moment, Object, Visitor, renamed},
};

/// What is done with each identity and each moment of a world.
pub trait Identities: Visitor + Renumber {
    /// The clock of a machine, which may begin anew; moments that follow stand on it.
    fn clock(&mut self, place: Place, clock: &mut Clock);
    /// Moments that follow stand on the clock of this place.
    fn turn_to(&mut self, place: Place);
    /// A request between instances, under way from one to another.
    fn message(&mut self, id: &mut RpcId) {
        *id = self.rpc(*id);
    }
}

impl World {
    /// Visits everything; connections first where their owners give them an order.
    pub fn visit(&mut self, by: &mut impl Identities) {
        for gateway in &mut self.gateways {
            for session in gateway.upstreams.values_mut() {
                *session = by.session(*session);
            }
        }
        for process in self.controllers.iter_mut().filter_map(|c| c.process.as_mut()) {
            if let Some(Waiting { on: Awaited::Connection(session), .. }) = &mut process.waiting {
                *session = by.session(*session);
            }
        }
        by.term(&mut self.truth.promoted);
        if let Some(order) = &mut self.desired.switchover {
            by.request(&mut order.id);
        }
        if let Some(order) = &mut self.desired.accepts {
            by.request(&mut order.id);
            if let Some(term) = &mut order.of {
                by.term(term);
            }
        }
        if let Some(order) = &mut self.desired.reset {
            by.request(&mut order.id);
            by.volume(&mut order.volume);
            if let Some(Aside::Of(volume)) = &mut order.restores {
                by.volume(volume);
            }
        }
        self.bodies.iter_mut().for_each(|body| body.visit(by));
        for (no, controller) in (0..).map(ControllerNo).zip(&mut self.controllers) {
            by.clock(Place::Controller(no), &mut controller.clock);
            if let Some(process) = &mut controller.process {
                process.visit(by);
            }
        }
        for (id, gateway) in (0..).map(GatewayId).zip(&mut self.gateways) {
            by.clock(Place::Gateway(id), &mut gateway.clock);
            gateway.visit(by);
        }
        for (version, record) in &mut self.api.records {
            by.version(Object::Record, version);
            record.visit(by);
        }
        self.api.leases.iter_mut().for_each(|lease| lease.visit(by));
        self.network.visit(by);
    }

    /// Forgets what makes no difference to anything that can still happen.
    pub fn forget(&mut self, foresight: &Foresight) {
        let now = self.now;
        let questions: Vec<Place> = self.network.question_ends().collect();
        let lives: Vec<Incarnation> = self.bodies.iter().filter_map(Body::incarnation).collect();
        let timing = self.settings.timing;
        let witness = self.settings.patience.witness_limit_ms > 0;
        for controller in &mut self.controllers {
            controller.forget(now, &questions, &lives, &timing, foresight);
        }
        self.bodies.iter_mut().for_each(|body| body.aside = None);
        for (id, gateway) in (0..).map(GatewayId).zip(&mut self.gateways) {
            let clocks = gateway.clocks(now);
            let awaited = questions.contains(&Place::Gateway(id));
            gateway.holder.forget_ended(clocks, awaited);
        }
        if !witness {
            // Nobody vouches for a main that is not reached.
            self.gateways.iter_mut().for_each(|gateway| gateway.last_byte = None);
            for process in self.controllers.iter_mut().filter_map(|c| c.process.as_mut()) {
                process.reports.iter_mut().for_each(|(_, report)| report.last_byte = None);
            }
        }
        let old = self.api.records.len().saturating_sub(1 + foresight.stale);
        self.api.records.drain(..old);
        let old = self.api.leases.len().saturating_sub(1 + foresight.stale);
        self.api.leases.drain(..old);
    }
}

/// What is certain of everything that can still happen in a world: what was set aside is never ordered
/// back, and the rest is said here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foresight {
    /// One look comes before each decision, and whoever looked once and takes steps looks before so
    /// much time passes.
    pub tick: Millis,
    /// Whether no look leaves an instance out.
    pub looks_are_whole: bool,
    /// Whether the API server never fails to answer.
    pub api_answers: bool,
    /// By how many versions a read of the API server may lag behind.
    pub stale: usize,
}

impl Body {
    fn visit(&mut self, by: &mut impl Identities) {
        if let Some(pod) = &mut self.pod {
            by.pod(&mut pod.uid);
            if let Some(address) = &mut pod.address {
                by.address(address);
            }
        }
        by.start(&mut self.start);
        if let Some(start) = &mut self.unresolved {
            by.start(start);
        }
        by.boot(&mut self.boot);
        by.volume(&mut self.volume_id);
        if let Some(boot) = &mut self.boot_elsewhere {
            by.boot(boot);
        }
        if let Some((volume, data)) = &mut self.aside {
            by.volume(volume);
            data.renumber(by);
        }
        self.instance.renumber(by);
    }
}

impl Process {
    fn visit(&mut self, by: &mut impl Identities) {
        self.leader.visit(by);
        if let Some(at) = &mut self.record_read {
            by.moment(Moment::RecordRead, at);
        }
        self.history.visit(by);
        for pod in self.pods.values_mut().flatten() {
            pod.visit(by);
        }
        self.queue.iter_mut().for_each(|action| action.visit(by));
        if let Some(waiting) = &mut self.waiting {
            waiting.action.visit(by);
            // What was written is as good as read when it was sent.
            let what = match waiting.on {
                Awaited::Record(_) => Moment::RecordRead,
                Awaited::Connection(_) => Moment::Sent,
            };
            by.moment(what, &mut waiting.sent);
        }
        for (gateway, report) in self.reports.iter_mut() {
            by.question(gateway, &mut report.number);
            for number in [&mut report.accepted, &mut report.draining_since].into_iter().flatten() {
                by.question(gateway, number);
            }
            if let Some(at) = &mut report.last_byte {
                by.moment(Moment::LastByte, at);
            }
        }
    }
}

impl Controller {
    fn forget(
        &mut self,
        now: Millis,
        questions: &[Place],
        lives: &[Incarnation],
        timing: &Timing,
        foresight: &Foresight,
    ) {
        let now = self.clock.monotonic(now);
        let Some(process) = &mut self.process else { return };
        let Foresight { tick, api_answers: pods_are_read, looks_are_whole, .. } = *foresight;
        let leads = process.leader.renewal().is_some();
        let looks = process.history.has_looked();
        let tick = if looks && !self.frozen { tick } else { 0 };
        process.leader.forget_ended(now, timing);
        process.history.forget_confirmed(process.leader.acquired());
        let is_idle = process.queue.is_empty() && process.waiting.is_none();
        process
            .history
            .forget_replaced(now, &Certain { tick, looks_are_whole, pods_are_read, lives });
        // Whoever gave the lease up, or has not heard that it is its own, reads anew once it is.
        let acquired = process.leader.acquired();
        let unread = !leads || acquired.is_none() || process.record_read < acquired;
        if is_idle && unread && pods_are_read && foresight.stale == 0 {
            process.history.forget_record();
            process.record_read = None;
        }
        if pods_are_read {
            for pod in process.pods.values_mut().flatten() {
                pod.container = Container::Waiting;
                pod.deleting = false;
            }
        }
        let drains = matches!(process.history.route(), Route::Draining { .. });
        for (gateway, report) in process.reports.iter_mut() {
            // A drain believes nothing that a gateway said before it was answered.
            let told = drains && report.draining_since.is_some();
            if !told && !questions.contains(&Place::Gateway(gateway)) {
                report.open = false;
                report.draining_since = None;
                report.accepted = None;
            }
        }
    }
}

impl Gateway {
    fn visit(&mut self, by: &mut impl Identities) {
        self.holder.visit(by);
        if let Some((term, main)) = &mut self.forwarding {
            by.term(term);
            main.visit(by);
        }
        if let Some(number) = &mut self.accepted {
            by.question(self.holder.gateway(), number);
        }
        if let Some(at) = &mut self.last_byte {
            by.moment(Moment::LastByte, at);
        }
    }
}

impl Network {
    /// Both ends of every question and answer about grants that is under way.
    fn question_ends(&self) -> impl Iterator<Item = Place> + '_ {
        let asks = |body: &MessageBody| {
            matches!(body, MessageBody::Question(_) | MessageBody::GrantAnswer(_))
        };
        let ids = self.messages.iter().filter(move |(_, body)| asks(body)).map(|(id, _)| id);
        ids.flat_map(|id| [id.from, id.to])
    }

    fn visit(&mut self, by: &mut impl Identities) {
        let sessions: Vec<Session> = self.connections.keys().map(|id| by.session(*id)).collect();
        if !self.connections.keys().eq(&sessions) {
            let connections = std::mem::take(&mut self.connections).into_values();
            self.connections = sessions.into_iter().zip(connections).collect();
        }
        if !self.is_numbered() {
            self.number_anew();
        }
        for (id, body) in &mut self.messages {
            by.turn_to(id.from);
            body.visit(id, by);
        }
    }

    /// Whether messages of one kind between two places have the numbers from 0 on.
    fn is_numbered(&self) -> bool {
        let mut before = None;
        self.messages.keys().all(|id| id.number == next_number(&mut before, id))
    }

    fn number_anew(&mut self) {
        let mut before = None;
        for (mut id, body) in std::mem::take(&mut self.messages) {
            id.number = next_number(&mut before, &id);
            self.messages.insert(id, body);
        }
    }
}

/// The number of a message, by the one before it in the order of messages, whose place it takes.
fn next_number(before: &mut Option<MessageId>, id: &MessageId) -> u8 {
    let number = before.filter(|it| it.is_like(id)).map_or(0, |it| it.number + 1);
    *before = Some(MessageId { number, ..*id });
    number
}

impl MessageBody {
    fn visit(&mut self, envelope: &MessageId, by: &mut impl Identities) {
        match self {
            Self::Rpc { id, request, receiver, .. } => {
                by.message(id);
                request.renumber(by);
                if let Some(receiver) = receiver {
                    by.start(receiver);
                }
            }
            Self::RpcAnswer { id, answer } => {
                by.message(id);
                if let Ok(response) = answer {
                    response.renumber(by);
                }
            }
            Self::Command { session, action } => {
                *session = by.session(*session);
                action.visit(by);
            }
            Self::Request { session, .. }
            | Self::Answer { session, .. }
            | Self::Close { session } => {
                *session = by.session(*session);
            }
            Self::RecordWrite { by: writer, expected, record, .. } => {
                by.controller(writer);
                if let Some(version) = expected {
                    by.version(Object::Record, version);
                }
                record.visit(by);
            }
            Self::SetAside { by: writer, on, .. } => {
                by.controller(writer);
                on.visit(by);
            }
            Self::RecordAnswer { version, .. } => {
                if let Some(version) = version {
                    by.version(Object::Record, version);
                }
            }
            Self::LeaseWrite { .. }
            | Self::LeaseAnswer { .. }
            | Self::PeerQuestion { .. }
            | Self::PeerAnswer { .. } => self.visit_lease(envelope, by),
            Self::Question(asked) => {
                asked.question.visit(by);
                if let Some(number) = &mut asked.accepted {
                    by.question(asked.question.gateway, number);
                }
            }
            Self::GrantAnswer(answer) => {
                if let Place::Gateway(gateway) = envelope.to {
                    answer.visit(gateway, by);
                }
            }
        }
    }

    /// Of messages about the lease.
    fn visit_lease(&mut self, envelope: &MessageId, by: &mut impl Identities) {
        match self {
            Self::LeaseWrite { by: writer, expected, sent, members, .. } => {
                by.controller(writer);
                *members = renamed(std::mem::take(members), by);
                if let Some(version) = expected {
                    by.version(Object::Lease, version);
                }
                by.moment(Moment::Sent, sent);
            }
            Self::LeaseAnswer { sent, lease } => {
                if let Some(lease) = lease {
                    lease.visit(by);
                }
                by.turn_to(envelope.to);
                by.moment(Moment::Sent, sent);
            }
            Self::PeerQuestion { by: asker, sent } => {
                by.controller(asker);
                by.moment(Moment::Sent, sent);
            }
            Self::PeerAnswer { from, sent, word } => {
                by.controller(from);
                by.turn_to(envelope.to);
                by.moment(Moment::Sent, sent);
                if let Word::StandsAgainst(version) = word {
                    by.version(Object::Lease, version);
                }
            }
            Self::Rpc { .. }
            | Self::RpcAnswer { .. }
            | Self::Command { .. }
            | Self::Request { .. }
            | Self::Answer { .. }
            | Self::Close { .. }
            | Self::RecordWrite { .. }
            | Self::SetAside { .. }
            | Self::RecordAnswer { .. }
            | Self::Question(_)
            | Self::GrantAnswer(_) => {}
        }
    }
}
