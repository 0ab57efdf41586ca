"""% 2**k and & of ints that are beyond 64 bits in between (language/bits.py): exact, and machine code."""

import itertools
import random
from pathlib import Path

import jitd
import pytest
from twins import Twins, tried

SOURCE = (Path(__file__).parent / "language/bits.py").read_text()
RANDOM = random.Random(11)
VALUES = [0, 1, -1, 2, -3, 2**31, -(2**31), 2**62, 2**63 - 1, -(2**63), 12345678901234567, *(RANDOM.randrange(-(2**63), 2**63) for _ in range(20))]
METHODS = ["by_fields", "products", "of_calls", "beside", "mixed", "in_loop", "maybe"]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("bits"), "bits", SOURCE)


@pytest.mark.parametrize("name", METHODS)
def test_as_in_cpython(module, name):
    one, other = module.compiled.R(), module.plain.R()
    for n, m in itertools.product(VALUES, VALUES):
        found, wanted = (tried(world, lambda: getattr(o, name)(n, m)) for world, o in ((module.compiled, one), (module.plain, other)))
        assert found == wanted, (n, m)
        assert one.state == other.state


@pytest.mark.parametrize("name", ["by_fields", "products", "in_loop"])
def test_nothing_is_left_to_python(module, name):
    method, r = getattr(module.compiled.R, name), module.compiled.R()
    for n, m in itertools.product(VALUES, VALUES):
        getattr(r, name)(n, m)
    assert "redone" not in jitd.explain(method) and "went on" not in jitd.explain(method)
    assert method._counters()["native_calls"] >= len(VALUES) ** 2
