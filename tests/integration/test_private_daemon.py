"""No daemon runs: the first clients start one for the user, and only one."""

import contextlib
import os
import shutil
import signal
from pathlib import Path

import pytest
from conftest import DAEMON, WORKER, until

CODE = """
import jitd, sys
@jitd.jitclass
class P:
    x: int
    def get(self) -> int:
        return self.x
assert P(4).get() == 4
assert jitd.stats()["process"]["connected"], "no daemon"
print(jitd.stats()["machine"]["compilations"])
"""


def daemons(directory):
    """The processes that have the directory in their command line or hold its lock."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            command = (proc / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.path.basename(command[0]) == b"jitd" and any(str(directory).encode() in c for c in command):
            found.append(int(proc.name))
    return found


@pytest.fixture
def home(tmp_path):
    """A user's directories, with the programs beside each other on the PATH as they are when installed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program_path in (DAEMON, WORKER):
        shutil.copy2(program_path, programs)
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    yield {
        "JITD_SOCKET": None,
        "XDG_RUNTIME_DIR": runtime,
        "XDG_CACHE_HOME": tmp_path / "cache",
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    for pid in daemons(runtime):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until(lambda: not daemons(runtime))


def test_ten_processes_at_once_start_one_daemon(program, home):
    p = program(CODE, **home)
    workers = [p.start() for _ in range(10)]
    results = [w.communicate(timeout=600) for w in workers]
    assert [out for out, _ in results] == ["1\n"] * 10, results
    until(lambda: len(daemons(home["XDG_RUNTIME_DIR"])) == 1)  # when those have left that were one too many


def test_it_is_warm_for_the_next(program, home):
    p = program(CODE, **home)
    p.run()
    first = daemons(home["XDG_RUNTIME_DIR"])
    assert len(first) == 1
    assert p.run().stdout == "1\n", "the second process finds what the first had compiled"
    assert daemons(home["XDG_RUNTIME_DIR"]) == first
