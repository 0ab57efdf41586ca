"""The daemon is there, but does not compile: it has no compiler process, no room, or one method takes too long. Objects are made, and methods run."""

import linecache

import pytest
from conftest import Daemon

import jitd
import jitd.insight

PAIR = """
import jitd, warnings
warnings.simplefilter("ignore")
@jitd.jitclass
class Cell:
    n: int
    next: 'Cell | None' = None
    def __init__(self, n: int) -> None:
        self.n = n
    def slow(self, k: int) -> int:
        return self.n * k
    def quick(self, k: int) -> int:
        return self.n + k
@jitd.jitclass
class Pair:
    left: Cell
    right: Cell
    def total(self) -> int:
        return self.left.quick(0) + self.right.quick(1)
"""


def test_without_a_compiler_process_classes_are_python(program):
    """Their instances are the namespace's all the same: a layout takes no compiler."""
    daemon = Daemon("--worker", "/nonexistent/jitd-worker")
    try:
        done = program(
            PAIR
            + """
pair = Pair(Cell(3), Cell(4))
assert pair.total() == 8 and pair.left.slow(2) == 6 and pair.left.n == 3
jitd.publish("pair", pair)
assert jitd.lookup("pair") is pair and jitd._jitd.check() == (0, "")
print(jitd.explain(Pair.total), jitd.explain(Cell.slow))
""",
            JITD_SOCKET=daemon.socket,
        ).run().stdout
    finally:
        daemon.stop()
    assert done.count("/nonexistent/jitd-worker cannot be started") >= 2


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_one_method_that_takes_too_long_leaves_the_others_native(monkeypatch):
    def request(message, body, real=jitd._jitd.request):
        if "unit" in body and any(entry[1] == "slow" for entry in jitd._jitd.unpack(body["unit"])["entries"]):
            raise jitd.RemoteError("worker", "the compiler process did not finish within its deadline of 10 s")
        return real(message, body)

    module = {"__name__": __name__}
    linecache.cache["<slow>"] = (len(PAIR), None, PAIR.splitlines(True), "<slow>")
    exec(compile(PAIR, "<slow>", "exec"), module)
    monkeypatch.setattr(jitd._jitd, "request", request)
    cell, pair = module["Cell"], module["Pair"]
    assert [cell(3).slow(4), cell(3).quick(4), cell(3).slow(5)] == [12, 7, 15]
    assert pair(cell(3), cell(4)).total() == 8
    modes = {name: jitd.insight.of_func(cell.__jitd_record__, cell.__jitd_record__.func(name))["mode"] for name in ("__init__", "slow", "quick")}
    assert modes == {"__init__": "native", "slow": "python", "quick": "native"}
    assert "within its deadline of 10 s" in jitd.explain(cell.slow) and "compiled" in jitd.explain(pair.total)


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_a_full_namespace_leaves_classes_to_python(monkeypatch):
    def request(message, body, real=jitd._jitd.request):
        if full and "unit" in body:
            raise jitd.RemoteError("quota", "the namespace is full: no room for further code, methods or classes")
        return real(message, body)

    full = [True]
    module = {"__name__": __name__}
    text = PAIR.replace("Cell", "Tile").replace("Pair", "Tiles")
    linecache.cache["<full>"] = (len(text), None, text.splitlines(True), "<full>")
    exec(compile(text, "<full>", "exec"), module)
    monkeypatch.setattr(jitd._jitd, "request", request)
    tile, tiles = module["Tile"], module["Tiles"]
    assert [tile(3).slow(4), tile(3).quick(4)] == [12, 7]
    assert tiles(tile(3), tile(4)).total() == 8
    assert "the namespace is full" in jitd.explain(tile.slow)
    full.clear()  # there is room again, for whom it is too late
    left = tile(5)
    assert tiles(left, tile(4)).left is left and tiles(left, left).total() == 11
    assert jitd._jitd.check() == (0, "")


@pytest.mark.parametrize("what", ["the compiler", "the daemon", "the daemon from the start"])
@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_who_waits_too_long_for_an_answer_goes_on_in_python(monkeypatch, what):
    """A request that times out is no error of the program's, whether only the compiler is slow (layouts take none) or all of the daemon hangs."""
    asked = []

    def request(message, body, real=jitd._jitd.request):
        hangs = what == "the daemon from the start" or "unit" in body and (what == "the daemon" or "layout" not in body)
        if answers or not hangs:
            return real(message, body)
        asked.append("layout" if "layout" in body else "unit" if "unit" in body else "lookup")
        raise ConnectionError("the jitd daemon does not answer: Connection timed out")

    answers = []
    names = {"the compiler": ("Slow", "Slows"), "the daemon": ("Hung", "Hangs"), "the daemon from the start": ("Mute", "Mutes")}[what]
    text = PAIR.replace("Cell", names[0]).replace("Pair", names[1]) + f"\n@jitd.jit\ndef alone(c: {names[0]}) -> int:\n    return c.n + 1\n"
    module = {"__name__": __name__}
    linecache.cache[f"<{what}>"] = (len(text), None, text.splitlines(True), f"<{what}>")
    exec(compile(text, f"<{what}>", "exec"), module)
    monkeypatch.setattr(jitd._jitd, "request", request)
    one, two = (module[name] for name in names)
    assert [one(3).slow(4), one(3).quick(4), module["alone"](one(5))] == [12, 7, 6]
    assert two(one(3), one(4)).total() == 8
    assert asked.count("unit") == 3, "once for each unit, not for each method"
    assert "does not answer" in jitd.explain(one.slow)
    answers.append(True)  # it is back, and others have their classes numbered
    left = one(5)
    assert two(left, one(4)).left is left and two(left, left).total() == 11 and left.next is None
    assert jitd._jitd.check() == (0, "")
    if what == "the compiler":
        jitd.publish("slow", left)
        assert jitd.lookup("slow") is left
        jitd.publish("slow", None)
