"""What has to be there before anything runs: the binaries, and the drivers."""

import collections
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
# How long anything may take that works, in seconds.
LIMIT = 60
PYTHON_5, PYTHON_6, MGCLIENT = "neo4j==5.28.1", "neo4j==6.4.1", "pymgclient==1.6.0"
JAVASCRIPT = "neo4j-driver@6"


# One move: when it began, when every client had gone on, and which instance was to be the main.
Move = collections.namedtuple("Move", "begun ended to")


class Failed(Exception):
    """It did not go as it must."""


def micros():
    return time.time_ns() // 1000


def run(*command, **options):
    """A command that has to succeed; its output."""
    done = subprocess.run([str(it) for it in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def built(options):
    """The binaries, which cargo makes where none are given."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    if options.binary is None:
        run("cargo", "build", "--release", "-p", "memgraph-ha", cwd=ROOT)
        options.binary = target / "release" / "memgraph-ha"
    if options.neo4rs is None:
        run("cargo", "build", "--release", "-p", "instance", "--example", "neo4rs-client", cwd=ROOT)
        options.neo4rs = target / "release" / "examples" / "neo4rs-client"


def drivers(options, folder):
    """The drivers, installed into a temporary folder where none are given."""
    for name, packages in (("python5", [PYTHON_5]), ("python6", [PYTHON_6, MGCLIENT])):
        if getattr(options, name) is None:
            run(sys.executable, "-m", "venv", folder / name)
            run(folder / name / "bin" / "pip", "install", "--quiet", *packages)
            setattr(options, name, folder / name)
    if options.javascript is None:
        options.javascript = folder / "javascript"
        options.javascript.mkdir()
        run("npm", "install", "--silent", JAVASCRIPT, cwd=options.javascript)
