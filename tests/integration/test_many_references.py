"""Calls with more references than there are bits in a word: every one of them is counted."""

import gc
import importlib

import jitd
import pytest

pytestmark = pytest.mark.usefixtures("daemon")
MANY = 90


@pytest.fixture(scope="module")
def module(tmp_path_factory, daemon):
    parameters = ", ".join(f"a{i}: 'Item'" for i in range(MANY))
    path = tmp_path_factory.mktemp("many") / "many_references.py"
    path.write_text(f"""import jitd


@jitd.jitclass
class Item:
    value: int

    def last(self, {parameters}) -> int:
        return self.value + a0.value + a{MANY - 1}.value

    def call(self) -> int:
        return self.last({", ".join(f"Item({i})" for i in range(MANY))})

    def failing(self, by: int) -> int:
        return self.last({", ".join(f"Item({i})" for i in range(MANY - 1))}, Item(1 // by))
""")
    namespace = {"__name__": "many_references", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    return namespace


def test_every_one_is_counted(module):
    item = module["Item"](5)
    assert item.call() == 5 + MANY - 1
    gc.collect()
    before = jitd.stats()["process"]["objects"]
    for _ in range(10):
        assert item.call() == 5 + MANY - 1 and item.failing(1) == 6
        with pytest.raises(ZeroDivisionError):
            item.failing(0)
    gc.collect()
    assert jitd.stats()["process"]["objects"] <= before
    assert "call: compiled" in str(jitd.explain(module["Item"]))


def test_a_method_that_makes_a_thousand_objects_is_native(tmp_path, monkeypatch):
    """Behind the first hundreds making and counting objects are calls; nothing is lost by it."""
    lines = "".join(f"        p = Long({i}, p)\n        if k == {i}:\n            p.n = q\n            q = p\n" for i in range(1000))
    text = f"import jitd\n@jitd.jitclass\nclass Long:\n    x: int\n    n: 'Long | None' = None\n    def slow(self, k: int) -> 'Long':\n        p = q = self\n{lines}        return p\n"
    text += "    def total(self) -> int:\n        t, p = 0, self\n        while p is not None:\n            t, p = t + p.x, p.n\n        return t\n"
    path = tmp_path / "long_method.py"
    path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("long_method")
    before = jitd._jitd.arena_stats()["objects"]
    one = module.Long(5)
    assert one.slow(-1).total() == 5 + sum(range(1000))
    assert one.slow(600).total() == 5 + sum(range(600, 1000))
    assert jitd.stats()["objects"]["Long.slow"]["native_calls"] == 2
    del one
    assert jitd._jitd.arena_stats()["objects"] == before and jitd._jitd.check() == (0, "")
