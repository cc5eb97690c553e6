//! `memgraph-ha entrypoint`: what runs in the container of an instance before the instance does. It
//! prepares the volume, draws the name of the life that begins, and becomes the command that it was
//! given, with that name added. It is run at each start of the process, since each is another life.

use crate::{input::InputError, process::Log};
use clap::Args as ClapArgs;
use ha_core::{
    ids::{InstanceId, PodUid},
    observation::{RecordContent, StoredRecord},
};
use shell_k8s::{
    cluster::{Cluster, Config, Names},
    entrypoint::{Found, Order, kernel_boot, prepare},
};
use std::{
    os::unix::process::CommandExt, path::PathBuf, process::Command, process::ExitCode,
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// The flag that names a life; ours alone to set.
const NAME_FLAG: &str = "bolt-server-name-for-init";
/// The deadline of one question to the API server.
const QUESTION: Duration = Duration::from_secs(1);
/// How soon it is asked again.
const AGAIN: Duration = Duration::from_millis(200);
/// So many instances that every ordinal of a set is one.
const MOST: u8 = u8::MAX;

/// Which volume is prepared, for whom, and what is started.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The data directory of the instance
    #[arg(long, value_name = "DIR")]
    volume: PathBuf,
    /// The uid of the pod
    #[arg(long, env = "POD_UID")]
    pod_uid: PodUid,
    /// The name of the pod, whose ordinal is that of the instance
    #[arg(long, env = "POD_NAME")]
    pod_name: String,
    /// The namespace of the record
    #[arg(long, env = "NAMESPACE")]
    namespace: String,
    /// The release: names the record
    #[arg(long, env = "RELEASE_NAME")]
    release: String,
    /// The StatefulSet of the instances
    #[arg(long, env = "STATEFULSET_NAME", default_value = "memgraph-ha")]
    statefulset: String,
    /// How long the record is waited for; what cannot be read by then orders nothing
    #[arg(long, value_name = "MS", default_value_t = 3_000)]
    order_wait_ms: u64,
    /// The API server, plain HTTP; without it, that of the pod
    #[arg(long, value_name = "URL")]
    api_server: Option<String>,
    /// The instance and its flags
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Becomes the instance; returns only if it cannot.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let refused = |error: &dyn std::fmt::Display| InputError::Refused(error.to_string());
    Log::of_environment()
        .map_err(|problems| {
            let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
            refused(&told.join("\n"))
        })?
        .begin();
    let [program, given @ ..] = args.command.as_slice() else {
        return Err(refused(&"no command; expected it after --"));
    };
    if let Some(taken) = given.iter().find(|argument| names_a_life(argument)) {
        let why = format!("{taken}: this flag tells which life answers, and is set here");
        return Err(refused(&why));
    }
    let names = Names::new(&args.namespace, &args.release, &args.statefulset, MOST)
        .map_err(|error| refused(&error))?;
    let id = names.instance(&args.pod_name).ok_or_else(|| {
        let set = names.set();
        refused(&format!("{:?} is no pod of {set}; expected {set}-0 or another", args.pod_name))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let order = runtime.map_err(InputError::Process)?.block_on(order(args, names, id));
    let kernel = kernel_boot().map_err(|error| refused(&error))?;
    let life = prepare(&args.volume, args.pod_uid, &kernel, order).map_err(|e| refused(&e))?;
    match Found::on(&args.volume) {
        Ok(found) => tracing::info!(%life, program, %found, "the instance starts"),
        Err(error) => tracing::warn!(%life, program, %error, "it starts on what cannot be read"),
    }
    let error = Command::new(program).args(given).arg(format!("--{NAME_FLAG}={life}")).exec();
    Err(refused(&format!("{program} cannot be started: {error}")))
}

fn names_a_life(argument: &str) -> bool {
    let name = argument.trim_start_matches('-').replace('_', "-");
    name.strip_prefix(NAME_FLAG).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// What the record orders of the volume. Whatever keeps the record from
/// being read orders nothing: an instance that starts with old data waits for its order, one whose
/// data was moved without an order does not get it back.
async fn order(args: &Args, names: Names, id: InstanceId) -> Option<Order> {
    let wait = Duration::from_millis(args.order_wait_ms);
    match timeout(wait, read(args, names, wait)).await {
        Ok(Ok(stored)) => ordered(&stored, id),
        Ok(Err(why)) => {
            tracing::warn!(why, "the record cannot be read: nothing is set aside");
            None
        }
        Err(_) => {
            tracing::warn!(?wait, "no answer about the record: nothing is set aside");
            None
        }
    }
}

async fn read(args: &Args, names: Names, wait: Duration) -> Result<StoredRecord, String> {
    let config = match &args.api_server {
        Some(url) => Config::new(url.parse().map_err(|error| format!("--api-server: {error}"))?),
        None => Config::infer().await.map_err(|error| error.to_string())?,
    };
    let cluster = Cluster::connect(config, names).map_err(|error| error.to_string())?;
    let cluster = cluster.with_deadline(QUESTION);
    let until = Instant::now() + wait;
    loop {
        match cluster.read_record().await {
            Ok(stored) => return Ok(stored),
            Err(error) if error.is_refusal() || Instant::now() + AGAIN >= until => {
                return Err(error.to_string());
            }
            Err(error) => tracing::debug!(%error, "the record is asked for again"),
        }
        sleep(AGAIN).await;
    }
}

fn ordered(stored: &StoredRecord, id: InstanceId) -> Option<Order> {
    match &stored.content {
        RecordContent::Record(record) => {
            let order = Order::of(record, id)?;
            let (volume, restores) = (order.volume, order.restores);
            tracing::info!(instance = %id, %volume, ?restores, "the record orders a reset");
            Some(order)
        }
        RecordContent::Absent | RecordContent::Earlier { .. } => None,
        RecordContent::Newer { schema } => {
            tracing::warn!(schema, "the record is newer than this program: nothing is set aside");
            None
        }
        RecordContent::Unreadable { why } => {
            tracing::warn!(why, "the record is not understood: nothing is set aside");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::names_a_life;

    #[test]
    fn the_name_of_a_life_is_recognized_however_it_is_spelled() {
        for taken in [
            "--bolt-server-name-for-init=x",
            "--bolt_server_name_for_init=x",
            "-bolt-server-name-for-init",
            "--bolt-server-name-for-init",
        ] {
            assert!(names_a_life(taken), "{taken}");
        }
        for free in ["--bolt-server-name-for-initial=x", "--bolt-port=7687", "x"] {
            assert!(!names_a_life(free), "{free}");
        }
    }
}
