//! `memgraph-ha failover`: goes on with an instance although nobody is proven to have everything. What
//! is known of the loss is said first; it is carried out only by a person's word, once, and only where
//! the cluster stands still for want of a proof.

use crate::{
    input::InputError,
    operator::{CODES, NOT_SO, Progress, Seen, Where, follow, instance, nobody, on},
};
use clap::Args as ClapArgs;
use ha_core::{
    ids::{InstanceId, RequestId},
    observation::{ClusterObservation, RecordContent},
    record::{Record, Stage},
};
use shell_k8s::operator::Operator;
use std::{process::ExitCode, time::Duration};

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
        let limit = Duration::from_secs(args.timeout);
        let judge = |record: &Record| progress(&operator, record, id, to);
        Ok(follow(&operator, limit, "the word", judge).await)
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

/// What the record says of the word.
fn progress(operator: &Operator, record: &Record, id: RequestId, to: InstanceId) -> Progress {
    let (main, term) = (operator.cluster().names().pod(record.target), record.term);
    let is_used = record.accepted == Some(id);
    if !is_used || record.stage != Stage::Steady {
        let begun = if is_used { "begun" } else { "not begun" };
        return Progress::Still(format!("{begun}: {main}, term {term}, {}", record.stage));
    }
    let now = format!("{main} is main in term {term}");
    if record.target == to { Progress::Done(now) } else { Progress::Refused(now) }
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
