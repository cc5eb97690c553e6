//! `memgraph-ha explain FILE`: one observation in, what every rule says of it out.

use crate::input::{self, InputError};
use clap::{Args as ClapArgs, ValueEnum};
use ha_core::{
    observation::ClusterObservation,
    plan::{Plan, Said},
    rules::{Phase, RULES},
};
use serde_json::json;
use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

/// What to explain.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// An observation as JSON; `-` reads standard input
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Reads, decides, prints.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let text = input::text(&args.file)?;
    let observation: ClusterObservation =
        serde_json::from_str(&text).map_err(|error| InputError::Form {
            path: args.file.clone(),
            error: error.to_string(),
            expected: "an observation as JSON: desired, leadership, record, instances, route, memory",
        })?;
    let plan = ha_core::plan(&observation);
    match args.format {
        Format::Text => print!("{}", prose(&plan)),
        Format::Json => println!("{:#}", machine(&plan)),
    }
    Ok(ExitCode::SUCCESS)
}

const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Trust => "trust",
        Phase::Bootstrap => "bootstrap",
        Phase::Elect => "elect",
        Phase::Fence => "fence",
        Phase::Promote => "promote",
        Phase::Attach => "attach",
        Phase::Prove => "prove",
        Phase::Route => "route",
        Phase::Report => "report",
    }
}

fn prose(plan: &Plan) -> String {
    let mut out = String::new();
    let mut phase = None;
    for rule in RULES {
        if phase != Some(rule.phase) {
            phase = Some(rule.phase);
            let _ = writeln!(out, "{}", phase_name(rule.phase));
        }
        let _ = write!(out, "  {} {:<20} ", rule.id, rule.name);
        match plan.said(rule) {
            Said::Silent => {
                let _ = writeln!(out, "-     (when {})", rule.when);
            }
            Said::NotReached => {
                let _ = writeln!(out, "-     (not reached)");
            }
            Said::Acted(steps) => {
                list(&mut out, "act   ", steps, |step| format!("{} ({})", step.action, step.reason))
            }
            Said::Held(holds) => list(&mut out, "hold  ", holds, |hold| {
                let subject = hold.subject.map_or_else(String::new, |id| format!("{id}: "));
                format!("{subject}{}", hold.reason)
            }),
            Said::Refused(vetoes) => list(&mut out, "veto  ", vetoes, |veto| {
                format!("{} refused: {}", veto.step.action, veto.guard.name())
            }),
        }
    }
    let verdict = if plan.settled { "settled: nothing to do" } else { "not settled" };
    let _ = writeln!(out, "{verdict}");
    out
}

fn list<T>(out: &mut String, word: &str, items: Vec<T>, show: impl Fn(T) -> String) {
    for (index, item) in items.into_iter().enumerate() {
        let indent = if index == 0 { String::new() } else { " ".repeat(27) };
        let _ = writeln!(out, "{indent}{word}{}", show(item));
    }
}

fn machine(plan: &Plan) -> serde_json::Value {
    let rules: Vec<_> = RULES
        .iter()
        .map(|rule| {
            let (said, facts) = match plan.said(rule) {
                Said::Silent => ("silent", json!([])),
                Said::NotReached => ("not-reached", json!([])),
                Said::Acted(steps) => ("act", json!(steps)),
                Said::Held(holds) => ("hold", json!(holds)),
                Said::Refused(vetoes) => ("veto", json!(vetoes)),
            };
            json!({
                "id": rule.id, "phase": phase_name(rule.phase), "name": rule.name,
                "when": rule.when, "said": said, "facts": facts,
            })
        })
        .collect();
    json!({ "rules": rules, "actions": plan.actions(), "leave": plan.leave, "settled": plan.settled })
}
