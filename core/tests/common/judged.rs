//! What each rule says of many observations: those that a reviewer would draw, and spoiled ones.

#![allow(dead_code, reason = "each test takes what it needs")]

use super::{bases::BASES, runs::runs, spoil::case};
use ha_core::{
    ids::InstanceId,
    observation::ClusterObservation,
    rules::{Judge, RULES, RuleId, Verdict},
    situation::Situation,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::collections::BTreeMap;

/// How many spoiled observations are looked at. They are the same each time.
pub(crate) const CASES: usize = 60_000;

/// What each row says of each subject.
pub(crate) type Judged = BTreeMap<(RuleId, Option<InstanceId>), Verdict>;

/// What each row says of each subject, whatever the rows before it say.
pub(crate) fn judged(obs: &ClusterObservation) -> Judged {
    let situation = Situation::of(obs);
    let target = situation.record.map(|record| record.target);
    let mut verdicts = Judged::new();
    for rule in RULES {
        match rule.judge {
            Judge::Once(judge) => {
                verdicts.insert((rule.id, None), judge(&situation));
            }
            Judge::Each(judge) => {
                for id in obs.instances.keys().filter(|id| Some(**id) != target) {
                    verdicts.insert((rule.id, Some(*id)), judge(&situation, *id));
                }
            }
        }
    }
    verdicts
}

/// Observations: every base, then the same spoiled ones each time.
pub(crate) fn observations(count: usize) -> impl Iterator<Item = (String, ClusterObservation)> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x6d; 32]);
    let mut runner = TestRunner::new_with_rng(Config { ..runs(1) }, rng);
    let cases = case();
    let bases = BASES.iter().map(|(name, build)| ((*name).to_owned(), build()));
    let spoiled = (0..count).map(move |_| {
        let case = cases.new_tree(&mut runner).expect("a case is always made").current();
        (format!("{case:?}"), case.build())
    });
    bases.chain(spoiled)
}
