//! Values of settings by their names, and what is wrong with those that are none.

use super::{Setting, Value};
use crate::controllers::http::Address;
use ha_core::leadership::Millis;
use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

/// One setting is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?}: {expected} is expected")]
pub struct Problem {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub value: String,
    /// What would be right.
    pub expected: String,
}

/// All that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// Whose settings they are.
    pub of: &'static str,
    /// Each.
    pub all: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings of the {}:", self.of)?;
        self.all.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Values by name. One that is wrong is absent, and reads as nothing.
#[derive(Debug, Default)]
pub struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// Reads every setting of a table, and tells which are wrong; `given` tells the text of one that is
    /// set.
    pub fn read(
        table: &'static [Setting],
        given: impl Fn(&Setting) -> Option<String>,
    ) -> (Self, Vec<Problem>) {
        let (mut values, mut problems) = (Self::default(), Vec::new());
        for setting in table {
            let text = given(setting).unwrap_or_else(|| setting.default.to_owned());
            match setting.kind.read(text.trim()) {
                Some(value) => {
                    values.0.insert(setting.name, value);
                }
                None => problems.push(Problem {
                    name: setting.name,
                    value: text,
                    expected: setting.kind.to_string(),
                }),
            }
        }
        (values, problems)
    }

    /// A text, a path or a word.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        if let Some(Value::Text(text)) = self.0.get(name) { text } else { "" }
    }

    /// The same, unless it is empty.
    #[must_use]
    pub fn some_text(&self, name: &str) -> Option<String> {
        let text = self.text(name);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A path, unless it is empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.some_text(name).map(PathBuf::from)
    }

    /// A time.
    #[must_use]
    pub fn time(&self, name: &str) -> Duration {
        if let Some(Value::Time(time)) = self.0.get(name) { *time } else { Duration::ZERO }
    }

    /// The same in milliseconds.
    #[must_use]
    pub fn ms(&self, name: &str) -> Millis {
        u64::try_from(self.time(name).as_millis()).unwrap_or(u64::MAX)
    }

    /// A number, if there is one.
    #[must_use]
    pub fn some_number(&self, name: &str) -> Option<u64> {
        if let Some(Value::Count(number)) = self.0.get(name) { Some(*number) } else { None }
    }

    /// A number, within a type that the table keeps it within.
    #[must_use]
    pub fn number<T: TryFrom<u64> + Default>(&self, name: &str) -> T {
        self.some_number(name).and_then(|number| T::try_from(number).ok()).unwrap_or_default()
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Switch(true))
    }

    /// An address, unless it is off.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        if let Some(Value::Address(address)) = self.0.get(name) { *address } else { None }
    }

    /// Hosts with their ports.
    #[must_use]
    pub fn hosts(&self, name: &str) -> Vec<Address> {
        if let Some(Value::Hosts(hosts)) = self.0.get(name) { hosts.clone() } else { Vec::new() }
    }
}
