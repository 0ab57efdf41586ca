"""Class-heavy programs as users write them, whole: jitd beside CPython, mypyc and PyPy. Each run is a process of its own; milliseconds of run()."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "programs"
OUT = HERE.parent / "build/bench/programs"
NAMES = sorted(path.stem for path in SOURCES.glob("*.py"))
WARM_UP = 3, 1.0  # calls, and seconds: by then the compilers of jitd and PyPy have seen everything


def plain(text: str) -> str:
    """A program without jitd, line for line: for those that do not have it."""
    return "\n".join("" if "jitd" in line else line for line in text.splitlines()) + "\n"


def child(name: str, calls: int) -> None:
    """Times run() of one program, in this process; what it computes is part of the answer."""
    program = importlib.import_module(name)
    result, done, times = program.run(), 1, []
    end = time.perf_counter() + WARM_UP[1]
    while done < WARM_UP[0] or time.perf_counter() < end:
        program.run()
        done += 1
    for _ in range(calls):
        begun = time.perf_counter()
        again = program.run()
        times.append(time.perf_counter() - begun)
        if again != result:
            raise SystemExit(f"{name}: {again} and {result}")
    print(json.dumps({"ms": [t * 1e3 for t in times], "result": repr(result)}))


class Variant:
    """An implementation: the interpreter, and the folder that has the programs for it."""

    def __init__(self, name: str, python: str, folder: Path) -> None:
        self.name, self.python, self.folder = name, python, folder

    def run(self, program: str, calls: int) -> dict:
        env = dict(os.environ, JITD_WARN="off")
        if self.name != "jitd":
            env.pop("PYTHONPATH", None)
        command = [self.python, str(HERE / "programs.py"), "--child", program, str(self.folder), "--calls", str(calls)]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program} of {self.name}: {done.stderr.strip()[-2000:]}")
        return json.loads(done.stdout)


def make_plain() -> Path:
    folder = OUT / "plain"
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / f"{name}.py").write_text(plain((SOURCES / f"{name}.py").read_text()))
    return folder


def make_mypyc(source: Path) -> Path:
    """Each program compiled whole; the sources are taken away, so that it is the extension that is imported."""
    folder = OUT / "mypyc"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    env = dict(os.environ, MYPYC_OPT_LEVEL="3", CFLAGS="-O3 -march=native -ffp-contract=off")
    command = [sys.executable, "-m", "mypyc", *(f"{name}.py" for name in NAMES)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip()[-2000:])
    for name in NAMES:
        (folder / f"{name}.py").unlink()
    return folder


def variants() -> list[Variant]:
    """Those that can be had; of the others it is said why not."""
    source = make_plain()
    found = [Variant("CPython", sys.executable, source), Variant("jitd", sys.executable, SOURCES)]
    try:
        found.append(Variant("mypyc", sys.executable, make_mypyc(source)))
    except (RuntimeError, OSError) as error:
        print(f"without mypyc: {error}", file=sys.stderr)
    pypy = shutil.which("pypy3")
    if pypy:
        found.append(Variant("PyPy", pypy, source))
    else:
        print("without PyPy: no pypy3", file=sys.stderr)
    return found


def measure(name: str, found: list[Variant], rounds: int, calls: int) -> dict[str, list[float]]:
    """{variant: milliseconds of each call}: every round runs every variant once, so that a slow minute hits all of them."""
    runs = [{variant.name: variant.run(name, calls) for variant in found} for _ in range(rounds)]
    results = {(variant, data["result"]) for run in runs for variant, data in run.items()}
    if len({result for _, result in results}) != 1:
        raise SystemExit(f"{name}: the variants disagree: {sorted(results)}")
    return {v.name: [ms for run in runs for ms in run[v.name]["ms"]] for v in found}


def times(seen: dict[str, list[float]], variant: str) -> float:
    """How often it is as fast as CPython, by the medians."""
    return statistics.median(seen["CPython"]) / statistics.median(seen[variant])


def report(data: dict[str, dict[str, list[float]]], found: list[Variant]) -> None:
    print(f"{'ms of a run: median, best, times':32}" + "".join(f"{variant.name:>24}" for variant in found))
    for name, seen in data.items():
        print(f"{name:32}" + "".join(f"{statistics.median(ms):9.1f}{min(ms):8.1f}{times(seen, v):7.2f}" for v, ms in seen.items()))
    means = [statistics.geometric_mean(times(seen, v.name) for seen in data.values()) for v in found]
    print(f"{'geometric mean of the times':32}" + "".join(f"{mean:24.2f}" for mean in means))


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/programs.py", description=__doc__)
    parser.add_argument("program", nargs="*", help="all when none is named")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--child", nargs=2, metavar=("PROGRAM", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.path[0] = options.child[1]
        child(options.child[0], options.calls)
        return
    rounds, calls = (1, 3) if options.quick else (3, options.calls)
    found = variants()
    data = {name: measure(name, found, rounds, calls) for name in options.program or NAMES}
    report(data, found)
    (OUT / "programs.json").write_text(json.dumps(data, indent=1))


if __name__ == "__main__":
    main()
