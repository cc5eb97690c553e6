"""The release under test: installed, watched, moved, and its evidence kept."""

import json
import pathlib
import secrets
import time

from .kube import Failed, Kube, is_ready, run, until
from .load import Load

HERE = pathlib.Path(__file__).resolve().parents[1]
CHART = HERE.parent / "charts" / "memgraph-ha"
RELEASE = "memgraph-ha"
SET = "memgraph-ha"
LEADER = "app=memgraph-controller"
CONTROLLERS = "app.kubernetes.io/name=memgraph-ha-controller"
GATEWAYS = "app.kubernetes.io/name=memgraph-ha-gateway"
INSTANCES = "app.kubernetes.io/name=memgraph"
# What a leader may wait for while everything is as it should be: it is under load, and routed.
AT_REST = {"X10", "X20"}


class Site:
    def __init__(self, namespace, nodes, options):
        self.kube, self.nodes, self.options = Kube(namespace), nodes, options
        self.count = options.instances
        self.load = Load(self.kube, options.workload_image, self.count, nodes.control())
        self.journals, self.folder = {}, pathlib.Path(options.folder)

    # What is installed.

    def arguments(self):
        arguments = ["--values", str(HERE / "values.yaml"), "--set", f"memgraph.replicas={self.count}"]
        for values in self.options.values:
            arguments += ["--values", values]
        for setting in self.options.set:
            arguments += ["--set", setting]
        if self.options.memgraph_image:
            repository, _, tag = self.options.memgraph_image.rpartition(":")
            arguments += [
                "--set", f"memgraph.image.repository={repository}",
                "--set-string", f"memgraph.image.tag={tag}",
                "--set", "memgraph.command={/usr/lib/memgraph/memgraph}",
                "--set", "memgraph.extraFlags=null",
            ]
        return arguments

    def install(self):
        self.kube.helm("install", RELEASE, str(CHART), *self.arguments())

    def upgrade(self, *settings):
        self.kube.helm("upgrade", RELEASE, str(CHART), *self.arguments(), *settings)

    def uninstall(self):
        self.keep_journals()
        self.kube.helm("uninstall", RELEASE, "--wait", "--timeout", "180s", timeout=200)
        until("no pod of the release", lambda: not self.release_pods(), 120)

    def release_pods(self):
        return self.kube.get("pods", "--selector", f"app.kubernetes.io/instance={RELEASE}")["items"]

    # What it says of itself.

    def status(self):
        """What the leader shows."""
        status = self.kube.proxied("memgraph-controller", "/v1/status")
        if not status["leads"]:
            raise Failed("the controller behind the Service does not lead")
        return status

    def record(self):
        data = self.kube.get("configmap", f"{RELEASE}-state")["data"]
        return json.loads(data["record"])

    def main(self):
        """The pod of the recorded main."""
        data = self.kube.get("configmap", f"{RELEASE}-state")["data"]
        return f"{SET}-{data['targetMainIndex']}"

    def obstacles(self):
        """What is left to do; nothing, if the leader has nothing left and every replica is proven."""
        status = self.status()
        record = self.record()
        if record["stage"] != "steady":
            return f"the record is {record['stage']}"
        if "open" not in json.dumps(status["observation"]["route"]["handed_out"]):
            return "the route is not open"
        if status["plan"]["settled"]:
            return None
        waits = [it for it in status["waits"] if it["rule"] not in AT_REST]
        steps = status["plan"]["steps"]
        if not waits and not steps:
            return None
        return "; ".join([it["words"] for it in waits] + [json.dumps(it) for it in steps])

    def settled(self, limit=120):
        """Waits until everything is at rest; how long that took, in seconds."""
        begun = time.monotonic()
        last = [None]

        def look():
            last[0] = self.obstacles()
            ready = all(is_ready(pod) for pod in self.kube.pods(INSTANCES))
            return last[0] is None and ready and len(self.kube.pods(INSTANCES)) == self.count

        try:
            until("settled", look, limit, 0.2)
        except Failed as error:
            raise Failed(f"{error}; the leader waits: {last[0]}") from error
        return time.monotonic() - begun

    # What is done to it.

    def kill(self, pod):
        """kill -9 of a pod's first container; the pod's node and when, in microseconds."""
        pod = self.kube.pod(pod)
        container = pod["status"]["containerStatuses"][0]["containerID"].split("//")[1]
        return self.nodes.kill(pod["spec"]["nodeName"], container)

    def switchover(self, to=None):
        """Asks for a move of the main, as an operator does; when."""
        request = {"id": secrets.token_hex(8), "to": to}
        text = json.dumps({"paused": False, "switchover": request})
        moment = self.nodes.now()
        body = {
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": f"{RELEASE}-orders"}, "data": {"orders": text},
        }
        self.kube.ctl("apply", "--server-side", "--force-conflicts", "--filename", "-", text=json.dumps(body))
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
        for pod in self.kube.pods(CONTROLLERS):
            name = pod["metadata"]["name"]
            path = self.folder / f"{name}.journal"
            size = path.stat().st_size if path.exists() else 0
            try:
                said = self.kube.execute(
                    name, "/memgraph-ha", "workload", "print", "/journal/journal.jsonl", f"--from={size}",
                )
            except Failed as error:
                print(f"    the journal of {name} is not read: {error}")
                continue
            whole = said[: said.rfind("\n") + 1]
            with path.open("a") as file:
                file.write(whole)
            self.journals[name] = path

    def replay_journals(self):
        """Makes every decision of this run again; what came of it."""
        self.keep_journals()
        paths = [str(path) for path in self.journals.values() if path.stat().st_size]
        if not paths:
            raise Failed("there is no journal")
        return run(str(self.options.binary), "replay", *paths, timeout=900).strip().splitlines()

    def evidence(self, name):
        """Keeps logs, events, objects and the ledger of a scenario that failed."""
        folder = self.folder / f"failed-{name}"
        folder.mkdir(parents=True, exist_ok=True)

        def keep(file, *command):
            try:
                (folder / file).write_text(self.kube.ctl(*command, timeout=60))
            except Failed as error:
                (folder / file).write_text(f"{error}\n")

        keep("events.txt", "get", "events", "--sort-by=.lastTimestamp")
        keep("objects.yaml", "get", "all,configmap,lease,pvc", "--output", "yaml")
        keep("record.yaml", "get", "configmap", f"{RELEASE}-state", "--output", "yaml")
        for pod in self.release_pods():
            pod = pod["metadata"]["name"]
            keep(f"{pod}.log", "logs", pod, "--all-containers", "--timestamps")
            keep(f"{pod}.previous.log", "logs", pod, "--all-containers", "--timestamps", "--previous")
        try:
            (folder / "status.json").write_text(json.dumps(self.status(), indent=1))
            self.load.refresh()
            self.keep_journals()
        except Failed as error:
            print(f"    evidence is missing: {error}")
        lines = [json.dumps(line) for line in self.load.lines]
        (folder / "ledger.jsonl").write_text("\n".join(lines) + "\n")
        return folder
