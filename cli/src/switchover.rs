//! `memgraph-ha switchover`: asks for a move of the main, and waits for it if told to. The order is an
//! object that the leader reads, so that it stands while none does; what became of it is read from the
//! record.

use crate::{
    input::InputError,
    operator::{CODES, NOT_SO, Where, instance, nobody, on},
};
use clap::Args as ClapArgs;
use ha_core::{
    ids::{InstanceId, RequestId},
    record::{Record, Stage},
};
use shell_k8s::operator::Operator;
use std::{process::ExitCode, time::Duration};
use tokio::time::{Instant, sleep};

/// How often the record is read.
const LOOK: Duration = Duration::from_millis(200);

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
        Ok(wait(&operator, id, (before, to), limit).await)
    })
}

/// Follows the record until the request is answered and the reign steady.
async fn wait(
    operator: &Operator,
    id: RequestId,
    (before, to): (Option<InstanceId>, Option<InstanceId>),
    limit: Duration,
) -> ExitCode {
    let names = operator.cluster().names();
    let until = Instant::now() + limit;
    let mut said = String::new();
    while Instant::now() < until {
        let now = match operator.cluster().read_record().await {
            Ok(stored) => match stored.record() {
                Some(record) if is_over(record, id) => {
                    let main = names.pod(record.target);
                    let is_done = match to {
                        Some(to) => record.target == to,
                        None => Some(record.target) != before,
                    };
                    if is_done {
                        println!("done: {main} is main in term {}", record.term);
                        return ExitCode::SUCCESS;
                    }
                    eprintln!("refused: {main} is main in term {}", record.term);
                    return ExitCode::from(NOT_SO);
                }
                Some(record) => {
                    let (main, term, stage) = (names.pod(record.target), record.term, record.stage);
                    let read = if record.answered == Some(id) { "begun" } else { "not begun" };
                    format!("{read}: {main}, term {term}, {stage}")
                }
                None => "there is no record yet".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        if now != said {
            eprintln!("{now}");
            said = now;
        }
        sleep(LOOK).await;
    }
    eprintln!("not carried out within {} s; the order stands", limit.as_secs());
    ExitCode::from(NOT_SO)
}

fn is_over(record: &Record, id: RequestId) -> bool {
    record.answered == Some(id) && record.stage == Stage::Steady
}
