"""What the chart renders, shown to a real API server: it must know every field. Nothing is made."""

import json
import re

from .kube import Failed, Kube, expect, run, until
from .site import CHART, HERE, RELEASE

# Those of `charts/check`.
VALUES = [*sorted((CHART.parent / "tests" / "values").glob("*.yaml")), HERE / "values.yaml"]
NAMED = re.compile(r"^# release: (.+)$")
KIND = re.compile(r"^kind: (\S+)$", re.MULTILINE)
GROUP = "monitoring.coreos.com"
# A field of the StatefulSet, and a wrong name for it.
FIELD, WRONG = "  podManagementPolicy:", "  podManagementPolicies:"


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


def shown(site):
    """Shows every file of values to the API server, in a namespace that is empty: how many objects, and
    which were left out."""
    kube = Kube(f"{site.kube.namespace}-validated")
    version = json.loads(run("kubectl", "version", "--output", "json"))["serverVersion"]["gitVersion"]
    # Kinds of the Prometheus operator are known only where it is installed.
    is_monitored = bool(run("kubectl", "api-resources", "--api-group", GROUP, "--output", "name").split())
    run("kubectl", "create", "namespace", kube.namespace, check=False)
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
    finally:
        run("kubectl", "delete", "namespace", kube.namespace, "--wait=false", check=False)
    return {"files": len(VALUES), "objects": count, "left_out": left_out}
