"""./dev bench: jitd beside CPython, numba, Cython, mypyc, a hand-written extension and clang, in one run; table and build/bench.json."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import startup  # noqa: E402
import variants  # noqa: E402
from child import MICRO, MIXED, SIZES  # noqa: E402

MICRO_VARIANTS = (
    "C extension",
    "C extension, vectorcall",
    "jitd",
    "jitd through libffi",
    "python",
    "Cython",
    "mypyc",
    "numba",
)
MIXED_VARIANTS = ("dataclass, slots", "jitd")
KERNEL_VARIANTS = ("clang", "jitd", "python", "Cython", "mypyc", "numba")
CALLS = [name for name in MICRO if name.startswith("call")]


def child(what, variant, repeat):
    env = dict(os.environ, JITD_CALL="ffi") if variant == "jitd through libffi" else os.environ
    done = subprocess.run(
        [sys.executable, str(HERE / "child.py"), what, variant, str(repeat)], env=env, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{what} of {variant}: {done.stderr.strip()[-2000:]}")
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    return json.loads(done.stdout)


def rounds_of(what, names, rounds, repeat):
    """[{variant: {case: ns}}]: every round runs every variant once, so that a slow minute hits all of them."""
    out = []
    for number in range(rounds):
        print(f"{what}: round {number + 1} of {rounds}", file=sys.stderr)
        out.append({name: child(what, name, repeat) for name in names})
    return out


def median(rounds, variant, case):
    return statistics.median(r[variant][case] for r in rounds)


def ratio(rounds, variant, base, case):
    return statistics.median(r[variant][case] / r[base][case] for r in rounds)


def table(title, head, rows):
    rows = [head, *rows]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(head))]
    print(f"\n{title}\n")
    for number, row in enumerate(rows):
        print(
            "| "
            + " | ".join(
                str(cell).ljust(w) if i == 0 else str(cell).rjust(w) for i, (cell, w) in enumerate(zip(row, widths))
            )
            + " |"
        )
        if number == 0:
            print("|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|")


class Figures:
    """The issue's figures, each with what was measured."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, limit, unit="×", least=False):
        met = value >= limit if least else value <= limit
        self.rows.append({"what": what, "measured": value, "limit": limit, "unit": unit, "least": least, "met": met})

    def print(self):
        table(
            "Figures",
            ("what", "measured", "asked", "met"),
            [
                (
                    r["what"],
                    f"{r['measured']:.2f} {r['unit']}",
                    f"{'≥' if r['least'] else '≤'} {r['limit']:g} {r['unit']}",
                    "yes" if r["met"] else "NO",
                )
                for r in self.rows
            ],
        )


def check_kernels(rounds):
    """Every variant must have computed the same, bit for bit."""
    for case in SIZES:
        seen = {name: r[name]["check " + case] for r in rounds for name in r if "check " + case in r[name]}
        if len(set(map(repr, seen.values()))) != 1:
            raise SystemExit(f"{case}: the variants disagree: {seen}")


def micro_figures(figures, rounds, names):
    floor = "C extension"
    for case in CALLS:
        figures.add(f"{case}: thunk / C extension", ratio(rounds, "jitd", floor, case), 1.9)
    for case in CALLS:
        figures.add(f"{case}: libffi / C extension", ratio(rounds, "jitd through libffi", floor, case), 5.5)
    for case in CALLS:
        if "numba" in names:
            figures.add(f"{case}: numba / jitd", ratio(rounds, "numba", "jitd", case), 12, least=True)
        figures.add(f"{case}: jitd / Python", ratio(rounds, "jitd", "python", case), 1)
    for case in MICRO:
        if "field" in case:
            figures.add(f"{case}: / C extension", ratio(rounds, "jitd", floor, case), 1.1)
    case = "construct and drop"
    figures.add(f"{case}: / C extension (tp_new)", ratio(rounds, "jitd", floor, case), 1.2)
    figures.add(f"{case}: / C extension (vectorcall)", ratio(rounds, "jitd", "C extension, vectorcall", case), 1.2)
    figures.add(f"{case}: / Python", ratio(rounds, "jitd", "python", case), 1)


def mixed_figures(figures, rounds):
    for case in MIXED:
        limit = 1 if "construct" in case else 1.5
        figures.add(f"{case}: / dataclass with slots", ratio(rounds, "jitd", "dataclass, slots", case), limit)


def kernel_figures(figures, rounds):
    for case in SIZES:
        figures.add(
            f"{case}: / clang -O3", ratio(rounds, "jitd", "clang", case), 0.6 if case == "linked list" else 1.15
        )


def start_figures(figures, data):
    bare, warm = data["first"]["python"], data["first"]["jitd"]
    figures.add("first result, warm: over bare Python", warm["wall_ms"] - bare["wall_ms"], 2, "ms")
    figures.add("first result, warm: over bare Python", (warm["rss_kib"] - bare["rss_kib"]) / 1024, 2, "MiB")
    if "numba" in data["first"]:
        figures.add(
            "first result, warm: numba / jitd", data["first"]["numba"]["wall_ms"] / warm["wall_ms"], 40, least=True
        )
    eight, base = data["eight"]["jitd"], data["eight"]["python"]
    figures.add("8 processes: CPU in all", eight["cpu_s"], 0.2, "s")
    figures.add("8 processes: compilations", eight["compilations"], 1, "")
    over = (eight["pss_kib"] - base["pss_kib"]) / 1024
    figures.add("8 processes: PSS over bare Python, beside the daemon", over, 16, "MiB")
    figures.add("class of 5 methods, cold, to first result", data["latency_ms"], 25, "ms")
    figures.add("resident: broker", data["broker_rss_kib"] / 1024, 10, "MiB")
    figures.add("resident: compiler process", data["worker_rss_kib"] / 1024, 50, "MiB")


def compilations():
    import jitd

    return jitd.stats()["machine"]["compilations"]


def measure_start(daemon, names, rounds):
    data = {
        "first": startup.first_results(daemon, [v for v in ("python", "jitd", "numba") if v in names], 4 * rounds + 1)
    }
    data["eight"] = {}
    for variant in ("python", "jitd", "numba"):
        if variant in names:
            before, salt = compilations(), time.time()
            tries = [
                startup.eight_at_once(daemon, variant, salt=salt + n)
                for n in range(1 if variant == "numba" else rounds)
            ]
            data["eight"][variant] = {key: statistics.median(t[key] for t in tries) for key in tries[0]}
            data["eight"][variant]["compilations"] = (compilations() - before) / len(tries)
    data["latency_ms"] = statistics.median(startup.compile_latency(daemon, 2 * rounds + 1))
    data["broker_rss_kib"], data["worker_rss_kib"] = startup.server_memory(daemon)
    return data


def print_micro(rounds, names):
    table(
        "Micro operations (ns; in brackets: times the C extension)",
        ("what", *names),
        [
            (case, *(f"{median(rounds, v, case):.1f} ({ratio(rounds, v, 'C extension', case):.2f})" for v in names))
            for case in MICRO
        ],
    )


def print_mixed(rounds):
    table(
        "Python fields (ns; in brackets: times the dataclass with slots)",
        ("what", *MIXED_VARIANTS),
        [
            (case, *(f"{median(rounds, v, case):.1f} ({ratio(rounds, v, MIXED_VARIANTS[0], case):.2f})" for v in MIXED_VARIANTS))
            for case in MIXED
        ],
    )


def print_kernels(rounds, names):
    table(
        "Kernels (ns a unit: step, pixel, sample, node; in brackets: times clang)",
        ("what", *names),
        [
            (case, *(f"{median(rounds, v, case):.2f} ({ratio(rounds, v, 'clang', case):.2f})" for v in names))
            for case in SIZES
        ],
    )


def print_start(data):
    table(
        "Fresh process to first result",
        ("what", "wall ms", "CPU ms", "RSS MiB"),
        [
            (name, f"{d['wall_ms']:.1f}", f"{d['cpu_ms']:.1f}", f"{d['rss_kib'] / 1024:.1f}")
            for name, d in data["first"].items()
        ],
    )
    table(
        "8 processes at once, class not compiled before",
        ("what", "wall s", "CPU s", "PSS MiB", "daemon's PSS MiB", "compilations"),
        [
            (
                name,
                f"{d['wall_s']:.3f}",
                f"{d['cpu_s']:.3f}",
                f"{d['pss_kib'] / 1024:.1f}",
                f"{d['daemon_pss_kib'] / 1024:.1f}",
                f"{d['compilations']:g}" if name == "jitd" else "in each",
            )
            for name, d in data["eight"].items()
        ],
    )


def machine():
    cpu = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return (
        f"{cpu}, {os.cpu_count()} CPUs, Linux {platform.release().split('-')[0]}, CPython {platform.python_version()}"
    )


def versions(names):
    found = {}
    for package in ("numba", "cython", "mypy"):
        try:
            from importlib.metadata import version

            found[package] = version(package)
        except ImportError:
            pass
    return found


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    options = parser.parse_args()
    rounds, repeat = (1, 5) if options.quick else (5, 15)
    missing = variants.make_all()
    for name, why in missing.items():
        if why:
            print(f"without {name}: {why}", file=sys.stderr)
    for name in ("jitd", "C extension", "clang"):
        if missing[name]:
            raise SystemExit(f"the bench needs {name}")
    have = {name for name, why in missing.items() if not why} | {"C extension, vectorcall", "jitd through libffi"}
    micro_names, kernel_names = ([v for v in names if v in have] for names in (MICRO_VARIANTS, KERNEL_VARIANTS))
    with startup.Daemon() as daemon:
        start = measure_start(daemon, have, rounds)
        micro = rounds_of("micro", micro_names, rounds, repeat)
        mixed = rounds_of("mixed", MIXED_VARIANTS, rounds, repeat)
        kernels = rounds_of("kernels", kernel_names, rounds, repeat)
    check_kernels(kernels)
    figures = Figures()
    micro_figures(figures, micro, have)
    mixed_figures(figures, mixed)
    kernel_figures(figures, kernels)
    start_figures(figures, start)
    print(
        f"{machine()}; {', '.join(f'{k} {v}' for k, v in versions(have).items())}; {rounds} round{'s' * (rounds > 1)}"
    )
    print_micro(micro, micro_names)
    print_mixed(mixed)
    print_kernels(kernels, kernel_names)
    print_start(start)
    figures.print()
    result = {
        "machine": machine(),
        "versions": versions(have),
        "micro": micro,
        "mixed": mixed,
        "kernels": kernels,
        "start": start,
        "figures": figures.rows,
    }
    (HERE.parent / "build/bench.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
