"""One round: a cluster of its own, clients, and a share of the moves, one after the other."""

import json
import subprocess
import time

from .cluster import REVIVED, Demo, pod, voteless
from .ledgers import all_go_on, started
from .machine import Failed, Move, micros


def switchover(demo, kept, number):
    """Every other one goes to an instance without a vote: readers are at such a one, and have to leave."""
    to = voteless(kept) if number % 2 else None
    begun = micros()
    demo.command("switchover", "--wait", *([f"--to={pod(to)}"] if to else []))
    return begun, "voteless" if to else "best"


def kill(demo, kept, _number):
    return demo.kill_main(kept["target"]), "best"


def moves(demo, clients, options, move, times, deadline):
    """So many moves, or fewer if time is over."""
    done = []
    for number in range(times):
        if time.monotonic() > deadline:
            break
        kept = demo.ready()
        begun, to = move(demo, kept, number)
        all_go_on(clients, micros())
        done.append(Move(begun, micros(), to))
        demo.moved(kept["target"])
        time.sleep(options.rest_ms / 1000)
    return done


def compared(demo, clients):
    """Every ledger with every instance."""
    command = [demo.binary, "workload", "check", "--timeout-seconds=60"]
    command += [f"--ledger={it.path}" for it in clients]
    command += [f"--instance={it}" for it in demo.instances]
    done = subprocess.run([str(it) for it in command], capture_output=True, text=True, timeout=180)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise Failed(f"no verdict: {done.stdout} {done.stderr}") from error


def one_round(options, folder, share, deadline):
    """What came of a share of the moves, for `judge` and `figures`."""
    folder.mkdir()
    demo, clients = Demo(options, folder), []
    stop = folder / "stop"
    try:
        clients = started(options, demo, folder)
        all_go_on(clients, micros())
        ordered = moves(demo, clients, options, switchover, share["switchovers"], deadline)
        killed = moves(demo, clients, options, kill, share["kills"], deadline)
        demo.ready()
        stop.touch()
        for client in clients:
            client.end()
        verdict, metrics = compared(demo, clients), demo.metrics()
        one = {
            "switchovers": ordered, "kills": killed, "verdict": verdict, "gateway": metrics,
            "clients": {
                it.name: {"lines": it.lines, "reads": it.reads, "at": it.at} for it in clients
            },
            "revived": [line for line in demo.stop() if REVIVED in line],
        }
        moments = {
            "switchovers": [it._asdict() for it in ordered], "kills": [it._asdict() for it in killed],
            "gateway": metrics, "verdict": verdict,
        }
        (folder / "round.json").write_text(json.dumps(moments, indent=2) + "\n", encoding="utf-8")
        return one
    finally:
        stop.touch()
        for client in clients:
            client.stop()
        demo.stop()
