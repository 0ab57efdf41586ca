"""Builds the fuzz targets, makes their seeds and runs them: each for some seconds from the corpus that it has grown (./dev fuzz), or for a
fixed number of runs from the seeds alone, the same ones every time (the test suite). The last line counts: "N passed, N failed"."""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from toolchain import clang  # noqa: E402

BUILD = ROOT / "build-fuzz"
OPTIONS = ["-Dfuzz=true", "-Dpythons=", "-Dtests=false", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
# The fixed numbers; 0: the seeds alone, where time or the kernel have a part in it, and so no two runs are quite the same.
RUNS = {"answers": 5000, "arena": 800, "broker": 0, "cache": 0, "compile": 4000, "frame": 20000, "link": 10000, "meta": 20000, "parse": 10000, "unit": 20000}
ENVIRONMENT = os.environ | {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
LIMITS = ["-rss_limit_mb=3000", "-max_len=16384"]
SHOWN_LINES = 40  # of what failed


def build():
    stamp, wanted = BUILD / ".fuzz-options", " ".join(OPTIONS)
    again = ["--reconfigure"] if (BUILD / "build.ninja").exists() else []
    if not again or not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run(["env", f"CC={clang()}", "meson", "setup", *again, BUILD, *OPTIONS], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        stamp.write_text(wanted)
    subprocess.run(["ninja", "-C", BUILD, "-j2", "fuzz"], check=True, stdout=subprocess.DEVNULL)


def seeds():
    shutil.rmtree(BUILD / "seeds", ignore_errors=True)
    subprocess.run([sys.executable, ROOT / "tests/fuzz/seeds.py", BUILD / "seeds"], check=True)


def targets():
    return sorted(p.name.removeprefix("fuzz_") for p in (BUILD / "tests/fuzz").iterdir() if p.name.startswith("fuzz_") and p.is_file())


def command(name, corpus, options):
    words = BUILD / "seeds" / f"{name}.dict"
    artifacts = BUILD / "found"
    artifacts.mkdir(exist_ok=True)
    dictionary = [f"-dict={words}"] if words.exists() else []
    place = [f"-artifact_prefix={artifacts}/{name}-"]
    listed = BUILD / "seeds" / f"{name}.list"  # a directory's order is any
    listed.write_text(",".join(map(str, sorted((BUILD / "seeds" / name).iterdir()))))
    return [BUILD / f"tests/fuzz/fuzz_{name}", *LIMITS, *dictionary, *place, *options, f"-seed_inputs=@{listed}", corpus]


def run(name, corpus, options):
    """Whether nothing was found, and what to say."""
    done = subprocess.run(list(map(str, command(name, corpus, options))), env=ENVIRONMENT, capture_output=True)
    text = done.stderr.decode(errors="replace")
    cov = re.findall(r"^#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)", text, re.M)
    counts = "{} runs, cov: {}, features {}, corpus {}".format(*cov[-1]) if cov else "no run"
    if done.returncode or not cov:
        return False, f"FAIL {name:8} {counts}, status {done.returncode}\n" + "\n".join("  | " + line for line in text.splitlines()[-SHOWN_LINES:])
    return True, f"ok   {name:8} {counts}"


def run_fixed(name):
    """The same runs every time: what is compared is not looked at, since addresses are among it."""
    with tempfile.TemporaryDirectory(prefix="jitd-fuzz-") as corpus:
        return run(name, corpus, ["-seed=1", f"-runs={RUNS[name]}", "-use_cmp=0", "-timeout=600"])


def run_for(seconds):
    def work(name):
        corpus = BUILD / "corpus" / name
        corpus.mkdir(parents=True, exist_ok=True)
        return run(name, corpus, [f"-max_total_time={seconds}", "-timeout=25"])

    return work


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, help="per target; without, a fixed number of runs")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once")
    parser.add_argument("target", nargs="*", help="all when none is given")
    options = parser.parse_args()
    build()
    seeds()
    work = run_for(options.seconds) if options.seconds else run_fixed
    results = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for good, text in pool.map(work, options.target or targets()):
            print(text, flush=True)
            results.append(good)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) and results else 1


if __name__ == "__main__":
    sys.exit(main())
