//! `memgraph-ha status`: how the cluster is, as its leader sees it; from the objects alone while no
//! controller answers.

use crate::{
    input::InputError,
    operator::{CODES, NOBODY, NOT_SO, Seen, Where, columns, on, out},
};
use clap::{Args as ClapArgs, ValueEnum};
use ha_core::{
    ids::InstanceId,
    marks::{Part, Replicates, mark},
    observation::{ClusterObservation, Contact, Route},
    reading::Reading,
    situation::Situation,
};
use serde_json::{Value, json};
use shell_k8s::operator::Operator;
use std::{
    fmt::Write as _,
    io::{IsTerminal, stdout},
    process::ExitCode,
    time::Duration,
};
use tokio::time::sleep;

/// How often a watch looks.
const PERIOD: Duration = Duration::from_secs(1);

/// Which cluster, and how it is shown.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Where,
    /// Look again and again, until interrupted
    #[arg(short, long)]
    watch: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For machines: all that the controller says
    Json,
    /// The same
    Yaml,
}

/// One look: what is printed, and the exit code.
struct Printed {
    text: String,
    value: Value,
    code: u8,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    on(&args.place, async |operator| {
        loop {
            let shown = look(&operator).await;
            let text = match args.output {
                Output::Table => shown.text,
                Output::Json => format!("{:#}\n", shown.value),
                Output::Yaml => serde_saphyr::to_string(&shown.value)
                    .map_err(|error| InputError::Refused(format!("no YAML: {error}")))?,
            };
            if args.watch && args.output == Output::Table && stdout().is_terminal() {
                // The screen is cleared, as `watch` does.
                out("\u{1b}[H\u{1b}[2J")?;
            }
            out(&text)?;
            if !args.watch {
                return Ok(ExitCode::from(shown.code));
            }
            sleep(PERIOD).await;
        }
    })
}

async fn look(operator: &Operator) -> Printed {
    let (seen, silent) = Seen::all(operator).await;
    let Some(first) = seen.first() else { return objects(operator, &silent).await };
    let is_settled = first.leads && first.plan.settled;
    let mut text = table(operator, first);
    for line in warnings(&seen) {
        let _ = writeln!(text, "warning     {line}");
    }
    for why in &silent {
        let _ = writeln!(text, "no answer   {why}");
    }
    Printed { text, value: first.whole.clone(), code: if is_settled { 0 } else { NOT_SO } }
}

fn table(operator: &Operator, seen: &Seen) -> String {
    let mut text = head(&operator.cluster().names().to_string(), seen);
    if let Some(obs) = &seen.observation {
        let rows: Vec<_> = obs.instances.keys().map(|id| row(seen, obs, *id)).collect();
        text.push('\n');
        let head = ["POD", "ROLE", "VOTES", "REPLICATES", "MODE", "STATE", "BEHIND", "CONTACT"];
        text.push_str(&columns(&head, &rows));
    }
    let waits = seen.waits.iter().map(|wait| {
        let whom = wait.subject.map(|id| format!("{}: ", seen.pod(id))).unwrap_or_default();
        format!("waits       {whom}{} ({} {})", wait.words, wait.rule, wait.name)
    });
    let steps = seen.plan.steps.iter().map(|step| format!("does        {step}"));
    let vetoes = seen.plan.vetoes.iter().map(|veto| format!("refused     {veto}"));
    let lines: Vec<_> = steps.chain(waits).chain(vetoes).collect();
    if !lines.is_empty() {
        let _ = write!(text, "\n{}\n", lines.join("\n"));
    }
    text
}

/// What the leader warns of, and what others warn of besides.
fn warnings(seen: &[Seen]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (no, one) in seen.iter().enumerate() {
        let known: Vec<_> = seen[..no].iter().flat_map(|it| &it.warnings).collect();
        for warning in one.warnings.iter().filter(|it| !known.contains(it)) {
            let by = if no == 0 { String::new() } else { format!("{}: ", one.from) };
            lines.push(format!("{by}{} ({})", warning.words, warning.kind.name()));
        }
    }
    lines
}

fn head(cluster: &str, seen: &Seen) -> String {
    let mut text = format!("cluster     {cluster}\n");
    let leader = match (&seen.leader, seen.leads) {
        (_, true) => seen.from.clone(),
        (Some(id), false) => format!("{id}, which does not answer; seen by {}", seen.from),
        (None, false) => format!("nobody; seen by {}", seen.from),
    };
    let _ = writeln!(text, "leader      {leader}");
    let Some(obs) = &seen.observation else {
        text.push_str("state       no pass has ended yet\n");
        return text;
    };
    match Situation::of(obs).record {
        Some(record) => {
            let (main, term) = (seen.pod(record.target), record.term);
            let _ = writeln!(text, "main        {main}, term {term}, {}", record.stage);
        }
        None => text.push_str("main        none is recorded\n"),
    }
    let route = match obs.route.handed_out {
        Route::Open { main, .. } => format!("open to {}", seen.pod(main.id)),
        Route::Draining { main, .. } => format!("draining from {}", seen.pod(main.id)),
        Route::Closed => "closed".to_owned(),
    };
    let paused = if obs.desired.paused { ", paused" } else { "" };
    let state = if seen.plan.settled { "settled" } else { "not settled" };
    let _ = writeln!(text, "writes      {route}\nstate       {state}{paused}");
    text
}

fn row(seen: &Seen, obs: &ClusterObservation, id: InstanceId) -> Vec<String> {
    let s = Situation::of(obs);
    let mark = mark(obs, id);
    let role = match mark.part {
        Some(part @ (Part::Main | Part::Replica | Part::Stray)) => part.to_string(),
        None => "?".to_owned(),
    };
    let votes = s.record.is_some_and(|record| record.is_voter(id));
    let replicates = match mark.replicates {
        Replicates::Yes => "yes".to_owned(),
        Replicates::No(missing) => format!("no: {missing}"),
        Replicates::Unknown => "?".to_owned(),
    };
    let registered = s.proven_main().and_then(|main| main.rows.get(&id));
    let (mode, state, behind) = registered.map_or_else(Default::default, |row| {
        (row.mode.to_string(), row.state.to_string(), row.behind.to_string())
    });
    let contact = obs.instances.get(&id).map_or_else(String::new, |view| {
        let leaving = matches!(&view.pod, Reading::Known { value: Some(pod), .. } if pod.deleting);
        let contact = match &view.contact {
            Contact::Answering => "answers".to_owned(),
            Contact::Closed { .. } => "gone".to_owned(),
            Contact::Unreached { why, .. } => why.to_string(),
        };
        if leaving { format!("{contact}, leaving") } else { contact }
    });
    let votes = if votes { "yes" } else { "" }.to_owned();
    vec![seen.pod(id), role, votes, replicates, mode, state, behind, contact]
}

/// What record and lease say by themselves.
async fn objects(operator: &Operator, silent: &[String]) -> Printed {
    let cluster = operator.cluster();
    let names = cluster.names();
    let mut text = format!("cluster     {names}\nleader      no controller answers\n");
    let record = cluster.read_record().await.map_err(|error| error.to_string());
    match record.as_ref().map(|stored| stored.record()) {
        Ok(Some(record)) => {
            let voters: Vec<_> = record.voters().map(|id| names.pod(id)).collect();
            let (main, term) = (names.pod(record.target), record.term);
            let _ = writeln!(text, "main        {main}, term {term}, {} (recorded)", record.stage);
            let _ = writeln!(text, "voters      {} (recorded)", voters.join(", "));
        }
        Ok(None) => text.push_str("main        no record that is understood\n"),
        Err(why) => {
            let _ = writeln!(text, "main        {why}");
        }
    }
    let lease = match cluster.read_lease().await {
        Ok(Some(lease)) => {
            lease.sample.holder.map_or_else(|| "nobody".to_owned(), |holder| holder.to_string())
        }
        Ok(None) => "there is none".to_owned(),
        Err(error) => error.to_string(),
    };
    let _ = writeln!(text, "lease       {lease}");
    for why in silent {
        let _ = writeln!(text, "no answer   {why}");
    }
    let record = record.ok().map(|stored| stored.content);
    let value = json!({ "controllers": null, "record": record, "lease": lease, "silent": silent });
    Printed { text, value, code: NOBODY }
}
