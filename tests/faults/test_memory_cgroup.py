"""A client in a memory cgroup that is smaller than what it makes: the daemon has committed that memory, and pays for it."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from broker_harness import BUILD, PATIENCE, Daemon

MIB = 1 << 20
LIMIT = 96 * MIB
PROGRAM = """
import jitd, os, sys
from jitd import _jitd

@jitd.jitclass
class N:
    v: int
    n: "N | None" = None

    def grow(self, k: int) -> int:
        for i in range(k):
            self.n = N(i, self.n)
        return k

    def total(self) -> int:
        t = 0
        p = self.n
        while p is not None:
            t += p.v
            p = p.n
        return t

head = N(0)
head.grow(1)
head.total()
open(sys.argv[1], "w").write(str(os.getpid()))  # into the group, with Python and jitd loaded
head.grow(int(sys.argv[2]))
print(head.total(), _jitd.arena_stats()["bytes_committed"], flush=True)
os._exit(0)
"""


def group_root():
    """Where memory groups are made, and how the files there are called; None: nowhere."""
    first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    if (first / "memory.limit_in_bytes").exists():
        return first, "memory.limit_in_bytes", "memory.max_usage_in_bytes"
    if (second / "cgroup.subtree_control").exists() and "memory" in (second / "cgroup.subtree_control").read_text().split():
        return second, "memory.max", "memory.peak"
    return None


@contextlib.contextmanager
def memory_group():
    """The files of a new group: its limit is set; (processes, most that it used so far)."""
    root = group_root()
    if not root:
        pytest.skip("NEEDS a memory cgroup to make groups in")
    group = root[0] / f"jitd-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / root[1]).write_text(str(LIMIT))
    except OSError as e:
        pytest.skip(f"NEEDS ROOT to make a memory cgroup: {e}")
    try:
        yield group / "cgroup.procs", group / root[2]
    finally:
        group.rmdir()


def test_shared_objects_are_not_the_clients_memory(tmp_path):
    program, n = tmp_path / "program.py", 8_000_000
    program.write_text(PROGRAM)
    with Daemon("--arena-quota", 1024 * MIB, worker=BUILD / "server/worker/jitd-worker") as d, memory_group() as (processes, used):
        env = os.environ | {"JITD_SOCKET": str(d.path)}
        run = subprocess.run([sys.executable, program, processes, str(n)], env=env, capture_output=True, text=True, timeout=10 * PATIENCE)
        assert run.returncode == 0, f"status {run.returncode}: {run.stderr}"
        total, committed = map(int, run.stdout.split())
        assert total == n * (n - 1) // 2 and committed > 2 * LIMIT
        if used.exists():
            assert int(used.read_text()) < LIMIT // 2
