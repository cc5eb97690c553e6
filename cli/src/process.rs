//! What every long-running command does alike: logs to standard error, and stops when it is told.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

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

/// Logs to standard error: LOG_LEVEL filters, LOG_FORMAT=json makes lines of JSON.
pub(crate) fn log() {
    let filter = std::env::var("LOG_LEVEL").unwrap_or_else(|_| LEVEL.to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(LEVEL));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_json = std::env::var("LOG_FORMAT").is_ok_and(|format| format == "json");
    // Whoever has set one before keeps it.
    let _ = if is_json { lines.json().try_init() } else { lines.try_init() };
}
