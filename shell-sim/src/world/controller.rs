//! A controller: what one process of it knows, what it waits for, and how it looks at the world.
//! What to do is decided by the function that the caller passes in; how an effect is carried out
//! is the next file.

use super::{
    Decide, Refused, Settings, Step, World,
    clock::Clock,
    happening::Happening,
    names::{ControllerNo, Kind, Place},
    network::{Asked, Body},
};
use crate::memgraph::Session;
use ha_core::{
    action::Action,
    grant,
    history::{History, Sample},
    ids::{ControllerId, InstanceId},
    leadership::{LeaderClock, Millis},
    observation::{ClusterObservation, PodView, StoredRecord},
    record::Record,
    reports::Reports,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The place of a controller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Controller {
    /// The clocks of its machine.
    pub clock: Clock,
    /// Whether its process is stopped and takes no step.
    pub frozen: bool,
    /// The process, if one runs.
    pub process: Option<Box<Process>>,
}

/// A controller process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Process {
    /// Lease, grants and promises.
    pub leader: LeaderClock,
    /// What it saw.
    pub history: History,
    /// When it last read the record.
    pub record_read: Option<Millis>,
    /// The pods as last read: where it looks for instances.
    pub pods: BTreeMap<InstanceId, Option<PodView>>,
    /// What is left of its plan.
    pub queue: VecDeque<Action>,
    /// The effect that it waits for.
    pub waiting: Option<Waiting>,
    /// Writes of the record so far.
    pub tickets: u32,
    /// What each gateway said last.
    pub reports: Reports,
    /// What it took in since somebody last looked, if that is wanted; no step depends on it.
    #[serde(skip)]
    pub taken: Option<Vec<(Millis, Sample)>>,
}

/// An effect under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiting {
    /// The effect.
    pub action: Action,
    /// When it was sent.
    pub sent: Millis,
    /// What ends the wait.
    pub on: Awaited,
}

/// What ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Awaited {
    /// An answer on this connection.
    Connection(Session),
    /// The API server's word on this write.
    Record(u32),
}

impl Process {
    fn start(me: ControllerId, now: Millis) -> Self {
        Self {
            leader: LeaderClock::start(me, now),
            history: History::start(now),
            record_read: None,
            pods: BTreeMap::new(),
            queue: VecDeque::new(),
            waiting: None,
            tickets: 0,
            reports: Reports::default(),
            taken: None,
        }
    }

    /// Takes one sample in.
    pub(super) fn take(&mut self, at: Millis, sample: Sample) {
        if let Some(taken) = &mut self.taken {
            taken.push((at, sample.clone()));
        }
        self.history.take(at, sample);
    }

    /// The id of this process.
    #[must_use]
    pub const fn me(&self) -> ControllerId {
        self.leader.me()
    }

    /// The record as last read.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.history.record()?.record()
    }

    /// Whether a transaction may be open through a gateway whose grant may be alive.
    fn open_transactions(&self, now: Millis) -> bool {
        self.reports.open_transactions(self.history.route(), &self.leader.outstanding(now))
    }

    /// Feeds what gateways said.
    fn sample_gateways(&mut self, now: Millis) {
        let (route, outstanding) = (self.history.route(), self.leader.outstanding(now));
        self.take(now, self.reports.sample(now, route, &outstanding));
    }

    /// What a question is answered, if this process may answer at all.
    fn answer(&mut self, asked: &Asked, now: Millis, settings: &Settings) -> Option<grant::Answer> {
        if !self.reports.hear(&asked.question, asked.accepted, now) {
            return None;
        }
        let read_as_leader = self.record_read >= self.leader.acquired() || !settings.rereads;
        let stored = self.history.record().filter(|_| read_as_leader);
        let record = stored.and_then(StoredRecord::record);
        let time = (now, &settings.counted());
        let route = self.history.route();
        let answer = self.reports.answer(&asked.question, &mut self.leader, record, route, time)?;
        Some(Self::told(answer, settings))
    }

    pub(super) fn take_record(&mut self, at: Millis, stored: StoredRecord) {
        self.record_read = self.record_read.max(Some(at));
        self.take(at, Sample::Record(stored));
    }
}

impl World {
    /// The running process of a controller.
    ///
    /// # Errors
    /// There is no such controller, or no process of it runs.
    pub fn controller(&self, no: ControllerNo) -> Result<&Process, Refused> {
        self.controllers
            .get(usize::from(no.0))
            .ok_or(Refused::NoSuch(Place::Controller(no)))?
            .process
            .as_deref()
            .ok_or(Refused::NotNow("no process of that controller runs; start it first"))
    }

    /// The process, if it takes steps, with its clock and the durations.
    pub(super) fn acting(&mut self, no: ControllerNo) -> Result<(&mut Process, Millis), Refused> {
        let now = self.now;
        let controller = self
            .controllers
            .get_mut(usize::from(no.0))
            .ok_or(Refused::NoSuch(Place::Controller(no)))?;
        if controller.frozen {
            return Err(Refused::NotNow("the controller is frozen; thaw it first"));
        }
        let now = controller.clock.monotonic(now);
        let process = controller
            .process
            .as_deref_mut()
            .ok_or(Refused::NotNow("no process of that controller runs; start it first"))?;
        Ok((process, now))
    }

    /// What a controller reads on its monotonic clock.
    #[must_use]
    pub fn controller_time(&self, no: ControllerNo) -> Millis {
        self.controllers
            .get(usize::from(no.0))
            .map_or(self.now, |controller| controller.clock.monotonic(self.now))
    }

    /// What a controller would decide on now.
    ///
    /// # Errors
    /// No process of that controller runs.
    pub fn observation(&self, no: ControllerNo) -> Result<ClusterObservation, Refused> {
        let process = self.controller(no)?;
        let (now, settings) = (self.controller_time(no), &self.settings);
        Ok(process.history.observe(
            now,
            &settings.patience,
            &self.desired,
            process.leadership(now, settings),
            process.leader.acquired().filter(|_| settings.rereads),
            process.leader.outstanding(now),
        ))
    }

    pub(super) fn start_controller(&mut self, no: ControllerNo) -> Step {
        if !self.has(Place::Controller(no)) {
            return Err(Refused::NoSuch(Place::Controller(no)));
        }
        if self.controller(no).is_ok() {
            return Err(Refused::NotNow("a process of that controller runs already"));
        }
        let (me, since) = self.identity(self.controller_time(no));
        let Some(controller) = self.controllers.get_mut(usize::from(no.0)) else {
            return Err(Refused::NoSuch(Place::Controller(no)));
        };
        controller.frozen = false;
        controller.process = Some(Box::new(Process::start(me, since)));
        Ok(())
    }

    /// The process ends; what it sent is still under way.
    pub(super) fn crash_controller(&mut self, no: ControllerNo, out: &mut Vec<Happening>) -> Step {
        let waiting = self.controller(no)?.waiting.clone();
        if let Some(controller) = self.controllers.get_mut(usize::from(no.0)) {
            controller.process = None;
            controller.frozen = false;
        }
        self.network.forget_receiver(Place::Controller(no));
        if let Some(Waiting { on: Awaited::Connection(session), .. }) = waiting {
            self.hang_up(session, out)?;
        }
        Ok(())
    }

    pub(super) fn question_arrived(
        &mut self,
        no: ControllerNo,
        asked: &Asked,
        out: &mut Vec<Happening>,
    ) -> Step {
        let settings = self.settings.clone();
        let (process, now) = self.acting(no)?;
        let before = (process.leader.outstanding(now).len(), process.open_transactions(now));
        let answer = process.answer(asked, now, &settings);
        process.sample_gateways(now);
        let after = (process.leader.outstanding(now).len(), process.open_transactions(now));
        if after.0 < before.0 || (before.1 && !after.1) {
            out.push(Happening::Acknowledged { controller: no, gateway: asked.question.gateway });
        }
        let on_promises = process.leader.right(now, &settings.counted()) == 0;
        if on_promises && answer.is_some_and(|answer| answer.lasts_ms > 0) {
            out.push(Happening::GrantsOnPromises(no));
        }
        if let Some(answer) = answer {
            let to = Place::Gateway(asked.question.gateway);
            let body = Body::GrantAnswer(answer);
            self.network.send(Kind::Question, true, Place::Controller(no), to, body);
        }
        Ok(())
    }

    pub(super) fn decide(
        &mut self,
        no: ControllerNo,
        decide: Decide,
        out: &mut Vec<Happening>,
    ) -> Step {
        let (process, now) = self.acting(no)?;
        if process.waiting.is_some() || !process.queue.is_empty() {
            return Err(Refused::NotNow("its last plan is not at its end"));
        }
        process.sample_gateways(now);
        let plan = decide(&self.observation(no)?);
        let (process, _) = self.acting(no)?;
        process.queue = plan.steps.iter().map(|step| step.action.clone()).collect();
        out.push(Happening::Planned { controller: no, plan: Box::new(plan) });
        Ok(())
    }
}
