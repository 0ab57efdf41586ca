"""The daemon is killed: what runs goes on, instances stay, what comes new is Python, and that is said."""

import pytest
from conftest import Daemon

QUOTA = 16 << 20


@pytest.fixture
def small_daemon():
    daemon = Daemon("--arena-quota", QUOTA)
    yield daemon
    daemon.stop()


CODE = """
import jitd, sys, warnings

@jitd.jitclass
class Used:
    x: int
    next: "Used | None" = None
    def inc(self) -> int:
        self.x += 1
        return self.x

@jitd.jitclass
class New:
    y: float
    first: Used
    def twice(self) -> float:
        return self.y * 2
    @staticmethod
    def one():
        return 1

@jitd.jit
def late(a, b):
    return a * b

used = Used(1, Used(5))
used.inc()
print("ready", flush=True)
sys.stdin.readline()
assert used.inc() == 3 and used.next.inc() == 6 and Used(7).inc() == 8
assert not jitd.stats()["process"]["connected"]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    new = New(1.5, used)
    assert new.twice() == 3.0 and new.first is used and New.one() == 1
    assert late(2, 3) == 6 and late(3, 3) == 9 and late(2**40, 2**40) == 2**80
said = [str(w.message) for w in said]
assert [s.partition(": ")[0] for s in said] == [f"__main__.{what} is Python until it can be compiled" for what in ("New", "late(int, int)")], said
assert all("daemon" in s for s in said)
many = [New(float(i), used) for i in range(100)]
assert sum(n.y for n in many) == 4950.0
assert "daemon" in jitd.explain(New), jitd.explain(New)
try:
    jitd.publish("gone", new)
except ConnectionError:
    pass
else:
    raise AssertionError
keep = []
try:
    while True:
        keep.append(Used(len(keep)))
except MemoryError as error:
    assert "full" in str(error), error
assert all(k.inc() == i + 1 for i, k in enumerate(keep))
print(len(keep), flush=True)
sys.stdin.readline()
keep.clear()
assert Used(7).inc() == 8
del many, new, used
assert jitd._jitd.check()[0] == 0, jitd._jitd.check()
print("done")
"""


FORK = """
import jitd, os, sys
@jitd.jitclass
class Box:
    x: int
    def get(self) -> int:
        return self.x
box = Box(1)
assert box.get() == 1
print("ready", flush=True)
sys.stdin.readline()
turn, done = os.pipe(), os.pipe()
pid = os.fork()
if not pid:
    os.close(turn[1]), os.close(done[0])
    os.read(turn[0], 1)
    assert box.get() == 1, "what the parent does after the fork is not seen"
    box.x = 7
    boxes = [Box(-i) for i in range(100)]
    assert [b.get() for b in boxes] == [-i for i in range(100)]
    grandchild = os.fork()
    if not grandchild:
        box.x = 9
        os._exit(0 if [b.get() for b in boxes] == [-i for i in range(100)] else 1)
    assert os.waitpid(grandchild, 0)[1] == 0 and box.get() == 7
    os.write(done[1], b"x")
    os.read(turn[0], 1)
    assert [b.get() for b in boxes] == [-i for i in range(100)]
    os._exit(0)
os.close(turn[0]), os.close(done[1])
box.x = 2
boxes = [Box(i) for i in range(100)]
os.write(turn[1], b"x")
os.read(done[0], 1)
assert box.get() == 2 and [b.get() for b in boxes] == list(range(100))
boxes = [Box(i) for i in range(100)]
os.write(turn[1], b"x")
assert os.waitpid(pid, 0)[1] == 0
assert jitd._jitd.check()[0] == 0, jitd._jitd.check()
print("done")
"""


def test_all_descriptors_closed(program, own_daemon):
    """As programs do that become daemons: other files get the numbers, and nothing is written to them or read from them."""
    code = """
import jitd, os, sys
@jitd.jitclass
class Used:
    x: int
    def get(self) -> int: return self.x
@jitd.jitclass
class New:
    x: int
    def get(self) -> int: return self.x
used = Used(1)
assert used.get() == 1
print("ready", flush=True)
sys.stdin.readline()
os.closerange(3, 256)
files = [open(f"{sys.argv[1]}/{i}", "w+") for i in range(20)]
assert used.get() == 1 and Used(2).get() == 2 and New(3).get() == 3
pid = os.fork()
if not pid:
    os._exit(0 if used.get() == 1 and New(4).get() == 4 else 1)
assert os.waitpid(pid, 0)[1] == 0
assert all(not f.read() for f in files)
print("done")
"""
    p = program(code, JITD_SOCKET=own_daemon.socket)
    p = p.start(own_daemon.dir, stdin=-1)
    assert p.stdout.readline() == "ready\n"
    own_daemon.process.kill()
    own_daemon.process.wait()
    out, err = p.communicate("\n", timeout=600)
    assert (out, p.returncode) == ("done\n", 0), err
    own_daemon.start()


def test_a_child_forked_without_a_daemon_has_a_copy(program, own_daemon):
    p = program(FORK, JITD_SOCKET=own_daemon.socket).start(stdin=-1)
    assert p.stdout.readline() == "ready\n"
    own_daemon.process.kill()
    own_daemon.process.wait()
    out, err = p.communicate("\n", timeout=600)
    assert (out, p.returncode) == ("done\n", 0), err
    assert "copy of its parent" in err
    own_daemon.start()


def test_programs_survive_their_daemon(program, small_daemon):
    """And share the memory that is left of the quota."""
    workers = [program(CODE, JITD_SOCKET=small_daemon.socket).start(stdin=-1) for _ in range(2)]
    for w in workers:
        assert w.stdout.readline() == "ready\n"
    small_daemon.process.kill()
    small_daemon.process.wait()
    for w in workers:
        w.stdin.write("\n")
        w.stdin.flush()
    made = [int(w.stdout.readline() or w.stderr.read()) for w in workers]
    assert 0.75 * QUOTA < 32 * sum(made) <= QUOTA, made  # and 8 bytes for the proxy of each
    for w in workers:
        out, err = w.communicate("\n", timeout=600)
        assert (out, w.returncode) == ("done\n", 0), err
    small_daemon.start()
