"""An attack of a file, for one attacker of a run: the program starts this and asks it over its standard input
(docs/formats/rule-process.md)."""
from __future__ import annotations

import hashlib
import json
import os
import pathlib
import signal
import socket
import sys
import types

from ._others import imported
from ._own_function import Service, in_a_line
from .own_attack import OwnAttack


def attack_of(path: str, digest: str) -> OwnAttack:
    """The one attack that the file of this SHA-256 makes; ValueError in words, or what running it raises."""
    imported("numpy", "a function of your own")
    text = pathlib.Path(path).read_bytes()
    if hashlib.sha256(text).hexdigest() != digest:
        raise ValueError("it has changed since the run began")
    module = types.ModuleType("attack_file")
    module.__file__ = path
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)
    attacks = {id(value): value for value in vars(module).values() if isinstance(value, OwnAttack)}
    if len(attacks) != 1:
        raise ValueError(f"it makes {len(attacks)} attacks; valid: one function under @detoxml.attack")
    return next(iter(attacks.values()))


def main(path: str, digest: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends first, and this with it
    connection = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    try:
        attack = attack_of(path, digest)
    except BaseException as error:  # SystemExit as well: the run is told
        hello = connection.recv(1 << 16)
        if hello:
            connection.send(json.dumps(in_a_line(error)).encode())
        return
    Service().converse(connection, attack)


if __name__ == "__main__":
    main(*sys.argv[1:])
