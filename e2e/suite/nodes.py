"""What is done to nodes, below Kubernetes: the only part that knows what the nodes are."""

import os
import pathlib
import shutil
import time

from .kube import Failed, run

HERE = pathlib.Path(__file__).resolve().parents[1]


class Nodes:
    """Nodes whose inside cannot be reached: scenarios that need it are skipped."""

    kind = "none"

    def __init__(self):
        # What drops packets now: the node, its chain, and which packets.
        self.dropped = []

    def inside(self, node, *command, **options):
        raise Failed(f"{node} cannot be reached from inside")

    def off(self, node):
        raise Failed(f"{node} cannot be powered off")

    def on(self, node):
        raise Failed(f"{node} cannot be powered on")

    def load(self, archives):
        """Brings images to every node."""

    def control(self):
        """The node of the API server; it is never powered off."""
        nodes = run(
            "kubectl", "get", "nodes", "--output",
            "jsonpath={.items[?(@.metadata.labels.node-role\\.kubernetes\\.io/control-plane)].metadata.name}",
        ).split()
        return nodes[0] if nodes else None

    def process(self, node, container):
        """The process of a container, as its node counts."""
        for line in self.inside(node, "ctr", "-n", "k8s.io", "tasks", "ls").splitlines():
            words = line.split()
            if words and words[0] == container:
                return int(words[1])
        raise Failed(f"{node} runs no container {container}")

    def kill(self, node, container):
        """Ends a container's process as kill -9 does; when, in microseconds since 1970."""
        process = self.process(node, container)
        said = self.inside(node, "bash", "-c", f"date +%s%6N; kill -9 {process}")
        return int(said.split()[0])

    def now(self):
        return int(time.time() * 1e6)

    def drop(self, node, chain, *which):
        self.inside(node, "iptables", "-I", chain, *which, "-j", "DROP")
        self.dropped.append((node, chain, which))

    def mend(self):
        """Takes away what drops packets, and no other rule."""
        while self.dropped:
            node, chain, which = self.dropped.pop()
            self.inside(node, "iptables", "-D", chain, *which, "-j", "DROP")

    def cut(self, node, address):
        """Drops all packets of one pod, in both directions."""
        for way in ("-s", "-d"):
            self.drop(node, "FORWARD", way, address)

    def api_off(self):
        """Nobody reaches the API server any more: packets to it are dropped."""
        self.drop(self.control(), "INPUT", "-p", "tcp", "--dport", "6443")

    def connects(self, node, host, port):
        """Whether a connection from within a node is taken within three seconds."""
        words = f"timeout 3 bash -c ': </dev/tcp/{host}/{port}' 2>/dev/null && echo taken || echo silent"
        return self.inside(node, "bash", "-c", words).split() == ["taken"]


class Kubebox(Nodes):
    """The cluster of e2e/cluster."""

    kind = "kubebox"
    control_node = "node-0"

    @staticmethod
    def work():
        return pathlib.Path(os.environ.get("KUBEBOX") or os.environ.get("TMPDIR", "/tmp") + "/kubebox")

    @classmethod
    def up(cls, nodes):
        print(run(str(HERE / "cluster" / "up"), str(nodes), timeout=1800).strip().splitlines()[-1])
        cls.use()

    @classmethod
    def use(cls):
        os.environ["KUBECONFIG"] = str(cls.work() / "kubeconfig")
        os.environ["PATH"] = f"{cls.work() / 'bin'}:{os.environ['PATH']}"

    @staticmethod
    def down():
        run(str(HERE / "cluster" / "down"))

    def control(self):
        return self.control_node

    def script(self, name, *arguments, **options):
        return run(str(HERE / "cluster" / name), *arguments, **options)

    def inside(self, node, *command, **options):
        return self.script("node", node.removeprefix("node-"), *command, **options)

    def off(self, node):
        when = self.now()
        self.script("power", "off", node.removeprefix("node-"))
        return when

    def on(self, node):
        self.script("power", "on", node.removeprefix("node-"))

    def load(self, archives):
        self.script("load", *map(str, archives))


class Kind(Nodes):
    """A cluster of kind: each node is a container of docker."""

    kind = "kind"

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.control_node = f"{cluster}-control-plane"

    def control(self):
        return self.control_node

    def inside(self, node, *command, **options):
        return run("docker", "exec", node, *command, **options)

    def off(self, node):
        when = self.now()
        run("docker", "kill", node)
        return when

    def on(self, node):
        run("docker", "start", node)

    def load(self, archives):
        for archive in archives:
            run("kind", "load", "image-archive", str(archive), "--name", self.cluster)


def lacks():
    """Why there can be no cluster of e2e/cluster on this machine, or nothing."""
    if os.geteuid() != 0:
        return "it needs root"
    if not pathlib.Path("/sys/fs/cgroup/memory").is_dir():
        return "it needs cgroup v1 controllers under /sys/fs/cgroup"
    if not (Kubebox.work() / "bin" / "kubebox").exists() and not shutil.which("go"):
        return "it needs Go to be built"
    return None
