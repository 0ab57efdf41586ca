"""try in compiled code (language/tries.py): what happens without an exception is compiled; with one Python goes on, in the handlers. Results, effects,
exceptions, what they came from and their tracebacks are CPython's."""

import gc
import itertools
import re
import signal
import sys
import threading
import time
import types
from pathlib import Path

import jitd
import pytest
from jitd import _jitd
from twins import COMPILED, Twins, bits, load, tried

SOURCE = (Path(__file__).parent / "language/tries.py").read_text()
VALUES = [0, 1, 2, 3, 4, 5, 10, -4, -7, 2**31, 2**62, 2**63 - 1, -(2**63)]
HANDLED = {"f_by_class", "f_in_loop", "f_bare", "f_changed", "f_overflows", "f_in_order", "f_of_names", "f_odd", "f_not_classes", "f_grows"}
PYTHON = HANDLED | {"f_handled", "f_parts", "f_part_that_changes_locals", "f_star", "f_with_inside"}  # what the parts in them do to locals, or see, is known to Python alone


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("tries"), "tries", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def run(world, name, a, b):
    t = world.T(3, 0.5, world.T(4, 1.5))
    return tried(world, lambda: getattr(world, name)(t, a, b)), (t.n, bits(t.x))


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for a, b in itertools.product(VALUES, VALUES):
        found, wanted = run(module.compiled, name, a, b), run(module.plain, name, a, b)
        if found[0][1] == "a field":  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, a, b)
    gc.collect()
    assert _jitd.arena_stats()["objects"] == objects


@pytest.mark.parametrize("name", sorted(set(names()) - PYTHON))
def test_is_compiled(module, name):
    function = getattr(module.compiled, name)
    run(module.compiled, name, 4, 2)
    assert function._counters()["native_calls"], jitd.explain(function)


def went_on(method):
    return sum(map(int, re.findall(r"went on in Python (\d+) times", jitd.explain(method))))


@pytest.mark.parametrize("name, b, most", [("bare", 3, 10), ("by_class", 2, 0), ("changed", 3, 0), ("in_loop", 3, 6)])
def test_handlers_are_compiled(tmp_path, name, b, most):
    """Python goes on the first time at each place; from then on only for an exception that Python code makes."""
    world = load(tmp_path / f"{name}.py", COMPILED + SOURCE)
    method = getattr(world.H, name)
    h, values = world.H(3, 1.5), [a for a in range(9) if a != 6]

    def calls():
        for a in values:
            try:
                method(h, a, b)
            except Exception:
                pass

    for _ in range(20):
        calls()
    before = went_on(method)
    calls()
    assert before and went_on(method) - before <= most and method._counters()["native_calls"] > 100, jitd.explain(method)


PROGRAM = '''
import time

@jitclass
class Loop:
    n: int
    turns: int

    def __init__(self) -> None:
        self.n = self.turns = 0

    def spin(self, most: int) -> int:
        try:
            while True:
                self.turns += 1
                for i in range(most):
                    self.n += i % 3
        except KeyboardInterrupt:
            return self.turns
        except RuntimeError as e:
            self.turns = -1
            return len(str(e))
        finally:
            self.n = 0

    def fill(self, k: int) -> int:
        kept = [0]
        try:
            for i in range(k):
                kept.append(i)
                self.turns = i // (k - i - 1)
        except ZeroDivisionError:
            kept.append(-1)
        return len(kept)
'''


@pytest.fixture
def loop(tmp_path):
    return load(tmp_path / "loop_of_tries.py", COMPILED + PROGRAM).Loop()


def test_an_interrupt_is_caught(loop):
    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    assert loop.spin(1000) > 1 and loop.n == 0


def test_what_a_signal_handler_raises_is_caught(loop):
    def handler(_number, _frame):
        raise RuntimeError("late")

    old = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        assert loop.spin(1000) == 4 and loop.turns == -1
    finally:
        signal.signal(signal.SIGALRM, old)


def test_nothing_is_kept(loop):
    """Neither the exception nor what is in the locals of those who caught it."""
    for _ in range(3000):
        loop.fill(3)
    gc.collect()
    before, errors = len(gc.get_objects()), sys.getrefcount(ZeroDivisionError)
    for _ in range(2000):
        assert loop.fill(3) == 5
    gc.collect()
    assert len(gc.get_objects()) - before < 20 and abs(sys.getrefcount(ZeroDivisionError) - errors) < 20


def test_what_is_caught_often_becomes_python(loop):
    for _ in range(5000):
        assert loop.fill(3) == 5
    assert isinstance(type(loop).fill, types.FunctionType), jitd.explain(type(loop).fill)


def test_a_method_that_raises_seldom_stays_compiled(tmp_path):
    world = load(tmp_path / "seldom.py", COMPILED + SOURCE)
    t = world.T(1, 1.0)
    for a in range(1, 4000):
        assert t.kept(a % 50) == (7 // (a % 50) if a % 50 else 0)
    assert world.T.kept._counters()["native_calls"] > 3000, jitd.explain(world.T.kept)


def test_threads(tmp_path):
    world = load(tmp_path / "threads_of_tries.py", COMPILED + SOURCE)
    wrong, end = [], time.time() + 1.0

    def work(k):
        t = world.T(0, 0.0)
        while time.time() < end:
            for a in range(20):
                expected = f"odd: {a + k}" if (a + k) % 2 else (a + k) // 2
                try:
                    found = t.counted(a + k)
                except ValueError as e:
                    found = str(e)
                if found != expected:
                    wrong.append((found, expected))

    threads = [threading.Thread(target=work, args=[k]) for k in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert not wrong
