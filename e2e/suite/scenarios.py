"""The scenarios: what happens, and what must come of it. Each begins and ends at rest, under load, and
each is judged by the ledger of the clients against every instance."""

import time
from typing import Callable, FrozenSet, NamedTuple, Optional

from . import names as known, node_off, secured as access, validated as schemas
from .kube import expect, run, until
from .site import CONTROLLERS, GATEWAYS, INSTANCES, LEADER, PAIR, SET, STATE, short


class Scenario(NamedTuple):
    """What happens, what it needs of the cluster, and whose release it is: that of all scenarios, or one
    of its own, in a namespace of its own."""

    function: Callable
    needs: FrozenSet[str]
    site: Optional[type]


SCENARIOS = {}
# Seconds from an installation to the first write (the goal of the design).
FIRST_WRITE = 60


def scenario(name, needs=(), site=None):
    """Registers a scenario. `needs`: inside (of nodes), power, nodes (three), gate (of readiness), and
    programs of this machine."""

    def register(function):
        SCENARIOS[name] = Scenario(function, frozenset(needs), site)
        return function

    return register


def moved(site, before, limit=60):
    """Waits until another instance is recorded as main, and steady."""

    def look():
        return site.main() != before and site.record()["stage"] == "steady"

    until(f"another main than {before}", look, limit)
    return site.main()


def unharmed(site, since, gateways_leave=False):
    """How writes ended since then: none failed. Where gateways leave, those that found none at the other
    end of their address count apart; connections that are held may end, between two writes."""
    counts = site.load.counts(since)
    is_well = counts["failed"] == 0 and (gateways_leave or counts["unconnected"] == 0)
    expect(is_well, f"writes failed: {site.load.troubled(since)}")
    return counts


def uids(site, *selectors):
    """The pods that are there by their uids, those on their way out as well."""
    pods = [pod for it in selectors for pod in site.kube.get("pods", "--selector", it)["items"]]
    return {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in pods}


def replaced(site, before, limit=60):
    """Waits until none of the pods of before is there any more."""
    left = lambda: before.keys() & uids(site, INSTANCES, CONTROLLERS, GATEWAYS).keys()
    until(f"others in place of {', '.join(sorted(before.values()))}", lambda: not left(), limit)


def one_leader(site):
    """The label follows the lease, a moment later."""
    until("exactly one pod with the label of the leader", lambda: len(site.kube.pods(LEADER)) == 1, 30)


@scenario("install")
def install(site):
    """From nothing to the first write; the tests of the chart; uninstalled and installed again with
    the same data and record."""
    site.load.start()
    site.moves.ask("bootstrap", None, to="mg-0")
    begun = site.nodes.now()
    site.install()
    first = site.load.first_after(begun, 120)
    settled = site.settled()
    site.kube.helm("test", "memgraph-ha", "--timeout", "90s", timeout=120)
    one_leader(site)
    site.judge()
    uid = site.kube.uid(f"configmap/{STATE}")
    site.uninstall()
    # Who is found first when all instances start at once, and nobody leads yet, is left to chance.
    site.moves.begin(by_itself=("failover", "return"))
    before = site.record()["term"]
    again = site.nodes.now()
    site.install()
    second = site.load.first_after(again, 120)
    site.settled()
    expect(site.kube.uid(f"configmap/{STATE}") == uid, "the record is another one")
    expect(site.record()["term"] >= before, "the record was not found again")
    slow = max(first, second)
    expect(slow <= FIRST_WRITE, f"{slow:.0f} s to the first write, at most {FIRST_WRITE} are promised")
    return {"first_write_s": first, "settled_s": settled, "first_write_after_reinstall_s": second}


@scenario("names")
def names(site):
    """What users of the predecessor know by its name is there; a second release beside it has names of its
    own, and goes again."""
    main = site.main()
    # The main is one of the pair there, unless both were lost.
    if short(main) not in PAIR:
        site.switchover("mg-0")
        moved(site, main)
        site.settled()
    known.of_objects(site)
    known.of_consoles(site)
    known.of_reads(site)
    known.of_routes(site)
    return {"beside_settled_s": known.beside(site)}


@scenario("validated")
def validated(site):
    """Every file of values of the chart is rendered and shown to the API server, which must know each
    field; what cannot be changed in the release that is there is refused. Nothing is made."""
    schemas.fixed(site)
    return schemas.shown(site)


@scenario("kill-main", ["inside"])
def kill_main(site):
    """The main's process is killed; the voter takes over."""
    main = site.main()
    site.moves.ask("failover", short(main))
    moment = site.kill(main)
    first = site.load.first_after(moment)
    moved(site, main)
    pause = site.load.pause_since(moment)
    return {"first_write_s": first, "pause_s": pause, "told": site.load.troubled(moment)}


@scenario("switchover")
def switchover(site):
    """The main moves on an order; clients see a pause and no error."""
    main = site.main()
    moment = site.switchover()
    moved(site, main)
    pause = site.load.pause_since(moment)
    return {"pause_s": pause, **unharmed(site, moment)}


@scenario("rolling-restart", ["gate"])
def rolling_restart(site):
    """`kubectl rollout restart` of the instances; `rollout status` returns when it is done."""
    site.moves.ask_of_each()
    moment = site.nodes.now()
    before = uids(site, INSTANCES)
    site.kube.ctl("rollout", "restart", f"statefulset/{SET}")
    site.kube.ctl("rollout", "status", f"statefulset/{SET}", "--timeout", "300s", timeout=320)
    took = (site.nodes.now() - moment) / 1e6
    replaced(site, before, limit=0)
    # Its words are of a moment: a replica that lags in passing is at rest a moment later, and the vote
    # returns once the last pod is proven.
    site.settled(20)
    site.load.refresh()
    return {"took_s": took, "pause_s": site.load.longest_pause(moment), **unharmed(site, moment)}


def kept(site):
    """What an upgrade has to leave as it is: the record and the volumes, each by its uid."""
    claims = [f"pvc/{SET}-lib-storage-{SET}-{no}" for no in range(site.count)]
    return {name: site.kube.uid(name) for name in [f"configmap/{STATE}", *claims]}


@scenario("helm-upgrade", ["gate"])
def helm_upgrade(site):
    """Everything is rolled at once by an upgrade: instances, controllers, gateways."""
    before, pods = kept(site), uids(site, INSTANCES, CONTROLLERS, GATEWAYS)
    site.keep_journals()
    site.moves.ask_of_each()
    moment = site.nodes.now()
    stamp = f"at={moment}"
    # Controllers that go take their history with them.
    with site.moves.watched():
        site.upgrade(*[
            argument for part in ("memgraph", "controller", "gateway")
            for argument in ("--set-string", f"{part}.podAnnotations.{stamp}")
        ])
        site.kube.ctl("rollout", "status", f"statefulset/{SET}", "--timeout", "300s", timeout=320)
        for part in ("controller", "gateway"):
            site.kube.ctl("rollout", "status", f"deployment/memgraph-{part}", "--timeout", "180s", timeout=200)
    took = (site.nodes.now() - moment) / 1e6
    replaced(site, pods)
    site.settled()
    one_leader(site)
    after = kept(site)
    other = [name for name, uid in before.items() if after[name] != uid]
    expect(not other, f"not what was there before: {', '.join(other)}")
    site.load.refresh()
    return {"took_s": took, "pause_s": site.load.longest_pause(moment), **site.load.counts(moment)}


@scenario("drain", ["nodes"])
def drain(site):
    """The main's node is drained; the budget lets one instance go at a time."""
    main = site.move_main_off(site.load.where())
    node = main["spec"]["nodeName"]
    there = {short(pod["metadata"]["name"]) for pod in site.kube.pods(INSTANCES) if pod["spec"]["nodeName"] == node}
    site.keep_journals()
    site.moves.ask("switchover", short(main["metadata"]["name"]))
    # Whoever else is there may become main first, and has to go, too.
    others = sorted(there - {short(main["metadata"]["name"])})
    for _ in others:
        site.moves.ask("switchover", *others)
    moment = site.nodes.now()
    try:
        site.kube.ctl(
            "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout", "180s", timeout=200
        )
        moved(site, main["metadata"]["name"])
        drained = (site.nodes.now() - moment) / 1e6
    finally:
        site.kube.ctl("uncordon", node)
    site.settled()
    one_leader(site)
    site.load.refresh()
    counts = unharmed(site, moment, gateways_leave=True)
    return {"drained_s": drained, "pause_s": site.load.longest_pause(moment), **counts}


@scenario("node-off", ["power", "nodes"])
def main_node_off(site):
    """The main's node loses its power, with whatever else is on it, and boots again."""
    figures = node_off.lose_power(site, site.move_main_off(site.load.where()), moved)
    one_leader(site)
    return figures


@scenario("leader-node-off", ["power", "nodes"])
def leader_node_off(site):
    """One node loses its power with the main, the leader and a gateway."""
    figures = node_off.lose_power(site, node_off.gather(site), moved)
    expect("pause_with_leader_with_gateway_s" in figures, f"they were not on one node: {figures}")
    one_leader(site)
    return figures


@scenario("three-failovers", ["inside"])
def three_failovers(site):
    """Three mains are killed within a minute, each as soon as writes go on."""
    begun, firsts = time.monotonic(), []
    for _ in range(3):
        main = site.main()
        site.moves.ask("failover", short(main))
        moment = site.kill(main)
        firsts.append(site.load.first_after(moment))
        moved(site, main)
        # The next can only take over once it is proven, and not while the vote returns: nothing shorter
        # is survived by anybody.
        site.settled(60)
    took = time.monotonic() - begun
    expect(took < 60, f"three failovers took {took:.0f} s")
    return {"first_write_s": firsts, "took_s": took}


@scenario("force-delete")
def force_delete(site):
    """The main's pod is deleted by force: its object is gone at once, its process is not."""
    main = site.main()
    site.moves.ask("failover", short(main))
    moment = site.nodes.now()
    site.kube.ctl("delete", "pod", main, "--grace-period=0", "--force")
    moved(site, main)
    return {"pause_s": site.load.pause_since(moment)}


def life(pod):
    """Tells a pod's process from every other."""
    status = pod["status"]["containerStatuses"][0]
    return pod["metadata"]["uid"], status["restartCount"], status["containerID"]


@scenario("partition-main", ["inside"])
def partition_main(site):
    """The main's pod is cut off from everybody, runs on, and comes back."""
    main = site.kube.pod(site.main())
    node, address = main["spec"]["nodeName"], main["status"]["podIP"]
    site.moves.ask("failover", short(main["metadata"]["name"]))
    moment = site.nodes.now()
    try:
        site.nodes.cut(node, address)
        moved(site, main["metadata"]["name"])
        pause = site.load.pause_since(moment)
        # Until it is mended: who comes back with data that branched off is ended to set it aside.
        before, after = life(main), life(site.kube.pod(main["metadata"]["name"]))
        expect(after == before, f"the pod that was cut off did not run on: {before}, then {after}")
    finally:
        site.nodes.mend()
    return {"pause_s": pause}


@scenario("controller-upgrade")
def controller_upgrade(site):
    """Controllers, then gateways are replaced; the main stays. Connections of a gateway that leaves count
    apart."""
    before = site.moves.now()

    def replace(part, selector):
        pods, moment = uids(site, selector), site.nodes.now()
        site.kube.ctl("rollout", "restart", f"deployment/memgraph-{part}")
        site.kube.ctl("rollout", "status", f"deployment/memgraph-{part}", "--timeout", "180s", timeout=200)
        replaced(site, pods)
        return moment

    site.keep_journals()
    begun = time.monotonic()
    moment = replace("controller", CONTROLLERS)
    site.settled()
    expect(site.moves.now() == before, f"the record went from {before} to {site.moves.now()}")
    site.load.refresh()
    counts, pause = unharmed(site, moment), site.load.longest_pause(moment)
    one_leader(site)
    gateways = replace("gateway", GATEWAYS)
    expect(site.moves.now() == before, f"the record went from {before} to {site.moves.now()}")
    site.load.refresh()
    return {
        "took_s": time.monotonic() - begun, "pause_s": pause, **counts,
        "gateway_pause_s": site.load.longest_pause(gateways),
        "gateways": unharmed(site, gateways, gateways_leave=True),
    }


def reached(site, nodes, address):
    """From which of these nodes the API server takes a connection, at the address that pods have of it."""
    return [node for node in nodes if site.nodes.connects(node, address, 443)]


@scenario("api-gone", ["inside"])
def api_gone(site):
    """Nobody reaches the API server for two minutes. The controllers promise each other to promote
    nobody, so that writes go on."""
    nodes = sorted({pod["spec"]["nodeName"] for pod in site.kube.pods(CONTROLLERS)})
    address = run("kubectl", "--namespace", "default", "get", "service", "kubernetes",
                  "--output", "jsonpath={.spec.clusterIP}").strip()
    expect(reached(site, nodes, address) == nodes, f"not each of {', '.join(nodes)} reaches the API server")
    moment = site.nodes.now()
    main = site.main()
    end = time.monotonic() + site.options.api_gone_seconds
    try:
        site.nodes.api_off()
        late = reached(site, nodes, address)
        time.sleep(max(0, end - time.monotonic()))
        late += reached(site, nodes, address)
    finally:
        site.nodes.mend()
    expect(not late, f"the API server was reached from {', '.join(late)} while it was to be gone")
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


@scenario("secured", ["inside", "openssl"], site=access.Secured)
def secured(site):
    """A password and TLS everywhere, in a release of its own: whoever has neither is not let in. A
    switchover, a kill of the main, another password; no log has one of them."""
    access.shut(site)
    site.kube.helm("test", "memgraph-ha", "--timeout", "90s", timeout=120)
    known.of_routes(site, access.login(site), access.trust(site))
    figures = {}
    for part in (switchover, kill_main):
        figures.update({f"{part.__name__}_{key}": value for key, value in part(site).items()})
        site.settled()
    figures.update(access.changed(site))
    access.shut(site)
    return {**figures, **access.searched(site)}
