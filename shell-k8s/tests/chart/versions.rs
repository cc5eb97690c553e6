//! Chart and images have the version of the workspace.

use crate::rendered::{text, yaml};
use std::collections::BTreeSet;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The labels of images that a text sets.
fn labels(text: &str) -> BTreeSet<&str> {
    let pieces = text.split("org.opencontainers.image.").skip(1);
    let end = |piece: &str| piece.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(piece.len());
    pieces.map(|piece| &piece[..end(piece)]).collect()
}

#[test]
fn the_chart_has_the_version_of_the_workspace() {
    let chart = yaml("charts/memgraph-ha/Chart.yaml");
    assert_eq!(
        (chart["version"].as_str(), chart["appVersion"].as_str()),
        (Some(VERSION), Some(VERSION))
    );
}

#[test]
fn both_ways_to_an_image_label_it_alike() {
    let dockerfile = text("images/Dockerfile");
    assert!(dockerfile.lines().any(|line| line == format!("ARG VERSION={VERSION}")));
    let archive =
        labels(&text("images/archive")).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
    assert_eq!(archive, ["licenses", "revision", "title", "version"]);
    let stages: Vec<_> = dockerfile.split("\nFROM ").collect();
    assert_eq!(stages.len(), 4, "build, and two images");
    for stage in &stages[2..] {
        assert_eq!(labels(stage).into_iter().collect::<Vec<_>>(), archive, "{stage}");
    }
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_workspace() {
    let toolchain = text("rust-toolchain.toml");
    let dockerfile = text("images/Dockerfile");
    let rust =
        dockerfile.lines().find_map(|line| line.strip_prefix("ARG RUST=")).expect("a version");
    assert!(toolchain.contains(&format!("channel = \"{rust}.")), "{rust}, but {toolchain}");
}
