"""The scenarios: what happens, and what must come of it. Each begins and ends at rest, under load, and
each is judged by the ledger of the clients against every instance."""

import time

from .kube import Failed, until
from .site import GATEWAYS, INSTANCES, LEADER, SET

SCENARIOS = {}


def scenario(name, needs=()):
    """Registers a scenario. `needs`: inside (of nodes), power, nodes (three), gate (of readiness)."""

    def register(function):
        SCENARIOS[name] = (function, frozenset(needs))
        return function

    return register


def expect(truth, what):
    if not truth:
        raise Failed(what)


def moved(site, before, limit=60):
    """Waits until another instance is recorded as main, and steady."""

    def look():
        return site.main() != before and site.record()["stage"] == "steady"

    until(f"another main than {before}", look, limit)
    return site.main()


@scenario("install")
def install(site):
    """From nothing to the first write; the tests of the chart; uninstalled and installed again with
    the same data and record."""
    site.load.start()
    begun = site.nodes.now()
    site.install()
    first = site.load.first_after(begun, 120)
    settled = site.settled()
    site.kube.helm("test", "memgraph-ha", "--timeout", "90s", timeout=120)
    leaders = site.kube.pods(LEADER)
    expect(len(leaders) == 1, f"{len(leaders)} pods carry the label of the leader")
    before = site.record()["term"]
    site.load.check()
    site.uninstall()
    site.install()
    again = site.nodes.now()
    second = site.load.first_after(again, 120)
    site.settled()
    expect(site.record()["term"] >= before, "the record was not found again")
    return {"first_write_s": first, "settled_s": settled, "first_write_after_reinstall_s": second}


@scenario("kill-main", ["inside"])
def kill_main(site):
    """The main's process is killed; the voter takes over."""
    main = site.main()
    moment = site.kill(main)
    first = site.load.first_after(moment)
    moved(site, main)
    return {"first_write_s": first, "pause_s": site.load.pause_since(moment)}


@scenario("switchover")
def switchover(site):
    """The main moves on an order; clients see a pause and no error."""
    main = site.main()
    moment = site.switchover()
    moved(site, main)
    pause = site.load.pause_since(moment)
    counts = site.load.counts(moment)
    expect(counts["failed"] == 0, f"writes failed: {site.load.troubled(moment)}")
    return {"pause_s": pause, **counts}


@scenario("rolling-restart", ["gate"])
def rolling_restart(site):
    """`kubectl rollout restart` of the instances; `rollout status` returns when it is done."""
    moment = site.nodes.now()
    before = {pod["metadata"]["uid"] for pod in site.kube.pods(INSTANCES)}
    site.kube.ctl("rollout", "restart", f"statefulset/{SET}")
    site.kube.ctl("rollout", "status", f"statefulset/{SET}", "--timeout", "300s", timeout=320)
    took = (site.nodes.now() - moment) / 1e6
    left = {pod["metadata"]["uid"] for pod in site.kube.pods(INSTANCES)} & before
    expect(not left, f"{len(left)} pods were not restarted")
    # Its words are of a moment; a replica that lags in passing is at rest a moment later.
    site.settled(10)
    site.load.refresh()
    counts = site.load.counts(moment)
    expect(counts["failed"] == 0, f"writes failed: {site.load.troubled(moment)}")
    return {"took_s": took, "pause_s": site.load.longest_pause(moment), **counts}


@scenario("helm-upgrade", ["gate"])
def helm_upgrade(site):
    """Everything is rolled at once by an upgrade: instances, controllers, gateways."""
    moment = site.nodes.now()
    site.keep_journals()
    stamp = f"at={moment}"
    site.upgrade(*[
        argument for part in ("memgraph", "controller", "gateway")
        for argument in ("--set-string", f"{part}.podAnnotations.{stamp}")
    ])
    site.kube.ctl("rollout", "status", f"statefulset/{SET}", "--timeout", "300s", timeout=320)
    for part in ("controller", "gateway"):
        site.kube.ctl("rollout", "status", f"deployment/memgraph-{part}", "--timeout", "180s", timeout=200)
    took = (site.nodes.now() - moment) / 1e6
    site.settled()
    site.load.refresh()
    return {"took_s": took, "pause_s": site.load.longest_pause(moment), **site.load.counts(moment)}


@scenario("drain", ["nodes"])
def drain(site):
    """The main's node is drained; the budget lets one instance go at a time."""
    main = site.move_main_off(site.nodes.control())
    node = main["spec"]["nodeName"]
    site.keep_journals()
    moment = site.nodes.now()
    site.kube.ctl(
        "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout", "180s", timeout=200
    )
    moved(site, main["metadata"]["name"])
    drained = (site.nodes.now() - moment) / 1e6
    site.kube.ctl("uncordon", node)
    site.settled()
    site.load.refresh()
    return {"drained_s": drained, "pause_s": site.load.longest_pause(moment), **site.load.counts(moment)}


@scenario("node-off", ["power", "nodes"])
def node_off(site):
    """The main's node loses its power, with whatever else is on it, and boots again."""
    main = site.move_main_off(site.nodes.control())
    node = main["spec"]["nodeName"]
    site.keep_journals()
    # Clients of a gateway that goes with it learn that from their own time-outs alone.
    lost = [
        name for name, selector in (("leader", LEADER), ("gateway", GATEWAYS))
        if any(pod["spec"]["nodeName"] == node for pod in site.kube.pods(selector))
    ]
    moment = site.nodes.off(node)
    try:
        moved(site, main["metadata"]["name"], 90)
        pause = site.load.pause_since(moment)
    finally:
        site.nodes.on(node)
    site.nodes.load(site.options.archives)
    site.settled(240)
    return {"_with_".join(["pause", *lost]) + "_s": pause}


@scenario("three-failovers", ["inside"])
def three_failovers(site):
    """Three mains are killed within a minute, each as soon as writes go on."""
    begun, firsts = time.monotonic(), []
    for _ in range(3):
        main = site.main()
        moment = site.kill(main)
        firsts.append(site.load.first_after(moment))
        moved(site, main)
        # The next can only take over once it is proven: nothing shorter is survived by anybody.
        site.settled(60)
    took = time.monotonic() - begun
    expect(took < 60, f"three failovers took {took:.0f} s")
    return {"first_write_s": firsts, "took_s": took}


@scenario("force-delete")
def force_delete(site):
    """The main's pod is deleted by force: its object is gone at once, its process is not."""
    main = site.main()
    moment = site.nodes.now()
    site.kube.ctl("delete", "pod", main, "--grace-period=0", "--force")
    moved(site, main)
    return {"pause_s": site.load.pause_since(moment)}


@scenario("partition-main", ["inside"])
def partition_main(site):
    """The main's pod is cut off from everybody, runs on, and comes back."""
    main = site.kube.pod(site.main())
    node, address = main["spec"]["nodeName"], main["status"]["podIP"]
    moment = site.nodes.now()
    site.nodes.cut(node, address)
    try:
        moved(site, main["metadata"]["name"])
        pause = site.load.pause_since(moment)
    finally:
        site.nodes.mend(node)
    return {"pause_s": pause}


@scenario("controller-upgrade")
def controller_upgrade(site):
    """Controllers, then gateways are replaced; connections of a gateway that leaves count apart."""
    site.keep_journals()
    moment = site.nodes.now()
    site.kube.ctl("rollout", "restart", "deployment/memgraph-controller")
    site.kube.ctl("rollout", "status", "deployment/memgraph-controller", "--timeout", "180s", timeout=200)
    site.settled()
    site.load.refresh()
    counts, pause = site.load.counts(moment), site.load.longest_pause(moment)
    expect(counts["failed"] == 0, f"writes failed: {site.load.troubled(moment)}")
    leaders = until("a leader that shows itself", lambda: site.kube.pods(LEADER), 30)
    expect(len(leaders) == 1, f"{len(leaders)} pods carry the label of the leader")
    gateways = site.nodes.now()
    site.kube.ctl("rollout", "restart", "deployment/memgraph-gateway")
    site.kube.ctl("rollout", "status", "deployment/memgraph-gateway", "--timeout", "180s", timeout=200)
    until("the gateways that leave are gone", lambda: len(
        site.kube.get("pods", "--selector", GATEWAYS)["items"]) == 2, 60)
    site.load.refresh()
    return {
        "pause_s": pause, **counts,
        "gateway_pause_s": site.load.longest_pause(gateways), "gateways": site.load.counts(gateways),
    }


@scenario("api-gone", ["inside"])
def api_gone(site):
    """Nobody reaches the API server for two minutes. The controllers promise each other to promote
    nobody, so that writes go on."""
    moment = site.nodes.now()
    main = site.main()
    site.nodes.api_off()
    try:
        time.sleep(site.options.api_gone_seconds)
    finally:
        site.nodes.api_on()
    back = site.nodes.now()
    first = site.load.first_after(back)
    site.settled()
    expect(site.main() == main, f"the main moved from {main} to {site.main()}")
    site.load.refresh()
    pause = site.load.longest_pause(moment)
    expect(pause < 5, f"writes stood still for {pause:.1f} s while only the API server was gone")
    # Kubelets do not reach the API server either. After 40 s it takes their nodes for lost, and once it
    # is back, Services have no endpoints until each has reported: new connections are refused then.
    told = site.load.troubled(moment)
    ours = {key: count for key, count in told.items()
            if " failed: " in key and "Connection refused" not in key}
    expect(not ours, f"writes failed: {ours}")
    counts = {**site.load.counts(moment), "refused": sum(
        count for key, count in told.items() if "Connection refused" in key)}
    return {
        "pause_s": pause, "first_write_after_s": first, **counts,
    }


