//! Two engines, one count: stateright, which we did not write, finds as many states as our own in
//! every configuration that is always checked, and nothing breaks in any of them. The world's steps
//! are worked out once for both; which of them lead to states that are new, each says by itself.

use model_check::{
    model::{Bounds, Configuration, Model, configurations},
    report::{Effort, Property, Report, Verdict, check_as},
    stateright::{Adapter, Remembering},
};
use shell_sim::{mutants, world::Decide};
use std::{num::NonZero, sync::Arc, thread, time::Instant};

/// A good part of the time goes into parts of worlds that come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A configuration with more states does not belong to those that every run of the tests checks.
const MOST: u64 = 6_000_000;

fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// What is wrong with a report, in a few lines.
fn wrong(report: &Report) -> Vec<String> {
    // What is not known follows from what broke before it was.
    let known = |property: &&Property| property.fails() && property.verdict != Verdict::Unknown;
    let failed = report.properties.iter().filter(known);
    let failed = failed.map(|property| {
        let story = property.witness.iter().flat_map(|told| &told.story);
        let story: Vec<_> = story.map(|line| format!("\n{line}")).collect();
        let verdict = property.verdict.word();
        format!("{}: {} {verdict}{}", report.name, property.name, story.concat())
    });
    let incomplete = report.incomplete.iter().map(|why| format!("{}: {why}", report.name));
    incomplete.chain(failed).collect()
}

fn compare(configuration: Configuration) -> Vec<String> {
    let name = configuration.name;
    let model = match Model::new(configuration) {
        Ok(model) => Arc::new(model),
        Err(why) => return vec![why.to_string()],
    };
    let begun = Instant::now();
    let remembering = Arc::new(Remembering::new(Arc::clone(&model)));
    let effort = Effort { threads: threads(), max_states: MOST, projections: false };
    let own = check_as(&model, &*remembering, effort, &mut |_| {});
    let between = Instant::now();
    let mut wrong = wrong(&own);
    if own.incomplete.is_some() {
        return wrong;
    }
    let other = Adapter::remembering(remembering).count(threads());
    println!(
        "{name}: {} states in {} ms, stateright {} in {} ms",
        own.unique_states,
        between.duration_since(begun).as_millis(),
        other.unique_states,
        between.elapsed().as_millis()
    );
    if other.unique_states != own.unique_states {
        let (own, other) = (own.unique_states, other.unique_states);
        wrong.push(format!("{name}: {own} states, but {other} for stateright"));
    }
    if !other.is_done {
        wrong.push(format!("{name}: stateright did not end: {:?}", other.broken));
    }
    wrong
}

/// One after the other: a configuration may need a good part of the memory and all cores.
#[test]
fn both_engines_find_the_same_states() {
    let configurations = configurations(Bounds::Ci);
    let wrong: Vec<String> = configurations.into_iter().flat_map(compare).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn small(name: &str, decide: Decide) -> Arc<Model> {
    let mut all = configurations(Bounds::Ci).into_iter();
    let one = all.find(|one| one.name == name).expect("the configuration");
    Arc::new(Model::new(Configuration { decide, ..one }).expect("a cluster at rest"))
}

/// Without what our engine remembers, stateright counts the same.
#[test]
fn stateright_alone_counts_the_same() {
    let model = small("quiet", ha_core::plan);
    let effort = Effort { threads: 1, max_states: u64::MAX, projections: false };
    let own = check_as(&model, &*model, effort, &mut |_| {});
    let other = Adapter::new(model).count(1);
    assert_eq!(other.unique_states, own.unique_states);
    assert!(other.is_done);
}

/// What breaks under a wrong decision, breaks for stateright too, and after as many steps.
#[test]
fn stateright_sees_what_breaks() {
    let mutant = mutants::named("promotes-before-it-records").expect("the mutant");
    let model = small("engine-head", mutant.decide);
    let effort = Effort { threads: 1, max_states: u64::MAX, projections: false };
    let remembering = Arc::new(Remembering::new(Arc::clone(&model)));
    let own = check_as(&model, &*remembering, effort, &mut |_| {});
    let lengths = own.broken().filter_map(|property| property.witness.as_ref());
    let shortest = lengths.map(|told| told.length).min();
    for adapter in [Adapter::new(model), Adapter::remembering(remembering)] {
        let other = adapter.count(1);
        assert!(!other.is_done);
        let broken: Vec<_> = other.broken.values().map(|steps| steps.len() as u64).collect();
        assert_eq!(broken, shortest.into_iter().collect::<Vec<_>>(), "{:?}", other.broken);
    }
}
