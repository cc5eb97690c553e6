//! Reports for machines.

use model_check::report::{Fewer, Property, Report, Rests, Told};
use serde_json::{Value, json};
use std::time::Duration;

/// All reports, as one document.
pub(super) fn json(reports: &[Report]) -> Value {
    json!({ "configs": reports.iter().map(report).collect::<Vec<_>>() })
}

fn report(report: &Report) -> Value {
    let projections: Vec<_> = report
        .projections
        .iter()
        .map(|one| json!({ "part": one.part, "states": one.states }))
        .collect();
    json!({
        "name": report.name,
        "about": report.about,
        "main": report.main,
        "unique_states": report.unique_states,
        "transitions": report.transitions,
        "depth": report.depth,
        "seconds": seconds(report.elapsed),
        "engine": report.engine,
        "complete": report.incomplete.is_none(),
        "incomplete_because": report.incomplete,
        "holds": report.is_good(),
        "bytes_per_state": report.bytes_per_state,
        "rests": report.rests.as_ref().map(rests),
        "projections": projections,
        "fewer_faults": report.fewer.map(fewer),
        "properties": report.properties.iter().map(property).collect::<Vec<_>>(),
    })
}

fn fewer(fewer: Fewer) -> Value {
    json!({
        "faults": fewer.faults,
        "unique_states": fewer.unique_states,
        "transitions": fewer.transitions,
        "holds": fewer.is_good,
    })
}

/// In thousandths: nobody believes the digits behind.
fn seconds(elapsed: Duration) -> f64 {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis).as_secs_f64()
}

fn rests(rests: &Rests) -> Value {
    json!({
        "within": rests.within,
        "settled": rests.settled,
        "degraded": rests.degraded,
        "held": rests.held,
        "traps": rests.traps,
        "restless": rests.restless,
        "lost": rests.lost,
    })
}

fn property(property: &Property) -> Value {
    json!({
        "name": property.name,
        "kind": property.kind.text(),
        "holds": property.verdict == model_check::report::Verdict::Holds,
        "witness": property.witness.as_ref().map(told),
        "verdict": property.verdict.word(),
        "required": property.required,
    })
}

fn told(told: &Told) -> Value {
    json!({
        "length": told.length,
        "story": told.story,
        "schedule": told.schedule,
        "before_the_cycle": told.before_the_cycle,
        "replayed": told.replayed,
    })
}
