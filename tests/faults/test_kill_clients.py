"""kill -9 of client processes in mid-work, some hundred times, with jitd's own check of the arena after each.

A program of its own attaches to a daemon of its own, forks workers that build, share, swap and drop objects, in Python and in
compiled code, kills them at random moments, waits for the daemon to notice, takes back what they held, and checks: the arena
is consistent, what was published is intact, and in the end all memory is back. Workers say what they are at, so that it is known how many
died in what."""

import os
import random
import signal
import subprocess
import sys

from broker_harness import BUILD, Daemon

KILLS = int(os.environ.get("JITD_KILLS", "200"))

PROGRAM = """
import collections, jitd, mmap, os, random, signal, sys, time
from jitd import _jitd

@jitd.jitclass
class Node:
    v: int
    left: "Node | None" = None
    right: "Node | None" = None

    def build(self, depth: int) -> int:
        if depth == 0:
            return 1
        self.left = Node(depth)
        self.right = Node(-depth)
        return 1 + self.left.build(depth - 1) + self.right.build(depth - 1)

    def count(self) -> int:
        n = 1
        if self.left is not None:
            n = n + self.left.count()
        if self.right is not None:
            n = n + self.right.count()
        return n

    def swap(self, other: "Node"):
        mine = self.left
        self.left = other.left
        other.left = mine

DOING = ["attach", "make", "store", "read", "hold", "drop", "call", "publish"]
board = mmap.mmap(-1, 4096)  # what each worker is at

def worker(seed, place):
    rng = random.Random(seed)
    def doing(what):
        board[place] = DOING.index(what)
    shared, held = jitd.lookup("root"), []
    while True:
        action = rng.randrange(7)
        if action < 2:
            doing("make"); new = Node(1); new.build(rng.randrange(5) if action else 3); doing("store")
            if action:
                shared.left = new
            else:
                shared.right = new
        elif action == 2:
            doing("read"); held.append(shared.left)
        elif action == 3:
            doing("hold"); held.append(Node(3, Node(4), shared.right))
        elif action == 4 and held:
            doing("drop"); del held[: rng.randrange(len(held) + 1)]
        elif action == 5:
            doing("make"); other = Node(5); other.build(2); doing("call"); shared.swap(other); held.append(other)
        elif rng.randrange(3) == 0:  # it takes longest
            doing("publish"); jitd.publish("spare", Node(6, shared.left))

def settle():
    "Waits until the daemon has seen every death and takes back what the dead held."
    end = time.monotonic() + 60
    while True:
        _jitd.reap()
        if _jitd.arena_stats()["rows"] == 1 and _jitd.arena_stats()["dead_rows"] == 0:
            return
        assert time.monotonic() < end, _jitd.arena_stats()
        time.sleep(0.001)

root = Node(0)
root.build(2)
jitd.publish("root", root)
kills, rng, died_at = 0, random.Random(int(sys.argv[2])), collections.Counter()
while kills < int(sys.argv[1]):
    pids = []
    for place in range(rng.randrange(1, 4)):
        seed = rng.random()
        board[place] = 0
        pid = os.fork()
        if not pid:
            try:
                worker(seed, place)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(1)
        pids.append(pid)
    for place, pid in enumerate(pids):
        time.sleep(rng.random() ** 2 * 0.01)
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "a worker died by itself"
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kills += 1
        died_at[board[place]] += 1
    settle()
    inconsistencies, text = _jitd.check()
    assert inconsistencies == 0, f"after {kills} kills: {text}"
    assert root.v == 0 and root.count() >= 1
for name in ("root", "spare"):
    jitd.publish(name, None)
root.left = root.right = None
del root
settle()
end = time.monotonic() + 60
while _jitd.arena_stats()["objects"]:  # counts that died in somebody's hand
    _jitd.collect(1000)
    _jitd.reap()
    assert time.monotonic() < end, ("leaked", _jitd.arena_stats(), _jitd.check())
print(kills, "kills of whole clients, at random instants (" + ", ".join(f"{died_at[i]} {what}" for i, what in enumerate(DOING)) + "): 0 lost, 0 torn, 0 leaked")
"""


def test_kill_clients(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    seed = random.randrange(1 << 30)
    with Daemon(worker=BUILD / "server/worker/jitd-worker") as daemon:
        env = os.environ | {"JITD_SOCKET": str(daemon.path)}
        log = tmp_path / "log"
        with open(log, "w") as output:  # a file, not a pipe: no worker that is left can keep us waiting
            command = [sys.executable, program, str(KILLS), str(seed)]
            process = subprocess.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
            try:
                status = process.wait(60 + KILLS * 6)
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
    assert status == 0, f"seed {seed}:\n{log.read_text()[-3000:]}"
    assert int(log.read_text().split()[0]) >= KILLS
    print(log.read_text())
