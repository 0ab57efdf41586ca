"""Counts the instructions of the bench's kernels and calls, under valgrind: for machines that are too noisy for times.

    ./dev instructions            this build
    ./dev instructions BUILD      and another one's (the build folder of another checkout), and how much more or less

Each is run for two numbers of turns; what they differ by is the turns' own. The numbers depend on the CPU that the code is compiled for.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
# What is counted: setup, one turn, turns of the short and the long run.
COUNTED: dict[str, tuple[str, str, int, int]] = {
    "n-body step": (
        "s = System(*(Body(1.0 * i, 2.0 * i + 1, 3.0 - i, 0.1 * i, 0.2, 0.3, 1.0 + i) for i in range(5)))",
        "s.run(n, 0.001)",
        1000,
        3000,
    ),
    "mandelbrot 40 x 40": ("m = Mandelbrot(40, 50)", "for _ in range(n): m.run()", 1, 3),
    "LCG sample": ("d = Dice(42)", "d.run(n)", 2000, 6000),
    "list of 1,000": ("c = Chain(1000)", "c.run(n)", 2, 6),
    "call, 0 arguments": ("p = Point(2.0, 3); f = p.e0", "for _ in repeat(None, n): f()", 1000, 3000),
    "call, 2 floats": ("p = Point(2.0, 3); f = p.r2", "for _ in repeat(None, n): f(1.0, 2.0)", 1000, 3000),
    "call, 4 ints": ("p = Point(2.0, 3); f = p.r4", "for _ in repeat(None, n): f(1, 2, 3, 4)", 1000, 3000),
    "construct and drop": ("", "for _ in repeat(None, n): Point(1.0, 2)", 1000, 3000),
    "field get": ("p = Point(2.0, 3)", "for _ in repeat(None, n): p.x", 1000, 3000),
    "field set": ("p = Point(2.0, 3)", "for _ in repeat(None, n): p.x = 1.5", 1000, 3000),
}
PROGRAM = """
import sys
from itertools import repeat
from kernels import Body, Chain, Dice, Mandelbrot, System
from point import Point

def turns(n):
    {turn}

{setup}
globals().update(locals())
turns(3)
turns(int(sys.argv[1]))
"""


def decorated(name: str) -> str:
    """The source as a user writes it, with jitd's decorator."""
    return (HERE / name).read_text().replace("from bench_compiled import compiled", "from jitd import jitclass as compiled")


def instructions(build: Path, folder: Path, program: str, turns: int, counted: bool) -> int:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "JITD_CACHE_DIR": str(folder / "cache"),
        "JITD_DAEMON": str(build / "server/broker/jitd"),
        "PYTHONPATH": os.pathsep.join([str(build / "client/python" / version), str(folder)]),
        "PYTHONHASHSEED": "0",
    }
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'out'}"] if counted else []
    done = subprocess.run(
        [*command, sys.executable, "-c", program, str(turns)], env=env, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"{program}\n{done.stdout}{done.stderr}")
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found[1]) if found else 0


def per_turn(build: Path, folder: Path, setup: str, turn: str, short: int, long: int) -> float:
    program = PROGRAM.format(setup=setup, turn=turn)
    instructions(build, folder, program, 3, counted=False)  # compiles
    counts = [instructions(build, folder, program, n, counted=True) for n in (short, long)]
    return (counts[1] - counts[0]) / (long - short)


def main(*others: str) -> None:
    builds = [BUILD, *(Path(other).resolve() for other in others)]
    with tempfile.TemporaryDirectory(prefix="jitd-", ignore_cleanup_errors=True) as temporary:
        folders = [Path(temporary, str(i)) for i in range(len(builds))]
        for folder in folders:
            folder.mkdir(mode=0o700)
            for name in ("kernels.py", "point.py"):
                (folder / name).write_text(decorated(name))
        for what, counted in COUNTED.items():
            counts = [per_turn(build, folder, *counted) for build, folder in zip(builds, folders, strict=True)]
            more = "".join(f"{n:14,.1f} {100 * (counts[0] / n - 1):+6.1f} %" for n in counts[1:])
            print(f"{what:20} {counts[0]:14,.1f}{more}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
