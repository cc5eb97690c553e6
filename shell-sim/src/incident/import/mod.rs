//! From the predecessor's logs, and from what Kubernetes tells beside them, to an [`Incident`]. This
//! module decides which lines become items, and counts those that do not, by kind; it deliberately
//! opens no file and guesses nothing: what a line does not say stays unstated.

mod assemble;
mod clock;
mod events;
mod fields;
mod line;
mod meaning;
mod messages;
#[cfg(test)]
mod tests;

pub use events::read_events_json;
pub use line::Record;

use super::{Actor, EventWord, Incident, PodName};
use clock::Moment;
use std::{collections::BTreeMap, fmt};

/// The most items that are kept; what comes beyond is counted.
pub const ITEM_LIMIT: usize = 5_000;
/// The most bytes of lines of which items are kept; what comes beyond is counted.
pub const KEPT_LIMIT: usize = 16 << 20;
/// The longest line that is read, in bytes.
pub const LINE_LIMIT: usize = 64 * 1024;
/// The most kinds of unknown lines that are told apart.
const KINDS_LIMIT: usize = 40;

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The file, as the user named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Logs that cannot be one record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Two sets of pods.
    #[error(
        "{second}: pods of {other:?}; expected those of {first:?} as at {at}: \
         logs of two clusters cannot be one record"
    )]
    TwoClusters {
        /// The set met first.
        first: String,
        /// Where.
        at: Spot,
        /// The other one.
        other: String,
        /// Where that is.
        second: Spot,
    },
    /// No line that is of use.
    #[error(
        "{file}: none of {lines} lines is a log line of the controller, a Kubernetes event or a line \
         of a preStop log; expected e.g. `time=... level=INFO msg=...`"
    )]
    NothingUnderstood {
        /// The file.
        file: String,
        /// Its lines.
        lines: u64,
    },
}

/// What one line became.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Draft {
    at: Option<Moment>,
    spot: Spot,
    /// Which record it came from.
    seq: u64,
    actor: Actor,
    pod: Option<PodName>,
    event: EventWord,
    data: BTreeMap<String, super::Value>,
    quote: String,
}

/// Lines that did not become items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Lines read.
    pub lines: u64,
    /// Lines that became an item.
    pub items: u64,
    /// Lines that are known and tell of no event.
    pub known: u64,
    /// Lines that say again what the line of their kind before said.
    pub repeated: u64,
    /// Lines beyond the limits of items and of their bytes.
    pub beyond: u64,
    /// Lines that were not understood: how many of each kind, and where the first stands.
    pub unknown: BTreeMap<String, (u64, Spot)>,
}

impl Counts {
    fn unknown(&mut self, kind: &str, spot: &Spot) {
        let full = self.unknown.len() >= KINDS_LIMIT && !self.unknown.contains_key(kind);
        let kind = if full { "other kinds" } else { kind };
        self.unknown.entry(kind.to_owned()).or_insert_with(|| (0, spot.clone())).0 += 1;
    }

    /// How many lines were not understood.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.unknown.values().map(|(count, _)| count).sum()
    }
}

/// Takes lines, one file after the other, and makes one record of them.
#[derive(Debug, Default)]
pub struct Importer {
    drafts: Vec<Draft>,
    kept: usize,
    counts: Counts,
    context: meaning::Context,
    cluster: Option<(String, Spot)>,
    trouble: Option<ImportError>,
    file: String,
    line: u64,
    understood: u64,
    records: u64,
    waiting: Option<(Record, Spot)>,
    last: BTreeMap<(EventWord, Option<PodName>), BTreeMap<String, super::Value>>,
    latest: Option<Moment>,
    files: Vec<String>,
}

impl Importer {
    /// An importer that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines that follow are of this file.
    pub fn begin(&mut self, file: &str) {
        file.clone_into(&mut self.file);
        self.files.push(file.to_owned());
        (self.line, self.understood, self.latest) = (0, 0, None);
        self.context = meaning::Context::default();
    }

    /// The file ends.
    ///
    /// # Errors
    /// The file holds nothing of use, or is of another cluster than those before.
    pub fn end(&mut self) -> Result<(), ImportError> {
        self.flush();
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        if self.understood == 0 {
            let (file, lines) = (self.file.clone(), self.line);
            return Err(ImportError::NothingUnderstood { file, lines });
        }
        Ok(())
    }

    /// Takes one line, without its end.
    pub fn line(&mut self, bytes: &[u8]) {
        self.line += 1;
        self.counts.lines += 1;
        let spot = Spot { file: self.file.clone(), line: self.line };
        if bytes.len() > LINE_LIMIT {
            return self.counts.unknown("longer than a line may be", &spot);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.counts.unknown("not text", &spot);
        };
        // The heads of the columns of `kubectl get events`.
        if text.trim().is_empty() || text.starts_with("LAST SEEN") {
            self.counts.known += 1;
            return;
        }
        // A record may be broken over lines, one key on each.
        if let Some((record, _)) = &mut self.waiting
            && record.take_continuation(text)
        {
            self.counts.known += 1;
            return;
        }
        self.flush();
        match Record::read(text) {
            Some(record) => self.waiting = Some((record, spot)),
            None => self.counts.unknown("no shape of a log line", &spot),
        }
    }

    fn flush(&mut self) {
        let Some((record, spot)) = self.waiting.take() else { return };
        self.records += 1;
        self.check_cluster(&record, &spot);
        if record.at < self.latest {
            self.counts.unknown("earlier than the line before (placed by its stamp)", &spot);
        }
        self.latest = self.latest.max(record.at);
        match meaning::of(&record, &mut self.context) {
            meaning::Meaning::Unknown => {
                let kind = format!("unknown message {:?}", shortened(&record.message));
                self.counts.unknown(&kind, &spot);
            }
            meaning::Meaning::Known => {
                self.counts.known += 1;
                self.understood += 1;
            }
            meaning::Meaning::Items(items) => {
                self.understood += 1;
                let before = self.drafts.len();
                for item in items {
                    self.keep(item, &record, &spot);
                }
                self.counts.items += u64::from(self.drafts.len() > before);
            }
        }
    }

    fn keep(&mut self, told: meaning::Told, record: &Record, spot: &Spot) {
        let key = (told.event, told.pod);
        if told.is_observation() && self.last.get(&key) == Some(&told.data) {
            self.counts.repeated += 1;
            return;
        }
        let kept = self.kept + record.size();
        if self.drafts.len() >= ITEM_LIMIT || kept > KEPT_LIMIT {
            self.counts.beyond += 1;
            return;
        }
        self.kept = kept;
        self.last.insert(key, told.data.clone());
        self.drafts.push(Draft {
            at: record.at,
            spot: spot.clone(),
            seq: self.records,
            actor: told.actor,
            pod: told.pod,
            event: told.event,
            data: told.data,
            quote: record.quote(),
        });
    }

    fn check_cluster(&mut self, record: &Record, spot: &Spot) {
        let Some(found) = record.cluster() else { return };
        match &self.cluster {
            None => self.cluster = Some((found, spot.clone())),
            Some((first, at)) if *first != found && self.trouble.is_none() => {
                self.trouble = Some(ImportError::TwoClusters {
                    first: first.clone(),
                    at: at.clone(),
                    other: found,
                    second: spot.clone(),
                });
            }
            Some(_) => {}
        }
    }

    /// The record, by time, with what did not become part of it.
    #[must_use]
    pub fn finish(self, id: &str) -> (Incident, Counts) {
        let Self { mut drafts, mut counts, files, .. } = self;
        // An event with an age alone has no place among stamped ones.
        if drafts.iter().any(|draft| draft.at.is_some()) {
            for draft in drafts.iter().filter(|draft| draft.at.is_none()) {
                counts.items = counts.items.saturating_sub(1);
                counts.unknown("an age among stamps (take the events as JSON)", &draft.spot);
            }
            drafts.retain(|draft| draft.at.is_some());
        }
        (assemble::incident(id, &files, drafts), counts)
    }
}

fn shortened(text: &str) -> String {
    super::words::shorten(text)
}
