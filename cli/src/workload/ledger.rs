//! The ledger: a line of JSON for each write or read that ended, with when it began and how it ended,
//! as its client knows.

use super::micros;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Writes on one connection, each in a transaction of its own, which drivers never repeat.
    Auto,
    /// Writes in transactions that are repeated as drivers do.
    Managed,
    /// Connects anew for each write.
    Fresh,
    /// Reads on one connection.
    Read,
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum End {
    /// It was acknowledged.
    Acked,
    /// It failed for certain.
    Failed,
    /// No answer.
    InDoubt,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// The number that was written, used once; of a read, what it counted.
    pub(super) number: u64,
    /// Whose.
    pub(super) kind: Kind,
    /// When it was first sent, in microseconds since 1970.
    pub(super) began: u64,
    /// When its end was known.
    pub(super) ended: u64,
    /// Its end.
    pub(super) end: End,
    /// How often it was sent.
    pub(super) tries: u32,
    /// What the client was told, unless it was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// A ledger that is being written.
pub(super) struct Ledger {
    out: Mutex<BufWriter<File>>,
    next: AtomicU64,
}

impl Ledger {
    /// Goes on with a file; its numbers are above those of every earlier process.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let next = AtomicU64::new(micros());
        Ok(Self { out: Mutex::new(BufWriter::new(file)), next })
    }

    /// A number that was never drawn.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes one line, flushed, so that a kill loses none.
    pub(super) fn note(&self, line: &Line) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

/// The lines of a ledger. A last line that was cut off is left out.
pub(super) fn read(path: &Path) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut cut = None;
    for (number, text) in BufReader::new(File::open(path)?).lines().enumerate() {
        if let Some(error) = cut.take() {
            return Err(error);
        }
        match serde_json::from_str(&text?) {
            Ok(line) => lines.push(line),
            Err(error) => {
                let what = format!("{}, line {}: {error}", path.display(), number + 1);
                cut = Some(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
    }
    Ok(lines)
}
