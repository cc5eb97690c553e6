//! How long one small statement takes, from its text to what readers see, in a graph of 10,000
//! nodes with relationships.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use instance::cypher::{self, ast::Statement};
use instance::execute::{Outcome, Settings, prepare};
use instance::graph::{Delta, Store};
use instance::value::Value;
use std::hint::black_box;

fn statement(store: &mut Store, text: &str, settings: &Settings) -> (Outcome, Delta) {
    let Ok(Statement::Query(query)) = cypher::parse(text) else { panic!("{text}") };
    let prepared = prepare(query).expect("sound");
    let mut transaction = store.begin();
    let outcome = prepared.run(settings, &mut transaction).expect("it runs");
    store.claim(&mut transaction).expect("nobody else is there");
    let delta = transaction.stage();
    if !delta.is_empty() {
        store.apply(&delta).expect("it fits");
    }
    store.finish(&transaction);
    (outcome, delta)
}

fn statements(criterion: &mut Criterion) {
    let mut store = Store::new();
    let mut settings = Settings::default();
    let fill = "UNWIND range(0, 4999) AS i CREATE (:Node {id: i, name: 'n' + i})-[:NEXT]->(:Leaf)";
    statement(&mut store, fill, &settings);
    settings.parameters.insert("id".into(), Value::Int(2500));

    let mut group = criterion.benchmark_group("statement");
    for (name, text) in [
        ("count", "MATCH (n) RETURN count(n)"),
        ("find", "MATCH (n:Node {id: $id})-[:NEXT]->(l) RETURN n.name, l"),
        ("by_id", "MATCH (n) WHERE id(n) = $id RETURN n"),
        ("update", "MATCH (n:Node {id: $id}) SET n.seen = true"),
        ("create", "CREATE (:Event {id: $id, at: timestamp()})"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| statement(&mut store, black_box(text), &settings));
        });
    }
    let (_, delta) = statement(&mut store, "CREATE (:Event {id: 1})", &settings);
    group.bench_function("apply_on_an_empty_replica", |bencher| {
        let apply = |mut replica: Store| replica.apply(black_box(&delta));
        bencher.iter_batched(Store::new, apply, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, statements);
criterion_main!(benches);
