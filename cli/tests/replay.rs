//! Exit codes and outputs of `memgraph-ha replay`.

mod common;

use std::process::{Command, Output};

const INCIDENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/incidents");

fn replay(args: &[&str]) -> Output {
    common::memgraph_ha(&[&["replay"], args].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[test]
fn files_come_back_in_their_order_with_exit_code_0() {
    let ids = [
        "2025-10-18-prestop-test-2-success",
        "2025-09-16-reconcile-failover-race",
        "2025-09-21-show-replication-role-startup-failure",
    ];
    let paths = ids.map(|id| format!("{INCIDENTS}/{id}.yaml"));
    let args: Vec<&str> =
        ["--format", "json"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let output = replay(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let incidents = json["incidents"].as_array().unwrap();
    let found: Vec<&str> = incidents.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(found, ids);
    assert!(incidents.iter().all(|one| one["predecessor"]["reproduced"] == true));
}

#[test]
fn one_file_is_told_as_text() {
    let output = replay(&[&format!("{INCIDENTS}/2025-09-18-empty-pod-ip.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Ours in its place: safe, settled"), "{text}");
}

#[test]
fn unusable_input_says_where_and_what_was_expected() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (path, found) in [
        (folder, "no incident file in this folder"),
        (manifest, "is a log line of the controller"),
        ("/nowhere", "No such file"),
    ] {
        let output = replay(&[path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(stderr(&output).contains(path), "{}", stderr(&output));
        assert!(stderr(&output).contains(found), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(replay(&[]).status.code(), Some(2));
}

const RACE_LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/logs/race.log");
const SCHEDULE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/schedules/s01-main-crashes.txt");

/// A file in a folder of its own.
fn file(folder: &str, name: &str, content: &[u8]) -> String {
    let folder = common::folder(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path.to_string_lossy().into_owned()
}

#[test]
fn a_log_is_replayed_and_its_lines_are_accounted_for() {
    let output = replay(&["--format", "json", RACE_LOG]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = &json["lines"];
    assert_eq!(lines["read"], 10);
    assert_eq!(lines["unknown"], serde_json::json!([]));
    assert_eq!(json["incidents"][0]["audit"][0]["invariant"], "single-main");
}

#[test]
fn a_gzip_file_says_the_same_as_its_content() {
    let plain = std::fs::read(RACE_LOG).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, &plain).unwrap();
    let path = file("replay-gzip", "race.log.gz", &packed.finish().unwrap());
    let audits = |path: &str| {
        let output = replay(&["--format", "json", path]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json["incidents"][0]["audit"].clone()
    };
    assert_eq!(audits(&path), audits(RACE_LOG));
}

#[test]
fn bad_logs_are_told_what_was_expected() {
    let cut = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3][..];
    for (name, content, said) in [
        ("junk.bin", &[0u8, 159, 146, 150, 10, 255, 254][..], "none of 2 lines"),
        ("cut.gz", cut, "cut.gz"),
        ("empty.log", &b""[..], "none of 0 lines"),
        ("other.log", &b"hello\nworld\n"[..], "none of 2 lines"),
    ] {
        let path = file(&format!("replay-{name}"), name, content);
        let output = replay(&[&path]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{name}: {}", stderr(&output));
        assert_eq!(stderr(&output).matches(&path).count(), 1, "{name}: {}", stderr(&output));
    }
}

#[test]
fn logs_of_two_clusters_are_refused() {
    let line = |namespace: &str| {
        format!(
            "time=2025-10-19T05:50:01.000Z level=INFO msg=\"Registered replication\" \
             replica_name=memgraph_ha_2 \
             address=memgraph-ha-2.memgraph-ha.{namespace}.svc.cluster.local sync_mode=ASYNC\n"
        )
    };
    let one = file("replay-one", "one.log", line("one").as_bytes());
    let two = file("replay-two", "two.log", line("two").as_bytes());
    let output = replay(&[&one, &two]);
    assert_eq!(output.status.code(), Some(2));
    for part in ["two/memgraph-ha", "one/memgraph-ha", "two.log:1", "one.log:1"] {
        assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
    }
}

#[test]
fn bad_incident_files_are_told_the_place_and_what_was_expected() {
    let good =
        std::fs::read_to_string(format!("{INCIDENTS}/2025-09-16-reconcile-failover-race.yaml"))
            .expect("an incident file");
    let half = good.split_at(good.len() / 2).0;
    for (name, content, place, expected) in [
        ("cut", half.to_owned(), "line 84", "a text after it"),
        ("type", good.replacen("order: 3", "order: three", 1), "line 63", "a whole number"),
        (
            "word",
            good.replacen("event: promote", "event: elevate", 1),
            "order 3",
            "expected one of",
        ),
        ("back", good.replacen("11:45:23.779", "11:45:23.770", 1), "order 3", "or later"),
    ] {
        let name = format!("2025-09-16-reconcile-failover-race-{name}.yaml");
        let id = name.trim_end_matches(".yaml");
        let content = content.replacen("2025-09-16-reconcile-failover-race", id, 1);
        let path = file(&format!("replay-{name}"), &name, content.as_bytes());
        let output = replay(&[&path]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stderr(&output));
        for part in [&path, place, expected] {
            assert!(stderr(&output).contains(part), "{name}: {part}: {}", stderr(&output));
        }
    }
}

#[test]
fn a_page_needs_nothing_from_outside() {
    let path = format!("{INCIDENTS}/2025-09-16-reconcile-failover-race.yaml");
    let output = replay(&["--format", "html", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    for outside in ["http://", "https://", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for part in ["<!doctype html>", "serialized-operations", "memgraph-ha-2", "gateways", "clients"]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_journal_is_decided_again_and_explained_at_a_moment() {
    let folder = common::folder("replay-journal");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (journal, seen) = (path("s01.journal"), path("seen.json"));
    let played = common::memgraph_ha(&["play", SCHEDULE, "--journal", &journal]);
    assert_eq!(played.status.code(), Some(0), "{}", stderr(&played));
    let output = replay(&[&journal]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = common::text(&output.stdout);
    assert!(said.contains("0 differ from the journal"), "{said}");
    // From its first byte on, and all of it.
    let piped = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"))
        .args(["replay", "-"])
        .stdin(std::fs::File::open(&journal).expect("a journal"))
        .output()
        .expect("the binary");
    assert_eq!(piped.status.code(), Some(0), "{}", stderr(&piped));
    assert_eq!(common::text(&piped.stdout).replacen('-', &journal, 1), said);
    let until = ["--from-journal", "--until", "12s", "--out", &seen, &journal];
    let output = replay(&until);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let explained = common::memgraph_ha(&["explain", &seen]);
    assert_eq!(explained.status.code(), Some(0), "{}", stderr(&explained));
    let output = replay(&["--from-journal", "--until", "0", &journal]);
    assert_eq!(output.status.code(), Some(2));
    let said = "no controller decided before 0.000 s; the first decision is at ";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
    let output = replay(&["--from-journal", "--until", "+11.5s", &journal]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(seen["instances"].is_object() || seen["instances"].is_array(), "{seen}");
}
