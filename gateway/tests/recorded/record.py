#!/usr/bin/env python3
"""Records what a driver and an instance say to each other: a line `C` or `S` for the bytes that the
client or the server said until the other one spoke, in hexadecimal.

record.py INSTANCE-HOST:PORT FILE COMMAND...

The command is run with the port to connect to behind it: `talk.py python` and `talk.py mgclient` in the
environment of the driver, `node talk.mjs` in a folder with the JavaScript driver, or the client of
neo4rs."""

import pathlib
import select
import socket
import subprocess
import sys


def turns(client, server):
    """Passes bytes between both until one ends; yields who said what."""
    who = {client: ("C", server), server: ("S", client)}
    while True:
        # The server's words first: they are older than an answer to them.
        readable, _, _ = select.select([server, client], [], [], 30)
        if not readable:
            raise SystemExit("nobody says anything for 30 s")
        for source in readable:
            name, other = who[source]
            said = source.recv(1 << 16)
            if not said:
                return
            other.sendall(said)
            yield name, said


def main():
    instance, path, *command = sys.argv[1:]
    host, port = instance.rsplit(":", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = subprocess.Popen([*command, str(listener.getsockname()[1])])
        client, _ = listener.accept()
        server = socket.create_connection((host, int(port)))
        lines = []
        for name, said in turns(client, server):
            if lines and lines[-1][0] == name:
                lines[-1][1].extend(said)
            else:
                lines.append((name, bytearray(said)))
        server.close()
        client.close()
        if child.wait(30) != 0:
            raise SystemExit(f"{command}: it failed")
    text = "".join(f"{name} {said.hex()}\n" for name, said in lines)
    pathlib.Path(path).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
