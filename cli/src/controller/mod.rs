//! `memgraph-ha controller`: keeps one cluster in order.

mod journal;
mod secret;
mod settings;
mod table;

pub(crate) use table::Args;

use crate::{input::InputError, process::stopped};
use ::gateway::clock::Clock;
use ha_core::{history::Patience, ids::ControllerId};
use settings::Settings;
use shell_k8s::{
    cluster::Cluster,
    controller::{Controller, Settings as Loop},
    entrypoint::drawn,
    http::{self, Listeners},
    peers::Peers,
    production::{Limits, Production},
};
use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

/// How long the end of everything may take after it was told to stop.
const LAST: Duration = Duration::from_secs(4);

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let mut settings =
        Settings::read(args).map_err(|problems| InputError::Refused(problems.to_string()))?;
    if let Some(log) = settings.log.take() {
        log.begin();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(InputError::Process)?;
    let ended = runtime.block_on(serve(settings));
    // What still runs, such as a look-up of a name, is not waited for.
    runtime.shutdown_background();
    ended
}

fn refused(what: &str, error: &dyn std::fmt::Display) -> InputError {
    InputError::Refused(format!("{what}: {error}"))
}

async fn serve(settings: Settings) -> Result<ExitCode, InputError> {
    let stopped = stopped().map_err(InputError::Process)?;
    let config = match &settings.api_server {
        Some(url) => kube_config(url)?,
        None => shell_k8s::cluster::Config::infer()
            .await
            .map_err(|error| refused("no API server is known", &error))?,
    };
    let names = &settings.names;
    let secret = secret::Secret::read(&settings)?;
    let site = http::Site {
        namespace: Some(names.namespace().to_owned()),
        lease: Some(names.lease()),
        pod: settings.pod.clone(),
        access: Some(secret.access()),
        prestop: settings.prestop,
        journal: settings
            .journal
            .as_ref()
            .map(|journal| http::JournalFiles { path: journal.path.clone(), files: journal.files }),
    };
    let cluster = Cluster::connect(config, names.clone())
        .map_err(|error| refused("the API server", &error))?;
    let how = Loop {
        desired: settings.desired.clone(),
        timing: settings.timing,
        patience: Patience::default(),
        ..Loop::default()
    };
    let me = ControllerId(drawn().map_err(|error| refused("no identity", &error))?);
    let clock = Clock::system();
    let labelled = cluster.clone();
    let effects = Production::start(
        (cluster, Peers::new(settings.controllers.clone())),
        me.to_string(),
        (settings.desired.clone(), settings.timing.lease_ms),
        (secret.access(), settings.endpoints.clone(), Limits::default()),
        clock.clone(),
        how.look_period,
    );
    let endpoints = settings.endpoints.clone();
    let (number, who) = (settings.number, (me, settings.pod.clone()));
    let controller = Controller::new(how, Arc::new(effects), who, number, clock, endpoints);
    if let Some(journal) = settings.journal.clone() {
        controller.keep_journal(journal::sink(journal)?);
    }
    let listeners = listeners(&settings).await?;
    let (at, members) = (settings.listen, settings.members);
    tracing::info!(%me, listen = %at, ?members, "the controller runs");
    let (stop, mut told) = watch::channel(());
    let serving = tokio::spawn(http::serve(site, controller.clone(), listeners, async move {
        // Ends with the sender, too.
        let _ended = told.changed().await;
    }));
    let around = around(&settings, &controller, labelled);
    let is_told = tokio::select! {
        is_told = controller.run(stopped) => is_told,
        () = secret.follow() => false,
    };
    drop(stop);
    drop(around);
    // What is still being answered is answered within the bound of the server.
    if timeout(LAST, serving).await.is_err() {
        tracing::warn!("what was being answered is cut");
    }
    Ok(if is_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn listeners(settings: &Settings) -> Result<Listeners, InputError> {
    let people = listen(settings.listen).await?;
    let members = match settings.members {
        Some(at) => Some(listen(at).await?),
        None => None,
    };
    Ok(Listeners { people, members })
}

async fn listen(at: SocketAddr) -> Result<TcpListener, InputError> {
    let bound = TcpListener::bind(at).await;
    bound.map_err(|error| refused(&format!("cannot listen at {at}"), &error))
}

/// What goes on beside the loop until it is dropped: labels show who leads and which
/// gateways ask, and what the others remember is asked for.
fn around(settings: &Settings, controller: &Controller, cluster: Cluster) -> JoinSet<()> {
    let mut around = JoinSet::new();
    if let Some((pod, label)) = settings.label.clone() {
        let (cluster, status) = (cluster.clone(), controller.status());
        around.spawn(async move { cluster.follow_leader(&pod, &label, status).await });
    }
    if let Some(selector) = settings.gateways.clone() {
        let (cluster, controller) = (cluster.clone(), controller.clone());
        around.spawn(async move { cluster.follow_gateways(&selector, controller).await });
    }
    let (begun, peers) = (controller.clone(), Peers::new(settings.controllers.clone()));
    around.spawn(async move { peers.hand_over(&begun).await });
    around
}

fn kube_config(url: &str) -> Result<shell_k8s::cluster::Config, InputError> {
    let uri = url.parse().map_err(|error| {
        InputError::Refused(format!(
            "--api-server {url:?} is no URL such as http://host:1234: {error}"
        ))
    })?;
    Ok(shell_k8s::cluster::Config::new(uri))
}
