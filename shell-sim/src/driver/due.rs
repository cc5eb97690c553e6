//! What is due now: the next arrival, failure, effect, look, renewal, question, heartbeat or act of
//! the kubelet, in a fixed order, or else the next time at which something will be.

use super::{
    Fair,
    timers::{
        ADDRESS_MS, API_MS, ASK_DRAINING_MS, ASK_MS, BEAT_MS, GIVE_UP_MS, GRACE_MS, LOOK_MS,
        RECREATE_MS, RESTART_MS, Scan,
    },
};
use crate::world::{ControllerNo, Cut, Event, MessageBody, Obstacle, Place};
use ha_core::{
    ids::{GatewayId, InstanceId},
    leadership::Millis,
    observation::Route,
    plan::Leave,
};

impl Fair {
    pub(super) fn due(&mut self, scan: &mut Scan) -> Option<Event> {
        if let Some(event) = self.due_message(scan) {
            return Some(event);
        }
        for no in self.world.controller_numbers() {
            if let Some(event) = self.due_controller(no, scan) {
                return Some(event);
            }
        }
        for index in 0..self.world.settings.gateways {
            if let Some(event) = self.due_gateway(index.into(), scan) {
                return Some(event);
            }
        }
        for id in self.world.instances() {
            if let Some(event) = self.due_body(id, scan) {
                return Some(event);
            }
        }
        None
    }

    fn due_message(&mut self, scan: &mut Scan) -> Option<Event> {
        let Self { world, timers, withheld, stopped, .. } = self;
        if world.network.messages.is_empty() {
            timers.messages.clear();
            return None;
        }
        timers.messages.retain(|id, _| world.network.messages.contains_key(id));
        for (id, message) in &world.network.messages {
            if withheld.iter().any(|pattern| pattern.matches(id)) {
                continue;
            }
            let stopped = || stopped.contains(&id.to).then_some(Obstacle::Frozen);
            let Some(obstacle) = world.obstacle(id, message).or_else(stopped) else {
                return Some(Event::Deliver(*id));
            };
            let wait = match obstacle {
                Obstacle::Behind => continue,
                Obstacle::Cut(Cut::Refuse) | Obstacle::Gone => 0,
                Obstacle::Cut(Cut::Silent) | Obstacle::Frozen | Obstacle::Dark | Obstacle::Down => {
                    patience(message)
                }
            };
            let at = *timers.messages.entry(*id).or_insert(world.now + wait);
            if !scan.is_due(at) {
                continue;
            }
            if obstacle != Obstacle::Frozen {
                return Some(Event::Fail(*id));
            }
            // A frozen process finds everything in its sockets when it wakes.
            if matches!(message, MessageBody::Rpc { awaited: true, .. }) {
                return Some(Event::Overdue(*id));
            }
        }
        None
    }

    fn due_controller(&mut self, no: ControllerNo, scan: &mut Scan) -> Option<Event> {
        if self.stopped.contains(&Place::Controller(no)) {
            return None;
        }
        let index = usize::from(no.0);
        let timer = self.timers.controllers.get_mut(index)?;
        let controller = self.world.controllers.get(index)?;
        let Some(process) = &controller.process else {
            return scan
                .is_over(&mut timer.start, RECREATE_MS)
                .then_some(Event::StartController(no));
        };
        timer.start = None;
        if controller.frozen {
            return None;
        }
        if process.waiting.is_some() {
            if scan.is_over(&mut timer.give_up, GIVE_UP_MS) {
                return Some(Event::GiveUp(no));
            }
        } else {
            timer.give_up = None;
            if !process.queue.is_empty() {
                return Some(Event::Effect(no));
            }
        }
        let now = self.world.now;
        let timing = &self.world.settings.timing;
        if scan.is_due(timer.renew) {
            timer.renew = now + timing.renew_ms;
            scan.is_due(timer.renew);
            if self.world.settings.promises {
                self.agenda.push_back(Event::AskPeers(no));
            }
            let here = controller.clock.monotonic(now);
            if process.leader.renewal().is_some() || process.leader.campaign(here, timing).is_some()
            {
                return Some(Event::Renew(no));
            }
        }
        if !scan.is_due(timer.look) {
            return None;
        }
        timer.look = now + LOOK_MS;
        let leads = process.leader.renewal().is_some();
        let routes = process.history.route() != Route::Closed;
        let idle = process.waiting.is_none();
        let reads = [Event::ReadLease(no, 0), Event::ReadRecord(no, 0)];
        self.agenda.extend(reads);
        self.agenda.extend(self.world.instances().map(|id| Event::Probe(no, id)));
        if idle && (leads || routes) {
            self.agenda.push_back(Event::Decide(no));
        }
        Some(Event::ReadPods(no))
    }

    fn due_gateway(&mut self, id: GatewayId, scan: &mut Scan) -> Option<Event> {
        let place = Place::Gateway(id);
        let index = id.index();
        let gateway = self.world.gateways.get(index)?;
        if gateway.frozen || self.stopped.contains(&place) {
            return None;
        }
        let now = self.world.now;
        let draining = gateway.live(now).is_some_and(|grant| grant.draining);
        let timer = self.timers.gateways.get_mut(index)?;
        if draining {
            *timer = (*timer).min(now + ASK_DRAINING_MS);
        }
        if !scan.is_due(*timer) {
            return None;
        }
        *timer = now + ASK_MS;
        Some(Event::Ask(id))
    }

    fn due_body(&mut self, id: InstanceId, scan: &mut Scan) -> Option<Event> {
        if self.stopped.contains(&Place::Instance(id)) {
            return None;
        }
        let may_leave = self.may_leave(id);
        let timer = self.timers.bodies.get_mut(usize::from(id.0))?;
        let body = self.world.body(id).ok()?;
        let Some(pod) = &body.pod else {
            timer.remove = None;
            timer.start = None;
            let wanted = id.0 < self.world.desired.instances;
            return (wanted && scan.is_over(&mut timer.create, RECREATE_MS))
                .then_some(Event::CreatePod(id, false));
        };
        timer.create = None;
        if pod.deleting && (scan.is_over(&mut timer.remove, GRACE_MS) || may_leave) {
            return Some(Event::RemovePod(id));
        }
        if pod.address.is_none() {
            return scan
                .is_over(&mut timer.address, ADDRESS_MS)
                .then_some(Event::AssignAddress(id));
        }
        timer.address = None;
        if !body.runs() {
            let waits = body.powered && !pod.deleting;
            return (waits && scan.is_over(&mut timer.start, RESTART_MS))
                .then_some(Event::Start(id));
        }
        timer.start = None;
        if body.frozen || !scan.is_due(timer.beat) {
            return None;
        }
        timer.beat = self.world.now + BEAT_MS;
        scan.is_due(timer.beat);
        self.agenda.extend(body.beats().map(|name| Event::Beat(id, name)));
        self.agenda.pop_front()
    }

    /// Whether the leader lets a pod go.
    fn may_leave(&self, id: InstanceId) -> bool {
        let deleting =
            self.world.body(id).is_ok_and(|body| body.pod.as_ref().is_some_and(|p| p.deleting));
        deleting
            && self.leader_plan().is_some_and(|(_, at, plan)| {
                at > self.disturbed && plan.leave.get(&id) == Some(&Leave::MayLeave)
            })
    }
}

/// How long a sender waits in silence.
fn patience(message: &MessageBody) -> Millis {
    if let MessageBody::Rpc { request, .. } = message {
        return Millis::from(request.timeout_seconds()) * 1_000;
    }
    API_MS
}
