//! `memgraph-ha controller`: keeps one cluster in order.

use crate::{
    input::InputError,
    process::{log, stopped},
};
use ::gateway::clock::Clock;
use clap::{Args as ClapArgs, ValueEnum};
use ha_core::{
    desired::{Authority, Desired, Durability},
    history::Patience,
    ids::ControllerId,
    leadership::Timing,
};
use shell_k8s::{
    cluster::{Cluster, LeaderLabel, Names},
    controller::{Controller, Settings, Sink},
    entrypoint::drawn,
    http,
    memgraph::{Access, Endpoints},
    production::{Limits, Production},
};
use std::{
    fs::File,
    io::{BufWriter, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};
use tokio::{net::TcpListener, sync::watch};

/// What is kept in order, and how.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The namespace of everything
    #[arg(long, env = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// The release: names the record, the orders and the lease
    #[arg(long, env = "RELEASE_NAME", default_value = "memgraph")]
    release: String,
    /// The StatefulSet of the instances
    #[arg(long, env = "STATEFULSET_NAME", default_value = "memgraph-ha")]
    statefulset: String,
    /// The value of the label app.kubernetes.io/name of the instances' pods
    #[arg(long, env = "APP_NAME", default_value = "memgraph")]
    app: String,
    /// How many instances the cluster has
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    instances: u8,
    /// What an acknowledged write promises
    #[arg(long, value_enum, default_value_t = Promise::Required)]
    durability: Promise,
    /// Which instances may vote and become main
    #[arg(long, value_enum, default_value_t = Voters::Any)]
    authority: Voters,
    /// The API server, plain HTTP; without it, as kubectl finds one, or that of the pod
    #[arg(long, value_name = "URL")]
    api_server: Option<String>,
    /// Where gateways, people and Prometheus ask
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// The user of the instances
    #[arg(long, env = "MEMGRAPH_USER", default_value = "")]
    user: String,
    /// The password of the instances
    #[arg(long, env = "MEMGRAPH_PASSWORD", default_value = "", hide_env_values = true)]
    password: String,
    /// Instances share one address: instance N answers Bolt at this port + N
    #[arg(long, requires = "replication_port", value_name = "PORT")]
    bolt_port: Option<u16>,
    /// And replicates at this port + N
    #[arg(long, requires = "bolt_port", value_name = "PORT")]
    replication_port: Option<u16>,
    /// The pod of this controller, which shows by a label whether it leads
    #[arg(long, env = "POD_NAME", requires = "leader_label")]
    pod_name: Option<String>,
    /// The label that the pod of the leader carries
    #[arg(long, env = "LEADER_LABEL", requires = "pod_name", value_name = "KEY=VALUE",
        value_parser = label)]
    leader_label: Option<LeaderLabel>,
    /// Where the journal is written
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// The number of this controller in journals
    #[arg(long, default_value_t = 0)]
    number: u8,
    /// How long a lease lasts after the request that renewed it
    #[arg(long, value_name = "MS", default_value_t = Timing::default().lease_ms)]
    lease_ms: u64,
    /// How often it is renewed
    #[arg(long, value_name = "MS", default_value_t = Timing::default().renew_ms)]
    renew_ms: u64,
    /// How long a grant lasts after the gateway's request
    #[arg(long, value_name = "MS", default_value_t = Timing::default().grant_ms)]
    grant_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Promise {
    /// No acknowledged write is lost by the loss of any one part
    Required,
    /// The main goes on alone, and says so
    Fast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Voters {
    /// Any of them; the first two are preferred
    Any,
    /// The first two
    Pair,
}

impl Args {
    fn desired(&self) -> Desired {
        Desired {
            instances: self.instances,
            durability: match self.durability {
                Promise::Required => Durability::Required,
                Promise::Fast => Durability::Fast,
            },
            authority: match self.authority {
                Voters::Any => Authority::Any,
                Voters::Pair => Authority::Pair,
            },
            ..Desired::default()
        }
    }

    fn timing(&self) -> Result<Timing, InputError> {
        let Self { lease_ms, renew_ms, grant_ms, .. } = *self;
        let promise_ms = Timing::default().promise_ms.min(lease_ms);
        let timing = Timing { lease_ms, renew_ms, grant_ms, promise_ms, ..Timing::default() };
        timing.validate().map_err(|error| InputError::Refused(error.to_string()))?;
        Ok(timing)
    }

    fn endpoints(&self, names: &Names) -> Endpoints {
        match (self.bolt_port, self.replication_port) {
            (Some(bolt), Some(replication)) => Endpoints::ports(names.clone(), bolt, replication),
            (None | Some(_), None | Some(_)) => Endpoints::pods(names.clone()),
        }
    }
}

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let timing = args.timing()?;
    let names = Names::new(&args.namespace, &args.release, &args.statefulset, args.instances)
        .and_then(|names| names.with_app(&args.app))
        .map_err(|error| InputError::Refused(error.to_string()))?;
    log();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(InputError::Process)?.block_on(serve(args, timing, names))
}

async fn serve(args: &Args, timing: Timing, names: Names) -> Result<ExitCode, InputError> {
    let stopped = stopped().map_err(InputError::Process)?;
    let refused =
        |what: &str, error: &dyn std::fmt::Display| InputError::Refused(format!("{what}: {error}"));
    let config = match &args.api_server {
        Some(url) => kube_config(url)?,
        None => shell_k8s::cluster::Config::infer()
            .await
            .map_err(|error| refused("no API server is known", &error))?,
    };
    let endpoints = args.endpoints(&names);
    let site =
        http::Site { namespace: Some(names.namespace().to_owned()), lease: Some(names.lease()) };
    let cluster =
        Cluster::connect(config, names).map_err(|error| refused("the API server", &error))?;
    let settings = Settings {
        desired: args.desired(),
        timing,
        patience: Patience::default(),
        ..Settings::default()
    };
    let access = Access::basic(&args.user, &args.password);
    let clock = Clock::system();
    let labelled = cluster.clone();
    let effects = Production::start(
        cluster,
        (settings.desired.clone(), timing.lease_ms),
        (access, endpoints.clone(), Limits::default()),
        clock.clone(),
        settings.look_period,
    );
    let me = ControllerId(drawn().map_err(|error| refused("no identity", &error))?);
    let controller =
        Controller::new(settings, Arc::new(effects), me, args.number, clock, endpoints);
    if let Some(path) = &args.journal {
        controller.keep_journal(journal(path)?);
    }
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| refused(&format!("cannot listen at {}", args.listen), &error))?;
    tracing::info!(%me, listen = %args.listen, "the controller runs");
    let (stop, mut told) = watch::channel(());
    let serving = tokio::spawn(http::serve(site, controller.clone(), listener, async move {
        // Ends with the sender, too.
        let _ended = told.changed().await;
    }));
    let shown = args.pod_name.clone().zip(args.leader_label.clone()).map(|(pod, label)| {
        let (status, cluster) = (controller.status(), labelled.clone());
        tokio::spawn(async move { cluster.follow_leader(&pod, &label, status).await })
    });
    let is_told = controller.run(stopped).await;
    drop(stop);
    if let Some(shown) = shown {
        shown.abort();
    }
    // What is still being answered is answered within the bound of the server.
    let _ended = serving.await;
    Ok(if is_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn label(text: &str) -> Result<LeaderLabel, String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .ok_or_else(|| format!("{text:?}; expected KEY=VALUE such as app=memgraph-controller"))?;
    Ok(LeaderLabel { key: key.to_owned(), value: value.to_owned() })
}

fn kube_config(url: &str) -> Result<shell_k8s::cluster::Config, InputError> {
    let uri = url.parse().map_err(|error| {
        InputError::Refused(format!(
            "--api-server {url:?} is no URL such as http://host:1234: {error}"
        ))
    })?;
    Ok(shell_k8s::cluster::Config::new(uri))
}

/// A journal in a file, flushed with each line, so that a kill loses none. What an earlier process
/// wrote stays: each begins with a line of its own.
fn journal(path: &Path) -> Result<Sink, InputError> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| InputError::Refused(format!("{}: {error}", path.display())))?;
    let mut out = BufWriter::new(file);
    let path = path.to_owned();
    let mut failed = false;
    Ok(Box::new(move |line| {
        let written = serde_json::to_writer(&mut out, line)
            .map_err(std::io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush());
        if let Err(error) = written
            && !std::mem::replace(&mut failed, true)
        {
            tracing::error!(path = %path.display(), %error, "the journal is not written any more");
        }
    }))
}
