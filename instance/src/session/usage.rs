//! What the process and its data directory take, as SHOW STORAGE INFO tells it (MR 1.5). What cannot
//! be read is null, and no number that nobody measured.

use bolt::value::Value;
use std::fs;
use std::io;
use std::path::Path;

/// Memory that is resident now.
pub(super) fn resident() -> Value {
    status("VmRSS:").map_or(Value::Null, size)
}

/// The most memory that was resident.
pub(super) fn peak() -> Value {
    status("VmHWM:").map_or(Value::Null, size)
}

/// How many mappings of memory the kernel lets a process have.
pub(super) fn most_mappings() -> Value {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let count = text.and_then(|text| text.trim().parse().ok());
    count.map_or(Value::Null, Value::Int)
}

/// Files of the data directory; nothing without one.
pub(super) fn on_disk(directory: Option<&Path>) -> Value {
    directory.map_or(Ok(0), files).map_or(Value::Null, size)
}

/// Bytes of the regular files of a directory and of the folders in it, which are one deep.
fn files(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            for inner in fs::read_dir(entry.path())? {
                bytes += length(&inner?)?;
            }
        } else {
            bytes += length(&entry)?;
        }
    }
    Ok(bytes)
}

/// A file's bytes; none if it was replaced meanwhile.
fn length(entry: &fs::DirEntry) -> io::Result<u64> {
    match entry.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
        Ok(_) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// A line of the kernel's account of this process, in bytes.
fn status(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// A number of bytes in the largest unit of which there is one, with two digits of its fraction.
pub(super) fn size(bytes: u64) -> Value {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let fits = |power: &usize| bytes >> (10 * power) > 0;
    let power = (1..units.len()).rev().find(fits).unwrap_or(0);
    let unit = units.get(power).copied().unwrap_or_default();
    if power == 0 {
        return format!("{bytes}{unit}").into();
    }
    let hundredths = (u128::from(bytes) * 100) >> (10 * power);
    format!("{}.{:02}{unit}", hundredths / 100, hundredths % 100).into()
}

#[cfg(test)]
mod tests {
    use super::{files, size};

    #[test]
    fn a_size_has_the_unit_that_fits() {
        let cases = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00KiB"),
            (1_590_000, "1.51MiB"),
            (5 << 30, "5.00GiB"),
            (u64::MAX, "16777215.99TiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes).as_str(), Some(text));
        }
    }

    #[test]
    fn what_was_set_aside_counts_too() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("log.1"), [0; 7]).unwrap();
        std::fs::create_dir(directory.path().join(".backup")).unwrap();
        std::fs::write(directory.path().join(".backup/log.0"), [0; 5]).unwrap();
        assert_eq!(files(directory.path()).unwrap(), 12);
    }
}
