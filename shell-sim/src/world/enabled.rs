//! Which internal progress is possible now, in a fixed order. Faults, clients and time are chosen
//! by whoever drives the world.

use super::{Act, Event, Obstacle, Place, World, controller::Controller};
use ha_core::ids::GatewayId;

impl World {
    /// Every internal event that can happen now: arrivals, failures that only wait to be noticed,
    /// starts of processes, heartbeats, looks, decisions and effects of controllers, questions of
    /// gateways.
    #[must_use]
    pub fn enabled(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (id, message) in &self.network.messages {
            match self.obstacle(id, message) {
                None => events.push(Event::Deliver(*id)),
                Some(Obstacle::Cut(_) | Obstacle::Gone | Obstacle::Dark | Obstacle::Down) => {
                    events.push(Event::Fail(*id));
                }
                Some(Obstacle::Frozen | Obstacle::Behind) => {}
            }
        }
        for (id, body) in self.instances().zip(&self.bodies) {
            if body.runs() && !body.frozen {
                events.extend(body.beats().map(|name| Event::Beat(id, name)));
            } else if !body.runs() && body.powered && body.pod.is_some() {
                events.push(Event::Start(id));
            }
            match &body.pod {
                None if id.0 < self.desired.instances => events.push(Event::CreatePod(id, true)),
                None => {}
                Some(pod) if pod.address.is_none() => events.push(Event::AssignAddress(id)),
                Some(_) => {}
            }
        }
        for (no, controller) in self.controller_numbers().zip(&self.controllers) {
            self.enabled_controller(no, controller, &mut events);
        }
        for (id, gateway) in (0..self.settings.gateways).map(GatewayId::from).zip(&self.gateways) {
            if !gateway.frozen {
                events.push(Event::Ask(id));
            }
        }
        events
    }

    fn enabled_controller(
        &self,
        no: super::ControllerNo,
        controller: &Controller,
        events: &mut Vec<Event>,
    ) {
        let Some(process) = &controller.process else {
            events.push(Event::StartController(no));
            return;
        };
        if controller.frozen {
            return;
        }
        if self.api_reads(no) {
            events.extend([Event::ReadPods(no), Event::ReadRecord(no, 0), Event::ReadLease(no, 0)]);
        }
        let now = controller.clock.monotonic(self.now);
        let campaigns = || process.leader.campaign(now, &self.settings.counted()).is_some();
        if process.leader.renewal().is_some() || campaigns() {
            events.push(Event::Renew(no));
        }
        if self.may_ask_peers(no) {
            events.push(Event::AskPeers(no));
        }
        events.extend(self.instances().map(|id| Event::Probe(no, id)));
        if process.waiting.is_some() {
            events.push(Event::GiveUp(no));
        } else if process.queue.is_empty() {
            events.push(Event::Decide(no));
        } else {
            events.push(Event::Effect(no));
        }
    }

    /// The events that end every disturbance of links, power, processes and the API server.
    #[must_use]
    pub fn remedies(&self) -> Vec<Event> {
        let mut events: Vec<Event> =
            self.network.cuts.keys().map(|link| Event::Heal(link.from, link.to)).collect();
        if !self.api.up {
            events.push(Event::ApiUp);
        }
        for (id, body) in self.instances().zip(&self.bodies) {
            if body.frozen {
                events.push(Event::Thaw(Place::Instance(id)));
            }
            if body.instance.process.as_ref().is_some_and(|process| process.busy) {
                events.push(Event::Busy(id, false));
            }
            if !body.powered {
                events.push(Event::PowerOn(id));
            }
            if body.locked_out {
                events.push(Event::Act(Act::LockOut(id, false)));
            }
        }
        if self.bodies.iter().any(|body| body.unresolved.is_some()) {
            events.push(Event::Act(Act::Names(true)));
        }
        for (no, controller) in self.controller_numbers().zip(&self.controllers) {
            if controller.frozen {
                events.push(Event::Thaw(Place::Controller(no)));
            }
        }
        for (id, gateway) in (0..self.settings.gateways).map(GatewayId::from).zip(&self.gateways) {
            if gateway.frozen {
                events.push(Event::Thaw(Place::Gateway(id)));
            }
        }
        if self.desired.instances < self.settings.instances {
            events.push(Event::Act(Act::Scale(self.settings.instances)));
        }
        if self.desired.paused {
            events.push(Event::Pause(false));
        }
        events
    }

    /// Whether nothing is cut, frozen or switched off, and every process runs.
    #[must_use]
    pub fn is_undisturbed(&self) -> bool {
        let runs = |body: &super::Body| {
            body.runs()
                && !body.frozen
                && !body.locked_out
                && body.unresolved.is_none()
                && body.pod.as_ref().is_some_and(|pod| pod.address.is_some() && !pod.deleting)
        };
        self.network.cuts.is_empty()
            && self.api.up
            && self.bodies.iter().take(self.desired.instances.into()).all(runs)
            && self.bodies.iter().skip(self.desired.instances.into()).all(|body| body.pod.is_none())
            && self.controllers.iter().all(|c| !c.frozen && c.process.is_some())
            && self.gateways.iter().all(|gateway| !gateway.frozen)
    }

    /// Whether a place is there at all.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        match place {
            Place::Instance(id) => id.0 < self.settings.instances,
            Place::Controller(no) => no.0 < self.settings.controllers,
            Place::Gateway(id) => id.index() < self.gateways.len(),
            Place::Api => true,
        }
    }
}
