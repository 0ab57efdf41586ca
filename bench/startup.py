"""Whole processes: from start to the first result, eight at once, and the latency of a compilation; daemon included."""

import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")

BODY = """
class Point:
    x: float
    y: float
    def __init__(self, x, y):
        self.x = x
        self.y = y
    def norm2(self) -> float:
        return self.x * self.x + self.y * self.y + {salt}
"""
JITD = "import jitd\n@jitd.jitclass" + BODY.replace(
    "    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n", ""
)
NUMBA = (
    "from numba import float64\nfrom numba.experimental import jitclass\n@jitclass([('x', float64), ('y', float64)])"
    + BODY.replace("    x: float\n    y: float\n", "")
)
END = "print(Point(3.0, 4.0).norm2(), flush=True)\nimport os\nos.read(0, 1)\n"
FIVE = """
import time
import jitd
start = time.perf_counter()
@jitd.jitclass
class Particle:
    x: float
    y: float
    vx: float
    vy: float
    hits: int
    def energy(self) -> float:
        return 0.5 * (self.vx * self.vx + self.vy * self.vy) + {salt}
    def move(self, dt: float) -> None:
        self.x += self.vx * dt
        self.y += self.vy * dt
    def bounce(self, size: float) -> bool:
        hit = False
        if self.x < 0.0 or self.x > size:
            self.vx = -self.vx
            hit = True
        if self.y < 0.0 or self.y > size:
            self.vy = -self.vy
            hit = True
        if hit:
            self.hits += 1
        return hit
    def run(self, steps: int, dt: float) -> int:
        for _ in range(steps):
            self.move(dt)
            self.bounce(10.0)
        return self.hits
    def nearest(self, other: 'Particle', steps: int) -> float:
        best = 1e300
        for i in range(steps):
            dx = self.x - other.x + self.vx * i
            dy = self.y - other.y + self.vy * i
            best = min(best, dx * dx + dy * dy)
        return best
p = Particle(1.0, 2.0, 3.0, 4.0, 0)
p.move(0.5)
print((time.perf_counter() - start) * 1000, flush=True)
import os
os.read(0, 1)
"""


def status_kib(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


def pss_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    """What a process and its waited-for children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Daemon:
    """A daemon of the bench's own, with its own socket and disk cache."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="jitd-bench-")
        os.chmod(self.home, 0o700)
        self.env = {
            "JITD_SOCKET": f"{self.home}/jitd.sock",
            "JITD_CACHE_DIR": f"{self.home}/cache",
            "JITD_NAMESPACE": "bench",
        }
        os.environ.update(self.env)
        self.process = subprocess.Popen(
            [
                ROOT / "build/server/broker/jitd",
                "--socket",
                self.env["JITD_SOCKET"],
                "--cache-dir",
                f"{self.home}/cache",
                "--worker",
                ROOT / "build/server/worker/jitd-worker",
            ]
        )
        for _ in range(500):
            if os.path.exists(self.env["JITD_SOCKET"]):
                return self
            time.sleep(0.01)
        raise RuntimeError("the daemon does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids())


class Run:
    """One script in a process of its own, stopped after its first line of output."""

    def __init__(self, text, home, name):
        path = Path(home) / f"{name}.py"
        if not path.exists() or path.read_text() != text:  # others may be reading it
            path.write_text(text)
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # an installed package has bytecode
        self.start = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
        )

    def first(self):
        if not select.select([self.process.stdout], [], [], 120)[0]:
            raise RuntimeError("no output")
        self.line = self.process.stdout.readline().decode().strip()
        self.wall = (time.perf_counter() - self.start) * 1e3
        self.rss, self.pss = status_kib(self.process.pid, "VmRSS"), pss_kib(self.process.pid)
        if not self.line:
            raise RuntimeError("the script failed")
        return self

    def end(self):
        self.process.stdin.close()
        _, code, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = code
        self.process.stdout.close()
        self.cpu = usage.ru_utime + usage.ru_stime
        return self


def script(variant, salt=0.0):
    head = {"python": BODY, "jitd": JITD, "numba": NUMBA}[variant]
    return head.replace("{salt}", repr(float(salt))) + END


def one(variant, home, salt=0.0):
    return Run(script(variant, salt), home, f"first_{variant}").first().end()


def first_results(daemon, variants, rounds):
    """{what: {wall ms, cpu ms, rss KiB}}: medians of interleaved rounds."""
    ways = [(v, v, 0.0) for v in variants]
    if "jitd" in variants:
        ways.append(("jitd, class not compiled yet", "jitd", None))
        one("jitd", daemon.home)
    seen = {}
    for number in range(rounds):
        for name, variant, salt in ways:
            if variant == "numba" and number >= max(3, rounds // 4):
                continue
            done = one(variant, daemon.home, salt if salt is not None else time.time())
            seen.setdefault(name, []).append((done.wall, done.cpu * 1e3, done.rss))
    return {
        name: dict(zip(("wall_ms", "cpu_ms", "rss_kib"), map(statistics.median, zip(*rows))))
        for name, rows in seen.items()
    }


def eight_at_once(daemon, variant, count=8, salt=0.0):
    """Wall and CPU seconds and the memory of `count` processes that start together, the daemon's included."""
    before, start = daemon.cpu(), time.perf_counter()
    runs = [Run(script(variant, salt), daemon.home, f"eight_{variant}") for _ in range(count)]
    for run in runs:
        run.first()
    wall = time.perf_counter() - start
    pss = sum(run.pss for run in runs)
    server = sum(pss_kib(pid) for pid in daemon.pids()) if variant == "jitd" else 0
    cpu = sum(run.end().cpu for run in runs)
    return {
        "wall_s": wall,
        "cpu_s": cpu + (daemon.cpu() - before if variant == "jitd" else 0),
        "pss_kib": pss,
        "daemon_pss_kib": server,
    }


def compile_latency(daemon, rounds):
    """Milliseconds from decoration to first result of a class of five methods that nobody has compiled before."""
    return [
        float(Run(FIVE.replace("{salt}", repr(time.time())), daemon.home, "five").first().end().line)
        for _ in range(rounds)
    ]


def server_memory(daemon):
    """Resident KiB of the broker and of the largest compiler process."""
    broker, *workers = daemon.pids()
    return status_kib(broker, "VmRSS"), max((status_kib(w, "VmRSS") for w in workers), default=0)
