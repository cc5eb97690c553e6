//! A network of instances whose messages are delivered in order, held back or lost on demand.

use crate::memgraph::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ids of the transactions that a payload stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Ids(pub(super) Vec<u32>);

impl Payload for Ids {
    fn absorb(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

pub(super) fn id(number: u32) -> Ids {
    Ids(vec![number])
}

/// A message under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) id: RpcId,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Request(Rpc<Ids>),
    Response(RpcResponse),
    Failed(RpcFailure),
}

#[derive(Debug, Clone)]
pub(super) struct Net {
    pub(super) nodes: Vec<Instance<Ids>>,
    pub(super) mint: Mint,
    pub(super) wire: VecDeque<Packet>,
    /// From, to: requests on these ways fail like this.
    pub(super) cut: BTreeMap<(usize, usize), RpcFailure>,
    pub(super) answers: BTreeMap<(usize, Session), Answer>,
    pub(super) events: Vec<(usize, Output<Ids>)>,
    asked: BTreeMap<RpcId, usize>,
    next: u64,
}

pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
pub(super) const C: usize = 2;

pub(super) fn name(node: usize) -> ReplicaName {
    ReplicaName(u16::try_from(node).unwrap())
}

pub(super) fn endpoint(node: usize) -> Endpoint {
    Endpoint(u16::try_from(node).unwrap())
}

impl Net {
    /// Fresh instances, started.
    pub(super) fn fresh(count: usize, config: Config) -> Self {
        let mut net = Self {
            nodes: (0..count).map(|_| Instance::new(config)).collect(),
            mint: Mint::default(),
            wire: VecDeque::new(),
            cut: BTreeMap::new(),
            answers: BTreeMap::new(),
            events: Vec::new(),
            asked: BTreeMap::new(),
            next: 0,
        };
        for node in 0..count {
            net.input(node, Input::Start);
        }
        net
    }

    /// Node 0 is the main of all others, in these modes.
    pub(super) fn cluster(config: Config, modes: &[SyncMode]) -> Self {
        let mut net = Self::fresh(modes.len() + 1, config);
        for (index, mode) in modes.iter().enumerate() {
            net.done(index + 1, Statement::SetRoleReplica { port: 10000 });
            net.register(A, index + 1, *mode);
        }
        net
    }

    pub(super) fn input(&mut self, node: usize, input: Input<Ids>) {
        let outputs = self.nodes[node].handle(input, &mut self.mint);
        for output in outputs {
            match output {
                Output::Send { id, to, request } => {
                    let to = usize::from(to.0);
                    self.asked.insert(id, node);
                    let body = Body::Request(request);
                    self.wire.push_back(Packet { from: node, to, id, body });
                }
                Output::Respond { id, to: _, response } => {
                    let (to, body) = (self.asked[&id], Body::Response(response));
                    self.wire.push_back(Packet { from: node, to, id, body });
                }
                Output::Refuse { id, to: _ } => {
                    let (to, body) = (self.asked[&id], Body::Failed(RpcFailure::Refused));
                    self.wire.push_back(Packet { from: node, to, id, body });
                }
                Output::Answer { session, answer } => {
                    let earlier = self.answers.insert((node, session), answer);
                    assert_eq!(earlier, None, "{session} was answered twice");
                }
                event @ (Output::BoltOpen
                | Output::Died
                | Output::Committed(_)
                | Output::Aborted { .. }
                | Output::Prepared(_)
                | Output::Discarded { .. }
                | Output::Applied(_)
                | Output::Replaced
                | Output::Rejected(_)) => self.events.push((node, event)),
            }
        }
    }

    /// Delivers the oldest message.
    pub(super) fn step(&mut self) {
        let Packet { from, to, id, body } = self.wire.pop_front().expect("a message under way");
        match body {
            Body::Request(request) => match self.cut.get(&(from, to)) {
                Some(why) => {
                    let body = Body::Failed(*why);
                    self.wire.push_back(Packet { from: to, to: from, id, body });
                }
                None => {
                    let from = endpoint(from);
                    self.input(to, Input::Request { id, from, request });
                }
            },
            Body::Response(response) => self.input(to, Input::Response { id, response }),
            Body::Failed(why) => self.input(to, Input::Failed { id, why }),
        }
    }

    /// Delivers until nothing is under way.
    pub(super) fn pump(&mut self) {
        for _ in 0..10_000 {
            if self.wire.is_empty() {
                return;
            }
            self.step();
        }
        panic!("the network does not come to rest: {:?}", self.wire);
    }

    /// Delivers until the oldest message is the one looked for, which stays under way.
    pub(super) fn pump_until(&mut self, stop: impl Fn(&Packet) -> bool) {
        for _ in 0..10_000 {
            if stop(self.wire.front().expect("the message looked for")) {
                return;
            }
            self.step();
        }
        panic!("the message looked for does not come");
    }

    /// Loses the oldest message: its sender, or whoever waits for it, sees this failure.
    pub(super) fn lose(&mut self, why: RpcFailure) {
        let packet = self.wire.pop_front().expect("a message to lose");
        let to = self.asked[&packet.id];
        self.input(to, Input::Failed { id: packet.id, why });
    }

    /// Starts a statement on a connection of its own.
    pub(super) fn ask(&mut self, node: usize, statement: Statement<Ids>) -> Session {
        self.next += 1;
        let session = Session(self.next);
        self.ask_on(node, session, statement);
        session
    }

    pub(super) fn ask_on(&mut self, node: usize, session: Session, statement: Statement<Ids>) {
        self.input(node, Input::Execute { session, statement });
    }

    pub(super) fn answer(&mut self, node: usize, session: Session) -> Option<Answer> {
        self.answers.remove(&(node, session))
    }

    /// Runs a statement to its end.
    pub(super) fn run(&mut self, node: usize, statement: Statement<Ids>) -> Answer {
        let session = self.ask(node, statement);
        self.pump();
        self.answer(node, session).expect("an answer")
    }

    /// Runs a statement on a connection to its end.
    pub(super) fn run_on(
        &mut self,
        node: usize,
        session: Session,
        statement: Statement<Ids>,
    ) -> Answer {
        self.ask_on(node, session, statement);
        self.pump();
        self.answer(node, session).expect("an answer")
    }

    /// Runs a statement that must succeed.
    pub(super) fn done(&mut self, node: usize, statement: Statement<Ids>) {
        let answer = self.run(node, statement.clone());
        assert!(!matches!(answer, Answer::Failed(_)), "{statement:?}: {answer:?}");
    }

    /// Runs a statement that must fail; gives its text.
    pub(super) fn refused(&mut self, node: usize, statement: Statement<Ids>) -> String {
        let answer = self.run(node, statement);
        let Answer::Failed(error) = answer else { panic!("did not fail: {answer:?}") };
        error.to_string()
    }

    pub(super) fn register_statement(replica: usize, mode: SyncMode) -> Statement<Ids> {
        Statement::Register { name: name(replica), mode, endpoint: endpoint(replica) }
    }

    pub(super) fn register(&mut self, main: usize, replica: usize, mode: SyncMode) {
        self.done(main, Self::register_statement(replica, mode));
    }

    pub(super) fn write(&mut self, node: usize, number: u32) -> Answer {
        self.run(node, Statement::Write(id(number)))
    }

    /// One round of heartbeats of one instance.
    pub(super) fn beat(&mut self, node: usize) {
        let names: Vec<_> = self.nodes[node].beating().collect();
        for name in names {
            self.input(node, Input::Heartbeat { name });
        }
        self.pump();
    }

    pub(super) fn demote(&mut self, node: usize) {
        self.done(node, Statement::SetRoleReplica { port: 10000 });
    }

    pub(super) fn restart(&mut self, node: usize) {
        self.input(node, Input::Kill);
        self.input(node, Input::Start);
        self.pump();
    }

    /// `ts`, `behind` and status of a replica on a main.
    pub(super) fn info(&self, main: usize, replica: usize) -> (u64, i64, &'static str) {
        let data = self.row(main, replica).data.expect("not a phantom");
        (data.ts, data.behind, data.status.as_str())
    }

    pub(super) fn status(&self, main: usize, replica: usize) -> &'static str {
        self.info(main, replica).2
    }

    pub(super) fn row(&self, main: usize, replica: usize) -> Row {
        let rows = self.nodes[main].rows();
        rows.into_iter().find(|row| row.name == name(replica)).expect("a row")
    }

    /// Ids of all visible transactions.
    pub(super) fn ids(&self, node: usize) -> Vec<u32> {
        self.nodes[node].log().iter().flat_map(|entry| entry.payload.0.clone()).collect()
    }

    /// Visible ticks.
    pub(super) fn ticks(&self, node: usize) -> Vec<u64> {
        self.nodes[node].log().iter().map(|entry| entry.tick).collect()
    }

    pub(super) fn disconnect(&mut self, from: usize, to: usize, why: RpcFailure) {
        self.cut.insert((from, to), why);
    }

    /// Gives all ids other numbers, those of messages under way too.
    pub(super) fn renumber(&mut self, by: &mut impl Renumber) {
        self.nodes.iter_mut().for_each(|node| node.renumber(by));
        for packet in &mut self.wire {
            packet.id = by.rpc(packet.id);
            match &mut packet.body {
                Body::Request(request) => request.renumber(by),
                Body::Response(response) => response.renumber(by),
                Body::Failed(_) => {}
            }
        }
        let asked = std::mem::take(&mut self.asked);
        self.asked = asked.into_iter().map(|(id, node)| (by.rpc(id), node)).collect();
    }

    pub(super) fn connect(&mut self, from: usize, to: usize) {
        self.cut.remove(&(from, to));
    }

    /// Names that may be told apart by a test.
    pub(super) fn names(&self, main: usize) -> BTreeSet<ReplicaName> {
        self.nodes[main].rows().iter().map(|row| row.name).collect()
    }
}

pub(super) fn is_request(packet: &Packet, kind: &str) -> bool {
    let found = match &packet.body {
        Body::Request(Rpc::FrequentHeartbeat) => "beat",
        Body::Request(Rpc::Heartbeat { .. }) => "check",
        Body::Request(Rpc::SwapMainUuid { .. }) => "swap",
        Body::Request(Rpc::SystemRecovery { .. }) => "system",
        Body::Request(Rpc::PrepareCommit { .. }) => "prepare",
        Body::Request(Rpc::FinalizeCommit { .. }) => "finalize",
        Body::Request(Rpc::Recover { .. }) => "recover",
        Body::Response(_) | Body::Failed(_) => return false,
    };
    found == kind
}

pub(super) fn is_answer(packet: &Packet) -> bool {
    matches!(packet.body, Body::Response(_))
}
