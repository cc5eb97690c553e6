"""The official Python driver against an instance: HOST PORT tls|plain. Exit code 77: it is not here."""

import datetime
import sys

try:
    import neo4j
    from neo4j.exceptions import ClientError, TransientError
except ImportError as error:
    print(error)
    sys.exit(77)

host, port, secured = sys.argv[1:]
scheme = "bolt+ssc" if secured == "tls" else "bolt"
CODE = "Memgraph.ClientError.MemgraphError.MemgraphError"
EAST = datetime.timezone(datetime.timedelta(hours=2))


def refused(run, kind=ClientError, code=CODE):
    try:
        run()
    except kind as error:
        assert error.code == code, error.code
        return error.message
    raise AssertionError("it was not refused")


def auto_commit(session):
    at = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=EAST)
    told = {"text": "é", "list": [1, -2.5, None, True], "at": at, "big": 2**62}
    result = session.run("CREATE (n:Py:Driver {name: 'a'}) SET n += $told RETURN n, id(n) AS id", told=told)
    record = result.single()
    assert record.keys() == ["n", "id"], record.keys()
    node = record["n"]
    assert node.labels == {"Py", "Driver"} and node.element_id == str(record["id"])
    assert node["at"].to_native() == at and node["at"].utcoffset() == at.utcoffset(), node["at"]
    assert {key: node[key] for key in ("text", "list", "big")} == {
        key: told[key] for key in ("text", "list", "big")
    }
    summary = session.run("CREATE (:Py)-[:R {w: 1}]->(:Py)").consume()
    assert summary.counters.nodes_created == 2, summary.counters
    assert summary.counters.relationships_created == 1, summary.counters
    assert summary.server.agent.startswith("Neo4j/"), summary.server.agent


def streams(driver):
    with driver.session(fetch_size=100) as session:
        result = session.run("UNWIND range(1, 2500) AS i RETURN i")
        assert [record["i"] for record in result] == list(range(1, 2501))
        early = session.run("UNWIND range(1, 2500) AS i RETURN i")
        assert next(iter(early))["i"] == 1
        early.consume()


def explicit(driver):
    with driver.session() as session, driver.session() as other:
        transaction = session.begin_transaction()
        transaction.run("CREATE (:Tx)").consume()
        count = "MATCH (n:Tx) RETURN count(n) AS c"
        assert transaction.run(count).single()["c"] == 1
        assert other.run(count).single()["c"] == 0
        transaction.commit()
        assert other.run(count).single()["c"] == 1
        transaction = session.begin_transaction()
        transaction.run("CREATE (:Tx)").consume()
        transaction.rollback()
        assert other.run(count).single()["c"] == 1
        session.execute_write(lambda it: it.run("CREATE (:Tx)").consume())
        assert session.execute_read(lambda it: it.run(count).single()["c"]) == 2


def failures(driver):
    with driver.session() as session:
        assert "expected" in refused(lambda: session.run("RETURN").consume())
        assert session.run("RETURN 1 AS one").single()["one"] == 1
        transaction = session.begin_transaction()
        text = refused(lambda: transaction.run("SHOW REPLICAS").consume())
        assert "multicommand transactions" in text, text
        transaction.close()
        assert session.run("RETURN 2 AS two").single()["two"] == 2
        session.run("MERGE (:Lock {id: 1})").consume()
        first = session.begin_transaction()
        first.run("MATCH (n:Lock) SET n.x = 1").consume()
        with driver.session() as other:
            refused(
                lambda: other.run("MATCH (n:Lock) SET n.x = 2").consume(),
                TransientError,
                "Memgraph.TransientError.MemgraphError.MemgraphError",
            )
        first.rollback()


def shapes(session):
    record = session.run("MATCH p = (a:Py)-[r:R]->(b) RETURN p, r, a, b").single()
    path, relationship = record["p"], record["r"]
    assert path.start_node == record["a"] and path.end_node == record["b"]
    assert relationship.type == "R" and relationship["w"] == 1
    assert session.run("SHOW REPLICATION ROLE").single()["replication role"] == "main"


with neo4j.GraphDatabase.driver(f"{scheme}://{host}:{port}", auth=None) as driver:
    driver.verify_connectivity()
    with driver.session() as session:
        auto_commit(session)
        shapes(session)
    streams(driver)
    explicit(driver)
    failures(driver)
print(f"neo4j {neo4j.__version__}, {scheme}")
