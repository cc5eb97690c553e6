"""What is wrong with a round, and with a run: by ledgers, moments and counts alone, so that
`run --self-check` shows without a cluster that each demand fails where it is not kept.

A write may be in doubt only where a main was killed: it was not answered yet when the main died, or was
begun before anybody was answered by the next one. So its time must meet the window of a kill, which begins
with the kill and ends with the first acknowledgement of a write, anybody's, that began MARGIN_MS after the
kill or later. Before that a process may still be dying, and what is acknowledged shows nothing."""

import json

MARGIN_MS = 50
# As long as a gateway holds: if nobody was answered for longer, a window excuses nothing any more.
LONGEST_MS = 5_000
# Where the goal of a pause is.
GOAL_MS = 500
# Bytes of the statement that readers send, at least.
READ_BYTES = 39
# How many of a kind are told.
TOLD = 20


def begins_kills(one):
    """The moment of the first kill."""
    return min((it.begun for it in one["kills"]), default=float("inf"))


def window(killed, lines):
    """From a kill to the first acknowledgement after it; without one it has no end that counts."""
    begin = killed + MARGIN_MS * 1000
    acked = (it["ended"] for it in lines if it["end"] == "acked" and it["began"] >= begin)
    return killed, min(acked, default=None)


def windows(one):
    lines = [it for client in one["clients"].values() if not client["reads"] for it in client["lines"]]
    return [window(it.begun, lines) for it in one["kills"]]


def meets(line, kills):
    """Whether the time of a write meets a window."""
    return any(line["began"] <= until and line["ended"] >= killed for killed, until in kills)


def some(what, found):
    """A sentence for each, or for as many as are told."""
    more = [f"{what}: {len(found) - TOLD} more"] if len(found) > TOLD else []
    return [f"{what}: {it}" for it in found[:TOLD]] + more


def doubts(one):
    """Writes in doubt that no kill explains."""
    kills, wrong = windows(one), []
    endless = [killed for killed, until in kills if until is None]
    long = [it for it in kills if it[1] is not None and it[1] - it[0] > LONGEST_MS * 1000]
    wrong += some("no write that began after this kill was acknowledged", endless)
    wrong += some(f"nobody was answered within {LONGEST_MS} ms of a kill", [
        f"{killed}, after {(until - killed) // 1000} ms" for killed, until in long
    ])
    kills = [(killed, until) for killed, until in kills if until is not None]
    turn, outside = begins_kills(one), {True: [], False: []}
    for name, client in one["clients"].items():
        for line in client["lines"]:
            if line["end"] == "in-doubt" and not meets(line, kills):
                outside[line["ended"] < turn].append(f"{name} {json.dumps(line)}")
    wrong += some("a write in doubt in switchovers", outside[True])
    return wrong + some("a write in doubt outside of every kill", outside[False])


def failures(one):
    """Writes and reads that failed, be it in switchovers or in kills."""
    turn, failed = begins_kills(one), {}
    for name, client in one["clients"].items():
        for line in client["lines"]:
            if line["end"] == "failed":
                what = "read" if client["reads"] else "write"
                phase = "switchovers" if line["ended"] < turn else "kills"
                failed.setdefault(f"a {what} failed in {phase}", []).append(f"{name} {json.dumps(line)}")
    return [it for what, lines in failed.items() for it in some(what, lines)]


def places(one):
    """Clients that nothing was done for, or by a listener that is not theirs: what reads by neo4j:// is
    told the read listener, and counted there."""
    wrong, reads, readers = [], 0, 0
    for name, client in one["clients"].items():
        acked = [it for it in client["lines"] if it["end"] == "acked"]
        if not acked:
            wrong.append(f"{name} did nothing")
        if client["at"]:
            strange = [json.dumps(it) for it in acked if it.get("at") != client["at"]]
            wrong += some(f"{name} was not served at {client['at']}", strange)
        if client["reads"]:
            reads, readers = reads + len(acked), readers + 1
    counts = one["gateway"]
    for name, least in (
        ('connections_total{listener="read"}', readers),
        ('bytes_transferred_total{listener="read",direction="received"}', reads * READ_BYTES),
        # Every other switchover takes the instance that they are at.
        ('rehomed_total{listener="read"}', int(readers > 0 and len(one["switchovers"]) > 1)),
    ):
        if counts.get(name, 0) < least:
            wrong.append(f"{name} is {counts.get(name)}; {readers} readers with {reads} reads need {least}")
    return wrong


def forbidden(one):
    """Writes that reached an instance which is not the main, as the gateway or a client was told."""
    wrong = []
    for port in ("write", "read"):
        name = f'forbidden_writes_total{{listener="{port}"}}'
        if one["gateway"].get(name) != 0:
            wrong.append(f"{name} is {one['gateway'].get(name)}; 0 is expected")
    told = [
        f"{name} {json.dumps(line)}" for name, client in one["clients"].items()
        for line in client["lines"] if "forbidden on the replica" in line.get("why", "")
    ]
    return wrong + some("a client of the write port was told that its instance is a replica", told)


def of_round(one):
    """What is wrong with a round."""
    wrong = doubts(one) + failures(one) + places(one) + forbidden(one)
    if not one["verdict"]["clean"]:
        wrong.append(f"a promise is broken: {json.dumps(one['verdict'])}")
    return wrong + some("a part of the cluster ended by itself", one["revived"])


def of_run(asked, done, pause):
    """What is wrong with all rounds together: what was asked for and done, and the pause of switchovers."""
    wrong = [
        f"{done[name]} of {times} {name} were done" for name, times in asked.items() if done[name] < times
    ]
    if pause and pause["p99"] > GOAL_MS:
        wrong.append(f"a pause of {pause['p99']} ms at p99 of switchovers; the goal is {GOAL_MS} ms")
    return wrong


def doubtful(one):
    """Of writes in doubt in kills, how long after the kill they were begun, in milliseconds: less than 0
    is before it. And how long each window was."""
    kills, begun = [it for it in windows(one) if it[1] is not None], []
    for client in one["clients"].values():
        for line in client["lines"]:
            killed = next((it[0] for it in kills if meets(line, [it])), None)
            if line["end"] == "in-doubt" and killed is not None:
                begun.append((line["began"] - killed) / 1000)
    return begun, [(until - killed) / 1000 for killed, until in kills]
