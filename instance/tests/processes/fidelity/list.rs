//! The list in `design/fidelity.md` is whole: each row of the tables of its sections is there, each
//! test that it names exists, and each test of this folder is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Table rows of a document by the number of their section, heads left out.
fn tables(text: &str) -> BTreeMap<String, Vec<String>> {
    let (mut sections, mut section) = (BTreeMap::<String, Vec<String>>::new(), String::new());
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim();
            section = title.split_whitespace().next().unwrap_or_default().to_owned();
        }
        let is_row = line.starts_with('|');
        if is_row && inside {
            sections.entry(section.clone()).or_default().push(line.to_owned());
        }
        inside = is_row && (inside || line.starts_with("|---"));
    }
    sections
}

/// Names of test functions in the files of a folder.
fn functions(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = read(&path);
        let parts = text.split("#[test]\n").skip(1);
        let names = parts.filter_map(|part| part.trim_start().strip_prefix("fn ")?.split_once('('));
        found.extend(names.map(|(name, _)| name.to_owned()));
    }
    found
}

/// Whether a row says that there is no test, and why.
fn excuses(row: &str) -> bool {
    row.contains("| none: ") || row.contains("section 1.3")
}

/// What stands in back quotes and is a name of a test.
fn named(row: &str) -> impl Iterator<Item = &str> {
    let quoted = row.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.contains('_') && !name.contains(['/', ' ', '-', '.']))
}

#[test]
fn each_row_has_a_test_and_each_test_a_row() {
    let semantics = tables(&read(&root().join("design/memgraph-semantics.md")));
    let fidelity = tables(&read(&root().join("design/fidelity.md")));
    let own = functions(&root().join("instance/tests/processes/fidelity"));
    let mut known = own.clone();
    known.extend(functions(&root().join("instance/tests/processes")));
    known.extend(functions(&root().join("shell-sim/src/memgraph/tests")));
    let sections = ["1.2", "1.3", "2.2", "3.3", "3.4", "4.1", "4.2", "4.3", "4.4", "5.3"];
    assert_eq!(fidelity.keys().collect::<Vec<_>>(), sections);
    let mut shown = BTreeSet::new();
    for section in sections {
        let rows = &fidelity[section];
        let first = |row: &String| row.split('|').nth(1).unwrap().trim().to_owned();
        let numbered: Vec<String> =
            rows.iter().map(first).filter(|id| id.parse::<usize>().is_ok()).collect();
        let wanted: Vec<String> =
            (1..=semantics[section].len()).map(|number| number.to_string()).collect();
        assert_eq!(numbered, wanted, "the rows of {section}");
        for row in rows {
            let tests: Vec<&str> = named(row).collect();
            assert!(!tests.is_empty() || excuses(row), "{section}: no test: {row}");
            for test in tests {
                assert!(known.contains(test), "{section}: there is no test {test}");
                shown.insert(test.to_owned());
            }
        }
    }
    let helpers = ["each_row_has_a_test_and_each_test_a_row"].map(ToOwned::to_owned);
    let forgotten: Vec<_> =
        own.iter().filter(|test| !shown.contains(*test) && !helpers.contains(test)).collect();
    assert!(forgotten.is_empty(), "not in design/fidelity.md: {forgotten:?}");
}
