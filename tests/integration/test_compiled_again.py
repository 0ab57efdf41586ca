"""Classes and functions that waited in vain for who compiles them: they are Python, try again, and are native when somebody is there."""

import os
import textwrap

import pytest
from conftest import WORKER, Daemon

BODY = """
import os, sys, time, warnings
import jitd
import jitd.again, jitd.compile, jitd.insight
warnings.simplefilter("ignore")

@jitd.jitclass
class Cell:
    n: int
    next: 'Cell | None' = None
    def get(self, k: int) -> int:
        return self.n * k
    def loose(self, k):
        return self.n + k
    @property
    def half(self) -> int:
        return self.n // 2
    @half.setter
    def half(self, k: int) -> None:
        self.n = 2 * k
    @staticmethod
    def double(k: int) -> int:
        return 2 * k

@jitd.jitclass
class Pair:
    left: Cell
    right: Cell
    def total(self) -> int:
        return self.left.get(1) + self.right.get(1)
    def make(self, n: int) -> Cell:
        return Cell(n, self.left)

@jitd.jit
def read(c: Cell) -> int:
    return c.n

def use(a, p):
    a.half = 2
    return [a.get(2), a.loose(1), a.half, Cell.double(4), p.total(), read(a), p.make(5).n, p.make(6).next is a, a.n]

RIGHT = [8, 5, 2, 8, 8, 4, 5, True, 4]

def native(obj):
    return jitd.insight.of_func(*jitd.insight._find(obj))["mode"]

EVERY = [Cell.get, Cell.loose, Cell.half, Cell.double, Pair.total, Pair.make, read]
"""

HANGS = """
real, answers = jitd._jitd.request, []
def request(message, body, *ms):
    hangs = "unit" in body and (WHAT == "the daemon" or "layout" not in body) or WHAT == "all of it"
    if hangs and not answers:
        asked.append(message)
        raise jitd.RemoteError("absent", "no compiler") if WHAT == "the compiler" else ConnectionError("the jitd daemon does not answer")
    return real(message, body, *ms)
asked = []
jitd._jitd.request = request
jitd.compile._PAUSE = jitd.compile._PAUSE_MAX = 1e6
a = Cell(3)
p = Pair(a, Cell(4))
assert use(a, p) == RIGHT
few = len(asked)
for _ in range(50):
    assert use(a, p) == RIGHT
assert len(asked) == few, "nobody is asked before a while has passed"
assert {native(one) for one in EVERY} == {"python"}, [native(one) for one in EVERY]
assert "until it can be compiled" in jitd.explain(Cell) and "until it can be compiled" in jitd.explain(read)
jitd.compile._PAUSE = jitd.compile._PAUSE_MAX = 1e-6
for f in [f for one in (Cell, Pair, read) for f in jitd.insight._find(one)[0].funcs]:
    f.method._set_waiting(0, True)  # a while has passed
assert use(a, p) == RIGHT and len(asked) > few and native(Cell.get) == "python"
answers.append(True)
assert use(a, p) == RIGHT and use(a, p) == RIGHT
assert {native(one) for one in EVERY} == {"native"}, jitd.explain(Cell)
assert "until" not in jitd.explain(Cell) and jitd._jitd.check() == (0, "")
b = Cell(8, a)
assert b.next is a and b.get(2) == 16 and p.make(1).next is a
jitd.publish("b", b)
sys.stdout.write("published\\n")
sys.stdout.flush()
sys.stdin.readline()
jitd.publish("b", None)
assert (a.n, b.next) == (7, a) and jitd._jitd.check() == (0, "")
"""

OTHER = """
b = jitd.lookup("b")
assert (b.n, b.get(2), b.next.n, b.next.get(3), type(b.next)) == (8, 16, 4, 12, Cell)
b.next.n = 7
assert jitd._jitd.check() == (0, "")
"""


@pytest.mark.parametrize("what", ["the compiler", "the daemon", "all of it"])
def test_it_is_native_when_somebody_is_there_again(program, own_daemon, what):
    """Also where the class had a number of the process's own meanwhile: others see its instances."""
    made = program(BODY + f"WHAT = {what!r}\n" + HANGS, JITD_SOCKET=own_daemon.socket)
    process = made.start(stdin=-1)
    assert process.stdout.readline() == "published\n", process.stderr.read()
    made.path.write_text(textwrap.dedent(BODY + OTHER))  # the same file, so the same classes
    other = made.start()
    out, err = other.communicate()
    assert other.returncode == 0, err
    out, err = process.communicate("\n")
    assert process.returncode == 0, err


def test_a_compiler_that_comes_later(program, tmp_path):
    """With the pauses and limits that there are."""
    daemon = Daemon("--worker", str(tmp_path / "compiler"))
    try:
        code = """
        a = Cell(3)
        p = Pair(a, Cell(4))
        assert use(a, p) == RIGHT and native(Cell.get) == "python"
        assert "cannot be started" in jitd.explain(Cell)
        os.symlink(os.environ["REAL_WORKER"], os.environ["WORKER"])
        while {native(one) for one in EVERY} != {"native"}:
            assert use(a, p) == RIGHT
            time.sleep(0.01)
        assert use(a, p) == RIGHT and jitd._jitd.check() == (0, "")
        """
        program(BODY + textwrap.dedent(code), JITD_SOCKET=daemon.socket, REAL_WORKER=os.path.realpath(WORKER), WORKER=tmp_path / "compiler").run()
    finally:
        daemon.stop()


def test_a_specialisation_waits_too(program, own_daemon):
    code = """
    a = Cell(3)
    assert a.get(2) == 6 and a.loose(1) == 4 and native(Cell.loose) == "native"
    real, answers = jitd._jitd.request, []
    def request(message, body, *ms):
        if not answers:
            asked.append(message)
            raise ConnectionError("the jitd daemon does not answer")
        return real(message, body, *ms)
    asked = []
    jitd._jitd.request = request
    jitd.compile._PAUSE = jitd.compile._PAUSE_MAX = 1e6
    assert [a.loose(1.5) for _ in range(20)] == [4.5] * 20 and len(asked) == 1
    assert "with (float): the jitd daemon does not answer" in jitd.explain(Cell.loose)
    answers.append(True)
    jitd.insight._find(Cell.loose)[1].method._set_waiting(0, False)  # a while has passed
    before = Cell.loose._counters()["native_calls"]
    assert [a.loose(1.5) for _ in range(20)] == [4.5] * 20 and Cell.loose._counters()["native_calls"] == before + 20
    assert "does not answer" not in jitd.explain(Cell.loose)
    """
    program(BODY + textwrap.dedent(code), JITD_SOCKET=own_daemon.socket).run()


def test_what_is_refused_then_stays_python(program, own_daemon):
    """The compiler comes, and says no."""
    code = """
    real, said = jitd._jitd.request, [ConnectionError("the jitd daemon does not answer")]
    def request(message, body, *ms):
        if "unit" in body and "layout" not in body:
            raise said[0]
        return real(message, body, *ms)
    jitd._jitd.request = request
    jitd.compile._PAUSE = jitd.compile._PAUSE_MAX = 1e6
    a = Cell(3)
    p = Pair(a, Cell(4))
    assert use(a, p) == RIGHT
    said[0] = jitd.RemoteError("compile", "it is too much")
    for f in [f for one in (Cell, Pair, read) for f in jitd.insight._find(one)[0].funcs]:
        f.method._set_waiting(0, True)
    assert use(a, p) == RIGHT and use(a, p) == RIGHT
    assert {native(one) for one in EVERY} == {"python"} and "until" not in jitd.explain(Cell) + jitd.explain(read)
    assert jitd.explain(Cell).count("it is too much") >= 3 and "it is too much" in jitd.explain(read)
    """
    program(BODY + textwrap.dedent(code), JITD_SOCKET=own_daemon.socket).run()
