"""Names and attributes that compiled code has found, and that are somewhere else later (language/names.py), beside CPython."""

import re
from pathlib import Path

import pytest
from twins import COMPILED, PLAIN, load, shown

SOURCE = (Path(__file__).parent / "language/names.py").read_text()


@pytest.mark.parametrize("name", re.findall(r"^def (p_\w+)", SOURCE, re.M))
def test_as_in_cpython(tmp_path, name):
    worlds = [load(tmp_path / f"{name}_{kind}.py", head + SOURCE) for kind, head in (("plain", PLAIN), ("compiled", COMPILED))]
    for i in range(4):
        found = []
        for world in worlds:
            del world.log[:]
            found.append(shown(getattr(world, name)(i)))
        assert found[1] == found[0], (name, i)
