//! What every long-running command does alike: logs to standard error, and stops when it is told.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, ParseError},
};

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

/// A filter that is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LevelError {
    /// One word that is no level: taken for a module it would leave nothing to be logged.
    #[error("{0:?} is no level")]
    Word(String),
    /// The form is wrong.
    #[error(transparent)]
    Form(#[from] ParseError),
}

/// One of the two variables is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?}: {expected} is expected")]
pub(crate) struct LogProblem {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) expected: String,
}

impl Log {
    /// Reads a filter; `warning` is a level of the predecessor's (PI 1.1).
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn new(level: &str, is_json: bool) -> Result<Self, LevelError> {
        let level = if level == "warning" { "warn" } else { level };
        let is_level = |part: &&str| {
            part.contains('=') || (!part.is_empty() && part.parse::<LevelFilter>().is_ok())
        };
        if let Some(word) = level.split(',').map(str::trim).find(|part| !is_level(part)) {
            return Err(LevelError::Word(word.to_owned()));
        }
        Ok(Self { filter: EnvFilter::try_new(level)?, is_json })
    }

    /// As LOG_LEVEL and LOG_FORMAT say.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub(crate) fn of_environment() -> Result<Self, Vec<LogProblem>> {
        Self::of(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn of(given: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<LogProblem>> {
        let mut problems = Vec::new();
        let format = given("LOG_FORMAT").unwrap_or_else(|| "text".to_owned());
        if !["text", "json"].contains(&format.as_str()) {
            let expected = "text or json".to_owned();
            problems.push(LogProblem { name: "LOG_FORMAT", value: format.clone(), expected });
        }
        let level = given("LOG_LEVEL").unwrap_or_else(|| LEVEL.to_owned());
        match Self::new(&level, format == "json") {
            Ok(log) if problems.is_empty() => return Ok(log),
            Ok(_) => {}
            Err(error) => {
                let expected = format!(
                    "off, error, warn, info, debug or trace, or MODULE=LEVEL with commas ({error})"
                );
                problems.push(LogProblem { name: "LOG_LEVEL", value: level, expected });
            }
        }
        Err(problems)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(level: &str, format: &str) -> Vec<LogProblem> {
        let given = |name: &str| Some(if name == "LOG_LEVEL" { level } else { format }.to_owned());
        Log::of(given).err().unwrap_or_default()
    }

    #[test]
    fn what_is_no_level_is_named_and_nothing_is_taken_in_its_place() {
        for level in ["info", "warning", "WARN", "off", "info,gateway=debug", "gateway=trace"] {
            assert!(wrong(level, "text").is_empty(), "{level}");
        }
        for level in ["loud", "", "inof", "info,loud", "gateway=loud", "a=b=c"] {
            let problems = wrong(level, "json");
            assert_eq!(problems.len(), 1, "{level}");
            assert_eq!((problems[0].name, problems[0].value.as_str()), ("LOG_LEVEL", level));
            assert!(problems[0].expected.contains("info, debug"), "{}", problems[0]);
        }
        let both: Vec<_> = wrong("loud", "xml").iter().map(|problem| problem.name).collect();
        assert_eq!(both, ["LOG_FORMAT", "LOG_LEVEL"]);
    }
}
