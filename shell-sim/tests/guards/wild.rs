//! A planner that knows the words and nothing of their meaning: actions that could be sent, drawn
//! by chance from what an observation shows. Most are nearly right, since nothing but those gets
//! past a guard.

use ha_core::{
    action::Action,
    desired::Durability,
    ids::{Incarnation, InstanceId, InstanceRef, Term},
    observation::{ClusterObservation, Route, SyncMode},
    record::{Before, Cause, Member, Proof, Record, Reset, Stage},
};
use shell_sim::driver::Chance;

/// What is drawn from.
pub(crate) struct Wild<'a> {
    pub(crate) obs: &'a ClusterObservation,
    pub(crate) chance: &'a mut Chance,
}

impl Wild<'_> {
    /// One to three actions.
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        (0..=self.chance.below(3)).filter_map(|_| self.action()).collect()
    }

    fn record(&self) -> Option<&Record> {
        self.obs.record.known()?.record()
    }

    fn any(&mut self) -> Option<InstanceId> {
        let ids: Vec<InstanceId> = self.obs.instances.keys().copied().collect();
        self.chance.pick(&ids).copied()
    }

    fn life(&self, id: InstanceId) -> Option<Incarnation> {
        let view = self.obs.instances.get(&id)?;
        view.bolt.known().map(|view| view.incarnation)
    }

    fn lives(&mut self) -> Option<InstanceRef> {
        let id = self.any()?;
        Some(InstanceRef { id, incarnation: self.life(id)? })
    }

    /// The recorded main three times out of four.
    fn main(&mut self) -> Option<InstanceRef> {
        let target = self.record().map(|record| record.target);
        match target.filter(|_| !self.chance.once_in(4)) {
            Some(id) => Some(InstanceRef { id, incarnation: self.life(id)? }),
            None => self.lives(),
        }
    }

    /// The recorded term nearly always.
    fn term(&mut self) -> Term {
        let term = self.record().map_or(Term(0), |record| record.term);
        if self.chance.once_in(12) { term.next() } else { term }
    }

    fn mode(&mut self) -> SyncMode {
        let modes = [SyncMode::StrictSync, SyncMode::Sync, SyncMode::Async];
        *self.chance.pick(&modes).unwrap_or(&SyncMode::Async)
    }

    fn action(&mut self) -> Option<Action> {
        let term = self.term();
        Some(match self.chance.below(12) {
            0 => Action::Promote { on: self.main()?, term },
            1 => Action::Demote { on: self.lives()?, term },
            2 | 3 => Action::Register {
                on: self.main()?,
                replica: self.lives()?,
                mode: self.mode(),
                term,
            },
            4 => Action::Drop { on: self.main()?, replica: self.any()?, term },
            5 => Action::SetAside { on: self.lives()?, term },
            6 => {
                let proves = self.lives().into_iter().collect();
                let drained = self.chance.once_in(2);
                Action::Commit { on: self.main()?, term, proves, drained }
            }
            7 => Action::SetRoute(self.route(term)?),
            _ => {
                let expected = self.obs.record.known()?.version;
                let record = Box::new(self.next_record()?);
                Action::WriteRecord { expected, record, reads_target: self.chance.once_in(2) }
            }
        })
    }

    fn route(&mut self, term: Term) -> Option<Route> {
        let main = self.main()?;
        Some(match self.chance.below(4) {
            0 | 1 => Route::Closed,
            2 => Route::Open { term, main },
            _ => Route::Draining { term, main },
        })
    }

    /// The record with something else in it.
    fn next_record(&mut self) -> Option<Record> {
        let mut record = self.record()?.clone();
        match self.chance.below(5) {
            0 | 1 => self.intent(&mut record)?,
            2 | 3 => self.stage(&mut record)?,
            _ => {}
        }
        for _ in 0..self.chance.below(3) {
            self.spoil(&mut record)?;
        }
        Some(record)
    }

    fn intent(&mut self, record: &mut Record) -> Option<()> {
        let before = Before { main: record.target, incarnation: record.incarnation };
        let at = self.lives()?;
        record.term = record.term.next();
        record.stage = Stage::Intent;
        record.cause = self.cause();
        record.former.remove(&at.id);
        if record.target != at.id {
            record.former.insert(record.target);
        }
        (record.target, record.incarnation) = (at.id, at.incarnation);
        record.before = Some(before);
        record.members.clear();
        Some(())
    }

    fn cause(&mut self) -> Cause {
        let causes =
            [Cause::Failover, Cause::Switchover { request: None }, Cause::Return, Cause::Renewal];
        *self.chance.pick(&causes).unwrap_or(&Cause::Failover)
    }

    fn stage(&mut self, record: &mut Record) -> Option<()> {
        record.stage = match record.stage {
            Stage::Intent => Stage::Withdrawn,
            Stage::Withdrawn => Stage::Attached,
            Stage::Attached | Stage::Steady => Stage::Steady,
        };
        if record.stage == Stage::Attached {
            let id = self.any()?;
            let proof = self.proof(record, id);
            record.members.insert(id, Member { votes: true, proof });
        }
        if record.stage >= Stage::Attached {
            record.before = None;
        }
        Some(())
    }

    fn proof(&mut self, record: &Record, id: InstanceId) -> Option<Proof> {
        let replica = self.life(id).filter(|_| !self.chance.once_in(3))?;
        Some(Proof { main: record.incarnation, replica })
    }

    /// One thing that is not as it was.
    fn spoil(&mut self, record: &mut Record) -> Option<()> {
        let id = self.any()?;
        match self.chance.below(9) {
            0 => {
                let votes = self.chance.once_in(2);
                let proof = self.proof(record, id);
                record.members.insert(id, Member { votes, proof });
            }
            1 => drop(record.members.remove(&id)),
            2 => {
                let at = self.lives()?;
                record.before = Some(Before { main: at.id, incarnation: at.incarnation });
            }
            3 => record.before = None,
            4 => drop(record.former.remove(&id)),
            5 => record.incarnation = self.life(record.target)?,
            6 => {
                let life = self.life(id)?;
                let term = record.term;
                let reset = Reset { volume: life.volume, term, by: None, restores: None };
                record.resets.insert(id, reset);
            }
            7 => drop(record.resets.remove(&id)),
            _ => {
                record.durability = match record.durability {
                    Durability::Required => Durability::Fast,
                    Durability::Fast => Durability::Required,
                }
            }
        }
        Some(())
    }
}
