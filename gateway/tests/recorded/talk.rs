//! What a client of neo4rs says for a recording.
//!
//! `neo4rs-talk PORT`

// A client of a test may stop at what it did not expect.
#![allow(clippy::unwrap_used)]

use neo4rs::{ConfigBuilder, Graph, query};

const ROWS: &str = "UNWIND range(1, 5) AS x RETURN x";

fn statement(number: u32) -> neo4rs::Query {
    query(&format!("CREATE (:Write {{number: {number}}})"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), neo4rs::Error> {
    let uri = format!("bolt://127.0.0.1:{}", std::env::args().nth(1).unwrap());
    let config = ConfigBuilder::default().uri(&uri).user("neo").password("secret");
    let graph = Graph::connect(config.fetch_size(2).max_connections(1).build()?)?;
    graph.run(statement(1)).await?;
    let mut rows = graph.execute(query(ROWS)).await?;
    while rows.next().await?.is_some() {}
    drop(rows);
    let mut both = graph.start_txn().await?;
    both.run(statement(2)).await?;
    both.run(statement(3)).await?;
    both.commit().await?;
    let mut undone = graph.start_txn().await?;
    undone.run(statement(5)).await?;
    undone.rollback().await?;
    graph.run(query("RETURN nothing(")).await.unwrap_err();
    graph.run(statement(6)).await
}
