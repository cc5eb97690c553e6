//! Sends one command to the life that it is meant for: everything that must still hold is read again,
//! the addressee last and on the connection of the command itself; then the caller's own clocks are
//! asked, and only then it is sent. It is never resent.

use super::{
    access::Access,
    connection::{Connection, Failed},
    names::Endpoints,
    probe::{read_life, read_role},
};
use ha_core::{
    action::{Action, Precondition},
    history::Outcome,
    ids::{InstanceId, InstanceRef},
    observation::SyncMode,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::timeout;

/// Writes, and leaves nothing behind.
const COMMIT: &str = "CREATE (n:MemgraphHaMark) DELETE n";
/// REGISTER's word for a history that branched off (MR 1.3).
const BRANCHED: &str = "Error: 3";
/// REGISTER's word for a replica that does not accept this main (MR 1.3).
const NOT_ACCEPTED: &str = "Error: 5";
/// REGISTER's word for a state that could not be stored (MR 1.3): the row may be there.
const NOT_STORED: &str = "Error: 4";

/// Why something was not begun: what it needs of an instance does not hold, or is not known to.
#[derive(Debug, thiserror::Error)]
pub enum Unmet {
    /// There is nowhere to ask.
    #[error("{0} has no address")]
    NoAddress(InstanceId),
    /// An instance did not tell.
    #[error("{0} cannot be asked: {1}")]
    Unasked(InstanceId, Failed),
    /// Another life answers than the one that is meant.
    #[error("there is {here}, not {meant}")]
    AnotherLife {
        /// The one that is meant.
        meant: Box<InstanceRef>,
        /// The one that answered.
        here: Box<InstanceRef>,
    },
    /// It is a replica.
    #[error("{0} is no main")]
    NotMain(InstanceId),
    /// It is a main.
    #[error("{0} is no replica")]
    NotReplica(InstanceId),
    /// Reading it again took too long.
    #[error("what it needs was not read within {} ms", .0.as_millis())]
    Late(Duration),
    /// Whoever wanted it has no right to it any more.
    #[error("the right to it ended meanwhile")]
    NotReady,
    /// Nothing is sent for it.
    #[error("it is no command")]
    NoCommand,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// As a value.
    pub outcome: Outcome,
    /// Why it was not done, or why nobody knows, in words for people.
    pub why: Option<String>,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, why: None }
    }
}

impl From<Unmet> for Ended {
    fn from(unmet: Unmet) -> Self {
        Self { outcome: Outcome::NotSent, why: Some(unmet.to_string()) }
    }
}

/// Sends commands to instances.
#[derive(Debug, Clone)]
pub struct Commander {
    access: Access,
    names: Endpoints,
    /// How long the checks before a command may take.
    checks: Duration,
    /// How long a command may take.
    limit: Duration,
}

/// Where instances are.
pub type Addresses = BTreeMap<InstanceId, IpAddr>;

impl Commander {
    /// With the time limits of the checks before a command, and of the command.
    #[must_use]
    pub const fn new(access: Access, names: Endpoints, checks: Duration, limit: Duration) -> Self {
        Self { access, names, checks, limit }
    }

    /// Whether everything that an action which is no command needs of instances still holds.
    ///
    /// # Errors
    /// What does not.
    pub async fn holds(&self, action: &Action, addresses: &Addresses) -> Result<(), Unmet> {
        self.checked(action, addresses).await.map(|_| ())
    }

    /// Carries a command out. `ready` is asked last.
    pub async fn send(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: impl FnOnce() -> bool,
    ) -> Ended {
        let (mut connection, statement) = match self.prepared(action, addresses, ready).await {
            Ok(prepared) => prepared,
            Err(unmet) => return unmet.into(),
        };
        match timeout(self.limit, connection.query(&statement)).await {
            Ok(Ok(_)) => Outcome::Done.into(),
            Ok(Err(failed)) => {
                Ended { outcome: outcome(action, &failed), why: Some(failed.to_string()) }
            }
            Err(_) => {
                let why = format!("no answer within {} ms", self.limit.as_millis());
                Ended { outcome: Outcome::Unknown, why: Some(why) }
            }
        }
    }

    /// The connection on which a command is sent, and its statement.
    async fn prepared(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: impl FnOnce() -> bool,
    ) -> Result<(Connection, String), Unmet> {
        let statement = self.statement(action, addresses)?;
        let connection = self.checked(action, addresses).await?;
        let connection = connection.ok_or(Unmet::NoCommand)?;
        if ready() { Ok((connection, statement)) } else { Err(Unmet::NotReady) }
    }

    /// The statement of a command.
    fn statement(&self, action: &Action, addresses: &Addresses) -> Result<String, Unmet> {
        Ok(match action {
            Action::WriteRecord { .. } | Action::SetRoute(_) | Action::SetAside { .. } => {
                return Err(Unmet::NoCommand);
            }
            Action::Promote { .. } => "SET REPLICATION ROLE TO MAIN".to_owned(),
            Action::Demote { on, .. } => {
                let port = self.names.replication_port(on.id);
                format!("SET REPLICATION ROLE TO REPLICA WITH PORT {port}")
            }
            Action::Register { replica, mode, .. } => {
                let name = self.names.replica(replica.id);
                let address = address(replica.id, addresses)?;
                let endpoint = self.names.replication(replica.id, address);
                let mode = match mode {
                    SyncMode::StrictSync => "STRICT_SYNC",
                    SyncMode::Sync => "SYNC",
                    SyncMode::Async => "ASYNC",
                };
                format!("REGISTER REPLICA {name} {mode} TO \"{endpoint}\"")
            }
            Action::Drop { replica, .. } => {
                format!("DROP REPLICA {}", self.names.replica(*replica))
            }
            Action::Commit { .. } => COMMIT.to_owned(),
        })
    }

    /// What [`Self::check`] finds, within its time.
    async fn checked(
        &self,
        action: &Action,
        addresses: &Addresses,
    ) -> Result<Option<Connection>, Unmet> {
        let checked = timeout(self.checks, self.check(action, addresses)).await;
        checked.unwrap_or(Err(Unmet::Late(self.checks)))
    }

    /// Reads again what an action needs of instances, and how to reach its addressee if there is one.
    async fn check(
        &self,
        action: &Action,
        addresses: &Addresses,
    ) -> Result<Option<Connection>, Unmet> {
        let needs = action.preconditions();
        let addressee = action.addressee().map(|on| on.id);
        let mut others: Vec<InstanceId> = needs.iter().filter_map(subject).collect();
        others.sort();
        others.dedup();
        others.retain(|id| Some(*id) != addressee);
        for id in others {
            self.check_one(id, &needs, addresses).await?;
        }
        match addressee {
            Some(id) => self.check_one(id, &needs, addresses).await.map(Some),
            None => Ok(None),
        }
    }

    async fn check_one(
        &self,
        id: InstanceId,
        needs: &[Precondition],
        addresses: &Addresses,
    ) -> Result<Connection, Unmet> {
        let address = self.names.bolt(id, address(id, addresses)?);
        let (connection, here, is_main) =
            asked(id, address, &self.access).await.map_err(|failed| Unmet::Unasked(id, failed))?;
        for need in needs.iter().filter(|need| subject(need) == Some(id)) {
            match need {
                Precondition::Lives(meant) if *meant != here => {
                    return Err(Unmet::AnotherLife {
                        meant: Box::new(*meant),
                        here: Box::new(here),
                    });
                }
                Precondition::IsMain(_) if !is_main => return Err(Unmet::NotMain(id)),
                Precondition::IsReplica(_) if is_main => return Err(Unmet::NotReplica(id)),
                Precondition::Lives(_)
                | Precondition::IsMain(_)
                | Precondition::IsReplica(_)
                | Precondition::LeaseHeld
                | Precondition::RecordVersion(_)
                | Precondition::RecordTerm(_)
                | Precondition::NobodyForwards => {}
            }
        }
        Ok(connection)
    }
}

/// Who lives there, and whether it is a main.
async fn asked(
    id: InstanceId,
    address: SocketAddr,
    access: &Access,
) -> Result<(Connection, InstanceRef, bool), Failed> {
    let mut connection = Connection::open(address, access).await?;
    let life = read_life(&connection)?;
    let is_main = read_role(&mut connection).await?;
    Ok((connection, InstanceRef { id, incarnation: life.incarnation }, is_main))
}

fn address(id: InstanceId, addresses: &Addresses) -> Result<IpAddr, Unmet> {
    addresses.get(&id).copied().ok_or(Unmet::NoAddress(id))
}

/// The instance that a precondition is about, if it is about one.
const fn subject(need: &Precondition) -> Option<InstanceId> {
    match need {
        Precondition::Lives(at) => Some(at.id),
        Precondition::IsMain(id) | Precondition::IsReplica(id) => Some(*id),
        Precondition::LeaseHeld
        | Precondition::RecordVersion(_)
        | Precondition::RecordTerm(_)
        | Precondition::NobodyForwards => None,
    }
}

/// What it means that a command was not answered with success.
fn outcome(action: &Action, failed: &Failed) -> Outcome {
    let text = match failed {
        Failed::Statement { text, .. } => text,
        Failed::NoListener | Failed::Broken(_) | Failed::Unauthorized(_) | Failed::Foreign(_) => {
            return Outcome::Unknown;
        }
    };
    let is = |word: &str| text.ends_with(word) || text.contains(&format!("{word} "));
    match action {
        Action::Register { .. } if is(BRANCHED) => Outcome::Branched,
        Action::Register { .. } if is(NOT_ACCEPTED) => Outcome::Unreachable,
        Action::Register { .. } if is(NOT_STORED) => Outcome::Unknown,
        // With SYNC replicas it may be committed, whatever the error says (MR 4.2).
        Action::Commit { .. } => Outcome::Unknown,
        Action::Register { .. }
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::Drop { .. }
        | Action::SetAside { .. }
        | Action::WriteRecord { .. }
        | Action::SetRoute(_) => Outcome::Refused,
    }
}
