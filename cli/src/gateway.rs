//! `memgraph-ha gateway`: the Bolt gateway. Its flags and environment variables are the table of
//! settings of the gateway crate.

use crate::{
    flags::{Flags, Table},
    input::InputError,
    process::{Log, LogProblem, stopped},
};
use ::gateway::{
    Gateway, Settings,
    clock::Clock,
    controllers::{StoredTarget, http::HttpControllers},
    drawn_id,
    settings::{Problem, Problems, SETTINGS, Setting},
};
use ha_core::ids::Term;
use shell_k8s::cluster::{Config, StoredTerms};
use std::process::ExitCode;

/// The table of its settings.
#[derive(Debug)]
pub(crate) struct OfGateway;

impl Table for OfGateway {
    const SETTINGS: &'static [Setting] = SETTINGS;
}

/// The settings that were given.
pub(crate) type Args = Flags<OfGateway>;

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let (settings, log) = judged(args)?;
    log.begin();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(InputError::Process)?;
    let ended = runtime.block_on(serve(settings));
    // What still runs, such as a look-up of a name, is not waited for.
    runtime.shutdown_background();
    ended
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
        (Ok(_), Err(all)) => Err(Problems { of: "gateway", all }),
        (Err(problems), Ok(_)) => Err(problems),
        (Err(mut problems), Err(more)) => {
            problems.all.extend(more);
            Err(problems)
        }
    }
}

/// The second path, where one is set.
struct Stored(Option<StoredTerms>);

impl StoredTarget for Stored {
    async fn changed(&mut self) -> Option<Term> {
        match &mut self.0 {
            Some(terms) => terms.changed().await,
            None => None,
        }
    }
}

async fn stored(settings: &Settings) -> Result<Stored, InputError> {
    let Some((namespace, name)) = &settings.record else { return Ok(Stored(None)) };
    let refused =
        |error: &dyn std::fmt::Display| InputError::Refused(format!("record-configmap: {error}"));
    let config = match &settings.api_server {
        Some(url) => Config::new(url.parse().map_err(|error| refused(&error))?),
        None => Config::infer().await.map_err(|error| refused(&error))?,
    };
    StoredTerms::connect(config, namespace, name)
        .map(|terms| Stored(Some(terms)))
        .map_err(|error| refused(&error))
}

async fn serve(settings: Settings) -> Result<ExitCode, InputError> {
    let stopped = stopped().map_err(InputError::Process)?;
    let stored = stored(&settings).await?;
    let controllers = HttpControllers::new(settings.controllers.clone());
    let gateway = Gateway::bind(settings, drawn_id(), Clock::system())?;
    let ended = gateway.run(controllers, stored, stopped).await;
    // The log says which part of it has ended.
    Ok(if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
