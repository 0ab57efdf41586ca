"""Starting a daemon for a test, and talking to it with a plain socket."""

import array
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgpack

VERSION = 3  # protocol/messages.h
HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("JITD_BUILD", HERE.parent.parent / "build"))
JITD = Path(os.environ.get("JITD_DAEMON", BUILD / "server" / "broker" / "jitd"))
HELLO, LOOKUP, COMPILE, GROW, PUBLISH, FIND, DUMP, STATS, CLASSES, REAP = range(1, 11)
REPLY, ERROR, SEGMENT, DEATH, HELD = 64, 65, 66, 67, 68
PATIENCE = 60  # s, for what comes at once on a machine that has nothing else to do


def until(condition):
    """Waits for it; its value."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.005)
    return value


def is_served(path):
    """Whether somebody listens there. The socket's name is there a little before."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


def processor_time(pid):
    """What a process has used so far, in s: what it did, whatever else the machine has to do."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def frame(message):
    body = msgpack.packb(message, unicode_errors="surrogateescape")  # text may be any bytes
    return struct.pack("<I", len(body)) + body


def key(text):
    return hashlib.blake2b(str(text).encode(), digest_size=32).digest()


def function(name):
    return {"kind": "function", "key": key(name), "name": f"m.{name}", "file": "m.py", "funcs": [
        {"name": name, "kind": "function", "line": 1, "source": f"def {name}():\n    pass\n", "params": [], "globals": {}}]}


def class_(name, fields=(), salt=""):
    return {"kind": "class", "key": key(name + salt), "name": f"m.{name}", "file": "m.py", "init": "generated",
            "fields": [[n, t, None] for n, t in fields], "consts": {}, "funcs": [], "other": {}}


def unit(name, defs=None, salt=""):
    """The bytes of a unit; the fake worker does what its name says."""
    return msgpack.packb({"name": name, "key": key(f"{name}{salt}"), "python": [3, 11],
                          "options": {"overflow": "python", "fastmath": False, "boundscheck": True},
                          "defs": defs or [function("f")], "entries": []})


class Refused(Exception):
    def __init__(self, body):
        super().__init__(body["code"], body["message"])
        self.code, self.message = body["code"], body["message"]


def connected_by_the_dead(path):
    """A connection whose process is gone: closing it is that process's death for the daemon."""
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(path))
                socket.send_fds(there, [b"x"], [s.fileno()])
        except BaseException as error:
            there.send(repr(error).encode())
        finally:
            os._exit(0)
    there.close()
    _pid, status = os.waitpid(pid, 0)
    with here:
        data, fds, _flags, _address = socket.recv_fds(here, 4096, 1)
    if not fds:
        raise ConnectionError(f"{path}: {data.decode() or f'the process that connects ended with status {status}'}")
    return socket.socket(fileno=fds[0])


class Client:
    """One connection. Answers are kept by id, events in order."""

    def __init__(self, path, namespace="default", hello=True, timeout=PATIENCE, lives=False, **more):
        self.socket = socket.socket(socket.AF_UNIX) if lives else connected_by_the_dead(path)
        if lives:
            self.socket.connect(str(path))  # waits where many do: with a time limit it would not
        self.socket.settimeout(timeout)
        self.buffer, self.fds, self.answers, self.events, self.ids = b"", [], {}, [], 0
        if hello:
            self.welcome = self.ask(HELLO, version=VERSION, namespace=namespace, **more)

    def send(self, number, **body):
        self.ids += 1
        self.socket.sendall(frame([number, self.ids, body]))
        return self.ids

    def read(self):
        """One message of the daemon: (number, id, body)."""
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack("<I", self.buffer[:4])[0]:
            data, control, _flags, _from = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(64 * 4))
            for level, kind, bytes_ in control:
                assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                fds = array.array("i")
                fds.frombytes(bytes_[: len(bytes_) // 4 * 4])
                self.fds += fds
            if not data:
                raise EOFError
            self.buffer += data
        end = 4 + struct.unpack("<I", self.buffer[:4])[0]
        message = msgpack.unpackb(self.buffer[4:end], strict_map_key=False)
        self.buffer = self.buffer[end:]
        return message

    def wait(self, ident):
        while ident not in self.answers:
            number, answered, body = self.read()
            if answered:
                self.answers[answered] = (number, body)
            else:
                self.events.append((number, body))
        number, body = self.answers.pop(ident)
        if number == ERROR:
            raise Refused(body)
        assert number == REPLY
        return body

    def ask(self, number, **body):
        return self.wait(self.send(number, **body))

    def compile(self, name, defs=None, salt=""):
        return self.ask(COMPILE, unit=unit(name, defs, salt))

    def lookup(self, *keys):
        return self.ask(LOOKUP, keys=list(keys))["units"]

    def stats(self):
        return self.ask(STATS)["machine"]

    def is_dropped(self):
        """Whether the daemon closes the connection; what it still sends is read."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Daemon:
    """A daemon of its own socket, cache and (by default fake) compiler processes. Its own time limits are out of the way,
    unless the arguments set them."""

    def __init__(self, *arguments, env=None, worker=None, directory=None):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="jitd-test-"))
        self.own_directory = directory is None
        self.path, self.cache = self.directory / "sock", self.directory / "cache"
        self.log = self.directory / "log"
        self.worker = worker or self.fake_worker()
        self.arguments = [str(JITD), "--socket", str(self.path), "--worker", str(self.worker), "--cache-dir",
                          str(self.cache), "--deadline", "60", "--worker-idle", "1000", *map(str, arguments)]
        self.env = os.environ | (env or {})
        self.start()

    def fake_worker(self):
        """A program that runs fake_worker.py; it writes down what it does in the daemon's directory."""
        path = self.directory / "fake-worker"
        path.write_text(f'#!/bin/sh\nFAKE_WORKER_DIRECTORY="{self.directory}" '
                        f'exec "{sys.executable}" "{HERE / "fake_worker.py"}" "$@"\n')
        path.chmod(0o700)
        return path

    def written(self, name):
        path = self.directory / name
        return path.read_text().splitlines() if path.exists() else []

    def starts(self):
        """The fake compiler processes there have been."""
        return len(self.written("starts"))

    def begun(self):
        """The names of the units that fake compiler processes have begun to work on, in that order."""
        return self.written("begun")

    def open(self, gate):
        """Lets the units go on that are named "wait GATE"."""
        (self.directory / gate).touch()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, env=self.env, stdin=subprocess.DEVNULL, stderr=log)
        self.wait_served()

    def wait_served(self):
        def served():
            assert self.process.poll() is None, self.log.read_text()
            return is_served(self.path)

        until(served)

    def client(self, *arguments, **more):
        return Client(self.path, *arguments, **more)

    def resident(self):
        """Its own memory, in bytes: without what it shares with its clients."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return sum(int(line.split()[1]) for line in status if line.startswith(("RssAnon", "RssFile"))) * 1024

    def fds(self, client):
        """How many it has open. The answers to `client` come when what went before is done: closing comes at the end of a
        turn of its loop, and an image is written to the disk after its answer."""
        client.stats(), client.stats()
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def workers(self):
        """The compiler processes that run now."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children]

    def stop(self):
        """SIGTERM; must be clean."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                assert self.stop() == 0, self.log.read_text()
            finally:
                self.process.kill()
                self.process.wait()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
