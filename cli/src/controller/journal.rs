//! The journal in files of a bounded size and number. Each begins with all that is known, so that any
//! of them can be decided again on its own; each line is flushed, so that a kill loses none.

use super::settings::Journal;
use crate::input::InputError;
use ha_core::journal::Line;
use shell_k8s::controller::Sink;
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

struct Files {
    settings: Journal,
    out: BufWriter<File>,
    written: u64,
    lines: u64,
    /// Whether the last line failed, so that this is said once.
    is_broken: bool,
}

/// The name of an older file: 1 is the one before the one that is written.
fn older(path: &Path, age: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{age}"));
    PathBuf::from(name)
}

fn open(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = File::options().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    Ok((BufWriter::new(file), length))
}

/// A journal in these files. What an earlier process wrote stays.
///
/// # Errors
/// It cannot be written.
pub(super) fn sink(settings: Journal) -> Result<Sink, InputError> {
    let (out, written) = open(&settings.path).map_err(|error| {
        InputError::Refused(format!("journal {}: {error}", settings.path.display()))
    })?;
    let lines = u64::from(written > 0);
    let mut files = Files { settings, out, written, lines, is_broken: false };
    Ok(Box::new(move |line| files.take(line)))
}

impl Files {
    /// Writes a line; whether the next one begins a file.
    fn take(&mut self, line: &Line) -> bool {
        let result = self.write(line).and_then(|()| {
            // A file that its first line fills is still one, or none would ever be of use.
            if self.written < self.settings.bytes || self.lines < 2 {
                return Ok(false);
            }
            self.turn().map(|()| true)
        });
        match result {
            Ok(is_new) => {
                if std::mem::take(&mut self.is_broken) {
                    tracing::info!(path = %self.settings.path.display(), "the journal goes on");
                }
                is_new
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_broken, true) {
                    let path = self.settings.path.display();
                    tracing::error!(%path, %error, "the journal is not written");
                }
                false
            }
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line).map_err(io::Error::from)?;
        bytes.push(b'\n');
        self.out.write_all(&bytes)?;
        self.out.flush()?;
        self.written += bytes.len() as u64;
        self.lines += 1;
        Ok(())
    }

    /// Begins the next file: each grows older by one, and the oldest goes.
    fn turn(&mut self) -> io::Result<()> {
        let path = &self.settings.path;
        for age in (1..self.settings.files).rev() {
            let from = if age == 1 { path.clone() } else { older(path, age - 1) };
            match fs::rename(&from, older(path, age)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        if self.settings.files == 1 {
            fs::remove_file(path)?;
        }
        (self.out, self.written) = open(path)?;
        self.lines = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_core::{
        history::{History, Patience},
        journal::What,
    };

    fn line(at: u64) -> Line {
        let history = Box::new(History::start(0));
        Line::new(at, 0, What::Start { history, patience: Patience::default() })
    }

    #[test]
    fn files_are_bounded_in_size_and_number_and_the_next_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let one = serde_json::to_vec(&line(10)).expect("JSON").len() as u64 + 1;
        let settings = Journal { path: path.clone(), bytes: 2 * one, files: 3 };
        let mut sink = sink(settings).expect("a journal");
        let turns: Vec<bool> = (10..20).map(|at| sink(&line(at))).collect();
        assert_eq!(turns, [false, true, false, true, false, true, false, true, false, true]);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|entry| entry.expect("a file").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        assert_eq!(names, ["journal", "journal.1", "journal.2"]);
        let newest = fs::read_to_string(older(&path, 1)).expect("a file");
        assert_eq!(newest.lines().count(), 2);
        assert!(newest.contains("18") && newest.contains("19"), "{newest}");
    }

    #[test]
    fn what_an_earlier_process_wrote_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let one = serde_json::to_vec(&line(10)).expect("JSON").len() as u64 + 1;
        let settings = Journal { path: path.clone(), bytes: 2 * one, files: 2 };
        assert!(!sink(settings.clone()).expect("a journal")(&line(10)));
        assert!(sink(settings).expect("a journal")(&line(11)), "the second line fills the file");
    }
}
