//! Lines of a file, or of what is inside a gzip file, with bounded memory and a word on stderr when
//! it takes long.

use super::super::input::InputError;
use flate2::bufread::MultiGzDecoder;
use shell_sim::incident::import::LINE_LIMIT;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::Path,
    time::{Duration, Instant},
};

/// The most that a gzip file may expand to, in bytes.
const INFLATED_LIMIT: u64 = 2 << 30;
/// How often there is a word on stderr.
const WORD: Duration = Duration::from_secs(2);

/// An open file, gunzipped where it is gzip.
pub(crate) struct Lines<'p> {
    path: &'p Path,
    reader: Box<dyn BufRead>,
    /// The most that may come out of it, if it is gzip.
    inflated_limit: Option<u64>,
    bytes: u64,
    lines: u64,
    last_word: Instant,
}

impl<'p> Lines<'p> {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &'p Path) -> Result<Self, InputError> {
        let io = |error| InputError::Io { path: path.to_owned(), error };
        let raw: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(io)?)
        };
        let mut raw = BufReader::new(raw);
        let inflates = raw.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead> = if inflates {
            Box::new(BufReader::new(MultiGzDecoder::new(raw)))
        } else {
            Box::new(raw)
        };
        let inflated_limit = inflates.then_some(INFLATED_LIMIT);
        Ok(Self { path, reader, inflated_limit, bytes: 0, lines: 0, last_word: Instant::now() })
    }

    /// The beginning, without taking it.
    pub(crate) fn peek(&mut self) -> Result<&[u8], InputError> {
        let path = self.path;
        self.reader.fill_buf().map_err(|error| InputError::Io { path: path.to_owned(), error })
    }

    /// Everything, up to a limit.
    pub(crate) fn whole(mut self, limit: u64) -> Result<String, InputError> {
        let mut bytes = Vec::new();
        let path = self.path.to_owned();
        let io = |error| InputError::Io { path: path.clone(), error };
        (&mut self.reader).take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > limit {
            return Err(InputError::Form {
                path,
                error: format!("more than {limit} bytes"),
                expected: "at most so many, where a file is read whole",
            });
        }
        String::from_utf8(bytes)
            .map_err(|error| InputError::NotText { path, at: error.utf8_error().valid_up_to() })
    }

    /// Takes the next line into `line`, without its end; false at the end of the file. Of a line that
    /// is too long, as much is kept as shows that it is.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, InputError> {
        line.clear();
        let mut any = false;
        loop {
            let path = self.path;
            let io = |error| InputError::Io { path: path.to_owned(), error };
            let chunk = self.reader.fill_buf().map_err(io)?;
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let room = (LINE_LIMIT + 1).saturating_sub(line.len()).min(part.len());
            line.extend_from_slice(part.get(..room).unwrap_or_default());
            let taken = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(taken);
            self.bytes += taken as u64;
            if let Some(limit) = self.inflated_limit.filter(|limit| self.bytes > *limit) {
                return Err(InputError::Form {
                    path: self.path.to_owned(),
                    error: format!("the gzip file expands to more than {limit} bytes"),
                    expected: "less; split it, or unpack it first",
                });
            }
            if end.is_some() {
                break;
            }
        }
        if any {
            self.lines += 1;
            self.word();
        }
        Ok(any)
    }

    fn word(&mut self) {
        let interval = if io::stderr().is_terminal() { WORD / 4 } else { WORD };
        if self.lines.is_multiple_of(4_096) && self.last_word.elapsed() > interval {
            self.last_word = Instant::now();
            eprintln!(
                "{}: {} MB, {} lines read",
                self.path.display(),
                self.bytes / 1_000_000,
                self.lines
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A gzip file in which so many zeros are, with or without ends of lines.
    fn bomb(name: &str, bytes: usize, line: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("{name}-{}.gz", std::process::id()));
        let file = File::create(&path).expect("a file");
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::best());
        for _ in 0..bytes / line.len() {
            packed.write_all(line).expect("a file");
        }
        packed.finish().expect("a file");
        path
    }

    #[test]
    fn a_file_that_expands_without_end_is_refused_with_bounded_memory() {
        for (name, line) in [("flat", &[0_u8; 4_096][..]), ("lines", &b"a line of a log\n"[..])] {
            let path = bomb(name, 8 << 20, line);
            let mut lines = Lines::open(&path).expect("a gzip file");
            assert_eq!(lines.inflated_limit, Some(INFLATED_LIMIT));
            lines.inflated_limit = Some(1 << 20);
            let mut line = Vec::new();
            let error = loop {
                match lines.next(&mut line) {
                    Ok(true) => assert!(line.len() <= LINE_LIMIT + 1),
                    Ok(false) => panic!("{name} was read to its end"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.contains("expands to more than 1048576 bytes"), "{error}");
            assert!(line.capacity() < 4 * LINE_LIMIT, "{}", line.capacity());
            let error = Lines::open(&path).expect("a gzip file").whole(1 << 20).unwrap_err();
            assert!(error.to_string().contains("more than 1048576 bytes"), "{error}");
            std::fs::remove_file(path).expect("a file");
        }
    }
}
