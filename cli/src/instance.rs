//! `memgraph-ha instance`: one simulated Memgraph, with Memgraph's own flags.

use clap::Args as ClapArgs;
use instance::process::{self, ProcessError};
use std::process::ExitCode;

/// Flags are Memgraph's, read by the instance itself.
#[derive(Debug, ClapArgs)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Flags of Memgraph, as --flag=value or --flag value; --help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// Runs until a signal ends it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, ProcessError> {
    process::run(&args.flags)?;
    Ok(ExitCode::SUCCESS)
}
