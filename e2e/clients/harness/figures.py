"""What is told of rounds: how writes and reads ended, what clients were told, and how long they paused."""

from .judge import begins_kills

# How a write may end.
ENDS = ("acked", "failed", "in-doubt")
# What is told of the gateways, by listener.
COUNTED = (
    "forbidden_writes", "held", "rehomed", "asked_again", "failed_retryable", "closed_in_doubt",
    "connections",
)


def spread(values):
    values = sorted(values)
    at = lambda share: round(values[min(int(len(values) * share), len(values) - 1)], 1)
    if not values:
        return None
    return {"times": len(values), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "most": at(1)}


def pause(lines, since, until):
    """The longest time without an acknowledgement within, in milliseconds; it may begin before."""
    acked = [it["ended"] for it in lines if it["end"] == "acked"]
    before = max((it for it in acked if it <= since), default=since)
    after = min((it for it in acked if it >= until), default=until)
    moments = [before] + [it for it in acked if since < it < until] + [after]
    return max(b - a for a, b in zip(moments, moments[1:])) / 1000


def told(one, phase):
    """How everything ended in a phase of a round, and the pauses around its moves, by client. What ended
    before the first kill is of switchovers, the rest of kills."""
    turn, result = begins_kills(one), {}
    for name, client in one["clients"].items():
        lines = [it for it in client["lines"] if (it["ended"] >= turn) == (phase == "kills")]
        words = {}
        for it in lines:
            if it["end"] != "acked":
                key = f"{it['end']}: {it.get('why', '')[:400]}"
                words[key] = words.get(key, 0) + 1
        result[name] = {
            **{end: sum(it["end"] == end for it in lines) for end in ENDS},
            "repeated": sum(max(it["tries"] - 1, 0) for it in lines),
            "pauses": [(pause(client["lines"], it.begun, it.ended), it.to) for it in one[phase]],
            "told": words, "reads": client["reads"],
        }
    return result


def added(clients, phases):
    """Each client of all rounds together."""
    for phase in phases:
        for name, client in phase.items():
            empty = {**dict.fromkeys((*ENDS, "repeated"), 0), "pauses": [], "told": {}}
            sum_of = clients.setdefault(name, empty)
            for key in (*ENDS, "repeated"):
                sum_of[key] += client[key]
            sum_of["pauses"] += client["pauses"]
            for word, count in client["told"].items():
                sum_of["told"][word] = sum_of["told"].get(word, 0) + count
    return clients


def summary(phases, reads):
    """The moves of all rounds, as writers or readers saw them."""
    phases = [
        {name: it for name, it in phase.items() if it["reads"] == reads} for phase in phases
    ]
    longest = [
        max(it)[0] for phase in phases for it in zip(*(client["pauses"] for client in phase.values()))
    ]
    by_client = added({}, phases)
    pauses = [it for client in by_client.values() for it in client["pauses"]]
    for client in by_client.values():
        client["pause_ms"] = spread([it for it, _ in client.pop("pauses")])
    total = {key: sum(it[key] for it in by_client.values()) for key in (*ENDS, "repeated")}
    return {
        "moves": len(longest), **total, "pause_ms": spread([it for it, _ in pauses]),
        "pause_by_target_ms": {
            to: spread([it for it, aim in pauses if aim == to]) for to in sorted({aim for _, aim in pauses})
        },
        "longest_of_all_clients_ms": spread(longest), "clients": by_client,
    }


def gateways(counts):
    """What gateways counted of each listener, of the names that people ask for."""
    return {
        port: {name: int(counts.get(f'{name}_total{{listener="{port}"}}', 0)) for name in COUNTED}
        for port in ("write", "read")
    }


def line_of(counts):
    """The same in a line for people."""
    return "; ".join(
        f"{port}s: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in named.items())
        for port, named in gateways(counts).items()
    )


def totals(rounds):
    """What only grows, of all gateways together."""
    total = {}
    for counts in rounds:
        for name, value in counts.items():
            if name.split("{")[0].endswith("_total"):
                total[name] = total.get(name, 0) + value
    return total
