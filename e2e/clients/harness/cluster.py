"""The cluster: `memgraph-ha demo --serve`, and what is done to it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

from .machine import LIMIT, Failed, micros

PREFIX = "memgraph_gateway_"
# What the demo says of a controller or a gateway that ended by itself.
REVIVED = "it starts again"


def record(status):
    try:
        return status["observation"]["record"]["known"]["value"]["content"]["record"]
    except (KeyError, TypeError):
        return None


def unready(status):
    """What is left to do, by what a leader shows."""
    kept, plan = record(status), status.get("plan") or {}
    if kept is None or kept["stage"] != "steady":
        return f"the record is {kept and kept['stage']}"
    unproven = [name for name, it in kept["members"].items() if not it.get("proof")]
    holds = [it["rule"] for it in plan.get("holds", []) if it["rule"] not in ("X10", "X20")]
    if unproven or len(kept["members"]) < 2 or plan.get("steps") or holds:
        return f"unproven {unproven}, steps {plan.get('steps')}, holds {holds}"
    return None


def voteless(kept):
    """The first instance that replicates without a vote: readers are at such a one."""
    return next((name for name, it in kept["members"].items() if not it["votes"]), None)


def pod(name):
    return f"memgraph-ha-{number_of(name)}"


def number_of(name):
    return int(name.removeprefix("mg-"))


class Demo:
    """A process of ours, and those that it starts."""

    def __init__(self, options, folder):
        self.log = open(folder / "demo.log", "w", encoding="utf-8")
        first = options.port
        self.instances = [f"127.0.0.1:{first + 100 + no}" for no in range(3)]
        self.write, self.read = f"127.0.0.1:{first}", f"127.0.0.1:{first + 1}"
        command = [
            options.binary, "demo", "--serve", f"--port={first}", f"--read-port={first + 1}",
            f"--page-port={first + 10}", f"--instance-port={first + 100}", "--journal",
            f"--folder={folder / 'demo'}",
        ]
        self.binary = options.binary
        self.child = subprocess.Popen([str(it) for it in command], stdout=subprocess.PIPE,
                                      stderr=self.log, text=True)
        self.said = {}
        try:
            self.listen(folder)
        except BaseException:
            self.stop()
            raise
        self.flags = self.said["flags"].split()
        self.host, self.port = self.write.rsplit(":", 1)
        self.pages = [flag.split("=", 1)[1] for flag in self.flags if "--controller" in flag]

    def listen(self, folder):
        """What it says until it is ready."""
        for line in self.child.stdout:
            self.log.write(line)
            for name, pattern in (
                ("write", r"writes: bolt://(\S+)"), ("read", r"reads: bolt://(\S+)"),
                ("metrics", r"gateway: (\S+)"), ("flags", r"commands: memgraph-ha switchover (.+)"),
                ("ready", r" s  (ready)"),
            ):
                if found := re.search(pattern, line):
                    self.said[name] = found.group(1)
            if "ready" in self.said or "not settled yet" in line:
                break
        if "ready" not in self.said:
            raise Failed(f"the cluster did not come up: {folder / 'demo.log'}")
        if (self.said["write"], self.said["read"]) != (self.write, self.read):
            raise Failed(f"{self.write} or {self.read} is busy: --port names others")

    def command(self, name, *more):
        done = subprocess.run([str(self.binary), name, *self.flags, *more], capture_output=True,
                              text=True, timeout=LIMIT * 2)
        if done.returncode != 0:
            raise Failed(f"{name}: {done.stdout.strip()} {done.stderr.strip()}")
        return done

    def ready(self):
        """Waits until another instance could take over and nothing is left to do; the record. Under load a
        replica without a vote is always a little behind: that counts as rest."""
        until, last = time.monotonic() + LIMIT, "no controller leads"
        while time.monotonic() < until:
            status = self.leader()
            if status is not None:
                obstacle = unready(status)
                if obstacle is None:
                    return record(status)
                last = obstacle
            time.sleep(0.02)
        raise Failed(f"the cluster does not come to rest: {last}")

    def moved(self, main):
        """Waits until the record names another main than this one."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            kept = record(self.leader())
            if kept is not None and kept["target"] != main:
                return
            time.sleep(0.02)
        raise Failed(f"{main} is the main all the same")

    def leader(self):
        """What the leading controller shows."""
        for page in self.pages:
            try:
                with urllib.request.urlopen(f"http://{page}/v1/status", timeout=2) as answer:
                    status = json.load(answer)
            except OSError:
                continue
            if status.get("leads"):
                return status
        return None

    def kill_main(self, main):
        """`kill -9` of the process that answers at the main's port, a child of the demo; the moment."""
        port = self.instances[number_of(main)].rsplit(":", 1)[1]
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == self.child.pid and "instance" in words and f"--bolt-port={port}" in words:
                moment = micros()
                os.kill(int(entry.name), signal.SIGKILL)
                return moment
        raise Failed(f"no process answers at port {port}")

    def metrics(self):
        """What the gateway counted, of both listeners."""
        with urllib.request.urlopen(self.said["metrics"], timeout=5) as answer:
            text = answer.read().decode()
        lines = (it.rsplit(" ", 1) for it in text.splitlines() if it.startswith(PREFIX))
        return {name.removeprefix(PREFIX): float(value) for name, value in lines}

    def stop(self):
        """Ends it; what it said since it was ready."""
        if self.log.closed:
            return []
        self.child.terminate()
        try:
            said, _ = self.child.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            said, _ = self.child.communicate()
        self.log.write(said or "")
        self.log.close()
        return (said or "").splitlines()
