"""A node that loses its power, with the main and whatever else is on it."""

from .kube import Failed, expect, until
from .site import CONTROLLERS, GATEWAYS, INSTANCES, LEADER, short


def node_of(pod):
    return pod["spec"]["nodeName"]


def there(site, selector, node):
    """The pods with a label that are on a node."""
    return [pod for pod in site.kube.pods(selector) if node_of(pod) == node]


def gather(site):
    """Brings the leader, a gateway and the main onto one node, which is not that of the ledger; the pod
    of the main."""
    ledger = site.load.where()
    nodes = {node_of(pod) for pod in site.kube.pods(CONTROLLERS)} - {ledger}
    expect(nodes, f"every controller is on {ledger}, the node of the ledger")
    node = sorted(nodes, key=lambda node: (not there(site, GATEWAYS, node), node))[0]
    lead_from(site, node)
    if not there(site, GATEWAYS, node):
        bring_gateway(site, node)
    instances = there(site, INSTANCES, node)
    expect(instances, f"there is no instance on {node}")
    main = site.kube.pod(site.main())
    if node_of(main) != node:
        site.switchover(short(instances[0]["metadata"]["name"]))
        until(f"the main on {node}", lambda: node_of(site.kube.pod(site.main())) == node, 60)
    site.settled()
    return site.kube.pod(site.main())


def lead_from(site, node):
    """Replaces leaders that are elsewhere, until it is the controller on that node that leads."""
    for _ in range(4):
        until("a leader", lambda: len(site.kube.pods(LEADER)) == 1, 30)
        leader = site.kube.pods(LEADER)[0]
        if node_of(leader) == node:
            return
        name = leader["metadata"]["name"]
        site.keep_journals()
        site.kube.ctl("delete", "pod", name)
        until("the leader's label on another pod",
              lambda: name not in {pod["metadata"]["name"] for pod in site.kube.pods(LEADER)}, 30)
        site.settled()
    raise Failed(f"the leader is not on {node}")


def bring_gateway(site, node):
    """Replaces a gateway while no other node takes pods."""
    others = {one["metadata"]["name"] for one in site.kube.get("nodes")["items"]} - {node}
    try:
        for other in others:
            site.kube.ctl("cordon", other)
        site.kube.ctl("delete", "pod", site.kube.pods(GATEWAYS)[0]["metadata"]["name"])
        until(f"a gateway on {node}", lambda: there(site, GATEWAYS, node), 60)
    finally:
        for other in others:
            site.kube.ctl("uncordon", other)


def lose_power(site, main, moved):
    """The node of that main is off until another one leads to steady writes; pauses, and what was
    there."""
    node = node_of(main)
    site.keep_journals()
    # Clients of a gateway that goes with it learn that from their own time-outs alone.
    lost = [name for name, it in (("leader", LEADER), ("gateway", GATEWAYS)) if there(site, it, node)]
    held = site.connections(node)
    site.moves.ask("failover", short(main["metadata"]["name"]))
    moment = site.nodes.off(node)
    try:
        moved(site, main["metadata"]["name"], 90)
        pause = site.load.pause_since(moment)
        pauses = site.load.pause_of_each(moment)
    finally:
        site.nodes.on(node)
    site.nodes.load(site.options.archives)
    site.settled(240)
    site.load.refresh()
    told = site.load.troubled(moment)
    return {"_with_".join(["pause", *lost]) + "_s": pause, **pauses, "connections": held, "told": told}
