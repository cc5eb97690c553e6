//! `memgraph-ha pause` and `resume`: controllers observe and explain, and change nothing; or go on.

use crate::{
    input::InputError,
    operator::{CODES, Where, nobody, on},
};
use clap::Args as ClapArgs;
use std::process::ExitCode;

/// Which cluster.
#[derive(Debug, ClapArgs)]
#[command(after_help = CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Where,
}

pub(crate) fn run(args: &Args, paused: bool) -> Result<ExitCode, InputError> {
    on(&args.place, async |operator| {
        if let Err(error) = operator.cluster().set_paused(paused).await {
            return Ok(nobody(&error));
        }
        if paused {
            println!("paused: nothing is moved, promoted or registered until `resume`");
        } else {
            println!("resumed");
        }
        Ok(ExitCode::SUCCESS)
    })
}
