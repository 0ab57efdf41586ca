"""./dev demo: the examples' work in CPython and compiled, side by side, results compared; how often was compiled, what a worker costs."""

import colorsys
import dataclasses
import hashlib
import importlib
import os
import select
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from typing import Any

Times = tuple[float, int, float]  # seconds of the work, compilations, milliseconds of compilation
Row = tuple[object, ...]
HERE = os.path.dirname(os.path.abspath(__file__))


def private_daemon(home: str) -> None:
    """A daemon and a cache of the demo's own, so that what is compiled here is compiled before your eyes."""
    os.environ.update(
        XDG_RUNTIME_DIR=home, JITD_CACHE_DIR=os.path.join(home, "cache"), JITD_NAMESPACE=f"demo-{os.getpid()}"
    )
    os.environ.pop("JITD_SOCKET", None)


def stand_in() -> None:
    """Makes `import jitd` give a module that compiles nothing."""
    jitd = sys.modules["jitd"] = types.ModuleType("jitd")
    vars(jitd).update(jitclass=dataclasses.dataclass, jit=lambda function: function)


def in_cpython(name: str) -> Any:
    """The example's module with @dataclass in the place of @jitd.jitclass: what CPython does with the same text."""
    real = {key: sys.modules.pop(key, None) for key in (name, "jitd")}
    stand_in()
    try:
        return importlib.import_module(name)
    finally:
        for key in real:
            sys.modules.pop(key, None)
        sys.modules.update({key: module for key, module in real.items() if module})


def timed(function: Callable[..., Any], *arguments: object) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def compiled_so_far() -> tuple[int, float]:
    """(number of compilations, milliseconds in all passes of the compiler) since this daemon began"""
    import jitd

    stats = jitd.stats()
    return stats["machine"]["compilations"], sum(p["total_us"] for p in stats["passes"].values()) / 1e3


def measured(warm: Callable[[], object], work: Callable[[], Any]) -> tuple[Times, Any]:
    """((seconds of the work, compilations, milliseconds of compilation), result); `warm` does a little of it first."""
    count, ms = compiled_so_far()
    warm()
    seconds, result = timed(work)
    count_after, ms_after = compiled_so_far()
    return (seconds, count_after - count, ms_after - ms), result


def row(what: str, plain: float, times: Times, check: str, use: str) -> Row:
    seconds, compilations, ms = times
    return (
        what,
        f"{plain:.3f} s",
        f"{seconds:.4f} s",
        f"{plain / seconds:.0f} ×",
        f"{ms:.0f} ms",
        compilations,
        f"{worker_mib(use) - worker_mib(''):+.1f} MiB",
        check,
    )


def point_row(steps: int = 1_000_000) -> Row:
    import point

    plain, expected = timed(in_cpython("point").Point(3.0, 4.0).walk, steps)
    times, result = measured(lambda: point.Point(3.0, 4.0).walk(1), lambda: point.Point(3.0, 4.0).walk(steps))
    assert result == expected, (result, expected)
    return row(f"Point: {steps:,} turns", plain, times, "same bits", "import point; point.Point(3.0, 4.0).norm2()")


def planets_row(steps: int = 100_000) -> Row:
    import planets

    def run(module: Any, count: int) -> tuple[float, float]:
        system = module.solar_system()
        before = system.energy()
        system.run(count, 1.0)
        return system.energy(), system.energy() / before - 1

    plain, expected = timed(run, in_cpython("planets"), steps)
    times, result = measured(lambda: run(planets, 1), lambda: run(planets, steps))
    assert result == expected and abs(result[1]) < 1e-6, (result, expected)
    drift = f"same bits, energy drift {abs(result[1]):.0e}"
    return row(
        f"outer planets: {steps / 365.25:.0f} years",
        plain,
        times,
        drift,
        "import planets; planets.solar_system().energy()",
    )


def colours_row(count: int = 1_000_000, batch: int = 5_000) -> Row:
    import colours

    some = list(colours.colours(count))

    def convert(functions: colours.Functions) -> bytes:
        digest = hashlib.sha256()  # of all results' bits: to keep them would take longer than to compute them
        for start in range(0, count, batch):
            digest.update(colours.convert(functions, some[start : start + batch]))
        return digest.digest()

    plain, expected = timed(convert, {name: getattr(colorsys, name) for name in colours.NAMES})
    functions = colours.compiled()
    times, result = measured(lambda: colours.convert(functions, some[:1]), lambda: convert(functions))
    assert result == expected
    return row(
        f"colorsys: {count:,} colours",
        plain,
        times,
        "same bits",
        "import colours; colours.convert(colours.compiled(), [(0.1, 0.2, 0.3)])",
    )


def colours_loop_row(count: int = 1_000_000) -> Row:
    import colours
    import jitd

    plain, expected = timed(colours.walk, count)
    walk = jitd.jit(colours.walk)
    times, result = measured(lambda: walk(1), lambda: walk(count))
    assert result == expected, (result, expected)
    use = "import colours, jitd; jitd.jit(colours.walk)(1)"
    return row("  the same in a compiled loop", plain, times, "same bits", use)


def shared_row(count: int = 100_000) -> Row:
    import shared

    plain = in_cpython("shared").Bin()
    seconds, _ = timed(plain.run, 1, 1 + shared.WORKERS * count)
    times, bins = measured(lambda: shared.Bin().run(1, 2), lambda: shared.run(shared.WORKERS, count))
    totals = [sum(b.walks for b in bins), sum(b.steps for b in bins), max(b.longest for b in bins)]
    assert totals == [plain.walks, plain.steps, plain.longest], totals
    return row(
        f"{shared.WORKERS} processes, {shared.WORKERS * count:,} walks",
        seconds,
        times,
        "same totals",
        "import shared; shared.Bin().run(1, 2)",
    )


WORKER = """
import os, sys
sys.path.insert(0, {here!r})
{body}
print(flush=True)
os.read(0, 1)
"""


def pss_mib(pid: int) -> float:
    """What a process costs: its share of everything it maps."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def worker_mib(body: str, workers: int = 8) -> float:
    """MiB a worker when that many run at once."""
    text = WORKER.format(here=HERE, body=body)
    processes = [
        subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(workers)
    ]
    for process in processes:
        assert process.stdout is not None
        select.select([process.stdout], [], [], 60)
    mib = sum(pss_mib(process.pid) for process in processes) / workers
    for process in processes:
        process.communicate(b"x")
        if process.returncode:
            raise RuntimeError(f"a worker ended with status {process.returncode}")
    return mib


def table(rows: list[Row]) -> None:
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print(
            "  ".join(
                str(cell).rjust(w) if 0 < i < 7 else str(cell).ljust(w) for i, (cell, w) in enumerate(zip(row, widths))
            ).rstrip()
        )
        if number == 0:
            print("  ".join("-" * w for w in widths))


def main() -> None:
    sys.path.insert(0, HERE)
    with tempfile.TemporaryDirectory(prefix="jitd-demo-") as home:
        os.chmod(home, 0o700)
        private_daemon(home)
        print(
            "Each line: the same source text run by CPython and compiled by jitd, in this very run; results compared.\n"
        )
        rows: list[Row] = [("work", "CPython", "compiled", "faster", "compiling", "compilations", "worker", "check")]
        rows += [make() for make in (point_row, planets_row, colours_row, colours_loop_row, shared_row)]
        table(rows)
        print(
            "\nworker: memory (PSS) that each of eight processes using the compiled code has more than a Python that does nothing"
        )


if __name__ == "__main__":
    main()
