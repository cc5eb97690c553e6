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
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use tokio::time::timeout;

/// Writes, and leaves nothing behind.
const COMMIT: &str = "CREATE (n:MemgraphHaMark) DELETE n";
/// REGISTER's word for a history that branched off (MR 1.3).
const BRANCHED: &str = "Error: 3";
/// REGISTER's word for a replica that does not accept this main (MR 1.3).
const NOT_ACCEPTED: &str = "Error: 5";
/// REGISTER's word for a state that could not be stored (MR 1.3): the row may be there.
const NOT_STORED: &str = "Error: 4";

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
    pub async fn holds(&self, action: &Action, addresses: &Addresses) -> bool {
        timeout(self.checks, self.check(action, addresses)).await.is_ok_and(|it| it.is_some())
    }

    /// Carries a command out. `ready` is asked last.
    pub async fn send(
        &self,
        action: &Action,
        addresses: &Addresses,
        ready: impl FnOnce() -> bool,
    ) -> Outcome {
        let Some(statement) = self.statement(action, addresses) else { return Outcome::NotSent };
        let checked = timeout(self.checks, self.check(action, addresses)).await;
        let Ok(Some(Some(mut connection))) = checked else { return Outcome::NotSent };
        if !ready() {
            return Outcome::NotSent;
        }
        match timeout(self.limit, connection.query(&statement)).await {
            Ok(answer) => outcome(action, answer.map(|_| ())),
            Err(_) => Outcome::Unknown,
        }
    }

    /// The statement of a command; none for what is no command, or has no address.
    fn statement(&self, action: &Action, addresses: &Addresses) -> Option<String> {
        Some(match action {
            Action::WriteRecord { .. } | Action::SetRoute(_) | Action::SetAside { .. } => {
                return None;
            }
            Action::Promote { .. } => "SET REPLICATION ROLE TO MAIN".to_owned(),
            Action::Demote { on, .. } => {
                let port = self.names.replication_port(on.id);
                format!("SET REPLICATION ROLE TO REPLICA WITH PORT {port}")
            }
            Action::Register { replica, mode, .. } => {
                let name = self.names.replica(replica.id);
                let endpoint = self.names.replication(replica.id, *addresses.get(&replica.id)?);
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

    /// Reads again what an action needs of instances: the connection to its addressee, if all of it
    /// holds and there is one.
    async fn check(&self, action: &Action, addresses: &Addresses) -> Option<Option<Connection>> {
        let needs = action.preconditions();
        let addressee = action.addressee().map(|on| on.id);
        let of = |need: &Precondition| subject(need);
        let mut others: Vec<InstanceId> = needs.iter().filter_map(of).collect();
        others.sort();
        others.dedup();
        others.retain(|id| Some(*id) != addressee);
        for id in others {
            self.check_one(id, &needs, addresses).await?;
        }
        match addressee {
            Some(id) => self.check_one(id, &needs, addresses).await.map(Some),
            None => Some(None),
        }
    }

    async fn check_one(
        &self,
        id: InstanceId,
        needs: &[Precondition],
        addresses: &Addresses,
    ) -> Option<Connection> {
        let address = self.names.bolt(id, *addresses.get(&id)?);
        let mut connection = Connection::open(address, &self.access).await.ok()?;
        let life = read_life(&connection).ok()?;
        let here = InstanceRef { id, incarnation: life.incarnation };
        let is_main = read_role(&mut connection).await.ok()?;
        let holds = needs.iter().filter(|need| subject(need) == Some(id)).all(|need| match need {
            Precondition::Lives(at) => *at == here,
            Precondition::IsMain(_) => is_main,
            Precondition::IsReplica(_) => !is_main,
            Precondition::LeaseHeld
            | Precondition::RecordVersion(_)
            | Precondition::RecordTerm(_)
            | Precondition::NobodyForwards => true,
        });
        holds.then_some(connection)
    }
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

/// What an answer to a command means.
fn outcome(action: &Action, answer: Result<(), Failed>) -> Outcome {
    let text = match answer {
        Ok(()) => return Outcome::Done,
        Err(Failed::Refusal { text, .. }) => text,
        Err(Failed::Refused | Failed::Broken(_) | Failed::Unauthorized(_) | Failed::Foreign(_)) => {
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
