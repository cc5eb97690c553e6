//! Stories: one file, one recipe. A schedule, a line of dashes, and what the controllers did and
//! why. `UPDATE=1 cargo test -p shell-sim --test stories` writes the second half anew; take only
//! what you understand.

use shell_sim::schedule::{Schedule, run};
use std::{fs, path::Path};

#[expect(
    clippy::disallowed_methods,
    reason = "whether to rewrite is the one thing asked of outside"
)]
fn rewrites() -> bool {
    std::env::var("UPDATE").is_ok_and(|value| value == "1")
}

#[test]
fn stories_are_told_as_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 6, "stories are missing");
    let mut changed = Vec::new();
    for path in names {
        let text = fs::read_to_string(&path).unwrap();
        let (told, expected) = text.split_once("----\n").unwrap_or((&text, ""));
        let report = run(&Schedule::parse(told).unwrap(), ha_core::plan);
        let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
        assert!(report.is_good(), "{}: {failures:?}", path.display());
        if report.story() == expected {
            continue;
        }
        if rewrites() {
            fs::write(&path, format!("{}\n----\n{}", told.trim_end(), report.story())).unwrap();
        } else {
            changed.push(format!("{}\n{}", path.display(), report.story()));
        }
    }
    assert!(changed.is_empty(), "told otherwise now:\n{}", changed.join("\n"));
}
