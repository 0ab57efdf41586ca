"""A daemon of the tests' own for all tests here, and a way to run programs beside it."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/faults"))
from broker_harness import PATIENCE, is_served, until  # noqa: E402

BUILD = Path(os.environ.get("JITD_BUILD", ROOT / "build"))
DAEMON = BUILD / "server/broker/jitd"
WORKER = BUILD / "server/worker/jitd-worker"
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell inherits it ignored


class Daemon:
    """One `jitd` with its own socket and cache."""

    def __init__(self, *options):
        self.dir = Path(tempfile.mkdtemp(prefix="jitd-test-"))
        self.socket = self.dir / "s"
        self.log = self.dir / "log"
        command = [DAEMON, "--socket", self.socket, "--worker", WORKER, "--cache-dir", self.dir / "cache", "--log", self.log]
        self.command = list(map(str, [*command, "--deadline", PATIENCE, *options]))
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command)
        until(lambda: is_served(self.socket) or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0
        shutil.rmtree(self.dir)


_daemons = []


def pytest_sessionstart():
    """Before the tests are imported: a strict class is compiled at once."""
    _daemons.append(Daemon())
    os.environ["JITD_SOCKET"] = str(_daemons[0].socket)


def pytest_sessionfinish():
    _daemons.pop().stop()


@pytest.fixture(scope="module", autouse=True)
def frozen():
    """What there is before a file's tests stays: a collection in a test looks at what they make, and not at all that was ever imported."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def daemon():
    return _daemons[0]


@pytest.fixture
def own_daemon():
    daemon = Daemon()
    yield daemon
    daemon.stop()


class Program:
    """A Python program in a file of its own, run with this interpreter."""

    def __init__(self, path, code, env):
        aside = path.with_suffix(".new")  # a program of the same name may just be starting, and must not find half a file
        aside.write_text(textwrap.dedent(code))
        aside.replace(path)
        self.path, self.env = path, {**os.environ, **{k: str(v) for k, v in env.items()}}
        for name in [k for k, v in env.items() if v is None]:
            del self.env[name]

    def start(self, *args, **kwargs):
        command = [sys.executable, str(self.path), *map(str, args)]
        kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **kwargs}
        return subprocess.Popen(command, env=self.env, **kwargs)

    def run(self, *args, check=True):
        process = self.start(*args)
        out, err = process.communicate(timeout=600)
        assert not check or process.returncode == 0, err
        return subprocess.CompletedProcess(self.path, process.returncode, out, err)


@pytest.fixture
def program(tmp_path):
    return lambda code, name="program.py", **env: Program(tmp_path / name, code, env)
