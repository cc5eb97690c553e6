//! `memgraph-ha gateway`: the Bolt gateway. Its flags and environment variables are the table of
//! settings of the gateway crate.

use crate::{
    input::InputError,
    process::{Log, LogProblem, stopped},
};
use ::gateway::{
    Gateway, Settings,
    clock::Clock,
    controllers::{NoStoredTarget, http::HttpControllers},
    drawn_id,
    settings::{Problem, Problems, SETTINGS},
};
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use std::{collections::BTreeMap, process::ExitCode};

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
    let (settings, log) = judged(args)?;
    log.begin();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(InputError::Process)?.block_on(serve(settings))
}

/// Settings and log; all that is wrong with either is told at once.
fn judged(args: &Args) -> Result<(Settings, Log), Problems> {
    let settings = Settings::read(|setting| args.given.get(setting.name).cloned());
    let log = Log::of_environment().map_err(|problems| {
        let problem =
            |it: LogProblem| Problem { name: it.name, value: it.value, expected: it.expected };
        problems.into_iter().map(problem).collect::<Vec<_>>()
    });
    match (settings, log) {
        (Ok(settings), Ok(log)) => Ok((settings, log)),
        (Ok(_), Err(problems)) => Err(Problems(problems)),
        (Err(problems), Ok(_)) => Err(problems),
        (Err(Problems(mut problems)), Err(more)) => {
            problems.extend(more);
            Err(Problems(problems))
        }
    }
}

async fn serve(settings: Settings) -> Result<ExitCode, InputError> {
    let stopped = stopped().map_err(InputError::Process)?;
    let controllers = HttpControllers::new(settings.controllers.clone());
    let gateway = Gateway::bind(settings, drawn_id(), Clock::system())?;
    gateway.run(controllers, NoStoredTarget, stopped).await;
    Ok(ExitCode::SUCCESS)
}
