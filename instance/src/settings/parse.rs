//! Reads a command line as Memgraph does: `--flag=value` and `--flag value`, hyphens or
//! underscores, a bare flag for true. What is not known is told, not refused, since test harnesses
//! pass flags of many releases.

use super::SettingsError;
use super::flags::{Kind, find};
use std::collections::BTreeMap;

/// Flags with their values, and the names of those that are not known.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) values: BTreeMap<&'static str, String>,
    pub(super) unknown: Vec<String>,
}

/// A flag without its value.
pub(crate) fn name_of(argument: &str) -> String {
    argument.split('=').next().unwrap_or_default().to_owned()
}

/// Reads arguments.
pub(super) fn parse(arguments: &[String]) -> Result<Parsed, SettingsError> {
    let mut parsed = Parsed::default();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let Some(body) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            return Err(SettingsError::Argument(argument.clone()));
        };
        let (name, mut value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (body, None),
        };
        let negated = name.strip_prefix("no").and_then(find).filter(|flag| flag.kind == Kind::Bool);
        let flag = match (find(name), negated) {
            (Some(flag), _) => flag,
            (None, Some(flag)) => {
                parsed.values.insert(flag.name, "false".into());
                continue;
            }
            (None, None) => {
                // Its value may be a secret of whatever it is.
                parsed.unknown.push(name_of(argument));
                rest.next_if(|next| value.is_none() && !next.starts_with('-'));
                continue;
            }
        };
        if value.is_none() {
            let follows = |next: &&String| match flag.kind {
                Kind::Bool => matches!(next.as_str(), "true" | "false"),
                Kind::Number | Kind::Text => !next.starts_with("--"),
            };
            value = rest.next_if(follows).cloned();
        }
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Kind::Bool) => "true".into(),
            (None, Kind::Number | Kind::Text) => return Err(SettingsError::Missing(flag.name)),
        };
        parsed.values.insert(flag.name, value);
    }
    Ok(parsed)
}
