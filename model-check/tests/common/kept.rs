//! Traces that are kept as files.

use std::{fs, path::Path};

/// What is wrong with the kept trace `name`; with `KEEP_TRACES` set it is written anew.
pub(crate) fn differs(name: &str, file: &Path, text: &str) -> Option<String> {
    if std::env::var_os("KEEP_TRACES").is_some() {
        let folder = file.parent().expect("a file in a folder");
        fs::create_dir_all(folder).expect("a folder");
        fs::write(file, text).expect("a file");
        return None;
    }
    match fs::read_to_string(file) {
        Ok(kept) if kept == text => None,
        Ok(kept) => Some(format!(
            "{name}: another trace than the one kept: {:?} instead of {:?}",
            text.lines().next(),
            kept.lines().next()
        )),
        Err(why) => Some(format!("{}: {why}", file.display())),
    }
}
