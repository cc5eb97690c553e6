//! Whether the predecessor's policy, put into the world of a record, does what was recorded, for some
//! answer to what the record leaves open. This module decides what has to be met and how far is
//! searched; it deliberately does not know how a run goes on.

use super::{
    facts::OpenFacts,
    inject::{Part, part_of},
    moves::LONG_MS,
    search::{Search, Sight, State, Way},
    setup::before,
};
use crate::incident::{Actor, EventWord, Evidence, Incident, Item};
use ha_core::leadership::Millis;

/// Passes in a search that goes deep first.
const FEW_PASSES: u8 = 3;
/// How far the search goes for one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Steps of one run.
    pub depth: usize,
    /// States visited for each combination of answers at first.
    pub quick: usize,
    /// States visited in all, if nothing matched at first.
    pub states: usize,
    /// States visited for each combination of answers with regard to long times, up to the first
    /// match, if nothing matched before.
    pub timed: usize,
    /// Reconcile passes that begin.
    pub passes: u8,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: 160, quick: 4_000, states: 40_000, timed: 32_000, passes: 5 }
    }
}

/// What the search found.
#[derive(Debug, Clone)]
pub struct Reproduction {
    /// Whether a run matched every recorded item.
    pub reproduced: bool,
    /// Combinations of answers tried.
    pub combinations: usize,
    /// The combinations for which a run matched, the first one first.
    pub matched: Vec<OpenFacts>,
    /// The steps of the first matching run, or of the run that came nearest.
    pub run: Vec<Step>,
    /// Items to be matched.
    pub expected: usize,
    /// The most items that any run matched in order.
    pub best: usize,
    /// The items that this run did not match, and that could have come next.
    pub missing: Vec<String>,
    /// States visited in all.
    pub states: usize,
    /// Whether a bound ended the search of a combination.
    pub bounded: bool,
    /// The bounds.
    pub bounds: Bounds,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who made it: a thread, the world, or whoever the record names.
    pub by: String,
    /// What it showed.
    pub shown: Vec<String>,
    /// Orders of the items that it met.
    pub meets: Vec<u32>,
}

/// Searches.
#[must_use]
pub fn reproduce(incident: &Incident, bounds: Bounds) -> Reproduction {
    let items = relevant(incident);
    let combinations = if has_controller(incident) { OpenFacts::all(incident) } else { Vec::new() };
    let mut found = Reproduction {
        reproduced: false,
        combinations: combinations.len(),
        matched: Vec::new(),
        run: Vec::new(),
        expected: items.len(),
        best: 0,
        missing: Vec::new(),
        states: 0,
        bounded: false,
        bounds,
    };
    let share = bounds.states / combinations.len().max(1);
    let (few, all) = (FEW_PASSES.min(bounds.passes), bounds.passes);
    for (way, passes, limit) in [
        (Way::Near, all, bounds.quick),
        (Way::Timed, all, bounds.timed),
        (Way::Deep, few, bounds.quick),
        (Way::Near, all, share),
    ] {
        let is_timed = way == Way::Timed;
        if limit < bounds.quick || (is_timed && !has_long_times(&items)) {
            continue;
        }
        // What is told and not logged gives little to go by: a short search has to do.
        if found.states > 0 && !has_log(incident) {
            break;
        }
        let bounds = Bounds { passes, states: limit, ..bounds };
        found.bounded = false;
        for facts in &combinations {
            try_facts(&mut found, incident, &items, *facts, (way, bounds));
            if is_timed && !found.matched.is_empty() {
                break;
            }
        }
        // Only the way that leaves nothing out can show that there is no run.
        if !found.matched.is_empty() || (!found.bounded && way == Way::Near) {
            break;
        }
    }
    let produced = items.iter().any(|item| part_of(item) != Part::Done);
    found.reproduced = produced && !found.matched.is_empty();
    found
}

/// Whether the record leaves a long time between two of its stamps.
fn has_long_times(items: &[&Item]) -> bool {
    let stamps: Vec<Millis> = items.iter().filter_map(|item| item.at).collect();
    stamps.windows(2).any(|pair| matches!(pair, [one, next] if *next >= one + LONG_MS))
}

/// Searches with one combination of answers.
fn try_facts(
    found: &mut Reproduction,
    incident: &Incident,
    items: &[&Item],
    facts: OpenFacts,
    (way, bounds): (Way, Bounds),
) {
    let Some((world, policy)) = before(incident, &facts) else { return };
    let tail_left = facts.tail == Some(true);
    let open = (0..items.len()).collect();
    let sight = if facts.unseen == Some(true) { Sight::Open } else { Sight::Settled };
    let mut start = State { world, policy, open, tail_left, sight, passes_then: bounds.passes };
    start.policy.passes_left = bounds.passes;
    let mut search = Search::new(items, facts, bounds, way);
    let (matched, run) = search.explore(start);
    if search.best > found.best && found.matched.is_empty() {
        found.best = search.best;
        found.run.clone_from(&run);
        found.missing = std::mem::take(&mut search.missing);
    }
    found.states += search.seen.len();
    found.bounded |= search.bounded;
    if matched {
        if found.matched.is_empty() {
            found.run = run;
            found.missing = Vec::new();
        }
        found.matched.push(facts);
    }
}

/// Whether a controller did or said anything: without one there is no policy to try.
fn has_controller(incident: &Incident) -> bool {
    incident.happened().any(|item| item.actor == Actor::Controller)
        || incident.happened().any(|item| item.actor == Actor::Gateway)
        || incident.happened().any(|item| item.event == EventWord::RollingRestartRequested)
}

/// Whether anything was logged that the cluster or its controller showed.
fn has_log(incident: &Incident) -> bool {
    let is_logged = |item: &Item| item.evidence.is_recorded() && part_of(item) == Part::Shown;
    incident.happened().any(is_logged)
}

/// What a run must meet: recorded observations, and everything that was done from outside. Where
/// nothing was logged that the cluster or its controller showed, what the author tells of them.
fn relevant(incident: &Incident) -> Vec<&Item> {
    let logged = has_log(incident);
    let counts = |item: &&Item| {
        item.evidence.is_recorded() || part_of(item) == Part::Done || (!logged && is_told(item))
    };
    incident.happened().filter(counts).collect()
}

/// Whether an item is an author's word on something that the world can show.
fn is_told(item: &Item) -> bool {
    matches!(item.evidence, Evidence::Narrative) && part_of(item) != Part::Done
}
