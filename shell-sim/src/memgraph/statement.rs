//! Statements of clients: which are refused where, and what a role command does (MR 1, 4.4).
//! Commits and registrations are only handed on from here.

use super::answer::{Answer, Notice, RoleName};
use super::error::{ServerError, Topic};
use super::process::{Main, Replica, Role, Transaction};
use super::types::{
    Endpoint, Epoch, MainUuid, Mint, Payload, PortState, ReplicaName, Session, SyncMode,
};
use super::volume::{Checkpoint, Store};
use super::{Instance, Output, Process, Rejection};
use serde::{Deserialize, Serialize};

/// The usual Bolt port, about which a demotion warns (MR 1.2).
const BOLT_PORT: u16 = 7687;

/// A statement, already parsed (MR 1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Statement<P> {
    /// SHOW REPLICATION ROLE.
    ShowRole,
    /// SHOW REPLICAS.
    ShowReplicas,
    /// SHOW VERSION.
    ShowVersion,
    /// SHOW CONFIG.
    ShowConfig,
    /// SHOW STORAGE INFO.
    ShowStorageInfo,
    /// SET REPLICATION ROLE TO MAIN.
    SetRoleMain,
    /// SET REPLICATION ROLE TO REPLICA WITH PORT.
    SetRoleReplica {
        /// The port.
        port: u16,
    },
    /// REGISTER REPLICA.
    Register {
        /// Its name.
        name: ReplicaName,
        /// Its mode.
        mode: SyncMode,
        /// Its address.
        endpoint: Endpoint,
    },
    /// DROP REPLICA.
    Drop {
        /// Its name.
        name: ReplicaName,
    },
    /// A query that only reads.
    Read,
    /// A query that writes: a transaction of its own, or part of the open one.
    Write(P),
    /// BEGIN.
    Begin,
    /// A query that writes, in the open transaction.
    Stage(P),
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// CREATE SNAPSHOT.
    Snapshot,
}

impl<P> Statement<P> {
    /// What forbids it in an explicit transaction (MR 1.2).
    const fn topic(&self) -> Option<Topic> {
        match self {
            Self::ShowRole
            | Self::ShowReplicas
            | Self::SetRoleMain
            | Self::SetRoleReplica { .. }
            | Self::Register { .. }
            | Self::Drop { .. } => Some(Topic::Replication),
            Self::ShowVersion => Some(Topic::Version),
            Self::ShowConfig => Some(Topic::Config),
            Self::ShowStorageInfo => Some(Topic::StorageInfo),
            Self::Snapshot => Some(Topic::Snapshot),
            Self::Read
            | Self::Write(_)
            | Self::Begin
            | Self::Stage(_)
            | Self::Commit
            | Self::Rollback => None,
        }
    }

    /// Whether only one of them may run at a time (MR 1.2).
    const fn is_system_query(&self) -> bool {
        matches!(
            self,
            Self::SetRoleMain
                | Self::SetRoleReplica { .. }
                | Self::Register { .. }
                | Self::Drop { .. }
        )
    }
}

/// What a statement comes to at once; none if its answer comes later.
type Outcome = Result<Option<Answer>, ServerError>;

impl<P: Payload> Instance<P> {
    /// Runs one statement of a client.
    pub(super) fn execute(
        &mut self,
        session: Session,
        statement: Statement<P>,
        mint: &mut Mint,
        out: &mut Vec<Output<P>>,
    ) {
        if let Some(rejection) = self.reject(session, &statement) {
            out.push(Output::Rejected(rejection));
            return;
        }
        let answer = match self.run(session, statement, mint, out) {
            Ok(None) => return,
            Ok(Some(answer)) => answer,
            Err(error) => {
                if let Some(transaction) = self.transaction(session) {
                    transaction.failed = true;
                }
                Answer::Failed(error)
            }
        };
        out.push(Output::Answer { session, answer });
    }

    /// What no client could have sent.
    fn reject(&self, session: Session, statement: &Statement<P>) -> Option<Rejection> {
        let Some(process) = self.process.as_ref().filter(|process| process.bolt_open) else {
            return Some(Rejection::BoltClosed(session));
        };
        if self.as_main().is_some_and(|main| main.owes(session)) {
            return Some(Rejection::SessionBusy(session));
        }
        let staged = matches!(statement, Statement::Stage(_));
        (staged && !process.transactions.contains_key(&session))
            .then_some(Rejection::NoTransaction(session))
    }

    fn run(
        &mut self,
        session: Session,
        statement: Statement<P>,
        mint: &mut Mint,
        out: &mut Vec<Output<P>>,
    ) -> Outcome {
        if let Some(topic) = statement.topic()
            && self.transaction(session).is_some()
        {
            return Err(ServerError::InTransaction(topic));
        }
        if statement.is_system_query() && self.as_main().is_some_and(Main::is_registering) {
            return Err(ServerError::ConcurrentSystemQueries);
        }
        match statement {
            Statement::ShowRole => Ok(self.role().map(Answer::Role)),
            Statement::ShowReplicas => self.show_replicas(),
            Statement::ShowVersion => Ok(Some(Answer::Version(self.config.version))),
            Statement::ShowConfig => Ok(Some(Answer::Config(self.config))),
            Statement::ShowStorageInfo => Ok(Some(Answer::StorageInfo {
                storage_uuid: self.volume.storage_uuid,
                transactions: self.log().len(),
            })),
            Statement::SetRoleMain => self.promote(mint, out),
            Statement::SetRoleReplica { port } => self.demote(port, mint),
            Statement::Register { name, mode, endpoint } => match self.main_turn(mint, out) {
                Some(mut turn) => turn.register(session, name, mode, endpoint).map(|()| None),
                None => Err(ServerError::RegisterOnReplica),
            },
            Statement::Drop { name } => match self.main_turn(mint, out) {
                Some(mut turn) => turn.drop_replica(name).map(done),
                None => Err(ServerError::DropOnReplica),
            },
            Statement::Read => Ok(self.read(session)),
            Statement::Write(payload) | Statement::Stage(payload) => {
                self.write(session, payload, mint, out)
            }
            Statement::Begin => self.begin(session),
            Statement::Commit => self.commit(session, mint, out),
            Statement::Rollback => self.roll_back(session),
            Statement::Snapshot => Ok(self.snapshot()),
        }
    }

    fn transaction(&mut self, session: Session) -> Option<&mut Transaction<P>> {
        self.process.as_mut()?.transactions.get_mut(&session)
    }

    fn show_replicas(&self) -> Outcome {
        match self.role() {
            Some(RoleName::Main) => Ok(Some(Answer::Replicas(self.rows()))),
            Some(RoleName::Replica) | None => Err(ServerError::ShowReplicasOnReplica),
        }
    }

    /// Whether the instance lock is held, so that role commands are refused (MR 1.2).
    fn is_locked(&self) -> bool {
        let busy = self.process.as_ref().is_some_and(|process| process.busy);
        busy || self.as_main().is_some_and(|main| main.commit.is_some())
    }

    /// SET ROLE TO MAIN (MR 1.2, 9.2): new UUID, new epoch, no replicas.
    fn promote(&mut self, mint: &mut Mint, out: &mut Vec<Output<P>>) -> Outcome {
        if self.is_locked() {
            return Err(ServerError::SetMain);
        }
        let Some(Process { role, timeline, .. }) = &mut self.process else {
            return Err(ServerError::SetMain);
        };
        let Role::Replica(replica) = role else { return Err(ServerError::SetMain) };
        if let Some(entry) = replica.prepared.take() {
            out.push(Output::Discarded { tick: entry.tick });
        }
        timeline.enter(Epoch(mint.fresh()));
        timeline.clock = timeline.clock.max(timeline.ldt + 1);
        let uuid = MainUuid(mint.fresh());
        *role = Role::Main(Main::new(uuid));
        if self.config.restore_state {
            self.volume.store = Some(Store::Main { uuid, registrations: Vec::new() });
        }
        Ok(done(Notice::SetReplica(RoleName::Main)))
    }

    /// SET ROLE TO REPLICA (MR 1.2, 9.2): all registrations are erased, nobody is obeyed. Open
    /// transactions live on, and their writes fail at commit.
    fn demote(&mut self, port: u16, mint: &mut Mint) -> Outcome {
        if self.is_locked() || self.role() != Some(RoleName::Main) || self.port == PortState::Taken
        {
            return Err(ServerError::SetReplica);
        }
        let listening = self.port == PortState::Free;
        let obeys = MainUuid(mint.fresh());
        if let Some(process) = &mut self.process {
            process.role = Role::Replica(Replica { port, obeys, listening, prepared: None });
        }
        if self.config.restore_state {
            self.volume.store = Some(Store::Replica { port, obeys });
        }
        if !listening {
            return Err(ServerError::SetReplica);
        }
        let mut notices = vec![Notice::SetReplica(RoleName::Replica)];
        if port == BOLT_PORT {
            notices.insert(0, Notice::ReplicaPort);
        }
        Ok(Some(Answer::Done(notices)))
    }

    /// A read takes a tick, unless it is part of a transaction that has its own (MR 2.3).
    fn read(&mut self, session: Session) -> Option<Answer> {
        let process = self.process.as_mut()?;
        if !process.transactions.contains_key(&session) {
            process.timeline.tick();
        }
        Some(Answer::Read { ldt: process.timeline.ldt })
    }

    fn write(
        &mut self,
        session: Session,
        payload: P,
        mint: &mut Mint,
        out: &mut Vec<Output<P>>,
    ) -> Outcome {
        if self.role() != Some(RoleName::Main) {
            return Err(ServerError::WriteOnReplica);
        }
        if let Some(transaction) = self.transaction(session) {
            if transaction.failed {
                return Err(ServerError::RollbackExpected);
            }
            match &mut transaction.payload {
                Some(so_far) => so_far.absorb(payload),
                None => transaction.payload = Some(payload),
            }
            return Ok(Some(Answer::Done(Vec::new())));
        }
        let Some(mut turn) = self.main_turn(mint, out) else {
            return Err(ServerError::WriteOnReplica);
        };
        turn.timeline.tick();
        turn.submit(session, payload);
        Ok(None)
    }

    fn begin(&mut self, session: Session) -> Outcome {
        if self.transaction(session).is_some() {
            return Err(ServerError::NestedTransaction);
        }
        if let Some(process) = &mut self.process {
            process.timeline.tick();
            let transaction = Transaction { payload: None, failed: false };
            process.transactions.insert(session, transaction);
        }
        Ok(Some(Answer::Done(Vec::new())))
    }

    /// COMMIT of an explicit transaction; one that only read commits on any role (MR 4.4).
    fn commit(&mut self, session: Session, mint: &mut Mint, out: &mut Vec<Output<P>>) -> Outcome {
        match self.transaction(session) {
            None => return Err(ServerError::NothingToCommit),
            Some(transaction) if transaction.failed => return Err(ServerError::RollbackExpected),
            Some(_) => {}
        }
        let ended = self.process.as_mut().and_then(|p| p.transactions.remove(&session));
        let Some(payload) = ended.and_then(|transaction| transaction.payload) else {
            return Ok(Some(Answer::Done(Vec::new())));
        };
        match self.main_turn(mint, out) {
            Some(mut turn) => {
                turn.submit(session, payload);
                Ok(None)
            }
            None => Err(ServerError::NotMainAnymore),
        }
    }

    fn roll_back(&mut self, session: Session) -> Outcome {
        let ended = self.process.as_mut().and_then(|p| p.transactions.remove(&session));
        match ended {
            Some(_) => Ok(Some(Answer::Done(Vec::new()))),
            None => Err(ServerError::NothingToRollBack),
        }
    }

    /// CREATE SNAPSHOT takes a tick and makes epoch and history durable (MR 2.3, 3.3).
    fn snapshot(&mut self) -> Option<Answer> {
        let entries = self.log().len();
        let process = self.process.as_mut()?;
        process.timeline.tick();
        self.volume.checkpoint = Some(Checkpoint {
            epoch: process.timeline.epoch,
            history: process.timeline.history.clone(),
            entries,
        });
        self.volume.flushed = self.volume.flushed.max(entries);
        Some(Answer::Done(Vec::new()))
    }
}

/// Success with one notification.
fn done(notice: Notice) -> Option<Answer> {
    Some(Answer::Done(vec![notice]))
}
