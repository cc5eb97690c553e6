"""pymgclient against an instance: HOST PORT tls|plain. Exit code 77: it is not here."""

import sys

try:
    import mgclient
except ImportError as error:
    print(error)
    sys.exit(77)

host, port, secured = sys.argv[1:]
mode = mgclient.MG_SSLMODE_REQUIRE if secured == "tls" else mgclient.MG_SSLMODE_DISABLE


def connect(**more):
    return mgclient.connect(host=host, port=int(port), sslmode=mode, **more)


def rows(connection, query, parameters=None):
    cursor = connection.cursor()
    cursor.execute(query, parameters or {})
    return cursor.fetchall()


def refused(connection, query):
    try:
        rows(connection, query)
    except mgclient.DatabaseError as error:
        return str(error)
    raise AssertionError(f"{query} was not refused")


alone = connect()
alone.autocommit = True
rows(alone, "CREATE (n:Mg {name: $name, list: $list})", {"name": "a", "list": [1, 2.5, None]})
((node,),) = rows(alone, "MATCH (n:Mg) RETURN n")
assert node.labels == {"Mg"} and node.properties == {"name": "a", "list": [1, 2.5, None]}, node
rows(alone, "MATCH (n:Mg) CREATE (n)-[:R {w: 1}]->(:Mg)")
((path, edge),) = rows(alone, "MATCH p = (:Mg)-[r:R]->() RETURN p, r")
assert len(path.nodes) == 2 and edge.type == "R" and edge.properties == {"w": 1}
assert rows(alone, "SHOW REPLICATION ROLE") == [("main",)]
cursor = alone.cursor()
cursor.execute("SHOW REPLICAS")
columns = [column.name for column in cursor.description]
assert columns == ["name", "socket_address", "sync_mode", "system_info", "data_info"], columns
assert cursor.fetchall() == []
assert "expected" in refused(alone, "RETURN")
assert rows(alone, "RETURN 1") == [(1,)], "the connection goes on after a failure"

lazy = connect(lazy=True)
cursor = lazy.cursor()
cursor.execute("UNWIND range(1, 2500) AS i RETURN i")
assert cursor.fetchone() == (1,)
assert cursor.fetchmany(9) == [(i,) for i in range(2, 11)]
assert len(cursor.fetchall()) == 2490
lazy.commit()

own = connect()
count = "MATCH (n:Tx) RETURN count(n)"
rows(own, "CREATE (:Tx)")
assert rows(own, count) == [(1,)] and rows(alone, count) == [(0,)]
own.commit()
assert rows(alone, count) == [(1,)]
rows(own, "CREATE (:Tx)")
own.rollback()
assert rows(own, count) == [(1,)]
assert "multicommand transactions" in refused(own, "SHOW REPLICAS")
print(f"pymgclient, {secured}")
