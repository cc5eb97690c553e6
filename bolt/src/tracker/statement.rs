//! The text of a RUN as it passes, in constant memory: does it begin or end a transaction, commit in
//! batches, or change the session? Judges by words and not by grammar: what may be, counts.

use super::Transaction;

/// What the text of a RUN may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement {
    step: Step,
    /// The text is the word of its step and nothing else, which is how Memgraph knows it.
    is_exact: bool,
    /// It may commit before its last record: `PERIODIC COMMIT`, `IN TRANSACTIONS`.
    pub(super) is_batched: bool,
    /// It may change the session.
    pub(super) is_sticky: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    None,
    Unread,
    Begin,
    Commit,
    Rollback,
}

impl Statement {
    /// A statement whose text has not passed.
    pub(super) const UNREAD: Self =
        Self { step: Step::Unread, is_exact: false, is_batched: false, is_sticky: false };

    /// Its last record may commit a transaction that is open.
    pub(super) fn may_commit(&self) -> bool {
        self.step == Step::Commit
    }

    /// A PULL or DISCARD of its result begins a transaction, or fails.
    pub(super) fn is_begin(self) -> bool {
        self.step == Step::Begin && self.is_exact
    }

    /// The transaction after this, as far as one may rely on its being open: it does not begin by
    /// the RUN alone.
    pub(super) const fn announced(self, before: Transaction) -> Transaction {
        match (self.step, before) {
            (Step::None | Step::Unread, _) => before,
            (Step::Begin, Transaction::Open) => Transaction::Open,
            (Step::Begin, _) => Transaction::Perhaps,
            (Step::Commit | Step::Rollback, _) if self.is_exact => Transaction::None,
            (Step::Commit | Step::Rollback, Transaction::None) => Transaction::None,
            (Step::Commit | Step::Rollback, _) => Transaction::Perhaps,
        }
    }
}

/// Where in the body of a RUN the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// At the marker of the text.
    Marker,
    /// In its length: bytes that are missing, length so far.
    Length(u8, u32),
    /// In the text: bytes that are missing.
    Text(u32),
    /// Behind it.
    Behind,
    /// It is no text.
    Wrong,
}

/// Where in the text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    Slash,
    Line,
    Block,
    Star,
}

const LONGEST: usize = 12;

/// Reads the body of a RUN behind its signature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StatementReader {
    part: Part,
    place: Place,
    /// The letters of the word that is being read, in capitals, and how many it has.
    word: [u8; LONGEST],
    letters: usize,
    words: usize,
    /// Something but its first word and blanks was in the text.
    has_more: bool,
    first: Statement,
}

impl StatementReader {
    pub(super) const fn new() -> Self {
        let first =
            Statement { step: Step::None, is_exact: false, is_batched: false, is_sticky: false };
        Self {
            part: Part::Marker,
            place: Place::Plain,
            word: [0; LONGEST],
            letters: 0,
            words: 0,
            has_more: false,
            first,
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            self.part = match self.part {
                Part::Behind | Part::Wrong => return,
                Part::Marker => match byte {
                    0x80 => Part::Behind,
                    0x81..=0x8F => Part::Text(u32::from(byte & 0x0F)),
                    0xD0 => Part::Length(1, 0),
                    0xD1 => Part::Length(2, 0),
                    0xD2 => Part::Length(4, 0),
                    _ => Part::Wrong,
                },
                Part::Length(missing, length) => {
                    match (missing - 1, (length << 8) | u32::from(byte)) {
                        (0, 0) => Part::Behind,
                        (0, length) => Part::Text(length),
                        (missing, length) => Part::Length(missing, length),
                    }
                }
                Part::Text(missing) => {
                    self.letter(byte);
                    if missing == 1 { Part::Behind } else { Part::Text(missing - 1) }
                }
            };
            bytes = rest;
        }
    }

    /// What the statement may do; nothing if it was no text.
    pub(super) fn finish(mut self) -> Option<Statement> {
        if self.part != Part::Behind {
            return None;
        }
        self.word_ends();
        let is_exact = !self.has_more && self.words == 1;
        Some(Statement { is_exact, ..self.first })
    }

    fn letter(&mut self, byte: u8) {
        if byte.is_ascii_alphabetic() {
            let is_comment = self.is_comment();
            self.has_more |= is_comment;
            self.place = match self.place {
                Place::Plain | Place::Slash => Place::Plain,
                Place::Line => Place::Line,
                Place::Block | Place::Star => Place::Block,
            };
            if let Some(letter) = self.word.get_mut(self.letters) {
                *letter = byte.to_ascii_uppercase();
            }
            self.letters += 1;
            return;
        }
        self.word_ends();
        let is_blank = matches!(byte, b' ' | b'\t'..=b'\r');
        self.has_more |= !is_blank;
        self.place = match (self.place, byte) {
            (Place::Plain, b'/') => Place::Slash,
            (Place::Slash, b'/') => Place::Line,
            (Place::Slash, b'*') => Place::Block,
            (Place::Line, b'\n' | b'\r') => Place::Plain,
            (Place::Block | Place::Star, b'*') => Place::Star,
            (Place::Star, b'/') => Place::Plain,
            (Place::Star, _) => Place::Block,
            (Place::Plain | Place::Slash, _) => Place::Plain,
            (place @ (Place::Line | Place::Block), _) => place,
        };
    }

    const fn is_comment(&self) -> bool {
        matches!(self.place, Place::Line | Place::Block | Place::Star)
    }

    fn word_ends(&mut self) {
        if self.letters == 0 {
            return;
        }
        let word = self.word.get(..self.letters).unwrap_or_default();
        // What looks like a comment may stand in a string, a URL for one: there the words that make
        // batches count all the same, and nothing else does.
        self.first.is_batched |= matches!(word, b"PERIODIC" | b"TRANSACTIONS");
        self.letters = 0;
        if self.is_comment() {
            return;
        }
        if self.words == 0 {
            self.first.step = match word {
                b"BEGIN" => Step::Begin,
                b"COMMIT" => Step::Commit,
                b"ROLLBACK" => Step::Rollback,
                _ => Step::None,
            };
            self.first.is_sticky = matches!(word, b"USE" | b"SET");
        }
        self.words += 1;
    }
}
