//! The safety properties, each a bit with a name: the invariants of the core, and what the oracle
//! of the simulated world judges.

use ha_core::{invariants, plan::Plan};
use shell_sim::oracle::Violation;

/// Properties beside the invariants of the core.
const MORE: &[&str] = &[
    "acknowledged-writes-survive",
    "no-write-twice",
    "no-ghost-write",
    "no-silent-divergence",
    "no-stale-grant",
    "one-route",
    "rules-need-no-guard",
    "settled-has-a-main",
    "world-accepts",
];

/// The names of all properties, by bit.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let states = invariants::STATES.iter().map(|(name, _)| *name);
    let steps = invariants::STEPS.iter().map(|(name, _)| *name);
    let records = invariants::RECORDS.iter().map(|(name, _)| *name);
    states.chain(steps).chain(records).chain(MORE.iter().copied()).collect()
}

/// A set of properties that broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties(pub u64);

impl Properties {
    fn set(&mut self, name: &str) {
        let position = names().iter().position(|known| *known == name);
        // A property without a name is broken all the same.
        self.0 |= 1 << position.unwrap_or(63);
    }

    /// The names of those in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let named = names().into_iter().enumerate();
        named.filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }

    /// An invariant of the core broke.
    pub(super) fn rule(&mut self, broken: &invariants::Violation) {
        self.set(&broken.invariant);
    }

    /// The guard had to refuse a step of a rule.
    pub(super) fn vetoed(&mut self, plan: &Plan) {
        if !plan.vetoes.is_empty() {
            self.set("rules-need-no-guard");
        }
    }

    /// The simulated world was given something that made no sense.
    pub(super) fn world_rejected(&mut self) {
        self.set("world-accepts");
    }

    /// The oracle found something.
    pub fn note(&mut self, broken: &Violation) {
        self.set(match broken {
            Violation::Rule(broken) => {
                self.rule(broken);
                return;
            }
            Violation::StaleGrant { .. } => "no-stale-grant",
            Violation::TwoRoutes { .. } => "one-route",
            Violation::AckedMissing { .. } | Violation::AckedGone { .. } => {
                "acknowledged-writes-survive"
            }
            Violation::Doubled { .. } => "no-write-twice",
            Violation::Ghost { .. } => "no-ghost-write",
            Violation::SilentDivergence { .. } => "no-silent-divergence",
            Violation::Vetoed { .. } => "rules-need-no-guard",
            Violation::NoMain => "settled-has-a-main",
            Violation::TimeStandsStill { .. } | Violation::WorldRejected { .. } => "world-accepts",
        });
    }
}
