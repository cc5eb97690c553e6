"""What is kept of a scenario that failed. Nothing here fails itself: whatever is missing says why."""

import json
import subprocess

from .kube import Failed
from .site import STATE

# What may go wrong with one piece, while others are still to be had.
TROUBLE = (Failed, OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError)


def keep(site, name):
    """Logs, events, objects, journals, the history and the ledger; the folder."""
    folder = site.folder / f"failed-{name}"
    folder.mkdir(parents=True, exist_ok=True)

    def attempt(file, work):
        try:
            return work()
        except TROUBLE as error:
            (folder / file).write_text(f"{type(error).__name__}: {error}\n")
            return None

    def said(file, *command):
        attempt(file, lambda: (folder / file).write_text(site.kube.ctl(*command, timeout=60)))

    said("events.txt", "get", "events", "--sort-by=.lastTimestamp")
    said("objects.yaml", "get", "all,configmap,lease,pvc", "--output", "yaml")
    said("nodes.txt", "get", "nodes,pods", "--output", "wide")
    said("record.yaml", "get", "configmap", STATE, "--output", "yaml")
    # All of the namespace: the clients' pod, and what is installed beside.
    for pod in attempt("pods.txt", lambda: site.kube.get("pods")["items"]) or []:
        pod = pod["metadata"]["name"]
        said(f"{pod}.log", "logs", pod, "--all-containers", "--timestamps")
        said(f"{pod}.previous.log", "logs", pod, "--all-containers", "--timestamps", "--previous")
    attempt("status.json", lambda: (folder / "status.json").write_text(json.dumps(site.status(), indent=1)))
    attempt("history.txt", lambda: site.moves.keep(folder / "history.txt"))
    attempt("unread-ledger.txt", site.load.refresh)
    attempt("unread-journals.txt", site.keep_journals)
    lines = [json.dumps(line) for line in site.load.lines]
    (folder / "ledger.jsonl").write_text("\n".join(lines) + "\n")
    return folder
