//! The parser and what comes after it hold against anything that a client may send: they answer,
//! they do not panic, and what they refuse has a reason.

#[path = "../../core/tests/common/runs.rs"]
mod runs;

use instance::cypher::{self, MAX_CLAUSES, MAX_TEXT, SyntaxError, ast::Statement};
use instance::execute::{Limits, Settings, prepare};
use instance::graph::Store;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::{fs, path::Path};

fn corpus(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/statements").join(file);
    let text = fs::read_to_string(path).expect("the corpus");
    text.lines().map(str::to_owned).collect()
}

fn seeds() -> Vec<String> {
    [corpus("admin.cypher"), corpus("queries.cypher")].concat()
}

/// Parses, checks and runs within narrow bounds.
fn try_out(text: &str) {
    let Ok(Statement::Query(query)) = cypher::parse(text) else { return };
    let Ok(prepared) = prepare(query) else { return };
    let limits = Limits { rows: 1000, steps: 20_000, bytes: 1 << 20 };
    let settings = Settings { limits, ..Settings::default() };
    let mut store = Store::new();
    let Ok(Statement::Query(setup)) = cypher::parse(
        "CREATE (a:A:P {x: 1, k: 2, n: 'a'})-[:R {w: 1}]->(b:B {k: 2})-[:S]->(a), (b)-[:R]->(b)",
    ) else {
        panic!("the data are sound");
    };
    let mut transaction = store.begin();
    let setup = prepare(setup).expect("sound");
    setup.run(&Settings::default(), &mut transaction).expect("it runs");
    let before = transaction.view().clone();
    if prepared.run(&settings, &mut transaction).is_err() {
        assert_eq!(transaction.view(), &before, "{text}: a failure leaves nothing behind");
    }
    let delta = transaction.stage();
    store.apply(&delta).expect("the changes fit");
    assert_eq!(store.graph(), transaction.view(), "{text}");
    assert!(prepared.access().writes() || transaction.view() == &before, "{text} wrote");
}

#[test]
fn the_corpus_is_understood() {
    for text in seeds() {
        cypher::parse(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
        try_out(&text);
    }
}

/// One change of a text.
#[derive(Debug, Clone)]
enum Edit {
    Delete(Index, usize),
    Insert(Index, String),
    Repeat(Index, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    const PIECES: &[&str] = &[
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "`",
        "$",
        ":",
        "|",
        "-",
        "<",
        ">",
        "..",
        ",",
        ";",
        "/*",
        "//",
        "\\",
        " n",
        " AS ",
        " IN ",
        " NOT ",
        " IS NULL",
        " RETURN ",
        " WITH ",
        " SET ",
        " DELETE ",
        " WHERE ",
        "*",
        "count(",
        "null",
        "9223372036854775807",
        "1e400",
        "é",
        "\u{0}",
        " CASE WHEN ",
        " ORDER BY ",
        " LIMIT ",
        "$x",
        "{a: 1}",
        "[1, 2]",
        "-[r]->",
        "()",
    ];
    prop_oneof![
        (any::<Index>(), 1..8_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (any::<Index>(), select(PIECES)).prop_map(|(at, s)| Edit::Insert(at, s.into())),
        (any::<Index>(), ".{1,3}").prop_map(|(at, s)| Edit::Insert(at, s)),
        (any::<Index>(), 1..12_usize, 1..4_usize).prop_map(|(at, n, t)| Edit::Repeat(at, n, t)),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        match edit {
            Edit::Delete(at, length) if !chars.is_empty() => {
                let at = at.index(chars.len());
                let end = (at + length).min(chars.len());
                chars.drain(at..end);
            }
            Edit::Insert(at, piece) => {
                let at = at.index(chars.len() + 1);
                chars.splice(at..at, piece.chars());
            }
            Edit::Repeat(at, length, times) if !chars.is_empty() => {
                let at = at.index(chars.len());
                let end = (at + length).min(chars.len());
                let piece: Vec<_> = chars[at..end].repeat(*times);
                chars.splice(end..end, piece);
            }
            Edit::Delete(..) | Edit::Repeat(..) => {}
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(runs::runs(3000))]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,80}") {
        try_out(&text);
    }

    #[test]
    fn any_mutation_is_answered(
        seed in select(seeds()),
        edits in proptest::collection::vec(edit(), 1..6),
    ) {
        try_out(&edited(&seed, &edits));
    }

    #[test]
    fn any_mixture_is_answered(
        one in select(seeds()),
        other in select(seeds()),
        at in any::<(Index, Index)>(),
    ) {
        let one: Vec<char> = one.trim_end_matches(';').chars().collect();
        let other: Vec<char> = other.chars().collect();
        let (head, tail) = (at.0.index(one.len()), at.1.index(other.len()));
        let mixture: String = one[..head].iter().chain(&other[tail..]).collect();
        try_out(&mixture);
    }
}

/// Blanks, comments and the case of keywords do not count.
#[test]
fn only_words_and_names_count() {
    for text in corpus("admin.cypher") {
        let parsed = cypher::parse(&text).expect("sound");
        let spread = text.replace(' ', " /* between */\n\t");
        assert_eq!(cypher::parse(&spread).as_ref(), Ok(&parsed), "{spread}");
        let keywords = text.to_ascii_lowercase();
        if text.to_ascii_uppercase() == text {
            assert_eq!(cypher::parse(&keywords).as_ref(), Ok(&parsed), "{keywords}");
        }
    }
}

/// What would overflow the stack of a recursive parser, or of who walks and drops its trees.
#[test]
fn depth_is_bounded() {
    let deep = [
        format!("RETURN {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
        format!("RETURN {}", "[".repeat(50_000)),
        format!("RETURN {}", "{a: ".repeat(50_000)),
        format!("RETURN {}1", "NOT ".repeat(50_000)),
        format!("RETURN {}1", "- ".repeat(50_000)),
        format!("RETURN 1{}", " + 1".repeat(50_000)),
        format!("RETURN 1{}", " OR 1".repeat(50_000)),
        format!("RETURN a{}", ".b".repeat(50_000)),
        format!("RETURN a{}", "[0]".repeat(50_000)),
        format!("RETURN {}", "size(".repeat(50_000)),
        format!("RETURN {}", "CASE WHEN ".repeat(50_000)),
        format!("MATCH (a){} RETURN a", "-->()".repeat(50_000)),
        format!("{}RETURN 1", "WITH 1 AS a ".repeat(MAX_CLAUSES + 1)),
        " ".repeat(MAX_TEXT + 1),
    ];
    for text in deep {
        let head: String = text.chars().take(30).collect();
        let parsed = cypher::parse(&text);
        assert!(matches!(parsed, Err(SyntaxError::TooMuch { .. })), "{head}: {parsed:?}");
    }
    let many = format!("MATCH {}() RETURN 1", "(), ".repeat(1000));
    try_out(&many);
    let nested = "WITH [a] AS a ".repeat(MAX_CLAUSES - 2);
    let Ok(Statement::Query(query)) = cypher::parse(&format!("WITH 1 AS a {nested}RETURN a"))
    else {
        panic!("it is within the bounds of the text");
    };
    let prepared = prepare(query).expect("sound");
    let outcome = prepared.run(&Settings::default(), &mut Store::new().begin());
    let refused = outcome.expect_err("too deep a list").to_string();
    assert!(refused.contains("levels of lists"), "{refused}");
}

/// As deep as it may be, it is parsed, checked, run and dropped on a test's small stack.
#[test]
fn what_is_just_within_the_bounds_runs() {
    for text in [
        format!("RETURN {}1{}", "(".repeat(90), ")".repeat(90)),
        format!("RETURN size({}{})", "[".repeat(60), "]".repeat(60)),
        format!("RETURN 1{}", " + 1".repeat(250)),
        format!("RETURN {}1 = 1", "NOT ".repeat(250)),
        format!("MATCH (a){} RETURN a", "-->()".repeat(127)),
    ] {
        let Ok(Statement::Query(query)) = cypher::parse(&text) else { panic!("{text}") };
        let prepared = prepare(query).expect("sound");
        let mut store = Store::new();
        prepared.run(&Settings::default(), &mut store.begin()).expect("it runs");
    }
}
