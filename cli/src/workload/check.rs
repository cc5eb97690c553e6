//! The comparison: an acknowledged write is on every instance, once; a failed one is on none; one in
//! doubt is the same on all; and nothing else is there.

use super::{
    Access, Target,
    ledger::{self, End, Kind, Line},
};
use crate::input::InputError;
use bolt::Value;
use clap::Args as ClapArgs;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

/// Every write that an instance holds.
const ALL: &str = "MATCH (n:Write) RETURN n.number AS number";
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

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Verdict {
    /// Whether every promise was kept.
    clean: bool,
    acked: usize,
    failed: usize,
    in_doubt: usize,
    /// Of these, how many are there.
    in_doubt_there: usize,
    /// Acknowledged, and an instance does not hold it.
    lost: BTreeSet<u64>,
    /// An instance holds it more than once.
    doubled: BTreeSet<u64>,
    /// It failed, and an instance holds it.
    ghosts: BTreeSet<u64>,
    /// Some instances hold it and others do not.
    split: BTreeSet<u64>,
    /// In no ledger, and an instance holds it.
    strange: BTreeSet<u64>,
    /// Instances that could not be asked.
    unasked: Vec<String>,
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
        verdict = judge(&lines, &held, unasked);
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

/// How often each write is there.
type Held = BTreeMap<u64, u32>;

fn held_by(access: &Access, target: &Target) -> Result<Held, String> {
    let mut client = access.open(target).map_err(|error| error.to_string())?;
    let outcome = client.run(ALL).map_err(|error| error.to_string())?;
    let mut held = Held::new();
    for row in outcome.rows {
        match row.first() {
            Some(Value::Int(number)) => *held.entry(number.unsigned_abs()).or_default() += 1,
            other => return Err(format!("a number was expected, found {other:?}")),
        }
    }
    Ok(held)
}

/// What the instances' words mean for the writes.
fn judge(lines: &[Line], held: &[Held], unasked: Vec<String>) -> Verdict {
    let mut verdict = Verdict { unasked, ..Verdict::default() };
    let everywhere = |number: &u64| held.iter().all(|it| it.contains_key(number));
    let anywhere = |number: &u64| held.iter().any(|it| it.contains_key(number));
    let mut known = BTreeSet::new();
    for line in lines.iter().filter(|line| line.kind != Kind::Read) {
        known.insert(line.number);
        match line.end {
            End::Acked => {
                verdict.acked += 1;
                if !everywhere(&line.number) {
                    verdict.lost.insert(line.number);
                }
            }
            End::Failed => {
                verdict.failed += 1;
                if anywhere(&line.number) {
                    verdict.ghosts.insert(line.number);
                }
            }
            End::InDoubt => {
                verdict.in_doubt += 1;
                verdict.in_doubt_there += usize::from(anywhere(&line.number));
            }
        }
    }
    for one in held {
        let twice = one.iter().filter(|(_, count)| **count > 1).map(|(number, _)| *number);
        verdict.doubled.extend(twice);
        verdict.split.extend(one.keys().filter(|number| !everywhere(number)));
        verdict.strange.extend(one.keys().filter(|number| !known.contains(number)));
    }
    let Verdict { lost, doubled, ghosts, split, strange, .. } = &verdict;
    let is_harm = [lost, doubled, ghosts, split, strange].iter().any(|it| !it.is_empty());
    verdict.clean = !is_harm && verdict.unasked.is_empty() && !held.is_empty();
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, end: End) -> Line {
        Line { number, kind: Kind::Auto, began: 1, ended: 2, end, tries: 1, why: None }
    }

    fn held(numbers: &[u64]) -> Held {
        let mut held = Held::new();
        for number in numbers {
            *held.entry(*number).or_default() += 1;
        }
        held
    }

    #[test]
    fn each_kind_of_harm_is_found() {
        let lines =
            [line(1, End::Acked), line(2, End::Acked), line(3, End::Failed), line(4, End::InDoubt)];
        let judged = |one: &[u64], two: &[u64]| judge(&lines, &[held(one), held(two)], Vec::new());
        assert!(judged(&[1, 2], &[1, 2]).clean);
        assert!(judged(&[1, 2, 4], &[1, 2, 4]).clean);
        assert_eq!(judged(&[1, 2, 4], &[1, 2, 4]).in_doubt_there, 1);
        let one = BTreeSet::from;
        for (harm, found, expected) in [
            ("lost", judged(&[1], &[1, 2]).lost, one([2])),
            ("doubled", judged(&[1, 2, 2], &[1, 2]).doubled, one([2])),
            ("ghosts", judged(&[1, 2, 3], &[1, 2, 3]).ghosts, one([3])),
            ("split", judged(&[1, 2, 4], &[1, 2]).split, one([4])),
            ("strange", judged(&[1, 2, 9], &[1, 2, 9]).strange, one([9])),
        ] {
            assert_eq!(found, expected, "{harm}");
        }
        assert!(!judge(&lines, &[held(&[1, 2])], vec!["mg-1: gone".to_owned()]).clean);
        assert!(!judge(&lines, &[], Vec::new()).clean);
    }
}
