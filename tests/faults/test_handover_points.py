"""The daemon is killed at each numbered point of its hand-over (server/broker/step.h), and of what its clients ask it then. The next one goes on, and it is
looked for what is lost, torn or leaked.

The arena comes from a manager's store (which is also told what to keep), from the clients, who hand it back, or is found in them. Of the clients, whole
programs, one lives; of its children one is dead and one has left before the daemon starts, others are born and end while it takes over. Beside
them are namespaces that nobody asks for: one that is used, one that is not."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from broker_harness import BUILD, PATIENCE, PUBLISH, Client, until
from test_restart import LAUNCH

JITD = BUILD / "tests/faults/test_stepping_jitd"
EACH = 1 if int(os.environ.get("JITD_KILLS", "0")) >= 200 else 29  # of which points one is tried
ROUNDS = 6  # in one world, which has a few points more with each: so that the last ones are come to, too
OBJECT = 1 << 20

PROGRAM = """
import gc, jitd, os, signal, sys, time, warnings
from jitd import _jitd
warnings.simplefilter("ignore", jitd.CompileWarning)  # what is first used just when no daemon is there stays Python

@jitd.jitclass
class Node:
    v: int
    next: "Node | None" = None
    def sum(self) -> int:
        return self.v + (self.next.sum() if self.next is not None else 0)

LATER = "@jitd.jitclass\\nclass Later{0}:\\n    v: int\\n    def get(self) -> int:\\n        return self.v + {0}\\n"
told = {"kept": 7, "new": None, "gone": None, "child": None}

def tell(name, v):
    "Publishes; when nobody can say whether it was done, looks."
    old, node = told[name], None if v is None else Node(v - 1, Node(1))
    while True:
        try:
            jitd.publish(name, node)
            told[name] = v
            return
        except ConnectionError:
            if found(name) not in (old, v):
                raise

def found(name):
    while True:
        try:
            return jitd.lookup(name).sum()
        except KeyError:
            return None
        except ConnectionError:
            pass

def child(then, ready=None):
    pid = os.fork()
    if pid:
        return pid
    try:
        then()
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    if ready is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # that comes just before it is waited for would be lost
        os.write(ready, b"." if not status else b"x")
        signal.sigwait([signal.SIGTERM])
        sys.exit()
    _jitd.collect(0)
    sys.stdout.flush()
    raise SystemExit(status)

def prepare():
    global dead, left
    read, write = os.pipe()
    def hold():
        global held
        held = [jitd.lookup("kept"), Node(1, Node(2))]
    dead, left = child(hold, write), child(hold, write)
    assert os.read(read, 1) + os.read(read, 1) == b".."
    os.close(read), os.close(write)

def end_children():
    "While there is no daemon."
    os.kill(dead, signal.SIGKILL)
    os.kill(left, signal.SIGTERM)
    for pid in dead, left:
        os.waitpid(pid, 0)

def born(n):
    assert found("kept") == 7
    tell("child", n)

def act(n):
    tell("new", n)
    assert found("kept") == 7 and found("new") == n
    tell("gone", None if n % 2 else n)
    some = [Node(i) for i in range(9000)]
    pid = child(lambda: born(n))
    space = {"jitd": jitd, "__name__": "__main__"}
    source = LATER.format(n)
    open(f"later{n}.py", "w").write(source)
    exec(compile(source, f"later{n}.py", "exec"), space)
    assert space[f"Later{n}"](1).get() == n + 1
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    told["child"] = n

def check(n):
    gc.collect()
    end = time.monotonic() + 60
    while True:
        _jitd.reap(), _jitd.collect(100)
        stats, wanted = _jitd.arena_stats(), 2 * sum(v is not None for v in told.values())
        if (stats["rows"], stats["dead_rows"], stats["objects"]) == (1, 0, wanted):
            break
        assert time.monotonic() < end, ("leaked", wanted, stats, _jitd.check(), told)
        time.sleep(0.002)
    assert _jitd.check()[0] == 0, _jitd.check()
    assert {name: found(name) for name in told} == told

signal.signal(signal.SIGTERM, lambda *_: sys.exit())
jitd.publish("kept", Node(3, Node(4)))
assert found("kept") == 7
for line in sys.stdin:
    what, n = line.split()
    {"prepare": prepare, "end_children": end_children}[what]() if n == "-" else {"act": act, "check": check}[what](int(n))
    print("done", flush=True)
"""


class Manager:
    """Has the daemon's socket, keeps for it what it asks to be kept, and starts another one at once when it dies. `how`: see the head."""

    def __init__(self, directory, how):
        self.directory, self.how, self.stored, self.died = directory, how, [], 0
        self.path, self.die_at, self.wanted, self.process = directory / "sock", None, False, None
        self.said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.said.bind(str(directory / "notify"))
        self.said.setblocking(False)
        self.listener = None
        if how != "found":
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(self.path))
            self.listener.listen(100)
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def launch(self):
        arguments = [JITD, "--worker", BUILD / "server/worker/jitd-worker", "--cache-dir", self.directory / "cache", "--log",
                     self.directory / "log"]
        env = {"PATH": os.environ["PATH"]}
        if self.die_at:
            env["JITD_DIE_AT"] = str(self.die_at)
        if self.how == "found":
            return subprocess.Popen([*arguments, "--socket", self.path], env=env, stdin=subprocess.DEVNULL)
        if self.how == "store":
            env["NOTIFY_SOCKET"] = str(self.directory / "notify")
        fds = [self.listener.fileno(), *(fd for _name, fd in self.stored)]
        names = ":".join(["socket", *(name for name, _fd in self.stored)])
        command = [*arguments, "--state-dir", self.directory / "state"]
        return subprocess.Popen([sys.executable, "-IS", "-c", LAUNCH, " ".join(map(str, fds)), names, *command], env=env, pass_fds=fds,
                                stdin=subprocess.DEVNULL)

    def hear(self):
        """What the daemon says of what is to be kept; False: it says nothing just now."""
        try:
            data, fds, _flags, _address = socket.recv_fds(self.said, 4096, 4)
        except BlockingIOError:
            return False
        lines = dict(line.split("=", 1) for line in data.decode().splitlines())
        if "FDSTORE" in lines:
            self.keep(lines["FDNAME"], fds[0])
        elif "FDSTOREREMOVE" in lines:
            for name, fd in self.stored:
                if name == lines["FDNAME"]:
                    os.close(fd)
            self.stored = [(name, fd) for name, fd in self.stored if name != lines["FDNAME"]]
        return True

    def keep(self, name, fd):
        """As systemd: the same file is kept once."""
        if any(os.path.sameopenfile(fd, other) for _name, other in self.stored):
            os.close(fd)
            return
        self.stored.append((name, fd))

    def run(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.wanted)
                if self.wanted == "end":
                    return
                self.process = self.launch()
                self.changed.notify_all()
            pidfd = os.pidfd_open(self.process.pid)
            while pidfd not in select.select([pidfd, self.said], [], [])[0]:
                self.hear()
            os.close(pidfd)
            while self.hear():
                pass
            with self.changed:
                self.died += self.die_at is not None and self.process.wait() == -9 and self.wanted is True
                self.process.wait()
                self.process = self.die_at = None
                self.changed.notify_all()

    def start(self, die_at=None):
        with self.changed:
            self.died, self.die_at, self.wanted = 0, die_at, True
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.process)

    def kill(self, wanted=False):
        with self.changed:
            self.wanted = wanted
            if self.process:
                self.process.kill()
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.process)


class World:
    """A manager with a daemon, and its clients."""

    def __init__(self, directory, how):
        self.directory, self.manager = directory, Manager(directory, how)
        self.manager.start()
        self.sleeper = until(lambda: self.connect("sleeper", lives=True))
        self.sleeper.ask(PUBLISH, name="x", object=OBJECT)
        (directory / "program.py").write_text(PROGRAM)
        self.log = open(directory / "errors", "w+")
        self.program = subprocess.Popen([sys.executable, directory / "program.py"], env=os.environ | {"JITD_SOCKET": str(self.manager.path)}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, cwd=directory, start_new_session=True)

    def connect(self, namespace, **more):
        try:
            return Client(self.manager.path, namespace, **more)
        except (OSError, EOFError):
            return None

    def tell(self, what, n="-"):
        self.program.stdin.write(f"{what} {n}\n")
        self.program.stdin.flush()
        answer = self.program.stdout.readline() if select.select([self.program.stdout], [], [], 2 * PATIENCE)[0] else "nothing"
        if answer != "done\n":
            self.log.seek(0)
            log = self.directory / "log"
            raise AssertionError(f"{what} {n}: {answer}\n{self.log.read()[-3000:]}\n{log.read_text()[-2000:] if log.exists() else ''}")

    def round(self, n):
        """False: the daemon has no n-th point in this."""
        until(lambda: self.connect("empty")).close()
        self.tell("prepare")
        self.manager.kill()
        self.tell("end_children")
        self.manager.start(die_at=n)
        self.tell("act", n)
        if not self.manager.died:
            threading.Event().wait(0.25)  # it sweeps
        died = self.manager.died
        self.tell("check", n)
        return bool(died)

    def end(self):
        os.killpg(self.program.pid, signal.SIGKILL)  # children, too
        self.program.wait()
        self.sleeper.close()
        self.manager.kill(wanted="end")
        self.log.close()


def rounds(how, n):
    """Rounds from the n-th point on in a new world, which grows with each (a class more): the next point, and whether there is one."""
    directory = Path(tempfile.mkdtemp(prefix="jitd-test-"))
    world, end = World(directory, how), n + EACH * ROUNDS
    try:
        while n < end and world.round(n):
            n += EACH
    finally:
        world.end()
        shutil.rmtree(directory, ignore_errors=True)
    return n, n >= end


@pytest.mark.parametrize("how", ["store", "handback", "found"])
def test_killed_at_each_point(how):
    n, more = 1, True
    while more:
        n, more = rounds(how, n)
    assert n > 60
    print(f"{n // EACH} kills of the daemon, at {'each' if EACH == 1 else 'some'} of the numbered points of its hand-over "
          f"(arena: {how}; {n} points): 0 lost, 0 torn, 0 leaked")
