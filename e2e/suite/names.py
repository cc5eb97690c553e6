"""The names that users of the predecessor know (PI 17), and a second release with names of its own."""

import csv
import io
import time

from . import bolt
from .kube import Failed, expect, is_ready, parsed, until
from .moves import Asked, Move, judge
from .site import CONTROLLERS, GATEWAYS, LEADER, SET, short

BESIDE = "beside"
# Users of the predecessor log in as this; instances without users let everybody in.
LOGIN = "--username=mguser --password=mgpasswd"
# How often the read Service is asked to write: each connection may be at another gateway and replica.
TRIES = 4


def of_objects(site):
    """StatefulSet, pods, labels and Services (N2 to N4, N11 to N13)."""
    kube, count = site.kube, site.count

    def stable():
        status = kube.get("statefulset", SET)["status"]
        counted = [status.get(it, 0) for it in ("replicas", "readyReplicas", "updatedReplicas")]
        return counted == [count] * 3 and status["currentRevision"] == status["updateRevision"]

    until(f"statefulset/{SET} with {count} replicas that are ready and up to date", stable, 30)
    strategy = kube.get("statefulset", SET)["spec"]["updateStrategy"]["type"]
    expect(strategy == "RollingUpdate", f"statefulset/{SET} is updated by {strategy}")
    labels(site)
    for pod in kube.pods("app.kubernetes.io/name=memgraph"):
        containers = [it["name"] for it in pod["status"]["containerStatuses"]]
        expect(containers == ["memgraph"], f"{pod['metadata']['name']} has the containers {containers}")
    for name, port in (("memgraph-gateway", 7687), ("memgraph-gateway-read", 7687), ("memgraph-controller", 8080)):
        ports = [it["port"] for it in kube.get("service", name)["spec"]["ports"]]
        expect(ports == [port], f"service/{name} has the ports {ports}")
    for pod in kube.pods(CONTROLLERS) + kube.pods(GATEWAYS):
        name = pod["metadata"]["name"]
        expect(len(pod["spec"]["containers"]) == 1, f"{name} has several containers")
        # No container is named, as scripts do not.
        expect(kube.ctl("logs", name, "--tail=20").strip(), f"{name} has no log")


def labels(site):
    """Who carries which label: these pods and no others of the namespace."""
    pods = sorted(pod["metadata"]["name"] for pod in site.kube.pods("app.kubernetes.io/name=memgraph"))
    known = [f"{SET}-{ordinal}" for ordinal in range(site.count)]
    expect(pods == sorted(known), f"app.kubernetes.io/name=memgraph is on {', '.join(pods)}")
    leader = until("exactly one leader", lambda: len(found := site.kube.pods(LEADER)) == 1 and found[0], 30)
    expect(is_ready(leader), f"{leader['metadata']['name']} carries {LEADER} and is not ready")


def ask(site, pod, statement):
    """What the console in an instance's pod prints, as scripts call it: rows by column."""
    words = f'echo "{statement}" | mgconsole --output-format csv {LOGIN}'
    said = site.kube.ctl("exec", pod, "-c", "memgraph", "--", "bash", "-c", words)
    rows = csv.DictReader(io.StringIO(said))
    return [{key: value.strip('"') for key, value in row.items()} for row in rows]


def of_consoles(site):
    """Roles and replicas, as the consoles in the pods tell them (N5 to N8, N10)."""
    with site.load.paused():
        until("replicas as they are known", lambda: replicas(site) is None, 30, 1)


def replicas(site):
    """Raises what is not as it is known."""
    main, record = site.main(), site.record()
    pods = [f"{SET}-{ordinal}" for ordinal in range(site.count)]
    for pod in pods:
        said = ask(site, pod, "SHOW REPLICATION ROLE;")
        role = "main" if pod == main else "replica"
        expect(said == [{"replication role": role}], f"{pod} is {said}, not {role}")
    rows = {row["name"]: row for row in ask(site, main, "SHOW REPLICAS;")}
    others = [pod for pod in pods if pod != main]
    expect(sorted(rows) == sorted(pod.replace("-", "_") for pod in others), f"replicas are {sorted(rows)}")
    for pod in others:
        row = rows[pod.replace("-", "_")]
        votes = record["members"][short(pod)]["votes"]
        modes = ("sync", "strict_sync") if votes else ("async",)
        expect(row["sync_mode"] in modes, f"{pod} is {row['sync_mode']}, not {' or '.join(modes)}")
        info = row["data_info"].replace('"', "")
        shown = all(word in info for word in ("{memgraph: {", "behind: 0", "status: ready", "ts: "))
        expect(shown, f"{pod} is shown as {info}")
    # With three of them the one that nobody waits for is the last.
    waited = {pod for pod in others if rows[pod.replace("-", "_")]["sync_mode"] != "async"}
    expect(waited <= {f"{SET}-0", f"{SET}-1"}, f"commits wait for {', '.join(sorted(waited))}")


def of_reads(site):
    """The read Service reads, and never writes (N18)."""
    host = "memgraph-gateway-read"
    for _ in range(TRIES):
        site.load.counted(host)
        try:
            site.load.console(host, "CREATE (:Bad);")
        except Failed as error:
            expect("forbidden" in str(error).lower(), f"a write is not refused as such: {error}")
        else:
            raise Failed("the read Service took a write")
    bad = ask(site, site.main(), "MATCH (n:Bad) RETURN count(n) AS count;")
    expect(bad == [{"count": "0"}], f"what the read Service refused is there: {bad}")


def of_routes(site, login=None, tls=None):
    """Drivers with neo4j:// are told names that lead to both Services, whichever they ask. `tls` checks
    that the certificate has those names."""
    hosts = [f"{service}.{site.kube.namespace}.svc" for service in ("memgraph-gateway", "memgraph-gateway-read")]
    write, read = (f"{host}:7687" for host in hosts)
    for host in hosts:
        with bolt.forwarded(site.kube, host.split(".", 1)[0], 7687) as port:
            told = bolt.route(port, f"{host}:7687", login, tls)
        expect(told == {"WRITE": [write], "READ": [read], "ROUTE": [write]}, f"who asks {host} is told {told}")
        site.load.counted(host)


def beside(site):
    """Installs a second release, sees it settled and used, and removes it; seconds until it was settled."""
    begun = time.monotonic()
    # Instances that go together with their controllers have nobody to ask.
    site.install(BESIDE, "--set", "names=release", "--set", "memgraph.preStopTimeoutSeconds=5")

    def status():
        status = parsed(site.tell("status", "--output", "json", release=BESIDE, check=False), "the status")
        return status if status.get("leads") and status["plan"]["settled"] else None

    last = until("the second release is settled", status, 120, 0.5)
    took = time.monotonic() - begun
    pods = {f"mg-{ordinal}": f"{BESIDE}-{ordinal}" for ordinal in range(site.count)}
    expect(last["pods"] == pods, f"its pods are {last['pods']}")
    site.kube.helm("test", BESIDE, "--timeout", "90s", timeout=120)
    moves = [Move.of(it) for it in parsed(site.tell("history", "--output", "json", release=BESIDE), "the history")]
    record = parsed(site.kube.get("configmap", f"{BESIDE}-state")["data"]["record"], "its record")
    founded = Asked("bootstrap", (None,), "mg-0", None)
    judge((0, None), (record["term"], record["target"]), moves, [founded])
    labels(site)
    remove(site)
    return took


def remove(site):
    """What `helm uninstall` removes, and what it leaves on purpose: volumes, record, orders, lease."""
    site.uninstall(BESIDE)
    claims = [f"pvc/{BESIDE}-lib-storage-{BESIDE}-{ordinal}" for ordinal in range(site.count)]
    objects = [f"configmap/{BESIDE}-state", f"configmap/{BESIDE}-orders", f"lease/{BESIDE}-controller"]
    site.kube.ctl("delete", *claims, *objects, "--ignore-not-found", "--timeout=60s", timeout=80)
    kinds, label = "all,configmap,lease,pvc,role,networkpolicy", f"app.kubernetes.io/instance={BESIDE}"
    left = ("get", kinds, "--selector", label, "--output", "name")
    until("nothing is left of the second release", lambda: not site.kube.ctl(*left).split(), 30, 1)
