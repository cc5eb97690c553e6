//! `memgraph-ha check`: every order of events within the bounds of each configuration. What breaks
//! is told as a story and left as a schedule that `play` reads.

mod machine;
mod progress;
mod save;
mod table;

use crate::{
    explain::Format,
    input::{self, InputError},
};
use clap::{Args as ClapArgs, ValueEnum};
use model_check::{
    model::{Bounds, Configuration, Model, Outside, configurations},
    report::{self, Effort, Report},
    stateright::Adapter,
};
use progress::Watch;
use std::{
    collections::BTreeSet,
    net::{SocketAddr, TcpListener},
    num::NonZero,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    thread,
};

/// What to check.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Which configurations: minutes, or an hour
    #[arg(long, value_enum, default_value_t = Within::Ci)]
    bounds: Within,
    /// Only the configuration of this name, whatever its bounds; may be given again
    #[arg(long = "config", value_name = "NAME")]
    configs: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// How many threads share the work; as many as there are cores if it is not given
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=256))]
    threads: Option<u64>,
    /// How many states of one configuration are kept at most; what needs more is not checked
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    max_states: Option<u64>,
    /// Count the states without each of their parts, too
    #[arg(long)]
    projections: bool,
    /// Say which configurations there are, and what may happen in each
    #[arg(long)]
    list: bool,
    /// Where schedules of counterexamples are written, as `play` reads them
    #[arg(long, value_name = "FOLDER", default_value = "counterexamples")]
    save: PathBuf,
    /// Decide wrongly on purpose, by the mutant of this name
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,
    /// Serve one configuration to be walked through by hand in a browser, with stateright
    #[arg(long, conflicts_with_all = ["list", "projections", "max_states", "format"])]
    explore: bool,
    /// Where it is served
    #[arg(long, default_value = "127.0.0.1:3000", requires = "explore")]
    address: SocketAddr,
}

/// Which configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Within {
    /// Minutes
    Ci,
    /// An hour
    Long,
}

impl From<Within> for Bounds {
    fn from(within: Within) -> Self {
        match within {
            Within::Ci => Self::Ci,
            Within::Long => Self::Long,
        }
    }
}

/// Chooses, then checks one configuration after the other, then prints.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    if args.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    let decide = input::decision(args.mutant.as_deref())?;
    let mut chosen = chosen(args)?;
    if args.mutant.is_some() {
        chosen.iter_mut().for_each(|configuration| configuration.decide = decide);
    }
    if args.explore {
        return explore(args, chosen);
    }
    let mut reports = Vec::new();
    for configuration in chosen {
        let mut watch = Watch::new(configuration.name);
        let found = report::check(configuration, effort(args), &mut |now| watch.look(&now));
        match found {
            Ok(report) => reports.push(report),
            Err(why) => {
                // The decision cannot even bring a cluster about: nothing can be explored.
                println!("{why}");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let saved = save::save(&args.save, args.mutant.as_deref(), &reports)?;
    match args.format {
        Format::Text => print!("{}", table::text(&reports, &saved)),
        Format::Json => println!("{:#}", machine::json(&reports)),
    }
    let good = reports.iter().all(Report::is_good);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every configuration, each with its bounds.
fn all() -> Vec<(Bounds, Configuration)> {
    let of = |bounds| configurations(bounds).into_iter().map(move |one| (bounds, one));
    of(Bounds::Ci).chain(of(Bounds::Long)).collect()
}

fn chosen(args: &Args) -> Result<Vec<Configuration>, InputError> {
    if args.configs.is_empty() && !args.explore {
        return Ok(configurations(args.bounds.into()));
    }
    let known = || {
        let names: Vec<_> = all().iter().map(|(_, one)| one.name).collect();
        names.join(", ")
    };
    let names: BTreeSet<&str> = args.configs.iter().map(String::as_str).collect();
    if args.explore && names.len() != 1 {
        return Err(InputError::OneConfiguration { given: names.len(), known: known() });
    }
    for name in &names {
        if !all().iter().any(|(_, one)| one.name == *name) {
            return Err(InputError::NoConfiguration { name: (*name).to_owned(), known: known() });
        }
    }
    let mut taken = names;
    // In their own order, and each of them once.
    Ok(all().into_iter().map(|(_, one)| one).filter(|one| taken.remove(one.name)).collect())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn effort(args: &Args) -> Effort {
    let threads = args.threads.and_then(|threads| usize::try_from(threads).ok());
    Effort {
        threads: threads.unwrap_or_else(cores),
        max_states: args.max_states.unwrap_or(u64::MAX),
        projections: args.projections,
    }
}

/// Serves one configuration until the process is ended.
fn explore(args: &Args, chosen: Vec<Configuration>) -> Result<ExitCode, InputError> {
    let address = args.address;
    // stateright panics where the address cannot be had, hence this try.
    let free = TcpListener::bind(address);
    free.map_err(|error| InputError::Address { address, error })?;
    for configuration in chosen {
        let name = configuration.name;
        let model = match Model::new(configuration) {
            Ok(model) => model,
            Err(why) => {
                println!("{why}");
                return Ok(ExitCode::FAILURE);
            }
        };
        eprintln!("{name}: http://{address}/ until this process is ended");
        Adapter::new(Arc::new(model)).serve(address);
    }
    Ok(ExitCode::SUCCESS)
}

fn list() {
    for (bounds, one) in all() {
        let mark = if one.main { ", large" } else { "" };
        println!("{} ({bounds}{mark}): {}", one.name, one.about);
        println!("    {}", budget(&one));
    }
}

/// What may happen from outside, in words.
fn budget(configuration: &Configuration) -> String {
    let budget = &configuration.budget;
    let word = |kind: Outside| Outside::WORDS.iter().find(|(of, _)| *of == kind);
    let each = budget.each.iter().filter(|(_, most)| *most > 0);
    let each: Vec<String> = each
        .filter_map(|(kind, most)| word(*kind).map(|(_, word)| format!("{most} {word}")))
        .collect();
    let faults = match budget.faults {
        0 => "no fault".to_owned(),
        1 => "at most one fault".to_owned(),
        faults => format!("at most {faults} faults together"),
    };
    format!("at most {}; {faults}", each.join(", "))
}
