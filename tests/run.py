"""Runs every test suite of the project, a few at a time, and counts: the last line is "N passed, N failed"."""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from toolchain import clang

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
ASAN = ROOT / "build-asan"
LOGS = BUILD / "test-logs"
# With every Python; with those that are tested in full; with the machine's own.
PER_PYTHON = {"integration": ["tests/integration"], "ast": ["tests/differential/test_ast_stdlib.py"]}
IN_FULL = {
    "differential": ["tests/differential", "--ignore=tests/differential/test_ast_stdlib.py"],
    "faults": ["tests/faults"],
    "wheel": ["tests/packaging/test_wheel.py"],
}
# With the machine's own, and with the others in all-pythons only: the wheel's suite has built and installed for them, too.
OWN_FIRST = {"pip": ["tests/packaging/test_pip_install.py"]}
NOT_BY_FFI = ["test_first_calls.py", "test_jit_hints.py"]  # they test what comes before a call
ONCE = {
    "debian": ["tests/packaging/test_deb.py"],
    "golden": ["tests/golden"],
    "typing": ["tests/typing"],
    "docs": ["tests/docs"],
    "packages": ["tests/packages"],
}
PYTEST = ["-m", "pytest", "-q", "-rfEs", "--disable-warnings", "--tb=short", "-p", "no:cacheprovider"]
OF_THE_DAEMON = [f"tests/faults/test_{name}.py" for name in ("broker", "restart", "service", "systemd", "operators", "metrics")]
OF_SIZE = ["costs_little", "no_leak", "small", "no_llvm"]  # what a sanitizer is not
MOSTLY_WAIT = "faults"  # for the daemon's time limits: two thirds of its time
SMALL_PACKAGES = ["-k", "toolz or tinydb"]  # of the suite packages, which runs whole only when it is named: it takes long
SUITE_SECONDS = 3600  # whatever takes longer hangs
KNOBS = ("JITD_KILLS", "JITD_PROGRAMS", "JITD_SEED")  # of the tests
NOT_FOR_TESTS = ("JITD_", "PYTHON", "LISTEN_", "NOTIFY_SOCKET")  # what a caller may have set for other programs
SHOWN_LINES = 60  # of what failed
PROGRESS = r"[.sxXFE]+ *\[ *\d+%\]"  # pytest's, a line for each 72 tests
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}


def clean_environment():
    return {k: v for k, v in os.environ.items() if k in KNOBS or not k.startswith(NOT_FOR_TESTS)}


def run_step(command, env, out, limit):
    """What it ended with, "hung" if it had to be killed; the processor's time that it and what it waited for took, in s."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    hung = threading.Timer(limit, process.kill)
    hung.start()
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    in_time = hung.is_alive()
    hung.cancel()
    return process.returncode if in_time else "hung", used.ru_utime + used.ru_stime


class Suite:
    """A command with an environment of its own and a way of reading its counts."""

    def __init__(self, name, steps, count, env=None, limit=SUITE_SECONDS):
        self.name, self.steps, self.count, self.env, self.limit = name, steps, count, env or {}, limit
        self.passed = self.failed = 0
        self.lines = []
        self.seconds = self.processor = 0.0

    def run_steps(self, out):
        """None, or the first step that failed and what it ended with. Temporary files are its own, and their names short: a socket's
        has at most 107 bytes."""
        with tempfile.TemporaryDirectory(prefix="jitd-", dir="/tmp", ignore_cleanup_errors=True) as temporary:
            os.chmod(temporary, 0o755)  # for the tests that become other users
            for step in self.steps:
                code, used = run_step(step, clean_environment() | self.env | {"TMPDIR": temporary}, out, self.limit)
                self.processor += used
                if code:
                    return f"{' '.join(map(str, step[:4]))} … ended with status {code}"
        return None

    def run(self):
        log = LOGS / f"{self.name}.log"
        start = time.monotonic()
        with open(log, "wb") as out:
            failure = self.run_steps(out)
        self.seconds = time.monotonic() - start
        text = log.read_text(errors="replace")
        self.passed, self.failed, self.lines = self.count(text)
        if failure and not self.failed:
            self.failed = 1
            self.lines.append(failure)
        if not failure and not self.passed:
            self.failed += 1
            self.lines.append("no test ran")
        if self.failed and not any(line.startswith("  | ") for line in self.lines):
            said = [line for line in text.splitlines() if not re.fullmatch(PROGRESS, line)]
            self.lines += ["  | " + line for line in said[-SHOWN_LINES:]]


def count_pytest(text):
    """The counts of pytest's last line; errors are failures; what failed and the reasons of skips are repeated."""
    summary = [line for line in text.splitlines() if re.match(r"=*\s*(no tests ran|\d+ \w+).* in [\d.]+s", line)]
    found = {
        word.rstrip("s"): int(n)
        for n, word in re.findall(r"(\d+) (passed|failed|errors?|xpassed)", " ".join(summary[-1:]))
    }
    failed = [line for line in text.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    named = failed[:SHOWN_LINES] + [line for line in text.splitlines() if line.startswith("SKIPPED")]
    return (
        found.get("passed", 0),
        found.get("failed", 0) + found.get("error", 0),
        [s.strip("= ") for s in summary[-1:]] + named,
    )


def count_meson(build):
    """The counts of meson's record of the run; a Criterion program counts its own tests."""

    def count(_text):
        passed = failed = 0
        lines = []
        record = build / "meson-logs" / "testlog.json"
        for line in record.read_text().splitlines() if record.exists() else []:
            test = json.loads(line)
            seen = re.findall(
                r"Tested: .*?(\d+).*?Passing: .*?(\d+).*?Failing: .*?(\d+).*?Crashing: .*?(\d+)",
                re.sub(r"\x1b\[[\d;]*m", "", test.get("stderr", "") + test.get("stdout", "")),
            )
            good, bad = (sum(int(s[1]) for s in seen), sum(max(int(s[2]), int(s[3])) for s in seen))
            ok = test["result"] in ("OK", "EXPECTEDFAIL")
            passed += good or ok
            failed += bad or not ok
            if not ok:
                lines.append(f"{test['name']}: {test['result']}")
                said = test.get("stdout", "") + test.get("stderr", "")
                lines += ["  | " + line for line in said.splitlines()[-SHOWN_LINES:]]
        return passed, failed, [f"{passed} passed, {failed} failed in C tests"] + lines

    return count


def count_last_line(text):
    found = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
    passed, failed = map(int, found[-1]) if found else (0, 0)
    return passed, failed, [f"{passed} passed, {failed} failed"]


def pythons():
    """{version: python of the venv} for every interpreter that ./dev has set up, newest last."""
    return {
        d.name[5:]: d / "bin/python" for d in sorted(BUILD.glob("venv-3.*"), key=lambda d: int(d.name.split(".")[1]))
    }


NEWEST = "3.14"  # tested in full, beside the machine's own: that of Debian's next release


def default_python(found):
    here = "%d.%d" % sys.version_info[:2]
    return here if here in found else list(found)[-1]


def pytest_suite(name, version, python, arguments, env=None):
    return Suite(name, [[python, *PYTEST, *arguments]], count_pytest, python_env(version) | (env or {}))


def python_env(version):
    return {
        "PYTHONPATH": str(BUILD / "client/python" / version),
        "JITD_BUILD": str(BUILD),
        "JITD_DAEMON": str(BUILD / "server/broker/jitd"),
    }


def count_both(first, second):
    """The counts of two of a suite's steps."""

    def count(text):
        passed, failed, lines = first(text)
        more_passed, more_failed, more_lines = second(text)
        return passed + more_passed, failed + more_failed, lines + more_lines

    return count


def asan_suite(version, python):
    """The C tests again, by clang without warnings, under AddressSanitizer and UBSan; and the whole daemon, with all that its tests do to it."""
    options = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dwerror=true", "-Dpythons="]
    setup = ["env", f"CC={clang()}", "meson", "setup", ASAN, *options]
    steps = [] if (ASAN / "build.ninja").exists() else [setup]
    steps += [["ninja", "-C", ASAN, "-j2"], ["meson", "test", "-C", ASAN, "--no-rebuild", "-t", "5"]]
    steps += [[python, *PYTEST, *OF_THE_DAEMON, "-k", "not " + " and not ".join(OF_SIZE)]]
    env = python_env(version) | {"JITD_DAEMON": str(ASAN / "server/broker/jitd")} | SANITIZERS
    return Suite("sanitizers", steps, count_both(count_meson(ASAN), count_pytest), env)


def fuzz_suite(version, python):
    """Each fuzz target for a fixed number of runs."""
    return Suite("fuzz", [[python, "tests/fuzz/run.py"]], count_last_line, python_env(version))


def suites(all_pythons=False):
    found = pythons()
    default = default_python(found)
    all_suites = [asan_suite(default, found[default]), fuzz_suite(default, found[default])]
    all_suites.append(pytest_suite("debian", default, found[default], ONCE["debian"]))
    for name, arguments in (IN_FULL | OWN_FIRST).items():
        also = list(found) if all_pythons else [default, NEWEST] if name in IN_FULL else [default]
        for version in [v for v in found if v in also]:
            label = name if version == default else f"{name}-{version}"
            all_suites.append(pytest_suite(label, version, found[version], arguments))
    for version, python in found.items():
        for name, arguments in PER_PYTHON.items():
            all_suites.append(pytest_suite(f"{name}-{version}", version, python, arguments))
    by_ffi = PER_PYTHON["integration"] + [f"--ignore=tests/integration/{name}" for name in NOT_BY_FFI]
    ffi = pytest_suite("integration-ffi", default, found[default], by_ffi, {"JITD_CALL": "ffi"})
    all_suites.append(ffi)
    typing = {"JITD_TYPING": str(BUILD / "venv-typing")}  # the tools' own environment
    all_suites.append(pytest_suite("typing", default, found[default], ONCE["typing"], typing))
    all_suites.append(pytest_suite("docs", default, found[default], ONCE["docs"]))
    all_suites.append(pytest_suite("packages-small", default, found[default], ONCE["packages"] + SMALL_PACKAGES))
    all_suites.append(pytest_suite("golden", default, found[default], ONCE["golden"]))
    all_suites.append(Suite("c", [["meson", "test", "-C", BUILD, "--no-rebuild"]], count_meson(BUILD)))
    all_suites.append(Suite("lint", [[sys.executable, "tests/lint.py"]], count_last_line))
    return all_suites


def named_suites():
    """Those that run only when their name is given, whole."""
    found = pythons()
    default = default_python(found)
    return [pytest_suite("packages", default, found[default], ONCE["packages"])]


def stray_tests():
    """Test files that no suite would run."""
    homes = [p for paths in (PER_PYTHON | IN_FULL | OWN_FIRST | ONCE).values() for p in paths if not p.startswith("--")]
    files = [str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("test_*.py")]
    return [f for f in files if not any(f.startswith(home) for home in homes)]


def run_all(chosen, slots):
    """Each suite once, `slots` at a time, in the given order (long ones first); beside them, one at a time, those that mostly wait."""
    lock = threading.Lock()

    def work(waiting):
        while True:
            with lock:
                if not waiting:
                    return
                suite = waiting.pop(0)
            suite.run()
            with lock:
                print(
                    f"{'FAIL' if suite.failed else 'ok  '} {suite.name:18} {suite.seconds:6.1f} s, {suite.processor:6.1f} s of processor  "
                    + "\n".join(suite.lines),
                    flush=True,
                )

    patient = [s for s in chosen if s.name.startswith(MOSTLY_WAIT)]
    busy = [s for s in chosen if s not in patient]
    threads = [threading.Thread(target=work, args=[queue]) for queue in (patient, *[busy] * slots)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


KILLED = r"^(\d+) kills of (.*?), (.*): (\d+) lost, (\d+) torn, (\d+) leaked$"


def count_kills(count):
    """What `count` finds, and the lines that say what was killed and what it cost. Whoever finds something wrong ends with a status."""

    def counted(text):
        passed, failed, lines = count(text)
        return passed, failed, lines + [m.group() for m in re.finditer(KILLED, text, re.M)]

    return counted


def count_programs(text):
    return len(re.findall(KILLED, text, re.M)), 0, []


def torture(kills):
    """Kills of whole clients, as many of processes in the arena's own functions, at random steps, fewer at random instants and at each step, and
    one of the daemon for a hundred of them; of compiler processes, too."""
    found = pythons()
    default = default_python(found)
    program = BUILD / "tests/faults/test_kill_arena"

    def suite(name, count, *arguments):
        return pytest_suite(name, default, found[default], ["-rP", *arguments], {"JITD_KILLS": str(count)})

    of_daemon = max(20, kills // 100)
    chosen = [
        suite("torture-clients", kills, "tests/faults/test_kill_clients.py"),
        Suite("torture-arena", [[program, "points", str(kills)], [program, str(max(200, kills // 20))], [program, "steps"]], count_programs),
        suite("torture-daemon", of_daemon, "tests/integration/test_daemon_restart.py", "-k", "kill"),
        suite("torture-others", of_daemon, "tests/faults", "-k", "kill", "--ignore=tests/faults/test_kill_clients.py"),
    ]
    for of in chosen:
        of.count, of.limit = count_kills(of.count), SUITE_SECONDS + kills
    return chosen


def summary_of_kills(chosen, cycles):
    """The last line but one of a torture."""
    lines = [re.match(KILLED, line) for of in chosen for line in of.lines]
    kills = collections.Counter()
    for line in filter(None, lines):
        kills[line[2]] += int(line[1])
    cost = [sum(int(line[i]) for line in lines if line) for i in (4, 5, 6)]
    what = ", ".join(f"{n} of {what}" for what, n in kills.items())
    return f"{cycles} cycles; killed: {what}; {cost[0]} lost, {cost[1]} torn, {cost[2]} leaked" + "; and see what failed" * any(of.failed for of in chosen)


def run_torture(kills, minutes, slots):
    """One cycle, or as many as begin within so many minutes; until something is wrong."""
    end, ran, cycles = time.monotonic() + minutes * 60, [], 0
    while not cycles or time.monotonic() < end and not any(of.failed for of in ran):
        chosen = torture(kills)
        run_all(chosen, slots)
        ran += chosen
        cycles += 1
    print(summary_of_kills(ran, cycles))
    return ran


def main():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__)
    parser.add_argument("suite", nargs="*", help="names or beginnings of names; all when none is given; all-pythons: all with every Python")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--torture", type=int, metavar="KILLS", help="kill as many clients, and a hundredth as often the daemon")
    parser.add_argument("--minutes", type=float, default=0, help="of --torture: again and again, for so long")
    parser.add_argument("--slots", type=int, default=min(4, os.cpu_count() or 1))
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    all_pythons = "all-pythons" in options.suite
    names = [name for name in options.suite if name != "all-pythons"]
    chosen = [] if options.torture else suites(all_pythons)
    if names and chosen:
        chosen = [s for s in chosen if any(s.name.startswith(name) and name != "packages" for name in names)]
        chosen += [s for s in named_suites() if s.name in names]
    if options.list:
        print("\n".join(s.name for s in chosen))
        return 0
    if options.torture:
        chosen = run_torture(options.torture, options.minutes, options.slots)
    else:
        run_all(chosen, options.slots)
    stray = stray_tests()
    for name in stray:
        print(f"FAIL {name}: no suite runs it")
    failed = sum(s.failed for s in chosen) + len(stray)
    for suite in chosen:  # once more, where the end of a long output is read
        for line in suite.lines:
            if line.startswith(("FAILED ", "ERROR ")):
                print(f"{suite.name}: {line}")
    print(f"{sum(s.passed for s in chosen)} passed, {failed} failed", flush=True)
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
