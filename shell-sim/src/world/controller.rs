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
    ids::{ControllerId, GatewayId, InstanceId, ResourceVersion},
    leadership::{LeaderClock, LeaseSample, Millis},
    observation::{ClusterObservation, PodView, RecordContent, Route, StoredRecord},
    record::{Record, Stage},
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
    pub reports: BTreeMap<GatewayId, Report>,
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

/// What a gateway said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Report {
    /// The number of that question.
    pub number: u64,
    /// Whether transactions are open on the main through it.
    pub open: bool,
    /// When the last byte from the main arrived there.
    pub last_byte: Option<Millis>,
    /// The question whose answer it took last.
    pub accepted: Option<u64>,
    /// The first question of this drain that was answered.
    pub draining_since: Option<u64>,
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
            reports: BTreeMap::new(),
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
        match &self.history.record()?.content {
            RecordContent::Record(record) => Some(record),
            RecordContent::Absent
            | RecordContent::Newer { .. }
            | RecordContent::Unreadable { .. } => None,
        }
    }

    /// Whether a transaction may be open through a gateway whose grant may be alive. During a
    /// drain each must have taken an answer that says so.
    fn open_transactions(&self, now: Millis) -> bool {
        let draining = matches!(self.history.route(), Route::Draining { .. });
        let outstanding = self.leader.outstanding(now);
        let open = |report: &Report| {
            let told = report.draining_since.is_some_and(|since| report.accepted >= Some(since));
            report.open || (draining && !told)
        };
        outstanding.iter().any(|gateway| self.reports.get(gateway).is_none_or(open))
    }

    /// Feeds what gateways said.
    fn sample_gateways(&mut self, now: Millis) {
        let open_transactions = self.open_transactions(now);
        let last_byte = self.reports.values().filter_map(|report| report.last_byte).max();
        let last_byte_ms = last_byte.map(|at| now.saturating_sub(at));
        self.take(now, Sample::Gateways { open_transactions, last_byte_ms });
    }

    /// What a question is answered, if this process may answer at all. A grant rests on a steady
    /// record that was read after the lease was acquired, and never outlives the lease.
    fn answer(&mut self, asked: &Asked, now: Millis, settings: &Settings) -> Option<grant::Answer> {
        let timing = &settings.counted();
        let grant::Question { gateway, number, holds, open_transactions, last_byte_ms } =
            asked.question;
        if holds.is_none() {
            self.leader.holds_nothing(gateway, number);
        }
        // Numbers begin anew with each process of a gateway.
        let earlier = self.reports.get(&gateway).filter(|report| report.number <= number);
        let report = Report {
            number,
            open: open_transactions,
            last_byte: last_byte_ms.map(|age| now.saturating_sub(age)),
            accepted: asked.accepted,
            draining_since: earlier.and_then(|report| report.draining_since),
        };
        self.reports.insert(gateway, report);
        let right = self.leader.grant(now, timing)?;
        let read_as_leader = self.record_read >= self.leader.acquired() || !settings.rereads;
        let record = self.record().filter(|_| read_as_leader)?;
        let term = record.term;
        let route = self.history.route();
        let granted = match route {
            Route::Closed => false,
            Route::Open { term: of, main } | Route::Draining { term: of, main } => {
                record.stage == Stage::Steady
                    && of == term
                    && main.id == record.target
                    && main.incarnation == record.incarnation
            }
        };
        if !granted {
            return Some(grant::Answer { number, term, route: Route::Closed, lasts_ms: 0 });
        }
        if let (Route::Draining { .. }, Some(report)) = (route, self.reports.get_mut(&gateway)) {
            report.draining_since.get_or_insert(number);
        }
        self.leader.granted(gateway, number, now, timing);
        Some(grant::Answer { number, term, route, lasts_ms: Self::grant_length(right, settings) })
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

    pub(super) fn read_pods(&mut self, no: ControllerNo) -> Step {
        self.may_read(no)?;
        let pods: Vec<_> =
            self.instances().zip(self.bodies.iter().map(super::Body::pod_view)).collect();
        let (process, now) = self.acting(no)?;
        for (id, pod) in pods {
            process.pods.insert(id, pod);
            process.take(now, Sample::Pod { id, pod });
        }
        Ok(())
    }

    pub(super) fn read_record(&mut self, no: ControllerNo, stale: u8) -> Step {
        self.may_read(no)?;
        let stored = self
            .api
            .stored(stale)
            .ok_or(Refused::NotNow("no version of the record is that old"))?;
        let (process, now) = self.acting(no)?;
        process.take_record(now, stored);
        Ok(())
    }

    pub(super) fn read_lease(&mut self, no: ControllerNo, stale: u8) -> Step {
        self.may_read(no)?;
        let lease = self.api.lease(stale);
        let (process, now) = self.acting(no)?;
        match lease {
            Some(lease) => process.leader.saw(now, lease),
            None if stale == 0 => process.leader.saw_none(now),
            None => return Err(Refused::NotNow("no version of the lease is that old")),
        }
        Ok(())
    }

    fn may_read(&self, no: ControllerNo) -> Step {
        if self.api_reads(no) {
            Ok(())
        } else {
            Err(Refused::NotNow("the API server cannot be read from there"))
        }
    }

    /// Renews the lease, or campaigns for it.
    pub(super) fn renew(&mut self, no: ControllerNo, release: bool) -> Step {
        let timing = self.settings.counted();
        let (process, now) = self.acting(no)?;
        let expected = match process.leader.renewal() {
            Some(version) => Some(version),
            None if release => return Err(Refused::NotNow("it does not hold the lease")),
            None => process.leader.campaign(now, &timing).ok_or(Refused::NotNow(
                "it does not hold the lease, and it is too early to campaign",
            ))?,
        };
        let by = process.me();
        let body = Body::LeaseWrite { by, expected, release, sent: now };
        self.network.send(Kind::Lease, false, Place::Controller(no), Place::Api, body);
        Ok(())
    }

    pub(super) fn lease_answered(
        &mut self,
        no: ControllerNo,
        sent: Millis,
        released: bool,
        version: Option<ResourceVersion>,
        out: &mut Vec<Happening>,
    ) -> Step {
        let (process, now) = self.acting(no)?;
        match version {
            Some(version) if released => {
                process.leader.saw(now, LeaseSample { version, holder: None });
            }
            Some(version) => {
                let before = process.leader.acquired();
                process.leader.renewed(now, sent, version);
                if process.leader.acquired() != before {
                    out.push(Happening::Leads(no));
                }
            }
            None => {}
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
