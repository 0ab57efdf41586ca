"""./dev demo: the examples' work in CPython and compiled, side by side, results compared; how often was compiled, what a worker costs."""

import dataclasses
import importlib
import os
import select
import subprocess
import sys
import tempfile
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))


def private_daemon(home):
    """A daemon and a cache of the demo's own, so that what is compiled here is compiled before your eyes."""
    os.environ.update(XDG_RUNTIME_DIR=home, JITD_CACHE_DIR=os.path.join(home, "cache"), JITD_NAMESPACE=f"demo-{os.getpid()}")
    os.environ.pop("JITD_SOCKET", None)


def in_cpython(name):
    """The example's module with @dataclass in the place of @jitd.jitclass: what CPython does with the same text."""
    stand_in = types.ModuleType("jitd")
    stand_in.jitclass, stand_in.jit = dataclasses.dataclass, lambda function: function
    real = {key: sys.modules.pop(key, None) for key in (name, "jitd")}
    sys.modules["jitd"] = stand_in
    try:
        return importlib.import_module(name)
    finally:
        for key in real:
            sys.modules.pop(key, None)
        sys.modules.update({key: module for key, module in real.items() if module})


def timed(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def machine():
    import jitd

    return jitd.stats()["machine"]


class Row:
    """One line of the table: times of the same work both ways, and the work's own check."""

    def __init__(self, what, plain, compiled, check, size=1.0):
        self.what, self.plain, self.check = what, plain / size, check
        self.first, self.compiled, self.compilations = compiled

    def cells(self):
        ratio = self.plain / self.compiled
        return (self.what, f"{self.plain:.3f} s", f"{self.compiled:.4f} s", f"{ratio:.0f} ×", f"{self.first * 1e3:.0f} ms", self.compilations, self.check)


def measured(warm, work):
    """(seconds until the first small result, seconds of the work, compilations)"""
    before = machine()["compilations"]
    first, _ = timed(warm)
    seconds, result = timed(work)
    return (first, seconds, machine()["compilations"] - before), result


def point_row(steps=1_000_000):
    import point

    plain, expected = timed(in_cpython("point").Point(3.0, 4.0).walk, steps)
    times, result = measured(lambda: point.Point(3.0, 4.0).walk(1), lambda: point.Point(3.0, 4.0).walk(steps))
    assert result == expected, (result, expected)
    return Row(f"Point: {steps:,} turns", plain, times, "same bits")


def planets_row(steps=100_000):
    import planets

    def run(module, count):
        system = module.solar_system()
        before = system.energy()
        system.run(count, 1.0)
        return system.energy(), system.energy() / before - 1

    plain, expected = timed(run, in_cpython("planets"), steps)
    times, result = measured(lambda: run(planets, 1), lambda: run(planets, steps))
    assert result == expected and abs(result[1]) < 1e-6, (result, expected)
    return Row(f"outer planets: {steps / 365.25:.0f} years", plain, times, f"same bits, energy drift {abs(result[1]):.0e}")


def colours_row(count=1_000_000):
    import colours

    some = list(colours.colours(count))
    plain, expected = timed(colours.convert, {name: getattr(colours.colorsys, name) for name in colours.NAMES}, some)
    functions = colours.compiled()
    times, result = measured(lambda: colours.convert(functions, some[:1]), lambda: colours.convert(functions, some))
    assert result == expected
    return Row(f"colorsys: {count:,} colours", plain, times, "same bits")


def shared_row(count=100_000):
    import shared

    plain = in_cpython("shared").Bin()
    seconds, _ = timed(plain.run, 1, 1 + shared.WORKERS * count)
    times, bins = measured(lambda: shared.Bin().run(1, 2), lambda: shared.run(shared.WORKERS, count))
    totals = [sum(b.walks for b in bins), sum(b.steps for b in bins), max(b.longest for b in bins)]
    assert totals == [plain.walks, plain.steps, plain.longest], totals
    return Row(f"{shared.WORKERS} processes, {shared.WORKERS * count:,} walks", seconds, times, "same totals")


WORKER = """
import os
{body}
print(flush=True)
os.read(0, 1)
"""
USE = "import point; point.Point(3.0, 4.0).norm2()"
BODIES = {"bare Python": "", "with the class in CPython": "import dataclasses, types, sys; stand = types.ModuleType('jitd'); stand.jitclass = dataclasses.dataclass; "
          "sys.modules['jitd'] = stand; " + USE, "with the class compiled": USE}


def private_mib(pid):
    """What this process alone costs: its share (PSS) of everything it maps."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def worker_memory(body, workers=8):
    """MiB a worker when that many run at once."""
    processes = [subprocess.Popen([sys.executable, "-c", WORKER.format(body=body)], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                 for _ in range(workers)]
    for process in processes:
        select.select([process.stdout], [], [], 60)
    mib = sum(private_mib(process.pid) for process in processes) / workers
    for process in processes:
        process.communicate(b"x")
    return mib


def table(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  ".join(str(cell).rjust(w) if 0 < i < 6 else str(cell).ljust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
        if number == 0:
            print("  ".join("-" * w for w in widths))


def main():
    sys.path.insert(0, HERE)
    with tempfile.TemporaryDirectory(prefix="jitd-demo-") as home:
        os.chmod(home, 0o700)
        private_daemon(home)
        print("Each line: the same source text run by CPython and compiled by jitd, in this very run; results compared.\n")
        rows = [("work", "CPython", "compiled", "faster", "first result", "compilations", "check")]
        for row in (point_row, planets_row, colours_row, shared_row):
            rows.append(row().cells())
        table(rows)
        print("\nMemory of one of eight workers (PSS): " + ", ".join(f"{name} {worker_memory(body):.1f} MiB" for name, body in BODIES.items()))


if __name__ == "__main__":
    main()
