//! `memgraph-ha diagram`: what can be drawn, in which forms, and what is said where nothing can be.

mod common;

use common::{folder, memgraph_ha, text};
use std::fs;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn schedule() -> String {
    format!("{ROOT}/shell-sim/schedules/s01-main-crashes.txt")
}

fn drawn(args: &[&str]) -> String {
    let output = memgraph_ha(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn everything_is_drawn_in_every_form() {
    let schedule = schedule();
    let forms = [("mermaid", ""), ("svg", "<svg "), ("html", "<!doctype html>")];
    let all: [(&[&str], &str, &str); 4] = [
        (&["rules", "--root", ROOT], "flowchart", "E10 failover"),
        (&["rules", "--phase", "elect", "--root", ROOT], "flowchart", "E10 failover"),
        (&["states", "--config", "voter-gone"], "flowchart", "E45 vote-moves"),
        (
            &["sequence", &schedule],
            "sequenceDiagram",
            "E10 failover: record intent main=mg-1 term=2",
        ),
    ];
    for (what, begin, words) in all {
        for (form, other) in forms {
            let args: Vec<&str> =
                ["diagram"].iter().chain(what).chain(&["--format", form]).copied().collect();
            let told = drawn(&args);
            let begin = if other.is_empty() { begin } else { other };
            assert!(told.starts_with(begin), "{args:?}: {told:.80}");
            // Mermaid sets names in bold.
            assert!(told.replace("</b>", "").contains(words), "{args:?} lacks {words}");
        }
    }
}

/// From a line of a journal to the rule: its id is an anchor in the kept page.
#[test]
fn a_journal_is_drawn_and_its_rules_are_anchors() {
    let folder = folder("diagram-journal");
    fs::create_dir_all(&folder).expect("a folder");
    let journal = folder.join("journal.jsonl").display().to_string();
    memgraph_ha(&["play", &schedule(), "--journal", &journal]);
    let told = drawn(&["diagram", "sequence", &journal, "--from", "+6"]);
    assert!(told.contains("E10 failover: record intent main=mg-1 term=2"), "{told}");
    let page = fs::read_to_string(format!("{ROOT}/design/generated/rules.html")).expect("a page");
    let lines = fs::read_to_string(&journal).expect("a journal");
    let mut found = 0;
    for (at, mark) in lines.match_indices("\"rule\":\"") {
        let rest = &lines[at + mark.len()..];
        let id = rest.split('"').next().unwrap_or_default();
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        found += 1;
    }
    assert!(found > 10, "{found} rules in the journal");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let schedule = schedule();
    let cases: [(&[&str], &str); 6] = [
        (&["states", "--config", "sleeps"], "no configuration \"sleeps\"\nexpected one of: quiet"),
        (&["rules", "--phase", "sleep"], "expected one of: trust, bootstrap"),
        (&["rules", "--root", "/nowhere"], "expected the folder of the workspace"),
        (&["sequence", "/nowhere.txt"], "/nowhere.txt: "),
        (&["sequence", &schedule, "--from", "9999"], "nothing happens there; expected --from"),
        (&["--all"], "--out"),
    ];
    for (what, expected) in cases {
        let args: Vec<&str> = ["diagram"].iter().chain(what).copied().collect();
        let output = memgraph_ha(&args);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}
