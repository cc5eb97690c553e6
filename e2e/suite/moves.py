"""The moves of the main, as controllers tell them (`memgraph-ha history`), against what was done."""

import contextlib
import json
import threading
from typing import NamedTuple, Optional

from .kube import Failed, parsed, until

# How often the history is read where those who remember it are replaced.
PERIOD = 1
# What each thing that is done may bring by itself: the vote goes to another instance, and returns. Both
# are reigns of the same main.
RENEWALS = 2
# Which rule may ask for what; one that only read of a move knows none.
RULES = {
    "bootstrap": {"B20"},
    "failover": {"E10", "E20"},
    "switchover": {"E50"},
    "return": {"E60"},
    "renewal": {"E25", "E43", "E45", "E47", "E48"},
}


class Move(NamedTuple):
    """What a controller says of one move."""

    term: int
    cause: str
    request: Optional[str]
    origin: Optional[str]
    to: str
    rule: str
    read: bool

    @classmethod
    def of(cls, told):
        cause, request = told["cause"], None
        if isinstance(cause, dict):
            ((cause, more),) = cause.items()
            request = more.get("request")
        return cls(
            told["term"], cause, request, told["from"], told["to"], told["rule"], told["read"]
        )

    def __str__(self):
        return f"{self.term} {self.cause} {self.origin or '-'}>{self.to} {self.rule or 'read'}"


class Asked(NamedTuple):
    """Something that was done: one move must come of it if one of these is main then."""

    cause: str
    mains: tuple
    to: Optional[str]
    request: Optional[str]


def agreed(told):
    """The one move of which several tell: the word of whoever began it, and what others knew more."""
    for of in (lambda it: (it.cause, it.request, it.to), lambda it: it.origin):
        if len({of(it) for it in told} - {None}) > 1:
            raise Failed(f"controllers tell different things of one term: {'; '.join(map(str, told))}")
    best = min(told, key=lambda it: (it.read, not it.rule))
    return best._replace(origin=best.origin or next((it.origin for it in told if it.origin), None))


def judge(before, after, moves, asked, by_itself=()):
    """Holds the moves between two states at rest, each (term, main), against what was asked for and what
    may come by itself."""
    term, main = before
    todo, renewals = list(asked), 0
    story = f"{'; '.join(map(str, moves)) or 'no move'} (from {before} to {after})"

    def expect(truth, what):
        if not truth:
            raise Failed(f"history: {what}: {story}")

    expect(
        [move.term for move in moves] == list(range(term + 1, after[0] + 1)),
        "not each term since then is there once",
    )
    for move in moves:
        known = RULES.get(move.cause, set()) | {""}
        expect(move.rule in known, f"{move.rule} is no rule for what term {move.term} is")
        if move.cause == "renewal":
            expect(move.to == main, f"the renewal of term {move.term} is not of {main}")
            renewals += 1
            continue
        while todo and main not in todo[0].mains:
            todo.pop(0)
        if todo:
            due = todo.pop(0)
            expect(
                (move.cause, move.request) == (due.cause, due.request) and due.to in (None, move.to),
                f"term {move.term} is not the {due.cause} that was asked for",
            )
        else:
            expect(move.cause in by_itself, f"nothing asked for term {move.term}")
        # The way back from a target that was lost, and the word of who only read the record, may lack it.
        may_lack = move.read or move.rule == "E20" or move.cause == "return"
        expect(
            move.origin == main or (move.origin is None and may_lack),
            f"term {move.term} moved from {move.origin} where {main} was main",
        )
        expect(move.to != main, f"term {move.term} moved nothing")
        main = move.to
    for due in todo:
        expect(main not in due.mains, f"no {due.cause} from {main}")
    expect(main == after[1], f"the record names {after[1]} as main")
    most = RENEWALS * (len(asked) + len(by_itself))
    expect(renewals <= most, f"{renewals} renewals, at most {most} are explained")


class Moves:
    """What a scenario does, and what came of it."""

    def __init__(self, site):
        self.site, self.told = site, {}
        self.before, self.asked, self.by_itself = (0, None), [], ()

    def now(self):
        record = self.site.record()
        return record["term"], record["target"]

    def begin(self, anew=False, by_itself=()):
        """From here on; `anew`: there is no record yet."""
        if anew:
            self.told = {}
        self.before = (0, None) if anew else self.now()
        self.asked, self.by_itself = [], by_itself

    def ask(self, cause, *mains, to=None, request=None):
        """Notes what is done: a move of that cause is due if one of these is main when its turn comes."""
        self.asked.append(Asked(cause, mains, to, request))

    def ask_of_each(self):
        """Every instance is replaced, the highest ordinal first, and leaves as main at most once."""
        for ordinal in reversed(range(self.site.count)):
            self.ask("switchover", f"mg-{ordinal}")

    def read(self):
        """Reads what controllers tell now. What they told before stays, since it goes with them."""
        for told in parsed(self.site.tell("history", "--output", "json"), "the history"):
            move = Move.of(told)
            self.told.setdefault(move.term, set()).add(move)
        return True

    @contextlib.contextmanager
    def watched(self):
        """Reads again and again, while those who remember are replaced."""
        over = threading.Event()

        def look():
            while not over.wait(PERIOD):
                with contextlib.suppress(Failed):
                    self.read()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def end(self):
        """Compares; the moves in words. Everything must be at rest."""
        after = self.now()
        until("the history", self.read, 30, 1)
        moves = [agreed(sorted(told, key=str)) for term, told in sorted(self.told.items()) if term > self.before[0]]
        judge(self.before, after, moves, self.asked, self.by_itself)
        self.before, self.asked = after, []
        return [str(move) for move in moves]

    def keep(self, path):
        """Writes down what is known, for whoever looks for a fault."""
        with contextlib.suppress(Failed):
            self.read()
        lines = [str(move) for _, told in sorted(self.told.items()) for move in sorted(told, key=str)]
        asked = [json.dumps(it._asdict()) for it in self.asked]
        path.write_text("\n".join([f"before: {self.before}", *asked, *lines]) + "\n")
