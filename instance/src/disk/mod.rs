//! The data directory: what the machine holds for durable, so that a killed process loses nothing
//! of it and a node without power only what was not flushed (MR 3.3, 5).
//!
//! | file | what it is |
//! |---|---|
//! | `lock` | held by the running process |
//! | `state.json` | role, registrations, identity, checkpoint and which log is the current one; replaced as a whole |
//! | `log.N` | the entries of log number N, only ever appended to |
//! | `log.N.flushed` | how many bytes of it survive a loss of power |
//! | `.backup/` | logs that a start without data recovery set aside (MR 5.3) |
//!
//! Entries are appended before the state is replaced. A crash between the two leaves the state of
//! before and a log that may be longer than its checkpoint covers, which is what it may be anyway. A
//! log that is replaced is written under the next number, and the state that names it makes it the
//! current one.

mod log;
mod state;

pub use log::LogError;

use log::Log;
use state::{Registered, Role, State};

use crate::graph::Delta;
use crate::node::Names;
use shell_sim::memgraph::{Checkpoint, Entry, Registration, StorageUuid, Store, Volume};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a data directory cannot be used, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The file system refused.
    #[error("{}: cannot {what}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Another process runs on it.
    #[error("{}: another process uses this data directory; stop it or name another one", .0.display())]
    InUse(PathBuf),
    /// The state is not readable.
    #[error("{}: not a state of this program: {why}; restore the file, or empty the directory", path.display())]
    State {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The log is damaged where it was once whole.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Puts a path and an intention to an I/O error.
pub(crate) fn failed<'a>(
    path: &'a Path,
    what: &'static str,
) -> impl FnOnce(io::Error) -> DiskError + use<'a> {
    move |source| DiskError::Io { path: path.to_owned(), what, source }
}

/// What is known to be on disk of the volume's small parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Kept {
    store: Option<Store>,
    storage_uuid: Option<StorageUuid>,
    checkpoint: Option<Checkpoint>,
}

/// An open data directory.
#[derive(Debug)]
pub(crate) struct Disk {
    directory: PathBuf,
    _lock: File,
    log: Log,
    kept: Kept,
}

impl Disk {
    /// Opens a directory and reads what is in it; `lose_unflushed` first drops what a loss of power
    /// would have taken.
    pub(crate) fn open(
        directory: &Path,
        lose_unflushed: bool,
        names: &mut Names,
    ) -> Result<(Self, Volume<Delta>), DiskError> {
        fs::create_dir_all(directory).map_err(failed(directory, "make the directory"))?;
        let lock = lock(directory)?;
        let state = State::read(directory)?;
        let (log, entries) = match &state {
            Some(state) => Log::open(directory, state.log, lose_unflushed)?,
            None => {
                refuse_orphans(directory)?;
                (Log::create(directory, 0, &[])?, Vec::new())
            }
        };
        let mut volume = Volume::default();
        if let Some(state) = state {
            volume.store = state.store(names);
            volume.storage_uuid = state.storage_uuid.map(StorageUuid);
            volume.checkpoint = state.checkpoint;
        }
        volume.flushed = entries.len();
        volume.log = entries;
        let covered = volume.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.entries);
        if covered > volume.log.len() {
            let why = format!(
                "its checkpoint covers {covered} entries and the log has {}",
                volume.log.len()
            );
            return Err(DiskError::State { path: State::path(directory), why });
        }
        let kept = Kept {
            store: volume.store.clone(),
            storage_uuid: volume.storage_uuid,
            checkpoint: volume.checkpoint.clone(),
        };
        let disk = Self { directory: directory.to_owned(), _lock: lock, log, kept };
        if disk.kept == Kept::default() {
            disk.write_state(names)?;
        }
        Ok((disk, volume))
    }

    /// Makes durable what changed since the last call. `replaced` says that the log is another one
    /// than before; without `wal` only what a snapshot covers is written (MR 4).
    pub(crate) fn keep(
        &mut self,
        volume: &Volume<Delta>,
        replaced: bool,
        wal: bool,
        names: &Names,
    ) -> Result<(), DiskError> {
        let covered = volume.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.entries);
        let count = if wal { volume.log.len() } else { covered.min(volume.log.len()) };
        let written = self.log.entries();
        let changed = self.kept.store != volume.store
            || self.kept.storage_uuid != volume.storage_uuid
            || self.kept.checkpoint != volume.checkpoint;
        let entries = volume.log.get(..count).unwrap_or_default();
        if replaced || count < written {
            return self.replace(entries, volume, names);
        }
        if let Some(fresh) = entries.get(written..).filter(|fresh| !fresh.is_empty()) {
            self.log.append(fresh)?;
        }
        if volume.flushed.min(count) > self.log.flushed() {
            self.log.flush()?;
        }
        if changed {
            self.remember(volume);
            self.write_state(names)?;
        }
        Ok(())
    }

    /// Sets the current log aside, as a start without data recovery does, and begins an empty one.
    pub(crate) fn set_aside(&mut self, names: &Names) -> Result<(), DiskError> {
        if self.log.entries() == 0 {
            return Ok(());
        }
        let backup = self.directory.join(".backup");
        fs::create_dir_all(&backup).map_err(failed(&backup, "make the directory"))?;
        let old = self.log.path().to_owned();
        self.log = Log::create(&self.directory, self.log.number() + 1, &[])?;
        self.kept.checkpoint = None;
        self.write_state(names)?;
        if let Some(name) = old.file_name() {
            fs::rename(&old, backup.join(name)).map_err(failed(&old, "set the log aside"))?;
        }
        Log::remove_note(&old);
        Ok(())
    }

    /// Flushes everything, at the end.
    pub(crate) fn flush(&mut self) -> Result<(), DiskError> {
        self.log.flush()
    }

    fn replace(
        &mut self,
        entries: &[Entry<Delta>],
        volume: &Volume<Delta>,
        names: &Names,
    ) -> Result<(), DiskError> {
        let old = self.log.path().to_owned();
        self.log = Log::create(&self.directory, self.log.number() + 1, entries)?;
        self.remember(volume);
        self.write_state(names)?;
        fs::remove_file(&old).map_err(failed(&old, "remove the replaced log"))?;
        Log::remove_note(&old);
        Ok(())
    }

    fn remember(&mut self, volume: &Volume<Delta>) {
        self.kept = Kept {
            store: volume.store.clone(),
            storage_uuid: volume.storage_uuid,
            checkpoint: volume.checkpoint.clone(),
        };
    }

    fn write_state(&self, names: &Names) -> Result<(), DiskError> {
        let registered = |registration: &Registration| Registered {
            name: names.replica(registration.name),
            address: names.address(registration.endpoint),
            mode: registration.mode,
            heartbeats: registration.heartbeats,
        };
        let role = self.kept.store.as_ref().map(|store| match store {
            Store::Main { uuid, registrations } => Role::Main {
                uuid: uuid.0,
                registrations: registrations.iter().map(registered).collect(),
            },
            Store::Replica { port, obeys } => Role::Replica { port: *port, obeys: obeys.0 },
        });
        let state = State {
            format: state::FORMAT,
            log: self.log.number(),
            storage_uuid: self.kept.storage_uuid.map(|uuid| uuid.0),
            role,
            checkpoint: self.kept.checkpoint.clone(),
        };
        state.write(&self.directory)
    }
}

/// Without a state the directory is fresh: a log with entries in it has lost its state, and must not
/// be taken for nothing.
fn refuse_orphans(directory: &Path) -> Result<(), DiskError> {
    let listed = fs::read_dir(directory).map_err(failed(directory, "list the directory"))?;
    for entry in listed {
        let path = entry.map_err(failed(directory, "list the directory"))?.path();
        if let Some(bytes) = log::data_in(&path)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let why = format!("it is missing, and {name} holds {bytes} bytes of data");
            return Err(DiskError::State { path: State::path(directory), why });
        }
    }
    Ok(())
}

/// Takes the directory for this process.
fn lock(directory: &Path) -> Result<File, DiskError> {
    let path = directory.join("lock");
    let file = File::create(&path).map_err(failed(&path, "open the lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DiskError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => {
            Err(DiskError::Io { path, what: "take the lock", source })
        }
    }
}
