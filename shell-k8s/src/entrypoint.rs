//! What happens on a volume before an instance starts: the manifest is read and kept, and the start
//! gets a name that tells which life it is. Used by the entrypoint of a pod and by whoever starts
//! instances as processes.
//!
//! Where the record orders that the data be set aside, that is done here too: the order names the volume,
//! which counts as another one afterwards, so that it is carried out once however often it is read. Data is moved, never deleted; of what was set aside the last few are kept.
//!
//! The manifest keeps the id of the volume, and its boot id (`design/decisions/0007`): a new one when the volume is
//! new, or when the kernel below it was started anew since the last process.

use crate::memgraph::Life;
use ha_core::{
    ids::{BootId, Incarnation, PodUid, StartId, VolumeId},
    observation::VolumeView,
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The manifest, beside the data.
pub const MANIFEST: &str = "memgraph-ha.json";
/// The folder of what was set aside.
pub const ASIDE: &str = "set-aside";
/// How many times' data is kept there.
const KEPT: usize = 3;
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

/// Prepares a start on this volume: sets the data aside if `order` names it, keeps the manifest,
/// and returns the life that begins.
///
/// # Errors
/// The volume cannot be used, and why.
pub fn prepare(
    volume: &Path,
    pod: PodUid,
    kernel: &str,
    order: Option<VolumeId>,
) -> Result<Life, EntryError> {
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| EntryError::Io { path, source }
    };
    fs::create_dir_all(volume).map_err(io_error(volume))?;
    let path = volume.join(MANIFEST);
    let before = read(&path)?;
    let is_ordered = |manifest: &&Manifest| Some(manifest.volume) == order;
    let aside = before.as_ref().filter(is_ordered).map(|manifest| manifest.volume);
    let kept = before.as_ref().filter(|_| aside.is_none());
    let boot = match kept {
        Some(manifest) if manifest.kernel == kernel => manifest.boot,
        Some(_) | None => BootId(drawn()?),
    };
    let id = match kept {
        Some(manifest) => manifest.volume,
        None => VolumeId(drawn()?),
    };
    let aside = aside.or_else(|| before.as_ref().and_then(|manifest| manifest.aside));
    // The order is used up before anything is moved.
    let kernel = kernel.to_owned();
    let mut manifest = Manifest { schema: SCHEMA, kernel, boot, volume: id, aside };
    if before.as_ref() != Some(&manifest) {
        write(&path, &manifest).map_err(io_error(&path))?;
    }
    if let Some(old) = manifest.aside.take() {
        set_aside(volume, old).map_err(io_error(volume))?;
        write(&path, &manifest).map_err(io_error(&path))?;
    }
    let is_used = holds_data(volume).map_err(io_error(volume))?;
    let incarnation = Incarnation { pod, start: StartId(drawn()?), boot, volume: id };
    Ok(Life { incarnation, state: if is_used { VolumeView::Used } else { VolumeView::New } })
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

/// Moves everything but the manifest into a folder of its own, on the same volume. Whoever was
/// interrupted goes on where it stopped.
fn set_aside(volume: &Path, id: VolumeId) -> io::Result<()> {
    let kept = volume.join(ASIDE);
    let to = kept.join(id.to_string());
    fs::create_dir_all(&to)?;
    for file in fs::read_dir(volume)? {
        let file = file?;
        let name = file.file_name();
        if name != MANIFEST && name != ASIDE {
            fs::rename(file.path(), to.join(name))?;
        }
    }
    fs::File::open(&to)?.sync_all()?;
    fs::File::open(volume)?.sync_all()?;
    let mut all = Vec::new();
    for folder in fs::read_dir(&kept)? {
        let folder = folder?;
        all.push((folder.metadata()?.modified()?, folder.path()));
    }
    all.sort();
    let too_many = all.len().saturating_sub(KEPT);
    for (_, oldest) in all.into_iter().take(too_many) {
        fs::remove_dir_all(oldest)?;
    }
    Ok(())
}

/// Whether an instance committed anything here: Memgraph keeps logs and snapshots in folders of
/// these names, the simulated one keeps logs beside the manifest.
fn holds_data(volume: &Path) -> io::Result<bool> {
    for folder in ["wal", "snapshots"] {
        match fs::read_dir(volume.join(folder)) {
            Ok(mut files) => {
                if files.next().is_some() {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for file in fs::read_dir(volume)? {
        let file = file?;
        let is_log = file.file_name().to_string_lossy().starts_with("log.");
        if is_log && file.metadata()?.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: PodUid = PodUid(1);

    #[test]
    fn a_boot_lasts_as_long_as_its_kernel_and_its_volume() {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path().join("data");
        let first = prepare(&volume, POD, "a", None).expect("a start");
        let second = prepare(&volume, POD, "a", None).expect("a start");
        assert_eq!(first.incarnation.boot, second.incarnation.boot);
        assert_ne!(first.incarnation.start, second.incarnation.start);
        let rebooted = prepare(&volume, POD, "b", None).expect("a start");
        assert_ne!(rebooted.incarnation.boot, second.incarnation.boot);
        fs::remove_dir_all(&volume).expect("a lost volume");
        let replaced = prepare(&volume, POD, "b", None).expect("a start");
        assert_ne!(replaced.incarnation.boot, rebooted.incarnation.boot);
    }

    #[test]
    fn a_volume_is_new_until_something_was_committed() {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path();
        for file in [None, Some("state.json"), Some("log.0")] {
            if let Some(file) = file {
                fs::write(volume.join(file), "").expect("a file");
            }
            assert_eq!(prepare(volume, POD, "a", None).expect("a start").state, VolumeView::New);
        }
        fs::write(volume.join("log.0"), "x").expect("a log");
        assert_eq!(prepare(volume, POD, "a", None).expect("a start").state, VolumeView::Used);
    }

    #[test]
    fn data_without_a_manifest_is_used_under_a_boot_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("wal")).expect("a folder");
        fs::write(folder.path().join("wal/1"), "x").expect("a log");
        let life = prepare(folder.path(), POD, "a", None).expect("a start");
        assert_eq!(life.state, VolumeView::Used);
    }

    #[test]
    fn an_order_sets_the_data_of_one_volume_aside_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path();
        let first = prepare(volume, POD, "a", None).expect("a start").incarnation.volume;
        fs::write(volume.join("log.0"), "data").expect("a log");
        let other = VolumeId(first.0 ^ 1);
        let life = prepare(volume, POD, "a", Some(other)).expect("a start");
        assert_eq!((life.incarnation.volume, life.state), (first, VolumeView::Used));

        let life = prepare(volume, POD, "a", Some(first)).expect("a start");
        assert_ne!(life.incarnation.volume, first);
        assert_eq!(life.state, VolumeView::New);
        let kept = volume.join(ASIDE).join(first.to_string()).join("log.0");
        assert_eq!(fs::read_to_string(&kept).expect("the old log"), "data");

        // The same order again is for a volume that is no more.
        fs::write(volume.join("log.0"), "new data").expect("a log");
        let again = prepare(volume, POD, "a", Some(first)).expect("a start");
        assert_eq!(again.incarnation.volume, life.incarnation.volume);
        assert_eq!(again.state, VolumeView::Used);
        assert_eq!(fs::read_to_string(&kept).expect("the old log"), "data");
    }

    #[test]
    fn a_move_that_was_interrupted_is_finished() {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path();
        let old = prepare(volume, POD, "a", None).expect("a start").incarnation.volume;
        fs::write(volume.join("log.0"), "data").expect("a log");
        // The order was used up, and the process ended before anything was moved.
        let used_up = Manifest {
            schema: SCHEMA,
            kernel: "a".to_owned(),
            boot: BootId(7),
            volume: VolumeId(8),
            aside: Some(old),
        };
        write(&volume.join(MANIFEST), &used_up).expect("a manifest");
        let life = prepare(volume, POD, "a", None).expect("a start");
        assert_eq!((life.incarnation.volume, life.state), (VolumeId(8), VolumeView::New));
        assert!(volume.join(ASIDE).join(old.to_string()).join("log.0").exists());
    }

    #[test]
    fn the_last_few_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path();
        let mut order = None;
        for _ in 0..KEPT + 3 {
            let life = prepare(volume, POD, "a", order).expect("a start");
            fs::write(volume.join("log.0"), "data").expect("a log");
            order = Some(life.incarnation.volume);
        }
        assert_eq!(fs::read_dir(volume.join(ASIDE)).expect("a folder").count(), KEPT);
    }

    #[test]
    fn a_manifest_that_is_none_stops_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in ["", "{}", r#"{"schema":2,"kernel":"a","boot":"1"}"#] {
            fs::write(folder.path().join(MANIFEST), text).expect("a file");
            let error = prepare(folder.path(), POD, "a", None).expect_err("no manifest");
            assert!(matches!(error, EntryError::Manifest { .. }), "{error}");
        }
    }
}
