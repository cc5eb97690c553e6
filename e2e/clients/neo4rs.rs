//! One client with neo4rs: writes until a file tells it to stop, with a line of the ledger for each
//! write. Started by `e2e/clients/run`.
//!
//! `neo4rs-client auto HOST PORT LEDGER FIRST-NUMBER PAUSE-MS STOP-FILE`

// A client of a test may stop at what it did not expect.
#![allow(clippy::unwrap_used)]

use neo4rs::{ConfigBuilder, Error, Graph, query};
use serde_json::json;
use std::{
    env,
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

/// An auto-commit write, with the retries that neo4rs makes by itself (BG 2.2).
async fn write(graph: &Graph, number: u64) -> Result<(), Error> {
    let statement = format!("CREATE (:Write {{number: {number}}})");
    let mut rows = graph.execute(query(&statement)).await?;
    while rows.next().await?.is_some() {}
    Ok(())
}

/// What the server did not say itself is about the connection, and tells nothing of the write.
fn ending(error: &Error) -> &'static str {
    let is_answered = matches!(error, Error::Neo4j(_) | Error::AuthenticationError(_));
    let is_refused =
        matches!(error, Error::ConnectionError) || error.to_string().contains("refused");
    if is_answered || is_refused { "failed" } else { "in-doubt" }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [_kind, host, port, ledger, first, pause, stop] = args.as_slice() else {
        panic!("auto HOST PORT LEDGER FIRST-NUMBER PAUSE-MS STOP-FILE are expected");
    };
    let uri = format!("bolt://{host}:{port}");
    let config = ConfigBuilder::default().uri(&uri).user("").password("").build().unwrap();
    let graph = Graph::connect(config).unwrap();
    let mut ledger = File::options().create(true).append(true).open(ledger).unwrap();
    let pause = Duration::from_millis(pause.parse().unwrap());
    let mut number: u64 = first.parse().unwrap();
    while !Path::new(stop).exists() {
        number += 1;
        let began = micros();
        let outcome = write(&graph, number).await;
        let end = outcome.as_ref().map_or_else(ending, |()| "acked");
        let mut line = json!({
            "number": number, "kind": "auto", "began": began, "ended": micros(), "end": end,
            "tries": 1,
        });
        if let Err(error) = outcome {
            line["why"] = error.to_string().into();
        }
        writeln!(ledger, "{line}").unwrap();
        let least = Duration::from_millis(if end == "acked" { 0 } else { 20 });
        tokio::time::sleep(pause.max(least)).await;
    }
}
