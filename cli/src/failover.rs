//! `memgraph-ha failover`: goes on with an instance although nobody is proven to have everything. What
//! is known of the loss is said first; it is carried out only by a person's word, once, and only where
//! the cluster stands still for want of a proof.

use crate::{
    input::InputError,
    operator::{CODES, NOT_SO, Seen, Where, instance, nobody, on},
};
use clap::Args as ClapArgs;
use ha_core::{
    ids::{InstanceId, RequestId},
    observation::{ClusterObservation, RecordContent},
    record::{Record, Stage},
};
use shell_k8s::operator::Operator;
use std::{process::ExitCode, time::Duration};
use tokio::time::{Instant, sleep};

/// How often the record is read.
const LOOK: Duration = Duration::from_millis(200);

/// Which cluster, and whom to go on with.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Where,
    /// The pod to go on with
    #[arg(long, value_name = "POD")]
    to: String,
    /// What that pod lacks is lost; without this, what is known of it is said and nothing is done
    #[arg(long)]
    accept_loss: bool,
    /// Wait until it is carried out or refused
    #[arg(short, long)]
    wait: bool,
    /// How long to wait, in seconds; the word stands after that, too
    #[arg(long, value_name = "S", default_value_t = 60)]
    timeout: u64,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    on(&args.place, async |operator| {
        let to = instance(&operator, &args.to)?;
        let stored = match operator.cluster().read_record().await {
            Ok(stored) => stored,
            Err(error) => return Ok(nobody(&error)),
        };
        if let RecordContent::Newer { .. } | RecordContent::Unreadable { .. } = stored.content {
            eprintln!("the record is not understood, so no loss can be accepted: see status");
            return Ok(ExitCode::from(NOT_SO));
        }
        let record = stored.record();
        let seen = Seen::by_leader(&operator).await.ok().and_then(|seen| seen.observation);
        eprint!("{}", told(&operator, record, seen.as_ref(), to));
        if !args.accept_loss {
            eprintln!("Nothing is done without --accept-loss.");
            return Ok(ExitCode::from(NOT_SO));
        }
        let id = match operator.cluster().write_accepted(to, record.map(|record| record.term)).await
        {
            Ok(id) => id,
            Err(error) => return Ok(nobody(&error)),
        };
        println!("accepted: {} goes on (request {id})", operator.cluster().names().pod(to));
        if !args.wait {
            return Ok(ExitCode::SUCCESS);
        }
        Ok(wait(&operator, id, to, Duration::from_secs(args.timeout)).await)
    })
}

/// What is known of the loss, in lines.
fn told(
    operator: &Operator,
    record: Option<&Record>,
    seen: Option<&ClusterObservation>,
    to: InstanceId,
) -> String {
    let names = operator.cluster().names();
    let pod = names.pod(to);
    let mut text = match record {
        Some(record) => {
            let (main, Record { term, stage, .. }) = (names.pod(record.target), record);
            let known = known_of(record, &pod, to);
            format!("{main} is recorded as main of term {term}, {stage}.\n{known}")
        }
        None => {
            format!("There is no record: {pod} becomes the first main, whatever the others hold.\n")
        }
    };
    let view = seen.and_then(|seen| seen.instances.get(&to));
    match view.map(|view| view.answer().is_some()) {
        Some(true) => text.push_str(&format!("{pod} answers now.\n")),
        Some(false) => text.push_str(&format!("{pod} does not answer; it is waited for.\n")),
        None => text.push_str("No leader says whether it answers.\n"),
    }
    text.push_str(
        "Whatever the others have more is set aside on their volumes when they come back, not \
         deleted.\n",
    );
    text
}

fn known_of(record: &Record, pod: &str, to: InstanceId) -> String {
    if to == record.target {
        return format!(
            "{pod} itself: it lacks what it had not flushed when its node lost power, if it did.\n"
        );
    }
    match (record.is_voter(to), record.proof(to)) {
        (true, Some(_)) => format!(
            "{pod} votes and was proven: in the life of that proof it has every acknowledged \
             transaction; in a later one it lacks what it had not flushed.\n"
        ),
        (true, None) => format!(
            "{pod} votes and is not proven: it may lack transactions that were acknowledged.\n"
        ),
        (false, proof) => {
            let was = if proof.is_some() {
                "was proven once in this term and"
            } else {
                "was not proven in this term;"
            };
            format!(
                "{pod} {was} does not vote: it lacks what was acknowledged since it last kept up, \
                 without bound.\n"
            )
        }
    }
}

/// Follows the record until the word is used and the reign steady.
async fn wait(operator: &Operator, id: RequestId, to: InstanceId, limit: Duration) -> ExitCode {
    let names = operator.cluster().names();
    let until = Instant::now() + limit;
    let mut said = String::new();
    while Instant::now() < until {
        let now = match operator.cluster().read_record().await {
            Ok(stored) => match stored.record() {
                Some(record) if record.accepted == Some(id) && record.stage == Stage::Steady => {
                    let main = names.pod(record.target);
                    if record.target == to {
                        println!("done: {main} is main in term {}", record.term);
                        return ExitCode::SUCCESS;
                    }
                    eprintln!("refused: {main} is main in term {}, nothing is lost", record.term);
                    return ExitCode::from(NOT_SO);
                }
                Some(record) => {
                    let begun = if record.accepted == Some(id) { "begun" } else { "not begun" };
                    let main = names.pod(record.target);
                    format!("{begun}: {main}, term {}, {}", record.term, record.stage)
                }
                None => "there is no record".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        if now != said {
            eprintln!("{now}");
            said = now;
        }
        sleep(LOOK).await;
    }
    eprintln!("not carried out within {} s; the word stands", limit.as_secs());
    ExitCode::from(NOT_SO)
}

#[cfg(test)]
mod tests {
    use super::known_of;
    use ha_core::{ids::InstanceId, observation::ClusterObservation, record::Member};

    /// Each case says something else, and never less than what may be lost.
    #[test]
    fn what_is_known_is_said() {
        let text = include_str!("../../shell-sim/observations/settled.json");
        let seen: ClusterObservation = serde_json::from_str(text).expect("an observation");
        let mut record = seen.record.known().and_then(|it| it.record()).expect("a record").clone();
        let voter = record.voters().next().expect("a voter");
        let third = InstanceId(2);
        assert!(known_of(&record, "pod", record.target).contains("had not flushed"));
        assert!(known_of(&record, "pod", voter).contains("every acknowledged"));
        assert!(known_of(&record, "pod", third).contains("without bound"));
        record.members.insert(voter, Member { votes: true, proof: None });
        assert!(known_of(&record, "pod", voter).contains("may lack"));
    }
}
