//! A path as a story. It is gone a second time in a world that forgets nothing; where the two part,
//! the canonical form would be wrong, and that is said instead.

use super::{Act, Leases, Packed, Said, enabled, world::World};
use crate::explore::{Step, System as _};
use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// What is done.
    pub act: Act,
    /// What it came to.
    pub said: Option<Said>,
}

/// A path that cannot be gone in a world that forgets nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step}, \"{act}\": {found}")]
pub struct Parted {
    /// Which step, from 1.
    pub step: usize,
    /// What was done.
    pub act: String,
    /// What is not as it should be.
    pub found: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.act.fmt(f)?;
        match self.said {
            Some(said) => write!(f, ": {said}"),
            None => Ok(()),
        }
    }
}

impl Leases {
    /// The steps of a state, as its edges are numbered.
    fn steps(&self, world: &World<'_>, state: &Packed) -> Vec<enabled::Step> {
        let leads_on = |step: &enabled::Step| {
            let edge = self.edge(state, *step);
            edge.to != *state || edge.broken != 0
        };
        let mut steps = enabled::enabled(world, &self.variant);
        steps.retain(|step| self.may_take(step) && leads_on(step));
        let rested = steps.iter().all(|(_, progress)| !progress);
        let ticks = enabled::ticks(world, &self.variant, rested).into_iter();
        steps.extend(ticks.filter(|step| self.may_take(step)));
        steps
    }

    /// Goes a path in a world that forgets nothing beside the canonical one.
    ///
    /// # Errors
    /// Where the canonical form forgot something that makes a difference.
    pub fn trace(&self, path: &[Step]) -> Result<Vec<Told>, Parted> {
        let mut raw = self.start();
        let mut here = self.initial;
        let mut made = Vec::with_capacity(path.len());
        for (index, Step { edge }) in path.iter().enumerate() {
            let world = self.unpack(&here);
            let steps = self.steps(&world, &here);
            let parted =
                |act: String, found: &str| Parted { step: index + 1, act, found: found.to_owned() };
            let Some(step @ (act, _)) = steps.get(usize::from(*edge)).copied() else {
                return Err(parted(format!("transition {edge}"), "there is none"));
            };
            let twins = enabled::enabled(&raw, &self.variant).into_iter();
            let ticks = enabled::ticks(&raw, &self.variant, false);
            if !twins.chain(ticks).any(|(twin, _)| twin == act) {
                return Err(parted(act.to_string(), "not possible where nothing is forgotten"));
            }
            let to = self.edge(&here, step).to;
            let turn = self.take(&raw, act);
            let mut same = turn.world.clone();
            self.canonical(&mut same);
            if self.pack(same) != to {
                return Err(parted(act.to_string(), "the worlds differ"));
            }
            raw = turn.world;
            here = to;
            made.push(Told { act, said: turn.said });
        }
        Ok(made)
    }

    /// A random path.
    #[must_use]
    pub fn wander(&self, seed: u64, length: usize) -> Vec<Step> {
        let (mut here, mut path) = (self.initial, Vec::with_capacity(length));
        let (mut drawn, mut edges) = (seed, Vec::new());
        for _ in 0..length {
            edges.clear();
            self.expand(&here, &mut edges);
            drawn = drawn
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let Some(edge) = (drawn >> 33).checked_rem(edges.len() as u64) else { break };
            path.push(Step { edge: edge as u16 });
            here = edges[edge as usize].to;
        }
        path
    }
}
