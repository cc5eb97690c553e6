//! `memgraph-ha walk` and `play`: what a walk finds is written shrunk, and can be played again.

mod common;

use common::{folder, memgraph_ha, text};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const MUTANT: &str = "takes-the-old-main-back";

/// The files that a walk under a wrong decision wrote.
fn saved(name: &str, shrink: &str) -> Vec<PathBuf> {
    let folder = folder(name);
    let path = folder.to_string_lossy().into_owned();
    let args = ["walk", "--schedules", "40", "--mutant", MUTANT, "--save", &path];
    let output = memgraph_ha(&[&args[..], &["--shrink", shrink]].concat());
    assert!(!output.status.success(), "{}", text(&output.stdout));
    let files = fs::read_dir(&folder).expect("the folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).expect("a schedule").lines().map(str::to_owned).collect()
}

#[test]
fn what_a_walk_finds_is_short_and_can_be_played() {
    let short = saved("walk-shrunk", "2000");
    let long = saved("walk-as-it-was", "0");
    assert!(!short.is_empty());
    assert_eq!(short.len(), long.len());
    let path = &short[0];
    let (short, long) = (lines(path), lines(&long[0]));
    assert!(short[0].starts_with("# Walk of seed ") && short[0].contains(", shrunk from "));
    assert_eq!(short[1], format!("# mutant: {MUTANT}"));
    assert!(short.len() <= 14 && long.len() > 30, "{} and {}", short.len(), long.len());

    let path = path.to_string_lossy();
    let wrong = memgraph_ha(&["play", &path, "--mutant", MUTANT]);
    let told = text(&wrong.stdout);
    assert!(!wrong.status.success(), "{told}");
    assert!(told.lines().any(|line| line.starts_with("broken: ")), "{told}");
    let ours = memgraph_ha(&["play", &path]);
    assert!(ours.status.success(), "{}", text(&ours.stdout));
    assert!(text(&ours.stdout).lines().any(|line| line.starts_with("ended: ")));
}

#[test]
fn no_mutant_of_that_name() {
    for args in [&["walk", "--mutant", "sleeps"][..], &["play", "-", "--mutant", "sleeps"]] {
        let output = memgraph_ha(args);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(error.contains("there is no mutant \"sleeps\"\nexpected one of: "), "{error}");
    }
}

/// As under `head`, which closes the pipe before everything is printed.
#[test]
fn a_reader_that_goes_ends_it_without_a_word() {
    let mut walk = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"));
    walk.args(["walk", "--schedules", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut walk = walk.spawn().expect("the binary");
    drop(walk.stdout.take());
    let output = walk.wait_with_output().expect("its end");
    assert!(!output.status.success());
    assert_eq!(text(&output.stderr), "");
}
