"""A release that asks for a password, and speaks TLS with instances and with clients: who is let in, how
the password is changed, and where it must not stand."""

import base64
import contextlib
import json
import secrets
import ssl
import subprocess
import time

from .kube import Failed, delete_namespace, expect, make_namespace, run, until
from .load import USER
from .site import CONTROLLERS, INSTANCES, OURS, RELEASE, SET, Site

LOGIN, NAME = "login", "graphs"
# The name in the certificate of the instances, which resolves nowhere.
INSTANCE = "instances.memgraph.example"
SECRETS = {"instances": "instance-tls", "gateway": "gateway-tls"}
# Everything is told that is ever told, since the password must stand nowhere.
VALUES = {
    "auth": {
        "enabled": True, "existingSecret": LOGIN, "usernameKey": "username", "passwordKey": "password",
    },
    "memgraph": {"logLevel": "TRACE", "tls": {"secretName": SECRETS["instances"], "serverName": INSTANCE}},
    "controller": {"logLevel": "debug"},
    "gateway": {"logLevel": "debug", "tls": {"secretName": SECRETS["gateway"]}},
}
OPENSSL = """\
[req]
distinguished_name = subject
prompt = no
[subject]
CN = memgraph-ha e2e
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# A kubelet renews the file of a Secret within a minute and a half, and it is read every 10 s.
RENEWED = 150
# What the controllers say then.
TAKEN = "there is another password"
# How a console is turned away: by a server that does not know its user, and by one that speaks TLS only,
# and answers with an alert or not at all.
UNKNOWN = ("Authentication failure",)
NO_BOLT = ("the server does not speak a version of Bolt", "the connection broke")


def certificate(folder, *names):
    """An authority, and a certificate of these names from it, as a Secret of Kubernetes has them."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "openssl.cnf"
    config.write_text(OPENSSL.format(names=",".join(f"DNS:{it}" for it in names)))
    file = lambda name: str(folder / name)
    authority = ("-config", str(config), "-extensions", "authority", "-days", "2")
    run("openssl", "req", "-x509", *CURVE, *authority, "-keyout", file("ca.key"), "-out", file("ca.crt"))
    run("openssl", "req", "-new", *CURVE, "-config", str(config), "-keyout", file("tls.key"), "-out", file("tls.csr"))
    run(
        "openssl", "x509", "-req", "-in", file("tls.csr"), "-CA", file("ca.crt"), "-CAkey", file("ca.key"),
        "-CAcreateserial", "-days", "2", "-extfile", str(config), "-extensions", "server", "-out", file("tls.crt"),
    )
    return {name: (folder / name).read_text() for name in ("tls.crt", "tls.key", "ca.crt")}


class Secured(Site):
    """Its release, in a namespace of its own, and the passwords that it had."""

    def __init__(self, site):
        super().__init__(
            f"{site.kube.namespace}-secured", site.nodes, site.options, site.folder / "secured", LOGIN
        )
        self.passwords = []

    def arguments(self):
        path = self.folder / "secured.yaml"
        path.write_text(json.dumps(VALUES, indent=1) + "\n")
        return super().arguments() + ["--values", str(path)]

    def keep_secret(self, name, kind, data):
        """Makes or changes a Secret, without a copy in its annotations."""
        secret = {
            "apiVersion": "v1", "kind": "Secret", "type": f"kubernetes.io/{kind}",
            "metadata": {"name": name},
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }
        self.kube.ctl("apply", "--server-side", "--force-conflicts", "--filename", "-", text=json.dumps(secret))

    def draw_password(self):
        self.passwords.append(secrets.token_hex(16))
        self.keep_secret(LOGIN, "basic-auth", {"username": NAME, "password": self.passwords[-1]})

    def begin(self):
        """A namespace, certificates, a password, and a release at rest under load."""
        self.remove()
        self.folder.mkdir(parents=True, exist_ok=True)
        make_namespace(self.kube.namespace)
        services = [f"{it}.{self.kube.namespace}.svc" for it in ("memgraph-gateway", "memgraph-gateway-read")]
        for part, names in (("instances", [INSTANCE]), ("gateway", services)):
            self.keep_secret(SECRETS[part], "tls", certificate(self.folder / part, *names))
        self.draw_password()
        self.install()
        self.load.start()
        self.settled(180)
        time.sleep(1)
        self.moves.begin()

    def remove(self):
        """Nothing of it stays."""
        delete_namespace(self.kube.namespace, "--timeout=120s")


def login(site):
    return NAME, site.passwords[-1]


def trust(site):
    """Trusts whom the authority of the gateways' certificate vouches for, by name."""
    return ssl.create_default_context(cafile=str(site.folder / "gateway" / "ca.crt"))


def turned_away(site, host, words, who, *flags):
    """Nobody is let in who comes so, and each is told one of these."""
    try:
        site.load.counted(host, *flags)
    except Failed as error:
        expect(any(it in str(error) for it in words), f"{host} refuses {who} for another reason: {error}")
    else:
        raise Failed(f"{host} lets {who} in")


def shut(site):
    """Gateways and instances let in who shows the password over TLS, and nobody else."""
    wrong = {"a wrong password": "wrong", **{f"password {no}": it for no, it in enumerate(site.passwords[:-1], 1)}}
    instances = [f"{SET}-{no}.{SET}" for no in range(site.count)]
    for host in ("memgraph-gateway", "memgraph-gateway-read", *instances):
        site.load.counted(host)
        for who, password in wrong.items():
            flags = (f"--username={NAME}", f"--password={password}", "--use-ssl")
            turned_away(site, host, UNKNOWN, who, *flags)
        turned_away(site, host, UNKNOWN, "nobody", "--use-ssl")
        turned_away(site, host, NO_BOLT, "plain Bolt", USER)


def taken(site):
    """Whether every controller goes by the password that the Secret has now."""
    pods = [pod["metadata"]["name"] for pod in site.kube.pods(CONTROLLERS)]
    return pods and all(TAKEN in site.kube.ctl("logs", pod) for pod in pods)


def changed(site):
    """Another password, as `charts/README.md` has it: controllers take it from the Secret, instances start
    again with it one by one, and then clients do. Controllers log in with either meanwhile."""
    if site.options.memgraph_image:
        # It makes the user of its environment only where its data has none.
        return {"password": "not changed: data of the vendor's image keeps the one that it has"}
    begun, moment = time.monotonic(), site.nodes.now()
    site.draw_password()
    until("every controller has the other password", lambda: taken(site), RENEWED, 1)
    took = time.monotonic() - begun
    site.load.refresh()
    counts = site.load.counts(moment)
    expect(counts["acked"] and not counts["failed"] + counts["unconnected"] + counts["in-doubt"],
           f"controllers took another password, and writes ended so: {site.load.troubled(moment)}")
    warned = lambda: "former-password" in site.tell("status")
    until("people are told who goes by the former one", warned, 30)
    site.moves.ask_of_each()
    # Whoever is logged in by the former one is not let in where instances have the other.
    with site.load.paused(), told(site, "change"):
        begun = time.monotonic()
        site.kube.ctl("rollout", "restart", f"statefulset/{SET}")
        site.kube.ctl("rollout", "status", f"statefulset/{SET}", "--timeout", "300s", timeout=320)
        rolled = time.monotonic() - begun
        site.load.restart()
    site.settled()
    until("nobody goes by the former one", lambda: not warned(), 30)
    site.load.refresh()
    return {"password_taken_s": took, "password_rolled_s": rolled, "told": site.load.troubled(moment)}


# Where the password must not stand.


@contextlib.contextmanager
def told(site, when):
    """Keeps what containers have said until now, and what those say further that go meanwhile."""
    folder = kept(site, when)
    with (folder / "all.log").open("w") as file:
        follow = subprocess.Popen(
            ["kubectl", "--namespace", site.kube.namespace, "logs", "--follow", "--all-containers", "--prefix",
             "--ignore-errors", "--max-log-requests=100", "--selector", OURS],
            stdout=file, stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            follow.terminate()
            follow.wait()


def kept(site, when):
    """Writes down the log of each container of each pod, of its former life as well; the folder."""
    folder = site.folder / "told" / when
    folder.mkdir(parents=True, exist_ok=True)
    for pod in site.kube.get("pods")["items"]:
        pod, status = pod["metadata"]["name"], pod["status"]
        for container in status.get("initContainerStatuses", []) + status["containerStatuses"]:
            words = ("logs", pod, "--container", container["name"])
            name = f"{pod}.{container['name']}"
            (folder / f"{name}.log").write_text(site.kube.ctl(*words))
            if container["restartCount"]:
                (folder / f"{name}.former.log").write_text(site.kube.ctl(*words, "--previous"))
    return folder


def forms(password):
    """A password as it may stand somewhere: plain, as Secrets have it, as HTTP basic has it."""
    plain = password.encode()
    return [plain, base64.b64encode(plain), base64.b64encode(f"{NAME}:{password}".encode())]


def searched(site):
    """No password stands in what was told: logs, journals, events, and objects that are no Secrets."""
    folder = kept(site, "end")
    site.keep_journals()
    objects = "pods,statefulsets,deployments,replicasets,services,configmaps,leases,events,pvc"
    (folder / "objects.yaml").write_text(site.kube.ctl("get", objects, "--output", "yaml"))
    (folder / "release.txt").write_text(site.kube.helm("get", "all", RELEASE))
    (folder / "status.json").write_text(site.tell("status", "--output", "json", check=False))
    (folder / "history.json").write_text(site.tell("history", "--output", "json"))
    logs = [path for path in site.folder.glob("told/**/*") if path.is_file()]
    paths = logs + list(site.journals.paths.values())
    texts = {path: path.read_bytes() for path in paths}
    # They are what they are taken for, and would have told.
    expect(any(TAKEN.encode() in text for text in texts.values()) or site.options.memgraph_image,
           f"no log has {TAKEN!r}")
    expect(all(texts[path] for path in site.journals.paths.values()), "a journal is empty")
    found = [
        path.name for path, text in texts.items()
        if any(form in text for password in site.passwords for form in forms(password))
    ]
    expect(not found, f"a password stands in {', '.join(found)}")
    return {"searched": len(texts), "searched_bytes": sum(map(len, texts.values()))}
