//! What commands for a running cluster share: where it is, what its controllers say, and how that is
//! printed. Exit codes of all of them: 0 as asked for, 1 not so (not at rest, refused, too late), 2
//! what was typed or configured cannot be used, 3 nobody answers.

mod columns;
mod follow;
mod seen;

pub(crate) use columns::columns;
pub(crate) use follow::{Progress, follow, until_over};
pub(crate) use seen::{Seen, stamp};

use crate::input::InputError;
use clap::Args as ClapArgs;
use shell_k8s::operator::{Operator, OperatorError, Place};
use std::{io::Write as _, path::PathBuf, process::ExitCode};

/// Not as asked for.
pub(crate) const NOT_SO: u8 = 1;
/// Nobody answers.
pub(crate) const NOBODY: u8 = 3;

/// What every such command prints under its help.
pub(crate) const CODES: &str = "Exit codes: 0 as asked for; 1 not so (not at rest, refused, too \
                                late); 2 what was typed or configured cannot be used; 3 nobody \
                                answers";

/// Which cluster is meant.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Where {
    /// The kubeconfig, as kubectl takes it
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in it
    #[arg(long)]
    context: Option<String>,
    /// The namespace; else that of the context
    #[arg(short, long)]
    namespace: Option<String>,
    /// The release, where there are several clusters in the namespace
    #[arg(long, env = "RELEASE_NAME")]
    release: Option<String>,
    /// The StatefulSet of the instances
    #[arg(long, env = "STATEFULSET_NAME", default_value = "memgraph-ha")]
    statefulset: String,
    /// The selector of the controllers' pods; those of the release, if not given
    #[arg(long)]
    selector: Option<String>,
    /// Ask this controller directly, in place of the pods through the API server; may be repeated
    #[arg(long, value_name = "HOST:PORT")]
    controller: Vec<String>,
    /// An API server that takes plain HTTP, in place of the kubeconfig
    #[arg(long, value_name = "URL")]
    api_server: Option<String>,
}

impl From<&Where> for Place {
    fn from(given: &Where) -> Self {
        Self {
            kubeconfig: given.kubeconfig.clone(),
            context: given.context.clone(),
            namespace: given.namespace.clone(),
            api_server: given.api_server.clone(),
            release: given.release.clone(),
            set: given.statefulset.clone(),
            controllers: given.controller.clone(),
            selector: given.selector.clone().unwrap_or_default(),
        }
    }
}

/// Runs a command on the cluster that is meant.
pub(crate) fn on<F>(
    given: &Where,
    command: impl FnOnce(Operator) -> F,
) -> Result<ExitCode, InputError>
where
    F: Future<Output = Result<ExitCode, InputError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(InputError::Process)?;
    runtime.block_on(async {
        match Operator::find(&given.into()).await {
            Ok(operator) => command(operator).await,
            Err(error @ (OperatorError::Unanswered { .. } | OperatorError::NoServer(_))) => {
                Ok(nobody(&error))
            }
            Err(error @ OperatorError::Which(_)) => Err(InputError::Refused(error.to_string())),
        }
    })
}

/// Prints a text. Whoever reads no further, such as `head`, has had enough: that is no failure.
pub(crate) fn out(text: &str) -> Result<(), InputError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(InputError::Process),
    }
}

/// Says that nobody answers, and why.
pub(crate) fn nobody(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("memgraph-ha: {why}");
    ExitCode::from(NOBODY)
}

/// The instance of a pod's name, or of its short name.
pub(crate) fn instance(
    operator: &Operator,
    name: &str,
) -> Result<ha_core::ids::InstanceId, InputError> {
    let names = operator.cluster().names();
    let short = || name.parse().ok();
    names.instance(name).or_else(short).filter(|id| names.has(*id)).ok_or_else(|| {
        let pods: Vec<_> = names.instances().map(|id| names.pod(id)).collect();
        InputError::Refused(format!("{name:?} is no pod; expected one of {}", pods.join(", ")))
    })
}
