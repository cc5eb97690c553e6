//! The record object as it was read.

use crate::{
    ids::{InstanceId, ResourceVersion},
    record::Record,
};
use alloc::{boxed::Box, string::String};
use serde::{Deserialize, Serialize};

/// The record object as read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoredRecord {
    /// The version to compare with when writing; `None` if there is no object.
    pub version: Option<ResourceVersion>,
    /// What it says.
    pub content: RecordContent,
}

impl StoredRecord {
    /// The record, where there is one that is understood.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match &self.content {
            RecordContent::Record(record) => Some(record),
            RecordContent::Absent
            | RecordContent::Earlier { .. }
            | RecordContent::Newer { .. }
            | RecordContent::Unreadable { .. } => None,
        }
    }

    /// The same, to be changed.
    pub fn record_mut(&mut self) -> Option<&mut Record> {
        match &mut self.content {
            RecordContent::Record(record) => Some(record),
            RecordContent::Absent
            | RecordContent::Earlier { .. }
            | RecordContent::Newer { .. }
            | RecordContent::Unreadable { .. } => None,
        }
    }
}

/// What the record object holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordContent {
    /// No record exists.
    Absent,
    /// No record, but the word of an earlier controller about who is main (PI 3).
    Earlier {
        /// Whom it names.
        main: InstanceId,
    },
    /// A record of a schema that this program knows.
    Record(Box<Record>),
    /// A record of a newer program: look, do not touch.
    Newer {
        /// Its schema.
        schema: u32,
    },
    /// Not readable: a key spelled otherwise, or values that contradict each other.
    Unreadable {
        /// What is wrong, and where.
        why: String,
    },
}
