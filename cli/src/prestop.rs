//! `memgraph-ha prestop`: the hook of a pod that is to go. It asks the controllers whether the pod may
//! leave, so that the pod does not outrun the move of its role. Safety never hangs on it: whoever gets
//! no answer goes, and whoever waited too long goes too, with a word about every instance.

use crate::{input::InputError, web};
use clap::Args as ClapArgs;
use ha_core::{
    ids::InstanceId,
    observation::{ClusterObservation, InstanceView, RoleView, Row},
    plan::Leave,
};
use serde_json::Value;
use std::{
    fs::File,
    io::Write as _,
    process::ExitCode,
    time::{Duration, SystemTime},
};
use tokio::{
    net::lookup_host,
    time::{Instant, sleep},
};

/// The first and the longest pause between two questions.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// The standard error of the container's first process: what a hook says itself is kept by nobody
/// unless it fails.
const LOG: &str = "/proc/1/fd/2";

/// Who asks, whom, and for how long.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The name of the pod that is to go
    #[arg(long, env = "POD_NAME")]
    pod_name: String,
    /// The controllers, host:port; several with commas between them. All addresses of a name are asked
    #[arg(long, env = "MEMGRAPH_HA_CONTROLLERS")]
    controllers: String,
    /// How long it waits at most; less than the grace of the pod
    #[arg(long, env = "PRESTOP_TIMEOUT_SECONDS", default_value_t = 600)]
    timeout_seconds: u64,
    /// How long there may be nobody who leads, after which the pod goes unasked
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    silence_seconds: u64,
}

/// What one round of questions brought.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The leader's word.
    Said(Leave, String),
    /// The leader knows no such pod.
    NoneOfOurs(String),
    /// Nobody who leads answered.
    Silence(String),
}

/// Waits until the pod may go. 0: it may, or nobody can say. 1: it did not get leave in time.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(InputError::Process)?.block_on(wait(args)))
}

async fn wait(args: &Args) -> ExitCode {
    let begun = Instant::now();
    let limit = Duration::from_secs(args.timeout_seconds);
    let silence = Duration::from_secs(args.silence_seconds);
    let (mut pause, mut heard, mut said) = (PAUSES.0, begun, String::new());
    say(&format!("{} is to go: asking {}", args.pod_name, args.controllers));
    loop {
        let answer = ask(args).await;
        let now = match &answer {
            Answer::Said(Leave::MayLeave, why) => {
                say(&format!("{} may go after {:?}: {why}", args.pod_name, begun.elapsed()));
                return ExitCode::SUCCESS;
            }
            Answer::NoneOfOurs(why) => {
                say(&format!("{} goes: {why}", args.pod_name));
                return ExitCode::SUCCESS;
            }
            Answer::Said(Leave::MainMoves | Leave::VoteMoves | Leave::Unknown, why) => {
                heard = Instant::now();
                format!("waits: {why}")
            }
            Answer::Silence(why) if heard.elapsed() >= silence => {
                say(&format!("{} goes unasked: {why}, for {silence:?}", args.pod_name));
                return ExitCode::SUCCESS;
            }
            Answer::Silence(why) => why.clone(),
        };
        if now != said {
            say(&now);
            said = now;
        }
        if begun.elapsed() >= limit {
            say(&format!(
                "{} had no leave within {limit:?}; {}",
                args.pod_name,
                states(args).await
            ));
            return ExitCode::FAILURE;
        }
        sleep(pause.min(limit.saturating_sub(begun.elapsed()))).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Asks every controller; the leader's word counts.
async fn ask(args: &Args) -> Answer {
    let path = format!("/v1/may-leave/{}", args.pod_name);
    let mut silence = "no controller has an address".to_owned();
    for (host, answer) in all(args, &path).await {
        match answer {
            Ok(answer) => match meaning(&answer) {
                Answer::Silence(why) => silence = format!("{host}: {why}"),
                word @ (Answer::Said(..) | Answer::NoneOfOurs(_)) => return word,
            },
            Err(why) => silence = format!("{host}: {why}"),
        }
    }
    Answer::Silence(silence)
}

fn meaning(answer: &Value) -> Answer {
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    match serde_json::from_value::<Leave>(answer["leave"].clone()) {
        Ok(leave) => Answer::Said(leave, text("why")),
        // Who does not lead says who does; who leads and does not know the pod says what is right.
        Err(_) if answer.get("leader").is_some() => Answer::Silence(text("error")),
        Err(_) if answer.get("expected").is_some() => Answer::NoneOfOurs(text("error")),
        Err(_) => Answer::Silence(format!("an answer that is not understood: {answer}")),
    }
}

/// The answers of all addresses of all controllers.
async fn all(args: &Args, path: &str) -> Vec<(String, Result<Value, String>)> {
    let mut answers = Vec::new();
    for host in args.controllers.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        match lookup_host(host).await {
            Ok(found) => {
                for at in found {
                    let answer = web::get(at, path).await.map_err(|error| error.to_string());
                    answers.push((format!("{host} at {at}"), answer));
                }
            }
            Err(error) => answers.push((host.to_owned(), Err(error.to_string()))),
        }
    }
    answers
}

/// The state of every instance, as the leader sees it.
async fn states(args: &Args) -> String {
    let mut words = String::from("no leader tells the state of the instances");
    for (_, answer) in all(args, "/v1/status").await {
        let Ok(status) = answer else { continue };
        let seen = serde_json::from_value::<ClusterObservation>(status["observation"].clone());
        if let (Ok(seen), true) = (seen, status["leads"] == true) {
            let each = seen.instances.iter().map(|(id, view)| state(*id, view));
            words = each.collect::<Vec<_>>().join("; ");
        }
    }
    words
}

fn state(id: InstanceId, view: &InstanceView) -> String {
    match view.answer().map(|answer| &answer.role) {
        Some(RoleView::Main { rows, .. }) => {
            let row = |(id, row): (&InstanceId, &Row)| {
                format!("{id} {} {} behind {}", row.mode, row.state, row.behind)
            };
            let rows: Vec<_> = rows.iter().map(row).collect();
            format!("{id} is main, with {}", rows.join(", "))
        }
        Some(RoleView::Replica) => format!("{id} is a replica"),
        None => format!("{id} does not answer"),
    }
}

/// Says something where it is kept.
fn say(what: &str) {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let line = format!("prestop {}.{:03}: {what}\n", seconds.as_secs(), seconds.subsec_millis());
    print!("{line}");
    if let Ok(mut log) = File::options().append(true).open(LOG) {
        // Whoever cannot write there has said it above.
        let _unwritten = log.write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, meaning};
    use ha_core::plan::Leave;
    use serde_json::json;

    #[test]
    fn an_answer_is_taken_for_what_it_is() {
        let may = json!({"pod": "memgraph-ha-0", "leave": "may-leave", "why": "it is no voter"});
        assert_eq!(meaning(&may), Answer::Said(Leave::MayLeave, "it is no voter".to_owned()));
        let moves = json!({"pod": "memgraph-ha-0", "leave": "main-moves", "why": "E30"});
        assert_eq!(meaning(&moves), Answer::Said(Leave::MainMoves, "E30".to_owned()));
        let follows = json!({"pod": "memgraph-ha-0", "error": "does not lead", "leader": null});
        assert_eq!(meaning(&follows), Answer::Silence("does not lead".to_owned()));
        let foreign = json!({"error": "no pod of the cluster", "expected": "one of memgraph-ha-0"});
        assert_eq!(meaning(&foreign), Answer::NoneOfOurs("no pod of the cluster".to_owned()));
        assert!(matches!(meaning(&json!({"leave": "whenever"})), Answer::Silence(_)));
    }
}
