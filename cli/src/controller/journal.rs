//! The journal in files of a bounded size and number. Each begins with all that is known, so that any
//! of them can be decided again on its own; each line is written at once, so that a kill loses none.

use super::settings::Journal;
use crate::input::InputError;
use ha_core::journal::Line;
use shell_k8s::{controller::Sink, http::JournalFiles};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

struct Files {
    settings: Journal,
    out: File,
    /// The bytes of whole lines in it.
    written: u64,
    lines: u64,
    /// Whether the last line failed, so that this is said once.
    is_broken: bool,
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::options().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// A journal in these files. What an earlier process wrote stays.
///
/// # Errors
/// It cannot be opened.
pub(super) fn sink(settings: Journal) -> Result<Sink, InputError> {
    let mut files = Files::open(settings)?;
    Ok(Box::new(move |line| files.take(line)))
}

impl Files {
    fn open(settings: Journal) -> Result<Self, InputError> {
        let (out, written) = open(&settings.path).map_err(|error| {
            InputError::Refused(format!("journal {}: {error}", settings.path.display()))
        })?;
        let lines = u64::from(written > 0);
        Ok(Self { settings, out, written, lines, is_broken: false })
    }

    /// Writes a line; whether the next one begins a file.
    fn take(&mut self, line: &Line) -> io::Result<bool> {
        let result = self.write(line);
        let path = self.settings.path.display();
        match &result {
            Ok(_) => {
                if std::mem::take(&mut self.is_broken) {
                    tracing::info!(%path, "the journal goes on");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_broken, true) {
                    tracing::error!(%path, %error, "the journal is not written");
                }
            }
        }
        result
    }

    fn write(&mut self, line: &Line) -> io::Result<bool> {
        if self.is_broken {
            self.mend()?;
        }
        // Before the line, so that one that finds no place stands in no file.
        if self.is_full() {
            self.turn()?;
        }
        let mut bytes = serde_json::to_vec(line).map_err(io::Error::from)?;
        bytes.push(b'\n');
        self.out.write_all(&bytes)?;
        self.written += bytes.len() as u64;
        self.lines += 1;
        Ok(self.is_full())
    }

    /// A file that its first line fills is still one, or none would ever be of use.
    const fn is_full(&self) -> bool {
        self.written >= self.settings.bytes && self.lines >= 2
    }

    /// Opens the file again, and takes off what a failed write left of its line: what follows must be
    /// read as lines.
    fn mend(&mut self) -> io::Result<()> {
        let (out, length) = open(&self.settings.path)?;
        if length > self.written {
            out.set_len(self.written)?;
        }
        (self.out, self.written) = (out, length.min(self.written));
        Ok(())
    }

    /// Begins the next file: each grows older by one, and the oldest goes.
    fn turn(&mut self) -> io::Result<()> {
        let path = &self.settings.path;
        for age in (1..self.settings.files).rev() {
            let [from, to] = [age - 1, age].map(|age| JournalFiles::older(path, age));
            match fs::rename(&from, to) {
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
        let turns: Vec<bool> = (10..20).map(|at| sink(&line(at)).expect("it is written")).collect();
        assert_eq!(turns, [false, true, false, true, false, true, false, true, false, true]);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|entry| entry.expect("a file").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        assert_eq!(names, ["journal", "journal.1", "journal.2"]);
        let newest = fs::read_to_string(&path).expect("a file");
        assert_eq!(newest.lines().count(), 2);
        assert!(newest.contains("18") && newest.contains("19"), "{newest}");
    }

    #[test]
    fn what_an_earlier_process_wrote_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let one = serde_json::to_vec(&line(10)).expect("JSON").len() as u64 + 1;
        let settings = Journal { path: path.clone(), bytes: 2 * one, files: 2 };
        let write =
            |at| sink(settings.clone()).expect("a journal")(&line(at)).expect("it is written");
        assert!(!write(10));
        assert!(write(11), "the second line fills the file");
    }

    /// A full disk leaves half a line, and the error is told; when there is room again, what follows can
    /// be read.
    #[test]
    fn what_a_failed_write_left_is_taken_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let settings = Journal { path: path.clone(), bytes: u64::MAX, files: 2 };
        let mut files = Files::open(settings).expect("a journal");
        files.take(&line(10)).expect("it is written");
        File::options()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"half"))
            .expect("a file");
        // It takes no byte any more.
        files.out = File::open(&path).expect("a file");
        files.take(&line(11)).expect_err("it is read-only");
        files.take(&line(12)).expect("it is opened anew");
        let text = fs::read_to_string(&path).expect("a file");
        let at: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<Line>(line).expect("a line").at)
            .collect();
        assert_eq!(at, [10, 12]);
    }

    /// The next file cannot be begun: nothing is written beyond the bound, and what is told as not
    /// written stands nowhere.
    #[test]
    fn a_file_that_cannot_make_place_does_not_grow() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let one = serde_json::to_vec(&line(10)).expect("JSON").len() as u64 + 1;
        let settings = Journal { path: path.clone(), bytes: 2 * one, files: 2 };
        let mut sink = sink(settings).expect("a journal");
        assert!(
            !sink(&line(10)).expect("it is written") && sink(&line(11)).expect("it is written")
        );
        let in_the_way = JournalFiles::older(&path, 1);
        fs::create_dir_all(in_the_way.join("something")).expect("a folder");
        for at in 12..15 {
            sink(&line(at)).expect_err("there is a folder of that name");
            assert_eq!(fs::read_to_string(&path).expect("a file").lines().count(), 2);
        }
        fs::remove_dir_all(&in_the_way).expect("a folder");
        assert!(!sink(&line(15)).expect("it is written"));
        assert_eq!(fs::read_to_string(&path).expect("a file").lines().count(), 1);
    }

    /// A device without room is no file to mend, and stays one that is not written.
    #[test]
    fn a_full_device_is_told_each_time() {
        let settings = Journal { path: "/dev/full".into(), bytes: 1, files: 2 };
        let mut sink = sink(settings).expect("it can be opened");
        for at in 0..3 {
            let error = sink(&line(at)).expect_err("there is no room");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }
}
