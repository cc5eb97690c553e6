//! A path through the model as a schedule of the simulator. The path is gone a second time in a
//! world that is never brought into canonical form, step by step beside the first: where the two
//! part, the canonical form would be wrong, and that is said instead.

use super::{Act, Model, Outside, Properties, Turn, enabled};
use crate::{canonical::canonical, explore::Step, pack::Packed};
use ha_core::plan::Plan;
use shell_sim::{
    schedule::{Directive, Schedule},
    world::{Event, World},
};
use std::{collections::BTreeSet, fmt};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What is done.
    pub act: Act,
    /// What of the budget it takes.
    pub from: Option<Outside>,
    /// The plan that was made, if one was.
    pub plan: Option<Plan>,
    /// What broke.
    pub broken: Properties,
    /// The events of the simulator that it is made of.
    pub events: Vec<Event>,
}

/// A path, told.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Its steps.
    pub steps: Vec<Made>,
    /// The same as a schedule.
    pub schedule: Schedule,
    /// The world at its end, not in canonical form.
    pub world: World,
}

/// A path that cannot be gone in a world that remembers everything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Parted {
    /// A step that the state does not offer.
    #[error("step {step}: there is no transition {edge}")]
    NoEdge {
        /// Which step, from 1.
        step: usize,
        /// The transition.
        edge: u16,
    },
    /// What can be done is not the same in both.
    #[error("step {step}: \"{canonical}\" in the canonical world, {found} in the other one")]
    Other {
        /// Which step, from 1.
        step: usize,
        /// What is done in the canonical world.
        canonical: String,
        /// What stands in its place.
        found: String,
    },
    /// The worlds differ after the step.
    #[error("step {step}, \"{act}\": the worlds differ in {part}:\n{forgotten}")]
    Apart {
        /// Which step, from 1.
        step: usize,
        /// What was done.
        act: String,
        /// In what they differ first.
        part: String,
        /// The lines that differ, as they are in the world that remembers (-) and in the other (+).
        forgotten: String,
    },
}

/// What kind of transition it is, whatever the numbers in it.
fn kind(act: Act) -> std::mem::Discriminant<Act> {
    std::mem::discriminant(&act)
}

impl Model {
    /// Goes a path in a world that remembers everything.
    ///
    /// # Errors
    /// Where the canonical form forgot something that makes a difference.
    pub fn trace(&self, path: &[Step]) -> Result<Trace, Parted> {
        let (mut raw, start) = self.start.clone();
        let mut events = start;
        for event in &events {
            // They were possible when the model was made.
            let _done = raw.step(event, self.configuration.decide);
        }
        let mut strays = BTreeSet::new();
        let mut here = self.initial;
        let mut steps = Vec::with_capacity(path.len());
        for (index, Step { edge }) in path.iter().enumerate() {
            let step = index + 1;
            let (spent, _) = self.beside(&here);
            let acts = self.acts(&here);
            let missing = Parted::NoEdge { step, edge: *edge };
            let (act, from) = *acts.get(usize::from(*edge)).ok_or(missing)?;
            let twin = enabled::enabled(&raw, spent, &self.configuration);
            let found = twin.get(usize::from(*edge)).filter(|(twin, _)| kind(*twin) == kind(act));
            let Some((twin, _)) = found.copied().filter(|_| twin.len() == acts.len()) else {
                let found = twin.get(usize::from(*edge)).map(|(act, _)| format!("\"{act}\""));
                let found = found.unwrap_or_else(|| "nothing".into());
                return Err(Parted::Other { step, canonical: act.to_string(), found });
            };
            let outcome = self.take(&here, act, from);
            let mut turn = Turn::new(raw.clone(), strays.clone(), &self.configuration);
            turn.act(twin);
            if turn.leads_to_nothing() {
                turn.events.clear();
            } else {
                strays = turn.strays().clone();
                raw = turn.world;
            }
            events.extend(&turn.events);
            self.compare(step, twin, &raw, &outcome.to)?;
            here = outcome.to;
            let (plan, broken) = (turn.plan, turn.broken);
            steps.push(Made { act: twin, from, plan, broken, events: turn.events });
        }
        let mut directives: Vec<Directive> =
            self.begun.lines.iter().map(|(_, directive)| directive.clone()).collect();
        directives.extend(events.into_iter().map(Directive::Event));
        Ok(Trace { steps, schedule: Schedule::of(directives), world: raw })
    }

    fn compare(&self, step: usize, act: Act, raw: &World, state: &Packed) -> Result<(), Parted> {
        let beside = state[crate::pack::BESIDE];
        let mut world = raw.clone();
        canonical(&mut world, &self.configuration.grain);
        // The world that remembers everything counted its log from the beginning just now for the first
        // time, and the other one with each step.
        let mut forgetful = self.tables.unpack(state);
        world.level_lags();
        forgetful.level_lags();
        let packed = self.tables.pack(world, beside);
        let state = self.tables.pack(forgetful, beside);
        let names = crate::pack::part_names();
        match packed.iter().zip(&state).position(|(one, other)| one != other) {
            None => Ok(()),
            Some(part) => {
                let (one, other) =
                    (self.tables.describe(&packed, part), self.tables.describe(&state, part));
                let forgotten = differing(&one, &other);
                let part = names.get(part).cloned().unwrap_or_default();
                Err(Parted::Apart { step, act: act.to_string(), part, forgotten })
            }
        }
    }
}

/// The lines that only one of two texts has, but for what they begin and end with alike.
fn differing(one: &str, other: &str) -> String {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let before = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let behind = |lines: &[&str]| lines.len() - before;
    let after = one.iter().rev().zip(other.iter().rev());
    let after = after.take_while(|(one, other)| one == other).count();
    let after = after.min(behind(&one)).min(behind(&other));
    let context = one.iter().take(before).skip(before.saturating_sub(8)).map(|l| format!("  {l}"));
    let middle = |mark: &str, lines: &[&str]| -> Vec<String> {
        let lines = lines.iter().take(lines.len() - after).skip(before);
        lines.map(|line| format!("{mark} {line}")).collect()
    };
    let lines = context.chain(middle("-", &one)).chain(middle("+", &other));
    lines.collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, made) in self.steps.iter().enumerate() {
            let mark = if made.from.is_some() { "!" } else { " " };
            writeln!(f, "{:4} {mark} {}", index + 1, made.act)?;
            for line in made.plan.iter().flat_map(|plan| &plan.steps) {
                writeln!(f, "         {line}")?;
            }
            for name in made.broken.names() {
                writeln!(f, "         breaks {name}")?;
            }
        }
        Ok(())
    }
}
