//! The comparison of ledgers with what every instance holds.

use super::{
    Access, Target,
    ledger::{self, End, Kind, Line},
};
use crate::{
    input::InputError,
    verdict::{self, Ended, Held, Verdict},
};
use clap::Args as ClapArgs;
use std::{
    path::PathBuf,
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

/// How soon instances that differ are asked again.
const AGAIN: Duration = Duration::from_millis(200);
/// How many numbers of a kind are told.
const TOLD: usize = 20;

/// What is compared.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// A ledger
    #[arg(long, value_name = "FILE", required = true)]
    ledger: Vec<PathBuf>,
    /// An instance, past the gateway
    #[arg(long, value_name = "HOST:PORT", required = true)]
    instance: Vec<Target>,
    /// How long instances may take to become the same
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout_seconds: u64,
    #[command(flatten)]
    access: Access,
}

/// Prints the verdict as JSON. 0: every promise was kept. 1: not.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let until = Instant::now() + Duration::from_secs(args.timeout_seconds);
    let mut verdict;
    loop {
        // A client may still be at a write that an instance holds already.
        let (mut held, mut unasked) = (Vec::new(), Vec::new());
        for target in &args.instance {
            match held_by(&args.access, target) {
                Ok(writes) => held.push(writes),
                Err(why) => unasked.push(format!("{target}: {why}")),
            }
        }
        let mut lines = Vec::new();
        for path in &args.ledger {
            let read = ledger::read(path);
            lines.extend(read.map_err(|error| InputError::Io { path: path.clone(), error })?);
        }
        verdict = Verdict::of(writes(&lines), &held, unasked);
        if verdict.clean || Instant::now() >= until {
            break;
        }
        sleep(AGAIN);
    }
    let Verdict { lost, doubled, ghosts, split, strange, .. } = &mut verdict;
    for numbers in [lost, doubled, ghosts, split, strange] {
        *numbers = numbers.iter().copied().take(TOLD).collect();
    }
    let text = serde_json::to_string(&verdict).map_err(|e| InputError::Refused(e.to_string()))?;
    println!("{text}");
    Ok(if verdict.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn held_by(access: &Access, target: &Target) -> Result<Held, String> {
    let mut client = access.open(target).map_err(|error| error.to_string())?;
    let outcome = client.run(verdict::ALL).map_err(|error| error.to_string())?;
    verdict::held(&outcome.rows)
}

/// The writes of a ledger.
fn writes(lines: &[Line]) -> impl Iterator<Item = (u64, Ended<'_>)> {
    let writes = lines.iter().filter(|line| line.kind != Kind::Read);
    writes.map(|line| {
        let words = line.why.as_deref().unwrap_or_default();
        let ended = match line.end {
            End::Acked => Ended::Acked,
            End::Failed => Ended::Failed(words),
            End::InDoubt => Ended::InDoubt(words),
        };
        (line.number, ended)
    })
}
