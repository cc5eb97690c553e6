//! `memgraph-ha demo`: a whole cluster on this machine, on simulated instances, with real processes, real
//! Bolt, the real loop and the real gateway.

mod keys;
mod load;
mod part;
mod ports;
mod site;
mod soak;
mod story;
mod truth;

use crate::{input::InputError, process::stopped};
use clap::Args as ClapArgs;
use site::{Site, Wanted};
use std::{path::PathBuf, process::ExitCode, time::Duration};
use story::Teller;

/// What is shown, and where.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Keep it running instead of telling the story, to connect with any driver; keys kill, stop,
    /// cut off and move the main
    #[arg(long)]
    serve: bool,
    /// Kill the main again and again for so many seconds instead, and compare every write
    #[arg(long, value_name = "SECONDS", conflicts_with = "serve")]
    soak: Option<u64>,
    /// From which the soak's choices follow
    #[arg(long, default_value_t = 1, requires = "soak")]
    seed: u64,
    /// Before that, cut the main off so many times, with its connections open
    #[arg(long, value_name = "TIMES", default_value_t = 0, requires = "soak")]
    cut_offs: u32,
    /// How many instances
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=7))]
    instances: u8,
    /// Where clients write; a busy port is said, and the next free one taken
    #[arg(long, default_value_t = 7687)]
    port: u16,
    /// Where clients read
    #[arg(long, default_value_t = 7688)]
    read_port: u16,
    /// Where the page is
    #[arg(long, default_value_t = 8080)]
    page_port: u16,
    /// Where the first instance answers; the others follow
    #[arg(long, default_value_t = 17_687)]
    instance_port: u16,
    /// Keep logs and volumes in this folder, which must be empty or new
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Write the journals of the controllers there, too
    #[arg(long, requires = "folder")]
    journal: bool,
}

/// Runs it; 0 only if no acknowledged write was lost or doubled and everything settled.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(InputError::Process)?.block_on(demo(args))
}

async fn demo(args: &Args) -> Result<ExitCode, InputError> {
    let refused = |why: String| InputError::Refused(format!("demo: {why}"));
    let mut stop = std::pin::pin!(stopped().map_err(InputError::Process)?);
    let (folder, kept) = folder(args)?;
    let teller = Teller::new();
    let wanted = Wanted {
        write: args.port,
        read: args.read_port,
        page: args.page_port,
        bolt: args.instance_port,
    };
    let restart_after = if args.soak.is_some() { soak::RESTART } else { site::RESTART };
    let kept_up = (args.instances, restart_after);
    let started = Site::start(&folder, wanted, kept_up, args.journal).await;
    let mut site = match started {
        Ok(site) => site,
        Err(why) => {
            keep(&teller, kept);
            return Err(refused(why));
        }
    };
    for note in &site.notes {
        teller.say(note);
    }
    let pages: Vec<_> = site.pages.iter().map(|page| format!("http://{page}/")).collect();
    teller.say(format_args!("page: {}", pages.join(" and ")));
    teller.say(format_args!("writes: bolt://{}   reads: bolt://{}", site.write, site.read));
    teller.say(format_args!("metrics of the gateway: http://{}/metrics", site.metrics));
    teller.say(format_args!("commands: memgraph-ha switchover {}", site.orders));
    let ended = if args.serve {
        let waited = site.settled(Duration::from_secs(60)).await;
        match waited {
            Ok(_) => teller.say("ready"),
            Err(why) => teller.say(format_args!("not settled yet: {why}")),
        }
        tokio::select! {
            () = keys::follow(&mut site, &teller) => {}
            () = &mut stop => {}
        }
        Ok(true)
    } else if let Some(seconds) = args.soak {
        let wanted = soak::Wanted {
            instances: args.instances,
            seed: args.seed,
            cut_offs: args.cut_offs,
            duration: Duration::from_secs(seconds),
        };
        tokio::select! {
            soaked = soak::soak(&site, &teller, wanted) => soaked.map(|soaked| {
                println!("\n{soaked}");
                soaked.is_clean()
            }),
            () = &mut stop => Ok(false),
        }
    } else {
        tokio::select! {
            told = story::tell(&mut site, &teller, args.instances) => told.map(|out| conclude(&out)),
            () = &mut stop => Ok(false),
        }
    };
    let is_well = matches!(ended, Ok(true));
    if !is_well {
        keep(&teller, kept);
    }
    site.stop().await;
    ended.map_err(refused)?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where logs and volumes go, and the folder that ends with this unless it is kept.
fn folder(args: &Args) -> Result<(PathBuf, Option<tempfile::TempDir>), InputError> {
    let Some(folder) = &args.folder else {
        let temporary = tempfile::tempdir().map_err(InputError::Process)?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    if folder.read_dir().is_ok_and(|mut files| files.next().is_some()) {
        return Err(InputError::Refused(format!("demo: {} is not empty", folder.display())));
    }
    std::fs::create_dir_all(folder)
        .map_err(|error| InputError::Io { path: folder.clone(), error })?;
    Ok((folder.clone(), None))
}

/// Keeps a temporary folder, so that somebody can look at what went wrong.
fn keep(teller: &Teller, kept: Option<tempfile::TempDir>) {
    if let Some(kept) = kept {
        teller.say(format_args!("logs and volumes are kept in {}", kept.keep().display()));
    }
}

/// Tells how it ended; whether every promise was kept.
fn conclude(outcome: &story::Outcome) -> bool {
    println!("\n{}", story::table(&outcome.figures));
    println!("writes: {}", outcome.verdict);
    for what in &outcome.unsettled {
        println!("not settled: {what}");
    }
    let is_well = outcome.verdict.clean && outcome.unsettled.is_empty();
    if is_well {
        println!("nothing acknowledged is lost, nothing is there twice, everything settled");
    }
    is_well
}
