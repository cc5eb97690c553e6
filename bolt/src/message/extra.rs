//! The options that RUN and BEGIN carry.

use crate::{Map, Value, value::Kind};
use alloc::{borrow::ToOwned, string::ToString};

/// What a client says that a transaction will do. Memgraph hardly uses it (BG 1.3): it promises
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// `r`.
    Read,
    /// `w`, or nothing.
    #[default]
    Write,
}

/// The options of BEGIN and RUN, as they came; each is judged when it is asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extra(pub Map);

/// An entry of a map is missing or of another sort.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {key:?}: expected {expected}, found {}", found.map_or("nothing".to_owned(), |kind| kind.to_string()))]
pub struct ExtraError {
    /// Its key.
    pub key: &'static str,
    /// What belongs there.
    pub expected: &'static str,
    /// The sort of what is there.
    pub found: Option<Kind>,
}

impl ExtraError {
    pub(crate) fn new(key: &'static str, expected: &'static str, found: Option<&Value>) -> Self {
        Self { key, expected, found: found.map(Value::kind) }
    }
}

/// The text at `key`; nothing if it is missing or null.
pub(crate) fn text<'m>(map: &'m Map, key: &'static str) -> Result<Option<&'m str>, ExtraError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(ExtraError::new(key, "a string", Some(value))),
        },
    }
}

/// The number at `key`; nothing if it is missing or null.
pub(crate) fn int(map: &Map, key: &'static str) -> Result<Option<i64>, ExtraError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_int() {
            Some(number) => Ok(Some(number)),
            None => Err(ExtraError::new(key, "an integer", Some(value))),
        },
    }
}

impl Extra {
    /// No options.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The access that is announced; writing if it is not said.
    ///
    /// # Errors
    /// It is neither `r` nor `w`.
    pub fn mode(&self) -> Result<Mode, ExtraError> {
        match text(&self.0, "mode")? {
            None | Some("w") => Ok(Mode::Write),
            Some("r") => Ok(Mode::Read),
            Some(_) => Err(ExtraError::new("mode", "\"r\" or \"w\"", self.0.get("mode"))),
        }
    }

    /// The database that is asked for.
    ///
    /// # Errors
    /// It is no string.
    pub fn database(&self) -> Result<Option<&str>, ExtraError> {
        text(&self.0, "db")
    }

    /// The user in whose place the transaction runs.
    ///
    /// # Errors
    /// It is no string.
    pub fn impersonated_user(&self) -> Result<Option<&str>, ExtraError> {
        text(&self.0, "imp_user")
    }

    /// After how many milliseconds the transaction ends by itself.
    ///
    /// # Errors
    /// It is no whole number of at least zero.
    pub fn tx_timeout_ms(&self) -> Result<Option<u64>, ExtraError> {
        const EXPECTED: &str = "milliseconds, at least 0";
        match int(&self.0, "tx_timeout")? {
            None => Ok(None),
            Some(number) => match u64::try_from(number) {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(ExtraError::new("tx_timeout", EXPECTED, self.0.get("tx_timeout"))),
            },
        }
    }

    /// What the client wrote on the transaction.
    ///
    /// # Errors
    /// It is no map.
    pub fn tx_metadata(&self) -> Result<Option<&Map>, ExtraError> {
        match self.0.get("tx_metadata") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Map(map)) => Ok(Some(map)),
            Some(value) => Err(ExtraError::new("tx_metadata", "a map", Some(value))),
        }
    }

    /// The states that the client has seen. Memgraph issues none and ignores them (BG 1.3).
    ///
    /// # Errors
    /// They are no list.
    pub fn bookmarks(&self) -> Result<&[Value], ExtraError> {
        match self.0.get("bookmarks") {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::List(values)) => Ok(values),
            Some(value) => Err(ExtraError::new("bookmarks", "a list", Some(value))),
        }
    }

    /// The same with an announced access.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        let text = match mode {
            Mode::Read => "r",
            Mode::Write => "w",
        };
        self.0.insert("mode".to_owned(), text.into());
        self
    }

    /// The same with a database.
    #[must_use]
    pub fn with_database(mut self, database: &str) -> Self {
        self.0.insert("db".to_owned(), database.into());
        self
    }

    /// The same with a time limit.
    #[must_use]
    pub fn with_tx_timeout_ms(mut self, milliseconds: u32) -> Self {
        self.0.insert("tx_timeout".to_owned(), i64::from(milliseconds).into());
        self
    }
}
