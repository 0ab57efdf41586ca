"""Real packages with all their classes decorated: nothing of their own tests fails that passes undecorated."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any, Iterator

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("JITD_BUILD", ROOT / "build"))
HOME = BUILD / "packages"
MINUTES = 40  # for a package's tests: whatever takes longer hangs
_DRAWN = "backends components_matplotlib examples_viz portrayal_components solara_viz solara_viz_updated space_drawer space_renderer".split()
# {name: (folder of its modules, the modules, arguments for pytest, classes that it has at least)}; small ones first
PACKAGES: dict[str, tuple[str, str, list[str], int]] = {
    "toolz": (".", "toolz,tlz", ["toolz"], 7),
    "tinydb": (".", "tinydb", ["tests"], 7),
    "simpy": ("src", "simpy", ["tests", "-m", "not benchmark"], 6),
    "transitions": (".", "transitions", ["tests", "--ignore=tests/test_codestyle.py"], 14),
    "pyparsing": (".", "pyparsing", ["tests", "--ignore=tests/test_diagram.py", "--ignore=tests/test_examples.py"], 15),
    "chess": (".", "chess", ["test.py"], 20),
    "parso": (".", "parso", ["test"], 10),
    "cachetools": ("src", "cachetools", ["tests"], 5),
    "attrs": ("src", "attr,attrs", ["tests", "--ignore=tests/test_mypy.yml", "--ignore=tests/test_pyright.py"], 10),
    "mesa": (".", "mesa", ["tests", *(f"--ignore=tests/test_{name}.py" for name in _DRAWN)], 30),
    "networkx": (".", "networkx", ["networkx/classes"], 20),
}
ALSO_NEEDED = ("networkx",)  # by mesa
# Why a class may stay as it is.
PERMITTED = ("it extends the built-in type", "its metaclass", "its base class")  # the last: one of another package, with __slots__


def _pinned() -> dict[str, str]:
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def _pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments, "-q", "--disable-pip-version-check", "--no-deps"], capture_output=True, text=True)
    assert done.returncode == 0, f"pip {' '.join(arguments)}: {done.stderr}"


def _fetched(name: str) -> Path:
    """The folder of its source distribution, unpacked in the build tree."""
    version = _pinned()[name]
    folder = HOME / f"{name}-{version}"
    if not (folder / "PKG-INFO").exists():
        _pip("download", "--no-binary", name, "--dest", str(HOME), f"{name}=={version}")
        with tarfile.open(HOME / f"{name}-{version}.tar.gz") as archive:
            archive.extractall(HOME, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(HOME)
    return folder


@pytest.fixture(scope="module")
def needed() -> str:
    """The folder of what is needed."""
    folder = HOME / "needed"
    for name, version in _pinned().items():
        if (name not in PACKAGES or name in ALSO_NEEDED) and not list(folder.glob(f"{name}-{version}*")):
            _pip("install", "--target", str(folder), f"{name}=={version}")
    return str(folder)


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    spec = importlib.util.spec_from_file_location("harness", HERE.parent / "integration/conftest.py")
    assert spec is not None and spec.loader is not None
    harness = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(harness)
    daemon = harness.Daemon()
    yield str(daemon.socket)
    daemon.stop()


def _run(name: str, decorate: bool, needed: str, socket: str) -> dict[str, Any]:
    """The package's own tests; what decorate.py reports."""
    source, modules, arguments, _ = PACKAGES[name]
    folder = _fetched(name)
    report = HOME / f"{name}-{'decorated' if decorate else 'plain'}.json"
    report.unlink(missing_ok=True)
    paths = [str(HERE), str(folder / source), needed, os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0", "JITD_WARN": "off", "JITD_SOCKET": socket}
    env |= {"PACKAGES_DECORATE": modules if decorate else "", "PACKAGES_REPORT": str(report)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "decorate", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace", timeout=MINUTES * 60)
    assert report.exists(), f"{name}: its tests did not end: status {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return json.loads(report.read_text())


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_fails_that_passes_undecorated(name: str, needed: str, socket: str, capfd: pytest.CaptureFixture[str]) -> None:
    plain = _run(name, False, needed, socket)
    decorated = _run(name, True, needed, socket)
    counts = Counter(plain["outcomes"].values())
    _show(name, counts, decorated, capfd)
    broken = [test for test, outcome in plain["outcomes"].items() if outcome == "passed" and decorated["outcomes"].get(test) != "passed"]
    why = {test: decorated["reasons"].get(test, "it did not run")[-1500:] for test in broken}
    assert not broken, f"{len(broken)} of {counts['passed']} fail decorated:\n" + "\n\n".join(f"{test}:\n{text}" for test, text in list(why.items())[:10])
    assert counts["passed"] > 10 * counts["failed"], f"undecorated: {counts}"
    assert decorated["connected"] and len(decorated["decorated"]) >= PACKAGES[name][3], decorated["decorated"]
    assert not [why for why in decorated["alone"].values() if not why.startswith(PERMITTED)], decorated["alone"]


def _show(name: str, counts: Counter[str], report: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    """What became of the classes and their methods, for the log."""
    alone = Counter(_kind(why) for why in report["alone"].values())
    methods, native = sum(report["methods"].values()), report["methods"].get("native", 0)
    reasons = "; ".join(f"{n} × {why}" for why, n in alone.most_common())
    whys = Counter(_kind(why) for why in report["whys"])
    with capfd.disabled():
        print(f"\n{name}: {dict(counts)} tests undecorated; {len(report['decorated'])} classes decorated, {len(report['above'])} above those, {len(report['alone'])} left alone ({reasons}); "
              f"{methods} methods, {native} native ({report['methods']}), {report['native_calls']} native calls; most often Python because: "
              + "; ".join(f"{n} × {why}" for why, n in whys.most_common(10)))  # fmt: skip


def _kind(why: str) -> str:
    """The reason without the names of classes in it."""
    words = re.sub(r"'[^']*'|`[^`]*`", "…", why).split()
    return " ".join(word for word in words if not word[0].isupper())
