"""As much of Bolt as ROUTE takes, the question of neo4j:// drivers, spoken from outside of the cluster
through a forwarded port."""

import contextlib
import re
import socket
import struct
import subprocess

from .kube import Failed

PREAMBLE = bytes.fromhex("6060b017")
VERSION = (4, 4)
HELLO, ROUTE, SUCCESS = 0x01, 0x66, 0x70
FORWARDED = re.compile(r"127\.0\.0\.1:(\d+) ->")
# Seconds for each answer.
PATIENCE = 15


@contextlib.contextmanager
def forwarded(kube, service, port):
    """A port of this machine that leads to one of a Service, at one pod of it."""
    command = ["kubectl", "--namespace", kube.namespace, "port-forward", f"service/{service}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as forward:
        try:
            line = forward.stdout.readline()
            found = FORWARDED.search(line)
            if not found:
                raise Failed(f"service/{service} is not forwarded: {line.strip()}")
            yield int(found[1])
        finally:
            forward.terminate()


def route(port, name, login=None, tls=None):
    """Whom whoever reaches a gateway by this name is told to write, read and ask at: addresses by role.
    `tls` checks the certificate against that name."""
    auth = {"scheme": "basic", "principal": login[0], "credentials": login[1]} if login else {"scheme": "none"}
    try:
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            if tls:
                stream = stack.enter_context(tls.wrap_socket(stream, server_hostname=name.rsplit(":", 1)[0]))
            versions = bytes([0, 0, VERSION[1], VERSION[0]])
            stream.sendall(PREAMBLE + versions + bytes(12))
            chosen = exactly(stream, 4)
            if chosen != versions:
                raise Failed(f"{name} takes no version {VERSION}: {chosen.hex()}")
            ask(stream, HELLO, {"user_agent": "memgraph-ha-e2e/1", **auth})
            table = ask(stream, ROUTE, {"address": name}, [], {})["rt"]
    except OSError as error:
        raise Failed(f"{name}: {error}") from error
    return {server["role"]: server["addresses"] for server in table["servers"]}


def ask(stream, signature, *fields):
    """Sends a message; what its success says."""
    body = bytes([0xB0 | len(fields), signature]) + b"".join(map(packed, fields))
    stream.sendall(struct.pack(">H", len(body)) + body + bytes(2))
    said = b""
    while size := struct.unpack(">H", exactly(stream, 2))[0]:
        said += exactly(stream, size)
    answer, _ = unpacked(said[2:])
    if said[1] != SUCCESS:
        raise Failed(f"refused: {answer}")
    return answer


def exactly(stream, count):
    said = b""
    while len(said) < count:
        more = stream.recv(count - len(said))
        if not more:
            raise OSError("the other side closed the connection")
        said += more
    return said


def packed(value):
    """A text, a list or a map, shorter than 256."""
    if isinstance(value, str):
        text = value.encode()
        return bytes([0xD0, len(text)]) + text
    if isinstance(value, list):
        return bytes([0xD4, len(value)]) + b"".join(map(packed, value))
    pairs = b"".join(packed(key) + packed(it) for key, it in value.items())
    return bytes([0xD8, len(value)]) + pairs


def unpacked(data):
    """The first value, and what follows it."""
    mark, rest = data[0], data[1:]
    if mark < 0x80 or mark >= 0xF0:
        return (mark if mark < 0x80 else mark - 0x100), rest
    if mark in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[mark], rest
    if 0xC8 <= mark <= 0xCB:
        size = 1 << (mark - 0xC8)
        return int.from_bytes(rest[:size], "big", signed=True), rest[size:]
    if mark < 0xB0:
        kind, count = mark & 0xF0, mark & 0x0F
    elif mark in (0xD0, 0xD1, 0xD4, 0xD5, 0xD8, 0xD9):
        kind, size = {0xD0: 0x80, 0xD4: 0x90, 0xD8: 0xA0}[mark & 0xFC], 1 << (mark & 0x03)
        count, rest = int.from_bytes(rest[:size], "big"), rest[size:]
    else:
        raise Failed(f"a value that is not understood: {data[:16].hex()}")
    if kind == 0x80:
        return rest[:count].decode(), rest[count:]
    items = []
    for _ in range(count * (2 if kind == 0xA0 else 1)):
        item, rest = unpacked(rest)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if kind == 0xA0 else items), rest
