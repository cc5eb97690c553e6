//! What the predecessor's steps show, in the vocabulary of the incidents. This module decides the
//! form only; it deliberately does not know which of it was recorded.

use crate::{
    incident::{Data, EventWord, PodName, Value},
    memgraph::{ReplicaState, Row, SyncMode},
};
use ha_core::ids::InstanceId;
use std::collections::BTreeMap;

/// One thing that a log or an instance would show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// What happened.
    pub event: EventWord,
    /// The pod concerned.
    pub pod: Option<PodName>,
    /// Everything that can be stated of it.
    pub data: Data,
}

impl Emitted {
    /// An event without data.
    #[must_use]
    pub const fn new(event: EventWord, pod: Option<InstanceId>) -> Self {
        let pod = match pod {
            Some(id) => Some(pod_of(id)),
            None => None,
        };
        Self { event, pod, data: Data(BTreeMap::new()) }
    }

    /// With one more fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.data.0.insert(key.to_owned(), value);
        self
    }

    /// With a text.
    #[must_use]
    pub fn text(self, key: &str, text: &str) -> Self {
        self.with(key, Value::Text(text.to_owned()))
    }

    /// With a number.
    #[must_use]
    pub fn number(self, key: &str, number: impl Into<i64>) -> Self {
        self.with(key, Value::Number(number.into()))
    }
}

/// A replica as its main shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// Which.
    pub replica: InstanceId,
    /// How commits meet it.
    pub mode: SyncMode,
    /// State and `behind`; none is a row without data (MR 3.2).
    pub data: Option<(ReplicaState, i64)>,
}

impl Seen {
    /// Reads a row of SHOW REPLICAS.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let replica = InstanceId(u8::try_from(row.name.0).unwrap_or(u8::MAX));
        Self { replica, mode: row.mode, data: row.data.map(|data| (data.status, data.behind)) }
    }

    /// The word of its state.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.data.map_or("malformed", |(state, _)| state.as_str())
    }

    /// Whether it is `ready`.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.data.is_some_and(|(state, _)| state == ReplicaState::Ready)
    }

    /// As a mapping with `pod`, `status` and `behind`.
    #[must_use]
    pub fn value(&self) -> Value {
        let mut fields = BTreeMap::new();
        fields.insert("pod".to_owned(), Value::Text(pod_of(self.replica).to_string()));
        fields.insert("status".to_owned(), Value::Text(self.status().to_owned()));
        if let Some((_, behind)) = self.data {
            fields.insert("behind".to_owned(), Value::Number(behind));
        }
        Value::Fields(Data(fields))
    }
}

/// The pod of an instance.
#[must_use]
pub const fn pod_of(id: InstanceId) -> PodName {
    PodName::ha(id.0 as u32)
}

/// The name under which the predecessor registers an instance.
#[must_use]
pub fn replica_name(id: InstanceId) -> String {
    pod_of(id).to_string().replace('-', "_")
}
