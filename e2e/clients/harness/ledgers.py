"""The clients, a process each, and the ledger that each of them writes."""

import json
import pathlib
import subprocess
import time

from .machine import LIMIT, Failed

HERE = pathlib.Path(__file__).resolve().parent.parent


class Client:
    """A process that writes or reads, and its ledger."""

    def __init__(self, number, name, command, demo, folder, options, **more):
        self.name, self.path, self.lines, self.done = name, folder / f"{name}.jsonl", [], 0
        self.reads = "read" in command
        # Where the server must be that answers, by drivers that tell it.
        told = "bolt" in command or "neo4j" in command
        self.at = (demo.read if self.reads else demo.write) if told and "mgclient" not in command else None
        self.log = open(folder / f"{name}.log", "w", encoding="utf-8")
        words = [*command, demo.host, demo.port, self.path, number * 10**12, options.pause_ms, folder / "stop"]
        self.child = subprocess.Popen([str(it) for it in words], stdout=self.log, stderr=self.log, **more)

    def refresh(self):
        """Reads what was added to the ledger."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            file.seek(self.done)
            said = file.read()
        whole = said[: said.rfind(b"\n") + 1]
        self.done += len(whole)
        self.lines += [json.loads(line) for line in whole.splitlines()]

    def acked_since(self, moment):
        self.refresh()
        for line in reversed(self.lines):
            if line["began"] >= moment and line["end"] == "acked":
                return True
            if line["ended"] < moment:
                return False
        return False

    def end(self):
        """Waits for the end that it was told of, and reads the rest."""
        try:
            code = self.child.wait(LIMIT)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} does not end") from error
        if code != 0:
            raise Failed(f"{self.name} ended with {code}: {pathlib.Path(self.log.name).read_text()[-400:]}")
        self.refresh()

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.log.close()


def started(options, demo, folder):
    """A client of each kind. All are told the write listener alone; what reads finds the read listener
    by ROUTE."""
    five, six = (venv / "bin" / "python" for venv in (options.python5, options.python6))
    script, module = HERE / "client.py", HERE / "client.mjs"
    there = {"cwd": options.javascript}
    kinds = [
        ("python-5-auto", [five, script, "auto", "bolt"], {}),
        ("python-6-auto", [six, script, "auto", "bolt"], {}),
        ("python-6-managed", [six, script, "managed", "bolt"], {}),
        ("python-6-routed", [six, script, "managed", "neo4j"], {}),
        ("python-6-reader", [six, script, "read", "neo4j"], {}),
        ("pymgclient", [six, script, "mgclient", "bolt"], {}),
        ("neo4rs", [options.neo4rs, "auto"], {}),
        ("javascript-auto", ["node", module, "auto", "bolt"], there),
        ("javascript-managed", ["node", module, "managed", "bolt"], there),
        ("javascript-routed", ["node", module, "managed", "neo4j"], there),
        ("javascript-reader", ["node", module, "read", "neo4j"], there),
    ]
    clients = []
    for number, (name, command, more) in enumerate(kinds, 1):
        clients.append(Client(number, name, command, demo, folder, options, **more))
    return clients


def all_go_on(clients, moment):
    """Waits until every client has something acknowledged that began after a moment."""
    until = time.monotonic() + LIMIT
    silent = clients
    while time.monotonic() < until:
        silent = [it for it in silent if not it.acked_since(moment)]
        if not silent:
            return
        ended = [it.name for it in silent if it.child.poll() is not None]
        if ended:
            raise Failed(f"clients ended: {', '.join(ended)}")
        time.sleep(0.01)
    raise Failed(f"nothing is acknowledged any more: {', '.join(it.name for it in silent)}")
