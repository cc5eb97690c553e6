//! How a controller carries out its plan: one effect at a time, each after its preconditions were
//! read again, on the connection of the command itself. The first effect that is not done ends
//! the plan.

use super::{
    Payload, Refused, Step, World,
    controller::{Awaited, Waiting},
    happening::Happening,
    names::{ControllerNo, Kind, Place},
    network::Body,
};
use crate::memgraph::{self, Answer, RegisterError, ReplicaName, ServerError, Session, Statement};
use ha_core::{
    action::{Action, Precondition},
    history::{Outcome, Sample},
    ids::{InstanceId, InstanceRef, ResourceVersion},
    leadership::Millis,
    observation::{PromotionRight, RecordContent, Route, StoredRecord, SyncMode},
};

/// The replication port of every instance.
pub(super) const REPLICATION_PORT: u16 = 10_000;

/// The statement of a command, and its kind; none for what is no command.
pub(super) fn statement(action: &Action) -> Option<(Kind, Statement<Payload>)> {
    let name = |id: InstanceId| ReplicaName(id.0.into());
    Some(match action {
        Action::WriteRecord { .. } | Action::SetRoute(_) | Action::SetAside { .. } => return None,
        Action::Promote { .. } => (Kind::Promote, Statement::SetRoleMain),
        Action::Demote { .. } => {
            (Kind::Demote, Statement::SetRoleReplica { port: REPLICATION_PORT })
        }
        Action::Register { replica, mode, .. } => {
            let mode = match mode {
                SyncMode::StrictSync => memgraph::SyncMode::StrictSync,
                SyncMode::Sync => memgraph::SyncMode::Sync,
                SyncMode::Async => memgraph::SyncMode::Async,
            };
            let endpoint = super::delivery::endpoint(replica.id);
            (Kind::Register, Statement::Register { name: name(replica.id), mode, endpoint })
        }
        Action::Drop { replica, .. } => (Kind::Drop, Statement::Drop { name: name(*replica) }),
        Action::Commit { .. } => (Kind::Mark, Statement::Write(Payload::Mark)),
    })
}

/// What an instance's answer to a command means.
fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Done(_) | Answer::Committed { .. } => Outcome::Done,
        Answer::Failed(ServerError::Register { error, .. }) => match error {
            RegisterError::Diverged => Outcome::Branched,
            RegisterError::NotAccepted => Outcome::Unreachable,
            RegisterError::NameExists | RegisterError::EndpointExists | RegisterError::NoAccess => {
                Outcome::Refused
            }
        },
        // It is committed on the main, whatever the error says (MR 4.2).
        Answer::Failed(ServerError::SyncFailed { .. })
        | Answer::Role(_)
        | Answer::Replicas(_)
        | Answer::Version(_)
        | Answer::Config(_)
        | Answer::StorageInfo { .. }
        | Answer::Read { .. } => Outcome::Unknown,
        Answer::Failed(_) => Outcome::Refused,
    }
}

impl World {
    /// Carries out the next step of a plan.
    pub(super) fn effect(&mut self, no: ControllerNo, out: &mut Vec<Happening>) -> Step {
        let (process, _) = self.acting(no)?;
        if process.waiting.is_some() {
            return Err(Refused::NotNow("it waits for an effect that is under way"));
        }
        let action =
            process.queue.pop_front().ok_or(Refused::NotNow("its plan has no step left"))?;
        for precondition in action.preconditions() {
            if self.settings.rechecks && !self.holds(no, precondition)? {
                return self.finish(no, action, Outcome::NotSent, out);
            }
        }
        out.push(Happening::Sent { controller: no, action: action.clone() });
        match (&action, statement(&action), action.addressee()) {
            (_, Some((kind, _)), Some(on)) => {
                let here = Place::Controller(no);
                let session = self.network.connect(here, on.id, kind);
                let body = Body::Command { session, action: Box::new(action.clone()) };
                self.network.send(kind, false, here, Place::Instance(on.id), body);
                self.wait(no, action, Awaited::Connection(session))
            }
            (Action::WriteRecord { expected, record, .. }, _, _) => {
                let (process, _) = self.acting(no)?;
                process.tickets += 1;
                let (by, ticket) = (process.me(), process.tickets);
                let (expected, record) = (*expected, record.clone());
                let body = Body::RecordWrite { by, ticket, expected, record };
                self.network.send(Kind::Record, false, Place::Controller(no), Place::Api, body);
                self.wait(no, action, Awaited::Record(ticket))
            }
            (Action::SetAside { on, .. }, _, _) => {
                let (process, _) = self.acting(no)?;
                process.tickets += 1;
                let (by, ticket) = (process.me(), process.tickets);
                let body = Body::SetAside { by, ticket, on: *on };
                self.network.send(Kind::SetAside, false, Place::Controller(no), Place::Api, body);
                self.wait(no, action, Awaited::Record(ticket))
            }
            (_, _, _) => self.finish(no, action, Outcome::Done, out),
        }
    }

    fn wait(&mut self, no: ControllerNo, action: Action, on: Awaited) -> Step {
        let (process, now) = self.acting(no)?;
        process.waiting = Some(Waiting { action, sent: now, on });
        Ok(())
    }

    fn holds(&mut self, no: ControllerNo, precondition: Precondition) -> Result<bool, Refused> {
        let settings = self.settings.clone();
        let (process, now) = self.acting(no)?;
        let leader = &process.leader;
        Ok(match precondition {
            Precondition::LeaseHeld => process.acts(now, &settings),
            // The API server compares it itself.
            Precondition::RecordVersion(_) => true,
            Precondition::RecordTerm(term) => {
                process.record().is_some_and(|record| record.term == term)
            }
            Precondition::NobodyForwards => {
                process.history.route() == Route::Closed
                    && leader.outstanding(now).is_empty()
                    && process.leadership(now, &settings).promotion == PromotionRight::Granted
            }
            Precondition::Lives(at) => self.lives(no, at)?,
            Precondition::IsMain(id) => {
                self.unreachable(no, id)?.is_none() && self.body(id)?.instance.as_main().is_some()
            }
            Precondition::IsReplica(id) => {
                self.unreachable(no, id)?.is_none()
                    && self.body(id)?.instance.as_replica().is_some()
            }
        })
    }

    fn lives(&self, no: ControllerNo, at: InstanceRef) -> Result<bool, Refused> {
        let there = self.unreachable(no, at.id)?.is_none();
        Ok(there && self.body(at.id)?.incarnation() == Some(at.incarnation))
    }

    /// An effect ended, one way or another.
    fn finish(
        &mut self,
        no: ControllerNo,
        action: Action,
        outcome: Outcome,
        out: &mut Vec<Happening>,
    ) -> Step {
        let (_, now) = self.acting(no)?;
        self.finish_sent(no, now, action, outcome, out)
    }

    /// The same for an effect that was sent at `sent`.
    fn finish_sent(
        &mut self,
        no: ControllerNo,
        sent: Millis,
        action: Action,
        outcome: Outcome,
        out: &mut Vec<Happening>,
    ) -> Step {
        let (process, _) = self.acting(no)?;
        process.waiting = None;
        if outcome != Outcome::Done {
            process.queue.clear();
        }
        if matches!(action, Action::SetRoute(Route::Draining { .. })) {
            process.reports.drain_begins();
        }
        process.take(sent, Sample::Outcome { action: action.clone(), outcome });
        out.push(Happening::Ended { controller: no, action, outcome });
        Ok(())
    }

    fn take_waiting(&mut self, no: ControllerNo, on: Awaited) -> Result<Option<Waiting>, Refused> {
        let (process, _) = self.acting(no)?;
        Ok(if process.waiting.as_ref().is_some_and(|waiting| waiting.on == on) {
            process.waiting.take()
        } else {
            None
        })
    }

    pub(super) fn command_answered(
        &mut self,
        no: ControllerNo,
        session: Session,
        answer: &Answer,
        out: &mut Vec<Happening>,
    ) -> Step {
        let waiting = self.take_waiting(no, Awaited::Connection(session))?;
        self.hang_up(session, out)?;
        match waiting {
            Some(waiting) => self.finish(no, waiting.action, outcome(answer), out),
            None => Ok(()),
        }
    }

    /// The connection of a command broke: whether it took effect is not known.
    pub(super) fn command_lost(
        &mut self,
        no: ControllerNo,
        session: Session,
        out: &mut Vec<Happening>,
    ) -> Step {
        let waiting = self.take_waiting(no, Awaited::Connection(session))?;
        self.hang_up(session, out)?;
        match waiting {
            Some(waiting) => self.finish(no, waiting.action, Outcome::Unknown, out),
            None => Ok(()),
        }
    }

    pub(super) fn record_answered(
        &mut self,
        no: ControllerNo,
        ticket: u32,
        version: Option<ResourceVersion>,
        out: &mut Vec<Happening>,
    ) -> Step {
        let Some(waiting) = self.take_waiting(no, Awaited::Record(ticket))? else {
            return Ok(());
        };
        match version {
            Some(version) => {
                self.remember_record(no, waiting.sent, &waiting.action, version)?;
                self.finish_sent(no, waiting.sent, waiting.action, Outcome::Done, out)
            }
            None => self.finish(no, waiting.action, Outcome::Refused, out),
        }
    }

    /// What was written is as good as read: it was so when it was sent.
    fn remember_record(
        &mut self,
        no: ControllerNo,
        sent: Millis,
        action: &Action,
        version: ResourceVersion,
    ) -> Step {
        let (process, _) = self.acting(no)?;
        if let Action::WriteRecord { record, .. } = action {
            let content = RecordContent::Record(record.clone());
            process.take_record(sent, StoredRecord { version: Some(version), content });
        }
        Ok(())
    }

    pub(super) fn record_lost(&mut self, no: ControllerNo, ticket: u32, out: &mut Vec<Happening>) {
        if let Ok(Some(waiting)) = self.take_waiting(no, Awaited::Record(ticket)) {
            // The process takes steps, or it could not have been asked.
            let _ended = self.finish(no, waiting.action, Outcome::Unknown, out);
        }
    }

    /// The controller stops waiting; the effect may happen yet.
    pub(super) fn give_up(&mut self, no: ControllerNo, out: &mut Vec<Happening>) -> Step {
        let (process, _) = self.acting(no)?;
        let waiting = process.waiting.take().ok_or(Refused::NotNow("it waits for no effect"))?;
        if let Awaited::Connection(session) = waiting.on {
            self.hang_up(session, out)?;
        }
        self.finish(no, waiting.action, Outcome::Unknown, out)
    }
}
