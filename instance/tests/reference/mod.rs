//! The machine alone, with messages that arrive at once, and the orders that it and a real cluster
//! are given.

use instance::graph::{Change, Delta, NodeId};
use shell_sim::memgraph::{
    Answer, Config, Endpoint, Input, Instance, Mint, Output, ReplicaName, RpcFailure, RpcId,
    ServerError, Session, Statement, SyncMode,
};
use std::collections::{BTreeMap, VecDeque};

/// What is done to one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Makes one node.
    Write(usize),
    /// Reads.
    Read(usize),
    /// SET REPLICATION ROLE TO REPLICA.
    Demote(usize),
    /// SET REPLICATION ROLE TO MAIN.
    Promote(usize),
    /// REGISTER REPLICA on the first, of the second.
    Register(usize, usize, SyncMode),
    /// DROP REPLICA on the first, of the second.
    Drop(usize, usize),
    /// CREATE SNAPSHOT.
    Snapshot(usize),
    /// Ends the process.
    Kill(usize),
    /// Ends it, if it runs, and starts it.
    Restart(usize),
    /// Opens a transaction and makes one node in it, unless one is open.
    Open(usize),
    /// Commits the open transaction, if there is one.
    Commit(usize),
    /// Rolls it back.
    RollBack(usize),
    /// Its node loses power, and it starts.
    LosePower(usize),
}

impl Order {
    /// Whom it is for.
    pub(crate) fn at(self) -> usize {
        match self {
            Self::Write(at)
            | Self::Read(at)
            | Self::Demote(at)
            | Self::Promote(at)
            | Self::Register(at, ..)
            | Self::Drop(at, _)
            | Self::Snapshot(at)
            | Self::Kill(at)
            | Self::Restart(at)
            | Self::Open(at)
            | Self::Commit(at)
            | Self::RollBack(at)
            | Self::LosePower(at) => at,
        }
    }

    /// As a statement.
    pub(crate) fn text(self, ports: &[u16]) -> String {
        match self {
            Self::Write(_) => "CREATE (:T)".into(),
            Self::Read(_) => "MATCH (n) RETURN count(n)".into(),
            Self::Demote(at) => format!("SET REPLICATION ROLE TO REPLICA WITH PORT {}", ports[at]),
            Self::Promote(_) => "SET REPLICATION ROLE TO MAIN".into(),
            Self::Register(_, replica, mode) => {
                let (mode, port) = (mode.keyword(), ports[replica]);
                format!("REGISTER REPLICA {} {mode} TO \"127.0.0.1:{port}\"", name(replica))
            }
            Self::Drop(_, replica) => format!("DROP REPLICA {}", name(replica)),
            Self::Snapshot(_) => "CREATE SNAPSHOT".into(),
            Self::Open(_) => "CREATE (:T)".into(),
            Self::Kill(_)
            | Self::Restart(_)
            | Self::Commit(_)
            | Self::RollBack(_)
            | Self::LosePower(_) => String::new(),
        }
    }
}

fn name(replica: usize) -> String {
    format!("r{replica}")
}

/// What anybody can see of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) role: String,
    pub(crate) count: usize,
    pub(crate) replicas: Vec<String>,
}

/// A row of SHOW REPLICAS.
pub(crate) fn shown(
    name: &str,
    endpoint: usize,
    mode: &str,
    data: Option<(i64, i64, String)>,
) -> String {
    format!("{name} at {endpoint} {mode} {data:?}")
}

/// Machines between which messages arrive at once, or are refused.
pub(crate) struct Reference {
    nodes: Vec<Instance<Delta>>,
    mint: Mint,
    asked: BTreeMap<RpcId, usize>,
    answers: BTreeMap<Session, Answer>,
    open: BTreeMap<usize, Session>,
    sessions: u64,
    nodes_made: u64,
}

impl Reference {
    pub(crate) fn start(count: usize, config: Config) -> Self {
        let mut reference = Self {
            nodes: (0..count).map(|_| Instance::new(config)).collect(),
            mint: Mint::default(),
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            open: BTreeMap::new(),
            sessions: 0,
            nodes_made: 0,
        };
        for at in 0..count {
            reference.input(at, Input::Start);
        }
        reference
    }

    /// Carries out an order and comes to rest; the text of its failure, if it failed.
    pub(crate) fn order(&mut self, order: Order) -> Option<String> {
        let at = order.at();
        let failure = match order {
            Order::Kill(_) => self.end(at),
            Order::Restart(_) => {
                self.end(at);
                self.begin(at)
            }
            Order::LosePower(_) => {
                self.open.remove(&at);
                self.input(at, Input::PowerLoss { keep: 0 });
                self.begin(at)
            }
            Order::Open(_) => self.open_transaction(at),
            Order::Commit(_) => self.close_transaction(at, Statement::Commit),
            Order::RollBack(_) => self.close_transaction(at, Statement::Rollback),
            Order::Write(_)
            | Order::Read(_)
            | Order::Demote(_)
            | Order::Promote(_)
            | Order::Register(..)
            | Order::Drop(..)
            | Order::Snapshot(_) => {
                let statement = self.statement(order);
                let open = self.nodes[at].is_bolt_open();
                statement.filter(|_| open).and_then(|statement| self.execute(at, statement))
            }
        };
        self.rest();
        failure
    }

    fn statement(&mut self, order: Order) -> Option<Statement<Delta>> {
        Some(match order {
            Order::Write(_) => Statement::Write(self.node()),
            Order::Read(_) => Statement::Read,
            Order::Demote(_) => Statement::SetRoleReplica { port: 10_000 },
            Order::Promote(_) => Statement::SetRoleMain,
            Order::Register(_, replica, mode) => {
                let (name, endpoint) = (number(replica), Endpoint(number(replica).0));
                Statement::Register { name, mode, endpoint }
            }
            Order::Drop(_, replica) => Statement::Drop { name: number(replica) },
            Order::Snapshot(_) => Statement::Snapshot,
            Order::Kill(_)
            | Order::Restart(_)
            | Order::Open(_)
            | Order::Commit(_)
            | Order::RollBack(_)
            | Order::LosePower(_) => return None,
        })
    }

    /// The making of a node.
    fn node(&mut self) -> Delta {
        self.nodes_made += 1;
        Delta::from(vec![Change::CreateNode { id: NodeId(self.nodes_made) }])
    }

    fn end(&mut self, at: usize) -> Option<String> {
        self.open.remove(&at);
        if self.nodes[at].process.is_some() {
            self.input(at, Input::Kill);
        }
        None
    }

    fn begin(&mut self, at: usize) -> Option<String> {
        self.input(at, Input::Start);
        // Whoever opens a log makes durable what is in it.
        self.nodes[at].volume.flushed = self.nodes[at].volume.log.len();
        None
    }

    fn open_transaction(&mut self, at: usize) -> Option<String> {
        if !self.nodes[at].is_bolt_open() || self.open.contains_key(&at) {
            return None;
        }
        let session = self.session();
        let begun = self.execute_in(at, session, Statement::Begin);
        assert_eq!(begun, None, "a transaction begins everywhere");
        // A plan that writes is refused before anything runs (MR 4.4).
        let staged = if self.nodes[at].as_main().is_none() {
            Some(ServerError::WriteOnReplica.text(&|number| name(number.0.into())))
        } else {
            let delta = self.node();
            self.execute_in(at, session, Statement::Stage(delta))
        };
        match staged {
            None => {
                self.open.insert(at, session);
                None
            }
            failed @ Some(_) => {
                self.input(at, Input::Abandon { session });
                failed
            }
        }
    }

    fn close_transaction(&mut self, at: usize, how: Statement<Delta>) -> Option<String> {
        let session = self.open.remove(&at)?;
        self.execute_in(at, session, how)
    }

    fn session(&mut self) -> Session {
        self.sessions += 1;
        Session(self.sessions)
    }

    fn execute(&mut self, at: usize, statement: Statement<Delta>) -> Option<String> {
        let session = self.session();
        self.execute_in(at, session, statement)
    }

    fn execute_in(
        &mut self,
        at: usize,
        session: Session,
        statement: Statement<Delta>,
    ) -> Option<String> {
        self.input(at, Input::Execute { session, statement });
        match self.answers.remove(&session).expect("an answer") {
            Answer::Failed(error) => Some(error.text(&|number| name(number.0.into()))),
            Answer::Done(_)
            | Answer::Role(_)
            | Answer::Replicas(_)
            | Answer::Version(_)
            | Answer::Config(_)
            | Answer::StorageInfo { .. }
            | Answer::Read { .. }
            | Answer::Committed { .. } => None,
        }
    }

    /// Heartbeats until three in a row have failed where they fail, and recovery is through.
    fn rest(&mut self) {
        for _ in 0..8 {
            for at in 0..self.nodes.len() {
                let names: Vec<_> = self.nodes[at].beating().collect();
                for name in names {
                    self.input(at, Input::Heartbeat { name });
                }
            }
        }
    }

    /// Takes an input and all that follows from it, everywhere.
    fn input(&mut self, at: usize, input: Input<Delta>) {
        let mut inputs = VecDeque::from([(at, input)]);
        while let Some((at, input)) = inputs.pop_front() {
            for output in self.nodes[at].handle(input, &mut self.mint) {
                match output {
                    Output::Send { id, to, request } => {
                        self.asked.insert(id, at);
                        let to = usize::from(to.0);
                        let failed = Input::Failed { id, why: RpcFailure::Refused };
                        inputs.push_back(match &self.nodes[to].process {
                            None => (at, failed),
                            Some(_) => (to, Input::Request { id, from: Endpoint(0), request }),
                        });
                    }
                    Output::Respond { id, response, .. } => {
                        inputs.push_back((self.asked[&id], Input::Response { id, response }));
                    }
                    Output::Refuse { id, .. } => {
                        let failed = Input::Failed { id, why: RpcFailure::Refused };
                        inputs.push_back((self.asked[&id], failed));
                    }
                    Output::Answer { session, answer } => {
                        self.answers.insert(session, answer);
                    }
                    Output::Rejected(rejection) => panic!("{rejection}"),
                    Output::BoltOpen
                    | Output::Died
                    | Output::Committed(_)
                    | Output::Aborted { .. }
                    | Output::Prepared(_)
                    | Output::Discarded { .. }
                    | Output::Applied(_)
                    | Output::Replaced => {}
                }
            }
        }
    }

    /// What is seen of an instance that runs.
    pub(crate) fn observe(&self, at: usize) -> Option<Observed> {
        let node = &self.nodes[at];
        let role = node.role()?.as_str().to_owned();
        let row = |row: &shell_sim::memgraph::Row| {
            let data = row.data.map(|data| {
                (i64::try_from(data.ts).unwrap(), data.behind, data.status.as_str().to_owned())
            });
            shown(&name(row.name.0.into()), row.endpoint.0.into(), row.mode.as_str(), data)
        };
        let replicas = node.rows().iter().map(row).collect();
        Some(Observed { role, count: node.log().len(), replicas })
    }
}

fn number(replica: usize) -> ReplicaName {
    ReplicaName(u16::try_from(replica).unwrap())
}
