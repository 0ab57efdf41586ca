"""Under the limits that a shell or a service manager sets: classes are compiled or plain Python, never an exception."""

import resource

import pytest

PROGRAM = """
import resource, sys
limit, size, hard = getattr(resource, sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "hard"
resource.setrlimit(limit, (size, size if hard else resource.getrlimit(limit)[1]))
import jitd
@jitd.jitclass
class P:
    n: int = 1
    next: "P | None" = None
    def f(self, k: int) -> int:
        return self.n + k
@jitd.jit
def g(k):
    return k + 1
many = [P(i) for i in range(1000)]
print(P().f(41), g(41), sum(p.f(1) for p in many))
"""
MB = 1 << 20
LIMITS = [("RLIMIT_DATA", n * MB) for n in (64, 256, 1024, 2048)] + [("RLIMIT_AS", n * MB) for n in (256, 1024, 6000, 12000)]
LIMITS += [("RLIMIT_STACK", 1 << 18), ("RLIMIT_MEMLOCK", 0), ("RLIMIT_NOFILE", 24), ("RLIMIT_NPROC", 1), ("RLIMIT_FSIZE", 4096), ("RLIMIT_CORE", 0)]


@pytest.mark.parametrize("daemon", ["a daemon", "none", "disabled"])
@pytest.mark.parametrize("name, size", LIMITS)
def test_limit(program, name, size, daemon):
    env = {"a daemon": {}, "none": {"JITD_SOCKET": "/nonexistent/jitd.sock"}, "disabled": {"JITD_DISABLE": "1"}}[daemon]
    kind = "soft" if name == "RLIMIT_FSIZE" and daemon != "a daemon" else "hard"  # memory of one's own is a file, too
    done = program(PROGRAM, **env).run(name, size, kind)
    assert done.stdout == "42 42 500500\n", done.stderr


def test_compiled_as_long_as_there_is_room(program):
    code = PROGRAM + "print(jitd.stats()['process']['connected'])\n"
    for name, size, compiled in (("RLIMIT_AS", 16 << 30, True), ("RLIMIT_DATA", 6 << 30, True), ("RLIMIT_DATA", 512 * MB, False)):
        done = program(code).run(name, size, "hard")
        assert done.stdout.splitlines()[1] == str(compiled), done.stderr
        assert compiled or "map the daemon's memory" in done.stderr


def test_what_a_limit_of_file_sizes_forbids(program):
    done = program(PROGRAM, JITD_SOCKET="/nonexistent/jitd.sock").run("RLIMIT_FSIZE", 4096, "hard", check=False)
    if done.returncode:
        assert "ulimit -f" in done.stderr.splitlines()[-1], done.stderr


def test_a_private_daemon_does_not_inherit_them(program, tmp_path):
    """Who starts it first may be a program with odd limits; it serves all of the user's."""
    code = PROGRAM.replace("import jitd\n", "import jitd, time\n", 1) + """
import os, pathlib
for status in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    try:
        if os.environ["XDG_RUNTIME_DIR"].encode() in status.read_bytes():
            print([l.split()[3] for l in (status.parent / "limits").read_text().splitlines() if l.startswith("Max open files")])
            os.kill(int(status.parent.name), 15)
            break
    except (OSError, ProcessLookupError):
        pass
"""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    done = program(code, JITD_SOCKET=None, XDG_RUNTIME_DIR=runtime, XDG_CACHE_HOME=tmp_path / "cache").run("RLIMIT_NOFILE", 64, "soft")
    assert done.stdout.splitlines()[1] == f"['{resource.getrlimit(resource.RLIMIT_NOFILE)[1]}']", done.stdout + done.stderr
