"""Calls with more references than there are bits in a word: every one of them is counted."""

import gc

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
