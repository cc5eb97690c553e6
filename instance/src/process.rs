//! The instance as a process of its own: command line, log, signals.

use crate::server::{Server, StartError};
use crate::settings::{Settings, SettingsError, help};
use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Why the process ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The command line is wrong.
    #[error("{0}; --help lists the flags")]
    Settings(#[from] SettingsError),
    /// The instance did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It ended by itself.
    #[error(transparent)]
    Ended(#[from] crate::Ending),
    /// The data directory failed at the end.
    #[error(transparent)]
    Disk(#[from] crate::DiskError),
    /// The log file cannot be opened.
    #[error("{}: cannot be opened for the log: {source}", path.display())]
    LogFile {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The runtime cannot be made, or signals cannot be heard.
    #[error("the process cannot run: {0}")]
    Runtime(#[from] io::Error),
}

/// Runs one instance with the flags of Memgraph until SIGTERM or SIGINT.
///
/// # Errors
/// Why it did not run, or ended by itself.
pub fn run(arguments: &[String]) -> Result<(), ProcessError> {
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{}", help());
        return Ok(());
    }
    let (settings, unknown) = Settings::parse(arguments, |name| std::env::var(name).ok())?;
    set_up_log(&settings)?;
    for flag in unknown {
        eprintln!("memgraph-ha: {flag} is not known here and has no effect");
        tracing::warn!(flag, "an unknown flag has no effect");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(settings));
    // A query that still computes is nobody's any more: the end does not wait for it.
    runtime.shutdown_background();
    served
}

async fn serve(settings: Settings) -> Result<(), ProcessError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = tokio::select! {
        running = Server::start(settings) => running?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    println!("memgraph-ha: Bolt is open at {}", running.bolt_address());
    tokio::select! {
        ending = running.ended() => return Err(ending.into()),
        _ = terminate.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
    }
    let ended = running.end().await;
    // The memory goes with the process; to free a large graph piece by piece would take longer than
    // all the rest of the end.
    std::mem::forget(running);
    Ok(ended?)
}

fn set_up_log(settings: &Settings) -> Result<(), ProcessError> {
    let writer = match &settings.log_file {
        None => BoxMakeWriter::new(io::stderr),
        Some(path) => {
            let opened = OpenOptions::new().create(true).append(true).open(path);
            let failed = |source| ProcessError::LogFile { path: path.clone(), source };
            BoxMakeWriter::new(Arc::new(opened.map_err(failed)?))
        }
    };
    let level = &settings.log_level;
    let filter = EnvFilter::new(format!("warn,instance={level},memgraph_ha={level}"));
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(writer);
    if subscriber.try_init().is_err() {
        tracing::debug!("logging was set up before");
    }
    Ok(())
}
