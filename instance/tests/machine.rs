//! The delta as the payload of the machine of `shell-sim`: what a main commits is what its store
//! and its replica's store show, by the outputs of the machine alone.

use instance::cypher::{self, ast::Statement as Parsed};
use instance::execute::{Settings, prepare};
use instance::graph::{Delta, Store, Transaction};
use shell_sim::memgraph::{
    Answer, Config, Endpoint, Input, Instance, Mint, Output, ReplicaName, Session, Statement,
    SyncMode,
};
use std::collections::VecDeque;

const MAIN: usize = 0;
const REPLICA: usize = 1;
const CLIENT: Session = Session(1);

struct Pair {
    machines: [Instance<Delta>; 2],
    stores: [Store; 2],
    mint: Mint,
    answers: Vec<Answer>,
}

impl Pair {
    fn new() -> Self {
        let machine = || Instance::new(Config::default());
        let stores = [Store::new(), Store::new()];
        let machines = [machine(), machine()];
        let mut pair = Self { machines, stores, mint: Mint::default(), answers: Vec::new() };
        pair.input(MAIN, Input::Start);
        pair.input(REPLICA, Input::Start);
        pair.ask(REPLICA, Statement::SetRoleReplica { port: 10000 });
        let register = Statement::Register {
            name: ReplicaName(1),
            mode: SyncMode::StrictSync,
            endpoint: Endpoint(1),
        };
        pair.ask(MAIN, register);
        pair
    }

    /// Takes an input and all that follows from it, on both sides.
    fn input(&mut self, at: usize, input: Input<Delta>) {
        let mut inputs = VecDeque::from([(at, input)]);
        while let Some((at, input)) = inputs.pop_front() {
            for output in self.machines[at].handle(input, &mut self.mint) {
                let other = 1 - at;
                match output {
                    Output::Send { id, to, request } => {
                        assert_eq!(usize::from(to.0), other);
                        let from = Endpoint(u16::try_from(at).expect("two of them"));
                        inputs.push_back((other, Input::Request { id, from, request }));
                    }
                    Output::Respond { id, response, .. } => {
                        inputs.push_back((other, Input::Response { id, response }));
                    }
                    Output::Committed(entry) | Output::Applied(entry) => {
                        self.stores[at].apply(&entry.payload).expect("it fits");
                    }
                    Output::Replaced => {
                        let log: Vec<_> = self.machines[at]
                            .log()
                            .iter()
                            .map(|entry| entry.payload.clone())
                            .collect();
                        self.stores[at].rebuild(&log).expect("the log fits itself");
                    }
                    Output::Answer { answer, .. } => self.answers.push(answer),
                    Output::BoltOpen | Output::Prepared(_) => {}
                    surprise @ (Output::Died
                    | Output::Refuse { .. }
                    | Output::Aborted { .. }
                    | Output::Discarded { .. }
                    | Output::Rejected(_)) => panic!("{surprise:?}"),
                }
            }
        }
    }

    fn ask(&mut self, at: usize, statement: Statement<Delta>) {
        self.input(at, Input::Execute { session: CLIENT, statement });
        let answer = self.answers.pop().expect("an answer");
        assert!(!matches!(answer, Answer::Failed(_)), "{answer:?}");
    }

    fn run(&mut self, transaction: &mut Transaction, text: &str) -> Delta {
        let Ok(Parsed::Query(query)) = cypher::parse(text) else { panic!("{text}") };
        let prepared = prepare(query).expect("sound");
        prepared.run(&Settings::default(), transaction).expect("it runs");
        self.stores[MAIN].claim(transaction).expect("nobody else is there");
        transaction.stage()
    }

    fn write(&mut self, text: &str) {
        let mut transaction = self.stores[MAIN].begin();
        let delta = self.run(&mut transaction, text);
        self.ask(MAIN, Statement::Write(delta));
        self.stores[MAIN].finish(&transaction);
    }

    fn check(&self, nodes: usize) {
        assert_eq!(self.stores[MAIN].graph(), self.stores[REPLICA].graph());
        assert_eq!(self.stores[MAIN].graph().node_count(), nodes);
    }
}

#[test]
fn a_commit_shows_on_the_main_and_on_its_replica() {
    let mut pair = Pair::new();
    pair.write("CREATE (:N {id: 1})-[:R]->(:N {id: 2})");
    pair.check(2);
    pair.write("MATCH (n:N {id: 2}) SET n.seen = [1.5, {a: null}]");
    pair.write("MATCH (n:N {id: 1}) DETACH DELETE n");
    pair.check(1);
}

#[test]
fn an_explicit_transaction_is_one_payload() {
    let mut pair = Pair::new();
    pair.ask(MAIN, Statement::Begin);
    let mut transaction = pair.stores[MAIN].begin();
    for text in ["CREATE (:N {id: 1})", "MATCH (n:N) SET n.id = 2", "CREATE (:N {id: 3})"] {
        let delta = pair.run(&mut transaction, text);
        pair.ask(MAIN, Statement::Stage(delta));
    }
    pair.check(0);
    pair.ask(MAIN, Statement::Commit);
    pair.stores[MAIN].finish(&transaction);
    pair.check(2);
    let entries = pair.machines[REPLICA].log();
    assert_eq!(entries.len(), 1, "one transaction, one entry");
    assert_eq!(entries[0].payload.changes(), transaction.changes());
}
