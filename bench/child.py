"""One process of the bench: times one variant's micro operations or kernels and prints {what: nanoseconds} as JSON."""

import ctypes
import importlib
import json
import math
import sys
from pathlib import Path
from time import perf_counter_ns

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "build/bench"))

UNROLL = 8
MICRO = {
    "call, 0 args": "o.e0()",
    "call, 2 floats": "o.e2(a, b)",
    "call, 4 ints": "o.e4(i, j, k, l)",
    "call, 0 args -> float": "o.r0()",
    "call, 2 floats -> float": "o.r2(a, b)",
    "call, 4 ints -> int": "o.r4(i, j, k, l)",
    "get float field": "o.x",
    "get int field": "o.n",
    "set float field": "o.x = a",
    "set int field": "o.n = i",
    "construct and drop": "C(a, i)",
}
MIXED = {
    "get a Python field": "o.items",
    "set a Python field": "o.items = k",
    "construct with two Python fields": "C(i, a, k)",
}
MODULES = {
    "python": "_python",
    "jitd": "_jitd",
    "jitd through libffi": "_jitd",
    "numba": "_numba",
    "Cython": "_cython",
    "mypyc": "_mypyc",
}
# Positions, velocities and masses of the classic five-body benchmark; what they mean does not matter here.
BODIES = [
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.47841760435743),
    (
        4.841431442464721,
        -1.1603200440274284,
        -0.10362204447112311,
        0.606326392995832,
        2.81198684491626,
        -0.02521836165988763,
        0.03769367487038949,
    ),
    (
        8.34336671824458,
        4.124798564124305,
        -0.4035234171143214,
        -1.0107743461787924,
        1.8256623712304119,
        0.008415761376584154,
        0.011286326131968767,
    ),
    (
        12.894369562139131,
        -15.111151401698631,
        -0.22330757889265573,
        1.0827910064415354,
        0.8687130181696082,
        -0.010832637401363636,
        0.0017237240570597112,
    ),
    (
        15.379697114850917,
        -25.919314609987964,
        0.17925877295037118,
        0.979090732243898,
        0.5946989986476762,
        -0.034755955504078104,
        0.0020336868699246304,
    ),
]
SIZES = {"n-body": 20000, "mandelbrot": (160, 200), "LCG in fields": 500000, "linked list": (1000, 200)}
SLOW = {"python"}  # a tenth of the work, so that a round takes seconds


def timer(statement):
    """A function that runs the statement n x UNROLL times and returns nanoseconds."""
    body = "\n".join(["        " + statement] * UNROLL) if statement else "        pass"
    source = f"def run(n, C, o):\n    a = 1.5; b = 2.5; i = 1; j = 2; k = 3; l = 4\n    start = clock()\n    for _ in range(n):\n{body}\n    return clock() - start\n"
    space = {"clock": perf_counter_ns}
    exec(source, space)
    return space["run"]


def best(run, arguments, n, repeat):
    return min(run(n, *arguments) for _ in range(repeat))


def micro(variant, repeat):
    point = importlib.import_module("floorext" if variant.startswith("C ext") else "point" + MODULES[variant])
    cls = point.PointVector if variant == "C extension, vectorcall" else point.Point
    return operations(MICRO, (cls, cls(2.5, 7)), repeat)


def mixed(variant, repeat):
    cls = importlib.import_module("mixed").VARIANTS[variant]()
    return operations(MIXED, (cls, cls("name", 1.5, [])), repeat)


def operations(statements, arguments, repeat):
    """{what: nanoseconds}, the loop's own time taken off."""
    loop = best(timer(""), arguments, 20000, repeat) / 20000
    result = {}
    for name, statement in statements.items():
        run = timer(statement)
        run(10, *arguments)
        n = max(200, min(20000, 4_000_000 * 10 // max(run(10, *arguments), 1)))
        result[name] = (best(run, arguments, n, repeat) / n - loop) / UNROLL
    return result


def python_kernels(module, share):
    """{kernel: (function, arguments, units of work)}; the functions return their checksum."""
    steps, (size, limit), samples, (length, times) = (SIZES[k] for k in SIZES)
    system = module.System(*(module.Body(*b) for b in BODIES))
    rounds = max(1, steps // share)
    small = max(20, int(size / math.sqrt(share)))
    dice, mandelbrot, chain = module.Dice(42), module.Mandelbrot(small, limit), module.Chain(length)
    return {
        "n-body": (lambda: system.run(rounds, 0.001), rounds),
        "mandelbrot": (lambda: mandelbrot.run(), small * small),
        "LCG in fields": (lambda: dice.run(samples // share), samples // share),
        "linked list": (lambda: chain.run(times // share), times // share * length),
    }


def clang_kernels():
    lib = ctypes.CDLL(str(Path(__file__).resolve().parent.parent / "build/bench/kernels_clang.so"))
    real, whole, pointer = ctypes.c_double, ctypes.c_int64, ctypes.c_void_p
    for name, result, parameters in (
        ("body_new", pointer, [real] * 7),
        ("system_new", pointer, [pointer] * 5),
        ("nbody", real, [pointer, whole, real]),
        ("mandelbrot", whole, [whole, whole]),
        ("dice", whole, [pointer, whole]),
        ("chain", whole, [whole, whole]),
    ):
        getattr(lib, name).restype, getattr(lib, name).argtypes = result, parameters
    steps, (size, limit), samples, (length, times) = (SIZES[k] for k in SIZES)
    system = lib.system_new(*(lib.body_new(*b) for b in BODIES))
    state = ctypes.c_int64(42)
    return {
        "n-body": (lambda: lib.nbody(system, steps, 0.001), steps),
        "mandelbrot": (lambda: lib.mandelbrot(size, limit), size * size),
        "LCG in fields": (lambda: lib.dice(ctypes.byref(state), samples), samples),
        "linked list": (lambda: lib.chain(length, times), length * times),
    }


def kernels(variant, repeat):
    share = 10 if variant in SLOW else 1
    found = (
        clang_kernels()
        if variant == "clang"
        else python_kernels(importlib.import_module("kernels" + MODULES[variant]), share)
    )
    result = {}
    for name, (run, units) in found.items():
        first = run()
        times = []
        for _ in range(1 if share > 1 else repeat):
            start = perf_counter_ns()
            run()
            times.append(perf_counter_ns() - start)
        result[name] = min(times) / units
        if share == 1:
            result["check " + name] = first
    return result


def main():
    what, variant, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print(json.dumps({"micro": micro, "mixed": mixed, "kernels": kernels}[what](variant, repeat)))


if __name__ == "__main__":
    main()
