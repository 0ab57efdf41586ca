"""Makes what the bench compares: each variant's modules, built into build/bench, or the reason why it cannot be had."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))
from toolchain import clang  # noqa: E402

OUT = ROOT / "build/bench"
OPTIMISE = ["-O3", "-march=native", "-ffp-contract=off"]
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
NAMES = ("Body", "System", "Mandelbrot", "Dice", "Node", "Chain")


def run(*command, cwd=OUT, env=None):
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1:] or f"status {done.returncode}")


def extension(source, module, *options, compiler="gcc"):
    run(
        compiler,
        *OPTIMISE,
        "-shared",
        "-fPIC",
        "-I",
        sysconfig.get_path("include"),
        *options,
        source,
        "-o",
        OUT / (module + SUFFIX),
    )


def plain(text):
    """The source without jitd's decorator, for CPython and mypyc."""
    return "\n".join(line for line in text.splitlines() if "compiled" not in line) + "\n"


def decorated(text):
    """The source as a user of jitd writes it: the decorator, and no __init__ that only copies its arguments."""
    out, skipping = [], False
    for line in text.splitlines():
        if line.startswith("    def __init__"):
            skipping = True
        elif skipping and (not line.strip() or not line.startswith("        ")):
            skipping = False
        if not skipping:
            out.append(
                line.replace("from bench_compiled import compiled", "import jitd").replace(
                    "@compiled", "@jitd.jitclass"
                )
            )
    return "\n".join(out) + "\n"


def make_python():
    for name in ("point", "kernels"):
        (OUT / f"{name}_python.py").write_text(plain((HERE / f"{name}.py").read_text()))


def make_jitd():
    for name in ("point", "kernels"):
        (OUT / f"{name}_jitd.py").write_text(decorated((HERE / f"{name}.py").read_text()))
    run(sys.executable, "-c", "import jitd")


def make_floor():
    extension(HERE / "floorext.c", "floorext")


def make_numba():
    run(sys.executable, "-c", "import numba")
    for name in ("point", "kernels"):
        shutil.copy(HERE / f"{name}_numba.py", OUT)


def make_cython():
    for name in ("point", "kernels"):
        run(sys.executable, "-m", "cython", HERE / f"{name}_cython.pyx", "-o", OUT / f"{name}_cython.c")
        extension(OUT / f"{name}_cython.c", f"{name}_cython", "-w")


def make_mypyc():
    for name in ("point", "kernels"):
        (OUT / f"{name}_mypyc.py").write_text(plain((HERE / f"{name}.py").read_text()))
    run(
        sys.executable,
        "-m",
        "mypyc",
        "point_mypyc.py",
        "kernels_mypyc.py",
        env={"CFLAGS": " ".join(OPTIMISE), "MYPYC_OPT_LEVEL": "3"},
    )
    for name in ("point", "kernels"):
        (OUT / f"{name}_mypyc.py").unlink()


def make_clang():
    run(clang(), *OPTIMISE, "-shared", "-fPIC", HERE / "kernels.c", "-o", OUT / "kernels_clang.so", "-lm")


MAKERS = {
    "python": make_python,
    "jitd": make_jitd,
    "C extension": make_floor,
    "numba": make_numba,
    "Cython": make_cython,
    "mypyc": make_mypyc,
    "clang": make_clang,
}


def make_all():
    """{variant: None, or why it cannot be had}"""
    OUT.mkdir(parents=True, exist_ok=True)
    missing = {}
    for name, maker in MAKERS.items():
        try:
            maker()
            missing[name] = None
        except (RuntimeError, OSError) as error:
            missing[name] = str(error)
    return missing


if __name__ == "__main__":
    for name, why in make_all().items():
        print(f"{name:12} {why or 'made'}")
