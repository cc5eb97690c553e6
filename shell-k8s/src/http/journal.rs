//! `GET /v1/journal`: the files of the journal, oldest first, as many of the newest as fit into a bound,
//! each of them whole: each begins with all that was known, so that the whole can be decided again. Or
//! the last lines of them, to look at. They are sent in pieces and never held in memory whole.

use super::{Http, answer};
use axum::{
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use futures::stream;
use serde::Deserialize;
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::spawn_blocking;

/// The bytes of the files that are sent, at most; the newest file is always sent.
const MOST: u64 = 128 << 20;
/// Bytes of a piece.
const PIECE: usize = 64 << 10;
/// The bytes at the end in which last lines are looked for, over all files.
const END: u64 = 8 << 20;

/// The files of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFiles {
    /// The one that is written.
    pub path: PathBuf,
    /// How many there are at most, that one included.
    pub files: u64,
}

impl JournalFiles {
    /// The name of an older file: 1 is the one before the one that is written, 0 that one itself.
    #[must_use]
    pub fn older(path: &Path, age: u64) -> PathBuf {
        if age == 0 {
            return path.to_owned();
        }
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{age}"));
        PathBuf::from(name)
    }

    /// Those that are there, the newest first, with their lengths. Each grows older by one at any time:
    /// whoever looks from the newest on may meet one twice, and misses none.
    fn open(&self) -> io::Result<Vec<(File, u64)>> {
        let (mut found, mut last) = (Vec::new(), None);
        for age in 0..self.files {
            let file = match File::open(Self::older(&self.path, age)) {
                // So it is in the moment between two names.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            let about = file.metadata()?;
            let is = Some((about.dev(), about.ino()));
            if is != last {
                found.push((file, about.len()));
            }
            last = is;
        }
        if found.is_empty() {
            let why = format!("there is no file {}", self.path.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        Ok(found)
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    lines: Option<usize>,
}

/// What is left to send: parts of files, the oldest first.
type Parts = VecDeque<io::Take<File>>;

pub(super) async fn journal(
    State(http): State<Arc<Http>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(error) => {
            let expected = "nothing, or ?lines=N";
            return answer::refusal(StatusCode::BAD_REQUEST, &error.body_text(), expected);
        }
    };
    let Some(files) = http.site.journal.clone() else {
        let why = "this controller writes no journal";
        return answer::refusal(StatusCode::NOT_FOUND, why, "a controller with --journal");
    };
    let _place = match asked.lines {
        // It is never closed.
        Some(_) => http.readers.acquire().await.ok(),
        None => None,
    };
    let opened = spawn_blocking(move || {
        let files = files.open()?;
        match asked.lines {
            Some(lines) => last_lines(files, lines, END),
            None => whole_files(files, MOST),
        }
    });
    match opened.await.map_err(io::Error::from).flatten() {
        Ok(parts) => in_pieces(parts),
        Err(error) => {
            let why = format!("the journal cannot be read: {error}");
            answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, &why, "a file")
        }
    }
}

/// As many of the newest as fit. What is written to the newest later is not of it.
fn whole_files(files: Vec<(File, u64)>, most: u64) -> io::Result<Parts> {
    let (mut parts, mut bytes) = (Parts::new(), 0_u64);
    for (file, length) in files {
        bytes = bytes.saturating_add(length);
        if bytes > most && !parts.is_empty() {
            break;
        }
        parts.push_front(file.take(length));
    }
    Ok(parts)
}

/// The parts in which the last lines are, within so many bytes at the end.
fn last_lines(files: Vec<(File, u64)>, lines: usize, mut most: u64) -> io::Result<Parts> {
    let (mut parts, mut wanted) = (Parts::new(), lines);
    for (mut file, length) in files {
        let begin = length.saturating_sub(most);
        most -= length - begin;
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        (&file).take(length - begin).read_to_end(&mut end)?;
        // Each line ends with a break.
        let breaks: Vec<usize> =
            end.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        let from = match breaks.len().checked_sub(wanted.saturating_add(1)) {
            Some(before) => breaks[before] + 1,
            None if begin == 0 => 0,
            // The line in which it begins is not whole.
            None => breaks.first().map_or(end.len(), |at| at + 1),
        } as u64;
        wanted = wanted.saturating_sub(breaks.len());
        file.seek(SeekFrom::Start(begin + from))?;
        parts.push_front(file.take(length - begin - from));
        if wanted == 0 || begin > 0 {
            break;
        }
    }
    Ok(parts)
}

fn in_pieces(parts: Parts) -> Response {
    let pieces = stream::try_unfold(parts, async |mut parts| {
        let read = spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            while let Some(part) = parts.front_mut() {
                let count = part.read(&mut piece)?;
                if count > 0 {
                    piece.truncate(count);
                    return io::Result::Ok(Some((Bytes::from(piece), parts)));
                }
                parts.pop_front();
            }
            Ok(None)
        });
        read.await.map_err(io::Error::from).flatten()
    });
    answer::with(StatusCode::OK, "application/jsonl", Body::from_stream(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn text(parts: Parts) -> String {
        let mut text = String::new();
        for mut part in parts {
            part.read_to_string(&mut text).expect("text");
        }
        text
    }

    fn three() -> (tempfile::TempDir, JournalFiles) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        for (age, lines) in [(2, "1\n2\n"), (1, "3\n4\n"), (0, "5\n")] {
            fs::write(JournalFiles::older(&path, age), lines).expect("a file");
        }
        (folder, JournalFiles { path, files: 4 })
    }

    #[test]
    fn last_lines_are_looked_for_in_older_files_within_a_bound() {
        let (_folder, files) = three();
        let last = |lines, most| text(last_lines(files.open().unwrap(), lines, most).unwrap());
        for (lines, found) in
            [(0, ""), (1, "5\n"), (2, "4\n5\n"), (3, "3\n4\n5\n"), (4, "2\n3\n4\n5\n")]
        {
            assert_eq!(last(lines, END), found);
        }
        assert_eq!(last(usize::MAX, END), "1\n2\n3\n4\n5\n");
        // What the bound cuts through is left out.
        assert_eq!(last(100, 5), "4\n5\n");
        assert_eq!(last(100, 3), "5\n");
        assert_eq!(last(2, 1), "");
    }

    #[test]
    fn whole_files_are_sent_as_far_as_they_fit() {
        let (_folder, files) = three();
        let whole = |most| text(whole_files(files.open().unwrap(), most).unwrap());
        assert_eq!(whole(MOST), "1\n2\n3\n4\n5\n");
        assert_eq!(whole(9), "3\n4\n5\n");
        assert_eq!(whole(6), "3\n4\n5\n");
        assert_eq!(whole(5), "5\n");
        assert_eq!(whole(0), "5\n", "the newest always");
        let fewer = JournalFiles { files: 2, ..files.clone() };
        assert_eq!(text(whole_files(fewer.open().unwrap(), MOST).unwrap()), "3\n4\n5\n");
    }

    /// Names change while they are read.
    #[test]
    fn a_file_that_grows_older_meanwhile_is_sent_once() {
        let (_folder, files) = three();
        let path = &files.path;
        fs::remove_file(JournalFiles::older(path, 1)).unwrap();
        // As it was met under its old name, and is met again under its new one.
        fs::hard_link(path, JournalFiles::older(path, 1)).unwrap();
        assert_eq!(text(whole_files(files.open().unwrap(), MOST).unwrap()), "1\n2\n5\n");
        // No file has the first name in the moment of a turn.
        fs::remove_file(path).unwrap();
        assert_eq!(text(whole_files(files.open().unwrap(), MOST).unwrap()), "1\n2\n5\n");
        for age in 1..3 {
            fs::remove_file(JournalFiles::older(path, age)).unwrap();
        }
        let error = files.open().expect_err("there is none");
        assert!(error.to_string().contains("there is no file"), "{error}");
    }
}
