//! One configuration, checked: everything that the engine found, in words and numbers that can be
//! printed when states and tables are gone.

mod expected;
mod property;
mod tell;

pub use expected::expected;
pub use property::{Kind, Property, Verdict};
pub use tell::Told;

use crate::{
    explore::{End, Exploration, Limits, Progress, Projection, System, explore},
    model::{Configuration, Model, NoStart},
    pack::Packed,
};
use std::time::{Duration, Instant};

/// How to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// How many threads expand states. Nothing that is reported but the time depends on it.
    pub threads: usize,
    /// How many states are kept at most.
    pub max_states: u64,
    /// Whether to count the states with each part projected away and, where size counts, those of
    /// the same configuration with two faults, which takes a while.
    pub projections: bool,
}

/// How everything comes to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rests {
    /// The most steps of progress that any state is away from rest, at best.
    pub within: u32,
    /// States in which all is as it should be.
    pub settled: u64,
    /// States as well as they can be without an instance that is gone for good.
    pub degraded: u64,
    /// States that wait for people, for a reason that is named.
    pub held: u64,
    /// Components in which a fair run can stay for ever.
    pub traps: u64,
    /// How many of those hold a state that is not at rest.
    pub restless: u64,
    /// States from which no rest can be reached.
    pub lost: u64,
}

/// The same configuration with fewer faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fewer {
    /// The most faults together.
    pub faults: u8,
    /// States that differ.
    pub unique_states: u64,
    /// Transitions between them.
    pub transitions: u64,
    /// Whether every state was explored and nothing broke.
    pub is_good: bool,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Report {
    /// The configuration.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Whether it is one of those whose size counts.
    pub main: bool,
    /// Which engine explored.
    pub engine: &'static str,
    /// States that differ.
    pub unique_states: u64,
    /// Transitions between them.
    pub transitions: u64,
    /// The greatest distance from the initial state.
    pub depth: u64,
    /// How long it took, judgements included.
    pub elapsed: Duration,
    /// Bytes that a state takes, its edges and its place in the table included.
    pub bytes_per_state: u64,
    /// Why not everything was explored; none if it was.
    pub incomplete: Option<String>,
    /// How everything comes to rest; none if that could not be judged.
    pub rests: Option<Rests>,
    /// The states that are left without each part; empty if that was not asked for.
    pub projections: Vec<Projection>,
    /// The same with two faults; none if that was not asked for, or if there are not more.
    pub fewer: Option<Fewer>,
    /// Everything that was judged.
    pub properties: Vec<Property>,
}

impl Report {
    /// Whether every state was explored, nothing broke, and all was seen that must be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.incomplete.is_none()
            && !self.properties.iter().any(Property::fails)
            && self.fewer.is_none_or(|fewer| fewer.is_good)
    }

    /// The properties that broke.
    pub fn broken(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|property| property.verdict == Verdict::Broken)
    }

    /// The run that breaks a property as the text of a schedule, its story in comments; none where it
    /// could not be gone in a world that forgets nothing.
    #[must_use]
    pub fn counterexample(&self, property: &Property, mutant: Option<&str>) -> Option<String> {
        let told = property.witness.as_ref().filter(|told| !told.schedule.is_empty())?;
        let mut text = format!(
            "# Counterexample: {} ({}) does not hold in configuration {}: {}.\n\
             # {}.\n",
            property.name,
            property.kind.text(),
            self.name,
            self.about,
            told.length_in_words()
        );
        if let Some(mutant) = mutant {
            text += &format!("# mutant: {mutant}\n");
        }
        if told.replayed == Some(false) {
            text += "# The simulator alone does not judge this property: read the story.\n";
        }
        text += "#\n";
        for line in &told.story {
            text += format!("# {line}").trim_end();
            text += "\n";
        }
        text += "\n";
        text += &told.schedule;
        Some(text)
    }
}

/// Checks one configuration. The exploration ends with the level in which something breaks: what
/// is told is a shortest way to it, and what lies behind it is no news.
///
/// # Errors
/// The cluster does not come to rest after its bootstrap.
pub fn check(
    configuration: Configuration,
    effort: Effort,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, NoStart> {
    let fewer = fewer(&configuration, effort, progress)?;
    let model = Model::new(configuration)?;
    Ok(Report { fewer, ..check_as(&model, &model, effort, progress) })
}

/// With two faults beside more of them, a count tells how much the others add.
fn fewer(
    configuration: &Configuration,
    effort: Effort,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Fewer>, NoStart> {
    const FEWER: u8 = 2;
    if !effort.projections || !configuration.main || configuration.budget.faults <= FEWER {
        return Ok(None);
    }
    let mut configuration = configuration.clone();
    configuration.budget.faults = FEWER;
    let model = Model::new(configuration)?;
    let report = check_as(&model, &model, Effort { projections: false, ..effort }, progress);
    let broken = report.broken().next().is_some();
    Ok(Some(Fewer {
        faults: FEWER,
        unique_states: report.unique_states,
        transitions: report.transitions,
        is_good: report.incomplete.is_none() && !broken,
    }))
}

/// Checks a model as `system` shows it, which must have the same transitions.
pub fn check_as<S: System<State = Packed>>(
    model: &Model,
    system: &S,
    effort: Effort,
    progress: &mut dyn FnMut(Progress),
) -> Report {
    let begun = Instant::now();
    let limits = Limits {
        threads: effort.threads,
        max_states: effort.max_states,
        stop_at_first_violation: true,
        liveness: true,
        projections: effort.projections,
    };
    let found = explore(system, &limits, progress);
    let unique_states = found.states().len() as u64;
    let properties = property::judge(model, &found);
    Report {
        name: model.configuration.name,
        about: model.configuration.about,
        main: model.configuration.main,
        engine: "own",
        unique_states,
        transitions: found.transitions,
        depth: (found.levels.len() as u64).saturating_sub(1),
        elapsed: begun.elapsed(),
        bytes_per_state: found.bytes / unique_states.max(1),
        incomplete: incomplete(&found),
        rests: rests(&found),
        projections: found.projections,
        fewer: None,
        properties,
    }
}

fn incomplete<S: System>(found: &Exploration<'_, S>) -> Option<String> {
    match found.end {
        End::Closed => None,
        End::Violation => Some("it ended where something broke".into()),
        End::StateLimit => Some("there was no room for another state".into()),
        End::Malformed(why) => Some(why.to_string()),
    }
}

fn rests<S: System>(found: &Exploration<'_, S>) -> Option<Rests> {
    found.liveness.as_ref().map(|liveness| Rests {
        within: liveness.within.steps,
        settled: liveness.settled,
        degraded: liveness.degraded,
        held: liveness.held,
        traps: liveness.traps,
        restless: liveness.restless,
        lost: liveness.within.lost,
    })
}
