//! Statements that ask or change the instance: which columns they have, where they are refused,
//! and their rows (MR 1).

use super::summary::Summary;
use super::tables;
use crate::cypher::ast::{Admin, StorageInfo, StorageMode};
use crate::graph::Index;
use crate::node::{Names, Node};
use bolt::server::Fault;
use bolt::value::Value;
use shell_sim::memgraph::{Answer, ServerError, Session, Statement, SyncMode, Topic};
use std::sync::Arc;

/// Rows and what is said besides.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) summary: Summary,
}

/// The columns of a statement.
pub(super) fn columns(admin: &Admin) -> &'static [&'static str] {
    match admin {
        Admin::ShowReplicationRole => &["replication role"],
        Admin::ShowReplicas => &["name", "socket_address", "sync_mode", "system_info", "data_info"],
        Admin::ShowVersion => &["version"],
        Admin::ShowConfig => &["name", "default_value", "current_value", "description"],
        Admin::ShowStorageInfo(_) => &["storage info", "value"],
        Admin::ShowIndexInfo => &["index type", "label", "property", "count"],
        Admin::ShowConstraintInfo => &["constraint type", "label", "properties", "data_type"],
        Admin::ShowTriggers => {
            &["trigger name", "statement", "event type", "phase", "owner", "query"]
        }
        Admin::ShowDatabases => &["Name"],
        Admin::ShowDatabase => &["Current"],
        Admin::ShowUsers => &["user"],
        Admin::UseDatabase { .. } | Admin::StorageMode(_) => &["STATUS"],
        Admin::SetRoleMain
        | Admin::SetRoleReplica { .. }
        | Admin::RegisterReplica { .. }
        | Admin::DropReplica { .. }
        | Admin::CreateSnapshot
        | Admin::CreateIndex(_)
        | Admin::DropIndex(_)
        | Admin::CreateUser { .. }
        | Admin::DropUser { .. } => &[],
    }
}

/// Why a statement may not be part of an explicit transaction (MR 1.2); none if it may.
pub(super) fn refused_in_transaction(admin: &Admin) -> Option<String> {
    let topic = match admin {
        Admin::ShowReplicationRole
        | Admin::ShowReplicas
        | Admin::SetRoleMain
        | Admin::SetRoleReplica { .. }
        | Admin::RegisterReplica { .. }
        | Admin::DropReplica { .. } => Topic::Replication,
        Admin::ShowVersion => Topic::Version,
        Admin::ShowConfig => Topic::Config,
        Admin::ShowStorageInfo(_) | Admin::StorageMode(_) => Topic::StorageInfo,
        Admin::CreateSnapshot => Topic::Snapshot,
        Admin::CreateIndex(_) | Admin::DropIndex(_) => {
            return Some("Index manipulation not allowed in multicommand transactions.".into());
        }
        Admin::ShowIndexInfo | Admin::ShowConstraintInfo => {
            return Some("Info reporting not allowed in multicommand transactions.".into());
        }
        Admin::ShowTriggers => {
            return Some("Trigger queries not allowed in multicommand transactions.".into());
        }
        Admin::ShowUsers | Admin::CreateUser { .. } | Admin::DropUser { .. } => {
            return Some("Authentication clause not allowed in multicommand transactions.".into());
        }
        Admin::ShowDatabases | Admin::ShowDatabase | Admin::UseDatabase { .. } => {
            return Some(
                "Multi-database queries are not allowed in multicommand transactions.".into(),
            );
        }
    };
    Some(ServerError::InTransaction(topic).text(&|name| name.to_string()))
}

/// Why an instance that coordinators manage refuses a statement (MR 1.2); none if it does not.
pub(super) const fn refused_if_managed(admin: &Admin) -> Option<&'static str> {
    match admin {
        Admin::SetRoleMain | Admin::SetRoleReplica { .. } => {
            Some("Can't set role manually on instance with coordinator server port.")
        }
        Admin::RegisterReplica { .. } => {
            Some("Can't register replica manually on instance with coordinator server port.")
        }
        Admin::DropReplica { .. } => {
            Some("Can't drop replica manually on instance with coordinator server port.")
        }
        Admin::ShowReplicationRole
        | Admin::ShowReplicas
        | Admin::ShowVersion
        | Admin::ShowConfig
        | Admin::ShowStorageInfo(_)
        | Admin::ShowIndexInfo
        | Admin::ShowConstraintInfo
        | Admin::ShowTriggers
        | Admin::ShowDatabases
        | Admin::ShowDatabase
        | Admin::ShowUsers
        | Admin::UseDatabase { .. }
        | Admin::StorageMode(_)
        | Admin::CreateSnapshot
        | Admin::CreateIndex(_)
        | Admin::DropIndex(_)
        | Admin::CreateUser { .. }
        | Admin::DropUser { .. } => None,
    }
}

/// Runs a statement.
pub(super) async fn run(node: &Arc<Node>, session: Session, admin: Admin) -> Result<Table, Fault> {
    let rows = |rows| Ok(Table { rows, summary: Summary::default() });
    match admin {
        Admin::ShowReplicationRole
        | Admin::ShowReplicas
        | Admin::SetRoleMain
        | Admin::SetRoleReplica { .. }
        | Admin::RegisterReplica { .. }
        | Admin::ShowVersion
        | Admin::ShowConfig
        | Admin::CreateSnapshot => {
            let statement = statement(node, &admin)?;
            machine(node, session, statement).await
        }
        Admin::DropReplica { name } => drop_replica(node, session, &name).await,
        Admin::ShowStorageInfo(StorageInfo::Plain) => rows(tables::storage_info(node)),
        Admin::ShowStorageInfo(StorageInfo::Current) => rows(tables::database_info(node)),
        Admin::ShowStorageInfo(StorageInfo::Database(name)) | Admin::UseDatabase { name }
            if &*name != tables::DATABASE =>
        {
            Err(unknown_database(&name))
        }
        Admin::ShowStorageInfo(StorageInfo::Database(_)) => rows(tables::database_info(node)),
        Admin::UseDatabase { .. } => rows(vec![vec![format!("Using {}", tables::DATABASE).into()]]),
        Admin::ShowIndexInfo => {
            node.begin(session, true)
                .map(|transaction| node.finish(&transaction))
                .map_err(broken)?;
            rows(tables::indexes(node))
        }
        Admin::ShowConstraintInfo | Admin::ShowTriggers => rows(Vec::new()),
        Admin::ShowDatabases | Admin::ShowDatabase => rows(vec![vec![tables::DATABASE.into()]]),
        Admin::ShowUsers => {
            let user = node.settings.user.as_ref();
            rows(user.map(|user| vec![user.name.as_str().into()]).into_iter().collect())
        }
        Admin::StorageMode(StorageMode::InMemoryTransactional) => {
            rows(vec![vec!["STORAGE MODE IN_MEMORY_TRANSACTIONAL".into()]])
        }
        Admin::StorageMode(StorageMode::InMemoryAnalytical | StorageMode::OnDiskTransactional) => {
            Err(Fault::client(
                "This instance knows the storage mode IN_MEMORY_TRANSACTIONAL only; replication \
                 works in no other.",
            ))
        }
        Admin::CreateIndex(index) => change_index(node, session, index, true).await,
        Admin::DropIndex(index) => change_index(node, session, index, false).await,
        Admin::CreateUser { .. } | Admin::DropUser { .. }
            if node.with_machine(|machine| machine.as_main().is_none()) =>
        {
            Err(Fault::client("Query forbidden on the replica!"))
        }
        Admin::CreateUser { .. } | Admin::DropUser { .. } => Err(Fault::client(
            "Users are not managed by statements on this instance; start it with --user and \
             --password.",
        )),
    }
}

pub(super) fn unknown_database(name: &str) -> Fault {
    Fault::client(format!("Database \"{name}\" does not exist; there is only \"memgraph\"."))
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
pub(super) fn broken(broken: crate::node::Broken) -> Fault {
    Fault::client(broken.to_string())
}

/// As the machine knows it.
fn statement(node: &Node, admin: &Admin) -> Result<Statement<crate::graph::Delta>, Fault> {
    let names = || Fault::client("This process has met 65535 names of replicas; restart it.");
    let addresses =
        || Fault::client("This process has met 65536 addresses of replicas; restart it.");
    Ok(match admin {
        Admin::ShowReplicationRole => Statement::ShowRole,
        Admin::ShowReplicas => Statement::ShowReplicas,
        Admin::ShowVersion => Statement::ShowVersion,
        Admin::ShowConfig => Statement::ShowConfig,
        Admin::SetRoleMain => Statement::SetRoleMain,
        Admin::SetRoleReplica { port } => Statement::SetRoleReplica { port: *port },
        Admin::RegisterReplica { name, mode, address } => {
            let mode: SyncMode = *mode;
            let name = node.number_replica(name).ok_or_else(names)?;
            let endpoint = node.number_address(address).ok_or_else(addresses)?;
            Statement::Register { name, mode, endpoint }
        }
        Admin::CreateSnapshot => Statement::Snapshot,
        Admin::DropReplica { .. }
        | Admin::ShowStorageInfo(_)
        | Admin::ShowIndexInfo
        | Admin::ShowConstraintInfo
        | Admin::ShowTriggers
        | Admin::ShowDatabases
        | Admin::ShowDatabase
        | Admin::ShowUsers
        | Admin::UseDatabase { .. }
        | Admin::StorageMode(_)
        | Admin::CreateIndex(_)
        | Admin::DropIndex(_)
        | Admin::CreateUser { .. }
        | Admin::DropUser { .. } => {
            return Err(Fault::client("This statement is none of the machine's."));
        }
    })
}

/// Runs a statement of the machine.
async fn machine(
    node: &Arc<Node>,
    session: Session,
    statement: Statement<crate::graph::Delta>,
) -> Result<Table, Fault> {
    let answer = answered(node.execute(session, statement).await)?;
    table(node, answer)
}

/// Drops a replica. A name that was never registered gets no number for that: it would keep it.
async fn drop_replica(node: &Arc<Node>, session: Session, name: &str) -> Result<Table, Fault> {
    let number = node.known_replica(name).unwrap_or(Names::NO_REPLICA);
    let answer = answered(node.execute(session, Statement::Drop { name: number }).await)?;
    if let Answer::Failed(error) = &answer {
        return Err(Fault::client(error.text(&|_| name.to_owned())));
    }
    table(node, answer)
}

fn table(node: &Node, answer: Answer) -> Result<Table, Fault> {
    let mut table = Table::default();
    match answer {
        Answer::Done(notices) | Answer::Committed { notices, .. } => {
            table.summary.notices = notices;
        }
        Answer::Role(role) => table.rows = vec![vec![role.as_str().into()]],
        Answer::Replicas(rows) => {
            table.rows = rows.iter().map(|row| tables::replica(node, row)).collect();
        }
        Answer::Version(version) => table.rows = vec![vec![version.as_str().into()]],
        Answer::Config(_) => table.rows = tables::config(&node.settings),
        Answer::Read { .. } | Answer::StorageInfo { .. } => {}
        Answer::Failed(error) => return Err(Fault::client(node.text(&error))),
    }
    Ok(table)
}

/// The answer, unless the instance ended first.
pub(super) fn answered<E>(answer: Result<Answer, E>) -> Result<Answer, Fault> {
    answer.map_err(|_| {
        Fault::new(
            bolt::server::FaultClass::Transient,
            "Transaction was asked to abort because of database shutdown.",
        )
    })
}

/// An index is a transaction of its own, and ships as one.
async fn change_index(
    node: &Arc<Node>,
    session: Session,
    index: Index,
    create: bool,
) -> Result<Table, Fault> {
    if node.with_machine(|machine| machine.as_main().is_none()) {
        return Err(Fault::client(node.text(&ServerError::WriteOnReplica)));
    }
    let _alone = node.indexes.lock().await;
    let mut transaction = node.begin(session, false).map_err(broken)?;
    let changed =
        if create { transaction.create_index(index) } else { transaction.drop_index(index) };
    let delta = transaction.stage();
    let result = match changed {
        Ok(true) => machine(node, session, Statement::Write(delta)).await,
        Ok(false) => machine(node, session, Statement::Read).await,
        Err(misfit) => Err(Fault::client(misfit.to_string())),
    };
    node.finish(&transaction);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use shell_sim::memgraph::ReplicaName;

    #[tokio::test]
    async fn to_drop_a_name_that_nobody_registered_takes_no_number() {
        let node = Node::open(crate::Settings::default()).unwrap();
        node.start();
        let session = node.session();
        for name in ["a", "b"] {
            let dropped = run(&node, session, Admin::DropReplica { name: name.into() }).await;
            let why = dropped.unwrap_err().message;
            assert_eq!(why, format!("Failed to unregister the replica {name}."));
        }
        assert_eq!(node.number_replica("c"), Some(ReplicaName(0)));
    }
}
