//! The maps of HELLO and LOGON, which hold credentials: they can be read, and not printed.

use super::extra::{ExtraError, text};
use crate::{Map, Value};
use alloc::borrow::ToOwned;
use core::fmt;

/// Entries that may be printed; of all others the key alone.
const PRINTED: &[&str] = &["user_agent", "scheme", "routing", "bolt_agent", "patch_bolt"];

struct Redacted<'a>(&'a Map);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.0 {
            if PRINTED.contains(&key.as_str()) {
                map.entry(key, value);
            } else {
                map.entry(key, &format_args!("(not shown)"));
            }
        }
        map.finish()
    }
}

/// What HELLO carries: who the client is, up to 5.0 its credentials too, and for `neo4j://` the
/// routing context. INIT of version 1 is read into the same, its first field as `user_agent`.
#[derive(Clone, PartialEq, Default)]
pub struct HelloMap(pub Map);

/// What LOGON carries: credentials.
#[derive(Clone, PartialEq, Default)]
pub struct AuthMap(pub Map);

impl fmt::Debug for HelloMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HelloMap").field(&Redacted(&self.0)).finish()
    }
}

impl fmt::Debug for AuthMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthMap").field(&Redacted(&self.0)).finish()
    }
}

impl HelloMap {
    /// What the client calls itself.
    ///
    /// # Errors
    /// It is no string.
    pub fn user_agent(&self) -> Result<Option<&str>, ExtraError> {
        text(&self.0, "user_agent")
    }

    /// The routing context of a `neo4j://` client.
    ///
    /// # Errors
    /// It is no map.
    pub fn routing(&self) -> Result<Option<&Map>, ExtraError> {
        match self.0.get("routing") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Map(map)) => Ok(Some(map)),
            Some(value) => Err(ExtraError::new("routing", "a map", Some(value))),
        }
    }

    /// Its credentials, as far as it has some.
    #[must_use]
    pub fn auth(&self) -> AuthMap {
        let keys = ["scheme", "principal", "credentials", "realm", "parameters"];
        let some = |key: &str| Some((key.to_owned(), self.0.get(key)?.clone()));
        AuthMap(keys.into_iter().filter_map(some).collect())
    }
}

impl AuthMap {
    /// Credentials of the scheme `basic`.
    #[must_use]
    pub fn basic(principal: &str, credentials: &str) -> Self {
        let entries = [("scheme", "basic"), ("principal", principal), ("credentials", credentials)];
        Self(crate::value::map(entries))
    }

    /// The scheme; `none` if it is missing or no string, as Memgraph reads it (MR 7).
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.get("scheme").and_then(Value::as_str).unwrap_or("none")
    }

    /// The user; empty if it is missing or no string, as Memgraph reads it.
    #[must_use]
    pub fn principal(&self) -> &str {
        self.0.get("principal").and_then(Value::as_str).unwrap_or("")
    }

    /// The password or token; empty if it is missing or no string, as Memgraph reads it.
    #[must_use]
    pub fn credentials(&self) -> &str {
        self.0.get("credentials").and_then(Value::as_str).unwrap_or("")
    }
}
