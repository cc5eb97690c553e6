//! `memgraph-ha install`: an init container brings this program into the pod of an instance, whose
//! own image has nothing of ours.

use crate::input::InputError;
use clap::Args as ClapArgs;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What it is called there.
const NAME: &str = "memgraph-ha";
/// Anybody may run it: the instance has a user of its own.
const MODE: u32 = 0o755;

/// Where to.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The folder that the containers of the pod share
    folder: PathBuf,
}

/// Copies this program; as a whole or not at all.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let program = std::env::current_exe().map_err(InputError::Process)?;
    let to = args.folder.join(NAME);
    copy(&program, &to).map_err(|error| InputError::Io { path: to.clone(), error })?;
    println!("{} is in place", to.display());
    Ok(ExitCode::SUCCESS)
}

fn copy(program: &Path, to: &Path) -> std::io::Result<()> {
    let beside = to.with_extension("new");
    fs::copy(program, &beside)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(MODE))?;
    fs::rename(beside, to)
}
