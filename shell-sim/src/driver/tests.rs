//! The scheduler from an empty cluster, the oracle under a wrong policy, and walks: each the same
//! again from its seed, and none that breaks the promise.

use super::{End, Fair, Limits, Situations, Walk};
use crate::{
    oracle::Violation,
    schedule::{Schedule, parse_settings, run},
    world::{Event, Settings},
};
use ha_core::{
    observation::{ClusterObservation, RecordContent},
    plan::Plan,
    reading::Reading,
    record::{Member, Proof, Record},
};

#[test]
fn an_empty_cluster_bootstraps() {
    let mut fair = Fair::new(&Settings::default(), ha_core::plan);
    fair.trace.keep();
    let end = fair.settle(60_000);
    assert_eq!(end, End::Settled, "{}", fair.trace);
    assert_eq!(fair.violations, vec![]);
    assert!(fair.world.network.messages.is_empty());
}

/// A cluster at rest meets nothing new however long it is, whichever instance is its main; a lost main
/// does.
#[test]
fn kinds_of_situations_are_told_apart() {
    let mut fair = Fair::new(&Settings::default(), ha_core::plan);
    let at_rest = |fair: &mut Fair| {
        assert_eq!(fair.settle(60_000), End::Settled);
        fair.situations = Situations::default();
        fair.run_for(60_000);
        fair.situations.clone()
    };
    let first = at_rest(&mut fair);
    assert_eq!(first.len(), 1);
    let main = fair.world.recorded_main().unwrap();
    fair.apply(&Event::Crash(main)).unwrap();
    assert_eq!(fair.settle(60_000), End::Settled);
    assert_ne!(fair.world.recorded_main(), Some(main));
    assert!(fair.situations.len() > 5, "{}", fair.situations.len());
    let mut all = fair.situations.clone();
    let second = at_rest(&mut fair);
    // The same but for the cause of the reign.
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    let before = all.len();
    all.add(second);
    assert_eq!(all.len(), before);
}

/// Ours, with one belief too many: once the main is gone, everybody voted and is proven.
fn believes_everybody(observation: &ClusterObservation) -> Plan {
    let target_answers = |record: &Record| {
        observation.instances.get(&record.target).is_some_and(|view| view.answer().is_some())
    };
    let mut tampered = observation.clone();
    let lives: Vec<_> = observation
        .instances
        .iter()
        .filter_map(|(id, view)| Some((*id, view.answer()?.incarnation)))
        .collect();
    if let Reading::Known { value, .. } = &mut tampered.record
        && let RecordContent::Record(record) = &mut value.content
        && record.voters().next().is_some()
        && !target_answers(record)
    {
        let main = record.incarnation;
        for (id, replica) in lives.into_iter().filter(|(id, _)| *id != record.target) {
            let proof = Some(Proof { main, replica });
            record.members.insert(id, Member { votes: true, proof });
        }
    }
    ha_core::plan(&tampered)
}

/// The oracle is not blind: a policy that promotes an instance which nobody waited for loses an
/// acknowledged write, and that is found.
#[test]
fn the_oracle_finds_a_lost_write() {
    let schedule = Schedule::parse(
        "bootstrap
         withhold prepare mg-0 mg-2
         write cl-0 gw-0
         run until acked w1
         stop mg-0
         stop mg-1
         crash mg-1
         crash mg-0
         fail prepare mg-0 mg-2
         release prepare mg-0 mg-2
         run until role mg-2=main
         wipe mg-1
         resume mg-1
         run until grant gw-0=2
         assert violated mg-2 lacks the acknowledged w1",
    );
    let report = run(&schedule.unwrap(), believes_everybody);
    assert_eq!(report.failures, vec![], "{}", report.story());
    let lost =
        |violation: &Violation| matches!(violation, Violation::AckedMissing { known: false, .. });
    assert!(report.violations.iter().any(lost), "{:?}", report.violations);
}

/// The seed alone decides a walk, and the schedule that it gives does the same again.
#[test]
fn a_walk_can_be_run_again() {
    let limits = Limits { choices: 120, faults: 6, ..Limits::default() };
    let walk = Walk::new(&Settings::default(), limits, ha_core::plan).unwrap();
    for seed in 0..20 {
        let (one, other) = (walk.run(seed), walk.run(seed));
        assert_eq!(one.schedule, other.schedule);
        assert_eq!(one.counters, other.counters);
        let text = one.schedule.to_string();
        let again = run(&Schedule::parse(&text).unwrap(), ha_core::plan);
        assert_eq!(again.failures, vec![], "seed {seed}:\n{text}");
        assert_eq!(again.violations, one.violations, "seed {seed}");
        assert_eq!(again.end, Some(one.end), "seed {seed}");
    }
}

/// Walks with faults lose nothing that the promise covers, whatever the size and settings.
#[test]
fn walks_keep_the_promise() {
    let limits = Limits { choices: 120, faults: 6, ..Limits::default() };
    for world in ["", "flush=100000", "gateways=2 controllers=3", "engine=3.8 recovery=snapshot"] {
        let settings = parse_settings(world).unwrap();
        let walk = Walk::new(&settings, limits, ha_core::plan).unwrap();
        for seed in 0..150 {
            let report = walk.run(seed);
            let broken: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
            assert!(
                !report.is_broken(),
                "world {world:?} seed {seed}: {}\n{}",
                broken.join("; "),
                report.schedule
            );
        }
    }
}
