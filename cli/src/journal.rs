//! `memgraph-ha journal`: what controllers saw and decided, as `replay` reads it.

use crate::{
    input::InputError,
    operator::{CODES, Where, nobody, on, out},
};
use clap::Args as ClapArgs;
use std::{process::ExitCode, time::Duration};

/// How long the answer may take: it may be large, and the way long.
const LIMIT: Duration = Duration::from_secs(120);

/// Which cluster, and how much.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Where,
    /// The last lines only, to look at; without it all files that are kept, the newest 128 MiB of them,
    /// each of which begins with all that was known, so that `replay` can decide it again
    #[arg(long, value_name = "N")]
    lines: Option<u32>,
    /// Of this controller's pod or address only
    #[arg(long, value_name = "POD")]
    of: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    on(&args.place, async |operator| {
        let lines = args.lines.map_or(String::new(), |lines| format!("?lines={lines}"));
        let path = format!("/v1/journal{lines}");
        let mut silent: Vec<_> = operator.nobody().into_iter().collect();
        let mut was_found = false;
        for answer in operator.ask_within(&path, LIMIT).await {
            if args.of.as_ref().is_some_and(|of| *of != answer.from) {
                continue;
            }
            match answer.body {
                Ok(body) => {
                    was_found = true;
                    out(&body)?;
                }
                Err(error) => silent.push(error.to_string()),
            }
        }
        if was_found {
            silent.iter().for_each(|why| eprintln!("no answer: {why}"));
            return Ok(ExitCode::SUCCESS);
        }
        if silent.is_empty() {
            silent.push("no controller of that name".to_owned());
        }
        Ok(nobody(&silent.join("; ")))
    })
}
