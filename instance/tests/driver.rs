//! neo4rs, a driver that users have, talks to a simulated instance: what it writes it reads.

use instance::{Server, Settings};
use neo4rs::{Graph, query};

#[tokio::test]
async fn neo4rs_writes_and_reads() {
    let flags = ["--bolt-address=127.0.0.1", "--bolt-port=0", "--replication-address=127.0.0.1"];
    let flags: Vec<String> = flags.into_iter().map(ToOwned::to_owned).collect();
    let (settings, unknown) = Settings::parse(&flags, |_| None).expect("settings");
    assert!(unknown.is_empty(), "{unknown:?}");
    let running = Server::start(settings).await.expect("an instance");
    let graph = Graph::new(format!("bolt://{}", running.bolt_address()), "", "").expect("a driver");
    // `execute`, never `run`: that one sends a statement again after a failure (BG 2.2).
    let create = query("CREATE (n:Number {value: $value}) RETURN n.value AS value");
    let mut rows = graph.execute(create.param("value", 7)).await.expect("a write");
    let row = rows.next().await.expect("an answer").expect("a row");
    assert_eq!(row.get::<i64>("value").expect("a number"), 7);
    let mut rows =
        graph.execute(query("MATCH (n:Number) RETURN count(n) AS found")).await.expect("a read");
    let row = rows.next().await.expect("an answer").expect("a row");
    assert_eq!(row.get::<i64>("found").expect("a number"), 1);
    running.stop().await.expect("its end");
}
