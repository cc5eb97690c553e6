"""The journals of the controllers: read on while they are written, and decided again."""

import re

from .kube import Failed, run

FILE = "/journal/journal.jsonl"
DECIDED = re.compile(r'^\{"journal":\d+,"at":\d+,"controller":\d+,"decided":', re.MULTILINE)
AGAIN = re.compile(r": (\d+) decisions made again")
# No line is longer, or only its end is looked at.
MOST = 1 << 20


def tail(path):
    """Where the last line of a file begins, and that line."""
    if not path.exists():
        return 0, ""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - MOST))
        end = file.read()
    line = end[end[:-1].rfind(b"\n") + 1:]
    return size - len(line), line.decode()


def added(last, said, name):
    """The whole lines after the last one that is here. Read from where that one begins, a file that was
    begun anew since is noticed."""
    if not said.startswith(last):
        raise Failed(f"the journal of {name} does not go on where it was read to: another file took its place")
    return said[len(last): max(len(last), said.rfind("\n") + 1)]


class Journals:
    def __init__(self, kube, folder):
        self.kube, self.folder = kube, folder
        self.paths, self.decisions = {}, 0

    def keep(self, pods):
        """Reads what these controllers added."""
        for pod in pods:
            name = pod["metadata"]["name"]
            path = self.folder / f"{name}.journal"
            begins, last = tail(path)
            try:
                said = self.kube.execute(name, "/memgraph-ha", "workload", "print", FILE, f"--from={begins}")
            except Failed as error:
                print(f"    the journal of {name} is not read: {error}")
                continue
            new = added(last, said, name)
            self.decisions += len(DECIDED.findall(new))
            with path.open("a") as file:
                file.write(new)
            self.paths[name] = path

    def replay(self, binary):
        """Makes every decision of this run again; what came of it."""
        paths = [str(path) for path in self.paths.values() if path.stat().st_size]
        if not paths:
            raise Failed("there is no journal")
        said = run(str(binary), "replay", *paths, timeout=900).strip()
        again = sum(map(int, AGAIN.findall(said)))
        if again < self.decisions:
            raise Failed(f"{self.decisions} decisions were read, and {again} made again: {said}")
        return said.splitlines()
