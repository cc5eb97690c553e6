//! Runs that the engine found, told: as a story for people and as a schedule for the simulator.

use crate::{
    explore::{Exploration, Step, System, TraceError, Trap, Witness},
    model::{Model, Parted, Properties},
    pack::Packed,
};
use shell_sim::schedule::{self, Directive, SETTLE_MS, Schedule};

/// A run, told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How many steps it has.
    pub length: u64,
    /// How many of them lead to a cycle; the rest is the cycle, once around. None if there is none.
    pub before_the_cycle: Option<u64>,
    /// Line by line.
    pub story: Vec<String>,
    /// As a schedule; empty if it could not be gone in a world that forgets nothing.
    pub schedule: String,
    /// Whether the simulator shows the same when it plays the schedule; none where it need not.
    pub replayed: Option<bool>,
    /// Where the two worlds part, which is a mistake of the model.
    pub parted: Option<String>,
}

impl Told {
    /// How long it is, in words.
    #[must_use]
    pub fn length_in_words(&self) -> String {
        match self.before_the_cycle {
            None => format!("{} steps from a cluster at rest", self.length),
            Some(before) => {
                let cycle = self.length.saturating_sub(before);
                format!("{before} steps from a cluster at rest, and then {cycle} for ever")
            }
        }
    }
}

/// A run that breaks the property of this name in its last step, or in the state that it leads to.
pub(super) fn broken<S: System<State = Packed>>(
    model: &Model,
    found: &Exploration<'_, S>,
    witness: &Witness,
    property: &str,
) -> Told {
    let path = match found.trace(witness) {
        Ok(path) => path,
        Err(why) => return not_found(witness.length.into(), why),
    };
    let mut told = told(model, &path);
    let state = found.states().get(witness.state as usize);
    let refused = |(act, from)| state.and_then(|state| model.take(state, act, from).refused);
    let acts = state.map(|state| model.acts(state)).unwrap_or_default();
    if let (None, Some(why)) = (witness.edge, acts.into_iter().find_map(refused)) {
        told.story.push(format!("     the world refuses what can be done now: {why}"));
    }
    prove(model, &mut told, property);
    told
}

/// A run in which something came about.
pub(super) fn seen<S: System<State = Packed>>(
    model: &Model,
    found: &Exploration<'_, S>,
    witness: &Witness,
) -> Told {
    match found.trace(witness) {
        Ok(path) => told(model, &path),
        Err(why) => not_found(witness.length.into(), why),
    }
}

/// A run that never comes to rest: to the trap, and once around in it.
pub(super) fn restless<S: System<State = Packed>>(
    model: &Model,
    found: &Exploration<'_, S>,
    trap: &Trap,
) -> Told {
    let lasso = match found.lasso(trap) {
        Ok(lasso) => lasso,
        Err(why) => return not_found(0, why),
    };
    let path: Vec<Step> = lasso.path.iter().chain(&lasso.cycle).copied().collect();
    let before = lasso.path.len();
    let mut told = told(model, &path);
    told.before_the_cycle = Some(before as u64);
    let mark = if lasso.cycle.is_empty() {
        "     -- nothing goes on by itself here, and it is not at rest".to_owned()
    } else {
        format!("     -- from here on these {} steps, for ever", lasso.cycle.len())
    };
    // Steps begin with their number, and what belongs to them stands further to the right.
    let first = format!("{:4} ", before + 1);
    let at = told.story.iter().position(|line| line.starts_with(&first));
    told.story.insert(at.unwrap_or(told.story.len()), mark);
    told
}

fn told(model: &Model, path: &[Step]) -> Told {
    let length = path.len() as u64;
    let (story, schedule, parted) = match model.trace(path) {
        Ok(trace) => (trace.to_string(), trace.schedule.to_string(), None),
        Err(parted) => (canonical_story(model, path), String::new(), Some(parted)),
    };
    let story = story.lines().map(str::to_owned);
    Told {
        length,
        before_the_cycle: None,
        story: story.chain(parted.as_ref().map(apology)).collect(),
        schedule,
        replayed: None,
        parted: parted.map(|parted| parted.to_string()),
    }
}

fn apology(parted: &Parted) -> String {
    format!("     -- a world that forgets nothing does not go this way: {parted}")
}

/// The steps alone, as the canonical world takes them.
fn canonical_story(model: &Model, path: &[Step]) -> String {
    let mut story = String::new();
    let mut here = model.initial();
    for (index, Step { edge }) in path.iter().enumerate() {
        let Some((act, from)) = model.acts(&here).get(usize::from(*edge)).copied() else {
            break;
        };
        let mark = if from.is_some() { "!" } else { " " };
        story += &format!("{:4} {mark} {act}\n", index + 1);
        here = model.take(&here, act, from).to;
    }
    story
}

fn not_found(length: u64, why: TraceError) -> Told {
    Told {
        length,
        before_the_cycle: None,
        story: vec![why.to_string()],
        schedule: String::new(),
        replayed: None,
        parted: Some(why.to_string()),
    }
}

/// Plays the schedule, to say whether the simulator sees the same. What can be said of a cluster at
/// rest alone is judged by the simulator when it is told to settle, hence the second try.
fn prove(model: &Model, told: &mut Told, property: &str) {
    let Ok(mut schedule) = Schedule::parse(&told.schedule) else { return };
    let shows = |schedule: &Schedule| {
        let report = schedule::run(schedule, model.configuration.decide);
        let mut properties = Properties::default();
        for violation in report.violations.iter().filter(|violation| !violation.is_known()) {
            properties.note(violation);
        }
        properties.names().any(|name| name == property)
    };
    if told.schedule.is_empty() {
        return;
    }
    if shows(&schedule) {
        told.replayed = Some(true);
        return;
    }
    let last = schedule.lines.last().map_or(0, |(line, _)| *line);
    schedule.lines.push((last + 1, Directive::Settle(SETTLE_MS)));
    if shows(&schedule) {
        told.schedule = schedule.to_string();
        told.replayed = Some(true);
    } else {
        told.replayed = Some(false);
    }
}
