//! What is moved on a volume, and only moved: its data into a folder of its own, and what lies in such
//! a folder back. Whoever was interrupted goes on where it stopped.

use super::MANIFEST;
use ha_core::{ids::VolumeId, record::Aside};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The folder of what was set aside.
pub const ASIDE: &str = "set-aside";
/// How many times' data is kept there.
pub const KEPT: usize = 3;

fn folder(volume: &Path, id: VolumeId) -> PathBuf {
    volume.join(ASIDE).join(id.to_string())
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Moves everything but the manifest into a folder of its own, on the same volume.
pub(super) fn set_aside(volume: &Path, id: VolumeId) -> io::Result<()> {
    let to = folder(volume, id);
    fs::create_dir_all(&to)?;
    for file in fs::read_dir(volume)? {
        let file = file?;
        let name = file.file_name();
        if name != MANIFEST && name != ASIDE {
            fs::rename(file.path(), to.join(name))?;
        }
    }
    sync(&to)?;
    sync(volume)
}

/// Moves what was set aside under that name back into its place, where nothing else lies any more.
pub(super) fn put_back(volume: &Path, id: VolumeId) -> io::Result<()> {
    let from = folder(volume, id);
    if !from.exists() {
        return Ok(());
    }
    for file in fs::read_dir(&from)? {
        let file = file?;
        fs::rename(file.path(), volume.join(file.file_name()))?;
    }
    sync(volume)?;
    fs::remove_dir(from)
}

/// What was set aside, oldest first.
fn kept(volume: &Path) -> io::Result<Vec<(SystemTime, PathBuf)>> {
    let mut all = Vec::new();
    match fs::read_dir(volume.join(ASIDE)) {
        Ok(folders) => {
            for folder in folders {
                let folder = folder?;
                all.push((folder.metadata()?.modified()?, folder.path()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    all.sort();
    Ok(all)
}

/// The data that is meant, if it is there.
pub(super) fn find(volume: &Path, which: Aside) -> io::Result<Option<VolumeId>> {
    let name = |path: PathBuf| path.file_name()?.to_str()?.parse().ok();
    Ok(match which {
        Aside::Of(id) => folder(volume, id).is_dir().then_some(id),
        Aside::Latest => kept(volume)?.into_iter().rev().find_map(|(_, path)| name(path)),
    })
}

/// Removes what was set aside long ago.
pub(super) fn prune(volume: &Path) -> io::Result<()> {
    let all = kept(volume)?;
    let too_many = all.len().saturating_sub(KEPT);
    all.into_iter().take(too_many).try_for_each(|(_, oldest)| fs::remove_dir_all(oldest))
}
