"""One client of a kind, in the virtual environment of its driver: writes or reads until a file tells it
to stop, with a line of the ledger for each (`memgraph-ha workload check` reads it).

client.py KIND SCHEME HOST PORT LEDGER FIRST-NUMBER PAUSE-MS STOP-FILE

KIND is auto, managed, read or mgclient; SCHEME bolt or neo4j.
"""

import json
import os
import sys
import time

READ = "MATCH (n:Write) RETURN count(n) AS found"
# Where no connection could be made, or none was to be had by ROUTE, nothing was sent.
UNSENT = ("Couldn't connect", "Unable to retrieve routing information", "service currently available")


def statement(number):
    return f"CREATE (:Write {{number: {number}}})"


class InDoubt(Exception):
    """Nobody knows whether the write was applied."""


class Refused(Exception):
    """It certainly was not applied, and the driver gave up."""


class Neo4j:
    """The driver of Neo4j, of whatever version is installed."""

    def __init__(self, uri, kind):
        import neo4j

        self.errors = neo4j.exceptions
        self.driver = neo4j.GraphDatabase.driver(uri, auth=("", ""))
        self.work = {"auto": self.auto, "managed": self.managed, "read": self.read}[kind]

    def do(self, line):
        """One write or read; what is known of it goes to its line."""
        try:
            with self.driver.session() as session:
                summary = self.work(session, line)
                line["at"] = str(summary.server.address)
        except self.errors.Neo4jError as error:
            raise Refused(f"{error.code}: {error.message}") from error
        except self.errors.DriverError as error:
            told = f"{type(error).__name__}: {error}"
            unsent = any(it in told for it in UNSENT)
            raise (Refused if unsent or line["kind"] == "read" else InDoubt)(told) from error

    def auto(self, session, line):
        line["tries"] += 1
        return session.run(statement(line["number"])).consume()

    def managed(self, session, line):
        return session.execute_write(lambda tx: self.auto(tx, line))

    def read(self, session, line):
        def work(tx):
            line["tries"] += 1
            result = tx.run(READ)
            return result.single()["found"], result.consume()

        line["number"], summary = session.execute_read(work)
        return summary


class Mgclient:
    """pymgclient: one connection without a pool, which never tries anything again."""

    def __init__(self, host, port):
        import mgclient

        self.module, self.where, self.connection = mgclient, (host, port), None

    def do(self, line):
        line["tries"] += 1
        if self.connection is None:
            try:
                host, port = self.where
                self.connection = self.module.connect(host=host, port=port)
                self.connection.autocommit = True
            except self.module.Error as error:
                self.connection = None
                raise Refused(f"no connection: {error}") from error
        try:
            self.connection.cursor().execute(statement(line["number"]))
        except self.module.Error as error:
            broken = self.connection.status == self.module.CONN_STATUS_BAD
            told = f"{type(error).__name__}: {error}"
            if broken:
                self.connection = None
            raise (InDoubt if broken else Refused)(told) from error


def opened(kind, scheme, host, port):
    if kind == "mgclient":
        return Mgclient(host, int(port))
    return Neo4j(f"{scheme}://{host}:{port}", kind)


def main():
    kind, scheme, host, port, ledger, first, pause, stop = sys.argv[1:]
    client = opened(kind, scheme, host, port)
    number, pause = int(first), int(pause) / 1000
    with open(ledger, "a", encoding="utf-8", buffering=1) as out:
        while not os.path.exists(stop):
            number += 1
            line = {
                "number": number, "kind": "auto" if kind == "mgclient" else kind,
                "began": time.time_ns() // 1000, "ended": 0, "end": "acked", "tries": 0,
            }
            try:
                client.do(line)
            except InDoubt as error:
                line["end"], line["why"] = "in-doubt", str(error)
            except Refused as error:
                line["end"], line["why"] = "failed", str(error)
            line["ended"] = time.time_ns() // 1000
            out.write(json.dumps(line) + "\n")
            time.sleep(pause if line["end"] == "acked" else max(pause, 0.02))


if __name__ == "__main__":
    main()
