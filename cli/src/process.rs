//! What every long-running command does alike: logs to standard error, and stops when it is told.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// What is logged unless LOG_LEVEL says otherwise.
const LEVEL: &str = "info";

/// Waits for SIGTERM or SIGINT.
pub(crate) fn stopped() -> io::Result<impl Future<Output = ()>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// What is logged, and how.
#[derive(Debug)]
pub(crate) struct Log {
    filter: EnvFilter,
    is_json: bool,
}

impl Log {
    /// Reads a filter; `warning` is a level of the predecessor's (PI 1.1).
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn new(level: &str, is_json: bool) -> Result<Self, ParseError> {
        let level = if level == "warning" { "warn" } else { level };
        Ok(Self { filter: EnvFilter::try_new(level)?, is_json })
    }

    /// Logs so to standard error from now on.
    pub(crate) fn begin(self) {
        let lines = tracing_subscriber::fmt().with_env_filter(self.filter).with_writer(io::stderr);
        // Whoever has set one before keeps it.
        let _ = if self.is_json {
            lines.json().flatten_event(true).try_init()
        } else {
            lines.try_init()
        };
    }
}

/// Logs to standard error: LOG_LEVEL filters, LOG_FORMAT=json makes lines of JSON.
pub(crate) fn log() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| LEVEL.to_owned());
    let is_json = std::env::var("LOG_FORMAT").is_ok_and(|format| format == "json");
    match Log::new(&level, is_json).or_else(|_| Log::new(LEVEL, is_json)) {
        Ok(log) => log.begin(),
        Err(error) => eprintln!("memgraph-ha: nothing is logged: {error}"),
    }
}
