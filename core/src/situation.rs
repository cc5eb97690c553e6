//! The vocabulary of the rules: facts derived once from an observation, each under a name that
//! reads aloud and with one definition. Nothing here decides.

use crate::{
    action::Action,
    ids::{Incarnation, InstanceId, InstanceRef, ResourceVersion},
    observation::{
        BoltView, ClusterObservation, Contact, Container, Content, EngineVersion, InstanceView,
        OwnCommit, PromotionRight, RegisterResult, Registration, RoleView, Route, Row, RowState,
        StoredRecord, Witness,
    },
    reading::{Age, Why},
    reason::{Loss, Reason, Unfit, UnsafeEngine},
    record::{Cause, Proof, Record, Stage},
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
};

/// An observation with what follows from it.
#[derive(Debug)]
pub struct Situation<'a> {
    /// What it is derived from.
    pub obs: &'a ClusterObservation,
    /// The record, if there is one and it could be read.
    pub record: Option<&'a Record>,
    /// The version of the record object.
    pub version: Option<ResourceVersion>,
}

/// A main that answers, in the life that the record names.
#[derive(Debug, Clone, Copy)]
pub struct MainNow<'a> {
    /// The instance in its life.
    pub at: InstanceRef,
    /// Its registrations.
    pub rows: &'a BTreeMap<InstanceId, Row>,
    /// The whole answer.
    pub view: &'a BoltView,
}

impl<'a> Situation<'a> {
    /// Derives the situation.
    #[must_use]
    pub fn of(obs: &'a ClusterObservation) -> Self {
        let stored = obs.record.known();
        let record = stored.and_then(StoredRecord::record);
        Self { obs, record, version: stored.and_then(|stored| stored.version) }
    }

    /// Writes `record` in the place of the one that was read.
    #[must_use]
    pub fn writes(&self, record: Record) -> Action {
        let record = Box::new(record);
        Action::WriteRecord { expected: self.version, record, reads_target: false }
    }

    /// The same, with the target's life read once more before.
    #[must_use]
    pub fn writes_life(&self, record: Record) -> Action {
        let record = Box::new(record);
        Action::WriteRecord { expected: self.version, record, reads_target: true }
    }

    /// The instances other than `id`.
    pub fn others(&self, id: InstanceId) -> impl Iterator<Item = InstanceId> + '_ {
        self.obs.instances.keys().copied().filter(move |other| *other != id)
    }

    /// What is known of `id`.
    #[must_use]
    pub fn view(&self, id: InstanceId) -> Option<&'a InstanceView> {
        self.obs.instances.get(&id)
    }

    /// The answer of `id` in this round, by the pod that the API server knows, at an address.
    #[must_use]
    pub fn answer(&self, id: InstanceId) -> Option<&'a BoltView> {
        let view = self.view(id)?;
        let pod = view.pod.known().and_then(Option::as_ref)?;
        let answer = view.answer()?;
        (pod.address.is_some() && pod.uid == answer.incarnation.pod).then_some(answer)
    }

    /// Whether `id` gave no answer in this round and may do so in the next: nothing is done that
    /// rests on its absence.
    #[must_use]
    pub fn may_answer_yet(&self, id: InstanceId) -> bool {
        let absent = self.answer(id).is_none();
        absent
            && self.view(id).is_some_and(|view| match view.contact {
                Contact::Answering => true,
                Contact::Closed { since } | Contact::Unreached { since, .. } => {
                    since != Age::Expired
                }
            })
    }

    /// `id` in the life that answered in this round.
    #[must_use]
    pub fn lives(&self, id: InstanceId) -> Option<InstanceRef> {
        self.answer(id).map(|view| InstanceRef { id, incarnation: view.incarnation })
    }

    /// Whether `id` answered as replica in this round.
    #[must_use]
    pub fn is_replica(&self, id: InstanceId) -> bool {
        self.answer(id).is_some_and(|view| view.role == RoleView::Replica)
    }

    /// `id` in its life, if it answered as replica in this round.
    #[must_use]
    pub fn replica(&self, id: InstanceId) -> Option<InstanceRef> {
        if self.is_replica(id) { self.lives(id) } else { None }
    }

    /// `id`, if it answered as main in this round, in whatever life.
    #[must_use]
    pub fn main(&self, id: InstanceId) -> Option<MainNow<'a>> {
        let view = self.answer(id)?;
        match &view.role {
            RoleView::Main { rows, .. } => {
                Some(MainNow { at: InstanceRef { id, incarnation: view.incarnation }, rows, view })
            }
            RoleView::Replica => None,
        }
    }

    /// The recorded target, if it answers as main in the recorded life.
    #[must_use]
    pub fn proven_main(&self) -> Option<MainNow<'a>> {
        let record = self.record?;
        self.main(record.target).filter(|main| main.at.incarnation == record.incarnation)
    }

    /// The record, where the reign is in that stage.
    #[must_use]
    pub fn in_stage(&self, stage: Stage) -> Option<&'a Record> {
        self.record.filter(|record| record.stage == stage)
    }

    /// The same, and its target as its proven main.
    #[must_use]
    pub fn reigning(&self, stage: Stage) -> Option<(&'a Record, MainNow<'a>)> {
        self.in_stage(stage).zip(self.proven_main())
    }

    /// Whether `id` is beyond the size of the cluster that is asked for.
    #[must_use]
    pub const fn is_beyond(&self, id: InstanceId) -> bool {
        id.0 >= self.obs.desired.instances
    }

    /// Whether the pod of `id` is to go: marked for deletion, or beyond the size.
    #[must_use]
    pub fn is_deleting(&self, id: InstanceId) -> bool {
        let marked = self
            .view(id)
            .and_then(|view| view.pod.known())
            .and_then(Option::as_ref)
            .is_some_and(|pod| pod.deleting);
        marked || self.is_beyond(id)
    }

    /// Why `id` gave no answer in this round; `None` where it did.
    #[must_use]
    pub fn unheard(&self, id: InstanceId) -> Option<Why> {
        if self.answer(id).is_some() {
            return None;
        }
        Some(match self.view(id).map(|view| &view.contact) {
            Some(Contact::Unreached { why, .. }) => why.clone(),
            Some(Contact::Closed { .. }) => Why::Refused,
            Some(Contact::Answering) => Why::Silent,
            None => Why::NeverRead,
        })
    }

    /// How `id`, last proven in `life`, was lost; `None` while it answers or may still do so. Whoever
    /// refuses the login answers, and is not dead (MR 7).
    #[must_use]
    pub fn loss(&self, id: InstanceId, life: Incarnation) -> Option<Loss> {
        let view = self.view(id)?;
        let (why, since) = match &view.contact {
            Contact::Answering => return None,
            Contact::Closed { .. } => return Some(Loss::Closed),
            Contact::Unreached { why, since } => (why, *since),
        };
        if *why == Why::NeverRead {
            return None;
        }
        match view.pod.proven() {
            Some(None) => return Some(Loss::PodGone),
            Some(Some(pod)) if pod.uid != life.pod => return Some(Loss::PodReplaced),
            Some(Some(pod)) if pod.container == Container::Terminated => {
                return Some(Loss::Terminated);
            }
            Some(Some(_)) | None => {}
        }
        let unheard = self.obs.route.witness == Witness::Silent;
        let silent = since == Age::Expired && *why != Why::Unauthorized;
        (silent && unheard).then(|| Loss::Silent(why.clone()))
    }

    /// Whether `id`, last proven in `life`, is lost or refuses the login beyond patience: nothing can be
    /// done with it now.
    #[must_use]
    pub fn out_of_reach(&self, id: InstanceId, life: Incarnation) -> bool {
        let locked_out = self.view(id).is_some_and(|view| {
            let Contact::Unreached { why, since } = &view.contact else { return false };
            *why == Why::Unauthorized && *since == Age::Expired
        });
        locked_out || self.loss(id, life).is_some()
    }

    /// Whether what `id` had in `before` is all there in `now`: no kernel ended in between, or
    /// every commit is flushed, on the same volume.
    #[must_use]
    pub fn keeps_all(&self, id: InstanceId, before: Incarnation, now: Incarnation) -> bool {
        let flushes = || self.answer(id).is_some_and(|view| view.engine.flushes_each_commit);
        now.keeps_writes_of(&before) || (now.keeps_flushed_of(&before) && flushes())
    }

    /// The proof of `id` if it is valid for the life that answers now.
    #[must_use]
    pub fn proof(&self, id: InstanceId) -> Option<&'a Proof> {
        let replica = self.replica(id)?;
        self.record?.proof(id).filter(|proof| proof.replica == replica.incarnation)
    }

    /// Whether the recorded voter may become main: proven, and a replica now. One whose pod is to go
    /// has everything all the same, as long as it is there.
    ///
    /// # Errors
    /// What it lacks.
    pub fn fit_voter(&self) -> Result<InstanceRef, (Option<InstanceId>, Unfit)> {
        let record = self.record.ok_or((None, Unfit::NoVoter))?;
        let mut worst = (None, Unfit::NoVoter);
        for id in record.voters() {
            match self.fitness(id) {
                Ok(at) => return Ok(at),
                Err(unfit) => worst = (Some(id), unfit),
            }
        }
        Err(worst)
    }

    fn fitness(&self, id: InstanceId) -> Result<InstanceRef, Unfit> {
        let at = self.lives(id).ok_or(Unfit::Unreachable)?;
        if !self.is_replica(id) {
            return Err(Unfit::NotReplica);
        }
        if self.record.is_some_and(|record| record.resets(at)) {
            return Err(Unfit::ResetOrdered);
        }
        if self.proof(id).is_none() {
            return Err(Unfit::Unproven);
        }
        if self.is_unsupported(id) {
            return Err(Unfit::Engine);
        }
        Ok(at)
    }

    /// Whether the recorded target may still carry the move: it answers, and its present life has
    /// everything that the recorded one had.
    ///
    /// # Errors
    /// Why it may not, or not yet.
    pub fn target_fit(&self, record: &Record) -> Result<InstanceRef, Unfit> {
        let at = self.lives(record.target).ok_or(Unfit::Unreachable)?;
        if at.incarnation == record.incarnation {
            return Ok(at);
        }
        // A voter that restarts before the route is withdrawn may have lost a transaction that it
        // prepared and its main acknowledged (MR 4.3); its own data lets no other target down.
        let own_data = record.cause.is_of_own_data();
        if record.stage == Stage::Intent && !own_data {
            return Err(Unfit::Unproven);
        }
        let empty_start = record.cause == Cause::Bootstrap
            && self.answer(record.target).is_some_and(|view| view.content == Content::Empty);
        if empty_start || self.keeps_all(record.target, record.incarnation, at.incarnation) {
            Ok(at)
        } else {
            Err(Unfit::TailAtRisk)
        }
    }

    /// Whether the data below that life is to be set aside.
    #[must_use]
    pub fn resets(&self, at: InstanceRef) -> bool {
        self.record.is_some_and(|record| record.resets(at))
    }

    /// Whether `id` was proven by what this process did, on `main` in the recorded reign: its
    /// life was read before, reads the same now, and its row is up to date.
    #[must_use]
    pub fn newly_proven(&self, main: &MainNow<'_>, id: InstanceId) -> Option<Proof> {
        let replica = self.replica(id).filter(|at| !self.resets(*at))?.incarnation;
        let row = main.rows.get(&id)?;
        if !row.is_even() {
            return None;
        }
        let by = self.registered(main, id) || self.committed(main, id);
        by.then_some(Proof { main: main.at.incarnation, replica })
    }

    /// Whether this process registered `id` in both their present lives and in this term.
    #[must_use]
    pub fn registered(&self, main: &MainNow<'_>, id: InstanceId) -> bool {
        let life = self.lives(id).map(|at| at.incarnation);
        self.obs.memory.registered.get(&id).is_some_and(|made| {
            made.result == RegisterResult::Done
                && Some(made.term) == self.record.map(|record| record.term)
                && made.main == main.at.incarnation
                && Some(made.replica) == life
        })
    }

    /// Whether a commit of ours was acknowledged on `main` in this term, begun after the present
    /// life of `id` was read.
    #[must_use]
    pub fn committed(&self, main: &MainNow<'_>, id: InstanceId) -> bool {
        let life = self.lives(id).map(|at| at.incarnation);
        self.own_commit(main)
            .is_some_and(|made| life.is_some() && made.replicas.get(&id).copied() == life)
    }

    /// The last commit of ours that was acknowledged on `main` in this term.
    #[must_use]
    pub fn own_commit(&self, main: &MainNow<'_>) -> Option<&'a OwnCommit> {
        self.obs.memory.commit.as_ref().filter(|made| {
            made.acknowledged
                && Some(made.term) == self.record.map(|record| record.term)
                && made.main == main.at.incarnation
        })
    }

    /// Whether `id` runs a version without what the rules rest on: one that keeps a prepared
    /// transaction through a promotion (MR 6).
    #[must_use]
    pub fn is_unsupported(&self, id: InstanceId) -> bool {
        self.answer(id).is_some_and(|view| view.engine.version < EngineVersion::SUPPORTED_FROM)
    }

    /// The first setting of `id` that makes the promise impossible.
    #[must_use]
    pub fn unsafe_engine(&self, id: InstanceId) -> Option<UnsafeEngine> {
        let engine = self.answer(id)?.engine;
        if self.is_unsupported(id) {
            Some(UnsafeEngine::Version(engine.version))
        } else if !engine.wal {
            Some(UnsafeEngine::NoWal)
        } else if !engine.transactional {
            Some(UnsafeEngine::StorageMode)
        } else if !engine.recovers_data {
            Some(UnsafeEngine::ForgetsData)
        } else if !engine.restores_state {
            Some(UnsafeEngine::ForgetsState)
        } else if engine.check_period_s == 0 {
            Some(UnsafeEngine::NoReplicaCheck)
        } else {
            None
        }
    }

    /// Whether no gateway can forward under any grant, as far as this process can tell.
    #[must_use]
    pub fn nobody_forwards(&self) -> bool {
        self.obs.route.handed_out == Route::Closed && self.obs.route.outstanding.is_empty()
    }

    /// The same with every grant of an earlier leader, which only time tells.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.nobody_forwards() && self.obs.leadership.promotion == PromotionRight::Granted
    }

    /// Why it is not fenced.
    #[must_use]
    pub fn unfenced(&self) -> Reason {
        match self.obs.leadership.promotion {
            PromotionRight::Waits(wait) if self.obs.route.outstanding.is_empty() => {
                Reason::PromotionWaits(wait)
            }
            PromotionRight::Waits(_) | PromotionRight::Granted => {
                Reason::GatewaysOutstanding(self.obs.route.outstanding.clone())
            }
        }
    }

    /// Whether registering `id` on `main` failed for good in their present lives: its history
    /// branched off, twice, with a DROP between (MR 1.3, 3.2).
    #[must_use]
    pub fn branched_off(&self, main: &MainNow<'_>, id: InstanceId) -> bool {
        self.tried(main, id).is_some_and(|made| made.branched >= Registration::COUNTED)
    }

    /// The same, or the main's row says so. A row goes on saying it of data that was set aside since
    /// (MR 2.2).
    #[must_use]
    pub fn diverged(&self, main: &MainNow<'_>, id: InstanceId) -> bool {
        let row = main.rows.get(&id);
        self.branched_off(main, id) || row.is_some_and(|row| row.state == RowState::Diverged)
    }

    /// The registrations of `id` on `main` by this process, in both their present lives.
    #[must_use]
    pub fn tried(&self, main: &MainNow<'_>, id: InstanceId) -> Option<&'a Registration> {
        let life = self.lives(id)?.incarnation;
        self.obs
            .memory
            .registered
            .get(&id)
            .filter(|made| made.main == main.at.incarnation && made.replica == life)
    }

    /// Whether the last registration of `id` on `main` in their present lives failed.
    #[must_use]
    pub fn registers_in_vain(&self, main: &MainNow<'_>, id: InstanceId) -> bool {
        self.tried(main, id).is_some_and(|made| {
            matches!(made.result, RegisterResult::Branched | RegisterResult::Unreachable)
        })
    }

    /// Instances other than the recorded target that answered as main in this round.
    #[must_use]
    pub fn other_mains(&self, target: InstanceId) -> BTreeSet<InstanceId> {
        self.others(target).filter(|id| self.main(*id).is_some()).collect()
    }
}

impl Row {
    /// Whether the replica was up to date when the row was read.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.state == RowState::Ready && self.behind == 0
    }

    /// Whether the row shows that the main was in touch with the replica and is not short of it:
    /// after a restart of the main every row begins as invalid (MR 5.3).
    #[must_use]
    pub fn confirms_main(&self) -> bool {
        let made_contact = match &self.state {
            RowState::Ready | RowState::Recovery | RowState::Replicating => true,
            RowState::Invalid
            | RowState::Diverged
            | RowState::Phantom
            | RowState::Unrecognized(_) => false,
        };
        made_contact && self.behind <= 0
    }

    /// Whether the row shows that the replica has more than the main.
    #[must_use]
    pub fn outruns_main(&self) -> bool {
        match &self.state {
            RowState::Diverged => true,
            RowState::Ready | RowState::Recovery | RowState::Replicating => self.behind > 0,
            RowState::Invalid | RowState::Phantom | RowState::Unrecognized(_) => false,
        }
    }
}
