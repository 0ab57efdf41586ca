"""A daemon for all tests here that compile in this process: it attaches once, to whatever daemon is first."""

import os
import subprocess
import time
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """A daemon of these tests' own, with the compiler of this build and an empty cache."""
    build = Path(os.environ.get("JITD_BUILD", Path(__file__).resolve().parents[2] / "build"))
    folder = tmp_path_factory.mktemp("daemon")
    command = [build / "server/broker/jitd", "--socket", folder / "s", "--worker", build / "server/worker/jitd-worker"]
    process = subprocess.Popen([*map(str, command), "--cache-dir", str(folder / "cache"), "--log", str(folder / "log")])
    while not (folder / "s").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.environ["JITD_SOCKET"] = str(folder / "s")
    yield
    process.terminate()
    assert process.wait(10) == 0
