//! A client that writes through a gateway, and what it was told of each write. Whether what it
//! was told is true is for the oracle.

use super::{
    Payload, Refused, Step, World,
    gateway::NotForwarded,
    happening::Happening,
    names::{ClientId, WriteId},
};
use crate::memgraph::{Answer, Entry, ServerError, Statement};
use ha_core::{
    desired::Durability,
    ids::{GatewayId, InstanceId},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What a client knows of one of its writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fate {
    /// No word yet.
    Pending,
    /// The gateway holds it: it certainly did not happen, and may be tried again.
    Held,
    /// It was acknowledged.
    Acked,
    /// It certainly did not happen.
    Failed,
    /// It may have happened.
    InDoubt,
}

impl Fate {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Acked => "acked",
            Self::Failed => "failed",
            Self::InDoubt => "doubt",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A client: one statement in flight at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Client {
    /// Its writes.
    pub writes: BTreeMap<WriteId, Fate>,
    /// The statement in flight.
    pub doing: Option<Doing>,
    /// Its open transaction.
    pub transaction: Option<Transaction>,
}

/// A statement in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Doing {
    /// Through which gateway.
    pub gateway: GatewayId,
    /// Which statement.
    pub what: What,
}

/// The statements of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// A write that is a transaction of its own.
    Write(WriteId),
    /// BEGIN.
    Begin,
    /// A write in the open transaction.
    Stage(WriteId),
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
}

/// An explicit transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Transaction {
    /// Through which gateway.
    pub gateway: GatewayId,
    /// Its only write.
    pub staged: Option<WriteId>,
}

impl Client {
    /// Whether it has a transaction under way through this gateway.
    #[must_use]
    pub fn is_open_through(&self, gateway: GatewayId) -> bool {
        self.doing.is_some_and(|doing| doing.gateway == gateway)
            || self.transaction.is_some_and(|open| open.gateway == gateway)
    }

    fn settle(&mut self, write: WriteId, fate: Fate, out: &mut Vec<Happening>) {
        self.writes.insert(write, fate);
        out.push(Happening::Told(write, fate));
    }
}

impl World {
    fn client_mut(&mut self, id: ClientId) -> Result<&mut Client, Refused> {
        self.clients.get_mut(usize::from(id.0)).ok_or(Refused::NoClient(id))
    }

    pub(super) fn new_write(&mut self) -> WriteId {
        self.truth.writes += 1;
        WriteId(self.truth.writes)
    }

    /// A write that is a transaction of its own: a new one, or one that was held.
    pub(super) fn client_writes(
        &mut self,
        id: ClientId,
        gateway: GatewayId,
        again: Option<WriteId>,
        out: &mut Vec<Happening>,
    ) -> Step {
        let client = self.client_mut(id)?;
        if client.doing.is_some() || client.transaction.is_some() {
            return Err(Refused::NotNow("the client is busy with its statement before"));
        }
        if again.is_some_and(|write| client.writes.get(&write) != Some(&Fate::Held)) {
            return Err(Refused::NotNow("only a write that is held is tried again"));
        }
        self.gateway_awake(gateway)?;
        let write = again.unwrap_or_else(|| self.new_write());
        self.client_mut(id)?.writes.insert(write, Fate::Pending);
        let statement = Statement::Write(Payload::Write(write));
        let sent = self.forward(gateway, id, statement, true, out)?;
        let client = self.client_mut(id)?;
        match sent {
            Ok(()) => client.doing = Some(Doing { gateway, what: What::Write(write) }),
            Err(NotForwarded::Hold | NotForwarded::Lost) => client.settle(write, Fate::Held, out),
        }
        Ok(())
    }

    pub(super) fn client_begins(
        &mut self,
        id: ClientId,
        gateway: GatewayId,
        out: &mut Vec<Happening>,
    ) -> Step {
        let client = self.client_mut(id)?;
        if client.doing.is_some() || client.transaction.is_some() {
            return Err(Refused::NotNow("the client is busy with its statement before"));
        }
        self.gateway_awake(gateway)?;
        if self.forward(gateway, id, Statement::Begin, true, out)?.is_ok() {
            let client = self.client_mut(id)?;
            client.doing = Some(Doing { gateway, what: What::Begin });
            client.transaction = Some(Transaction { gateway, staged: None });
        }
        Ok(())
    }

    /// A write, COMMIT or ROLLBACK in the open transaction.
    pub(super) fn client_goes_on(
        &mut self,
        id: ClientId,
        next: Next,
        out: &mut Vec<Happening>,
    ) -> Step {
        let client = self.client_mut(id)?;
        if client.doing.is_some() {
            return Err(Refused::NotNow("the client is busy with its statement before"));
        }
        let Some(open) = client.transaction else {
            return Err(Refused::NotNow("the client has no open transaction; begin first"));
        };
        if next == Next::Stage && open.staged.is_some() {
            return Err(Refused::NotNow("a transaction has one write here"));
        }
        self.gateway_awake(open.gateway)?;
        let (statement, what) = match next {
            Next::Stage => {
                let write = self.new_write();
                self.client_mut(id)?.writes.insert(write, Fate::Pending);
                (Statement::Stage(Payload::Write(write)), What::Stage(write))
            }
            Next::Commit => (Statement::Commit, What::Commit),
            Next::Rollback => (Statement::Rollback, What::Rollback),
        };
        let sent = self.forward(open.gateway, id, statement, false, out)?;
        let client = self.client_mut(id)?;
        match (sent, what) {
            (Ok(()), what) => {
                if let (What::Stage(write), Some(open)) = (what, &mut client.transaction) {
                    open.staged = Some(write);
                }
                client.doing = Some(Doing { gateway: open.gateway, what });
            }
            (Err(NotForwarded::Hold | NotForwarded::Lost), what) => {
                client.transaction = None;
                let new = if let What::Stage(write) = what { Some(write) } else { None };
                for write in open.staged.into_iter().chain(new) {
                    client.settle(write, Fate::Failed, out);
                }
            }
        }
        Ok(())
    }

    fn gateway_awake(&self, gateway: GatewayId) -> Step {
        if self.gateway(gateway)?.frozen {
            return Err(Refused::NotNow("the gateway is frozen; thaw it first"));
        }
        Ok(())
    }

    /// The connection behind a client's transaction was closed: what was asked to commit is in
    /// doubt, what was not is gone.
    pub(super) fn interrupt(&mut self, id: ClientId, gateway: GatewayId, out: &mut Vec<Happening>) {
        let unknown = self.settings.unknown();
        let Ok(client) = self.client_mut(id) else { return };
        if !client.is_open_through(gateway) {
            return;
        }
        let doing = client.doing.take().map(|doing| doing.what);
        let staged = client.transaction.take().and_then(|open| open.staged);
        match doing {
            Some(What::Write(write)) => client.settle(write, unknown, out),
            Some(What::Commit) => {
                if let Some(write) = staged {
                    client.settle(write, unknown, out);
                }
            }
            Some(What::Begin | What::Stage(_) | What::Rollback) | None => {
                if let Some(write) = staged {
                    client.settle(write, Fate::Failed, out);
                }
            }
        }
    }

    /// An answer reaches the client; false if it shows that no main answered.
    pub(super) fn client_answered(
        &mut self,
        id: ClientId,
        answer: &Answer,
        out: &mut Vec<Happening>,
    ) -> bool {
        let told = out.len();
        let Ok(client) = self.client_mut(id) else { return true };
        let Some(doing) = client.doing.take() else { return true };
        let from_replica = matches!(
            answer,
            Answer::Failed(ServerError::WriteOnReplica | ServerError::NotMainAnymore)
        );
        let fate = match answer {
            Answer::Failed(ServerError::WriteOnReplica) => Fate::Held,
            // Committed on the main, whatever the error says (MR 4.2).
            Answer::Failed(ServerError::SyncFailed { .. }) => Fate::InDoubt,
            Answer::Failed(_) => Fate::Failed,
            Answer::Done(_)
            | Answer::Committed { .. }
            | Answer::Role(_)
            | Answer::Replicas(_)
            | Answer::Version(_)
            | Answer::Config(_)
            | Answer::StorageInfo { .. }
            | Answer::Read { .. } => Fate::Acked,
        };
        let failed = matches!(answer, Answer::Failed(_));
        match doing.what {
            What::Write(write) => client.settle(write, fate, out),
            What::Begin | What::Stage(_) if !failed => {}
            What::Commit => {
                let staged = client.transaction.take().and_then(|open| open.staged);
                if let Some(write) = staged {
                    client.settle(write, fate, out);
                }
            }
            What::Begin | What::Stage(_) | What::Rollback => {
                let staged = client.transaction.take().and_then(|open| open.staged);
                if let Some(write) = staged {
                    client.settle(write, Fate::Failed, out);
                }
            }
        }
        for happening in out.iter().skip(told) {
            if let Happening::Told(write, Fate::Acked) = happening {
                self.note_alone(*write);
            }
        }
        !from_replica
    }

    /// Where commits do not wait for a vote, a write may be acknowledged that no voter has.
    fn note_alone(&mut self, write: WriteId) {
        let waits = self.api.record().is_none_or(|it| it.durability == Durability::Required);
        if !waits && !self.voters_hold(write) {
            self.truth.alone.insert(write);
        }
    }

    /// Whoever votes from now on has what the main had alone, or it is as lost as it was.
    pub(super) fn note_votes(&mut self) {
        let alone = std::mem::take(&mut self.truth.alone);
        self.truth.alone = alone.into_iter().filter(|write| !self.voters_hold(*write)).collect();
    }

    fn voters_hold(&self, write: WriteId) -> bool {
        let has = |id: InstanceId| {
            let log = self.body(id).ok().map(|body| &body.instance.volume.log);
            let is_it = |entry: &Entry<Payload>| entry.payload == Payload::Write(write);
            log.is_some_and(|log| log.iter().any(is_it))
        };
        self.api.record().is_some_and(|record| record.voters().any(has))
    }
}

/// How an open transaction goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Next {
    /// With a write.
    Stage,
    /// With COMMIT.
    Commit,
    /// With ROLLBACK.
    Rollback,
}
