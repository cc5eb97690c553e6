//! `memgraph-ha reset-replica` and `restore-set-aside`: a person has the data of an instance moved out
//! of its way, and perhaps earlier data put in its place. What would be decided of that is asked of the
//! decision itself, on what the leader sees, before anything is ordered; the order is an object that
//! the leader reads, and counts once.

mod judge;

use crate::{
    input::InputError,
    operator::{CODES, NOT_SO, Progress, Seen, Where, instance, nobody, on, until_over},
};
use clap::Args as ClapArgs;
use ha_core::{
    ids::{InstanceId, RequestId, VolumeId},
    observation::ClusterObservation,
    record::{Aside, Record},
};
use judge::Verdict;
use shell_k8s::{
    entrypoint::{ASIDE, KEPT},
    operator::Operator,
};
use std::{
    io::{BufRead, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

/// Which cluster and instance, and whether the person is sure.
#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    #[command(flatten)]
    place: Where,
    /// The pod
    #[arg(value_name = "POD")]
    pod: String,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Wait until it is carried out or refused
    #[arg(short, long)]
    wait: bool,
    /// How long to wait, in seconds; the order stands after that, too
    #[arg(long, value_name = "S", default_value_t = 120)]
    timeout: u64,
}

/// Whose data is set aside.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    common: Common,
}

/// Whose data is put back.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    common: Common,
    /// The name of its folder; else what was set aside last
    #[arg(long, value_name = "NAME")]
    copy: Option<String>,
}

pub(crate) fn reset(args: &ResetArgs) -> Result<ExitCode, InputError> {
    run(&args.common, None)
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<ExitCode, InputError> {
    let copy = match args.copy.as_deref() {
        None => Aside::Latest,
        Some(name) => Aside::Of(name.parse().map_err(|_| {
            InputError::Refused(format!(
                "--copy {name:?}: the name of a folder in {ASIDE} is expected, which is a \
                 hexadecimal number"
            ))
        })?),
    };
    run(&args.common, Some(copy))
}

fn run(args: &Common, restores: Option<Aside>) -> Result<ExitCode, InputError> {
    on(&args.place, async |operator| {
        let of = instance(&operator, &args.pod)?;
        let seen = match Seen::by_leader(&operator).await {
            Ok(seen) => seen,
            Err(why) => return Ok(nobody(&why)),
        };
        let Some(observation) = &seen.observation else {
            return Ok(nobody(&format!("{}: no pass has ended yet", seen.from)));
        };
        let no = ExitCode::from(NOT_SO);
        let Some(volume) = judge::volume(observation, of) else {
            eprint!("{}", unseen(&operator, of));
            return Ok(no);
        };
        match judge::of(observation, of, volume, restores) {
            Verdict::Ordered => {}
            Verdict::VoteMoves => eprintln!("Its vote moves to another instance first."),
            Verdict::Not(why) => {
                eprintln!("refused, nothing is ordered: {why}");
                return Ok(no);
            }
        }
        eprint!("{}", told(&operator, observation, of, volume, restores));
        if !args.yes && !is_confirmed()? {
            eprintln!("Nothing is done without --yes.");
            return Ok(no);
        }
        let id = match operator.cluster().write_reset(of, volume, restores).await {
            Ok(id) => id,
            Err(error) => return Ok(nobody(&error)),
        };
        println!("ordered: {} (request {id})", operator.cluster().names().pod(of));
        if !args.wait {
            return Ok(ExitCode::SUCCESS);
        }
        let order = Order { id, of, volume, restores };
        let mut recorded = false;
        let limit = Duration::from_secs(args.timeout);
        Ok(until_over(limit, "the order", async || match Seen::by_leader(&operator).await {
            Ok(Seen { observation: Some(now), .. }) => order.progress(&now, &mut recorded),
            Ok(_) => Progress::Still("no pass has ended yet".to_owned()),
            Err(why) => Progress::Still(why),
        })
        .await)
    })
}

/// What to do with an instance of which no controller knows the data.
fn unseen(operator: &Operator, of: InstanceId) -> String {
    let names = operator.cluster().names();
    let (namespace, pod) = (names.namespace(), names.pod(of));
    format!(
        "refused, nothing is ordered: no controller has seen the data of {pod}, so none could tell \
         whether an order means it.\nIf its volume cannot be used at all, it begins anew with an empty \
         one, and what is on the old one is gone with its claim:\n  kubectl -n {namespace} get pod {pod} \
         -o jsonpath='{{.spec.volumes[*].persistentVolumeClaim.claimName}}'\n  kubectl -n {namespace} \
         delete pvc CLAIM --wait=false\n  kubectl -n {namespace} delete pod {pod}\n"
    )
}

/// What becomes of which data, in lines.
fn told(
    operator: &Operator,
    seen: &ClusterObservation,
    of: InstanceId,
    volume: VolumeId,
    restores: Option<Aside>,
) -> String {
    let names = operator.cluster().names();
    let pod = names.pod(of);
    let mut text = format!(
        "What {pod} has is moved into {ASIDE}/{volume} on its own volume when its process starts next, \
         which its pod is ended for; nothing of it is deleted. The last {KEPT} copies are kept there, an \
         older one goes.\n"
    );
    let record = seen.record.known().and_then(|stored| stored.record());
    let main = record.map_or_else(|| "the main".to_owned(), |record| names.pod(record.target));
    text.push_str(&match restores {
        None => format!(
            "It begins empty and copies everything from {main}; it votes and is promoted only once it \
             is proven.\n"
        ),
        Some(which) => {
            let copy = match which {
                Aside::Latest => format!("what was set aside last, in {ASIDE},"),
                Aside::Of(id) => format!("what lies in {ASIDE}/{id}"),
            };
            let (namespace, folder) = (names.namespace(), "/var/lib/memgraph/mg_data");
            format!(
                "Then {copy} is moved into its place; if there is no such copy, it begins empty. What \
                 is there: kubectl -n {namespace} exec {pod} -c memgraph -- ls -lt {folder}/{ASIDE}\n\
                 It is judged like any data: what branched off from {main} is registered nowhere and \
                 can be read at the pod itself, until reset-replica, or a move of the main, sets it \
                 aside again.\n"
            )
        }
    });
    let voters = record.map(|record| {
        record.voters().filter(|id| *id != of).map(|id| names.pod(id)).collect::<Vec<_>>()
    });
    let voters = voters.filter(|voters| !voters.is_empty());
    let beside = voters.map_or_else(|| "the next voter".to_owned(), |voters| voters.join(", "));
    text.push_str(&format!("Meanwhile {main} and {beside} have everything.\n"));
    text
}

/// Whether the person at the terminal says yes; nobody does where there is none.
fn is_confirmed() -> Result<bool, InputError> {
    let mut stdin = std::io::stdin().lock();
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("Go on? yes or no: ");
    std::io::stderr().flush().map_err(InputError::Process)?;
    let mut line = String::new();
    stdin.read_line(&mut line).map_err(InputError::Process)?;
    Ok(line.trim() == "yes")
}

/// An order that was given.
#[derive(Debug, Clone, Copy)]
struct Order {
    id: RequestId,
    of: InstanceId,
    volume: VolumeId,
    restores: Option<Aside>,
}

impl Order {
    /// How far it is; `recorded` tells whether it was seen in the record before.
    fn progress(self, seen: &ClusterObservation, recorded: &mut bool) -> Progress {
        let Some(record) = seen.record.known().and_then(|stored| stored.record()) else {
            return Progress::Still("there is no record".to_owned());
        };
        if record.ordered != Some(self.id) {
            let why = match judge::of(seen, self.of, self.volume, self.restores) {
                Verdict::Ordered => "a pass".to_owned(),
                Verdict::VoteMoves => "its vote to move".to_owned(),
                Verdict::Not(why) => why,
            };
            return Progress::Still(format!("waits: {why}"));
        }
        let is_ours = |reset: &&ha_core::record::Reset| reset.by == Some(self.id);
        let entry = record.resets.get(&self.of).filter(is_ours);
        *recorded |= entry.is_some();
        let view = seen.instances.get(&self.of);
        let now = view.and_then(|view| view.answer()).map(|answer| answer.incarnation.volume);
        let begun = now.filter(|now| *now != self.volume);
        match (entry, begun, self.restores) {
            (Some(_), None, _) => Progress::Still("recorded; its process is to start anew".into()),
            (Some(_), Some(now), Some(_)) => {
                Progress::Done(format!("it answers with what was put back, now called {now}"))
            }
            (Some(_), Some(_), None) => Progress::Still("it began anew and copies".to_owned()),
            (None, _, restores) if *recorded || self.is_proven(record) => {
                let how = restores.map_or("began anew", |_| "answers with what was put back");
                Progress::Done(format!("it {how}, and is proven"))
            }
            (None, _, _) => {
                let why = judge::of(seen, self.of, self.volume, self.restores);
                Progress::Refused(match why {
                    Verdict::Not(why) => why,
                    Verdict::Ordered | Verdict::VoteMoves => "see the journal".to_owned(),
                })
            }
        }
    }

    fn is_proven(self, record: &Record) -> bool {
        record.proof(self.of).is_some_and(|proof| proof.replica.volume != self.volume)
    }
}
