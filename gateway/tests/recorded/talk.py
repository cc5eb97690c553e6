"""What a client of Python says for a recording.

talk.py python|mgclient PORT"""

import sys

ROWS = "UNWIND range(1, 5) AS x RETURN x"


def statement(number):
    return f"CREATE (:Write {{number: {number}}})"


def python(port):
    import neo4j

    with neo4j.GraphDatabase.driver(f"bolt://127.0.0.1:{port}", auth=("neo", "secret")) as driver:
        with driver.session(fetch_size=2) as session:
            session.run(statement(1)).consume()
            assert len(list(session.run(ROWS))) == 5
            with session.begin_transaction() as tx:
                tx.run(statement(2)).consume()
                tx.run(statement(3)).consume()
                tx.commit()
            session.execute_write(lambda tx: tx.run(statement(4)).consume())
            with session.begin_transaction() as tx:
                tx.run(statement(5)).consume()
                tx.rollback()
            # Given up half-way.
            next(iter(session.run(ROWS)))
        with driver.session() as session:
            try:
                session.run("RETURN nothing(").consume()
            except neo4j.exceptions.Neo4jError:
                pass
            session.execute_read(lambda tx: list(tx.run(ROWS)))
            session.run(statement(6)).consume()


def mgclient(port):
    import mgclient

    connection = mgclient.connect(host="127.0.0.1", port=port, username="neo", password="secret")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(statement(1))
    cursor.execute(ROWS)
    assert len(cursor.fetchall()) == 5
    connection.autocommit = False
    cursor.execute(statement(2))
    cursor.execute(statement(3))
    connection.commit()
    cursor.execute(statement(5))
    connection.rollback()
    connection.autocommit = True
    try:
        cursor.execute("RETURN nothing(")
    except mgclient.DatabaseError:
        pass
    cursor.execute(statement(6))
    connection.close()


if __name__ == "__main__":
    {"python": python, "mgclient": mgclient}[sys.argv[1]](int(sys.argv[2]))
