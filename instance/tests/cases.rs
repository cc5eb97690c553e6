//! Files of statements and what each comes to. A file is one database; a line `name> ` before a
//! statement is a session, in which BEGIN, COMMIT and ROLLBACK count; `:param x = value` gives a
//! parameter. Every commit is also applied to a replica, which must hold the same afterwards.
//! `UPDATE=1 cargo test -p instance --test cases` writes what comes out into the files.

use instance::cypher::{self, Function, ast::Statement};
use instance::execute::{Limits, Outcome, QueryError, Settings, prepare};
use instance::graph::{Delta, Store, Transaction};
use instance::value::{Answer, EdgeView, Entity, Name, Never, NodeView, Property, Value};
use shell_sim::memgraph::Payload;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::{env, fs, path::Path};

const NOW_MICROS: i64 = 1_772_368_201_500_000;

#[derive(Default)]
struct Database {
    main: Store,
    replica: Store,
    open: BTreeMap<String, (Transaction, Delta)>,
    settings: Settings,
}

impl Database {
    fn answer(&mut self, session: &str, text: &str) -> String {
        if let Some(rest) = text.strip_prefix(":param ") {
            let (name, value) = rest.split_once('=').expect("a name and a value");
            let value = self.query(session, &format!("RETURN {value}"));
            let value =
                value.expect("a value").rows[0][0].convert(&mut |_| Err::<Property, ()>(()));
            let name: Name = name.trim().into();
            self.settings.parameters.insert(name, value.expect("no entity"));
            return String::new();
        }
        if let Some(rest) = text.strip_prefix(":rows ") {
            self.settings.limits =
                Limits { rows: rest.parse().expect("a number"), ..Limits::default() };
            return String::new();
        }
        match cypher::parse(text) {
            Err(why) => format!("error: {why}\n"),
            Ok(Statement::Admin(admin)) => format!("{admin:?}\n"),
            Ok(Statement::Begin) => {
                let transaction = self.main.begin();
                let before = self.open.insert(session.into(), (transaction, Delta::default()));
                assert!(before.is_none(), "{session} is in a transaction");
                String::new()
            }
            Ok(Statement::Rollback) => {
                let (transaction, _) = self.open.remove(session).expect("a transaction");
                self.main.finish(&transaction);
                String::new()
            }
            Ok(Statement::Commit) => {
                let (transaction, delta) = self.open.remove(session).expect("a transaction");
                self.commit(&transaction, &delta);
                String::new()
            }
            Ok(Statement::Query(_)) => match self.query(session, text) {
                Ok(outcome) => show_outcome(&outcome),
                Err(text) => text,
            },
        }
    }

    fn query(&mut self, session: &str, text: &str) -> Result<Outcome, String> {
        let Ok(Statement::Query(query)) = cypher::parse(text) else { panic!("{text}") };
        let wrong = |why: QueryError| format!("error: {why}\n");
        let prepared = prepare(query).map_err(wrong)?;
        let held = self.open.remove(session);
        let explicit = held.is_some();
        let (mut transaction, mut delta) =
            held.unwrap_or_else(|| (self.main.begin(), Delta::default()));
        self.settings.now_micros = NOW_MICROS;
        let outcome = prepared.run(&self.settings, &mut transaction).map_err(wrong);
        let claimed = outcome.and_then(|outcome| {
            let claimed = self.main.claim(&mut transaction);
            claimed.map_err(|why| format!("transient: {why}\n")).map(|()| outcome)
        });
        if claimed.is_ok() {
            let staged = transaction.stage();
            assert!(prepared.access().writes() || staged.is_empty(), "{text} wrote");
            delta.absorb(staged);
        }
        if explicit {
            self.open.insert(session.into(), (transaction, delta));
        } else if claimed.is_ok() {
            self.commit(&transaction, &delta);
        } else {
            self.main.finish(&transaction);
        }
        claimed
    }

    fn commit(&mut self, transaction: &Transaction, delta: &Delta) {
        assert_eq!(transaction.changes(), delta.changes(), "all that it changed is shipped");
        let shipped = serde_json::to_string(delta).expect("a delta");
        let shipped: Delta = serde_json::from_str(&shipped).expect("the same delta");
        assert_eq!(&shipped, delta);
        self.main.apply(delta).expect("it fits the main");
        self.main.finish(transaction);
        self.replica.apply(&shipped).expect("it fits the replica");
        assert_eq!(self.main.graph(), self.replica.graph());
    }
}

fn show_outcome(outcome: &Outcome) -> String {
    let mut text = String::new();
    if !outcome.columns.is_empty() {
        let _ = writeln!(text, "{}", outcome.columns.join(" | "));
    }
    for row in &outcome.rows {
        let row: Vec<_> = row.iter().map(show).collect();
        let _ = writeln!(text, "{}", row.join(" | "));
    }
    if !outcome.stats.is_empty() {
        let changed = outcome.stats.entries().into_iter().filter(|(_, number)| *number > 0);
        let changed: Vec<_> = changed.map(|(key, number)| format!("{key} {number}")).collect();
        let _ = writeln!(text, "-- {}", changed.join(", "));
    }
    text
}

fn show(value: &Answer) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{:?}", number.get()),
        Value::String(text) => format!("{text:?}"),
        Value::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => show_entries(entries.iter().map(|(k, v)| (k, show(v)))),
        Value::Temporal(temporal) => temporal.to_string(),
        Value::Entity(Entity::Node(node)) => show_node(node),
        Value::Entity(Entity::Edge(edge)) => show_edge(edge),
        Value::Entity(Entity::Path { nodes, edges }) => {
            let mut text = show_node(&nodes[0]);
            for (edge, node) in edges.iter().zip(&nodes[1..]) {
                text += &format!(" {} {}", show_edge(edge), show_node(node));
            }
            format!("<{text}>")
        }
    }
}

fn show_entries<'a>(entries: impl Iterator<Item = (&'a Name, String)>) -> String {
    let entries: Vec<_> = entries.map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{{{}}}", entries.join(", "))
}

fn show_properties(properties: &BTreeMap<Name, Property>) -> String {
    if properties.is_empty() {
        return String::new();
    }
    let shown = |value: &Property| {
        show(&value.convert::<Entity, Never>(&mut |never| match *never {}).unwrap_or(Value::Null))
    };
    format!(" {}", show_entries(properties.iter().map(|(name, value)| (name, shown(value)))))
}

fn show_node(node: &NodeView) -> String {
    let labels: String = node.labels.iter().map(|label| format!(":{label}")).collect();
    format!("({}{labels}{})", node.id.0, show_properties(&node.properties))
}

fn show_edge(edge: &EdgeView) -> String {
    let (id, from, to) = (edge.id.0, edge.from.0, edge.to.0);
    format!("[{id}:{} {from}->{to}{}]", edge.kind, show_properties(&edge.properties))
}

/// The file as it should be.
fn run(text: &str) -> String {
    let mut database = Database::default();
    let mut out = String::new();
    for block in text.trim_end().split("\n\n") {
        let (input, _) = block.split_once("\n----").unwrap_or((block, ""));
        let comment = input.lines().take_while(|line| line.starts_with('#')).count();
        let statement: Vec<_> = input.lines().skip(comment).collect();
        let statement = statement.join("\n");
        let _ = write!(out, "{input}\n----\n");
        if !statement.is_empty() {
            let session = statement.split_once("> ").filter(|(session, _)| {
                !session.is_empty() && session.chars().all(char::is_alphanumeric)
            });
            let (session, statement) = session.unwrap_or(("", &statement));
            out += &database.answer(session, statement);
        }
        out.push('\n');
    }
    assert!(database.open.is_empty(), "a transaction is left open");
    assert_eq!(database.main.open_transactions(), 0);
    out.trim_end().to_owned() + "\n"
}

#[test]
fn statements_come_to_what_the_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the cases")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "cases are there: {files:?}");
    for file in files {
        let text = fs::read_to_string(&file).expect("a text");
        let found = run(&text);
        if env::var_os("UPDATE").is_some() {
            fs::write(&file, found).expect("a file to write");
        } else {
            for (number, (found, expected)) in found.lines().zip(text.lines()).enumerate() {
                assert_eq!(found, expected, "{}:{}", file.display(), number + 1);
            }
            assert_eq!(found, text, "{}", file.display());
        }
    }
}

/// A function that no file shows may not even be carried out: matching on functions has wildcards.
#[test]
fn every_function_has_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = fs::read_dir(folder).expect("the cases");
    let texts: Vec<_> = files
        .map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("a text"))
        .collect();
    let text = texts.concat().to_ascii_lowercase();
    for function in Function::ALL {
        let call = format!("{}(", function.name().to_ascii_lowercase());
        assert!(text.contains(&call), "no case calls {}()", function.name());
    }
}
