//! `memgraph-ha switchover`: asks for a move of the main, and waits for it if told to. The order is an
//! object that the leader reads, so that it stands while none does; what became of it is read from the
//! record.

use crate::{
    input::InputError,
    operator::{CODES, Progress, Where, follow, instance, nobody, on},
};
use clap::Args as ClapArgs;
use ha_core::{
    ids::{InstanceId, RequestId},
    record::{Record, Stage},
};
use shell_k8s::operator::Operator;
use std::{process::ExitCode, time::Duration};

/// Which cluster, and where to.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Where,
    /// The pod that is to be main; else whichever is best
    #[arg(long, value_name = "POD")]
    to: Option<String>,
    /// Wait until it is carried out or refused
    #[arg(short, long)]
    wait: bool,
    /// How long to wait, in seconds; the order stands after that, too
    #[arg(long, value_name = "S", default_value_t = 60)]
    timeout: u64,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    on(&args.place, async |operator| {
        let to = args.to.as_deref().map(|name| instance(&operator, name)).transpose()?;
        let before = match operator.cluster().read_record().await {
            Ok(stored) => stored.record().map(|record| record.target),
            Err(error) => return Ok(nobody(&error)),
        };
        let id = match operator.cluster().write_switchover(to).await {
            Ok(id) => id,
            Err(error) => return Ok(nobody(&error)),
        };
        let names = operator.cluster().names();
        let whereto = to.map_or_else(|| "the best".to_owned(), |to| names.pod(to));
        println!("asked for: the main moves to {whereto} (request {id})");
        if !args.wait {
            return Ok(ExitCode::SUCCESS);
        }
        let limit = Duration::from_secs(args.timeout);
        let judge = |record: &Record| progress(&operator, record, id, (before, to));
        Ok(follow(&operator, limit, "the order", judge).await)
    })
}

/// What the record says of the request.
fn progress(
    operator: &Operator,
    record: &Record,
    id: RequestId,
    (before, to): (Option<InstanceId>, Option<InstanceId>),
) -> Progress {
    let (main, term) = (operator.cluster().names().pod(record.target), record.term);
    if !is_over(record, id) {
        let begun = if record.answered == Some(id) { "begun" } else { "not begun" };
        return Progress::Still(format!("{begun}: {main}, term {term}, {}", record.stage));
    }
    let is_done = match to {
        Some(to) => record.target == to,
        None => Some(record.target) != before,
    };
    let now = format!("{main} is main in term {term}");
    if is_done { Progress::Done(now) } else { Progress::Refused(now) }
}

fn is_over(record: &Record, id: RequestId) -> bool {
    record.answered == Some(id) && record.stage == Stage::Steady
}
