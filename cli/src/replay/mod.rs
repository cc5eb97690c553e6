//! `memgraph-ha replay PATH...`: what recorded incidents show, whether the predecessor's policy does
//! it again, and what ours does in its place. Also for logs of the predecessor, and for journals.

pub(crate) mod journal;
pub(crate) mod lines;
mod sources;

use crate::input::InputError;
use clap::{Args as ClapArgs, ValueEnum};
use journal::Moment;
use serde_json::json;
use shell_sim::{
    incident::{
        Incident,
        import::{Counts, ITEM_LIMIT, KEPT_LIMIT},
    },
    replay::{Replay, page, replay},
};
use sources::Found;
use std::{
    cmp::Reverse,
    fmt::Write as _,
    fs,
    num::NonZero,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// What to replay.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Incident files or folders of them, logs of the predecessor (also gzip) and Kubernetes events,
    /// which are merged by time, or journals; `-` reads standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to write it; standard output if not given
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print what a controller knew, from a journal, as `explain` reads it
    #[arg(long, requires = "until")]
    from_journal: bool,
    /// The moment for --from-journal: seconds such as 12 or 12.345s on the controller's clock, or
    /// +12 after the journal's first line
    #[arg(long, value_name = "T", value_parser = journal::moment)]
    until: Option<Moment>,
    /// The controller for --from-journal; the one that decided last if not given
    #[arg(long, requires = "from_journal")]
    controller: Option<u8>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines
    Json,
    /// For people, one page that needs nothing from outside
    Html,
}

/// Reads everything, then replays, then prints. 0: safe. 1: ours broke a rule, or decides otherwise
/// than a journal says. 2: unusable input.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    if args.from_journal {
        let text = journal::observation(
            &args.paths,
            args.until.unwrap_or(Moment::At(0)),
            args.controller,
        )?;
        write(args, &text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Found { incidents, counts, journals } = sources::read(&args.paths)?;
    let mut text = String::new();
    if let Some(counts) = &counts {
        text.push_str(&told(counts));
    }
    let replays = all(&incidents);
    let mut same = true;
    let mut decided = Vec::new();
    for again in &journals {
        same &= again.is_same();
        text.push_str(&again.text());
        decided.push(again.json());
    }
    match args.format {
        Format::Text => {
            for one in &replays {
                // Writing to a string cannot fail.
                let _written = writeln!(text, "{}", one.text());
            }
            write(args, &text)?;
        }
        Format::Json => {
            let incidents: Vec<_> = replays.iter().map(Replay::json).collect();
            let lines = counts.as_ref().map(machine);
            let all = json!({ "incidents": incidents, "lines": lines, "journals": decided });
            write(args, &format!("{all:#}\n"))?;
        }
        Format::Html => {
            eprint!("{text}");
            write(args, &page(&replays))?;
        }
    }
    let safe = same && replays.iter().all(Replay::is_safe);
    Ok(if safe { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Replays all, as many at a time as the machine has processors; the order stays.
fn all(incidents: &[Incident]) -> Vec<Replay> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(incidents.len());
    // The longest record takes longest, so that it comes first.
    let mut order: Vec<(usize, &Incident)> = incidents.iter().enumerate().collect();
    order.sort_by_key(|(_, incident)| Reverse(incident.timeline.len()));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, incident)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*index, replay(incident, ha_core::plan)));
        }
        done
    };
    let mut replays: Vec<(usize, Replay)> = thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        // A worker that panicked takes the program with it.
        running
            .into_iter()
            .flat_map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    replays.sort_by_key(|(index, _)| *index);
    replays.into_iter().map(|(_, replay)| replay).collect()
}

fn write(args: &Args, text: &str) -> Result<(), InputError> {
    match &args.out {
        None => {
            print!("{text}");
            Ok(())
        }
        Some(path) => {
            fs::write(path, text).map_err(|error| InputError::Io { path: path.clone(), error })
        }
    }
}

/// What became of the lines, for people.
fn told(counts: &Counts) -> String {
    let mut out = format!(
        "{} lines: {} became items, {} are known and tell of no event, {} say again what was said",
        counts.lines, counts.items, counts.known, counts.repeated
    );
    if counts.beyond > 0 {
        let _written = write!(
            out,
            ", {} are beyond the limit of {ITEM_LIMIT} items or {KEPT_LIMIT} bytes of them",
            counts.beyond
        );
    }
    let _written = writeln!(out, "; {} were not understood:", counts.lost());
    for (kind, (count, spot)) in &counts.unknown {
        let _written = writeln!(out, "  {count:>8}  {kind}, first at {spot}");
    }
    out.push('\n');
    out
}

fn machine(counts: &Counts) -> serde_json::Value {
    let unknown: Vec<_> = counts
        .unknown
        .iter()
        .map(|(kind, (count, spot))| {
            json!({ "kind": kind, "count": count, "first": spot.to_string() })
        })
        .collect();
    json!({
        "read": counts.lines, "items": counts.items, "known": counts.known,
        "repeated": counts.repeated, "beyond": counts.beyond, "unknown": unknown,
    })
}
