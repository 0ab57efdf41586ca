"""Memory comes back: whatever one process does, or dies of, the others of its namespace do not run out of it."""

import os
import signal
import subprocess
import sys

import pytest
from broker_harness import BUILD, PATIENCE, Daemon, until

PROGRAM = """
import jitd, sys, time
from jitd import _jitd

@jitd.jitclass
class N:
    v: int
    n: "N | None" = None

    def spin(self, k: int) -> int:
        t = 0
        i = 0
        while i < k:
            t = t ^ (i * 3 + self.v)
            i += 1
        return t

    def churn(self, k: int) -> int:
        for i in range(k):
            self.n = N(i, N(i))
        return k

    def churn_up(self, k: int) -> int:
        i = 0
        while i < k:
            self.n = N(i, self.n)
            i += 1
        return i

def say(*what):
    print(*what, flush=True)

def hold(n):
    held = [N(i) for i in range(n)]
    say("ready")
    for line in sys.stdin:
        jitd.stats()
        say(_jitd.arena_stats()["objects"])

def victim():
    r = jitd.lookup("r")
    r.spin(10)
    say("ready")
    while True:
        r.spin(1 << 60)

def survivor(how, n):
    r = N(1)
    jitd.publish("r", r)
    r.churn(1)
    say("ready")
    sys.stdin.readline()
    if how == "compiled":
        r.churn(n)
    else:
        for _ in range(n):
            r.n = N(2, N(3))
    say("fine", *_jitd.check())

def makes(n):
    held = [N(1)]
    say("ready")
    for line in sys.stdin:
        held += [N(len(held) + i) for i in range(n)]
        say(len(held), sum(x.v for x in held) - sum(range(len(held))), *_jitd.check())

def fills():
    r = N(0)
    say("ready")
    for line in sys.stdin:
        held = []
        try:
            if line == "python\\n":
                while True: held.append(N(1))
            r.churn_up(1 << 40)
        except MemoryError:
            full = True
        held.clear()
        r.n = None
        after = [N(i) for i in range(100_000)]
        say(full, sum(x.v for x in after) == sum(range(100_000)), r.churn_up(1000), *_jitd.check())
        r.n = None
        del after

globals()[sys.argv[1]](*[int(a) if a.isdigit() else a for a in sys.argv[2:]])
"""
OBJECTS = 5_000_000  # of 32 bytes: more than twice what the quota has room for
QUOTA = ("--arena-quota", 64 << 20)


class Program:
    """One process that runs the program above; it has said "ready"."""

    def __init__(self, daemon, *arguments):
        file = daemon.directory / "program.py"
        if not file.exists():
            file.write_text(PROGRAM)
        env = os.environ | {"JITD_SOCKET": str(daemon.path)}
        self.process = subprocess.Popen([sys.executable, file, *map(str, arguments)], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.said() == "ready"

    def said(self):
        return self.process.stdout.readline().strip()

    def ask(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.said()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def daemon():
    with Daemon(*QUOTA, worker=BUILD / "server/worker/jitd-worker") as d:
        yield d


@pytest.mark.parametrize("how", ["calling", "stopped"])
def test_one_process_in_a_long_call_holds_up_nobody(daemon, how):
    with Program(daemon, "survivor", "python", OBJECTS // 2) as b, Program(daemon, "victim") as a:
        if how == "stopped":
            os.kill(a.process.pid, signal.SIGSTOP)
        assert b.ask() == "fine 0"


def test_a_long_call_does_not_run_out_of_what_it_gives_up_itself(daemon):
    with Program(daemon, "survivor", "compiled", OBJECTS) as b:
        assert b.ask() == "fine 0"


def test_a_client_that_dies_after_the_daemon_costs_nothing(daemon):
    with Program(daemon, "survivor", "python", OBJECTS // 2) as b, Program(daemon, "victim") as a, \
            Program(daemon, "hold", 500_000) as c:
        daemon.process.kill()
        daemon.process.wait()
        for dies in (a, c):
            dies.process.kill()
            dies.process.wait()
        assert b.ask() == "fine 0"


def test_who_is_awake_takes_back_what_the_dead_held(daemon):
    """The first client sleeps from now on: it was told of the deaths, and will do nothing about them."""
    with Program(daemon, "hold", 1), Program(daemon, "hold", 1) as awake:
        for _ in range(3):
            with Program(daemon, "hold", 50_000) as dies:
                dies.process.kill()
        until(lambda: int(awake.ask()) < 1000)


def test_a_daemon_that_hangs_is_no_lack_of_memory(daemon):
    """With a stopped daemon the process takes memory by itself, within the quota; when the daemon turns again, it asks it as before."""
    with Program(daemon, "makes", 20_000) as a, Program(daemon, "makes", 20_000) as b:
        os.kill(daemon.process.pid, signal.SIGSTOP)
        try:
            for n in (20_001, 40_001):
                for p in (a, b):
                    assert p.ask().split()[:3] == [str(n), "1", "0"]
        finally:
            os.kill(daemon.process.pid, signal.SIGCONT)
        for n in (60_001, 80_001, 100_001):
            for p in (a, b):
                assert p.ask().split()[:3] == [str(n), "1", "0"]


def test_a_full_arena_is_a_memory_error_and_has_room_again(daemon):
    with Program(daemon, "fills") as a:
        for how in ("python", "compiled", "python", "compiled"):
            assert a.ask(how) == "True True 1000 0"
