//! `memgraph-ha`: the one binary. A file per subcommand; nothing is decided here.

#![forbid(unsafe_code)]

mod check;
mod controller;
mod demo;
mod diagram;
mod entrypoint;
mod explain;
mod failover;
mod flags;
mod gateway;
mod history;
mod input;
mod install;
mod instance;
mod journal;
mod operator;
mod pause;
mod play;
mod prestop;
mod process;
mod replay;
mod reset;
mod status;
mod switchover;
mod trial;
mod verdict;
mod walk;
mod web;
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::{CommandFactory, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Automatic failover for Memgraph Community.
#[derive(Debug, Parser)]
#[command(name = "memgraph-ha", version = version(), about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every order of events within bounds
    Check(check::Args),
    /// Run the controller: keeps one cluster in order
    Controller(controller::Args),
    /// Print what a shell needs to complete these commands
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Start a whole cluster here, and show what it survives
    Demo(demo::Args),
    /// Draw the rules, the shapes that a cluster can have, or what happened
    Diagram(diagram::Args),
    /// Prepare the volume of a pod, then become the instance that is named after --
    Entrypoint(entrypoint::Args),
    /// Copy this program into a folder that the containers of a pod share
    Install(install::Args),
    /// Say what the decision says of what the leader sees now, or of a file, rule by rule
    Explain(explain::Args),
    /// Go on with an instance although nobody is proven to have everything
    Failover(failover::Args),
    /// Show the moves of the main, with what caused them and how long they took
    History(history::Args),
    /// Print what controllers saw and decided, as `replay` reads it
    Journal(journal::Args),
    /// Have controllers observe and explain, and change nothing
    Pause(pause::Args),
    /// Have controllers go on after a pause
    Resume(pause::Args),
    /// Show how the cluster is, and what it waits for
    Status(status::Args),
    /// Move the main
    Switchover(switchover::Args),
    /// Set the data of an instance aside, so that it begins anew as a replica
    ResetReplica(reset::ResetArgs),
    /// Put data that was set aside back, in the place of what the instance has
    RestoreSetAside(reset::RestoreArgs),
    /// Run one simulated Memgraph that speaks Bolt and replicates
    Instance(instance::Args),
    /// Run the Bolt gateway: writes to the main, reads to replicas
    Gateway(gateway::Args),
    /// Run a schedule in the simulated world and tell its story
    Play(play::Args),
    /// Wait, before a pod goes, until the controllers say that it may
    Prestop(prestop::Args),
    /// Replay recorded incidents: what broke, whether the predecessor does it again, what ours does
    Replay(replay::Args),
    /// Say whether a cluster takes a write and serves it
    Try(trial::Args),
    /// Run many random schedules with faults, each followed by silence
    Walk(walk::Args),
    /// Write to a cluster under test, and compare what was acknowledged with what is there
    #[command(hide = true)]
    Workload(workload::Args),
}

/// The version, with the revision that it was built from, where the builder told.
fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match option_env!("MEMGRAPH_HA_REVISION") {
        Some(revision) => format!("{version} ({revision})"),
        None => version.to_owned(),
    }
}

/// Called under the name of Memgraph's console the binary is that console.
fn is_console() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.is_some_and(|path| path.file_stem().is_some_and(|stem| stem == "mgconsole"))
}

/// Whoever reads what is printed may go before its end, as `head` does: that ends the command as well,
/// without a word.
fn end_with_the_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        if !(text.starts_with("failed printing to ") && text.contains("Broken pipe")) {
            usual(panic);
        }
    }));
}

fn main() -> ExitCode {
    end_with_the_reader();
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
        Command::Controller(args) => controller::run(args),
        Command::Completions { shell } => {
            clap_complete::generate(
                *shell,
                &mut Cli::command(),
                "memgraph-ha",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(args) => demo::run(args),
        Command::Diagram(args) => diagram::run(args),
        Command::Entrypoint(args) => entrypoint::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Install(args) => install::run(args),
        Command::Failover(args) => failover::run(args),
        Command::History(args) => history::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Pause(args) => pause::run(args, true),
        Command::Resume(args) => pause::run(args, false),
        Command::Status(args) => status::run(args),
        Command::ResetReplica(args) => reset::reset(args),
        Command::RestoreSetAside(args) => reset::restore(args),
        Command::Switchover(args) => switchover::run(args),
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
        Command::Prestop(args) => prestop::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Try(args) => trial::run(args),
        Command::Walk(args) => walk::run(args),
        Command::Workload(args) => workload::run(args),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("memgraph-ha: {error}");
            ExitCode::from(input::UNUSABLE)
        }
    }
}
