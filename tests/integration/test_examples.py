"""Every program in examples/ runs as a newcomer runs it, and says what it should."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SAYS = {
    "point.py": "25.0",
    "planets.py": "energy drift",
    "colours.py": "the same bits as CPython's",
    "shared.py": "80,000 walks",
}


def test_all_examples_are_tested():
    assert {p.name for p in EXAMPLES.glob("*.py")} == set(SAYS) | {"demo.py"}


@pytest.mark.parametrize("name", SAYS)
def test_example(name):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[name] in done.stdout
