//! What happens on a volume before an instance starts: the manifest is read and kept, and the start
//! gets a name that tells which life it is. Used by the entrypoint of a pod and by whoever starts
//! instances as processes.
//!
//! Where the record orders that the data be set aside, that is done here too: the order names the volume,
//! which counts as another one afterwards, so that it is carried out once however often it is read. Data is
//! moved, never deleted; of what was set aside the last few are kept, and a person may order one back.
//!
//! The manifest keeps the id of the volume, and its boot id (`design/decisions/0007`): a new one when the volume is
//! new, or when the kernel below it was started anew since the last process.

mod aside;
mod stored;
#[cfg(test)]
mod tests;

pub use aside::{ASIDE, KEPT};
pub use stored::Found;

use crate::memgraph::Life;
use ha_core::{
    ids::{BootId, Incarnation, InstanceId, PodUid, StartId, VolumeId},
    observation::VolumeView,
    record::{Aside, Record},
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The manifest, beside the data.
pub const MANIFEST: &str = "memgraph-ha.json";
/// Where the kernel tells its boot.
const KERNEL_BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// The only schema that there is.
const SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema: u32,
    /// The kernel's own word for its boot, at the last start.
    kernel: String,
    /// The unbroken run below this volume.
    boot: BootId,
    /// The volume.
    volume: VolumeId,
    /// The volume whose data is being set aside: whoever finds this goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aside: Option<VolumeId>,
    /// What was set aside under that name and is being put back, after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    back: Option<VolumeId>,
}

/// What the record orders of one volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The volume: on any other there is nothing to do.
    pub volume: VolumeId,
    /// What takes the place of its data, if anything does.
    pub restores: Option<Aside>,
}

impl Order {
    /// The order for an instance, if there is one.
    #[must_use]
    pub fn of(record: &Record, id: InstanceId) -> Option<Self> {
        let reset = record.resets.get(&id)?;
        Some(Self { volume: reset.volume, restores: reset.restores })
    }
}

/// A volume that no instance may be started from.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is not one.
    #[error(
        "{}: {why}; a manifest of schema {SCHEMA} was expected. Whoever removes it says that this \
         volume is new", path.display()
    )]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No random numbers can be had.
    #[error("no random numbers: {0}")]
    Random(String),
}

/// The boot of the running kernel.
///
/// # Errors
/// The kernel does not tell.
pub fn kernel_boot() -> Result<String, EntryError> {
    let path = PathBuf::from(KERNEL_BOOT);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(EntryError::Io { path, source }),
    }
}

/// A number that nobody has drawn before, as far as chance goes.
///
/// # Errors
/// The system has none.
pub fn drawn() -> Result<u128, EntryError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| EntryError::Random(error.to_string()))?;
    Ok(u128::from_le_bytes(bytes))
}

/// Prepares a start on this volume: sets the data aside if `order` names it, puts back what it orders,
/// keeps the manifest, and returns the life that begins.
///
/// # Errors
/// The volume cannot be used, and why.
pub fn prepare(
    volume: &Path,
    pod: PodUid,
    kernel: &str,
    order: Option<Order>,
) -> Result<Life, EntryError> {
    fs::create_dir_all(volume).map_err(io_error(volume))?;
    let path = volume.join(MANIFEST);
    let mut before = read(&path)?;
    if let Some(manifest) = &mut before {
        finish(volume, &path, manifest)?;
    }
    let ordered = order.zip(before.as_ref()).filter(|(order, now)| order.volume == now.volume);
    let kept = before.as_ref().filter(|_| ordered.is_none());
    let boot = match kept {
        Some(manifest) if manifest.kernel == kernel => manifest.boot,
        Some(_) | None => BootId(drawn()?),
    };
    let id = match kept {
        Some(manifest) => manifest.volume,
        None => VolumeId(drawn()?),
    };
    let aside = ordered.map(|(order, _)| order.volume);
    let back = match ordered.and_then(|(order, _)| order.restores) {
        Some(which) => found(volume, which)?,
        None => None,
    };
    // The order is used up before anything is moved.
    let kernel = kernel.to_owned();
    let mut manifest = Manifest { schema: SCHEMA, kernel, boot, volume: id, aside, back };
    if before.as_ref() != Some(&manifest) {
        write(&path, &manifest).map_err(io_error(&path))?;
    }
    finish(volume, &path, &mut manifest)?;
    let is_used = !Found::on(volume).map_err(io_error(volume))?.is_empty();
    let incarnation = Incarnation { pod, start: StartId(drawn()?), boot, volume: id };
    Ok(Life { incarnation, state: if is_used { VolumeView::Used } else { VolumeView::New } })
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> EntryError {
    let path = path.to_owned();
    move |source| EntryError::Io { path, source }
}

/// The data to be put back. What is not there cannot be: then the volume begins anew, since its own
/// data counts for nothing any more.
fn found(volume: &Path, which: Aside) -> Result<Option<VolumeId>, EntryError> {
    let found = aside::find(volume, which).map_err(io_error(volume))?;
    if found.is_none() {
        tracing::warn!(?which, "it is not under {ASIDE}: the volume begins anew");
    }
    Ok(found)
}

/// Moves what the manifest says that is being moved: out first, then in.
fn finish(volume: &Path, path: &Path, manifest: &mut Manifest) -> Result<(), EntryError> {
    if manifest.aside.is_none() && manifest.back.is_none() {
        return Ok(());
    }
    if let Some(old) = manifest.aside.take() {
        aside::set_aside(volume, old).map_err(io_error(volume))?;
        write(path, manifest).map_err(io_error(path))?;
    }
    if let Some(copy) = manifest.back.take() {
        aside::put_back(volume, copy).map_err(io_error(volume))?;
        write(path, manifest).map_err(io_error(path))?;
    }
    aside::prune(volume).map_err(io_error(volume))
}

fn read(path: &Path) -> Result<Option<Manifest>, EntryError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(EntryError::Io { path: path.to_owned(), source }),
    };
    let wrong = |why: String| EntryError::Manifest { path: path.to_owned(), why };
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if manifest.schema == SCHEMA {
        Ok(Some(manifest))
    } else {
        Err(wrong(format!("schema {}", manifest.schema)))
    }
}

/// As a whole or not at all, and on the disk before anything else is.
fn write(path: &Path, manifest: &Manifest) -> io::Result<()> {
    let text = serde_json::to_string(manifest).map_err(io::Error::other)?;
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::File::open(&beside)?.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}
