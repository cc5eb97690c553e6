//! What an instance finds on its volume when it starts. Memgraph keeps logs and snapshots in folders of
//! these names, and recovers from the newest snapshot and the logs behind it; the simulated instance
//! keeps logs beside the manifest.

use std::{
    fmt, fs, io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Files that are named, of each kind: the newest.
const NAMED: usize = 3;

/// A file with data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Stored {
    written: SystemTime,
    name: String,
    bytes: u64,
}

/// The files with data of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    snapshots: Files,
    logs: Files,
}

/// Files of one kind, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Files(Vec<Stored>);

impl Found {
    /// Looks.
    ///
    /// # Errors
    /// A folder or a file cannot be read.
    pub fn on(volume: &Path) -> io::Result<Self> {
        let mut logs = files(&volume.join("wal"))?;
        let beside = files(volume)?.into_iter();
        logs.extend(beside.filter(|file| file.name.starts_with("log.") && file.bytes > 0));
        Ok(Self { snapshots: Files::of(files(&volume.join("snapshots"))?), logs: Files::of(logs) })
    }

    /// Whether an instance committed nothing here.
    pub(super) const fn is_empty(&self) -> bool {
        self.snapshots.0.is_empty() && self.logs.0.is_empty()
    }
}

impl Files {
    fn of(mut files: Vec<Stored>) -> Self {
        files.sort_by(|one, other| other.cmp(one));
        Self(files)
    }
}

/// What is in a folder; nothing if there is none.
fn files(folder: &Path) -> io::Result<Vec<Stored>> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut files = Vec::new();
    for entry in listed {
        let entry = entry?;
        let about = entry.metadata()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // What is in a folder is not looked at; it may be data, too.
        let bytes = if about.is_file() { about.len() } else { 0 };
        files.push(Stored { written: about.modified()?, name, bytes });
    }
    Ok(files)
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: u64 = self.0.iter().map(|file| file.bytes).sum();
        write!(f, "{} of {bytes} bytes", self.0.len())?;
        for file in self.0.iter().take(NAMED) {
            let written = file.written.duration_since(UNIX_EPOCH).unwrap_or_default();
            write!(f, "; {} ({} bytes, written {} s)", file.name, file.bytes, written.as_secs())?;
        }
        Ok(())
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshots: {} | logs: {}", self.snapshots, self.logs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn file(volume: &Path, name: &str, bytes: usize, written: u64) {
        let path = volume.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, vec![0; bytes]).expect("a file");
        let written = UNIX_EPOCH + Duration::from_secs(written);
        fs::File::options().write(true).open(&path).unwrap().set_modified(written).expect("a time");
    }

    #[test]
    fn what_an_instance_will_recover_from_is_told_with_the_newest_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path();
        assert!(Found::on(volume).expect("a look").is_empty());
        for (name, bytes, written) in [
            ("snapshots/one", 10, 100),
            ("snapshots/two", 20, 200),
            ("wal/a", 1, 300),
            ("wal/b", 2, 500),
            ("wal/c", 3, 400),
            ("wal/d", 4, 200),
            ("memgraph-ha.json", 5, 600),
        ] {
            file(volume, name, bytes, written);
        }
        let found = Found::on(volume).expect("a look");
        assert!(!found.is_empty());
        assert_eq!(
            found.to_string(),
            "snapshots: 2 of 30 bytes; two (20 bytes, written 200 s); one (10 bytes, written 100 s) \
             | logs: 4 of 10 bytes; b (2 bytes, written 500 s); c (3 bytes, written 400 s); \
             a (1 bytes, written 300 s)"
        );
    }

    #[test]
    fn a_folder_in_place_of_a_file_may_be_data() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("wal/.old")).expect("a folder");
        assert!(!Found::on(folder.path()).expect("a look").is_empty());
    }

    #[test]
    fn a_simulated_instance_keeps_its_log_beside_the_manifest() {
        let folder = tempfile::tempdir().expect("a folder");
        file(folder.path(), "log.0", 0, 1);
        assert!(Found::on(folder.path()).expect("a look").is_empty());
        file(folder.path(), "log.1", 7, 2);
        let found = Found::on(folder.path()).expect("a look").to_string();
        assert!(found.ends_with("logs: 1 of 7 bytes; log.1 (7 bytes, written 2 s)"), "{found}");
    }
}
