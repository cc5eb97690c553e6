"""The workload: clients in a pod, and what their ledger tells."""

import contextlib
import json
import time

from .kube import Failed, expect, is_ready, parsed, until

POD = "workload"
LEDGER = "/ledger/ledger.jsonl"
PAUSE = "/ledger/pause"
# Who the clients are, as a shell in their pod puts it.
USER = '--username="$MEMGRAPH_USER" --password="$MEMGRAPH_PASSWORD"'
WRITERS = ("auto", "managed", "fresh")
# How a client is told that it has no connection: nothing was sent.
NO_CONNECTION = "the connection broke: "


def had_no_connection(line):
    """Whether a write failed for want of a connection alone. A managed one would have been tried again."""
    told = line.get("why") or ""
    return line["end"] == "failed" and line["kind"] != "managed" and told.startswith(NO_CONNECTION)


class Load:
    """Clients that write and read through the gateways until they are deleted; over TLS, and with the
    user of a Secret, where one is named."""

    def __init__(self, kube, image, instances, node=None, pull="IfNotPresent", login=None):
        self.kube, self.image, self.node, self.pull, self.login = kube, image, node, pull, login
        self.targets = [f"memgraph-ha-{no}.memgraph-ha:7687" for no in range(instances)]
        self.lines, self.read = [], 0

    def access(self):
        """What clients and checker are told beside; who they are stands in their environment."""
        return ["--tls"] if self.login else []

    def environment(self):
        """Users are told as a container starts, so that one that starts again has what the Secret says
        then."""
        if not self.login:
            return []
        return [
            {"name": f"MEMGRAPH_{name}", "valueFrom": {"secretKeyRef": {"name": self.login, "key": key}}}
            for name, key in (("USER", "username"), ("PASSWORD", "password"))
        ]

    def start(self):
        volumes = [{"name": "ledger", "emptyDir": {}}]
        container = {
            "name": POD,
            "image": self.image,
            "imagePullPolicy": self.pull,
            "command": [
                "/memgraph-ha", "workload", "run", "--write=memgraph-gateway:7687",
                "--read=memgraph-gateway-read:7687", f"--ledger={LEDGER}", f"--pause-file={PAUSE}",
                *self.access(),
            ],
            "env": self.environment(),
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

    def restart(self):
        """Ends the clients, each after the write that it is at. Their container starts again, and goes on
        with the ledger."""
        state = lambda: self.kube.pod(POD)["status"]["containerStatuses"][0]
        before = state()["restartCount"]
        # Whoever asks may be gone before the answer.
        self.kube.execute(POD, "bash", "-c", "kill 1", check=False)
        until("the clients start again", lambda: state()["restartCount"] > before
              and is_ready(self.kube.pod(POD)), 60)

    def console(self, host, statement, *flags):
        """What a console in the clients' pod prints; a Failed with its words where it is refused. It comes
        as the clients do, unless flags say how."""
        flags = " ".join(flags or ((USER, "--use-ssl") if self.login else ()))
        words = f'echo "{statement}" | mgconsole --host {host} --port 7687 --output-format csv {flags}'
        return self.kube.execute(POD, "bash", "-c", words)

    def counted(self, host, *flags):
        """How many writes a server holds, as such a console is told."""
        said = self.console(host, "MATCH (n:Write) RETURN count(n) AS count;", *flags).splitlines()
        expect(len(said) == 2 and said[1].strip('"').isdigit(), f"{host} counts {said}")
        return int(said[1].strip('"'))

    def where(self):
        """The node of the ledger, to which nothing is done: the ledger would go with it."""
        return self.kube.pod(POD)["spec"]["nodeName"]

    def refresh(self):
        """Reads what was added to the ledger."""
        said = self.kube.execute(
            POD, "/memgraph-ha", "workload", "print", LEDGER, f"--from={self.read}"
        )
        whole = said[: said.rfind("\n") + 1]
        self.read += len(whole.encode())
        self.lines += [parsed(line, "a line of the ledger") for line in whole.splitlines()]
        return self.lines

    def writes(self, since=0, kind=None):
        return [
            it for it in self.lines
            if it["kind"] in ([kind] if kind else WRITERS) and it["ended"] >= since
        ]

    def first_after(self, moment, limit=60, kind=None):
        """Seconds from a moment to the first acknowledged write that began after it."""

        def look():
            self.refresh()
            acked = [
                it["ended"] for it in self.writes(moment, kind)
                if it["end"] == "acked" and it["began"] >= moment
            ]
            return min(acked, default=None)

        return (until("a write after the fault", look, limit) - moment) / 1e6

    def longest_pause(self, since, end=None, kind=None):
        """The longest time without an acknowledgement, in seconds."""
        end = end or int(time.time() * 1e6)
        moments = sorted(it["ended"] for it in self.writes(since, kind) if it["end"] == "acked")
        moments = [since] + [it for it in moments if it <= end] + [end]
        return max(b - a for a, b in zip(moments, moments[1:])) / 1e6

    def pause_since(self, moment):
        """The longest pause since a fault, once writes go on. It begins with the last write before the
        fault took hold, so that it is never too short."""
        self.first_after(int(time.time() * 1e6))
        return self.longest_pause(moment)

    def pause_of_each(self, since, limit=60):
        """The longest pause of each client by itself, once all of them go on; of one that does not
        within the limit, until then."""
        begun, now = time.monotonic(), int(time.time() * 1e6)
        for kind in WRITERS:
            with contextlib.suppress(Failed):
                self.first_after(now, limit - (time.monotonic() - begun), kind)
        return {f"pause_{kind}_s": self.longest_pause(since, kind=kind) for kind in WRITERS}

    def troubled(self, since):
        """What clients were told since a moment, beside acknowledgements."""
        told = {}
        for it in self.writes(since):
            if it["end"] != "acked":
                key = f"{it['kind']} {it['end']}: {it['why']}"
                told[key] = told.get(key, 0) + 1
        return told

    def counts(self, since):
        """How writes ended. What found no gateway is not counted as failed: nothing was sent."""
        counts = {"acked": 0, "failed": 0, "unconnected": 0, "in-doubt": 0}
        for it in self.writes(since):
            counts["unconnected" if had_no_connection(it) else it["end"]] += 1
        return counts

    def pause(self):
        self.kube.execute(POD, "bash", "-c", f"echo > {PAUSE}")

    def resume(self):
        self.kube.execute(POD, "bash", "-c", f"exec /bin/rm {PAUSE}", check=False)

    def is_there(self):
        return bool(self.kube.ctl("get", "pod", POD, "--ignore-not-found", "--output", "name"))

    @contextlib.contextmanager
    def paused(self):
        """Nobody writes meanwhile."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def check(self):
        """Compares the whole ledger with every instance. Nobody may write meanwhile."""
        said = self.kube.execute(
            POD, "/memgraph-ha", "workload", "check", f"--ledger={LEDGER}",
            "--timeout-seconds=60", *[f"--instance={it}" for it in self.targets], *self.access(),
            check=False, timeout=180,
        )
        verdict = parsed(said, "the verdict of the checker")
        if not verdict["clean"]:
            raise Failed(f"a promise is broken: {json.dumps(verdict)}")
        return verdict
