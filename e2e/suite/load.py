"""The workload: clients in a pod, and what their ledger tells."""

import json
import time

from .kube import Failed, until

POD = "workload"
LEDGER = "/ledger/ledger.jsonl"
PAUSE = "/ledger/pause"


class Load:
    """Clients that write and read through the gateways until they are deleted."""

    def __init__(self, kube, image, instances, node=None):
        self.kube, self.image, self.node = kube, image, node
        self.targets = [f"memgraph-ha-{no}.memgraph-ha:7687" for no in range(instances)]
        self.lines, self.read = [], 0

    def start(self):
        volumes = [{"name": "ledger", "emptyDir": {}}]
        container = {
            "name": POD,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": [
                "/memgraph-ha", "workload", "run", "--write=memgraph-gateway:7687",
                "--read=memgraph-gateway-read:7687", f"--ledger={LEDGER}", f"--pause-file={PAUSE}",
            ],
            "volumeMounts": [{"name": "ledger", "mountPath": "/ledger"}],
        }
        spec = {
            "containers": [container],
            "volumes": volumes,
            "securityContext": {"fsGroup": 103},
            "terminationGracePeriodSeconds": 20,
        }
        if self.node:
            spec["nodeSelector"] = {"kubernetes.io/hostname": self.node}
            spec["tolerations"] = [{"operator": "Exists"}]
        metadata = {"name": POD, "labels": {"app": POD}}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self.kube.ctl("apply", "--filename", "-", text=json.dumps(pod))
        self.kube.ctl("wait", "--for=condition=Ready", f"pod/{POD}", "--timeout=60s")

    def refresh(self):
        """Reads what was added to the ledger."""
        said = self.kube.execute(
            POD, "/memgraph-ha", "workload", "print", LEDGER, f"--from={self.read}"
        )
        whole = said[: said.rfind("\n") + 1]
        self.read += len(whole.encode())
        self.lines += [json.loads(line) for line in whole.splitlines()]
        return self.lines

    def writes(self, since=0):
        return [it for it in self.lines if it["kind"] != "read" and it["ended"] >= since]

    def first_after(self, moment, limit=60):
        """Seconds from a moment to the first acknowledged write that began after it."""

        def look():
            self.refresh()
            acked = [
                it["ended"] for it in self.writes(moment)
                if it["end"] == "acked" and it["began"] >= moment
            ]
            return min(acked, default=None)

        return (until("a write after the fault", look, limit) - moment) / 1e6

    def longest_pause(self, since, end=None):
        """The longest time without an acknowledgement, in seconds."""
        end = end or int(time.time() * 1e6)
        moments = sorted(it["ended"] for it in self.writes(since) if it["end"] == "acked")
        moments = [since] + [it for it in moments if it <= end] + [end]
        return max(b - a for a, b in zip(moments, moments[1:])) / 1e6

    def pause_since(self, moment):
        """The longest pause since a fault, once writes go on. It begins with the last write before the
        fault took hold, so that it is never too short."""
        self.first_after(int(time.time() * 1e6))
        return self.longest_pause(moment)

    def troubled(self, since):
        """What clients were told since a moment, beside acknowledgements."""
        told = {}
        for it in self.writes(since):
            if it["end"] != "acked":
                key = f"{it['kind']} {it['end']}: {it['why']}"
                told[key] = told.get(key, 0) + 1
        return told

    def counts(self, since):
        counts = {"acked": 0, "failed": 0, "in-doubt": 0}
        for it in self.writes(since):
            counts[it["end"]] += 1
        return counts

    def pause(self):
        self.kube.execute(POD, "bash", "-c", f"echo > {PAUSE}")

    def resume(self):
        self.kube.execute(POD, "bash", "-c", f"exec /bin/rm {PAUSE}", check=False)

    def check(self):
        """Compares the whole ledger with every instance, while nobody writes."""
        self.pause()
        try:
            said = self.kube.execute(
                POD, "/memgraph-ha", "workload", "check", f"--ledger={LEDGER}",
                "--timeout-seconds=60", *[f"--instance={it}" for it in self.targets],
                check=False, timeout=180,
            )
            verdict = json.loads(said)
        except json.JSONDecodeError as error:
            raise Failed(f"the checker said no verdict: {said!r}") from error
        finally:
            self.resume()
        if not verdict["clean"]:
            raise Failed(f"a promise is broken: {json.dumps(verdict)}")
        return verdict
