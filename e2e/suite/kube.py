"""kubectl and helm, as a person would call them."""

import json
import subprocess
import time


class Failed(Exception):
    """Something did not do what it should."""


def expect(truth, what):
    if not truth:
        raise Failed(what)


def run(*command, check=True, text=None, timeout=300):
    """Runs a command; its output, or why it failed."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{' '.join(command)}: no end within {timeout} s") from late
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: {said}")
    return done.stdout


def parsed(text, whose):
    """What a text of JSON says, or a Failed that it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Failed(f"{whose} is no JSON: {error}: {text[:200]!r}") from error


def until(what, look, limit, pause=0.1):
    """Waits until look() gives something true, and returns it; a Failed of look() counts as no."""
    end, last = time.monotonic() + limit, None
    while True:
        try:
            found = look()
            if found:
                return found
            last = "not so"
        except Failed as error:
            last = str(error)
        if time.monotonic() >= end:
            raise Failed(f"{what}: not within {limit} s; last: {last}")
        time.sleep(pause)


# What a namespace carries that this suite made: no other is used or deleted.
MADE = ("memgraph-ha.io/made-by", "e2e")


def claimed(name):
    """A namespace, or nothing where it is not there; a Failed if it is somebody else's."""
    said = run("kubectl", "get", "namespace", name, "--ignore-not-found", "--output", "json")
    if not said.strip():
        return None
    found, (label, value) = parsed(said, name), MADE
    is_ours = found["metadata"].get("labels", {}).get(label) == value
    expect(is_ours, f"the namespace {name} is there and was not made by e2e/run, which would delete it: "
                    f"name another one with --namespace, or label it {label}={value}")
    return found


def make_namespace(name):
    """Makes a namespace, unless an earlier run did; one that is on its way out is waited for."""
    found = claimed(name)
    if found and found["status"]["phase"] == "Active":
        return
    until(f"the namespace {name} is gone", lambda: not claimed(name), 120)
    label, value = MADE
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {label: value}}}
    run("kubectl", "create", "--filename", "-", text=json.dumps(body))


def delete_namespace(name, *flags):
    """Deletes a namespace if this suite made it."""
    whose = ("--selector", "=".join(MADE), "--field-selector", f"metadata.name={name}")
    run("kubectl", "delete", "namespace", *whose, *flags, check=False)


class Kube:
    """One namespace of one cluster."""

    def __init__(self, namespace):
        self.namespace = namespace

    def ctl(self, *command, **options):
        return run("kubectl", "--namespace", self.namespace, *command, **options)

    def helm(self, *command, **options):
        return run("helm", "--namespace", self.namespace, *command, **options)

    def get(self, *what):
        return parsed(self.ctl("get", *what, "--output", "json"), " ".join(what))

    def uid(self, what):
        """Which object stands under a name such as `pvc/NAME`."""
        return self.get(what)["metadata"]["uid"]

    def pods(self, selector):
        """Pods with a label that are not on their way out."""
        pods = self.get("pods", "--selector", selector)["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, name):
        return self.get("pod", name)

    def execute(self, pod, *command, **options):
        return self.ctl("exec", pod, "--", *command, **options)

    def proxied(self, whom, path):
        """What a Service or a pod, such as `pods/NAME`, answers at its port 8080, asked through the API
        server."""
        where = f"/api/v1/namespaces/{self.namespace}/{whom}:8080/proxy{path}"
        return run("kubectl", "get", "--raw", where, timeout=10)


def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", [])
    return any(it["type"] == "Ready" and it["status"] == "True" for it in conditions)
