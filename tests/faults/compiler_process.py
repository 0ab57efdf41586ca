"""A jitd-worker on a pipe, and unit descriptions to feed it; for tests."""

import contextlib
import hashlib
import os
import struct
import subprocess
import textwrap
from pathlib import Path

import msgpack
from broker_harness import VERSION

BUILD = Path(os.environ.get("JITD_BUILD", Path(__file__).resolve().parents[2] / "build"))
WORKER = BUILD / "server/worker/jitd-worker"
JOB, DONE = 96, 97


class Worker:
    """Context manager around one compiler process."""

    def __init__(self, *options, **environment):
        self.process = subprocess.Popen(
            [WORKER, *map(str, options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
        )

    def __enter__(self):
        number, job, body = self.receive()
        assert (number, job) == (DONE, 0)
        assert body["version"] == VERSION
        self.identity = body["identity"]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def send_bytes(self, data):
        """What the process does not read any more, because it has ended, is lost."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def close_input(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdin = None

    def send(self, message):
        body = msgpack.packb(message)
        self.send_bytes(struct.pack("<I", len(body)) + body)

    def receive(self):
        """The next message; None when the process has closed its end."""
        head = self.process.stdout.read(4)
        if len(head) < 4:
            return None
        (size,) = struct.unpack("<I", head)
        return msgpack.unpackb(self.process.stdout.read(size), strict_map_key=False)

    def compile(self, unit, what="image", job=1, **more):
        self.send([JOB, job, {"unit": unit if isinstance(unit, bytes) else msgpack.packb(unit), "what": what, **more}])
        answer = self.receive()
        if answer is None:
            return None
        assert answer[:2] == [DONE, job]
        return answer[2]

    def status(self):
        """Waits for the end; the exit status, or minus the signal's number."""
        return self.process.wait(timeout=60)

    def resident(self):
        """Bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def key(*parts):
    return hashlib.blake2b(repr(parts).encode(), digest_size=32).digest()


def function(name, source, params=(), line=1, kind="function", names=None):
    """A func of a unit description. params: (name, type text) pairs."""
    return {
        "name": name,
        "kind": kind,
        "line": line,
        "source": textwrap.dedent(source),
        "params": [[p, t, None, "any"] for p, t in params],
        "globals": names or {},
    }


def unit(*defs, entries, name="test.unit"):
    return {
        "name": name,
        "key": key(name, defs),
        "python": [3, 11],
        "options": {"overflow": "python", "fastmath": False, "boundscheck": True},
        "defs": list(defs),
        "entries": entries,
    }


def function_unit(name, source, params=()):
    func = function(name, source, params)
    definition = {"kind": "function", "key": key(source), "name": f"test.{name}", "file": "test.py", "funcs": [func]}
    return unit(definition, entries=[[0, name, None]])


def class_unit(name, fields, funcs, consts=None, init="generated"):
    definition = {
        "kind": "class",
        "key": key(name, fields, funcs),
        "name": f"test.{name}",
        "file": "test.py",
        "fields": [[f, t, None] for f, t in fields],
        "init": init,
        "consts": consts or {},
        "funcs": funcs,
        "other": {},
    }
    return unit(definition, entries=[[0, f["name"], None] for f in funcs])


ADD = function_unit("add", "def add(a: float, b: float) -> float:\n    return a + b * 2.5\n", [("a", "float"), ("b", "float")])
