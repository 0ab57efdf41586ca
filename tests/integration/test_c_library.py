"""The C library from outside: starting a private daemon, the C example, the header by itself."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from conftest import until

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("JITD_BUILD", ROOT / "build"))
POINT = BUILD / "examples" / "c" / "point"
JITD = BUILD / "server" / "broker" / "jitd"


def daemons(socket):
    """Process ids of the daemons of that socket."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(socket) in command:
                found.append(int(entry.name))
    return found


@pytest.fixture
def private(tmp_path):
    """An environment in which there is no daemon yet, and the socket of the one that will be started."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JITD_")}
    environment |= {"XDG_RUNTIME_DIR": str(runtime), "JITD_DAEMON": str(JITD), "JITD_CACHE_DIR": str(tmp_path / "cache")}
    socket = runtime / "jitd" / "jitd.sock"
    yield environment, socket
    for pid in daemons(socket):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def start(environment, *arguments):
    return subprocess.Popen([POINT, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ten_processes_at_once_start_one_daemon(private):
    environment, socket = private
    processes = [start(environment) for _ in range(10)]
    for p in processes:
        out, err = p.communicate(timeout=600)
        assert p.returncode == 1 and "no class 'point.Point' is compiled" in err, err
    until(lambda: len(daemons(socket)) == 1)  # when those have left that were one too many
    (daemon,) = daemons(socket)
    status = Path(f"/proc/{daemon}/status").read_text()
    assert f"\nPPid:\t{os.getpid()}\n" not in status
    assert os.getsid(daemon) != os.getsid(0)
    assert {os.readlink(f"/proc/{daemon}/fd/{fd}") for fd in (0, 1, 2)} <= {"/dev/null"}
    assert (socket.parent.stat().st_mode & 0o777) == 0o700


def test_next_process_uses_the_daemon_that_is_there(private):
    environment, socket = private
    for _ in range(3):
        start(environment).communicate(timeout=600)
    assert len(daemons(socket)) == 1


def test_killed_daemon_is_replaced(private):
    environment, socket = private
    start(environment).communicate(timeout=600)
    (first,) = daemons(socket)
    os.kill(first, signal.SIGKILL)
    until(lambda: not daemons(socket))
    _, err = start(environment).communicate(timeout=600)
    assert "no class" in err, err
    (second,) = daemons(socket)
    assert second != first


def test_service_managers_words_are_not_passed_on(private):
    environment, socket = private
    environment |= {"NOTIFY_SOCKET": "/nowhere", "LISTEN_FDS": "1", "LISTEN_PID": "1", "OTHER": "kept"}
    start(environment).communicate(timeout=600)
    (daemon,) = daemons(socket)
    passed = Path(f"/proc/{daemon}/environ").read_bytes().split(b"\0")
    assert b"OTHER=kept" in passed
    assert not [v for v in passed if v.startswith((b"NOTIFY_SOCKET=", b"LISTEN_"))]


def test_daemon_that_cannot_be_started_is_said(private, tmp_path):
    environment, _ = private
    broken = tmp_path / "jitd"
    broken.write_text("#!/nowhere\n")
    broken.chmod(0o700)
    _, err = start(environment | {"JITD_DAEMON": str(broken)}).communicate(timeout=600)
    assert f"cannot start {broken}: No such file or directory" in err
    _, err = start(environment | {"JITD_DAEMON": str(tmp_path / "none"), "PATH": str(tmp_path)}).communicate(timeout=600)
    assert "no daemon runs and its program `jitd` is neither" in err


def test_directory_of_another_user_is_refused(private, tmp_path):
    environment, socket = private
    if os.geteuid() != 0:
        pytest.skip("only root can make another user's directory")
    (tmp_path / "other").mkdir(mode=0o700)
    os.chown(tmp_path / "other", 12345, 12345)
    runtime = Path(environment["XDG_RUNTIME_DIR"])
    (runtime / "jitd").symlink_to(tmp_path / "other")
    fallback = Path(f"/tmp/jitd-{os.geteuid()}")
    _, err = start(environment | {"JITD_DAEMON": str(tmp_path / "none"), "PATH": str(tmp_path)}).communicate(timeout=600)
    assert not list((tmp_path / "other").iterdir())
    assert str(runtime) not in err and fallback.is_dir()


def test_another_path_is_taken_when_somebody_was_first_in_tmp():
    """The directory in /tmp belongs to another user than the one who needs it: its private daemon listens below its home."""
    if os.geteuid() != 0:
        pytest.skip("NEEDS ROOT to be two users")
    uid = 700_000_000 + os.getpid()
    squatted, home = Path(f"/tmp/jitd-{uid}"), Path(tempfile.mkdtemp(prefix="jitd-test-"))
    os.chown(home, uid, uid)
    program = textwrap.dedent(f"""
        import ctypes, os
        lib = ctypes.CDLL({str(BUILD / "client/lib/libjitd.so")!r})
        os.setresuid({uid}, {uid}, {uid})
        options = (ctypes.c_char_p * 3)(None, None, b"")
        session, error = ctypes.c_void_p(), ctypes.create_string_buffer(65536)
        assert lib.jitd_attach(options, ctypes.byref(session), error)
        print(error.raw[68:].split(b"\\0")[0].decode())
    """)
    squatted.mkdir(mode=0o777)
    try:
        said = subprocess.run([sys.executable, "-c", program], env={"HOME": str(home)}, capture_output=True, text=True)
        modes = [(home / path).stat().st_mode & 0o777 for path in (".cache", ".cache/jitd", ".cache/jitd/run")]
    finally:
        squatted.rmdir()
        shutil.rmtree(home)
    assert said.stdout == f"no daemon listens at {home}/.cache/jitd/run/jitd.sock\n", said
    assert modes == [0o700] * 3


@pytest.mark.parametrize("compiler", ["cc -std=c11", "c++ -std=c++11 -x c++"])
def test_header_stands_alone(tmp_path, compiler):
    if not shutil.which(compiler.split()[0]):
        pytest.fail(f"{compiler.split()[0]} is missing (packages.txt)")
    source = tmp_path / "only.c"
    source.write_text("#include <jitd.h>\nint main(void) { jitd_detach(0); return sizeof(jitd_value) == 8 ? 0 : 1; }\n")
    program = tmp_path / "only"
    lib = BUILD / "client" / "lib"
    subprocess.run([*compiler.split(), "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'client/lib'}", source, "-x", "none",
                    f"-L{lib}", f"-Wl,-rpath,{lib}", "-ljitd", "-o", program], check=True)
    subprocess.run([program], check=True)


def test_library_shows_its_interface_only():
    symbols = subprocess.run(["nm", "-D", "--defined-only", BUILD / "client/lib/libjitd.so"], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in symbols.stdout.splitlines()}
    assert names and all(n.startswith("jitd_") for n in names), names
    needed = subprocess.run(["readelf", "-d", BUILD / "client/lib/libjitd.so"], capture_output=True, text=True, check=True).stdout
    for heavy in ("LLVM", "libuv", "sodium", "zstd"):
        assert heavy not in needed


def jitctl(environment, *arguments):
    return subprocess.run([BUILD / "client/cli/jitctl", *arguments], env=environment, capture_output=True, text=True, timeout=600)


def test_c_example_uses_what_python_compiled(private):
    environment, _ = private
    script = "import point\nassert point.Point(3.0, 4.0).norm2() == 25.0\np = point.Point(1.0)\np.turn(1.0)"
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "examples"), os.environ.get("PYTHONPATH")]))
    subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, check=True, timeout=600)
    out, err = start(environment).communicate(timeout=600)
    assert err == ""
    assert "x: float at byte 16\ny: float at byte 24\n" in out
    assert "norm2 25, turned by 90 degrees: -4.000, 3.000" in out
    assert "define" in jitctl(environment, "ir", "Point.norm2").stdout
    assert "ret" in jitctl(environment, "asm", "point.Point.norm2").stdout
    missing = jitctl(environment, "ir", "Point.norm3")
    assert missing.returncode == 1 and missing.stderr == "jitctl: 'point.Point' has no compiled method 'norm3'\n"
