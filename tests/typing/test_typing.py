"""mypy --strict and pyright accept what users write, refuse what is wrong, and see the package as it is installed (py.typed)."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import jitd
import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/typing"
PACKAGE = ROOT / "client/python/jitd"
TOOLS = Path(os.environ.get("JITD_TYPING", ROOT / "build/venv-typing"))  # a venv of requirements-typing.txt
sys.path.insert(0, str(ROOT / "tests/faults"))


@pytest.fixture(scope="session", autouse=True)
def installed():
    """The build tree's package, as an installation in the tools' venv."""
    found = list(TOOLS.glob("lib/python3.*/site-packages"))
    assert len(found) == 1, f"{TOOLS} is not there: ./dev setup makes it, from requirements-typing.txt"
    (found[0] / "jitd-build.pth").write_text(f"{Path(jitd.__file__).parents[0].parent}\n")


def mypy(folder, *files):
    command = [TOOLS / "bin/mypy", "--strict", "--python-executable", TOOLS / "bin/python", "--cache-dir", folder / ".mypy"]
    return run([*command, *files], folder)


def pyright(folder, *files):
    return run([TOOLS / "bin/pyright", "--pythonpath", TOOLS / "bin/python", *files], folder)


def run(command, folder):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run([str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True, timeout=1800)
    return done.returncode, done.stdout + done.stderr


def copied(tmp_path, *files):
    for file in files:
        (tmp_path / file.name).write_text(file.read_text())
    return tmp_path, *[file.name for file in files]


@pytest.mark.parametrize("tool", [mypy, pyright])
def test_examples_are_accepted(tool, tmp_path):
    status, said = tool(*copied(tmp_path, *(ROOT / "examples").glob("*.py")))
    assert status == 0, said


@pytest.mark.parametrize("tool", [mypy, pyright])
def test_the_readme_and_the_docs_are_accepted(tool, tmp_path):
    texts = {name: (ROOT / name).read_text() for name in ("README.md", "docs/hints.md")}
    for name, text in texts.items():
        (block,) = re.findall(r"```python\n(.*?)```", text, re.S)
        (tmp_path / f"{Path(name).stem.lower()}.py").write_text(block if "import jitd" in block else f"import jitd\n\n{block}")
    status, said = tool(tmp_path, "readme.py")
    assert status == 0, said


@pytest.mark.parametrize("tool", [mypy, pyright])
def test_every_public_name_is_accepted(tool, tmp_path):
    text = (HERE / "public_names.py").read_text()
    assert [name for name in jitd.__all__ if f"jitd.{name}" not in text] == []
    status, said = tool(*copied(tmp_path, HERE / "public_names.py"))
    assert status == 0, said


def test_what_is_checked_runs():
    from broker_harness import JITD, Daemon

    with Daemon(worker=JITD.parents[1] / "worker/jitd-worker") as daemon:
        command = [sys.executable, "-W", "error", HERE / "public_names.py"]
        done = subprocess.run(command, env={**os.environ, "JITD_SOCKET": str(daemon.path)}, capture_output=True, text=True, timeout=600)
    assert done.stdout == "ran\n", done.stderr


@pytest.mark.parametrize("tool", [mypy, pyright])
def test_what_is_wrong_is_refused(tool, tmp_path):
    status, said = tool(*copied(tmp_path, HERE / "wrong.py"))
    wanted = {n for n, line in enumerate((HERE / "wrong.py").read_text().splitlines(), 1) if line.endswith("# error")}
    found = {int(n) for n in re.findall(r"wrong\.py:(\d+):.*\berror\b", said)}
    assert status == 1 and found == wanted, said


def functions():
    for path in sorted(PACKAGE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path.name, node


def test_every_parameter_and_result_of_the_package_is_annotated():
    bare = []
    for name, node in functions():
        args = node.args
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
        missing = [a.arg for a in every if a.annotation is None and a.arg not in ("self", "cls")]
        if missing or node.returns is None:
            bare.append(f"{name}:{node.lineno}: {node.name}: {', '.join(missing) or 'the result'}")
    assert bare == []


def test_mypy_finds_nothing_in_the_package():
    status, said = run([TOOLS / "bin/mypy", "--python-executable", TOOLS / "bin/python", "-p", "jitd"], ROOT / "tests")
    assert status == 0, said


def test_nothing_of_it_costs_a_start():
    """No module that a warm start loads imports typing, or __future__, whose import takes 0.2 ms."""
    code = "import jitd, sys\n@jitd.jitclass\nclass P:\n    x: int = 0\nprint(sorted({'typing', 'typing_extensions', '__future__', 'dataclasses', 'inspect'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=600)
    assert done.stdout == "[]\n", done.stderr
