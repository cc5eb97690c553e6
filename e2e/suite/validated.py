"""What the chart renders, shown to a real API server: it must know every field. And what the chart refuses,
since something is there already. Nothing is installed."""

import json
import re

from .kube import Failed, Kube, delete_namespace, expect, make_namespace, run, until
from .site import CHART, HERE, RELEASE

# Those of `charts/check`.
VALUES = [*sorted((CHART.parent / "tests" / "values").glob("*.yaml")), HERE / "values.yaml"]
NAMED = re.compile(r"^# release: (.+)$")
KIND = re.compile(r"^kind: (\S+)$", re.MULTILINE)
GROUP = "monitoring.coreos.com"
# A field of the StatefulSet, and a wrong name for it.
FIELD, WRONG = "  podManagementPolicy:", "  podManagementPolicies:"
# What a StatefulSet does not change, and how that is refused.
FIXED = {
    "memgraph.storage.size=3Ti": "memgraph.storage.size is 3Ti, and the StatefulSet",
    "memgraph.storage.className=another": 'memgraph.storage.className is "another", and the StatefulSet',
    "memgraph.appName=another": "which cannot be changed, and these values make it another",
}
# Users beside the one of the Secret.
OWNER = "graphs"
USERS = {
    "auth.username=another": f"has {OWNER}: Memgraph keeps its user in its data",
    f"auth.username={OWNER},auth.password=another": "auth.password is not that of the Secret",
    f"auth.username={OWNER},auth.passwordKey=another": "auth.passwordKey is another, and the Secret",
}


def rendered(kube, values, version):
    """The documents of a file of values, which may name the release in its second line."""
    named = NAMED.match(values.read_text().splitlines()[1])
    said = kube.helm(
        "template", named[1] if named else RELEASE, str(CHART), "--values", str(values), "--kube-version", version
    )
    return [it for it in re.split(r"^---$", said, flags=re.MULTILINE) if KIND.search(it)]


def taken(kube, documents):
    """Has the API server look at them as if they were made; a Failed with its words if it refuses one."""
    said = kube.ctl(
        "apply", "--dry-run=server", "--validate=strict", "--filename", "-", text="\n---\n".join(documents)
    ).splitlines()
    made = [it for it in said if it.endswith("created (server dry run)")]
    expect(len(made) == len(documents), f"of {len(documents)} objects {len(made)} would be made: {said}")


def refused(kube, documents):
    """Nothing was looked at unless a field of a wrong name is refused."""
    wrong = [it.replace(FIELD, WRONG) for it in documents]
    expect(wrong != documents, f"there is no field {FIELD}")
    try:
        taken(kube, wrong)
    except Failed as error:
        expect("unknown field" in str(error), f"a field of a wrong name is not refused as such: {error}")
    else:
        raise Failed("a field of a wrong name is taken")


def turned_down(kube, cases, *command):
    """The chart refuses each of these values with its words."""
    for setting, words in cases.items():
        try:
            kube.helm(*command, "--dry-run=server", "--set", setting)
        except Failed as error:
            expect(words in str(error), f"{setting} is refused for another reason: {error}")
        else:
            raise Failed(f"{setting} is not refused")


def fixed(site):
    """An upgrade of the release may not ask for what cannot be changed."""
    command = ("upgrade", RELEASE, str(CHART), *site.arguments())
    site.kube.helm(*command, "--dry-run=server")
    turned_down(site.kube, FIXED, *command)


def locked_out(kube):
    """Nor may the user of a Secret be another, that an earlier installation left."""
    data = {"MEMGRAPH_USER": OWNER, "MEMGRAPH_PASSWORD": OWNER}
    secret = {
        "apiVersion": "v1", "kind": "Secret", "stringData": data,
        "metadata": {
            "name": f"{RELEASE}-auth", "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                "meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": kube.namespace,
            },
        },
    }
    command = ("install", RELEASE, str(CHART), "--set", "auth.enabled=true")
    kube.helm(*command, "--dry-run=server")
    kube.ctl("create", "--filename", "-", text=json.dumps(secret))
    kube.helm(*command, "--dry-run=server", "--set", f"auth.username={OWNER}")
    turned_down(kube, USERS, *command)


def shown(site):
    """Shows every file of values to the API server, in a namespace that is empty: how many objects, and
    which were left out."""
    kube = Kube(f"{site.kube.namespace}-validated")
    version = json.loads(run("kubectl", "version", "--output", "json"))["serverVersion"]["gitVersion"]
    # Kinds of the Prometheus operator are known only where it is installed.
    is_monitored = bool(run("kubectl", "api-resources", "--api-group", GROUP, "--output", "name").split())
    make_namespace(kube.namespace)
    try:
        # A pod needs one, also one that is not made.
        until("the account of its pods", lambda: kube.get("serviceaccount", "default"), 30)
        count, left_out = 0, []
        for values in VALUES:
            documents = rendered(kube, values, version)
            known = [it for it in documents if is_monitored or f"apiVersion: {GROUP}/" not in it]
            left_out += [f"{KIND.search(it)[1]} of {values.name}" for it in documents if it not in known]
            try:
                taken(kube, known)
            except Failed as error:
                raise Failed(f"{values.name}: {error}") from error
            count += len(known)
        refused(kube, known)
        locked_out(kube)
    finally:
        delete_namespace(kube.namespace, "--wait=false")
    return {"files": len(VALUES), "objects": count, "left_out": left_out}
