//! `memgraph-ha walk`: many random schedules with faults, each followed by silence, in which every
//! invariant must hold and every world settle, or stand in a hold that names a missing recipe.

use crate::input::InputError;
use clap::Args as ClapArgs;
use shell_sim::{
    driver::{Counters, End, Limits, Walk, WalkReport},
    memgraph::{Config, Version},
    oracle::Violation,
    world::Settings,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

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
    /// Where schedules of broken runs are written
    #[arg(long)]
    save: Option<PathBuf>,
}

/// What many walks came to.
#[derive(Debug, Default)]
struct Tally {
    counters: Counters,
    settled: u64,
    held: u64,
    recipes: BTreeMap<String, u64>,
    known_losses: u64,
    broken: Vec<(u64, String, String)>,
    stuck: Vec<(u64, String, String)>,
}

impl Tally {
    fn take(&mut self, report: &WalkReport) {
        self.counters += report.counters;
        self.known_losses += u64::from(report.violations.iter().any(Violation::is_known));
        if let Some(violation) = report.violations.iter().find(|violation| !violation.is_known()) {
            self.broken.push((report.seed, violation.to_string(), report.schedule.to_string()));
        }
        for recipe in &report.missing {
            *self.recipes.entry(recipe.name().to_owned()).or_default() += 1;
        }
        match &report.end {
            End::Settled => self.settled += 1,
            End::Holds(_) => self.held += 1,
            End::Stuck(why) => {
                self.stuck.push((report.seed, why.clone(), report.schedule.to_string()));
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.counters += other.counters;
        self.settled += other.settled;
        self.held += other.held;
        for (recipe, times) in other.recipes {
            *self.recipes.entry(recipe).or_default() += times;
        }
        self.known_losses += other.known_losses;
        self.broken.extend(other.broken);
        self.stuck.extend(other.stuck);
    }
}

/// The worlds in which schedules are tried, in turn by seed.
fn worlds() -> Vec<Settings> {
    let with = |version, flush_every, gateways| Settings {
        gateways,
        config: Config { version, flush_every, ..Config::default() },
        ..Settings::default()
    };
    vec![
        with(Version::V3_10, 1, 1),
        with(Version::V3_10, 100_000, 1),
        with(Version::V3_8, 100_000, 2),
        with(Version::V3_12, 1, 2),
        with(Version::Head, 100_000, 1),
    ]
}

/// Walks, tallies, prints.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let starts: Result<Vec<Walk>, End> = worlds()
        .iter()
        .map(|settings| {
            let limits = Limits { choices: args.choices, faults: args.faults, ..Limits::default() };
            Walk::new(settings, limits, ha_core::plan)
        })
        .collect();
    let starts = match starts {
        Ok(starts) => starts,
        Err(end) => {
            println!("no cluster came about: {end}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let tally = shared(args, &starts);
    print(args, &tally);
    if let Some(folder) = &args.save {
        save(folder, &tally)?;
    }
    let good = tally.broken.is_empty() && tally.stuck.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
                        tally.take(&starts[which].run(seed));
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
    println!("{:>10}  in a hold that names a missing recipe", tally.held);
    for (recipe, times) in &tally.recipes {
        println!("{times:>10}  where recipe {recipe} is missed in the end");
    }
    println!("{:>10}  with a loss that the promise excepts (MR 4.3)", tally.known_losses);
    println!("{:>10}  stuck", tally.stuck.len());
    println!("{:>10}  broken", tally.broken.len());
    print!("{}", tally.counters);
    for (seed, why, _) in tally.stuck.iter().take(10) {
        println!("stuck  seed {seed}: {why}");
    }
    for (seed, why, _) in tally.broken.iter().take(10) {
        println!("broken seed {seed}: {why}");
    }
}

fn save(folder: &Path, tally: &Tally) -> Result<(), InputError> {
    let io = |path: &Path, error| InputError::Io { path: path.to_owned(), error };
    fs::create_dir_all(folder).map_err(|error| io(folder, error))?;
    for (seed, why, schedule) in tally.broken.iter().chain(&tally.stuck).take(100) {
        let path = folder.join(format!("walk-{seed}.txt"));
        let text = format!("# Walk of seed {seed}: {}\n{schedule}", why.replace('\n', " "));
        fs::write(&path, text).map_err(|error| io(&path, error))?;
    }
    Ok(())
}
