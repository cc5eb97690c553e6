//! What a happening wakes: a controller that looks again, a gateway that asks again. It also counts
//! and keeps what is told.

use super::{
    Fair,
    timers::{AGAIN_MS, NOTICE_MS, SOON_MS},
};
use crate::{
    oracle::Violation,
    world::{ControllerNo, Event, Happening, Place},
};
use ha_core::{action::Action, history::Outcome, ids::InstanceId, leadership::Millis, plan::Plan};

impl Fair {
    /// What a happening wakes.
    pub(super) fn notice(&mut self, happening: Happening) {
        let now = self.world.now;
        let cause = self.world.api.record().map(|record| record.cause);
        self.counters.count(&happening, cause);
        match &happening {
            Happening::Ended { controller, outcome, action } => {
                let soon = if *outcome == Outcome::Done { SOON_MS } else { AGAIN_MS };
                self.look_at(*controller, now + soon);
                if matches!(action, Action::SetRoute(_)) {
                    self.timers.ask_by(now);
                }
            }
            Happening::Leads(no) => self.look_at(*no, now),
            Happening::Acknowledged { controller, .. } => self.look_at(*controller, now),
            Happening::ProcessEnded(_) | Happening::BoltOpen(_) => {
                self.timers.look_by(now + NOTICE_MS);
            }
            Happening::RoleChanged(id, _) => {
                self.note_return(*id);
                self.timers.look_by(now + NOTICE_MS);
            }
            Happening::Withdrawn { .. } => self.timers.ask_by(now + SOON_MS),
            Happening::LeaseConflict(Place::Controller(no)) => {
                self.agenda.push_back(Event::ReadLease(*no, 0));
            }
            Happening::Rejected(on, why) => {
                let violation = Violation::WorldRejected { on: *on, why: why.to_string() };
                self.found(violation);
            }
            Happening::Planned { .. }
            | Happening::Sent { .. }
            | Happening::LeaseConflict(_)
            | Happening::LeaseTaken { .. }
            | Happening::RecordWritten { .. }
            | Happening::RecordConflict(_)
            | Happening::Landed { .. }
            | Happening::ProcessStarted(_)
            | Happening::RpcReceived { .. }
            | Happening::Committed(..)
            | Happening::Aborted(_)
            | Happening::Prepared(..)
            | Happening::Discarded(_)
            | Happening::Applied(..)
            | Happening::Replaced(_)
            | Happening::SetAside(_)
            | Happening::Granted { .. }
            | Happening::GrantsOnPromises(_)
            | Happening::Told(..)
            | Happening::Forwarded { .. }
            | Happening::Lost(_) => {}
        }
        if let Happening::BoltOpen(id) = &happening {
            self.note_return(*id);
        }
        if let Happening::Planned { controller, plan } = happening {
            self.note_plan(controller, &plan);
            self.planned(controller, *plan);
        } else {
            self.trace.happening(now, &self.plans, happening);
        }
    }

    fn note_return(&mut self, id: InstanceId) {
        let other = self.world.api.record().is_some_and(|record| record.target != id);
        let main = self.world.body(id).is_ok_and(|body| body.instance.as_main().is_some());
        self.counters.old_mains_returned += u64::from(other && main);
    }

    fn planned(&mut self, controller: ControllerNo, plan: Plan) {
        for veto in &plan.vetoes {
            let step = veto.step.action.to_string();
            self.found(Violation::Vetoed { controller, guard: veto.guard, step });
        }
        let before = self.plans.remove(&controller).map(|(_, plan)| plan);
        self.trace.plan(self.world.now, controller, before.as_ref(), &plan);
        self.situations.met(&self.world, &plan);
        self.plans.insert(controller, (self.world.now, plan));
        self.planned = true;
    }

    fn look_at(&mut self, no: ControllerNo, at: Millis) {
        if let Some(timer) = self.timers.controllers.get_mut(usize::from(no.0)) {
            timer.look = timer.look.min(at);
        }
    }
}
