"""A pytest plugin that runs in the tests of somebody else's package: it decorates every class of the package as it is made, and writes what came
of tests and classes to a file.

In the environment: PACKAGES_DECORATE (modules, with commas; none: nothing is decorated), PACKAGES_REPORT (the file)."""

from __future__ import annotations

import builtins
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOTS = tuple(filter(None, os.environ["PACKAGES_DECORATE"].split(",")))
outcomes: dict[str, str] = {}
reasons: dict[str, str] = {}  # why what failed did
alone: dict[str, str] = {}  # classes that stay as they are: why
above: list[str] = []  # subclasses of jitclasses, which are Python above them
decorated: list[str] = []
at_hand: list[str] = []  # is being decorated: a dataclass that jitd makes of it is no class of its own
_build, _as_dataclass = builtins.__build_class__, dataclasses.dataclass


def _belongs(module: str) -> bool:
    inside = any(module == root or module.startswith(root + ".") for root in ROOTS)
    return inside and not {"tests", "conftest"} & set(module.split("."))


def _build_decorated(func: Any, name: str, *bases: Any, **keywords: Any) -> Any:
    """The class statement's class, decorated before anybody has it under a name."""
    module = func.__globals__.get("__name__", "")
    if not _belongs(module):
        return _build(func, name, *bases, **keywords)
    made = [_build(func, name, *bases, **keywords)]  # a class that has a name would be copied
    if not isinstance(made[0], type) or "__jitd_record__" in made[0].__dict__:
        alone[f"{module}.{name}"] = "the class statement makes no class of its own"
        return made[0]
    if any(isinstance(value, dataclasses.Field) for value in made[0].__dict__.values()):
        return made[0]  # somebody is about to make it a dataclass
    return _decorated(made, module)


def _decorated(made: list[Any], module: str) -> Any:
    full = f"{module}.{made[0].__qualname__}"
    at_hand.append(full)
    made[0] = jitd.jitclass(init=False, repr=False, match_args=False)(made[0])
    at_hand.pop()
    if "__jitd_record__" in made[0].__dict__:
        decorated.append(full)
    elif hasattr(made[0], "__jitd_record__"):
        above.append(full)
    else:
        alone[full] = members._why_not(made[0]) or "no reason"
    return made.pop()


def _dataclass(cls: Any = None, /, **options: Any) -> Any:
    """dataclasses.dataclass, and what is not decorated yet is decorated above it."""
    if cls is None:
        return lambda cls: _dataclass(cls, **options)
    made = [_as_dataclass(cls, **options)]
    full = f"{cls.__module__}.{cls.__qualname__}"
    done = any(full in known for known in (decorated, above, alone, at_hand)) or not _belongs(cls.__module__)
    del cls
    return made[0] if done else _decorated(made, made[0].__module__)


if ROOTS:
    import jitd
    from jitd import check, insight, link, members

    builtins.__build_class__ = _build_decorated
    dataclasses.dataclass = _dataclass


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test is what the worst of its phases is."""
    if report.outcome == "failed":
        outcomes[report.nodeid] = "failed"
        reasons[report.nodeid] = report.longreprtext
    elif report.when == "call" or report.outcome == "skipped":
        outcomes.setdefault(report.nodeid, report.outcome)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.outcome == "failed":
        outcomes[report.nodeid] = "failed"
        reasons[report.nodeid] = report.longreprtext


def _methods() -> tuple[dict[str, int], list[str]]:
    """How many methods there are, and what became of them; and why those that are Python's are."""
    counts: dict[str, int] = {}
    whys: list[str] = []
    for record in insight.all_of_process():
        if record.kind != "class" or not _belongs(record.module):
            continue
        if not record.linked:
            check._finish(record)
        for f in record.funcs:
            words = check._state(record, f)[0]
            counts[words] = counts.get(words, 0) + 1
            if words == "Python":
                whys.append(f.reason or record.failed or "")
    return counts, whys


def pytest_sessionfinish() -> None:
    report: dict[str, Any] = {"outcomes": outcomes, "reasons": reasons}
    if ROOTS:
        counts = insight.stats()["process"]
        report |= {"decorated": decorated, "above": above, "alone": alone, "native_calls": counts["native_calls"], "connected": counts["connected"]}
        report["methods"], report["whys"] = _methods()
    Path(os.environ["PACKAGES_REPORT"]).write_text(json.dumps(report))
