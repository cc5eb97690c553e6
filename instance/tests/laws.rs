//! Laws of the store: whatever sessions do in whatever order, a delta fits where it is applied,
//! copies are equal, the graph's lists agree with each other, and of two transactions that overlap
//! in time no object is changed by both.

#[path = "../../core/tests/common/runs.rs"]
mod runs;

use instance::cypher::{self, ast::Statement};
use instance::execute::{Settings, prepare};
use instance::graph::{Change, Delta, Graph, Index, Misfit, NodeId, Object, Store, Transaction};
use instance::value::{Name, Value};
use proptest::prelude::*;
use shell_sim::memgraph::Payload;
use std::collections::{BTreeMap, BTreeSet};

const SESSIONS: usize = 3;

/// What sessions do; `$x` and `$y` name nodes by a property.
const STATEMENTS: &[&str] = &[
    "CREATE (:A {k: $x, v: 0})",
    "CREATE (:A:B {k: $x})-[:R {w: $y}]->(:B {k: $y})",
    "MATCH (n:A {k: $x}) SET n.v = $y",
    "MATCH (n {k: $x}) SET n:C, n.v = null",
    "MATCH (n:C {k: $x}) REMOVE n:C, n.k",
    "MATCH (a {k: $x}), (b {k: $y}) CREATE (a)-[:R]->(b)",
    "MATCH (a {k: $x})-[r:R]->(b) DELETE r",
    "MATCH (a {k: $x})-[r]-(b) SET r.w = $y, r.z = [1, {a: null}]",
    "MATCH (n {k: $x}) DETACH DELETE n",
    "MATCH (n {k: $x}) DELETE n",
    "MERGE (n:M {k: $x}) ON MATCH SET n.seen = $y",
    "MATCH (n:A) WITH n ORDER BY n.v LIMIT 1 SET n = {k: $x, v: $y}",
    "MATCH (n) RETURN count(n)",
];

#[derive(Debug, Clone)]
enum Step {
    Begin,
    Run { statement: usize, x: i64, y: i64 },
    Commit,
    Rollback,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let run = (0..STATEMENTS.len(), 0..4_i64, 0..4_i64).prop_map(|(statement, x, y)| Step::Run {
        statement,
        x,
        y,
    });
    let step = prop_oneof![
        2 => Just(Step::Begin),
        8 => run,
        2 => Just(Step::Commit),
        1 => Just(Step::Rollback),
    ];
    (0..SESSIONS, step)
}

struct Session {
    transaction: Transaction,
    delta: Delta,
    /// The transaction met a conflict and can only be rolled back.
    doomed: bool,
    began: usize,
}

#[derive(Default)]
struct World {
    main: Store,
    replica: Store,
    sessions: BTreeMap<usize, Session>,
    /// When each committed transaction began and ended, and what it changed of what was there.
    committed: Vec<(usize, usize, BTreeSet<Object>)>,
    log: Vec<Delta>,
    time: usize,
}

impl World {
    fn begin(&mut self) -> Session {
        let transaction = self.main.begin();
        Session { transaction, delta: Delta::default(), doomed: false, began: self.time }
    }

    fn run(&mut self, session: &mut Session, statement: usize, x: i64, y: i64) {
        let Ok(Statement::Query(query)) = cypher::parse(STATEMENTS[statement]) else {
            panic!("{}", STATEMENTS[statement]);
        };
        let parameters = [("x", x), ("y", y)].map(|(name, n)| (Name::from(name), Value::Int(n)));
        let settings = Settings { parameters: parameters.into(), ..Settings::default() };
        let before = session.transaction.view().clone();
        let prepared = prepare(query).expect("sound");
        let outcome = prepared.run(&settings, &mut session.transaction);
        if outcome.is_err() {
            assert_eq!(session.transaction.view(), &before, "a failure leaves nothing behind");
            return;
        }
        match self.main.claim(&mut session.transaction) {
            Ok(()) => session.delta.absorb(session.transaction.stage()),
            Err(_) => session.doomed = true,
        }
    }

    fn end(&mut self, session: Session, commits: bool) {
        let Session { transaction, delta, doomed, began } = session;
        if commits && !doomed {
            let expected = transaction.snapshot().after(&delta).expect("it fits its snapshot");
            assert_eq!(transaction.view(), &expected, "the delta is what the transaction sees");
            let old = transaction.snapshot();
            let changed = delta.changes().iter().flat_map(Change::touched);
            let changed = changed.filter(|object| old.properties(*object).is_some()).collect();
            self.main.apply(&delta).expect("it fits the main");
            self.replica.apply(&delta).expect("it fits the replica");
            self.committed.push((began, self.time, changed));
            self.log.push(delta);
        }
        self.main.finish(&transaction);
    }

    fn step(&mut self, number: usize, step: &Step) {
        self.time += 1;
        let held = self.sessions.remove(&number);
        match (step, held) {
            (Step::Begin, None) => {
                let session = self.begin();
                self.sessions.insert(number, session);
            }
            (Step::Run { statement, x, y }, Some(mut session)) if !session.doomed => {
                self.run(&mut session, *statement, *x, *y);
                self.sessions.insert(number, session);
            }
            (Step::Run { statement, x, y }, None) => {
                let mut session = self.begin();
                self.run(&mut session, *statement, *x, *y);
                self.end(session, true);
            }
            (Step::Begin | Step::Run { .. }, Some(session)) => {
                self.sessions.insert(number, session);
            }
            (Step::Commit, Some(session)) => self.end(session, true),
            (Step::Rollback, Some(session)) => self.end(session, false),
            (Step::Commit | Step::Rollback, None) => {}
        }
    }

    fn check(&self) {
        assert_eq!(self.main.graph(), self.replica.graph());
        let mut recovered = Store::new();
        let log: Vec<&Delta> = self.log.iter().collect();
        recovered.apply_all(&log).expect("the log fits");
        assert_eq!(self.main.graph(), recovered.graph(), "all at once is one after the other");
        check_lists(self.main.graph());
        for (at, (began, ended, changed)) in self.committed.iter().enumerate() {
            for (other_began, other_ended, other) in &self.committed[at + 1..] {
                let overlap = began < other_ended && other_began < ended;
                assert!(!overlap || changed.is_disjoint(other), "two changed one object");
            }
        }
    }
}

/// Labels and relationships are listed where they belong, and nowhere else.
fn check_lists(graph: &Graph) {
    let labels: BTreeSet<_> = graph.nodes().flat_map(|(_, node)| node.labels.clone()).collect();
    for label in labels {
        let having = graph.nodes().filter(|(_, node)| node.has_label(&label)).map(|(id, _)| id);
        let having: Vec<_> = having.collect();
        assert_eq!(graph.labelled(&label).collect::<Vec<_>>(), having, "{label}");
        assert_eq!(graph.labelled_count(&label), having.len());
    }
    let mut ends = 0;
    for (id, node) in graph.nodes() {
        let from_here = |edge| graph.edge(edge).is_some_and(|edge| edge.from == id);
        let to_here = |edge| graph.edge(edge).is_some_and(|edge| edge.to == id);
        assert!(node.outgoing().all(from_here) && node.incoming().all(to_here), "{id}");
        ends += node.outgoing().count() + node.incoming().count();
    }
    assert_eq!(ends, 2 * graph.edge_count(), "each relationship is listed at both its ends");
}

proptest! {
    #![proptest_config(runs::runs(400))]

    #[test]
    fn whatever_sessions_do_the_copies_are_equal(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut world = World::default();
        for (session, step) in &steps {
            world.step(*session, step);
        }
        world.check();
        while let Some((_, session)) = world.sessions.pop_first() {
            world.time += 1;
            world.end(session, true);
        }
        world.check();
        prop_assert_eq!(world.main.open_transactions(), 0);
        let mut rebuilt = Store::new();
        rebuilt.rebuild(&world.log).expect("the log fits itself");
        prop_assert_eq!(rebuilt.graph(), world.main.graph());
    }
}

/// A transaction with one statement in it, claimed.
fn open(store: &mut Store, text: &str) -> (Transaction, bool) {
    let mut transaction = store.begin();
    let claimed = run(store, &mut transaction, text);
    (transaction, claimed)
}

fn run(store: &mut Store, transaction: &mut Transaction, text: &str) -> bool {
    let Ok(Statement::Query(query)) = cypher::parse(text) else { panic!("{text}") };
    let prepared = prepare(query).expect("sound");
    prepared.run(&Settings::default(), transaction).expect("it runs");
    store.claim(transaction).is_ok()
}

fn commit(store: &mut Store, mut transaction: Transaction) {
    store.apply(&transaction.stage()).expect("it fits");
    store.finish(&transaction);
}

/// Until the commit is decided, which may take as long as a replica does, others are refused; then
/// those that began before it are, and those that begin after it are not.
#[test]
fn an_object_is_held_until_its_commit_is_decided() {
    let mut store = Store::new();
    let (first, claimed) = open(&mut store, "CREATE (:N {v: 0})");
    assert!(claimed);
    commit(&mut store, first);

    let mut early = store.begin();
    let (holder, claimed) = open(&mut store, "MATCH (n:N) SET n.v = 1");
    assert!(claimed);
    let (other, claimed) = open(&mut store, "MATCH (n:N) SET n.v = 2");
    assert!(!claimed, "it is held");
    store.finish(&other);
    commit(&mut store, holder);
    assert!(!run(&mut store, &mut early, "MATCH (n:N) SET n.v = 3"), "it was changed since");
    store.finish(&early);
    let (late, claimed) = open(&mut store, "MATCH (n:N) SET n.v = 4");
    assert!(claimed);
    store.finish(&late);
    assert_eq!(store.open_transactions(), 0);
}

/// A replaced log leaves open transactions their snapshot, and nothing to change.
#[test]
fn a_replaced_log_ends_what_was_under_way() {
    let mut store = Store::new();
    let (first, _) = open(&mut store, "CREATE (:N {v: 0}), (:N {v: 1})");
    commit(&mut store, first);
    let mut early = store.begin();
    store.rebuild(&[Delta::from(vec![Change::CreateNode { id: NodeId(7) }])]).expect("it fits");
    assert_eq!(early.view().node_count(), 2);
    assert!(!run(&mut store, &mut early, "MATCH (n:N {v: 0}) SET n.v = 3"));
    assert!(!run(&mut store, &mut early, "CREATE (:New)"));
    store.finish(&early);
    let (late, _) = open(&mut store, "CREATE (n)");
    let created: Vec<_> = late.changes().iter().filter_map(Change::created).collect();
    assert_eq!(created, [Object::Node(NodeId(9))], "behind the log, and behind what was refused");
}

/// What does not fit is refused as a whole.
#[test]
fn a_delta_for_another_graph_is_refused() {
    let node = NodeId(0);
    let label: Name = "L".into();
    let create = Change::CreateNode { id: node };
    let wrong = [
        (vec![create.clone(), create.clone()], Misfit::Present(Object::Node(node))),
        (vec![Change::DeleteNode { id: node }], Misfit::Missing(Object::Node(node))),
        (
            vec![create.clone(), Change::RemoveLabel { node, label: label.clone() }],
            Misfit::Label(node, label.clone()),
        ),
        (
            vec![
                create.clone(),
                Change::RemoveProperty { of: Object::Node(node), name: label.clone() },
            ],
            Misfit::Property(Object::Node(node), label.clone()),
        ),
        (
            vec![
                create,
                Change::SetProperty {
                    of: Object::Node(node),
                    name: label.clone(),
                    value: Value::Null,
                },
            ],
            Misfit::Null(Object::Node(node), label),
        ),
    ];
    for (changes, misfit) in wrong {
        let mut store = Store::new();
        assert_eq!(store.apply(&Delta::from(changes)), Err(misfit));
        assert_eq!(store.graph(), &Graph::default());
    }
}

/// An index is listed from its creation to its drop, on copies too; doing either twice is nothing.
#[test]
fn indexes_are_part_of_the_graph() {
    let index = Index { label: "N".into(), property: Some("id".into()) };
    let (mut main, mut replica) = (Store::new(), Store::new());
    for (create, listed) in [(true, 1), (true, 1), (false, 0), (false, 0)] {
        let mut transaction = main.begin();
        let change = if create { Transaction::create_index } else { Transaction::drop_index };
        let before = main.graph().indexes().count();
        let changed = change(&mut transaction, index.clone()).expect("it fits");
        assert_eq!(changed, before != listed);
        let delta = transaction.stage();
        main.apply(&delta).expect("it fits");
        main.finish(&transaction);
        replica.apply(&delta).expect("it fits");
        assert_eq!(replica.graph(), main.graph());
        assert_eq!(main.graph().indexes().count(), listed);
    }
    let twice = vec![Change::CreateIndex(index.clone()), Change::CreateIndex(index.clone())];
    assert_eq!(main.apply(&Delta::from(twice)), Err(Misfit::Index(index)));
}
