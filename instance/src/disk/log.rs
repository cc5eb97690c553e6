//! The log as a file that is only appended to: a head, then records of length, checksum and entry.
//! The last record may be torn by a crash and is dropped then; damage before it is an error.

use super::state::sync_directory;
use super::{DiskError, failed};
use crate::graph::Delta;
use shell_sim::memgraph::Entry;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The first bytes of a log: a name and the format.
const HEAD: [u8; 8] = *b"MHALOG\x00\x01";

/// Bytes before an entry: its length and its checksum, both little-endian.
const RECORD_HEAD: usize = 8;

/// Longest entry; a longer one is refused before it is written.
const MAX_ENTRY: usize = 1 << 30;

/// A log that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Its first bytes are others.
    #[error("{}: no log of this program: its first 8 bytes are not {HEAD:02x?}", .0.display())]
    Head(PathBuf),
    /// A record in the middle, or one that was flushed, is damaged.
    #[error(
        "{}: the record at byte {at} is damaged: {why}; there are {behind} bytes from there to the \
         end and {flushed} were flushed, so it is no torn tail; restore the file, or wipe the \
         instance and register it again",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where the record begins.
        at: u64,
        /// What is wrong.
        why: String,
        /// Bytes from there to the end.
        behind: u64,
        /// Bytes that were flushed.
        flushed: u64,
    },
    /// An entry is too long.
    #[error("a transaction of {0} bytes is longer than the {MAX_ENTRY} that the log takes")]
    TooLong(usize),
    /// An entry cannot be written as bytes.
    #[error("a transaction cannot be written: {0}")]
    Encode(postcard::Error),
}

/// An open log.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    number: u64,
    file: File,
    note: File,
    bytes: u64,
    entries: usize,
    flushed: usize,
    scratch: Vec<u8>,
}

impl Log {
    fn at(directory: &Path, number: u64) -> PathBuf {
        directory.join(format!("log.{number}"))
    }

    fn note_path(path: &Path) -> PathBuf {
        path.with_extension(format!(
            "{}.flushed",
            path.extension().and_then(|number| number.to_str()).unwrap_or_default()
        ))
    }

    /// Removes the note of a log that is no longer current; a left-over note harms nobody.
    pub(super) fn remove_note(path: &Path) {
        let note = Self::note_path(path);
        if let Err(error) = fs::remove_file(&note) {
            tracing::debug!(path = %note.display(), %error, "the note stays");
        }
    }

    /// A new log with these entries, flushed.
    pub(super) fn create(
        directory: &Path,
        number: u64,
        entries: &[Entry<Delta>],
    ) -> Result<Self, DiskError> {
        let path = Self::at(directory, number);
        let file = File::create(&path).map_err(failed(&path, "make the log"))?;
        let mut writer = BufWriter::with_capacity(1 << 20, &file);
        writer.write_all(&HEAD).map_err(failed(&path, "write the log"))?;
        let (mut bytes, mut scratch) = (HEAD.len() as u64, Vec::new());
        for entry in entries {
            scratch.clear();
            record(entry, &mut scratch)?;
            writer.write_all(&scratch).map_err(failed(&path, "write the log"))?;
            bytes += scratch.len() as u64;
        }
        writer.flush().map_err(failed(&path, "write the log"))?;
        drop(writer);
        file.sync_all().map_err(failed(&path, "flush the log"))?;
        let note = open_note(&path)?;
        let flushed = entries.len();
        let mut log = Self { path, number, file, note, bytes, entries: flushed, flushed, scratch };
        log.write_note()?;
        sync_directory(directory)?;
        Ok(log)
    }

    /// Opens a log and reads its entries.
    pub(super) fn open(
        directory: &Path,
        number: u64,
        lose_unflushed: bool,
    ) -> Result<(Self, Vec<Entry<Delta>>), DiskError> {
        let path = Self::at(directory, number);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).open(&path).map_err(failed(&path, "open the log"))?;
        let note = open_note(&path)?;
        let flushed = read_note(&note);
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(failed(&path, "read the log"))?;
        if lose_unflushed {
            let kept = usize::try_from(flushed.max(HEAD.len() as u64)).unwrap_or(usize::MAX);
            content.truncate(kept);
        }
        let (entries, bytes) = read_entries(&path, &content, flushed)?;
        if bytes < content.len() as u64 {
            let torn = content.len() as u64 - bytes;
            tracing::warn!(path = %path.display(), torn, "the last record is torn and is dropped");
        }
        file.set_len(bytes).map_err(failed(&path, "cut the torn tail"))?;
        file.seek(SeekFrom::Start(bytes)).map_err(failed(&path, "go to the end"))?;
        file.sync_all().map_err(failed(&path, "flush the log"))?;
        let count = entries.len();
        let scratch = Vec::new();
        let mut log =
            Self { path, number, file, note, bytes, entries: count, flushed: count, scratch };
        log.write_note()?;
        Ok((log, entries))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its number.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// How many entries it has.
    pub(super) const fn entries(&self) -> usize {
        self.entries
    }

    /// How many entries survive a loss of power.
    pub(super) const fn flushed(&self) -> usize {
        self.flushed
    }

    /// Appends entries; they survive the process from then on.
    pub(super) fn append(&mut self, entries: &[Entry<Delta>]) -> Result<(), DiskError> {
        self.scratch.clear();
        for entry in entries {
            record(entry, &mut self.scratch)?;
        }
        self.file.write_all(&self.scratch).map_err(failed(&self.path, "append to the log"))?;
        self.bytes += self.scratch.len() as u64;
        self.entries += entries.len();
        self.scratch.shrink_to(1 << 20);
        Ok(())
    }

    /// Makes all entries survive a loss of power, then notes it.
    pub(super) fn flush(&mut self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(failed(&self.path, "flush the log"))?;
        self.flushed = self.entries;
        self.write_note()
    }

    /// The note itself needs no flush: it only tells a simulated loss of power what a real one
    /// would have found.
    fn write_note(&mut self) -> Result<(), DiskError> {
        let mut note = [0; 12];
        let bytes = self.bytes.to_le_bytes();
        note[..8].copy_from_slice(&bytes);
        note[8..].copy_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        self.note.write_all_at(&note, 0).map_err(failed(&self.path, "note what is flushed"))
    }
}

/// How many bytes of entries a file holds, if it is a log with any.
pub(super) fn data_in(path: &Path) -> Result<Option<u64>, DiskError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_log = name.and_then(|name| name.strip_prefix("log.")).is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !is_log {
        return Ok(None);
    }
    let bytes = fs::metadata(path).map_err(failed(path, "look at the log"))?.len();
    Ok(bytes.checked_sub(HEAD.len() as u64).filter(|bytes| *bytes > 0))
}

fn open_note(path: &Path) -> Result<File, DiskError> {
    let path = Log::note_path(path);
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
    opened.map_err(failed(&path, "open the note of what is flushed"))
}

/// Bytes that were flushed; 0 if no note can be read.
fn read_note(note: &File) -> u64 {
    let mut bytes = [0; 12];
    if note.read_exact_at(&mut bytes, 0).is_err() {
        return 0;
    }
    let [a, b, c, d, e, f, g, h, sum @ ..] = bytes;
    let flushed = [a, b, c, d, e, f, g, h];
    let sound = u32::from_le_bytes(sum) == crc32fast::hash(&flushed);
    if sound { u64::from_le_bytes(flushed) } else { 0 }
}

/// Appends the record of an entry.
fn record(entry: &Entry<Delta>, out: &mut Vec<u8>) -> Result<(), LogError> {
    let start = out.len();
    out.extend_from_slice(&[0; RECORD_HEAD]);
    let taken = std::mem::take(out);
    *out = postcard::to_extend(entry, taken).map_err(LogError::Encode)?;
    let body = out.get(start + RECORD_HEAD..).unwrap_or_default();
    let (length, sum) = (body.len(), crc32fast::hash(body));
    if length > MAX_ENTRY {
        return Err(LogError::TooLong(length));
    }
    let length = u32::try_from(length).map_err(|_| LogError::TooLong(length))?;
    if let Some(head) = out.get_mut(start..start + RECORD_HEAD) {
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..].copy_from_slice(&sum.to_le_bytes());
    }
    Ok(())
}

/// One record at the front of `rest`: its entry and its length, or what is wrong and whether the
/// record is cut off by the end of the file.
fn read_record(rest: &[u8]) -> Result<(Entry<Delta>, usize), (String, bool)> {
    let Some((head, body)) = rest.split_at_checked(RECORD_HEAD) else {
        return Err(("its head is cut off".into(), true));
    };
    let word = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&head[at..at + 4]);
        u32::from_le_bytes(word)
    };
    let length = usize::try_from(word(0)).unwrap_or(usize::MAX);
    if length > MAX_ENTRY {
        return Err((format!("its length is {length}, at most {MAX_ENTRY} is written"), false));
    }
    let Some(body) = body.get(..length) else {
        return Err((format!("it has {} of {length} bytes", body.len()), true));
    };
    if crc32fast::hash(body) != word(4) {
        return Err(("its checksum is wrong".into(), rest.len() == RECORD_HEAD + length));
    }
    match postcard::from_bytes(body) {
        Ok(entry) => Ok((entry, RECORD_HEAD + length)),
        Err(error) => Err((format!("it is no transaction: {error}"), false)),
    }
}

/// Entries of a log's content, and where the last whole one ends.
fn read_entries(
    path: &Path,
    content: &[u8],
    flushed: u64,
) -> Result<(Vec<Entry<Delta>>, u64), LogError> {
    let Some(mut rest) = content.strip_prefix(&HEAD[..]) else {
        return Err(LogError::Head(path.to_owned()));
    };
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let at = (content.len() - rest.len()) as u64;
        match read_record(rest) {
            Ok((entry, length)) => {
                entries.push(entry);
                rest = rest.get(length..).unwrap_or_default();
            }
            Err((_, true)) if at >= flushed => return Ok((entries, at)),
            Err((why, _)) => {
                let (path, behind) = (path.to_owned(), rest.len() as u64);
                return Err(LogError::Damaged { path, at, why, behind, flushed });
            }
        }
    }
    Ok((entries, content.len() as u64))
}
