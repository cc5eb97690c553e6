//! `memgraph-ha walk`: many random schedules with faults, each followed by silence, in which every
//! invariant must hold and every world settle, or stand in a hold that is left to people. A
//! schedule that breaks something, or gets stuck, is made as short as it can be.

mod found;

use crate::input::{self, InputError};
use clap::Args as ClapArgs;
use found::{Find, Found};
use shell_sim::{
    driver::{Counters, End, Limits, Situations, Walk, WalkReport, worlds},
    oracle::Violation,
    schedule::{SHRINK_RUNS, Symptom},
    world::Decide,
};
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, thread};

/// How far to walk.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// How many schedules
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    schedules: u64,
    /// How many choices each schedule makes before silence
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    choices: u32,
    /// How many faults each schedule has at most
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    faults: u32,
    /// The first seed; each schedule follows from its seed alone
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many threads share the work
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// Where schedules of broken and stuck runs are written, as `play` reads them
    #[arg(long)]
    save: Option<PathBuf>,
    /// How many runs may go into shrinking one schedule; 0 leaves all as they were walked
    #[arg(long, default_value_t = SHRINK_RUNS)]
    shrink: u32,
    /// Decide wrongly on purpose, by the mutant of this name
    #[arg(long)]
    mutant: Option<String>,
}

/// What many walks came to.
#[derive(Debug, Default)]
struct Tally {
    counters: Counters,
    situations: Situations,
    settled: u64,
    held: u64,
    recipes: BTreeMap<String, u64>,
    known_losses: u64,
    broken: u64,
    stuck: u64,
    found: Found,
}

impl Tally {
    fn take(&mut self, mut report: WalkReport, mutant: Option<&str>) {
        self.counters += report.counters;
        self.situations.add(std::mem::take(&mut report.situations));
        self.known_losses += u64::from(report.violations.iter().any(Violation::is_known));
        self.broken += u64::from(report.is_broken());
        for recipe in &report.recipes {
            *self.recipes.entry(recipe.name().to_owned()).or_default() += 1;
        }
        match &report.end {
            End::Settled => self.settled += 1,
            End::Holds(_) => self.held += 1,
            End::Stuck(_) => self.stuck += 1,
        }
        if let Some(symptom) = Symptom::of(&report.violations, Some(&report.end)) {
            self.found.take(Find::of(&report, symptom, mutant));
        }
    }

    fn add(&mut self, other: Self) {
        self.counters += other.counters;
        self.situations.add(other.situations);
        self.settled += other.settled;
        self.held += other.held;
        for (recipe, times) in other.recipes {
            *self.recipes.entry(recipe).or_default() += times;
        }
        self.known_losses += other.known_losses;
        self.broken += other.broken;
        self.stuck += other.stuck;
        self.found.add(other.found);
    }
}

/// Walks, tallies, shrinks, prints.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let decide = input::decision(args.mutant.as_deref())?;
    let starts = match starts(args, decide) {
        Ok(starts) => starts,
        Err(end) => {
            println!("no cluster came about: {end}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut tally = shared(args, &starts);
    print(args, &tally);
    tally.found.shrink(decide, args.shrink);
    tally.found.print();
    if let Some(folder) = &args.save {
        tally.found.save(folder)?;
    }
    let good = tally.broken == 0 && tally.stuck == 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn starts(args: &Args, decide: Decide) -> Result<Vec<Walk>, End> {
    let starts = |acts| {
        let limits =
            Limits { choices: args.choices, faults: args.faults, acts, ..Limits::default() };
        worlds().into_iter().map(move |settings| Walk::new(&settings, limits, decide))
    };
    starts(false).chain(starts(true)).collect()
}

fn shared(args: &Args, starts: &[Walk]) -> Tally {
    let last = args.seed.saturating_add(args.schedules);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..args.threads)
            .map(|worker| {
                let seeds = (args.seed + worker..last).step_by(step(args.threads));
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    for seed in seeds {
                        let which = step(seed) % starts.len();
                        tally.take(starts[which].run(seed), args.mutant.as_deref());
                    }
                    tally
                })
            })
            .collect();
        let mut tally = Tally::default();
        for worker in workers {
            match worker.join() {
                Ok(part) => tally.add(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        tally
    })
}

fn step(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn print(args: &Args, tally: &Tally) {
    println!("{} schedules from seed {}", args.schedules, args.seed);
    println!("{:>10}  settled", tally.settled);
    println!("{:>10}  in a hold that is left to people", tally.held);
    for (recipe, times) in &tally.recipes {
        println!("{times:>10}  where recipe {recipe} is left to people in the end");
    }
    println!("{:>10}  with a loss that the promise excepts (MR 4.3)", tally.known_losses);
    println!("{:>10}  stuck", tally.stuck);
    println!("{:>10}  broken", tally.broken);
    println!("{:>10}  kinds of situations", tally.situations.len());
    print!("{}", tally.counters);
}
