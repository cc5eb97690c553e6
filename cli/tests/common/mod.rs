//! The binary as a user runs it, and folders for what it writes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub(crate) fn memgraph_ha(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_memgraph-ha")).args(args).output().expect("the binary")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A folder of one test, which does not exist.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _absent = fs::remove_dir_all(&folder);
    folder
}
