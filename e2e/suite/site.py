"""The release under test: installed, watched, moved and judged."""

import json
import pathlib
import re
import time

from .journals import Journals
from .kube import Failed, Kube, expect, is_ready, parsed, run, until
from .load import Load
from .moves import Moves

HERE = pathlib.Path(__file__).resolve().parents[1]
CHART = HERE.parent / "charts" / "memgraph-ha"
RELEASE = "memgraph-ha"
SET = "memgraph-ha"
STATE = f"{RELEASE}-state"
LEADER = "app=memgraph-controller"
OURS = f"app.kubernetes.io/instance={RELEASE}"
CONTROLLERS = f"app.kubernetes.io/name=memgraph-ha-controller,{OURS}"
GATEWAYS = f"app.kubernetes.io/name=memgraph-ha-gateway,{OURS}"
INSTANCES = f"app.kubernetes.io/name=memgraph,{OURS}"
# What a leader waits for in passing while clients write: a replica is a commit behind. Whether it is
# proven is asked of the record.
IN_PASSING = {"X10", "X20"}
# Instances to which the vote returns by itself.
PAIR = {"mg-0", "mg-1"}
# How a command says what its order is called.
REQUEST = re.compile(r"\(request ([0-9a-f]+)\)")
ACTIVE = re.compile(r'^memgraph_gateway_connections_active\{listener="write"\} (\d+)', re.MULTILINE)


def short(pod):
    """What controllers call the instance of a pod."""
    return f"mg-{pod.rsplit('-', 1)[1]}"


class Site:
    """A release in a namespace. `login` names a Secret where clients need one, and TLS."""

    def __init__(self, namespace, nodes, options, folder=None, login=None):
        self.kube, self.nodes, self.options = Kube(namespace), nodes, options
        self.count, self.folder = options.instances, pathlib.Path(folder or options.folder)
        self.load = Load(
            self.kube, options.workload_image, self.count, nodes.control(), options.pull, login
        )
        self.journals, self.moves = Journals(self.kube, self.folder), Moves(self)

    # What is installed.

    def arguments(self):
        options = self.options
        pull = {"tag": options.tag, "pullPolicy": options.pull}
        images = {
            "image": {"repository": options.repository, **pull},
            "memgraph": {"image": {"repository": f"{options.repository}-instance", **pull}},
        }
        if options.memgraph_image:
            repository, _, tag = options.memgraph_image.rpartition(":")
            images["memgraph"] = {
                "image": {"repository": repository, "tag": tag},
                "command": ["/usr/lib/memgraph/memgraph"],
                "extraFlags": [],
            }
        # JSON is YAML. What the user names comes later, and counts.
        path = self.folder / "images.yaml"
        path.write_text(json.dumps(images, indent=1) + "\n")
        arguments = ["--values", str(HERE / "values.yaml"), "--values", str(path)]
        for values in options.values:
            arguments += ["--values", values]
        arguments += ["--set", f"memgraph.replicas={self.count}"]
        for setting in options.set:
            arguments += ["--set", setting]
        return arguments

    def install(self, release=RELEASE, *settings):
        self.kube.helm("install", release, str(CHART), *self.arguments(), *settings)

    def upgrade(self, *settings):
        self.kube.helm("upgrade", RELEASE, str(CHART), *self.arguments(), *settings)

    def uninstall(self, release=RELEASE):
        if release == RELEASE:
            self.keep_journals()
        self.kube.helm("uninstall", release, "--wait", "--timeout", "180s", timeout=200)
        until("no pod of the release", lambda: not self.release_pods(release), 120)

    def release_pods(self, release=RELEASE):
        return self.kube.get("pods", "--selector", f"app.kubernetes.io/instance={release}")["items"]

    # What it says of itself.

    def tell(self, command, *words, release=RELEASE, check=True):
        """What a command for operators prints, asked from outside of the cluster."""
        where = ("--namespace", self.kube.namespace, "--release", release, "--statefulset", release)
        return run(str(self.options.binary), command, *words, *where, check=check, timeout=30)

    def status(self):
        """What the leader shows."""
        status = parsed(self.kube.proxied("services/memgraph-controller", "/v1/status"), "the status")
        if not status["leads"] or not status["observation"]:
            raise Failed("the controller behind the Service does not lead")
        return status

    def record(self):
        data = self.kube.get("configmap", STATE)["data"]
        return parsed(data["record"], "the record")

    def main(self):
        """The pod of the recorded main."""
        data = self.kube.get("configmap", STATE)["data"]
        return f"{SET}-{data['targetMainIndex']}"

    def unproven(self, record):
        """What the record lacks: every other instance proven in this reign, the vote where it belongs."""
        members = record["members"]
        others = {f"mg-{no}" for no in range(self.count)} - {record["target"]}
        for other in sorted(others):
            if not members.get(other, {}).get("proof"):
                return f"{other} is not proven in term {record['term']}"
        voters = {name for name, member in members.items() if member["votes"]}
        if others and not voters & PAIR:
            return f"the vote is with {', '.join(sorted(voters)) or 'nobody'}"
        return None

    def obstacles(self):
        """What is left to do; nothing, if the leader has nothing left and every replica is proven."""
        status = self.status()
        record = self.record()
        if record["stage"] != "steady":
            return f"the record is {record['stage']}"
        if "open" not in json.dumps(status["observation"]["route"]["handed_out"]):
            return "the route is not open"
        if why := self.unproven(record):
            return why
        waits = [it for it in status["waits"] if it["rule"] not in IN_PASSING]
        steps = status["plan"]["steps"]
        if status["plan"]["settled"] or not waits and not steps:
            return None
        return "; ".join([it["words"] for it in waits] + [json.dumps(it) for it in steps])

    def unsettled(self):
        """Why it is not settled in full, which it is only while nobody writes; nothing, if it is."""
        status = self.status()
        seen = status["observation"]["instances"]
        if len(seen) != self.count:
            return f"the leader sees {', '.join(seen)}"
        if status["plan"]["settled"]:
            return None
        return "; ".join(f"{it['rule']} {it['subject'] or ''}: {it['words']}" for it in status["waits"]) or "steps"

    def rests(self, what, why_not, limit):
        """Waits until nothing is left of why_not(), and all instances are ready."""
        last = [None]

        def look():
            last[0] = why_not()
            pods = self.kube.pods(INSTANCES)
            return last[0] is None and len(pods) == self.count and all(is_ready(pod) for pod in pods)

        try:
            until(what, look, limit, 0.2)
        except Failed as error:
            raise Failed(f"{error}; the leader waits: {last[0]}") from error

    def settled(self, limit=120):
        """Waits until everything is at rest, while clients write; how long that took, in seconds."""
        begun = time.monotonic()
        self.rests("settled", self.obstacles, limit)
        return time.monotonic() - begun

    def judge(self):
        """While nobody writes: the leader is settled in full, what every client was told holds, and the
        moves are those that were asked for. The checker's verdict, and the moves in words."""
        with self.load.paused():
            self.rests("settled in full", self.unsettled, 60)
            verdict = self.load.check()
            return verdict, self.moves.end()

    def connections(self, node):
        """Connections of writers at gateways on a node, and at others; nothing where they do not tell."""
        counts = {"there": 0, "elsewhere": 0}
        try:
            for pod in self.kube.pods(GATEWAYS):
                text = self.kube.proxied(f"pods/{pod['metadata']['name']}", "/metrics")
                found = ACTIVE.search(text)
                where = "there" if pod["spec"]["nodeName"] == node else "elsewhere"
                counts[where] += int(found[1]) if found else 0
        except Failed as error:
            print(f"    a gateway does not tell its connections: {error}")
            return None
        return counts

    # What is done to it.

    def kill(self, pod):
        """kill -9 of a pod's first container; when, in microseconds."""
        pod = self.kube.pod(pod)
        container = pod["status"]["containerStatuses"][0]["containerID"].split("//")[1]
        return self.nodes.kill(pod["spec"]["nodeName"], container)

    def switchover(self, to=None):
        """Asks for a move of the main, as an operator does; when."""
        main, moment = short(self.main()), self.nodes.now()
        said = self.tell("switchover", *(["--to", to] if to else []))
        request = REQUEST.search(said)
        expect(request, f"the order for a switchover has no number: {said!r}")
        # An order for whoever is main already is answered without a move.
        if to != main:
            self.moves.ask("switchover", main, to=to, request=request[1])
        return moment

    def move_main_off(self, node):
        """Moves the main until it is on another node than this; its pod."""
        for ordinal in range(self.count):
            main = self.kube.pod(self.main())
            if main["spec"]["nodeName"] != node:
                return main
            self.switchover(f"mg-{ordinal}")
            time.sleep(1)
            self.settled()
        raise Failed(f"every instance is on {node}")

    # Evidence.

    def keep_journals(self):
        """Reads what controllers added to their journals."""
        self.journals.keep(self.kube.pods(CONTROLLERS))

    def replay_journals(self):
        """Makes every decision of this run again; what came of it."""
        self.keep_journals()
        return self.journals.replay(self.options.binary)
