//! What keeps the crate pure: no standard library to reach a clock or a socket with, and two
//! dependencies, of errors and of wiping.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

#[test]
fn the_world_cannot_be_spoken_of() {
    let lib = read("src/lib.rs");
    assert!(lib.lines().any(|line| line == "#![no_std]"));
    assert!(!lib.contains("extern crate std"));
    let manifest = read("Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
    let dependencies: Vec<_> = dependencies
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty())
        .collect();
    let all = ["thiserror = { workspace = true }", "zeroize = { workspace = true }"];
    assert_eq!(dependencies, all);
    for line in manifest.lines().filter(|line| line.starts_with('[')) {
        let foreign = line.contains("build-dependencies") || line.contains("target.");
        assert!(!foreign, "{line} would let another crate in");
    }
}
