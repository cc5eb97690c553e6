//! `memgraph-ha gateway`: the Bolt gateway. Its flags and environment variables are the table of
//! settings of the gateway crate.

use crate::input::InputError;
use ::gateway::{
    Gateway, Settings,
    clock::Clock,
    controllers::{NoStoredTarget, http::HttpControllers},
    drawn_id,
    settings::SETTINGS,
};
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use std::{collections::BTreeMap, io, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What is logged unless LOG_LEVEL says otherwise.
const LEVEL: &str = "info";

/// The settings that were given.
#[derive(Debug, Default)]
pub(crate) struct Args {
    given: BTreeMap<&'static str, String>,
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let default = if setting.default.is_empty() { "none" } else { setting.default };
            command.arg(
                Arg::new(setting.name)
                    .long(setting.name)
                    .env(setting.variable())
                    .value_name("VALUE")
                    .hide_env_values(true)
                    .help(format!("{}: {} [default: {default}]", setting.help, setting.kind)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in SETTINGS {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.given.insert(setting.name, value.clone());
            }
        }
        Ok(())
    }
}

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let settings = Settings::read(|setting| args.given.get(setting.name).cloned())?;
    log();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(InputError::Process)?.block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<ExitCode, InputError> {
    let stopped = stopped().map_err(InputError::Process)?;
    let controllers = HttpControllers::new(settings.controllers.clone());
    let gateway = Gateway::bind(settings, drawn_id(), Clock::system())?;
    gateway.run(controllers, NoStoredTarget, stopped).await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGTERM or SIGINT.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// Logs to standard error: LOG_LEVEL filters, LOG_FORMAT=json makes lines of JSON.
fn log() {
    let filter = std::env::var("LOG_LEVEL").unwrap_or_else(|_| LEVEL.to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(LEVEL));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_json = std::env::var("LOG_FORMAT").is_ok_and(|format| format == "json");
    // Whoever has set one before keeps it.
    let _ = if is_json { lines.json().try_init() } else { lines.try_init() };
}
