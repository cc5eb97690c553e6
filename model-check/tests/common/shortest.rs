//! The shortest way to what a model breaks, as a schedule that shows it by itself.

use model_check::{
    explore::{Limits, explore},
    model::{Model, property_names},
};
use shell_sim::{
    oracle,
    schedule::{Schedule, run},
};

/// What was found.
pub(crate) struct Found {
    /// The property that breaks.
    pub property: &'static str,
    /// Steps from where the model begins.
    pub steps: usize,
    /// States that were explored.
    pub states: usize,
    /// The schedule, with the steps as a story before it.
    pub text: String,
}

/// The shortest way to what breaks first, or to what breaks `wanted`; what never comes to rest breaks
/// `settles`.
pub(crate) fn shortest(
    name: &str,
    model: &Model,
    limits: &Limits,
    wanted: Option<&str>,
) -> Result<Found, String> {
    let found = explore(model, limits, &mut |_| {});
    let named = |bit: u8| property_names().get(usize::from(bit)).copied().unwrap_or("the model");
    let broken = (0..64)
        .filter(|bit| wanted.is_none_or(|wanted| named(*bit) == wanted))
        .filter_map(|bit| found.violation(bit).map(|witness| (bit, witness)))
        .min_by_key(|(bit, witness)| (witness.length, *bit));
    let (property, path) = match broken {
        Some((bit, witness)) => (named(bit), found.trace(&witness).map_err(|why| why.to_string())?),
        None => {
            let liveness = found.liveness.as_ref().ok_or("neither broken nor closed")?;
            let trap = liveness.nearest.as_ref().ok_or("nothing is broken")?;
            let lasso = found.lasso(trap).map_err(|why| why.to_string())?;
            ("settles", lasso.path.into_iter().chain(lasso.cycle).collect())
        }
    };
    let trace = model.trace(&path).map_err(|why| why.to_string())?;
    let steps: Vec<String> = trace
        .to_string()
        .lines()
        .map(|line| format!("#{}\n", line.get(1..).unwrap_or(line)))
        .collect();
    let (length, states) = (trace.steps.len(), found.states().len());
    let text = format!(
        "# {name}: breaks {property} in {length} steps, {states} states\n{}{}",
        steps.concat(),
        trace.schedule
    );
    let report =
        run(&Schedule::parse(&text).map_err(|why| why.to_string())?, model.configuration.decide);
    // Some promises are judged of a cluster that calls itself settled.
    let last = oracle::final_violations(&report.fair.world, true);
    let shown = property == "settles"
        || report.violations.iter().chain(&last).any(|violation| !violation.is_known());
    if !shown || !report.failures.is_empty() {
        return Err(format!("its schedule does not show it: {:?}", report.failures));
    }
    Ok(Found { property, steps: length, states, text })
}
