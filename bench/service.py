"""./dev bench service: the daemon's figures that are promises. Each line: what, measured, what is wanted. Say which on the command line,
for instance `floods growth`; without, all. As root: other users, and a systemd of its own; else those are left out, by name."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/faults"))

import bombs  # noqa: E402
import test_systemd_pid1 as systemd  # noqa: E402
from broker_harness import BUILD, CLASSES, DUMP, FIND, HELLO, LOOKUP, PUBLISH, REAP, STATS, VERSION, Client, Daemon, Refused, class_, frame, key, until  # noqa: E402
from test_systemd import UNITS, activated  # noqa: E402

NAMES, CLIENTS, NAMESPACES, LOG = range(11, 15)
GOOD, BAD = 40001, 40002  # users
WORKER = BUILD / "server/worker/jitd-worker"


def say(what: str, measured: str, wanted: str = "") -> None:
    print(f"| {what:<58} | {measured:<48} | {wanted:<22} |", flush=True)


def percentile(values: list[float], part: float) -> float:
    values = sorted(values)
    return values[min(int(len(values) * part), len(values) - 1)]


def spread(values: list[float], unit: str = "ms") -> str:
    return f"p50 {percentile(values, 0.5):.2f}, p99 {percentile(values, 0.99):.2f}, max {max(values):.2f} {unit} of {len(values)}"


def become(uid: int) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


@contextlib.contextmanager
def child(uid: int, function: Callable[[], Any]) -> Iterator[int]:
    """A process of this user that does it until it is killed."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # on a busy machine the rest may run under chrt
            become(uid)
            while os.getppid() == parent:
                try:
                    function()
                except (OSError, EOFError, Refused):
                    time.sleep(0.001)  # dropped: again
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def result(uid: int, function: Callable[[], Any]) -> Any:
    """What it gives in a process of this user."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become(uid)
            os.write(write, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text)


# ---- a good client beside floods ----


def processor_ms(pid: int) -> float:
    """By the process's own clock: what /proc says of one that is at work is as old as the kernel's last tick."""
    return time.clock_gettime(~pid << 3 | 2) * 1000


def machine_ms() -> float:
    """What all processes have used."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) * 1000 / os.sysconf("SC_CLK_TCK")


def round_trips(path: Path, number: int = 250) -> list[list[float]]:
    """Of requests that come one by one, as a program's do: milliseconds, and those of them that the daemon worked (for whomever)."""
    times, worked = [], []
    with Client(path, "good", lives=True) as c:
        c.compile("ok", [class_("Good", [("x", "int")])])
        pid = c.stats()["pid"]
        for _ in range(number):
            before = processor_ms(pid)
            start = time.perf_counter()
            c.lookup(key("ok"))
            times.append((time.perf_counter() - start) * 1000)
            worked.append(processor_ms(pid) - before)
            time.sleep(0.0005)
    return [times, worked, [processor_ms(os.getpid())]]


@dataclasses.dataclass
class Figures:
    """What the daemon worked is how long others held it up; the rest is the machine's."""

    times: list[float] = dataclasses.field(default_factory=list)
    worked: list[float] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        if not self.times:
            return "the machine was not quiet"
        return f"p50 {percentile(self.times, 0.5):.2f}, p99 {percentile(self.times, 0.99):.2f}; daemon's own p99 {percentile(self.worked, 0.99):.2f} ms"


QUIET = 0.05  # of one processor: what others than those that are measured may use meanwhile


def while_quiet(path: Path, flood: Callable[[], None] | None, number: int = 2000, patience: float = 20) -> Figures:
    """So many of a good client's requests, of the times during which the machine had nothing else to do. The flood has used up before what a
    user may save up."""
    figures, end = Figures(), time.monotonic() + patience
    with Client(path) as c, child(BAD, flood) if flood else contextlib.nullcontext() as bad:
        pids = [c.stats()["pid"]] + [bad] * bool(bad)
        time.sleep(1)
        while len(figures.times) < number and time.monotonic() < end:
            start, before = time.monotonic(), machine_ms() - sum(map(processor_ms, pids))
            times, worked, [own] = result(GOOD, lambda: round_trips(path))
            others = machine_ms() - sum(map(processor_ms, pids)) - before - own
            if others < QUIET * 1000 * (time.monotonic() - start):
                figures.times += times
                figures.worked += worked
    return figures


def many(path: Path, number: int, **body: Any) -> Callable[[], None]:
    """Sends a request without end, some at once; what comes is read and forgotten."""

    def flood() -> None:
        with Client(path, "bad", lives=True) as c:
            requests = b"".join(frame([number, i + 1, body]) for i in range(16))
            c.socket.settimeout(0.01)
            while True:
                c.socket.sendall(requests)
                with contextlib.suppress(TimeoutError):
                    c.socket.recv(1 << 20)

    return flood


def connections(path: Path) -> Callable[[], None]:
    def flood() -> None:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))

    return flood


def hellos(path: Path) -> Callable[[], None]:
    def flood() -> None:
        Client(path, "bad", lives=True).close()

    return flood


def garbage(path: Path) -> Callable[[], None]:
    def flood() -> None:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            s.sendall(os.urandom(4096))

    return flood


def sleeper(path: Path) -> Callable[[], None]:
    """A hundred connections that ask and never read."""

    def flood() -> None:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(path, "bad", lives=True)) for _ in range(100)]
            for c in clients:
                c.socket.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        c.socket.send(frame([STATS, 1, {}]) * 64)
            time.sleep(0.5)

    return flood


def spin() -> None:
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass


def flood_kinds(path: Path) -> dict[str, Callable[[], None]]:
    return {
        "STATS": many(path, STATS), "LOOKUP, 1,024 unknown keys": many(path, LOOKUP, keys=[key(i) for i in range(1024)]),
        "FIND": many(path, FIND, name="x"), "PUBLISH": many(path, PUBLISH, name="x", object=1 << 20), "CLASSES": many(path, CLASSES),
        "DUMP": many(path, DUMP, target="C.f", kind="asm"), "REAP": many(path, REAP, row=5), "NAMES": many(path, NAMES),
        "CLIENTS": many(path, CLIENTS), "NAMESPACES": many(path, NAMESPACES), "LOG": many(path, LOG),
        "connections": connections(path), "hellos": hellos(path), "garbage": garbage(path), "never reads": sleeper(path),
    }


@contextlib.contextmanager
def floor_server(directory: Path) -> Iterator[Path]:
    """The least that answers; its socket."""
    program, path = directory / "floor_server", directory / "floor"
    subprocess.run(["cc", "-O2", "-o", program, ROOT / "bench/floor_server.c"], check=True)
    with subprocess.Popen([program, path]) as process:
        try:
            until(path.exists)
            path.chmod(0o777)
            yield path
        finally:
            process.kill()


def beside(kind: str, path: Path, floor: Path, quiet: Figures) -> None:
    """The daemon's and the floor's, by turns."""
    figures, least = Figures(), Figures()
    for _ in range(2):
        for at, sum_ in ((path, figures), (floor, least)):
            more = while_quiet(at, flood_kinds(at)[kind], 1000, 10)
            sum_.times += more.times
            sum_.worked += more.worked
    least_p99 = f"{percentile(least.times, 0.99):.2f}" if least.times else "?"
    wanted = f"p99 <= {2 * percentile(quiet.times, 0.99):.2f}" if quiet.times else "p99 <= 2 x quiet"
    say(f"beside a flood of {kind}", str(figures), f"{wanted}; floor {least_p99}")


def newcomers(path: Path) -> list[float]:
    times = []
    for _ in range(20):
        start = time.perf_counter()
        with Client(path, "good", lives=True):
            times.append((time.perf_counter() - start) * 1000)
        time.sleep(0.02)
    return times


def measure_floods() -> None:
    """The floor: the same of the least server that there is."""
    with Daemon() as d, activated(d) as (path, _process), floor_server(d.directory) as floor:
        d.directory.chmod(0o755)
        quiet = while_quiet(path, None)
        say("a client's request, quiet", str(quiet))
        say("the same, beside a process that only counts", str(while_quiet(path, spin)))
        for kind in flood_kinds(path):
            beside(kind, path, floor, quiet)
        for kind in ("connections", "garbage"):
            with child(BAD, flood_kinds(path)[kind]):
                time.sleep(1)
                say(f"a newcomer, beside a flood of {kind}", spread(result(GOOD, lambda: newcomers(path))), "<= 100 ms")


# ---- compilations beside bombs ----

BOMB = """
import jitd, sys, tempfile, importlib, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, tempfile.mkdtemp())
k = 0
while True:
    k += 1
    body = "".join(f"        p = B({i + k * 7}, p)\\n" for i in range(1200))
    open(f"{sys.path[0]}/m{k}.py", "w").write("import jitd\\nfrom typing import Optional\\n@jitd.jitclass\\nclass B:\\n    x: int\\n"
        "    n: Optional['B'] = None\\n    def f(self, n: int) -> int:\\n        p = self\\n" + body + "        return p.x\\n")
    importlib.invalidate_caches()
    importlib.import_module(f"m{k}").B(1).f(1)
"""
SMALL = """
import jitd, sys, tempfile, importlib, warnings, time, json
warnings.simplefilter("ignore")
sys.path.insert(0, tempfile.mkdtemp())
times = []
for k in range(int(sys.argv[1])):
    open(f"{sys.path[0]}/g{k}.py", "w").write(f"import jitd\\n@jitd.jitclass\\nclass Q:\\n    x: int\\n    def g(self, n: int) -> int:\\n        return self.x * n + {k}\\n")
    importlib.invalidate_caches()
    m = importlib.import_module(f"g{k}")
    start = time.perf_counter()
    assert m.Q(2).g(3) == 6 + k
    times.append((time.perf_counter() - start) * 1000)
    time.sleep(0.1)
print(json.dumps(times))
"""


def program(text: str, *arguments: Any, path: Path, uid: int, **more: Any) -> subprocess.Popen[str]:
    env = os.environ | {"JITD_SOCKET": str(path), "TMPDIR": "/tmp", "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen([sys.executable, "-c", text, *map(str, arguments)], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            preexec_fn=lambda: become(uid), start_new_session=True, **more)


def small_classes(path: Path, uid: int, number: int) -> list[float]:
    with program(SMALL, number, path=path, uid=uid) as p:
        assert p.stdout
        return json.loads(p.stdout.read())


def measure_bombs() -> None:
    with Daemon(worker=WORKER) as d, activated(d) as (path, _process):
        d.directory.chmod(0o755)
        small_classes(path, GOOD, 3)  # the compiler process is there
        say("a small class's first use, quiet", spread(small_classes(path, GOOD, 30)))
        bombers = [program(BOMB, path=path, uid=BAD + i) for i in range(4)]
        time.sleep(3)
        say("beside four users' processes that send bombs", spread(small_classes(path, GOOD, 30)), "one job later")
        for p in bombers:
            p.kill()
            p.wait()


def measure_kinds() -> None:
    """Each kind of bomb in the size in which it takes longest."""
    longest: list[tuple[float, str, int]] = []
    most = 0.0
    for name in bombs.KINDS:
        with tempfile.TemporaryDirectory() as directory:
            sizes = {n: bombs.compiled(BUILD / "server/tool/jitd-cc", Path(directory), name, n) for n in (125, 250, 500, 1000, 2000, 4000)}
        longest.append(max((of["seconds"], name, n) for n, of in sizes.items()))
        most = max(most, *(of["mib"] for of in sizes.values()))
    longest.sort(reverse=True)
    over = sum(seconds > 2.2 for seconds, _name, _n in longest)
    say(f"{len(longest)} kinds of bombs, each in its worst size", f"{over} over 2.2 s, {most:.0f} MiB", "0 over 2.2 s, 1024 MiB")
    say("", ", ".join(f"{name} {seconds:.1f} s" for seconds, name, _n in longest[:4]))


# ---- deaths, forks ----

HELD = """
import jitd, os, signal, sys, time, json
from jitd import _jitd
@jitd.jitclass
class N:
    v: int
    def get(self) -> int:
        return self.v
keep = [N(1)]
keep[0].get()
if sys.argv[1] == "fork":
    held = [N(i) for i in range(100000)]
    times = []
    for _ in range(100):
        read, write = os.pipe()
        start = time.perf_counter()
        pid = os.fork()
        if not pid:
            os.write(write, b"x"); os._exit(0)
        times.append((time.perf_counter() - start) * 1000)
        os.read(read, 1); os.waitpid(pid, 0); os.close(read); os.close(write)
else:
    times = []
    base = _jitd.arena_stats()["objects"]
    for _ in range(200):
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            mine = [N(i) for i in range(1000)]
            os.write(write, b"x"); time.sleep(100)
        os.read(read, 1)
        os.kill(pid, signal.SIGKILL)
        start = time.perf_counter()
        os.waitpid(pid, 0)
        while _jitd.arena_stats()["objects"] > base:
            _jitd.reap()
            time.sleep(0.0002)
            assert time.perf_counter() - start < 10, _jitd.arena_stats()
        times.append((time.perf_counter() - start) * 1000)
        os.close(read); os.close(write)
print(json.dumps(times))
"""


def held(how: str) -> list[float]:
    with Daemon(worker=WORKER) as d:
        env = os.environ | {"JITD_SOCKET": str(d.path)}
        run = subprocess.run([sys.executable, "-c", HELD, how], env=env, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


def measure_deaths() -> None:
    say("1,000 references back, after the kill -9 of who held them", spread(held("death")), "p99 <= 10 ms")


# The same number of plain objects. jitd's fork() returns when the child has its own hold of all: so this one waits for a word of the child.
FLOOR = """
import json, os, time
class Plain:
    __slots__ = ("v",)
    def __init__(self, v): self.v = v
held, times = [Plain(i) for i in range(100000)], []
for _ in range(100):
    read, write = os.pipe()
    start = time.perf_counter()
    pid = os.fork()
    if not pid:
        os.write(write, b"x"); os._exit(0)
    os.read(read, 1)
    times.append((time.perf_counter() - start) * 1000)
    os.waitpid(pid, 0); os.close(read); os.close(write)
print(json.dumps(times))
"""


def measure_forks() -> None:
    """Beside the floor, before and after."""

    def floor() -> list[float]:
        return json.loads(subprocess.run([sys.executable, "-c", FLOOR], capture_output=True, text=True, check=True).stdout)

    before, ours = floor(), held("fork")
    say("fork() of a process with 100,000 instances", spread(ours), "10 ms")
    say("the same of 100,000 Python objects, and a word of the child", spread(before + floor()), "")


# ---- growth ----


def measure_growth(clients: int = 100_000) -> None:
    """Each client a namespace of its own, as many as a user has and then some, and its own unit; what nobody uses makes room."""
    with Daemon() as d:
        sizes = {}
        start = time.monotonic()
        for i in range(clients + 1):
            if i % (clients // 10) == 0:
                until(lambda: d.client().stats()["clients"] <= 1)
                sizes[i] = d.resident() >> 10
            with d.client(f"n{i % 1000}") as c:
                c.compile("ok", [class_("C", [("x", "int")], salt=str(i))], salt=i)
                c.ask(PUBLISH, name=f"x{i}", object=1 << 20)
        with d.client() as c:
            figures = c.stats()
        took = time.monotonic() - start
    tail = list(sizes.values())[2:]
    say(f"daemon's memory over {clients:,} clients with a unit each", f"{tail[0]:,} to {max(tail):,}, at last {tail[-1]:,} KiB", "growth 0")
    say("", f"{figures['units']:,} units, {figures['tenants']} namespaces left; {took:.0f} s; KiB: {' '.join(map(str, sizes.values()))}")


# ---- systemd ----


def measure_service(kills: int = 120) -> None:
    if systemd.WHY:
        say("back in service after kill -9, under systemd", "left out: " + systemd.WHY)
        return
    directory = Path(tempfile.mkdtemp(prefix="jitd-bench-"))
    systemd.prepare(directory)
    env = os.environ | {"PYTHONPATH": f"{systemd.HERE}:{os.environ.get('PYTHONPATH', '')}", "JITD_KILLS": str(kills), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [systemd.HERE / "systemd_pid1", directory / "units", directory / "programs", "--", sys.executable, systemd.HERE / "systemd_inside.py", "kills"]
    run = subprocess.run(command, capture_output=True, text=True, env=env)
    shutil.rmtree(directory)
    line = json.loads(run.stdout)
    assert not line["wrong"], line["wrong"]
    say("back in service after kill -9, under systemd", f"p50 {line['p50_ms']:.1f}, p99 {line['p99_ms']:.1f} ms of {kills}", "p50 <= 50, p99 <= 100 ms")


def measure_security() -> None:
    for name in ("jitd.service", "jitd-metrics@.service"):
        with tempfile.TemporaryDirectory() as directory:
            text = re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", (UNITS / name).read_text(), flags=re.M)
            (Path(directory) / name).write_text(text)
            run = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", f"{directory}/{name}"], capture_output=True, text=True)
        say(f"systemd-analyze security, {name}", run.stdout.rpartition("level for ")[2].partition(": ")[2].split(" ")[0], "<= 0.4")


FIGURES = {name[8:]: f for name, f in list(globals().items()) if name.startswith("measure_")}


def main() -> None:
    say("figure", "measured", "wanted")
    say("-" * 58, "-" * 48, "-" * 22)
    for name in sys.argv[1:] or FIGURES:
        FIGURES[name]()


if __name__ == "__main__":
    main()
