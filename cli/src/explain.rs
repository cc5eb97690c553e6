//! `memgraph-ha explain FILE`: one observation in, what every rule says of it out.

use crate::input::{self, InputError};
use clap::{Args as ClapArgs, ValueEnum};
use ha_core::{explain::Explanation, observation::ClusterObservation};
use std::{path::PathBuf, process::ExitCode};

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
    let explanation = Explanation::of(&plan);
    match args.format {
        Format::Text => print!("{explanation}"),
        Format::Json => println!("{:#}", serde_json::json!(explanation)),
    }
    Ok(ExitCode::SUCCESS)
}
