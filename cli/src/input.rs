//! Reading what users name on the command line, with errors that say what, where, and what would
//! be right.

use shell_sim::{mutants, world::Decide};
use std::{
    fs, io,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Exit code for input that cannot be used.
pub(crate) const UNUSABLE: u8 = 2;

/// The largest file read whole, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The file system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// More than is read whole.
    #[error("{path}: larger than {LIMIT} bytes, which is the most that is read")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not text.
    #[error("{path}: not UTF-8 at byte {at}; expected text")]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where.
        at: usize,
    },
    /// Text of another form.
    #[error("{path}: {error}\nexpected {expected}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Where and what.
        error: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Files of the workspace that cannot be used.
    #[error(transparent)]
    Workspace(#[from] diagram::evidence::Unreadable),
    /// Settings that cannot be.
    #[error(transparent)]
    Settings(#[from] gateway::settings::Problems),
    /// A gateway that cannot start.
    #[error(transparent)]
    Gateway(#[from] gateway::run::StartError),
    /// The process lacks something.
    #[error("the operating system refuses: {0}")]
    Process(io::Error),
    /// Something that was asked for cannot be had.
    #[error("{0}")]
    Refused(String),
    /// No wrong decision of that name.
    #[error("there is no mutant {name:?}\nexpected one of: {known}")]
    NoMutant {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// No configuration of that name.
    #[error("there is no configuration {name:?}\nexpected one of: {known}")]
    NoConfiguration {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// One configuration is wanted.
    #[error(
        "--explore serves one configuration, found {given}\nexpected --config with one of: {known}"
    )]
    OneConfiguration {
        /// How many were named.
        given: usize,
        /// Those that there are.
        known: String,
    },
    /// An address that cannot be listened at.
    #[error("{address}: {error}\nexpected an address of this machine that is free")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// Our decision, or the mutant of this name.
pub(crate) fn decision(mutant: Option<&str>) -> Result<Decide, InputError> {
    let Some(name) = mutant else { return Ok(ha_core::plan) };
    mutants::named(name).map(|mutant| mutant.decide).ok_or_else(|| {
        let known: Vec<&str> = mutants::all().map(|mutant| mutant.name).collect();
        InputError::NoMutant { name: name.to_owned(), known: known.join(", ") }
    })
}

/// The text of `path`, or of standard input for `-`.
pub(crate) fn text(path: &Path) -> Result<String, InputError> {
    let io = |error| InputError::Io { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes).map_err(io)?;
    } else {
        fs::File::open(path).map_err(io)?.take(LIMIT + 1).read_to_end(&mut bytes).map_err(io)?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(InputError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|error| InputError::NotText {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })
}
