"""explain, stats and `python -m jitd check` say what is so."""

import enum
import os
import subprocess
import sys

import jitd
import pytest

from conftest import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::jitd.CompileWarning")


def line_of(thing, name):
    return next(line for line in str(jitd.explain(thing)).splitlines() if line.strip().startswith(name + ":"))


def of(name):
    return next(v for k, v in jitd.stats()["objects"].items() if k.endswith(f"<locals>.{name}"))


def test_a_refused_specialisation_is_python():
    @jitd.jitclass
    class Bag:
        n: int = 1

        def annotated(self, k: int):
            return {k * 1.0} - {self.n}

        def free(self, k):
            return {k * 1.0} - {self.n}

        def some(self, k):
            return k // self.n

    bag = Bag(2)
    assert (bag.annotated(1), bag.free(1), bag.some(5)) == ({1}, {1}, 2)
    with pytest.raises(TypeError):
        bag.some("a")
    line = Bag.free.__wrapped__.__code__.co_firstlineno + 1
    assert f"annotated: Python: set is not compiled yet (line {line - 3})" in line_of(Bag, "annotated")
    assert f"free: Python: with (int): set is not compiled yet (line {line})" in line_of(Bag.free, "free")
    assert line_of(bag, "some").strip() == "some: compiled, 1 specialisations, 1 native calls, 0 fallbacks"
    assert "Python: with (object): it does little else than what Python does with this object" in jitd.explain(Bag.some)
    assert "1 Python calls: 1 with other types" in jitd.explain(Bag.some)
    assert (of("Bag.free")["mode"], of("Bag.some")["mode"], of("Bag.annotated")["mode"]) == ("python", "native", "python")
    assert of("Bag.annotated")["python_calls"] is None and of("Bag.free")["python_reasons"] == {"types": 1}


def test_what_is_only_called_by_compiled_code_is_used():
    @jitd.jitclass
    class Inner:
        n: int = 1

        def get(self) -> int:
            return self.n

    @jitd.jit
    def inlined(a: int) -> int:
        return a + 1

    @jitd.jit
    def outer(a: int) -> int:
        return inlined(Inner(a).get())

    assert jitd.explain(Inner).endswith("Inner: not used yet")
    assert outer(3) == 4
    assert line_of(Inner, "get").strip().startswith("get: compiled, 1 spec") and "not used" not in jitd.explain(inlined)


def test_a_class_that_failed_is_not_compiled(monkeypatch):
    @jitd.jitclass
    class Failed:
        n: int = 1

        def get(self) -> int:
            return self.n

    def request(message, body, real=jitd._jitd.request):
        if "unit" in body and not asked.append(message) and len(asked) == 1:
            raise jitd.RemoteError("worker", "the compiler process was killed")
        return real(message, body)

    asked = []
    monkeypatch.setattr(jitd._jitd, "request", request)
    assert Failed().get() == 1
    assert jitd.explain(Failed).splitlines()[0].endswith("Failed (plain Python: the compiler process was killed)")
    assert line_of(Failed, "get").strip() == "get: Python: the compiler process was killed"


def test_without_a_daemon_nothing_is_compiled(program):
    done = program(
        """
        import jitd
        @jitd.jitclass
        class P:
            x: int = 1
            def get(self) -> int: return self.x
            def add(self, k): return self.x + k
            @property
            def one(self): return 1
        @jitd.jit
        def f(a): return a
        P().get(), P().add(1), P().one, f(3)
        print(jitd.explain(P))
        print(jitd.explain(f))
        print({k: (v["mode"], v["native_calls"], v["level"]) for k, v in jitd.stats()["objects"].items()})
        """,
        JITD_DISABLE="1",
    ).run()
    lines = done.stdout.splitlines()
    assert lines[:2] == ["__main__.P (no daemon: plain Python)", "  field x: int"]
    assert lines[2:5] == [f"  {name}: Python: there is no daemon" for name in ("get", "add", "one")]
    assert lines[5] == "__main__.f (no daemon: plain Python)"
    assert done.stdout.count("('python', 0, 0)") == 3 and "compiled" not in done.stdout


def test_calls_that_run_in_python_are_counted_by_reason():
    @jitd.jit
    def counted(a, b):
        total = 0
        for i in range(b):
            total += a
        return total * a + LIMIT

    global LIMIT
    LIMIT = 1
    line = counted.__wrapped__.__code__.co_firstlineno + 4
    assert counted(2, 3) == 13
    assert counted(2**62, 3) == 2**62 * 3 * 2**62 + 1 and counted(2**70, 1) == 2**140 + 1
    LIMIT = 2
    assert counted(2, 3) == 14
    LIMIT = 1
    for wrong in ((1,), (1, 2, 3)):
        with pytest.raises(TypeError):
            counted(*wrong)
    found = of("counted")
    assert found["python_reasons"] == {"big_int": 1, "names": 1, "redone": 1, "arguments": 2} and found["python_calls"] == 5
    assert [(r["line"], r["count"]) for r in found["redone"]] == [(line, 1)] and found["fallbacks"] == 1
    text = str(jitd.explain(counted))
    assert f"redone 1 times from line {line}: " in text and "1 with an int beyond 64 bits" in text
    assert found["native_calls"] == 1 and found["mode"] == "native" and found["level"] == 2


def test_two_of_one_name_are_two_entries():
    made = []
    for k in (1, 2):

        @jitd.jit
        def same_name(a, k=k):
            return a + k

        made.append(same_name)
    assert [f(1) for f in made] == [2, 3] and made[0](2) == 3
    names = [k for k in jitd.stats()["objects"] if "same_name" in k]
    assert len(names) == 2 and sorted(jitd.stats()["objects"][n]["native_calls"] for n in names) == [1, 2]


# ---- python -m jitd check ----

SHAPES = """
import jitd

@jitd.jitclass(strict=True)
class Circle:
    r: float
    def area(self) -> float:
        return self.r * self.r * 3.0
    def corners(self):
        return {self.r}
    @jitd.jit_ignore
    def hidden(self):
        return [self.r]
    def scaled(self, k):
        return self.r * k
    def many(self, *rest):
        return rest

@jitd.jit
def twice(a: int) -> int:
    return a * 2

@jitd.jitclass
class Later:
    other: "Missing"

def plain():
    raise SystemExit("run")

class Undecorated: pass

if __name__ == "__main__":
    plain()
"""


def check(target, cwd, **env):
    return subprocess.run([sys.executable, "-m", "jitd", "check", target], capture_output=True, text=True, cwd=cwd, env={**os.environ, **env}, timeout=600)


def test_check_lists_what_is_native_and_what_is_not(tmp_path):
    (tmp_path / "shapes.py").write_text(SHAPES)
    for target in ("shapes.py", "shapes"):
        done = check(target, tmp_path)
        assert done.returncode == 0 and not done.stderr, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0] == f"{target}: 2 native, 3 Python, 1 compiled at its first call"
        assert lines[1:4] == ["shapes.Circle", "  field r: float", "  area: native"]
        place = f'    File "{tmp_path}/shapes.py", line '
        assert lines[4:9] == ["  corners: Python", place + "10", "        return {self.r}", "               ^^^^^^^^", "    set is not compiled yet"]
        assert lines[9:11] == ["  hidden: Python", "    jit_ignore leaves it to Python"]
        assert lines[11:13] == ["  scaled: compiled at its first call", "    the parameter k has no annotation"]
        assert lines[13:18] == ["  many: Python", place + "16", "        def many(self, *rest):", "            ^^^^", "    *args and **kwargs are not compiled"]
        assert lines[18:20] == ["shapes.twice", "  twice: native"]
        assert "shapes.Later\n  field other: a Python object: its annotation Missing cannot be evaluated: name 'Missing' is not defined\n" in done.stdout
        assert lines[-2:] == ["shapes.plain: not decorated", "shapes.Undecorated: not decorated"]


def test_check_of_what_is_not_there_and_without_a_daemon(tmp_path):
    (tmp_path / "shapes.py").write_text(SHAPES)
    for target in ("nothing.py", "nothing", "a b", "nothing.inside"):
        done = check(target, tmp_path)
        assert done.returncode == 2 and done.stderr == f"jitd check: there is no file or module {target!r}\n"
    done = check("shapes.py", tmp_path, JITD_DISABLE="1")
    assert done.returncode == 0 and "  area: Python\n    there is no daemon\n" in done.stdout
    done = subprocess.run([sys.executable, "-m", "jitd"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 2 and done.stderr.startswith("usage: python -m jitd check FILE|MODULE")


@pytest.mark.parametrize("name", ["point.py", "planets.py", "shared.py"])
def test_check_of_the_examples(name):
    done = check(name, ROOT / "examples")
    assert done.returncode == 0 and "Python" not in done.stdout, done.stdout


def test_stats_and_jitctl_use_the_same_names(daemon):
    import json

    from conftest import BUILD

    shown = subprocess.run([BUILD / "client/cli/jitctl", "--socket", daemon.socket, "stats", "--json"], capture_output=True, text=True, check=True, timeout=600)
    ours = jitd.stats()
    theirs = json.loads(shown.stdout)
    assert {k: set(theirs[k]) for k in theirs} == {k: set(ours[k]) for k in theirs} and "machine" in theirs


def test_the_plain_name_is_the_last_ones():
    """A cell of a notebook that is run again, a module that is loaded again: its name is what is asked for."""
    kept = []
    for calls in (3, 5):

        @jitd.jitclass
        class Again:
            n: int = 1

            def get(self) -> int:
                return self.n

        kept.append(Again)
        assert [Again().get() for _ in range(calls)] == [1] * calls
    objects = jitd.stats()["objects"]
    name = f"{Again.__qualname__}.get"
    assert objects[name]["native_calls"] == 5 and objects[f"{__name__}.{name}"]["native_calls"] == 3


COPIES = """
import sys
import jitd

def copies(count):
    space = {"jitd": jitd, "__name__": "copies"}
    made = []
    for _ in range(count):
        exec("@jitd.jit\\ndef twin(x):\\n    return x", space)
        made.append(space["twin"])
    return made

def steps(function):
    \"\"\"How many functions Python enters and leaves meanwhile.\"\"\"
    events = []
    sys.setprofile(lambda _frame, event, _argument: events.append(event))
    try:
        result = function()
    finally:
        sys.setprofile(None)
    return result, len(events)

jitd.stats()
kept = copies(40)
few = steps(jitd.stats)[1]
kept += copies(40)
some = steps(jitd.stats)[1]
kept += copies(160)
stats, many = steps(jitd.stats)
names = [name for name in stats["objects"] if name.split("#")[0] in ("twin", "copies.twin")]
assert sorted(names) == sorted(["twin", "copies.twin", *(f"copies.twin#{n}" for n in range(2, len(kept)))])
assert many - some < 5 * (some - few), (few, some, many)  # four times as many more: a number's search does not begin at 2
"""


def test_many_of_one_name_have_numbers():
    """In a process of their own: what earlier tests left would go between two counts."""
    done = subprocess.run([sys.executable, "-c", COPIES], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_why_a_field_is_a_python_field():
    class Colour(enum.IntEnum):
        RED = 1

    @jitd.jitclass
    class Reasons:
        colour: Colour
        number: int
        ratio: float = None
        text: str = "a"

        def __init__(self):
            self.text = "colour" if hasattr(self, "number") else "number"

    assert Reasons().text == "number"
    said = {line.split(":")[0].strip(): line for line in jitd.explain(Reasons).splitlines() if line.startswith("  field ")}
    assert said["field colour"].endswith("a Python object: Colour is not a native type")
    assert "asks for it by name" in said["field number"] and said["field text"].endswith("str is not a native type")
    assert said["field ratio"].endswith("its default None is no float")
