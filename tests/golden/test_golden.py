"""Golden tests: what a stage makes of a small file, as jitd-cc --dump=STAGE shows it. A directory is a stage; NAME.py, named after the
rule of the language that it shows, goes in and NAME.txt comes out. GOLDEN_UPDATE=1 writes the expected files anew: read the diff.
LLVM IR is compared as LLVM_VERSION writes it (others write it a little differently), without what depends on the machine."""

import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
LLVM_VERSION = "22"


def compiler():
    build = pathlib.Path(os.environ.get("JITD_BUILD") or HERE.parents[1] / "build")
    return os.environ.get("JITD_CC") or build / "server" / "tool" / "jitd-cc"


def cases():
    version = subprocess.run([compiler(), "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    stages = [p for p in sorted(HERE.iterdir()) if p.name != "ir" or f"LLVM {LLVM_VERSION}." in version]
    return [case for stage in stages for case in sorted(stage.glob("*.py"))]


CASES = cases()


def normalised(ir):
    """The functions of the program itself, without attributes and metadata."""
    kept = re.findall(r'^define [^\n]*@"?(?:__main__|jitd_thunk)[^\n]*\{.*?^\}\n', ir, re.M | re.S)
    return re.sub(r"(, ![\w.]+ !\d+| #\d+|\s+; preds = [^\n]*)", "", "\n".join(kept))


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_dump(case):
    command = [compiler(), f"--dump={case.parent.name}", case.name]
    done = subprocess.run(command, cwd=case.parent, capture_output=True, timeout=600)
    assert done.returncode in (0, 1), done.stderr.decode()
    expected, text = case.with_suffix(".txt"), done.stdout.decode()
    text = normalised(text) if case.parent.name == "ir" else text
    if os.environ.get("GOLDEN_UPDATE"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_every_expectation_has_its_input():
    assert CASES
    assert [p for p in HERE.glob("*/*.txt") if not p.with_suffix(".py").exists()] == []


def test_a_long_method_is_not_inlined_into_without_end(tmp_path):
    """LLVM's time grows faster than what it is given: of many objects made and counted only the first are."""
    lines = "".join(f"        p = B({i}, p)\n" for i in range(1000))
    source = f"class B:\n    x: int\n    n: 'B | None' = None\n\n    def slow(self) -> int:\n        p = self\n{lines}        return p.x\n"
    (tmp_path / "long.py").write_text("import jitd\n\n\n@jitd.jitclass\n" + source)
    done = subprocess.run([compiler(), "--dump=iropt", tmp_path / "long.py"], capture_output=True, text=True, timeout=600, check=True)
    assert len(re.findall(r"call .*@rt_new\(", done.stdout)) > 800
    assert done.stdout.count("\n") < 40_000, "it was 111,236"
