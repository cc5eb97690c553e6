//! `memgraph-ha diagram`: the rules, the shapes that a cluster can have, and what happened, as
//! pictures for whoever reviews them. Everything is drawn from the code and from files; nothing is
//! decided here.

mod sequence;

use crate::input::InputError;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use diagram::{
    evidence::Workspace,
    pages,
    rules::Catalogue,
    states::{States, reduced},
};
use ha_core::rules::Phase;
use model_check::model::{Bounds, Configuration, configurations};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const EXAMPLES: &str = "\
Examples:
  memgraph-ha diagram rules --phase elect --format svg --out elect.svg
  memgraph-ha diagram states --config failover --format svg --out failover.svg
  memgraph-ha diagram sequence shell-sim/schedules/s01-main-crashes.txt
  memgraph-ha diagram sequence journal.jsonl --from +12 --until +20 --format html --out moved.html
  memgraph-ha diagram --all --out design/generated

The id of a rule (E10) is the same in journals, events, `explain`, `history` and `status`, and is the
anchor in design/generated/rules.html, to which pictures link: write them beside it to follow links.";

/// What to draw.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Write every page that the workspace keeps, into the folder of --out
    #[arg(long, requires = "out")]
    all: bool,
    /// The folder to write to
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// The folder of the workspace, whose schedules and tests are what rules are held against
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The rules by phase, with what each may do and the guards behind it
    Rules(Rules),
    /// The shapes that a cluster can have in a configuration of the model checker
    States(Shapes),
    /// What happened: a schedule, which is run, or a journal, which is read
    Sequence(sequence::Args),
}

/// Which rules.
#[derive(Debug, ClapArgs)]
struct Rules {
    /// One phase alone; all of them if it is not given
    #[arg(long, value_parser = phase)]
    phase: Option<Phase>,
    /// The folder of the workspace, whose schedules and tests are what rules are held against
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Which shapes.
#[derive(Debug, ClapArgs)]
struct Shapes {
    /// The configuration, as `check --list` has it
    #[arg(long, value_name = "NAME", default_value = "failover")]
    config: String,
    /// Let happen all that the configuration has, in place of each fault once at most
    #[arg(long)]
    whole: bool,
    #[command(flatten)]
    output: Output,
}

/// In which form, and where to.
#[derive(Debug, ClapArgs)]
struct Output {
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
    /// Where to write it; standard output if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text that Mermaid draws
    Mermaid,
    /// A picture for light and dark
    Svg,
    /// One page with the picture, which needs nothing from outside
    Html,
}

/// Draws and writes.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    match (&args.what, &args.out) {
        (Some(What::Rules(rules)), _) => rules.draw(),
        (Some(What::States(shapes)), _) => shapes.draw(),
        (Some(What::Sequence(sequence)), _) => sequence.draw(),
        (None, Some(folder)) if args.all => write_all(&args.root, folder),
        (None, _) => {
            let why = "nothing to draw; expected rules, states, sequence, or --all --out FOLDER";
            Err(InputError::Refused(why.to_owned()))
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn write_all(root: &Path, folder: &Path) -> Result<(), InputError> {
    let pages = pages::all(&Workspace::at(root))?;
    fs::create_dir_all(folder).map_err(|error| InputError::Io { path: folder.into(), error })?;
    for page in pages {
        write(&folder.join(page.name), &page.text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), InputError> {
    fs::write(path, text).map_err(|error| InputError::Io { path: path.to_owned(), error })
}

impl Output {
    /// Writes a picture in the form that is asked for.
    fn give(
        &self,
        title: &str,
        mermaid: impl FnOnce() -> String,
        svg: impl FnOnce() -> String,
    ) -> Result<(), InputError> {
        self.write(&match self.format {
            Format::Mermaid => mermaid(),
            Format::Svg => svg(),
            Format::Html => pages::html(title, &svg()),
        })
    }

    fn write(&self, text: &str) -> Result<(), InputError> {
        match &self.out {
            Some(path) => write(path, text),
            None => crate::operator::out(text),
        }
    }
}

impl Rules {
    fn draw(&self) -> Result<(), InputError> {
        let catalogue = Catalogue::gather(&Workspace::at(&self.root))?;
        match self.phase {
            Some(phase) => self.output.give(
                &format!("Phase {}", phase.name()),
                || catalogue.phase_mermaid(phase),
                || catalogue.phase_svg(phase),
            ),
            None if self.output.format == Format::Html => self.output.write(&catalogue.html()),
            None => self.output.give(
                "Rules",
                || catalogue.overview_mermaid(),
                || catalogue.overview_svg(),
            ),
        }
    }
}

impl Shapes {
    fn draw(&self) -> Result<(), InputError> {
        let configuration = self.configuration()?;
        let configuration = if self.whole { configuration } else { reduced(configuration) };
        let states = States::of(configuration).map_err(diagram::evidence::Unreadable::from)?;
        self.output.give(states.name, || states.mermaid(), || states.svg())
    }

    fn configuration(&self) -> Result<Configuration, InputError> {
        let all = [Bounds::Ci, Bounds::Long].into_iter().flat_map(configurations);
        let mut known = Vec::new();
        for one in all {
            if one.name == self.config {
                return Ok(one);
            }
            known.push(one.name);
        }
        let (name, known) = (self.config.clone(), known.join(", "));
        Err(InputError::NoConfiguration { name, known })
    }
}

/// A phase by its name.
fn phase(text: &str) -> Result<Phase, String> {
    let found = Phase::ALL.iter().copied().find(|phase| phase.name() == text);
    found.ok_or_else(|| {
        let known: Vec<&str> = Phase::ALL.iter().map(|phase| phase.name()).collect();
        format!("`{text}`; expected one of: {}", known.join(", "))
    })
}
