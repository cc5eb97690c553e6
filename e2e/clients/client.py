"""One client of a kind, in the virtual environment of its driver: writes until a file tells it to stop,
with a line of the ledger for each write (`memgraph-ha workload check` reads it).

client.py KIND HOST PORT LEDGER FIRST-NUMBER PAUSE-MS STOP-FILE
"""

import json
import os
import sys
import time


def statement(number):
    return f"CREATE (:Write {{number: {number}}})"


class InDoubt(Exception):
    """Nobody knows whether the write was applied."""


class Refused(Exception):
    """It certainly was not applied, and the driver gave up."""


class Neo4j:
    """The driver of Neo4j, of whatever version is installed."""

    def __init__(self, host, port, managed):
        import neo4j

        self.errors = neo4j.exceptions
        self.driver = neo4j.GraphDatabase.driver(f"bolt://{host}:{port}", auth=("", ""))
        self.managed = managed

    def write(self, number):
        try:
            with self.driver.session() as session:
                if self.managed:
                    session.execute_write(lambda tx: tx.run(statement(number)).consume())
                else:
                    session.run(statement(number)).consume()
        except self.errors.Neo4jError as error:
            raise Refused(f"{error.code}: {error.message}") from error
        except self.errors.DriverError as error:
            told = f"{type(error).__name__}: {error}"
            # Where no connection could be made nothing was sent.
            raise (Refused if "Couldn't connect" in told else InDoubt)(told) from error


class Mgclient:
    """pymgclient: one connection without a pool, which never tries anything again."""

    def __init__(self, host, port):
        import mgclient

        self.module, self.where, self.connection = mgclient, (host, port), None

    def write(self, number):
        if self.connection is None:
            try:
                host, port = self.where
                self.connection = self.module.connect(host=host, port=port)
                self.connection.autocommit = True
            except self.module.Error as error:
                self.connection = None
                raise Refused(f"no connection: {error}") from error
        try:
            self.connection.cursor().execute(statement(number))
        except self.module.Error as error:
            broken = self.connection.status == self.module.CONN_STATUS_BAD
            told = f"{type(error).__name__}: {error}"
            if broken:
                self.connection = None
            raise (InDoubt if broken else Refused)(told) from error


def opened(kind, host, port):
    if kind == "mgclient":
        return Mgclient(host, port)
    return Neo4j(host, port, managed=kind == "managed")


def main():
    kind, host, port, ledger, first, pause, stop = sys.argv[1:]
    client = opened(kind, host, int(port))
    number, pause = int(first), int(pause) / 1000
    with open(ledger, "a", encoding="utf-8", buffering=1) as out:
        while not os.path.exists(stop):
            number += 1
            began, end, why = time.time_ns() // 1000, "acked", None
            try:
                client.write(number)
            except InDoubt as error:
                end, why = "in-doubt", str(error)
            except Refused as error:
                end, why = "failed", str(error)
            line = {
                "number": number, "kind": "managed" if kind == "managed" else "auto",
                "began": began, "ended": time.time_ns() // 1000, "end": end, "tries": 1,
            }
            if why:
                line["why"] = why
            out.write(json.dumps(line) + "\n")
            time.sleep(pause if end == "acked" else max(pause, 0.02))


if __name__ == "__main__":
    main()
