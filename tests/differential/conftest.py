"""A daemon for all tests here that compile in this process: it attaches once, to whatever daemon is first."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))
from broker_harness import BUILD, Daemon  # noqa: E402


@pytest.fixture(scope="session")
def daemon():
    """A daemon of these tests' own, with the compiler of this build and an empty cache."""
    with Daemon(worker=BUILD / "server/worker/jitd-worker") as d:
        os.environ["JITD_SOCKET"] = str(d.path)
        yield
