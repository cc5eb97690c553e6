//! What a session's machine asks for: logins, statements, transactions. A statement is prepared at
//! RUN and carried out at the first PULL, as in Memgraph, so that its errors come where Memgraph's
//! do (MR 1.2).

use super::admin;
use super::convert;
use super::summary::{Summary, Times, notifications};
use super::tables::DATABASE;
use crate::cypher::{self, ast};
use crate::execute::{self, Prepared};
use crate::graph::{Delta, Transaction};
use crate::node::Node;
use crate::value::{Answer as Shown, Name};
use bolt::message::{AuthMap, Extra};
use bolt::server::{Fault, FaultClass, Outcome};
use bolt::value::Value;
use bolt::{Map, Version};
use shell_sim::memgraph::{Answer, ServerError, Session, Statement};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A statement between RUN and its last record.
#[derive(Debug)]
enum Open {
    /// Prepared, not yet carried out.
    Query { prepared: Prepared, settings: execute::Settings, times: Times },
    /// The same, of a statement about the instance.
    Admin(ast::Admin, Times),
    /// Carried out; these rows are left.
    Rows(Box<Rows>),
}

/// What is left of a statement that was carried out.
#[derive(Debug)]
struct Rows {
    rows: std::vec::IntoIter<Vec<Shown>>,
    admin: std::vec::IntoIter<Vec<Value>>,
    summary: Summary,
    /// A transaction of its own, committed behind the last record.
    commit: Option<(Transaction, Delta)>,
}

/// One client.
pub(super) struct Host {
    node: Arc<Node>,
    version: Version,
    session: Session,
    logged_in: bool,
    transaction: Option<Transaction>,
    open: Option<Open>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.close_result();
        if let Some(transaction) = self.transaction.take() {
            self.node.finish(&transaction);
        }
        self.node.abandon(self.session);
    }
}

impl Host {
    pub(super) fn new(node: Arc<Node>, version: Version) -> Self {
        let session = node.session();
        Self { node, version, session, logged_in: false, transaction: None, open: None }
    }

    pub(super) const fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(super) const fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    pub(super) fn authenticate(&mut self, auth: &AuthMap) -> Outcome {
        let accepted = self.node.settings.user.as_ref().is_none_or(|user| {
            let name = is_same(&user.name, auth.principal());
            let password = is_same(&user.password, auth.credentials());
            name & password
        });
        self.logged_in = accepted;
        if accepted { Outcome::Done } else { Outcome::Failed(Fault::unauthenticated()) }
    }

    pub(super) fn log_off(&mut self) -> Outcome {
        self.logged_in = false;
        Outcome::Done
    }

    /// Prepares a statement.
    pub(super) fn run(
        &mut self,
        query: &str,
        parameters: &Map,
        extra: &Extra,
        in_transaction: bool,
    ) -> Outcome {
        self.close_result();
        match self.prepare(query, parameters, extra, in_transaction) {
            Ok((open, columns)) => {
                self.open = Some(open);
                Outcome::Prepared(columns)
            }
            Err(fault) => Outcome::Failed(fault),
        }
    }

    fn prepare(
        &self,
        query: &str,
        parameters: &Map,
        extra: &Extra,
        in_transaction: bool,
    ) -> Result<(Open, Vec<String>), Fault> {
        check_database(extra)?;
        let began = Instant::now();
        let parsed = cypher::parse(query).map_err(|error| Fault::client(error.to_string()))?;
        let mut times = Times { parsing: began.elapsed(), ..Times::default() };
        let query = match parsed {
            ast::Statement::Query(query) => query,
            ast::Statement::Admin(statement) => {
                let refused = admin::refused_in_transaction(&statement);
                if let Some(text) = refused.filter(|_| in_transaction) {
                    return Err(Fault::client(text));
                }
                let managed = self.node.settings.managed;
                if let Some(text) = admin::refused_if_managed(&statement).filter(|_| managed) {
                    return Err(Fault::client(text));
                }
                let columns = admin::columns(&statement).iter().map(ToString::to_string).collect();
                return Ok((Open::Admin(statement, times), columns));
            }
            ast::Statement::Begin | ast::Statement::Commit | ast::Statement::Rollback => {
                let text = "a transaction command stands alone, without a semicolon";
                return Err(Fault::client(text));
            }
        };
        let began = Instant::now();
        let prepared = execute::prepare(query).map_err(|error| Fault::client(error.to_string()))?;
        times.planning = began.elapsed();
        if prepared.access().writes() && self.node.with_machine(|it| it.as_main().is_none()) {
            return Err(self.fault(&ServerError::WriteOnReplica));
        }
        let parameter = |(name, value): (&String, &Value)| {
            let read = convert::parameter(value);
            let value = read.map_err(|error| Fault::client(format!("${name}: {error}")))?;
            Ok((Name::from(name.as_str()), value))
        };
        let settings = execute::Settings {
            parameters: parameters.iter().map(parameter).collect::<Result<_, Fault>>()?,
            now_micros: now_micros(),
            limits: execute::Limits::default(),
        };
        let columns = prepared.columns().iter().map(ToString::to_string).collect();
        Ok((Open::Query { prepared, settings, times }, columns))
    }

    /// Carries out the statement, unless that was done.
    pub(super) async fn execute(&mut self) -> Result<(), Fault> {
        let open = match self.open.take() {
            Some(Open::Rows(rows)) => Open::Rows(rows),
            Some(Open::Admin(statement, times)) => {
                let began = Instant::now();
                let mut table = admin::run(&self.node, self.session, statement).await?;
                table.summary.times = Times { execution: began.elapsed(), ..times };
                Open::Rows(Box::new(Rows {
                    rows: Vec::new().into_iter(),
                    admin: table.rows.into_iter(),
                    summary: table.summary,
                    commit: None,
                }))
            }
            Some(Open::Query { prepared, settings, times }) => {
                Open::Rows(Box::new(self.query(prepared, settings, times).await?))
            }
            None => return Err(Fault::client("There is no result to fetch from.")),
        };
        self.open = Some(open);
        Ok(())
    }

    async fn query(
        &mut self,
        prepared: Prepared,
        settings: execute::Settings,
        times: Times,
    ) -> Result<Rows, Fault> {
        let began = Instant::now();
        let access = prepared.access();
        let own = self.transaction.take();
        let is_own = own.is_none();
        let transaction = match own {
            Some(transaction) => transaction,
            None => {
                let begun = self.node.begin(self.session, !access.writes());
                begun.map_err(admin::broken)?
            }
        };
        let mut ends = Ended::of(&self.node, transaction);
        let work = tokio::task::spawn_blocking(move || {
            let outcome = ends.transaction.as_mut().map(|it| prepared.run(&settings, it));
            (outcome, ends)
        });
        let done = work.await.ok().and_then(|(outcome, mut ends)| {
            let transaction = ends.transaction.take()?;
            Some((outcome?, transaction))
        });
        let Some((outcome, mut transaction)) = done else {
            self.node.abandon(self.session);
            return Err(Fault::new(FaultClass::Database, "the query could not be run to its end"));
        };
        let outcome = outcome.map_err(|error| Fault::client(error.to_string()));
        let claimed = outcome.and_then(|outcome| match self.node.claim(&mut transaction) {
            Ok(()) => Ok(outcome),
            Err(conflict) => Err(Fault::new(FaultClass::Transient, conflict.to_string())),
        });
        let outcome = match claimed {
            Ok(outcome) => outcome,
            Err(fault) => {
                self.keep_or_finish(transaction, is_own);
                return Err(fault);
            }
        };
        let delta = transaction.stage();
        let mut commit = None;
        if is_own && access.writes() {
            commit = Some((transaction, delta));
        } else {
            self.keep_or_finish(transaction, is_own);
            if !delta.is_empty() {
                self.ask(Statement::Stage(delta)).await?;
            }
        }
        let times = Times { execution: began.elapsed(), ..times };
        let summary =
            Summary { access: Some(access), stats: outcome.stats, times, notices: Vec::new() };
        let rows = outcome.rows.into_iter();
        Ok(Rows { rows, admin: Vec::new().into_iter(), summary, commit })
    }

    fn keep_or_finish(&mut self, transaction: Transaction, is_own: bool) {
        if is_own {
            self.node.finish(&transaction);
        } else {
            self.transaction = Some(transaction);
        }
    }

    /// The next record.
    pub(super) fn next_row(&mut self) -> Option<Vec<Value>> {
        let Some(Open::Rows(rows)) = &mut self.open else { return None };
        if let Some(row) = rows.admin.next() {
            return Some(row);
        }
        let row = rows.rows.next()?;
        Some(row.iter().map(|value| convert::answer(value, self.version)).collect())
    }

    /// After records were sent: more of them, or the end of the statement.
    pub(super) async fn finish_fetch(&mut self) -> Outcome {
        let Some(Open::Rows(rows)) = &mut self.open else {
            return Outcome::Failed(Fault::client("There is no result to fetch from."));
        };
        if rows.rows.len() + rows.admin.len() > 0 {
            return Outcome::Fetched { has_more: true, summary: Map::new() };
        }
        let mut summary = std::mem::take(&mut rows.summary);
        let commit = rows.commit.take();
        self.open = None;
        if let Some((transaction, delta)) = commit {
            let ended = Ended { node: Arc::clone(&self.node), transaction: Some(transaction) };
            let statement =
                if delta.is_empty() { Statement::Read } else { Statement::Write(delta) };
            let answer = self.ask(statement).await;
            drop(ended);
            match answer {
                Ok(Answer::Committed { notices, .. }) => summary.notices = notices,
                Ok(_) => {}
                Err(fault) => return Outcome::Failed(fault),
            }
        }
        Outcome::Fetched { has_more: false, summary: summary.map(&self.node) }
    }

    pub(super) async fn begin(&mut self, extra: &Extra) -> Outcome {
        if let Err(fault) = check_database(extra) {
            return Outcome::Failed(fault);
        }
        match self.node.begin(self.session, false) {
            Ok(transaction) => self.transaction = Some(transaction),
            Err(error) => return Outcome::Failed(admin::broken(error)),
        }
        match self.ask(Statement::Begin).await {
            Ok(_) => Outcome::Done,
            Err(fault) => Outcome::Failed(fault),
        }
    }

    /// Commits; what its SUCCESS says besides (MR 4.2).
    pub(super) async fn commit(&mut self) -> (Outcome, Map) {
        self.close_result();
        let ended = self.transaction.take().map(|it| Ended::of(&self.node, it));
        let answer = self.ask(Statement::Commit).await;
        drop(ended);
        match answer {
            Ok(Answer::Committed { notices, .. }) if !notices.is_empty() => {
                let told = notifications(&notices, &self.node);
                (Outcome::Done, bolt::value::map([("notifications", told)]))
            }
            Ok(_) => (Outcome::Done, Map::new()),
            Err(fault) => (Outcome::Failed(fault), Map::new()),
        }
    }

    /// Aborts whatever there is.
    pub(super) async fn roll_back(&mut self) -> Outcome {
        self.close_result();
        let Some(transaction) = self.transaction.take() else { return Outcome::Done };
        self.node.finish(&transaction);
        match self.ask(Statement::Rollback).await {
            Ok(_) => Outcome::Done,
            Err(fault) => Outcome::Failed(fault),
        }
    }

    /// Forgets the open result; what it would have committed is rolled back.
    fn close_result(&mut self) {
        let Some(Open::Rows(mut rows)) = self.open.take() else { return };
        if let Some((transaction, _)) = rows.commit.take() {
            self.node.finish(&transaction);
        }
    }

    async fn ask(&self, statement: Statement<Delta>) -> Result<Answer, Fault> {
        let answer = admin::answered(self.node.execute(self.session, statement).await)?;
        if let Answer::Failed(error) = &answer {
            return Err(self.fault(error));
        }
        Ok(answer)
    }

    fn fault(&self, error: &ServerError) -> Fault {
        Fault::client(self.node.text(error))
    }
}

/// A transaction on the graph that is over when this goes, unless it was taken out: also when its
/// connection is cut off, or its query panics.
struct Ended {
    node: Arc<Node>,
    transaction: Option<Transaction>,
}

impl Ended {
    fn of(node: &Arc<Node>, transaction: Transaction) -> Self {
        Self { node: Arc::clone(node), transaction: Some(transaction) }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(transaction) = &self.transaction {
            self.node.finish(transaction);
        }
    }
}

fn check_database(extra: &Extra) -> Result<(), Fault> {
    let database = extra.database().map_err(|error| Fault::client(error.to_string()))?;
    match database {
        None | Some("" | DATABASE) => Ok(()),
        Some(other) => Err(admin::unknown_database(other)),
    }
}

/// Compares without telling by its time where two texts differ.
fn is_same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |so_far, (a, b)| so_far | (a ^ b));
    (one.len() == other.len()) & (differing == 0)
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
