//! Which guards stand behind which kind of effect: effects that were right in one moment are held
//! against other moments, and whoever refuses one there is a guard of its kind.

use ha_core::{
    action::{Action, ActionKind},
    guard::{GUARDS, GuardId, Seen},
    observation::{ClusterObservation, LeaseView},
    plan::Plan,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many effects of a kind are kept.
const EFFECTS: usize = 40;
/// One observation of so many is kept.
const EVERY: usize = 11;
/// How many observations are kept.
const OBSERVATIONS: usize = 600;

/// Moments, and effects that were asked for in them.
#[derive(Debug, Default)]
pub(super) struct Moments {
    met: usize,
    observations: Vec<ClusterObservation>,
    effects: BTreeMap<ActionKind, BTreeSet<Action>>,
}

impl Moments {
    /// Remembers a moment and what was decided in it.
    pub(super) fn note(&mut self, observation: &ClusterObservation, plan: &Plan) {
        if self.met.is_multiple_of(EVERY) && self.observations.len() < OBSERVATIONS {
            self.observations.push(observation.clone());
        }
        self.met += 1;
        for step in &plan.steps {
            let effects = self.effects.entry(step.action.kind()).or_default();
            if effects.len() < EFFECTS {
                effects.insert(step.action.clone());
            }
        }
    }

    /// The guards of each kind of effect.
    pub(super) fn guards(&self) -> BTreeMap<ActionKind, BTreeSet<GuardId>> {
        // Whoever decided led, so one moment is looked at again without the lease.
        let mut unled: Option<ClusterObservation> = self.observations.first().cloned();
        if let Some(moment) = &mut unled {
            moment.leadership.lease = LeaseView::Free;
        }
        let of = |effects: &BTreeSet<Action>| {
            let refuses = |allows: fn(&Seen<'_>, &Action) -> bool| {
                let mut moments = self.observations.iter().chain(&unled);
                moments.any(|observation| {
                    let seen = Seen::first(observation);
                    effects.iter().any(|effect| !allows(&seen, effect))
                })
            };
            GUARDS.iter().filter(|guard| refuses(guard.allows)).map(|guard| guard.id).collect()
        };
        self.effects.iter().map(|(kind, effects)| (*kind, of(effects))).collect()
    }
}
