"""The units of systemd/: what systemd itself says of them, and the daemon started by a socket as systemd does it."""

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from broker_harness import (BUILD, COMPILE, FIND, HELLO, JITD, PATIENCE, STATS, VERSION, Client, Daemon, frame, key, processor_time, unit,
                            until)

UNITS = BUILD / "systemd"
NAMES = ["jitd.socket", "jitd.service", "jitd-metrics.socket", "jitd-metrics@.service"]
SOURCES = Path(__file__).resolve().parent.parent.parent / "systemd"


def tool(name):
    """Its path; a machine without systemd skips the test, and says so."""
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} IS NOT INSTALLED: nothing was checked here (./dev installs it)")
    return path


def units(directory):
    """The units as built, with the build's own daemon: systemd checks that the program is there."""
    for name in NAMES:
        text = (UNITS / name).read_text()
        program = BUILD / "client/cli/jitctl" if "metrics" in name else JITD
        (directory / name).write_text(re.sub(r"^ExecStart=.*$", f"ExecStart={program}", text, flags=re.M))
    return directory


def test_units_are_valid(tmp_path):
    directory = units(tmp_path)
    run = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no",
                          *(directory / name for name in NAMES)], capture_output=True, text=True)
    complaints = [line for line in run.stderr.splitlines() if "jitd" in line]
    assert run.returncode == 0 and not complaints, run.stderr


@pytest.mark.parametrize("service", ["jitd.service", "jitd-metrics@.service"])
def test_the_services_are_hardened(tmp_path, service):
    directory = units(tmp_path)
    run = subprocess.run([tool("systemd-analyze"), "security", "--offline=yes", "--no-pager", "--threshold=4",
                          directory / service], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-300:] + run.stderr
    assert "MemoryDenyWriteExecute=yes" in (directory / service).read_text()


def create(tmp_path, name, *more):
    """What systemd/jitd.NAME says, below a root of the test's own."""
    (tmp_path / "etc").mkdir(exist_ok=True)
    run = subprocess.run([tool(f"systemd-{name}"), f"--root={tmp_path}", *more, SOURCES / f"jitd.{name}"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_user(tmp_path):
    create(tmp_path, "sysusers")
    assert "jitd:" in (tmp_path / "etc/passwd").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS ROOT to give a directory away")
def test_the_directory(tmp_path):
    create(tmp_path, "sysusers")
    create(tmp_path, "tmpfiles", "--create")
    assert (tmp_path / "run/jitd").is_dir()


def run_as(uid, function):
    """What function gives, as text, in a process of this uid."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.write(write, str(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as f:
        return f.read()


def arena_inode(path):
    try:
        return os.fstat(Client(path).fds[0]).st_ino
    except (EOFError, ConnectionError):
        return "turned away"


def is_listening(path):
    """Without a connection, which would start the daemon. The path is there a little before."""
    accepts = "00010000"
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return any(fields[3] == accepts and fields[7:] == [str(path)] for fields in sockets)


@contextlib.contextmanager
def activated(d, descriptors=None):
    """The daemon's socket as systemd would hold it: open to every user, the daemon started by the first connection. It may have as many
    descriptors as it wants, or so many."""
    limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
    path = d.directory / "activated"
    arguments = [a for a in d.arguments if a not in ("--socket", str(d.path))]
    notify = f"NOTIFY_SOCKET={d.directory / 'notify'}"
    process = subprocess.Popen([tool("systemd-socket-activate"), "-E", notify, "-l", path, *arguments],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit)
    try:
        until(lambda: is_listening(path))
        path.chmod(0o666)
        yield path, process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def directory():
    """One of a short path: a socket's name has 107 bytes."""
    with Daemon() as d:
        yield d


def test_socket_activation(directory):
    said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    said.bind(str(directory.directory / "notify"))
    said.settimeout(PATIENCE)
    with activated(directory) as (path, process):
        with Client(path) as c:
            assert c.compile("ok")["meta"] == b"the meta"
            assert c.ask(STATS)["machine"]["pid"] == process.pid
        assert said.recv(100) == b"READY=1"
        process.terminate()
        assert said.recv(100) == b"STOPPING=1"
        assert process.wait(PATIENCE) == 0
        assert path.exists()  # the socket stays systemd's
    said.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS ROOT to become several users")
def test_every_user_is_served_by_the_system_daemon_and_sees_its_own(directory):
    """Several uids on one activated daemon: same namespace, different tenants. (A private daemon turns strangers away.)"""
    directory.path.chmod(0o666)
    directory.directory.chmod(0o755)
    with activated(directory) as (path, _process):
        inodes = [run_as(uid, lambda: arena_inode(path)) for uid in (0, 12345, 12346)]
        assert len(set(inodes)) == 3 and all(i.isdigit() for i in inodes)
        with Client(path) as c:
            assert str(os.fstat(c.fds[0]).st_ino) == inodes[0]
        assert run_as(12345, lambda: arena_inode(directory.path)) == "turned away"


def take_all_connections(path):
    """As many as this user gets; they last as long as the daemon."""
    held = []
    with contextlib.suppress(EOFError, ConnectionError):
        while len(held) < 1000:
            held.append(Client(path, hello=False, lives=True))
            held[-1].ask(HELLO, version=VERSION, namespace="n", observe=True)
    return len(held) - 1, held


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS ROOT to become several users")
def test_users_that_take_all_the_connections_they_get_leave_some(directory):
    """Each gets half of what the others leave: with 1,256 descriptors there is room for 500 connections. They hold them in processes of their
    own, until those are killed."""
    directory.directory.chmod(0o755)
    with activated(directory, 1256) as (path, _process):
        holders, counts = [], []
        for uid in (40001, 40002, 40003):
            read, write = os.pipe()
            holders.append(os.fork())
            if holders[-1] == 0:
                try:
                    os.setresuid(uid, uid, uid)
                    count, _held = take_all_connections(path)
                    os.write(write, str(count).encode())
                    signal.pause()
                finally:
                    os._exit(1)
            os.close(write)
            with os.fdopen(read) as f:
                counts.append(int(os.read(f.fileno(), 16)))
        assert run_as(40004, lambda: arena_inode(path)).isdigit()
        for pid in holders:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert counts == [250, 125, 62]


def ask_without_end(path, started):
    """It reads what it asked for: else each would wait for the other."""
    with Client(path, lives=True) as c:
        request = frame([FIND, 1, {"name": "x"}])
        c.socket.sendall(request)
        size = len(c.socket.recv(1 << 16))
        os.write(started, b"x")
        while True:
            c.socket.sendall(request * 16)
            left = 16 * size
            while left:
                left -= len(c.socket.recv(left))


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS ROOT to become several users")
def test_beside_others_a_user_has_a_part_of_the_daemon(directory):
    """Who asks without end is served, but does not keep the daemon at work; another user's requests are answered at once; and once that one
    has left, the first has all of it."""
    directory.directory.chmod(0o755)
    with activated(directory) as (path, process):
        read, write = os.pipe()
        with Client(path, lives=True) as good:
            good.compile("ok")
            pid = os.fork()
            if pid == 0:
                try:
                    good.close()
                    os.setresuid(40001, 40001, 40001)
                    ask_without_end(path, write)
                finally:
                    os._exit(1)
            os.read(read, 1)
            try:
                time.sleep(2)
                used, end, asked = processor_time(process.pid), time.monotonic() + 2, 0
                while time.monotonic() < end:
                    assert good.lookup(key("ok"))
                    asked += 1
                    time.sleep(0.01)
                assert asked > 10 and processor_time(process.pid) - used < 0.6
                good.close()
                until(lambda: processor_time(process.pid) - used > 1)
            finally:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                os.close(read), os.close(write)


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS ROOT to become several users")
def test_one_users_many_jobs_do_not_keep_another_waiting(directory):
    """While the only compiler process is at the first of one user's twenty jobs, another user's comes. It waits for none of them: who did not
    use the compilers much of late may have a process beyond the usual number. The two processes are two users'."""
    directory.arguments += ["--max-workers", "1"]
    directory.directory.chmod(0o755)
    with activated(directory) as (path, _process), Client(path) as hog:
        requests = [hog.send(COMPILE, unit=unit("wait gate"))]
        until(directory.begun)
        requests += [hog.send(COMPILE, unit=unit(f"hog {i}")) for i in range(19)]
        assert run_as(12345, lambda: Client(path).compile("guest")["meta"]) == str(b"the meta")
        assert directory.begun() == ["wait gate", "guest"] and hog.stats()["jobs_waiting"] == 20
        directory.open("gate")
        for request in requests:
            hog.wait(request)


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS ROOT to become several users")
def test_a_compiler_process_serves_one_user(directory):
    """With room for one process, three users' units by turns: each time the process of the user before makes room. Equal units of two
    users are two units: what the process of one made is not given to the other, not from the disk either."""
    directory.arguments += ["--max-workers", "1"]
    directory.directory.chmod(0o755)
    with activated(directory) as (path, _process), Client(path) as root:
        for turn in range(2):
            for uid in (12345, 12346):
                assert run_as(uid, lambda: Client(path, f"n{turn}").compile("same")["meta"]) == str(b"the meta")  # noqa: B023
            assert root.compile(f"own {turn}")["meta"] == b"the meta"
        assert directory.begun() == ["same", "same", "own 0", "own 1"]
        assert root.stats()["disk_hits"] == 2
        assert directory.starts() == 3
