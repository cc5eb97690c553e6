//! `memgraph-ha`: the one binary. A file per subcommand; nothing is decided here.

#![forbid(unsafe_code)]

mod check;
mod explain;
mod gateway;
mod input;
mod instance;
mod play;
mod replay;
mod walk;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Automatic failover for Memgraph Community.
#[derive(Debug, Parser)]
#[command(name = "memgraph-ha", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every order of events within bounds
    Check(check::Args),
    /// Say what the decision says for one observation, rule by rule
    Explain(explain::Args),
    /// Run one simulated Memgraph that speaks Bolt and replicates
    Instance(instance::Args),
    /// Run the Bolt gateway: writes to the main, reads to replicas
    Gateway(gateway::Args),
    /// Run a schedule in the simulated world and tell its story
    Play(play::Args),
    /// Replay recorded incidents: what broke, whether the predecessor does it again, what ours does
    Replay(replay::Args),
    /// Run many random schedules with faults, each followed by silence
    Walk(walk::Args),
}

/// Called under the name of Memgraph's console the binary is that console.
fn is_console() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.is_some_and(|path| path.file_stem().is_some_and(|stem| stem == "mgconsole"))
}

fn main() -> ExitCode {
    if is_console() {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        return match ::instance::console::run(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("mgconsole: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let cli = Cli::parse();
    let ended = match &cli.command {
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Instance(args) => {
            return match instance::run(args) {
                Ok(code) => code,
                Err(error) => {
                    eprintln!("memgraph-ha instance: {error}");
                    ExitCode::FAILURE
                }
            };
        }
        Command::Gateway(args) => gateway::run(args),
        Command::Play(args) => play::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Walk(args) => walk::run(args),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("memgraph-ha: {error}");
            ExitCode::from(input::UNUSABLE)
        }
    }
}
