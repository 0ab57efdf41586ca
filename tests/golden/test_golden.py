"""Golden tests: what a stage makes of a small file, as jitd-cc --dump=STAGE shows it. A directory is a stage; NAME.py, named after the
rule of the language that it shows, goes in and NAME.txt comes out. GOLDEN_UPDATE=1 writes the expected files anew: read the diff."""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
CASES = sorted(HERE.glob("*/*.py"))


def compiler():
    build = pathlib.Path(os.environ.get("JITD_BUILD") or HERE.parents[1] / "build")
    return os.environ.get("JITD_CC") or build / "server" / "tool" / "jitd-cc"


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_dump(case):
    command = [compiler(), f"--dump={case.parent.name}", case.name]
    done = subprocess.run(command, cwd=case.parent, capture_output=True, timeout=600)
    assert done.returncode in (0, 1), done.stderr.decode()
    expected = case.with_suffix(".txt")
    if os.environ.get("GOLDEN_UPDATE"):
        expected.write_bytes(done.stdout)
    assert done.stdout.decode() == expected.read_text()


def test_every_expectation_has_its_input():
    assert CASES
    assert [p for p in HERE.glob("*/*.txt") if not p.with_suffix(".py").exists()] == []
