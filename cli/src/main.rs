//! `memgraph-ha`: the one binary. A file per subcommand; nothing is decided here.

#![forbid(unsafe_code)]

mod explain;
mod input;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Automatic failover for Memgraph Community.
#[derive(Debug, Parser)]
#[command(name = "memgraph-ha", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what the decision says for one observation, rule by rule
    Explain(explain::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match &cli.command {
        Command::Explain(args) => explain::run(args),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("memgraph-ha: {error}");
            ExitCode::from(input::UNUSABLE)
        }
    }
}
