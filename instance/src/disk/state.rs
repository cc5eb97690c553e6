//! The small part of a volume as a file that is replaced as a whole: role, registrations,
//! identity, checkpoint, and the number of the current log.

use super::{DiskError, failed};
use crate::cypher::ast::Address;
use crate::node::Names;
use serde::{Deserialize, Serialize};
use shell_sim::memgraph::{Checkpoint, MainUuid, Registration, Store, SyncMode};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Which format this is.
    pub(crate) format: u32,
    /// The number of the current log.
    pub(crate) log: u64,
    /// Identity of the database.
    pub(crate) storage_uuid: Option<u64>,
    /// Stored role; none until one was first stored.
    pub(crate) role: Option<Role>,
    /// The newest snapshot.
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// The stored role, with names as users typed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Role {
    /// A main.
    Main {
        /// What its replicas obey.
        uuid: u64,
        /// In order of registration.
        registrations: Vec<Registered>,
    },
    /// A replica.
    Replica {
        /// Replication port.
        port: u16,
        /// The only main it obeys.
        obeys: u64,
    },
}

/// One stored registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registered {
    /// Its name.
    pub(crate) name: String,
    /// Where it is reached.
    pub(crate) address: Address,
    /// How it takes part in commits.
    pub(crate) mode: SyncMode,
    /// Whether frequent heartbeats run.
    pub(crate) heartbeats: bool,
}

impl State {
    /// Where it lies.
    pub(super) fn path(directory: &Path) -> PathBuf {
        directory.join("state.json")
    }

    /// Reads it; none in an empty directory.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, DiskError> {
        let path = Self::path(directory);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(&path, "read the state")(source)),
        };
        let unusable = |why: String| DiskError::State { path: path.clone(), why };
        let state: Self =
            serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if state.format != FORMAT {
            let why = format!("format {} was found, {FORMAT} is read", state.format);
            return Err(unusable(why));
        }
        Ok(Some(state))
    }

    /// Replaces the file: after a crash it is the old one or the new one.
    pub(super) fn write(&self, directory: &Path) -> Result<(), DiskError> {
        let path = Self::path(directory);
        let fresh = directory.join("state.json.new");
        let unwritable = |error: serde_json::Error| DiskError::State {
            path: path.clone(),
            why: error.to_string(),
        };
        let bytes = serde_json::to_vec_pretty(self).map_err(unwritable)?;
        let mut file = File::create(&fresh).map_err(failed(&fresh, "make the file"))?;
        file.write_all(&bytes).map_err(failed(&fresh, "write the state"))?;
        file.sync_all().map_err(failed(&fresh, "flush the state"))?;
        fs::rename(&fresh, &path).map_err(failed(&path, "replace the state"))?;
        sync_directory(directory)
    }

    /// The stored role as the machine knows it. Names are numbered in byte order, since rows
    /// follow these numbers after a restart (MR 1.4).
    pub(super) fn store(&self, names: &mut Names) -> Option<Store> {
        Some(match self.role.as_ref()? {
            Role::Replica { port, obeys } => {
                Store::Replica { port: *port, obeys: MainUuid(*obeys) }
            }
            Role::Main { uuid, registrations } => {
                let mut sorted: Vec<&str> =
                    registrations.iter().map(|stored| stored.name.as_str()).collect();
                sorted.sort_unstable();
                for name in sorted {
                    names.number_replica(name);
                }
                let registration = |stored: &Registered| {
                    Some(Registration {
                        name: names.number_replica(&stored.name)?,
                        mode: stored.mode,
                        endpoint: names.number_address(&stored.address)?,
                        heartbeats: stored.heartbeats,
                    })
                };
                let registrations = registrations.iter().filter_map(registration).collect();
                Store::Main { uuid: MainUuid(*uuid), registrations }
            }
        })
    }
}

/// Makes renames and new files of a directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), DiskError> {
    let opened = File::open(directory).map_err(failed(directory, "open the directory"))?;
    opened.sync_all().map_err(failed(directory, "flush the directory"))
}
